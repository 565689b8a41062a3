/* LINK: frontend/reply.c frontend/status.c frontend/grpc.c frontend/pbcheck.c frontend/pbwrite.c common/msg.c common/wire.c */
/* LIBS: libprotobuf-c libnghttp2 libcrypto */
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

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drrev/telehandler/foreman/v1alpha1/telehandler.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include "grpc.h"
#include "msg.h"
#include "reply.h"
#include "status.h"

/*
 * The replies are written by hand; here they are read back by the generated
 * code, which knows the .proto.
 */
#define TYPE(name) Drrev__Telehandler__Foreman__V1alpha1__##name
#define FN(name) drrev__telehandler__foreman__v1alpha1__##name

static const uint8_t *
body(const uint8_t *buf, size_t *len)
{
	assert_non_null(buf);
	assert_true(*len >= GRPC_PREFIX);
	assert_int_equal(buf[0], 0);
	*len -= GRPC_PREFIX;
	assert_int_equal(buf[1] << 24 | buf[2] << 16 | buf[3] << 8 | buf[4],
	    *len);
	return buf + GRPC_PREFIX;
}

static void
test_started(void **state)
{
	struct msg_job_started m = { "users/a/jobs/x", "x", 1 };
	TYPE(JobResponse) * r;
	const uint8_t *p;
	uint8_t *buf;
	size_t len;

	(void)state;
	buf = reply_started(&m, &len);
	p = body(buf, &len);
	r = FN(job_response__unpack)(NULL, len, p);
	assert_non_null(r);
	assert_string_equal(r->name, "users/a/jobs/x");
	assert_string_equal(r->uid, "x");
	assert_int_equal(r->state, 1);
	FN(job_response__free_unpacked)(r, NULL);
	free(buf);
	buf = reply_empty(&len);
	body(buf, &len);
	assert_int_equal(len, 0);
	free(buf);
}

static void
fill_info(struct msg_job_info *m)
{
	memset(m, 0, sizeof(*m));
	m->name = "users/a/jobs/x";
	m->owner = "a";
	m->state = JOB_STATE_FAILED;
	m->stopping = 1;
	m->disk_full = 1;
	m->reason = REASON_OOM;
	m->oom_killed = 1;
	m->stage = STAGE_EXEC;
	m->missing = CTL_CPU | CTL_PIDS;
	m->error = 2;
	m->exit_code = -1;
	m->term_signal = 9;
	m->start_ns = 1700000000123456789;
	m->end_ns = 1700000001000000000;
	m->output_size = 1ULL << 40;
	m->output_first = 1ULL << 39;
	m->output_dropped = 77;
	m->labelc = 4;
	m->labels.p = (const uint8_t *)"app\0web\0tier\0";
	m->labels.len = 14;
	memset(&m->limits, 0xff, sizeof(m->limits)); /* MSG_UNLIMITED */
	m->limits.cpu_quota = 100000;
	m->limits.cpu_period = 1000000;
	m->limits.memory_max = 536870912;
	m->limits.memory_swap_max = 0;
	m->limits.memory_oom_group = 1;
	m->limits.io_rbps = 83886080;
	m->limits.io_wiops = 1000;
	m->command = "/bin/sh";
	m->argc = 3;
	m->argv.p = (const uint8_t *)"-c\0\0x y";
	m->argv.len = 8;
	m->class = "default";
	m->stopped_by = "admin";
	m->stats = "cpu.stat.usage_usec 12\nmemory.current 3 4\nnot\n";
}

static void
check_limits(const TYPE(JobStatus) * r)
{
	static const char *const want[][2] = {
		{ "cpu.max", "100000 1000000" },
		{ "memory.max", "536870912" },
		{ "memory.high", "max" },
		{ "memory.swap.max", "0" },
		{ "memory.oom.group", "1" },
		{ "pids.max", "max" },
		{ "io.max", "rbps=83886080 wbps=max riops=max wiops=1000" },
	};
	size_t i;

	assert_int_equal(r->n_limits, sizeof(want) / sizeof(want[0]));
	for (i = 0; i < r->n_limits; i++) {
		assert_string_equal(r->limits[i]->key, want[i][0]);
		assert_string_equal(r->limits[i]->value, want[i][1]);
	}
}

