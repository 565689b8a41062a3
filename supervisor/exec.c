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
#include <sys/wait.h>

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
#include "proc.h"

/* How many wait for a job, and how long after a failed start to try again. */
#define SPARES 4
#define RETRY_SECONDS 1

struct exec {
	TAILQ_ENTRY(exec) entry;
	struct proc_child child;
	struct chan *chan; /* NULL: ended */
	struct event *exit_ev;
	struct childlog log;
	int exited;
	int spare; /* on the list of those that wait */
	int told; /* gone was called, or nobody wants to know */
	void *arg; /* the job */
};

static struct exec_config config;
static const struct exec_ops *ops;
static TAILQ_HEAD(, exec) spares = TAILQ_HEAD_INITIALIZER(spares);
static unsigned int nspares;
static struct event *refill_ev;

static int exec_msg(struct chan *, struct imsg *, const void *, void *);
static void exec_end(struct chan *, enum chan_end, void *);

static const struct chan_ops chan_ops = { exec_msg, exec_end, NULL };

static void
leave_spares(struct exec *e)
{
	if (!e->spare)
		return;
	TAILQ_REMOVE(&spares, e, entry);
	nspares--;
	e->spare = 0;
}

/* Free it when both its channel and its process are gone. */
static void
exec_release(struct exec *e)
{
	if (e->chan != NULL || !e->exited)
		return;
	event_free(e->exit_ev);
	close(e->child.pidfd);
	free(e);
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
	if (why != CHAN_EOF)
		(void)proc_kill(e->child.pidfd, SIGKILL);
	chan_free(c);
	e->chan = NULL;
	leave_spares(e);
	tell_gone(e);
	exec_release(e);
}

static void
exec_reap(evutil_socket_t fd, short what, void *arg)
{
	struct exec *e = arg;
	int status;

	(void)fd;
	(void)what;
	if (proc_reap(&e->child, &status) != 1)
		return;
	if (WIFSIGNALED(status))
		log_warnx("jobexec %d: killed by signal %d", (int)e->child.pid,
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_debug("jobexec %d: exit status %d", (int)e->child.pid,
		    WEXITSTATUS(status));
	event_del(e->exit_ev);
	e->exited = 1;
	exec_release(e);
}

/* The job's own messages, in the order in which they may come. */
static int
exec_msg(struct chan *c, struct imsg *m, const void *msg, void *arg)
{
	struct exec *e = arg;
	const struct msg_setup_done *done = msg;
	int fd;

	(void)c;
	switch (m->hdr.type) {
	case MSG_LOG:
		childlog_line(&e->log, "jobexec", msg);
		return 0;
	case MSG_SETUP_DONE:
		if (done->version == MSG_VERSION)
			return 0;
		log_warnx("jobexec speaks version %u of the protocol, not %u: "
			  "install thd and its helpers together",
		    done->version, MSG_VERSION);
		return -1;
	default:
		break;
	}
	if (e->spare || e->told) {
		if (e->spare)
			log_warnx("jobexec: %s without a job",
			    msg_name(m->hdr.type));
		return e->spare ? -1 : 0;
	}
	switch (m->hdr.type) {
	case MSG_EXEC_STARTED:
		if ((fd = imsg_take_fd(m, 0)) == -1)
			return -1;
		ops->started(e->arg, fd);
		return 0;
	case MSG_EXEC_FAILED:
		ops->failed(e->arg, msg);
		return 0;
	case MSG_EXEC_EXIT:
		ops->exited(e->arg, msg);
		return 0;
	default:
		return -1;
	}
}

static int
exec_start(struct exec *e)
{
	struct msg_setup setup;

	if (proc_spawn(config.path, &e->child) == -1)
		return -1;
	e->exit_ev = event_new(config.base, e->child.pidfd,
	    EV_READ | EV_PERSIST, exec_reap, e);
	e->chan = chan_new(config.base, e->child.fd, SIDE_SUP_EXEC, "jobexec",
	    &chan_ops, e);
	if (e->exit_ev == NULL || e->chan == NULL)
		fatalx("jobexec: out of memory");
	event_add(e->exit_ev, NULL);
	memset(&setup, 0, sizeof(setup));
	setup.version = MSG_VERSION;
	setup.uid = config.relay_uid;
	setup.gid = config.relay_gid;
	return chan_send(e->chan, MSG_SETUP, 0, &setup, NULL, 0, 0);
}

static struct exec *
exec_new(void)
{
	struct exec *e;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	if (exec_start(e) == -1) {
		log_warn("%s", config.path);
		if (e->chan == NULL) {
			free(e);
		} else {
			/* Its end will come through the loop. */
			e->told = 1;
			(void)proc_kill(e->child.pidfd, SIGKILL);
		}
		return NULL;
	}
	return e;
}

static void
refill_after(time_t seconds, suseconds_t usec)
{
	struct timeval tv = { seconds, usec };

	if (nspares < SPARES && !evtimer_pending(refill_ev, NULL))
		evtimer_add(refill_ev, &tv);
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
		refill_after(RETRY_SECONDS, 0);
		return;
	}
	e->spare = 1;
	TAILQ_INSERT_TAIL(&spares, e, entry);
	nspares++;
	refill_after(0, 0);
}

void
exec_init(const struct exec_config *c, const struct exec_ops *o)
{
	config = *c;
	ops = o;
	if ((refill_ev = evtimer_new(config.base, refill, NULL)) == NULL)
		fatalx("exec: out of memory");
	refill_after(0, 0);
}

void
exec_shutdown(void)
{
	struct exec *e;

	evtimer_del(refill_ev);
	while ((e = TAILQ_FIRST(&spares)) != NULL) {
		leave_spares(e);
		e->told = 1;
		chan_free(e->chan);
		e->chan = NULL;
	}
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
	refill_after(0, 0);
	e->arg = arg;
	if (chan_send(e->chan, MSG_EXEC_JOB, 0, job, fds, 4, CHAN_CLOSE_FDS) ==
		-1 ||
	    chan_send(e->chan, MSG_EXEC_GO, 0, &empty, NULL, 0, 0) == -1) {
		saved = errno;
		e->told = 1;
		(void)proc_kill(e->child.pidfd, SIGKILL);
		errno = saved;
		return NULL;
	}
	return e;
}

void
exec_watch(struct exec *e, int fd)
{
	static const struct msg_empty empty;

	if (e->chan == NULL) {
		close(fd);
		return;
	}
	(void)chan_send(e->chan, MSG_EXEC_WATCH, 0, &empty, &fd, 1,
	    CHAN_CLOSE_FDS);
}

void
exec_forget(struct exec *e)
{
	e->told = 1;
	e->arg = NULL;
}
