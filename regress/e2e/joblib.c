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

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cgroup.h"
#include "job.h"
#include "log.h"
#include "store.h"

/*
 * The worker library by itself: jobs are started, watched, stopped and asked
 * about through job.h alone, with no frontend, no message and no network in
 * this program. Speaks TAP. joblib CONF JOBEXEC
 */

#define TIMEOUT_SECONDS 20

static struct event_base *base;
static const struct conf *conf;
static struct cgroup_base cgroup;
static int tests, failures;
static int told; /* the waiter was called, maybe before the loop ran */

static void
ok(int good, const char *name)
{
	tests++;
	if (!good)
		failures++;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, name);
	fflush(stdout);
}

static void
called(struct job *job, struct job_waiter *w)
{
	(void)job;
	(void)w;
	told = 1;
	event_base_loopbreak(base);
}

static struct job_waiter waiter = { .fn = called };

static int timed_out;

static void
too_long(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	timed_out = 1;
	event_base_loopbreak(base);
}

/* Run the loop until a waiter is called; 0 if it took too long. */
static int
turn(void)
{
	struct timeval tv = { TIMEOUT_SECONDS, 0 };
	struct event *ev = evtimer_new(base, too_long, NULL);

	timed_out = 0;
	evtimer_add(ev, &tv);
	while (!told && !timed_out)
		event_base_loop(base, EVLOOP_ONCE);
	told = 0;
	event_free(ev);
	return !timed_out;
}

static struct job *
start(const char *script, uint32_t grace_ms, struct job_error *e)
{
	char argv[512];
	struct job_spec spec;
	struct job *job;
	size_t len = strlen(script) + 1;

	memset(&spec, 0, sizeof(spec));
	memcpy(argv, "-c", 3);
	memcpy(argv + 3, script, len);
	spec.owner = "tester";
	spec.command = "/bin/sh";
	spec.argc = 2;
	spec.argv.p = (const uint8_t *)argv;
	spec.argv.len = 3 + len;
	spec.class = conf_class(conf, "default");
	spec.grace_ms = grace_ms;
	if ((job = job_start(&spec, &waiter, e)) == NULL)
		errx(1, "start: %s", e->text);
	ok(turn(), "a start is answered");
	return job;
}

static int
output_is(struct job *job, const char *want)
{
	char buf[256];
	int out, idx;
	ssize_t n;

	if (job_open_output(job, &out, &idx) == -1)
		return 0;
	n = read(out, buf, sizeof(buf));
	close(out);
	close(idx);
	return n == (ssize_t)strlen(want) && memcmp(buf, want, n) == 0;
}

static void
test_completes(void)
{
	struct msg_job_info info;
	struct job_error e;
	struct job *job;

	job = start("echo hello; echo err >&2; exit 0", MSG_GRACE_UNSET, &e);
	ok(job_find(job_uuid(job)) == job, "it is found by its uuid");
	job_wait(job, &waiter);
	ok(turn() && job_ended(job), "its end is told");
	job_info(job, &info);
	ok(info.state == JOB_STATE_COMPLETED && info.exit_code == 0 &&
		info.reason == REASON_EXITED,
	    "state COMPLETED, exit code 0, reason exited");
	ok(output_is(job, "hello\nerr\n") && info.output_size == 10,
	    "output of both streams");
	ok(info.end_ns >= info.start_ns && info.start_ns > 0, "times");
	ok(access("/proc/self", F_OK) == 0 &&
		cgroup_open(&cgroup, job_uuid(job)) == -1,
	    "its cgroup is gone");
}

