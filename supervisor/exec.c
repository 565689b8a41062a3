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
/* So long one has to end after its job, of which nothing is left then. */
#define END_SECONDS 10

/* How far a jobexec has come, by its own messages. */
enum exec_state {
	EXEC_NEW, /* to be forked */
	EXEC_READY, /* has told that it is there */
	EXEC_RUNS, /* its job runs */
	EXEC_OVER, /* the job has ended, or could not be started */
	EXEC_STATES
};

struct exec {
	TAILQ_ENTRY(exec) entry;
	enum exec_state state;
	int pidfd; /* -1 until it is ready */
	struct event *exit_ev; /* of the pidfd */
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
exec_free(struct exec *e)
{
	if (e->exit_ev != NULL)
		event_free(e->exit_ev);
	if (e->pidfd != -1)
		close(e->pidfd);
	chan_free(e->chan);
	free(e);
}

static void
exec_end(struct chan *c, enum chan_end why, void *arg)
{
	struct exec *e = arg;

	(void)c;
	/* One that broke the protocol is not to be trusted any further. */
	if (why != CHAN_EOF && e->pidfd != -1)
		(void)proc_kill(e->pidfd, SIGKILL);
	if (e->spare) {
		leave_spares(e);
		/* It ended by itself: do not make the next at once. */
		evtimer_del(refill_ev);
		refill_after(RETRY_SECONDS);
	}
	tell_gone(e);
	exec_free(e);
}

/* Its process has ended; somebody else may hold its end of the channel. */
static void
exec_exit(evutil_socket_t fd, short what, void *arg)
{
	struct exec *e = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		log_warnx("jobexec: does not end after its job, killing it");
		(void)proc_kill(e->pidfd, SIGKILL);
	}
	chan_hangup(e->chan);
}

static int
exec_log(struct exec *e, const void *msg, struct imsg *m)
{
	(void)m;
	childlog_line(&e->log, "jobexec", msg);
	return 0;
}

/* Signal 0 goes to whatever a pidfd is of, and to nothing else. */
static int
take_pidfd(struct imsg *m)
{
	int fd = imsg_take_fd(m, 0);

	if (proc_kill(fd, 0) == 0 || errno == ESRCH)
		return fd;
	log_warn("jobexec: protocol violation: %s with what is no pidfd",
	    msg_name(m->hdr.type));
	close(fd);
	return -1;
}

static int
exec_ready(struct exec *e, const void *msg, struct imsg *m)
{
	(void)msg;
	if ((e->pidfd = take_pidfd(m)) == -1)
		return -1;
	e->exit_ev = event_new(base, e->pidfd, EV_READ, exec_exit, e);
	if (e->exit_ev == NULL)
		fatalx("jobexec: out of memory");
	event_add(e->exit_ev, NULL);
	e->state = EXEC_READY;
	return 0;
}

static int
exec_started(struct exec *e, const void *msg, struct imsg *m)
{
	int fd;

	(void)msg;
	if ((fd = take_pidfd(m)) == -1)
		return -1;
	e->state = EXEC_RUNS;
	if (e->told)
		close(fd);
	else
		ops->started(e->arg, fd);
	return 0;
}

static int
exec_failed(struct exec *e, const void *msg, struct imsg *m)
{
	const struct msg_exec_failed *failed = msg;

	(void)m;
	e->state = EXEC_OVER;
	if (e->spare)
		log_warnx("jobexec: %s: %s", log_vis(failed->detail),
		    strerror(failed->error));
	else if (!e->told)
		ops->failed(e->arg, failed);
	return 0;
}

static int
exec_disk(struct exec *e, const void *msg, struct imsg *m)
{
	(void)m;
	if (!e->told)
		ops->disk(e->arg, ((const struct msg_exec_disk *)msg)->full);
	return 0;
}

static int
exec_exited(struct exec *e, const void *msg, struct imsg *m)
{
	(void)m;
	e->state = EXEC_OVER;
	if (!e->told)
		ops->exited(e->arg, msg);
	return 0;
}

#define IN(state) (1U << (state))
#define ANY (IN(EXEC_STATES) - 1)

/* Which message may come when, and who takes it. */
static const struct {
	unsigned int states;
	int (*fn)(struct exec *, const void *, struct imsg *);
} handlers[MSG_MAX] = {
	[MSG_LOG] = { ANY, exec_log },
	[MSG_EXEC_READY] = { IN(EXEC_NEW), exec_ready },
	[MSG_EXEC_STARTED] = { IN(EXEC_READY), exec_started },
	/* In the place of READY: it could not be forked. */
	[MSG_EXEC_FAILED] = { IN(EXEC_NEW) | IN(EXEC_READY), exec_failed },
	[MSG_EXEC_DISK] = { IN(EXEC_RUNS), exec_disk },
	[MSG_EXEC_EXIT] = { IN(EXEC_RUNS), exec_exited },
};

static int
exec_msg(struct chan *c, struct imsg *m, const void *msg, void *arg)
{
	struct exec *e = arg;
	unsigned int states = handlers[m->hdr.type].states;

	(void)c;
	/* One that has no job yet has nothing to say about it. */
	if (e->spare && states != ANY)
		states &= IN(EXEC_NEW);
	if (handlers[m->hdr.type].fn == NULL || (states & IN(e->state)) == 0) {
		log_warnx("jobexec: protocol violation: %s is not allowed now",
		    msg_name(m->hdr.type));
		return -1;
	}
	return handlers[m->hdr.type].fn(e, msg, m);
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
	if (e->chan == NULL) {
		close(sv[0]);
		free(e);
		errno = ENOMEM;
		return NULL;
	}
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
	if (e->pidfd != -1)
		(void)proc_kill(e->pidfd, SIGKILL);
	exec_free(e);
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

	/* Descriptors must not pile up for one that does not read. */
	if (chan_congested(e->chan)) {
		close(fd);
		return;
	}
	(void)chan_send(e->chan, MSG_EXEC_WATCH, 0, &empty, &fd, 1,
	    CHAN_CLOSE_FDS);
}

void
exec_kill(struct exec *e)
{
	if (e->pidfd != -1)
		(void)proc_kill(e->pidfd, SIGKILL);
	chan_hangup(e->chan);
}

void
exec_forget(struct exec *e)
{
	static const struct timeval tv = { END_SECONDS, 0 };

	if (e->exit_ev != NULL)
		event_add(e->exit_ev, &tv);
	e->told = 1;
	e->arg = NULL;
}
