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
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "chan.h"
#include "childlog.h"
#include "log.h"
#include "proc.h"
#include "spawner.h"

/* One that lived less than this is not started again at once. */
#define RETRY_SECONDS 1

static struct spawner_config config;
static struct proc_child child = { -1, -1, -1 };
static struct chan *chan; /* NULL: none */
static struct childlog childlog;
static struct event *exit_ev, *retry_ev;
static time_t started; /* CLOCK_MONOTONIC */
static int stopping;

static int spawner_msg(struct chan *, struct imsg *, const void *, void *);
static void spawner_end(struct chan *, enum chan_end, void *);

static const struct chan_ops chan_ops = { spawner_msg, NULL, spawner_end,
	NULL };

static int
spawner_msg(struct chan *c, struct imsg *m, const void *msg, void *arg)
{
	const struct msg_setup_done *done = msg;

	(void)c;
	(void)arg;
	switch (m->hdr.type) {
	case MSG_LOG:
		childlog_line(&childlog, "jobexec", msg);
		return 0;
	case MSG_SETUP_DONE:
		if (done->version == MSG_VERSION)
			return 0;
		log_warnx("jobexec speaks version %u of the protocol, not %u: "
			  "install thd and its helpers together",
		    done->version, MSG_VERSION);
		return -1;
	default:
		log_warnx("jobexec: %s without a job", msg_name(m->hdr.type));
		return -1;
	}
}

static time_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void
retry_after(time_t seconds)
{
	struct timeval tv = { seconds, 0 };

	if (!stopping)
		evtimer_add(retry_ev, &tv);
}

/* It is of no use without its channel. */
static void
spawner_end(struct chan *c, enum chan_end why, void *arg)
{
	(void)why;
	(void)arg;
	chan_free(c);
	chan = NULL;
	(void)proc_kill(child.pidfd, SIGKILL);
}

static void
spawner_exit(evutil_socket_t fd, short what, void *arg)
{
	int status;

	(void)fd;
	(void)what;
	(void)arg;
	if (proc_reap(&child, &status) != 1)
		return;
	if (!stopping)
		log_warnx("the jobexec that makes the others ended (%s %d), "
			  "it is started again",
		    WIFSIGNALED(status) ? "signal" : "exit status",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
					  WEXITSTATUS(status));
	event_free(exit_ev);
	exit_ev = NULL;
	close(child.pidfd);
	if (chan != NULL)
		chan_free(chan);
	chan = NULL;
	retry_after(now() - started > RETRY_SECONDS ? 0 : RETRY_SECONDS);
}

static int
launch(void)
{
	struct msg_setup setup;

	started = now();
	if (proc_spawn(config.path, &child) == -1) {
		log_warn("%s", config.path);
		return -1;
	}
	exit_ev = event_new(config.base, child.pidfd, EV_READ | EV_PERSIST,
	    spawner_exit, NULL);
	chan = chan_new(config.base, child.fd, SIDE_SUP_EXEC, "jobexec",
	    &chan_ops, NULL);
	if (exit_ev == NULL || chan == NULL)
		fatalx("jobexec: out of memory");
	event_add(exit_ev, NULL);
	memset(&setup, 0, sizeof(setup));
	setup.version = MSG_VERSION;
	setup.uid = config.relay_uid;
	setup.gid = config.relay_gid;
	return chan_send(chan, MSG_SETUP, 0, &setup, NULL, 0, 0);
}

static void
retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (launch() == -1 && exit_ev == NULL)
		retry_after(RETRY_SECONDS);
}

int
spawner_start(const struct spawner_config *c)
{
	config = *c;
	if ((retry_ev = evtimer_new(config.base, retry, NULL)) == NULL)
		fatalx("jobexec: out of memory");
	return launch();
}

void
spawner_stop(void)
{
	stopping = 1;
	evtimer_del(retry_ev);
	if (chan != NULL)
		chan_free(chan);
	chan = NULL;
}

int
spawner_fork(int fd)
{
	static const struct msg_empty empty;

	if (chan == NULL) {
		close(fd);
		errno = EAGAIN;
		return -1;
	}
	return chan_send(chan, MSG_EXEC_FORK, 0, &empty, &fd, 1,
	    CHAN_CLOSE_FDS);
}
