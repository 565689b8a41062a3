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
#include <sys/inotify.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cgroup.h"
#include "exec.h"
#include "jobint.h"
#include "log.h"
#include "proc.h"
#include "store.h"

/*
 * The life of a job: a table of phase x event. Every action is a small
 * function; one that is not in the table is an event that means nothing in
 * that phase.
 */

/* How long after a kill StopJob says that it cannot be finished. */
#define STUCK_MS 30000
/* A group whose last process is still on its way out: try again. */
#define REMOVE_RETRY_MS 10

typedef void (*action)(struct job *);

static int inotify_fd = -1;
static struct event *inotify_ev;

/* Watches are few (jobs that are being emptied), so a list will do. */
struct watch {
	LIST_ENTRY(watch) entry;
	int wd;
	struct job *job;
};
static LIST_HEAD(, watch) watches = LIST_HEAD_INITIALIZER(watches);

/* ---------------------------------------------------------------- timers */

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	job_event(arg, EV_TIMER);
}

void
job_timer(struct job *job, uint32_t ms)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };

	if (job->live->timer == NULL)
		job->live->timer = evtimer_new(job_config.base, timer_fired,
		    job);
	if (job->live->timer == NULL) {
		log_warn("job %s: timer", job->uuid);
		return;
	}
	if (ms == 0)
		evtimer_del(job->live->timer);
	else
		evtimer_add(job->live->timer, &tv);
}

/* -------------------------------------------- news of a group's emptiness */

static void
watch_add(struct job *job)
{
	char path[4096];
	struct watch *w;

	if (job->live->watch != -1)
		return;
	snprintf(path, sizeof(path), "%s/%s/cgroup.events",
	    job_config.cgroup->path, job->uuid);
	if ((w = calloc(1, sizeof(*w))) == NULL ||
	    (w->wd = inotify_add_watch(inotify_fd, path, IN_MODIFY)) == -1) {
		if (errno != ENOENT)
			log_warn("job %s: watch %s", job->uuid, path);
		free(w);
		return;
	}
	w->job = job;
	job->live->watch = w->wd;
	LIST_INSERT_HEAD(&watches, w, entry);
}

static void
watch_del(struct job *job)
{
	struct watch *w;

	if (job->live->watch == -1)
		return;
	LIST_FOREACH(w, &watches, entry) {
		if (w->job == job) {
			(void)inotify_rm_watch(inotify_fd, w->wd);
			LIST_REMOVE(w, entry);
			free(w);
			break;
		}
	}
	job->live->watch = -1;
}

static void
watch_tell(int wd)
{
	struct watch *w;

	LIST_FOREACH(w, &watches, entry) {
		if (w->wd == wd) {
			job_event(w->job, EV_EMPTY);
			return;
		}
	}
}

static void
inotify_read(evutil_socket_t fd, short what, void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *ie;
	ssize_t n;
	char *p;

	(void)what;
	(void)arg;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (p = buf; p < buf + n; p += sizeof(*ie) + ie->len) {
			ie = (const struct inotify_event *)(void *)p;
			if (ie->mask & IN_MODIFY)
				watch_tell(ie->wd);
		}
	}
}

int
job_fsm_init(void)
{
	inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify_fd == -1) {
		log_warn("inotify");
		return -1;
	}
	inotify_ev = event_new(job_config.base, inotify_fd,
	    EV_READ | EV_PERSIST, inotify_read, NULL);
	if (inotify_ev == NULL || event_add(inotify_ev, NULL) == -1) {
		log_warn("inotify event");
		return -1;
	}
	return 0;
}

/* --------------------------------------------------------------- actions */

static void
kill_group(struct job *job)
{
	if (job->live->cgroup == -1)
		job->live->cgroup = cgroup_open(job_config.cgroup, job->uuid);
	if (job->live->cgroup == -1) {
		if (errno != ENOENT)
			log_warn("job %s: cgroup", job->uuid);
		return;
	}
	job->live->kills++;
	if (cgroup_kill(job->live->cgroup) == -1)
		log_warn("job %s: cgroup.kill", job->uuid);
}

/* The verdict on a job whose command has ended, or never ran. */
static void
judge(struct job *job)
{
	job->state = JOB_STATE_FAILED;
	if (job->stage != STAGE_NONE) {
		job->reason = REASON_START_FAILED;
	} else if (!job->exited) {
		job->reason = REASON_LOST;
	} else if (job->stopped_by != NULL) {
		job->state = JOB_STATE_STOPPED;
		job->reason = REASON_STOPPED;
	} else if (WIFSIGNALED(job->status)) {
		job->reason = job->oom_killed &&
			WTERMSIG(job->status) == SIGKILL ?
		    REASON_OOM :
		    REASON_SIGNAL;
	} else {
		job->reason = REASON_EXITED;
		if (WEXITSTATUS(job->status) == 0)
			job->state = JOB_STATE_COMPLETED;
	}
}

