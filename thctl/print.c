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

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "print.h"
#include "text.h"

#define TIME_SIZE 48

/* RFC 3339 in UTC, with 0, 3, 6 or 9 digits of the second. */
static int
format_time(const Google__Protobuf__Timestamp *ts, char *buf, size_t size)
{
	char date[32], fraction[16] = "";
	time_t t = ts->seconds;
	struct tm tm;

	if (ts->nanos < 0 || ts->nanos > 999999999 ||
	    gmtime_r(&t, &tm) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return -1;
	if (ts->nanos % 1000 != 0)
		snprintf(fraction, sizeof(fraction), ".%09d", ts->nanos);
	else if (ts->nanos % 1000000 != 0)
		snprintf(fraction, sizeof(fraction), ".%06d", ts->nanos / 1000);
	else if (ts->nanos != 0)
		snprintf(fraction, sizeof(fraction), ".%03d",
		    ts->nanos / 1000000);
	snprintf(buf, size, "%s%sZ", date, fraction);
	return 0;
}

static void
line(const char *key, const char *value)
{
	if (value[0] != '\0')
		printf("%s %s\n", key, safe(value));
}

static void
line_number(const char *key, int value)
{
	if (value != 0)
		printf("%s %d\n", key, value);
}

static void
line_time(const char *key, const Google__Protobuf__Timestamp *ts)
{
	char buf[TIME_SIZE];

	if (ts != NULL && format_time(ts, buf, sizeof(buf)) == 0)
		printf("%s %s\n", key, buf);
}

static void
line_command(const struct api_job_status *st)
{
	size_t i;

	if (st->command[0] == '\0')
		return;
	printf("command ");
	print_word(stdout, st->command);
	for (i = 0; i < st->n_args; i++) {
		putchar(' ');
		print_word(stdout, st->args[i]);
	}
	putchar('\n');
}

/* Under the names that the kernel has for them. */
static void
lines_limits(const struct api_job_status *st)
{
	size_t i;

	for (i = 0; i < st->n_limits; i++)
		printf("limit.%s %s\n", safe(st->limits[i]->key),
		    safe(st->limits[i]->value));
}

static void
lines_labels(const struct api_job_status *st)
{
	size_t i;

	for (i = 0; i < st->n_labels; i++)
		printf("label %s=%s\n", safe(st->labels[i]->key),
		    safe(st->labels[i]->value));
}

/* Said only where something is gone. */
static void
lines_dropped(const struct api_job_status *st)
{
	if (st->dropped_bytes == 0 && st->first_kept_offset == 0)
		return;
	printf("first_kept_offset %" PRIu64 "\n", st->first_kept_offset);
	printf("dropped_bytes %" PRIu64 "\n", st->dropped_bytes);
}

static void
lines_end(const struct api_job_status *st)
{
	if (st->end_time != NULL)
		printf("exit_code %d\n", st->exit_code);
	line("reason", st->reason);
	line_number("term_signal", st->term_signal);
	if (st->oom_killed)
		printf("oom_killed true\n");
	line("stopped_by", st->stopped_by);
	line("failed_stage", st->failed_stage);
	line_number("failed_errno", st->failed_errno);
}

void
print_status(const struct api_job_status *st)
{
	size_t i;

	printf("state %s\n", api_state_short(st->state));
	line("name", st->name);
	line("owner", st->owner);
	line_command(st);
	lines_labels(st);
	line("class", st->class_);
	line_time("start_time", st->start_time);
	line_time("end_time", st->end_time);
	if (st->stopping)
		printf("stopping true\n");
	if (st->waiting_for_disk)
		printf("waiting_for_disk true\n");
	lines_end(st);
	printf("output_size %" PRIu64 "\n", st->output_size);
	lines_dropped(st);
	lines_limits(st);
	for (i = 0; i < st->n_limits_missing; i++)
		line("limits_missing", st->limits_missing[i]);
	for (i = 0; i < st->n_stats; i++)
		printf("%s %s\n", safe(st->stats[i]->name),
		    safe(st->stats[i]->value));
}

/* ------------------------------------------------------------------ JSON */

static void
json_time(struct json *j, const char *key,
    const Google__Protobuf__Timestamp *ts)
{
	char buf[TIME_SIZE];

	if (ts != NULL && format_time(ts, buf, sizeof(buf)) == 0)
		json_string(j, key, buf);
}

static void
json_strings(struct json *j, const char *key, char **list, size_t n)
{
	size_t i;

	json_begin(j, key, '[');
	for (i = 0; i < n; i++)
		json_string(j, NULL, list[i]);
	json_end(j, ']');
}

static void
json_labels(struct json *j, const struct api_job_status *st)
{
	size_t i;

	json_begin(j, "labels", '{');
	for (i = 0; i < st->n_labels; i++)
		json_string(j, st->labels[i]->key, st->labels[i]->value);
	json_end(j, '}');
}

static void
json_limits(struct json *j, const struct api_job_status *st)
{
	size_t i;

	json_begin(j, "limits", '{');
	for (i = 0; i < st->n_limits; i++)
		json_string(j, st->limits[i]->key, st->limits[i]->value);
	json_end(j, '}');
}

static void
json_stats(struct json *j, const struct api_job_status *st)
{
	size_t i;

	json_begin(j, "stats", '[');
	for (i = 0; i < st->n_stats; i++) {
		json_begin(j, NULL, '{');
		json_string(j, "name", st->stats[i]->name);
		json_string(j, "value", st->stats[i]->value);
		json_end(j, '}');
	}
	json_end(j, ']');
}

void
print_status_json(const struct api_job_status *st)
{
	struct json j = { stdout, 0 };

	json_begin(&j, NULL, '{');
	json_string(&j, "name", st->name);
	json_string(&j, "state", api_state(st->state));
	json_time(&j, "startTime", st->start_time);
	json_time(&j, "endTime", st->end_time);
	json_int(&j, "exitCode", st->exit_code);
	json_string(&j, "owner", st->owner);
	json_string(&j, "command", st->command);
	json_strings(&j, "args", st->args, st->n_args);
	json_labels(&j, st);
	json_string(&j, "class", st->class_);
	json_limits(&j, st);
	json_strings(&j, "limitsMissing", st->limits_missing,
	    st->n_limits_missing);
	json_string(&j, "reason", st->reason);
	json_int(&j, "termSignal", st->term_signal);
	json_bool(&j, "oomKilled", st->oom_killed);
	json_string(&j, "stoppedBy", st->stopped_by);
	json_uint64(&j, "outputSize", st->output_size);
	json_uint64(&j, "firstKeptOffset", st->first_kept_offset);
	json_uint64(&j, "droppedBytes", st->dropped_bytes);
	json_string(&j, "failedStage", st->failed_stage);
	json_int(&j, "failedErrno", st->failed_errno);
	json_bool(&j, "stopping", st->stopping);
	json_bool(&j, "waitingForDisk", st->waiting_for_disk);
	json_stats(&j, st);
	json_end(&j, '}');
	putchar('\n');
}

void
print_started_json(const struct api_job_response *job)
{
	struct json j = { stdout, 0 };

	json_begin(&j, NULL, '{');
	json_string(&j, "name", job->name);
	json_string(&j, "uid", job->uid);
	json_string(&j, "state", api_state(job->state));
	json_end(&j, '}');
	putchar('\n');
}
