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

#include <signal.h>

#include <event2/event.h>

#include "front.h"
#include "log.h"

/* What a worker must have done by then, or it is started anew. */

/* One that does not read its messages for so long serves nobody. */
#define STALL_SECONDS 30

static void
limit_reached(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	log_warnx("frontend %u: %s, killing it", w->number,
	    w->state == WORKER_LIVE ? "does not read its messages" :
				      "was not set up in time");
	(void)proc_kill(w->child.pidfd, SIGKILL);
}

int
front_limit_init(struct worker *w, struct event_base *base)
{
	w->limit_ev = evtimer_new(base, limit_reached, w);
	return w->limit_ev == NULL ? -1 : 0;
}

void
front_limit(struct worker *w, unsigned int seconds)
{
	struct timeval tv = { (time_t)seconds, 0 };

	if (seconds == 0)
		evtimer_del(w->limit_ev);
	else
		evtimer_add(w->limit_ev, &tv);
}

/* What it does not read must not pile up: take no more requests. */
void
front_sent(struct worker *w)
{
	if (!chan_congested(w->chan))
		return;
	chan_pause(w->chan, 1);
	if (w->state == WORKER_LIVE && !evtimer_pending(w->limit_ev, NULL))
		front_limit(w, STALL_SECONDS);
}
