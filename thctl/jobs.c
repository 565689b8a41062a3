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

#include <stdio.h>
#include <string.h>

#include "api.h"
#include "jobref.h"
#include "json.h"
#include "print.h"
#include "verbs.h"

#define NAME_SIZE 512

int
verb_start(const struct options *o, const struct operands *ops)
{
	struct api_start req;
	const struct api_job_response *job;
	struct api_call ac;
	struct client *c;
	int code = EXIT_OK;

	if ((c = api_open(o)) == NULL)
		return EXIT_DAEMON;
	api_start_init(&req);
	api_start_fill(&req, o, ops);
	api_prepare(&ac, API_JOB_RESPONSE);
	if (api_run(c, &ac, "StartJob", &req.base, -1) == -1) {
		code = api_failed(req.command, &ac.call.status);
	} else {
		job = (const struct api_job_response *)ac.answer;
		if (o->json)
			print_started_json(job);
		else
			printf("%s\n", safe(job->uid));
	}
	api_free(&ac);
	api_start_free(&req);
	client_close(c);
	return code;
}

/* What to do with each of several jobs; returns its exit code. */
struct each {
	const struct options *o;
	struct client *c;
	const char *ref; /* as the user wrote it */
	char name[NAME_SIZE];
	int first;
	int64_t deadline; /* CLOCK_MONOTONIC, milliseconds; -1: none */
};

/* All names are looked at before anything is done to a job. */
static int
check_names(const struct operands *ops)
{
	char name[NAME_SIZE];
	int i, code = 0;

	for (i = 0; i < ops->argc; i++)
		if (jobref(ops->argv[i], name, sizeof(name)) == -1)
			code = -1;
	return code;
}

/* Do it for all; the first exit code that is not 0. */
static int
for_each(const struct options *o, const struct operands *ops,
    int (*what)(struct each *))
{
	struct each e = { .o = o, .deadline = -1 };
	int code = EXIT_OK, i, r;

	if (check_names(ops) == -1)
		return EXIT_USAGE;
	if ((e.c = api_open(o)) == NULL)
		return EXIT_DAEMON;
	if (o->timeout_ms != -1)
		e.deadline = now_ms() + o->timeout_ms;
	for (i = 0; i < ops->argc; i++) {
		e.ref = ops->argv[i];
		e.first = i == 0;
		(void)jobref(e.ref, e.name, sizeof(e.name));
		r = what(&e);
		/* No answer to one, no answer to any: say so with the code. */
		if (code == EXIT_OK)
			code = r;
	}
	client_close(e.c);
	return code;
}

static int
stop_one(struct each *e)
{
	struct api_stop req;
	struct api_call ac;

	api_stop_init(&req);
	req.name = e->name;
	api_prepare(&ac, NULL);
	if (api_run(e->c, &ac, "StopJob", &req.base, -1) == -1)
		return api_failed(e->ref, &ac.call.status);
	if (!e->o->quiet)
		printf("%s ended\n", e->ref);
	api_free(&ac);
	return EXIT_OK;
}

int
verb_stop(const struct options *o, const struct operands *ops)
{
	return for_each(o, ops, stop_one);
}

static int
status_one(struct each *e)
{
	struct api_get req;
	const struct api_job_status *st;
	struct api_call ac;

	api_get_init(&req);
	req.name = e->name;
	api_prepare(&ac, API_JOB_STATUS);
	if (api_run(e->c, &ac, "GetJobStatus", &req.base, -1) == -1)
		return api_failed(e->ref, &ac.call.status);
	st = (const struct api_job_status *)ac.answer;
	if (e->o->json) {
		print_status_json(st);
	} else {
		if (!e->first)
			putchar('\n');
		print_status(st);
	}
	api_free(&ac);
	return EXIT_OK;
}

int
verb_status(const struct options *o, const struct operands *ops)
{
	return for_each(o, ops, status_one);
}

static int
wait_done(const struct each *e, const struct api_job_status *st)
{
	struct job_end end = { st->reason, st->exit_code, st->failed_stage,
		st->failed_errno };
	int code = job_exit_code(&end);

	if (e->o->json)
		print_status_json(st);
	else if (!e->o->quiet)
		printf("%s %s %d\n", e->ref, api_state_short(st->state), code);
	/* The next may take long, and somebody may read along. */
	fflush(stdout);
	return code;
}

static int
wait_one(struct each *e)
{
	struct api_wait req;
	struct api_call ac;
	int64_t left = -1;
	int code;

	if (e->deadline != -1) {
		left = e->deadline - now_ms();
		if (left < 0)
			left = 0;
	}
	api_wait_init(&req);
	req.name = e->name;
	api_prepare(&ac, API_JOB_STATUS);
	if (api_run(e->c, &ac, "WaitJob", &req.base, left) == -1) {
		code = api_failed(e->ref, &ac.call.status);
		if (left != -1 && ac.call.status.code == GRPC_DEADLINE)
			return EXIT_DEADLINE;
		return code;
	}
	code = wait_done(e, (const struct api_job_status *)ac.answer);
	api_free(&ac);
	return code;
}

int
verb_wait(const struct options *o, const struct operands *ops)
{
	return for_each(o, ops, wait_one);
}

int
verb_version(const struct options *o, const struct operands *ops)
{
	struct json j = { stdout, 0 };

	(void)ops;
	if (!o->json) {
		printf("thctl %s (API %s)\n", TH_VERSION, API_PACKAGE);
		return EXIT_OK;
	}
	json_begin(&j, NULL, '{');
	json_string(&j, "version", TH_VERSION);
	json_string(&j, "api", API_PACKAGE);
	json_end(&j, '}');
	putchar('\n');
	return EXIT_OK;
}
