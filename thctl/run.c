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
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "jobref.h"
#include "output.h"
#include "verbs.h"

#define NAME_SIZE 512

/* How often the user has pressed Ctrl-C. */
static volatile sig_atomic_t interrupts;

static void
on_int(int sig)
{
	(void)sig;
	interrupts++;
}

/*
 * Count interrupts instead of dying. They stay blocked but where they are
 * waited for, in client_step() and in writing, so that none is overlooked.
 */
static void
catch_int(void)
{
	struct sigaction sa;
	sigset_t set;

	if (sigaction(SIGINT, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
		return;
	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = on_int; /* without SA_RESTART */
	sigaction(SIGINT, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Output that is being followed. */
struct follow {
	struct client *c;
	struct call call;
	int stopping; /* a stop has been asked for */
	int ended; /* the last message has come */
	int write_error;
	int exit_code; /* for thctl, of the job's end */
};

static int
write_data(struct follow *f, const ProtobufCBinaryData *data)
{
	size_t done = 0;
	sigset_t set, old;
	int r;

	if (data->len == 0)
		return 0;
	/* A reader that has stalled must not keep the user from leaving. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, &old);
	do {
		r = output_write(data->data, data->len, &done);
	} while (r == -1 && errno == EINTR && interrupts < 2);
	if (r == -1 && errno != EINTR)
		f->write_error = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int
on_output(struct call *call, const uint8_t *data, size_t len)
{
	struct follow *f = call->arg;
	struct api_job_output *out;
	struct job_end end = { .stage = "" };
	int r;

	out = (struct api_job_output *)protobuf_c_message_unpack(API_JOB_OUTPUT,
	    NULL, len, data);
	if (out == NULL)
		return -1;
	r = write_data(f, &out->data);
	if (r == 0 && out->end) {
		end.reason = out->reason;
		end.exit_code = out->exit_code;
		f->exit_code = job_exit_code(&end);
		f->ended = 1;
	}
	protobuf_c_message_free_unpacked(&out->base, NULL);
	return r;
}

static void
follow_start(struct follow *f, char *name, const struct options *o)
{
	struct api_watch req;

	api_watch_init(&req);
	req.name = name;
	req.start_offset = o->offset;
	req.no_follow = o->no_follow;
	f->call.message = on_output;
	f->call.arg = f;
	client_start(f->c, &f->call, "WatchJobOutput", &req.base, -1);
}

/* Returns 0 if all of the output has been written, or an exit code. */
static int
follow_result(const struct follow *f, const char *what)
{
	const struct call_status *st = &f->call.status;

	if (f->ended)
		return 0;
	if (f->write_error != 0) {
		warnx("standard output: %s", strerror(f->write_error));
		return EXIT_DAEMON;
	}
	if (st->code != GRPC_OK)
		return api_failed(what, st);
	warnx("%s: the output was cut: its end has not come", safe(what));
	return EXIT_DAEMON;
}

int
verb_watch(const struct options *o, const struct operands *ops)
{
	struct follow f = { 0 };
	char name[NAME_SIZE];
	int code;

	if (jobref(ops->argv[0], name, sizeof(name)) == -1)
		return EXIT_USAGE;
	if ((f.c = api_open(o)) == NULL)
		return EXIT_DAEMON;
	follow_start(&f, name, o);
	while (!f.call.done)
		(void)client_step(f.c);
	/* Without following, an end of the stream is an end of the output. */
	if (o->no_follow && f.call.status.code == GRPC_OK && !f.write_error)
		code = EXIT_OK;
	else
		code = follow_result(&f, ops->argv[0]);
	client_close(f.c);
	return code;
}

/* ------------------------------------------------------------------- run */

/* Ask for the job's end once, at the first interrupt. */
static void
stop_if_asked(struct follow *f, struct api_call *stop, char *name)
{
	struct api_stop req;

	if (interrupts == 0 || f->stopping)
		return;
	f->stopping = 1;
	warnx("stopping %s (once more to leave it alone)", safe(name));
	api_stop_init(&req);
	req.name = name;
	client_start(f->c, &stop->call, "StopJob", &req.base, -1);
}

/* Say it once if a stop has failed; the job is still followed. */
static void
report_stop(struct api_call *stop)
{
	struct call_status *st = &stop->call.status;

	if (!stop->call.done || st->code == GRPC_OK)
		return;
	(void)api_failed("stop", st);
	st->code = GRPC_OK;
}

static int
detached(const char *name)
{
	warnx("%s goes on (thctl watch, thctl stop)", safe(name));
	return EXIT_DAEMON;
}

/* Follow a job that has been started to its end. */
static int
run_follow(struct client *c, char *name, const struct options *o)
{
	struct follow f = { .c = c };
	struct api_call stop;

	api_prepare(&stop, NULL);
	follow_start(&f, name, o);
	while (!f.call.done && interrupts < 2) {
		stop_if_asked(&f, &stop, name);
		(void)client_step(c);
		report_stop(&stop);
	}
	client_cancel(c, &f.call);
	if (f.stopping)
		client_cancel(c, &stop.call);
	if (!f.ended && interrupts >= 2)
		return detached(name);
	if (follow_result(&f, name) == 0)
		return f.exit_code;
	return EXIT_DAEMON;
}

/* The code for a job that could not be started. */
static int
start_failed(const char *command, const struct call_status *st)
{
	struct job_end end = { "", EXIT_DAEMON, st->stage, st->error };

	if (st->local && st->code == GRPC_CANCELLED) {
		warnx("%s: interrupted; it may have been started",
		    safe(command));
		return EXIT_DAEMON;
	}
	(void)api_failed(command, st);
	if (st->local || st->code != GRPC_PRECONDITION)
		return EXIT_DAEMON;
	return job_exit_code(&end);
}

int
verb_run(const struct options *o, const struct operands *ops)
{
	struct api_start req;
	struct api_job_response *job;
	struct api_call ac;
	struct client *c;
	int code;

	if ((c = api_open(o)) == NULL)
		return EXIT_DAEMON;
	catch_int();
	api_start_init(&req);
	api_start_fill(&req, o, ops);
	api_prepare(&ac, API_JOB_RESPONSE);
	client_start(c, &ac.call, "StartJob", &req.base, -1);
	while (!ac.call.done && interrupts < 2)
		(void)client_step(c);
	client_cancel(c, &ac.call);
	client_finish(c, &ac.call);
	if (ac.call.status.code != GRPC_OK) {
		code = start_failed(req.command, &ac.call.status);
	} else {
		job = (struct api_job_response *)ac.answer;
		code = run_follow(c, job->name, o);
	}
	api_free(&ac);
	api_start_free(&req);
	client_close(c);
	return code;
}