static void
test_job(void **state)
{
	struct msg_job_info m;
	TYPE(JobStatus) * r;
	const uint8_t *p;
	uint8_t *buf;
	size_t len;

	(void)state;
	fill_info(&m);
	buf = reply_job(&m, &len);
	p = body(buf, &len);
	r = FN(job_status__unpack)(NULL, len, p);
	assert_non_null(r);
	assert_string_equal(r->name, m.name);
	assert_int_equal(r->state, JOB_STATE_FAILED);
	assert_true(r->start_time->seconds == 1700000000);
	assert_int_equal(r->start_time->nanos, 123456789);
	assert_true(r->end_time->seconds == 1700000001);
	assert_int_equal(r->end_time->nanos, 0);
	assert_int_equal(r->exit_code, -1);
	assert_string_equal(r->owner, "a");
	assert_string_equal(r->command, "/bin/sh");
	assert_int_equal(r->n_args, 3);
	assert_string_equal(r->args[0], "-c");
	assert_string_equal(r->args[1], "");
	assert_string_equal(r->args[2], "x y");
	assert_string_equal(r->class_, "default");
	assert_int_equal(r->n_limits_missing, 2);
	assert_string_equal(r->limits_missing[0], "cpu");
	assert_string_equal(r->limits_missing[1], "pids");
	assert_string_equal(r->reason, "oom");
	assert_int_equal(r->term_signal, 9);
	assert_true(r->oom_killed);
	assert_string_equal(r->stopped_by, "admin");
	assert_true(r->output_size == 1ULL << 40);
	assert_true(r->first_kept_offset == 1ULL << 39);
	assert_int_equal(r->dropped_bytes, 77);
	assert_int_equal(r->n_labels, 2);
	assert_string_equal(r->labels[0]->key, "app");
	assert_string_equal(r->labels[0]->value, "web");
	assert_string_equal(r->labels[1]->key, "tier");
	assert_string_equal(r->labels[1]->value, "");
	check_limits(r);
	assert_string_equal(r->failed_stage, "exec");
	assert_int_equal(r->failed_errno, 2);
	assert_true(r->stopping);
	assert_true(r->waiting_for_disk);
	assert_int_equal(r->n_stats, 2);
	assert_string_equal(r->stats[0]->name, "cpu.stat.usage_usec");
	assert_string_equal(r->stats[0]->value, "12");
	assert_string_equal(r->stats[1]->name, "memory.current");
	assert_string_equal(r->stats[1]->value, "3 4");
	FN(job_status__free_unpacked)(r, NULL);
	free(buf);
}

static void
test_output(void **state)
{
	uint8_t buf[REPLY_HEAD_MAX + 300];
	const uint8_t *p;
	TYPE(JobOutput) * r;
	size_t head, i, len;
	static const struct {
		uint64_t offset;
		size_t len;
	} cases[] = { { 0, 1 }, { 127, 127 }, { UINT64_MAX, 300 } };

	(void)state;
	for (i = 0; i < 3; i++) {
		head = reply_output_head(buf, cases[i].offset, cases[i].len);
		assert_true(head <= REPLY_HEAD_MAX);
		memset(buf + head, 'x', cases[i].len);
		len = head + cases[i].len;
		p = body(buf, &len);
		r = FN(job_output__unpack)(NULL, len, p);
		assert_non_null(r);
		assert_true(r->offset == cases[i].offset);
		assert_int_equal(r->data.len, cases[i].len);
		assert_false(r->end);
		FN(job_output__free_unpacked)(r, NULL);
	}
}

static void
test_end(void **state)
{
	struct watch_end e = { 5, 1ULL << 33, JOB_STATE_FAILED, REASON_SIGNAL,
		137 };
	TYPE(JobOutput) * r;
	const uint8_t *p;
	uint8_t *buf;
	size_t len;

	(void)state;
	buf = reply_end(&e, &len);
	p = body(buf, &len);
	r = FN(job_output__unpack)(NULL, len, p);
	assert_non_null(r);
	assert_true(r->end);
	assert_true(r->offset == 5);
	assert_true(r->total == 1ULL << 33);
	assert_int_equal(r->state, JOB_STATE_FAILED);
	assert_int_equal(r->exit_code, 137);
	assert_string_equal(r->reason, "signal");
	assert_int_equal(r->data.len, 0);
	FN(job_output__free_unpacked)(r, NULL);
	free(buf);
}

