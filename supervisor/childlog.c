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

#include <syslog.h>
#include <time.h>

#include "childlog.h"
#include "log.h"

#define BURST 200
#define PER_SECOND 20

/* Earn back the allowance for the time that has passed. */
static void
refresh(struct childlog *cl)
{
	struct timespec now;
	time_t passed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = now.tv_sec - cl->at;
	cl->at = now.tv_sec;
	if (passed > BURST / PER_SECOND)
		cl->used = 0;
	else if (cl->used > passed * PER_SECOND)
		cl->used -= passed * PER_SECOND;
	else
		cl->used = 0;
}

void
childlog_line(struct childlog *cl, const char *who, const struct msg_log *msg)
{
	int pri = msg->priority & LOG_PRIMASK;

	refresh(cl);
	if (cl->used >= BURST) {
		cl->dropped++;
		return;
	}
	if (cl->dropped > 0) {
		log_warnx("%s: %u log lines dropped, it writes too many", who,
		    cl->dropped);
		cl->dropped = 0;
	}
	cl->used++;
	log_forward(pri, who, log_vis_line(msg->text));
}
