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
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cgroup.h"
#include "exec.h"
#include "jobint.h"
#include "log.h"
#include "spawner.h"
#include "store.h"

struct job_config job_config;

/* A jobexec that has neither started the job nor failed by then is stuck. */
#define SETUP_MS 30000

RB_HEAD(job_tree, job);
static struct job_tree jobs = RB_INITIALIZER(&jobs);
static unsigned int nactive;

static int
job_cmp(const struct job *a, const struct job *b)
{
	return memcmp(a->uuid, b->uuid, MSG_UUID_LEN);
}

RB_GENERATE_STATIC(job_tree, job, entry, job_cmp)

void
job_error_set(struct job_error *err, enum result_code code, const char *reason,
    const char *field, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->reason = reason;
	err->field = field;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
}

int64_t
job_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ------------------------------------------------- what jobexec tells us */

static void
on_started(void *arg, int pidfd)
{
	struct job *job = arg;

	if (job->live->pidfd != -1)
		close(job->live->pidfd);
	job->live->pidfd = pidfd;
	job_event(job, EV_STARTED);
}

static void
on_failed(void *arg, const struct msg_exec_failed *msg)
{
	struct job *job = arg;

	job->stage = msg->stage < STAGE_MAX ? msg->stage : STAGE_HELPER;
	job->error = msg->error;
	free(job->detail);
	job->detail = strdup(msg->detail);
	if (msg->stage == STAGE_CGROUP && msg->error == ENOENT)
		log_warnx("no job can start: the cgroup %s has been removed "
			  "(with thd-jobs.service?); restart thd",
		    job_config.cgroup->path);
	job_event(job, EV_FAILED);
}

static void
on_disk(void *arg, int full)
{
	struct job *job = arg;

	job->live->disk_full = full;
}

static void
on_exited(void *arg, const struct msg_exec_exit *msg)
{
	struct job *job = arg;

	job->exited = 1;
	job->status = msg->status;
	job->oom_killed = msg->oom_killed != 0;
	/* Not before the start, which is ours: finish() sees to that. */
	job->end_ns = msg->end_ns;
	job_event(job, EV_EXIT);
}

static void
on_gone(void *arg)
{
	struct job *job = arg;

	if (job->live != NULL)
		job->live->exec = NULL;
	job_event(job, EV_GONE);
}

static const struct exec_ops exec_ops = {
	on_started,
	on_failed,
	on_disk,
	on_exited,
	on_gone,
};

int
job_init(const struct job_config *c)
{
	struct spawner_config sc;

	job_config = *c;
	if (job_fsm_init() == -1)
		return -1;
	memset(&sc, 0, sizeof(sc));
	sc.base = c->base;
	sc.path = c->jobexec;
	sc.relay_uid = c->conf->relay_user.uid;
	sc.relay_gid = c->conf->relay_user.gid;
	if (spawner_start(&sc) == -1)
		return -1;
	exec_init(c->base, &exec_ops);
	return 0;
}

void
job_set_conf(const struct conf *conf)
{
	job_config.conf = conf;
}

void
job_shutdown(void)
{
	exec_shutdown();
	spawner_stop();
}

/* --------------------------------------------------------------- records */

static char *
put_string(char **p, const char *s)
{
	char *at = *p;
	size_t len = strlen(s) + 1;

	memcpy(at, s, len);
	*p += len;
	return at;
}

/* Does the key come again in the list that follows it? */
static int
label_again(const char *key, uint32_t left, const char *p)
{
	for (; left > 1; left -= 2) {
		p += strlen(p) + 1; /* the value before */
		if (strcmp(key, p) == 0)
			return 1;
		p += strlen(p) + 1;
	}
	return 0;
}

/* Of several with one key the last stays, as protobuf has it for maps. */
static void
put_labels(struct job *job, const struct job_spec *spec, char *to)
{
	const char *key = (const char *)spec->labels.p, *value;
	uint32_t i;

	job->labels = (uint8_t *)to;
	for (i = 0; i < spec->labelc; i += 2) {
		value = key + strlen(key) + 1;
		if (!label_again(key, spec->labelc - i - 1, value)) {
			put_string(&to, key);
			put_string(&to, value);
			job->labelc += 2;
		}
		key = value + strlen(value) + 1;
	}
	job->labels_len = (uint8_t *)to - job->labels;
}

/* One block: thousands of finished jobs stay in memory. */
static struct job *
job_alloc(const struct job_spec *spec)
{
	const char *class = spec->class->name;
	struct job *job;
	size_t len;
	char *p;

	len = strlen(spec->owner) + strlen(class) + strlen(spec->command) + 3 +
	    spec->argv.len + spec->labels.len;
	if ((job = calloc(1, sizeof(*job) + len)) == NULL)
		return NULL;
	p = (char *)(job + 1);
	job->owner = put_string(&p, spec->owner);
	job->class = put_string(&p, class);
	job->command = put_string(&p, spec->command);
	job->argc = spec->argc;
	job->argv_len = spec->argv.len;
	job->argv = (uint8_t *)p;
	if (spec->argv.len > 0)
		memcpy(p, spec->argv.p, spec->argv.len);
	put_labels(job, spec, p + spec->argv.len);
	job_limits(spec->class, &job->limits);
	do {
		name_new_uuid(job->uuid);
	} while (RB_FIND(job_tree, &jobs, job) != NULL);
	job->start_ns = job_now_ns();
	return job;
}

