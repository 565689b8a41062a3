/*
 * Copyright (c) 2026 The Telehandler developers
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

#include <sys/types.h>
#include <sys/time.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cgroup.h"
#include "jobint.h"
#include "log.h"

/*
 * What is read from files for a status. Clients poll, and many ask for the
 * same job: what has been read once in a turn of the loop is good for all
 * who ask in it, and that of a job that has ended for ever.
 */

#define SLOTS 64

static struct look {
	char uuid[MSG_UUID_LEN + 1];
	struct timeval turn; /* of the loop, in which it was read */
	int final;
	struct job_look look;
	char *stats;
} slots[SLOTS];

static struct look *
slot_of(const struct job *job)
{
	unsigned int h = 0;
	size_t i;

	/* uuids are random. */
	for (i = 0; i < 4; i++)
		h = h * 31 + (unsigned char)job->uuid[i];
	return &slots[h % SLOTS];
}

/* The time is the same for all that happens in one turn. */
static void
turn_time(struct timeval *tv)
{
	if (event_base_gettimeofday_cached(job_config.base, tv) == -1)
		memset(tv, 0, sizeof(*tv));
}

static int
same_turn(const struct timeval *a, const struct timeval *b)
{
	return a->tv_sec == b->tv_sec && a->tv_usec == b->tv_usec;
}

static void
read_stats(const struct job *job, struct look *l)
{
	static char stats[MSG_STATS_MAX + 1];

	stats[0] = '\0';
	if (job_ended(job))
		store_get_stats(job->uuid, stats, sizeof(stats));
	else if (job->live != NULL && job->live->cgroup != -1)
		cgroup_stats(job->live->cgroup, stats, sizeof(stats));
	free(l->stats);
	l->stats = strdup(stats);
	l->look.stats = l->stats != NULL ? l->stats : "";
}

const struct job_look *
job_look(const struct job *job)
{
	struct look *l = slot_of(job);
	struct timeval now;

	turn_time(&now);
	if (strcmp(l->uuid, job->uuid) == 0 &&
	    (l->final || (!job_ended(job) && same_turn(&l->turn, &now))))
		return &l->look;
	strlcpy(l->uuid, job->uuid, sizeof(l->uuid));
	l->turn = now;
	l->final = job_ended(job);
	if (l->final)
		l->look.output = job->output;
	else
		store_output(job->uuid, &l->look.output);
	read_stats(job, l);
	return &l->look;
}
