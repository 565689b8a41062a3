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
#include <sys/queue.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "chan.h"
#include "childlog.h"
#include "exec.h"
#include "log.h"
#include "imsg.h"
#include "proc.h"
#include "spawner.h"

/* How many wait for a job, and how long after a failed start to try again. */
#define SPARES 4
#define RETRY_SECONDS 1

struct exec {
	TAILQ_ENTRY(exec) entry;
	int pidfd; /* -1 until it has told */
	struct chan *chan;
	struct childlog log;
	int spare; /* on the list of those that wait */
	int told; /* gone was called, or nobody wants to know */
	void *arg; /* the job */
};

static struct event_base *base;
static const struct exec_ops *ops;
static TAILQ_HEAD(, exec) spares = TAILQ_HEAD_INITIALIZER(spares);
static unsigned int nspares;
static struct event *refill_ev;

static int exec_msg(struct chan *, struct imsg *, const void *, void *);
static void exec_end(struct chan *, enum chan_end, void *);

static const struct chan_ops chan_ops = { exec_msg, NULL, exec_end, NULL };

static void
refill_after(time_t seconds)
{
	struct timeval tv = { seconds, 0 };

	if (nspares < SPARES && !evtimer_pending(refill_ev, NULL))
		evtimer_add(refill_ev, &tv);
}

static void
leave_spares(struct exec *e)
{
	if (!e->spare)
		return;
	TAILQ_REMOVE(&spares, e, entry);
	nspares--;
	e->spare = 0;
}

static void
tell_gone(struct exec *e)
{
	if (e->told)
		return;
	e->told = 1;
	if (e->arg != NULL)
		ops->gone(e->arg);
}

static void
exec_end(struct chan *c, enum chan_end why, void *arg)
{
	struct exec *e = arg;

	/* One that broke the protocol is not to be trusted any further. */
	if (why != CHAN_EOF && e->pidfd != -1)
		(void)proc_kill(e->pidfd, SIGKILL);
	chan_free(c);
	if (e->spare) {
		leave_spares(e);
		/* It ended by itself: do not make the next at once. */
		evtimer_del(refill_ev);
		refill_after(RETRY_SECONDS);
	}
	tell_gone(e);
	if (e->pidfd != -1)
		close(e->pidfd);
	free(e);
}

/* It could not be forked, and its channel ends; anything else is a lie. */
static int
spare_msg(unsigned int type, const struct msg_exec_failed *failed)
{
	if (type != MSG_EXEC_FAILED) {
		log_warnx("jobexec: %s without a job", msg_name(type));
		return -1;
	}
	log_warnx("jobexec: %s: %s", log_vis(failed->detail),
	    strerror(failed->error));
	return 0;
}

/* The job's own messages, in the order in which they may come. */
static int
exec_msg(struct chan *c, struct imsg *m, const void *msg, void *arg)
{
	struct exec *e = arg;
	int fd;

	(void)c;
	switch (m->hdr.type) {
	case MSG_LOG:
		childlog_line(&e->log, "jobexec", msg);
		return 0;
	case MSG_EXEC_READY:
		if (e->pidfd == -1 && (e->pidfd = imsg_take_fd(m, 0)) != -1)
			return 0;
		log_warnx("jobexec: EXEC_READY out of order");
		return -1;
	default:
		break;
	}
	if (e->spare)
		return spare_msg(m->hdr.type, msg);
	if (e->told)
		return 0;
	switch (m->hdr.type) {
	case MSG_EXEC_STARTED:
		if ((fd = imsg_take_fd(m, 0)) == -1)
			return -1;
		ops->started(e->arg, fd);
		return 0;
	case MSG_EXEC_FAILED:
		ops->failed(e->arg, msg);
		return 0;
	case MSG_EXEC_DISK:
		ops->disk(e->arg, ((const struct msg_exec_disk *)msg)->full);
		return 0;
	case MSG_EXEC_EXIT:
		ops->exited(e->arg, msg);
		return 0;
	default:
		return -1;
	}
}

static struct exec *
exec_new(void)
{
	struct exec *e;
	int sv[2], saved;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	e->pidfd = -1;
	if (imsg_pair(sv) == -1) {
		free(e);
		return NULL;
	}
	if (spawner_fork(sv[1]) == -1) {
		saved = errno;
		close(sv[0]);
		free(e);
		errno = saved;
		return NULL;
	}
	e->chan = chan_new(base, sv[0], SIDE_SUP_EXEC, "jobexec", &chan_ops, e);
	if (e->chan == NULL)
		fatalx("jobexec: out of memory");
	return e;
}

/* One per turn of the loop: requests go first. */
static void
refill(evutil_socket_t fd, short what, void *arg)
{
	struct exec *e;

	(void)fd;
	(void)what;
	(void)arg;
	if (nspares >= SPARES)
		return;
	if ((e = exec_new()) == NULL) {
		refill_after(RETRY_SECONDS);
		return;
	}
	e->spare = 1;
	TAILQ_INSERT_TAIL(&spares, e, entry);
	nspares++;
	refill_after(0);
}

void
exec_init(struct event_base *b, const struct exec_ops *o)
{
	base = b;
	ops = o;
	if ((refill_ev = evtimer_new(base, refill, NULL)) == NULL)
		fatalx("exec: out of memory");
	refill_after(0);
}

/* One that has nothing to do ends when its channel does. */
static void
discard(struct exec *e)
{
	leave_spares(e);
	if (e->pidfd != -1) {
		(void)proc_kill(e->pidfd, SIGKILL);
		close(e->pidfd);
	}
	chan_free(e->chan);
	free(e);
}

void
exec_shutdown(void)
{
	struct exec *e;

	evtimer_del(refill_ev);
	while ((e = TAILQ_FIRST(&spares)) != NULL)
		discard(e);
}

static struct exec *
exec_take(void)
{
	struct exec *e;

	if ((e = TAILQ_FIRST(&spares)) == NULL)
		return exec_new();
	leave_spares(e);
	return e;
}

struct exec *
exec_run(const struct msg_exec_job *job, int *fds, void *arg)
{
	static const struct msg_empty empty;
	struct exec *e;
	int i, saved;

	if ((e = exec_take()) == NULL) {
		saved = errno;
		for (i = 0; i < 4; i++)
			close(fds[i]);
		errno = saved;
		return NULL;
	}
	refill_after(0);
	e->arg = arg;
	if (chan_send(e->chan, MSG_EXEC_JOB, 0, job, fds, 4, CHAN_CLOSE_FDS) ==
		-1 ||
	    chan_send(e->chan, MSG_EXEC_GO, 0, &empty, NULL, 0, 0) == -1) {
		saved = errno;
		discard(e);
		errno = saved;
		return NULL;
	}
	return e;
}

void
exec_watch(struct exec *e, int fd)
{
	static const struct msg_empty empty;

	(void)chan_send(e->chan, MSG_EXEC_WATCH, 0, &empty, &fd, 1,
	    CHAN_CLOSE_FDS);
}

void
exec_forget(struct exec *e)
{
	e->told = 1;
	e->arg = NULL;
}