static int
job_live_new(struct job *job, const struct job_spec *spec)
{
	struct job_live *live;

	if ((live = calloc(1, sizeof(*live))) == NULL)
		return -1;
	live->pidfd = live->cgroup = live->watch = -1;
	live->grace_ms = spec->grace_ms != MSG_GRACE_UNSET ?
	    spec->grace_ms :
	    spec->class->stop_grace_ms;
	TAILQ_INIT(&live->started);
	TAILQ_INIT(&live->ended);
	TAILQ_INIT(&live->stopped);
	job->live = live;
	nactive++;
	return 0;
}

void
job_live_free(struct job *job)
{
	struct job_live *live = job->live;

	if (live == NULL)
		return;
	job->live = NULL;
	nactive--;
	if (live->exec != NULL)
		exec_forget(live->exec);
	if (live->pidfd != -1)
		close(live->pidfd);
	if (live->cgroup != -1)
		close(live->cgroup);
	if (live->timer != NULL)
		event_free(live->timer);
	free(live);
}

static void
job_free(struct job *job)
{
	job_live_free(job);
	free(job->stopped_by);
	free(job->detail);
	free(job);
}

/* Hand the job to a jobexec. */
static int
launch(struct job *job, const struct job_spec *spec, struct job_error *err)
{
	struct msg_exec_job msg;
	struct store_files files;
	int fds[4];

	if (job_exec_message(job, spec, &msg, err) == -1)
		return -1;
	if (store_create(job->uuid, &files) == -1) {
		log_warn("job %s: state directory", job->uuid);
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "STATE_DIRECTORY",
		    NULL, "cannot make the job's files: %s", strerror(errno));
		return -1;
	}
	fds[0] = files.output;
	fds[1] = files.index;
	fds[2] = files.exit;
	fds[3] = fcntl(job_config.cgroup->fd, F_DUPFD_CLOEXEC, 0);
	if (fds[3] == -1) {
		store_files_close(&files);
	} else if ((job->live->exec = exec_run(&msg, fds, job)) != NULL) {
		job->missing = CTL_ALL & ~job_config.cgroup->controllers;
		return 0;
	}
	log_warn("job %s: jobexec", job->uuid);
	if (errno == EAGAIN)
		job_error_set(err, RES_UNAVAILABLE, "HELPER", NULL,
		    "the process that starts jobs is being started again");
	else
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "HELPER", NULL,
		    "cannot start the job's helper process: %s",
		    strerror(errno));
	(void)store_remove(job->uuid);
	return -1;
}

static void
list_add(struct job_waiters *list, struct job_waiter *w)
{
	w->list = list;
	TAILQ_INSERT_TAIL(list, w, entry);
}

struct job *
job_start(const struct job_spec *spec, struct job_waiter *w,
    struct job_error *err)
{
	struct job *job;

	if (job_spec_check(spec, err) == -1)
		return NULL;
	if ((job = job_alloc(spec)) == NULL || job_live_new(job, spec) == -1) {
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "MEMORY", NULL,
		    "the supervisor is out of memory");
		free(job);
		return NULL;
	}
	if (launch(job, spec, err) == -1) {
		job_free(job);
		return NULL;
	}
	RB_INSERT(job_tree, &jobs, job);
	list_add(&job->live->started, w);
	job_timer(job, SETUP_MS);
	return job;
}

struct job *
job_find(const char *uuid)
{
	struct job key, *job;

	memset(&key, 0, sizeof(key));
	strlcpy(key.uuid, uuid, sizeof(key.uuid));
	job = RB_FIND(job_tree, &jobs, &key);
	/* Nobody has been told its name before it runs. */
	return job != NULL && job->phase != PHASE_SETUP ? job : NULL;
}

/* --------------------------------------------------------------- waiting */

void
job_run_waiters(struct job *job, struct job_waiters *list)
{
	struct job_waiter *w;

	while ((w = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, w, entry);
		w->list = NULL;
		w->fn(job, w);
	}
}

static void
wait_on(struct job *job, struct job_waiters *list, struct job_waiter *w)
{
	if (list == NULL) {
		w->fn(job, w);
		return;
	}
	list_add(list, w);
}

void
job_wait(struct job *job, struct job_waiter *w)
{
	wait_on(job, job->live != NULL ? &job->live->ended : NULL, w);
}

void
job_wait_stopped(struct job *job, struct job_waiter *w)
{
	wait_on(job,
	    job->live != NULL && !job->live->stuck ? &job->live->stopped : NULL,
	    w);
}