static void
test_fails(void)
{
	struct msg_job_info info;
	struct job_error e;
	struct job *job;

	job = start("exit 7", MSG_GRACE_UNSET, &e);
	job_wait(job, &waiter);
	ok(turn() && job_state(job) == JOB_STATE_FAILED, "exit 7 is FAILED");
	job_info(job, &info);
	ok(info.exit_code == 7 && info.term_signal == 0, "exit code 7");
	job = start("kill -9 $$", MSG_GRACE_UNSET, &e);
	job_wait(job, &waiter);
	ok(turn(), "its end is told");
	job_info(job, &info);
	ok(info.state == JOB_STATE_FAILED && info.exit_code == 137 &&
		info.term_signal == SIGKILL && info.reason == REASON_SIGNAL,
	    "killed by signal 9: exit code 137, reason signal");
}

static void
test_stop(const char *name, const char *script)
{
	struct msg_job_info info;
	struct job_error e;
	struct job *job;

	job = start(script, 200, &e);
	ok(job_state(job) == JOB_STATE_RUNNING, "state RUNNING");
	job_stop(job, "admin");
	job_wait_stopped(job, &waiter);
	ok(turn() && job_ended(job), name);
	job_info(job, &info);
	ok(info.state == JOB_STATE_STOPPED && info.reason == REASON_STOPPED &&
		strcmp(info.stopped_by, "admin") == 0,
	    "state STOPPED by admin");
	ok(cgroup_open(&cgroup, job_uuid(job)) == -1, "its cgroup is gone");
	job_stop(job, "bob");
	job_info(job, &info);
	ok(strcmp(info.stopped_by, "admin") == 0,
	    "a stop of one that has ended does nothing");
}

static void
test_not_started(void)
{
	struct msg_job_info info;
	struct job_error e;
	struct job_spec spec;
	struct job *job;

	memset(&spec, 0, sizeof(spec));
	spec.owner = "tester";
	spec.command = "/no/such/program";
	spec.class = conf_class(conf, "default");
	spec.grace_ms = MSG_GRACE_UNSET;
	job = job_start(&spec, &waiter, &e);
	ok(job != NULL && turn() && job_state(job) == JOB_STATE_FAILED,
	    "a program that does not exist: FAILED");
	job_info(job, &info);
	ok(info.reason == REASON_START_FAILED && info.stage == STAGE_EXEC &&
		info.error == 2,
	    "stage exec, ENOENT");
	job_failure(job, &e);
	ok(e.code == RES_FAILED_PRECONDITION &&
		strstr(e.text, "/no/such/program") != NULL,
	    "the error names it");
	spec.command = "";
	ok(job_start(&spec, &waiter, &e) == NULL &&
		e.code == RES_INVALID_ARGUMENT &&
		strcmp(e.field, "command") == 0,
	    "an empty command is refused");
}

int
main(int argc, char *argv[])
{
	struct job_config jc;
	struct conf *c;

	if (argc != 3)
		errx(2, "usage: joblib conf jobexec");
	log_init("joblib", 0);
	log_to_stderr();
	signal(SIGPIPE, SIG_IGN);
	if ((c = conf_parse(argv[1])) == NULL || conf_resolve(c) == -1 ||
	    store_open(c->state_dir) == -1 ||
	    cgroup_base_open(&cgroup, c->cgroup) == -1)
		return 1;
	conf = c;
	base = event_base_new();
	memset(&jc, 0, sizeof(jc));
	jc.base = base;
	jc.cgroup = &cgroup;
	jc.conf = conf;
	jc.jobexec = argv[2];
	if (base == NULL || job_init(&jc) == -1)
		return 1;
	test_completes();
	test_fails();
	test_stop("stop of one that obeys TERM", "sleep 100");
	test_stop("stop of one that ignores TERM",
	    "trap '' TERM; while :; do sleep 1; done");
	test_stop("stop of one whose child left the session",
	    "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 100' & "
	    "while :; do sleep 1; done");
	test_stop("stop of one that has stopped itself", "kill -STOP $$");
	test_not_started();
	ok(job_count_active() == 0, "no job is left");
	job_shutdown();
	printf("1..%d\n", tests);
	return failures != 0;
}