static void
check_info(const Google__Protobuf__Any *any)
{
	Google__Rpc__ErrorInfo *info;

	assert_string_equal(any->type_url,
	    "type.googleapis.com/google.rpc.ErrorInfo");
	info = google__rpc__error_info__unpack(NULL, any->value.len,
	    any->value.data);
	assert_non_null(info);
	assert_string_equal(info->reason, "START_FAILED");
	assert_string_equal(info->domain, "telehandler");
	assert_int_equal(info->n_metadata, 3);
	assert_string_equal(info->metadata[0]->key, "name");
	assert_string_equal(info->metadata[0]->value, "users/a/jobs/x");
	assert_string_equal(info->metadata[1]->key, "stage");
	assert_string_equal(info->metadata[1]->value, "exec");
	assert_string_equal(info->metadata[2]->key, "errno");
	assert_string_equal(info->metadata[2]->value, "13");
	google__rpc__error_info__free_unpacked(info, NULL);
}

static void
check_field(const Google__Protobuf__Any *any)
{
	Google__Rpc__BadRequest *bad;

	assert_string_equal(any->type_url,
	    "type.googleapis.com/google.rpc.BadRequest");
	bad = google__rpc__bad_request__unpack(NULL, any->value.len,
	    any->value.data);
	assert_non_null(bad);
	assert_int_equal(bad->n_field_violations, 1);
	assert_string_equal(bad->field_violations[0]->field, "command");
	assert_string_equal(bad->field_violations[0]->description, "no exec");
	google__rpc__bad_request__free_unpacked(bad, NULL);
}

static void
test_details(void **state)
{
	struct status st = { .code = RES_FAILED_PRECONDITION,
		.text = "no exec",
		.reason = "START_FAILED",
		.field = "command",
		.name = "users/a/jobs/x",
		.stage = "exec",
		.error = 13 };
	Google__Rpc__Status *r;
	uint8_t *buf;
	size_t len;

	(void)state;
	buf = status_details(&st, &len);
	assert_non_null(buf);
	r = google__rpc__status__unpack(NULL, len, buf);
	assert_non_null(r);
	assert_int_equal(r->code, RES_FAILED_PRECONDITION);
	assert_string_equal(r->message, "no exec");
	assert_int_equal(r->n_details, 2);
	check_info(r->details[0]);
	check_field(r->details[1]);
	google__rpc__status__free_unpacked(r, NULL);
	free(buf);
}

static size_t
total(const nghttp2_nv *nv, size_t n)
{
	size_t i, len = 0;

	for (i = 0; i < n; i++)
		len += nv[i].namelen + nv[i].valuelen + 32;
	return len;
}

/* Whatever the text, the trailers stay below what clients take. */
static void
test_headers(void **state)
{
	nghttp2_nv nv[STATUS_HEADERS];
	char text[8192];
	struct status st = { .code = RES_NOT_FOUND, .text = text };
	size_t n;

	(void)state;
	strlcpy(text, "n\xc3\xb3", sizeof(text));
	assert_int_equal(status_headers(&st, nv), 2);
	assert_string_equal(nv[0].value, "5");
	assert_string_equal(nv[1].value, "n%C3%B3");
	memset(text, '\xff', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	st.reason = "R";
	st.field = "f";
	st.offer_encodings = 1;
	n = status_headers(&st, nv);
	assert_int_equal(n, 4);
	assert_true(total(nv, n) < 8192);
	assert_null(strchr((const char *)nv[3].value, '='));
	st.code = RES_OK;
	st.text = st.reason = NULL;
	st.offer_encodings = 0;
	assert_int_equal(status_headers(&st, nv), 1);
	assert_string_equal(nv[0].value, "0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_started),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