const char *
job_stuck(const struct job *job)
{
	if (job->live->cgroup != -1 && cgroup_populated(job->live->cgroup) == 1)
		return "processes of the job survive SIGKILL; it stays "
		       "STOPPING until the kernel lets them go";
	if (job->live->disk_full)
		return "the job's processes are gone, but the rest of its "
		       "output waits for room on the disk";
	return "the job's processes are gone, but its helper does not answer";
}

void
job_unwait(struct job_waiter *w)
{
	if (w->list == NULL)
		return;
	TAILQ_REMOVE(w->list, w, entry);
	w->list = NULL;
}

void
job_stop(struct job *job, const char *by)
{
	if (job->phase == PHASE_SETUP || job->phase == PHASE_RUNNING) {
		free(job->stopped_by);
		job->stopped_by = strdup(by);
	}
	job_event(job, EV_STOP);
}

void
job_stop_all(const char *by)
{
	struct job *job;

	RB_FOREACH(job, job_tree, &jobs)
		job_stop(job, by);
}

/* ---------------------------------------------------------- what is known */

int
job_ended(const struct job *job)
{
	return job->phase == PHASE_ENDED;
}

enum job_state
job_state(const struct job *job)
{
	return job_ended(job) ? job->state : JOB_STATE_RUNNING;
}

const char *
job_owner(const struct job *job)
{
	return job->owner;
}

const char *
job_uuid(const struct job *job)
{
	return job->uuid;
}

void
job_name(const struct job *job, char *buf, size_t size)
{
	snprintf(buf, size, "users/%s/jobs/%s", job->owner, job->uuid);
}

static void
exit_info(const struct job *job, struct msg_job_info *info)
{
	if (!job->exited)
		return;
	if (WIFSIGNALED(job->status)) {
		info->term_signal = WTERMSIG(job->status);
		info->exit_code = 128 + info->term_signal;
	} else {
		info->exit_code = WEXITSTATUS(job->status);
	}
}

void
job_info(const struct job *job, struct msg_job_info *info)
{
	static char name[MSG_NAME_MAX + 1];
	const struct job_look *look = job_look(job);

	memset(info, 0, sizeof(*info));
	job_name(job, name, sizeof(name));
	info->name = name;
	info->owner = job->owner;
	info->state = job_state(job);
	info->stopping = job->phase == PHASE_STOPPING ||
	    (job->phase == PHASE_DRAINING && job->stopped_by != NULL);
	info->missing = job->missing;
	info->start_ns = job->start_ns;
	info->command = job->command;
	info->argc = job->argc;
	info->argv.p = job->argv;
	info->argv.len = job->argv_len;
	info->labelc = job->labelc;
	info->labels.p = job->labels;
	info->labels.len = job->labels_len;
	info->class = job->class;
	info->limits = job->limits;
	info->stopped_by = job->stopped_by;
	info->output_size = look->output.size;
	info->output_first = look->output.first_kept;
	/* What lies before the first byte that is kept was dropped. */
	info->output_dropped = look->output.first_kept;
	info->stats = look->stats;
	if (!job_ended(job)) {
		info->disk_full = job->live->disk_full != 0;
		return;
	}
	exit_info(job, info);
	info->reason = job->reason;
	info->oom_killed = job->oom_killed;
	info->stage = job->stage;
	info->error = job->error;
	info->end_ns = job->end_ns;
}

void
job_failure(const struct job *job, struct job_error *err)
{
	const char *detail = job->detail != NULL ? job->detail : "";

	/* No fault of the request: the same one may succeed later. */
	if (job->stage == STAGE_RELAY &&
	    (job->error == ENOSPC || job->error == EDQUOT))
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "DISK_FULL", NULL,
		    "the job's files cannot be written: %s",
		    strerror(job->error));
	else if (job->stage == STAGE_HELPER &&
	    (job->error == EAGAIN || job->error == ENOMEM))
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "HELPER", NULL,
		    "cannot start the job's helper process: %s",
		    strerror(job->error));
	else
		job_error_set(err, RES_FAILED_PRECONDITION, "START_FAILED",
		    NULL, "the job could not be started: %s: %s%s%s",
		    exec_stage_name(job->stage), log_vis(detail),
		    detail[0] != '\0' ? ": " : "",
		    job->error != 0 ? strerror(job->error) :
				      "the helper ended");
}

int
job_open_output(const struct job *job, int *output, int *index)
{
	if ((*output = store_read(job->uuid, "output")) == -1)
		return -1;
	if ((*index = store_read(job->uuid, "index")) == -1) {
		close(*output);
		return -1;
	}
	return 0;
}

void
job_announce_to(struct job *job, int fd)
{
	if (job->live != NULL && job->live->exec != NULL)
		exec_watch(job->live->exec, fd);
	else
		close(fd);
}

unsigned int
job_count_active(void)
{
	return nactive;
}
