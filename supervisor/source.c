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

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front.h"
#include "log.h"

static uint64_t next_id = 1;

static int
source_cmp(const struct source *a, const struct source *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE_STATIC(source_tree, source, entry, source_cmp)

static struct source *
find_job(struct worker *w, const struct job *job)
{
	struct source *s;

	RB_FOREACH(s, source_tree, &w->sources)
		if (s->job == job)
			return s;
	return NULL;
}

static void
tell_end(struct job *job, struct job_waiter *waiter)
{
	struct source *s = (struct source *)(void *)((char *)waiter -
	    offsetof(struct source, waiter));
	struct msg_job_info info;
	struct msg_out_eof eof;

	job_info(job, &info);
	memset(&eof, 0, sizeof(eof));
	eof.source = s->id;
	eof.total = info.output_size;
	eof.state = info.state;
	eof.reason = info.reason;
	eof.exit_code = info.exit_code;
	front_send(s->worker, MSG_OUT_EOF, 0, &eof);
}

/* Open the files anew for this worker, and give it and jobexec a pair. */
static int
send_open(struct worker *w, uint32_t id, struct source *s)
{
	struct msg_out_source msg;
	int fds[3], pair[2], saved;

	if (job_open_output(s->job, &fds[0], &fds[1]) == -1)
		return -1;
	if (imsg_pair(pair) == -1) {
		saved = errno;
		close(fds[0]);
		close(fds[1]);
		errno = saved;
		return -1;
	}
	fds[2] = pair[0];
	memset(&msg, 0, sizeof(msg));
	msg.source = s->id;
	if (chan_send(w->chan, MSG_OUT_OPEN, id, &msg, fds, 3,
		CHAN_CLOSE_FDS) == -1) {
		close(pair[1]);
		return -1;
	}
	front_sent(w);
	job_announce_to(s->job, pair[1]);
	return 0;
}

static struct source *
source_new(struct worker *w, struct job *job)
{
	struct source *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->id = next_id++;
	s->worker = w;
	s->job = job;
	s->waiter.fn = tell_end;
	RB_INSERT(source_tree, &w->sources, s);
	return s;
}

static void
source_free(struct source *s)
{
	job_unwait(&s->waiter);
	RB_REMOVE(source_tree, &s->worker->sources, s);
	free(s);
}

int
source_open(struct worker *w, uint32_t id, struct job *job)
{
	struct msg_out_source msg;
	struct source *s;
	int saved;

	if ((s = find_job(w, job)) != NULL) {
		memset(&msg, 0, sizeof(msg));
		msg.source = s->id;
		s->refs++;
		front_send(w, MSG_OUT_SHARE, id, &msg);
		return 0;
	}
	if ((s = source_new(w, job)) == NULL)
		return -1;
	if (send_open(w, id, s) == -1) {
		saved = errno;
		source_free(s);
		errno = saved;
		return -1;
	}
	s->refs = 1;
	job_wait(job, &s->waiter);
	return 0;
}

int
source_close(struct worker *w, uint32_t id, const void *msg, struct imsg *m)
{
	const struct msg_out_close *oc = msg;
	struct source key, *s;

	(void)id;
	(void)m;
	key.id = oc->source;
	s = RB_FIND(source_tree, &w->sources, &key);
	if (s == NULL || oc->refs == 0 || oc->refs > s->refs) {
		log_warnx("frontend %u: protocol violation: OUT_CLOSE of "
			  "what it does not have",
		    w->number);
		return -1;
	}
	s->refs -= oc->refs;
	if (s->refs == 0)
		source_free(s);
	return 0;
}

void
source_drop_worker(struct worker *w)
{
	struct source *s;

	while ((s = RB_ROOT(&w->sources)) != NULL)
		source_free(s);
}