static void
finish(struct job *job)
{
	struct job_live *live = job->live;

	store_output(job->uuid, &job->output);
	if (job->end_ns == 0)
		job->end_ns = job_now_ns();
	/* The clock may have been set back. */
	if (job->end_ns < job->start_ns)
		job->end_ns = job->start_ns;
	judge(job);
	job->phase = PHASE_ENDED;
	watch_del(job);
	log_info("job %s: %s, %s", job->uuid, job_state_name(job->state),
	    job_reason_name(job->reason));
	job_run_waiters(job, &live->started);
	job_run_waiters(job, &live->stopped);
	job_run_waiters(job, &live->ended);
	job_live_free(job);
}

/* Keep the kernel's last numbers before the group goes. */
static void
keep_stats(struct job *job)
{
	static char stats[MSG_STATS_MAX + 1];

	if (job->live->cgroup == -1)
		return;
	cgroup_stats(job->live->cgroup, stats, sizeof(stats));
	if (stats[0] != '\0' && store_put_stats(job->uuid, stats) == -1 &&
	    errno != EEXIST)
		log_warn("job %s: keep the statistics", job->uuid);
}

/* Is the group empty? Then remove it, and the job has ended. */
static void
try_finish(struct job *job)
{
	if (job->live->cgroup != -1 && cgroup_populated(job->live->cgroup) == 1)
		return;
	keep_stats(job);
	if (cgroup_remove(job_config.cgroup, job->uuid) == -1) {
		if (errno == EBUSY) {
			job_timer(job, REMOVE_RETRY_MS);
			return;
		}
		log_warn("job %s: remove the cgroup", job->uuid);
	}
	finish(job);
}

/* A kill has not worked for a long time: StopJob says so, the job waits. */
static void
stuck(struct job *job)
{
	if (!job->live->stuck)
		log_warnx("job %s: %s", job->uuid, job_stuck(job));
	job->live->stuck = 1;
	job_run_waiters(job, &job->live->stopped);
}

static void
drain_timer(struct job *job)
{
	if (job->live->cgroup != -1 && cgroup_populated(job->live->cgroup) == 1)
		stuck(job);
	else
		try_finish(job);
}

static void
drain(struct job *job)
{
	job->phase = PHASE_DRAINING;
	if (job->live->timer != NULL)
		job_timer(job, 0);
	if (job->live->cgroup != -1 &&
	    cgroup_populated(job->live->cgroup) == 1) {
		watch_add(job);
		kill_group(job);
		job_timer(job, STUCK_MS);
	}
	try_finish(job);
}

static void
lost(struct job *job)
{
	log_warnx("job %s: its jobexec is gone, killing the job", job->uuid);
	kill_group(job);
	drain(job);
}

static void
setup_failed(struct job *job)
{
	kill_group(job);
	drain(job);
}

static void
setup_lost(struct job *job)
{
	if (job->stage == STAGE_NONE)
		job->stage = STAGE_HELPER;
	lost(job);
}

/* Its end comes with that of its jobexec, which must not go on meanwhile. */
static void
setup_timeout(struct job *job)
{
	log_warnx("job %s: its jobexec did not start it in time", job->uuid);
	job->stage = STAGE_HELPER;
	job->error = ETIMEDOUT;
	exec_kill(job->live->exec);
}

static void
stop(struct job *job)
{
	job->phase = PHASE_STOPPING;
	if (proc_kill(job->live->pidfd, SIGTERM) == -1) {
		if (errno != ESRCH)
			log_warn("job %s: signal", job->uuid);
		/* It has ended by itself: that is what its record says. */
		free(job->stopped_by);
		job->stopped_by = NULL;
	}
	/* A grace of 0 is a kill at once, by the timer in the next turn. */
	job_timer(job, job->live->grace_ms > 0 ? job->live->grace_ms : 1);
}

static void
stop_later(struct job *job)
{
	job->live->stop_wanted = 1;
}

static void
started(struct job *job)
{
	job->phase = PHASE_RUNNING;
	job_timer(job, 0);
	job->start_ns = job_now_ns();
	job->live->cgroup = cgroup_open(job_config.cgroup, job->uuid);
	if (job->live->cgroup == -1)
		log_warn("job %s: cgroup", job->uuid);
	job_run_waiters(job, &job->live->started);
	if (job->live != NULL && job->live->stop_wanted &&
	    job->phase == PHASE_RUNNING)
		stop(job);
}

/* The grace is over, or a kill has not worked for a long time. */
static void
stop_timer(struct job *job)
{
	if (job->live->kills == 0) {
		kill_group(job);
		job_timer(job, STUCK_MS);
		return;
	}
	stuck(job);
}

static const action table[PHASE_MAX][EV_MAX] = {
	[PHASE_SETUP] = {
		[EV_STARTED] = started,
		[EV_FAILED] = setup_failed,
		[EV_GONE] = setup_lost,
		[EV_STOP] = stop_later,
		[EV_TIMER] = setup_timeout,
	},
	[PHASE_RUNNING] = {
		[EV_EXIT] = drain,
		[EV_GONE] = lost,
		[EV_STOP] = stop,
	},
	[PHASE_STOPPING] = {
		[EV_EXIT] = drain,
		[EV_GONE] = lost,
		[EV_TIMER] = stop_timer,
	},
	[PHASE_DRAINING] = {
		[EV_TIMER] = drain_timer,
		[EV_EMPTY] = try_finish,
	},
};

void
job_event(struct job *job, enum job_event ev)
{
	action fn = table[job->phase][ev];

	if (fn != NULL)
		fn(job);
}
