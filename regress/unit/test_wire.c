/* LINK: common/wire.c common/msg.c */
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

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "imsg.h"
#include "msg.h"

static uint8_t buf[IMSG_MAX];

static struct imsg
message(enum msg_type type, size_t len, int nfds)
{
	struct imsg m;

	memset(&m, 0, sizeof(m));
	m.hdr.type = type;
	m.data = buf;
	m.len = len;
	m.nfds = nfds;
	return m;
}

static size_t
encode_start(struct msg_job_start *s)
{
	ssize_t n;

	memset(s, 0, sizeof(*s));
	s->conn = 0x1122334455667788;
	s->parent = "users/bob";
	s->command = "/bin/echo";
	s->argc = 2;
	s->argv.p = (const uint8_t *)"a\0bc";
	s->argv.len = 5;
	s->cwd = "/";
	s->class = NULL;
	s->grace_ms = 7;
	n = msg_encode(MSG_JOB_START, s, buf, sizeof(buf));
	assert_true(n > 0);
	return n;
}

static void
test_round_trip(void **state)
{
	struct msg_job_start in;
	union msg_any any;
	struct imsg m;

	(void)state;
	m = message(MSG_JOB_START, encode_start(&in), 0);
	assert_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	assert_true(any.job_start.conn == in.conn);
	assert_string_equal(any.job_start.parent, "users/bob");
	assert_string_equal(any.job_start.class, "");
	assert_int_equal(any.job_start.argv.len, 5);
	assert_memory_equal(any.job_start.argv.p, "a\0bc", 5);
	assert_int_equal(any.job_start.grace_ms, 7);
}

/* Every shorter payload, and one with a byte too many, is refused. */
static void
test_truncated(void **state)
{
	struct msg_job_start in;
	union msg_any any;
	struct imsg m;
	size_t len, n;

	(void)state;
	len = encode_start(&in);
	for (n = 0; n < len; n++) {
		m = message(MSG_JOB_START, n, 0);
		assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	}
	buf[len] = 0;
	m = message(MSG_JOB_START, len + 1, 0);
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
}

static void
test_side_and_fds(void **state)
{
	struct msg_job_start in;
	union msg_any any;
	struct imsg m;
	size_t len;

	(void)state;
	len = encode_start(&in);
	m = message(MSG_JOB_START, len, 0);
	assert_non_null(msg_check(SIDE_FRONT, &m, &any));
	assert_non_null(msg_check(SIDE_SUP_EXEC, &m, &any));
	m = message(MSG_JOB_START, len, 1);
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	m = message(MSG_MAX, len, 0);
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	m = message(MSG_NONE, len, 0);
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
}

/* A length that points past the end, or past the field's limit. */
static void
test_lengths(void **state)
{
	struct msg_job_ref in, *out;
	union msg_any any;
	struct imsg m;
	uint32_t huge = UINT32_MAX;
	ssize_t n;

	(void)state;
	memset(&in, 0, sizeof(in));
	in.name = "x";
	n = msg_encode(MSG_JOB_STOP, &in, buf, sizeof(buf));
	assert_int_equal(n, 8 + 4 + 2);
	m = message(MSG_JOB_STOP, n, 0);
	assert_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	out = (struct msg_job_ref *)(void *)&any;
	assert_string_equal(out->name, "x");
	memcpy(buf + 8, &huge, sizeof(huge));
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	/* A NUL within a string, and none at its end. */
	n = msg_encode(MSG_JOB_STOP, &in, buf, sizeof(buf));
	buf[12] = '\0';
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
	buf[12] = 'x';
	buf[13] = 'y';
	assert_non_null(msg_check(SIDE_SUP_FRONT, &m, &any));
}

static void
test_encode_limits(void **state)
{
	static char name[MSG_NAME_MAX + 2];
	struct msg_job_ref in;

	(void)state;
	memset(&in, 0, sizeof(in));
	memset(name, 'a', MSG_NAME_MAX + 1);
	in.name = name;
	errno = 0;
	assert_int_equal(msg_encode(MSG_JOB_STOP, &in, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EMSGSIZE);
	name[MSG_NAME_MAX] = '\0';
	assert_true(msg_encode(MSG_JOB_STOP, &in, buf, sizeof(buf)) > 0);
	assert_int_equal(msg_encode(MSG_JOB_STOP, &in, buf, 20), -1);
}

static void
test_strings(void **state)
{
	struct wire_bytes b = { (const uint8_t *)"a\0\0bc", 6 };
	char **v;

	(void)state;
	assert_int_equal(wire_strings_check(&b, 3), 0);
	assert_int_equal(wire_strings_check(&b, 2), -1);
	assert_int_equal(wire_strings_check(&b, 4), -1);
	b.len = 5; /* the last NUL is missing */
	assert_int_equal(wire_strings_check(&b, 3), -1);
	b.len = 6;
	v = wire_strings_split(&b, 3, 1);
	assert_non_null(v);
	assert_null(v[0]);
	assert_string_equal(v[1], "a");
	assert_string_equal(v[2], "");
	assert_string_equal(v[3], "bc");
	assert_null(v[4]);
	free(v);
	b.len = 0;
	assert_int_equal(wire_strings_check(&b, 0), 0);
}

/* The struct of every type fits where msg_check() puts it. */
static void
test_union_holds_all(void **state)
{
	const struct msg_desc *d;
	unsigned int type;

	(void)state;
	for (type = MSG_NONE + 1; type < MSG_MAX; type++) {
		d = msg_desc(type);
		assert_non_null(d);
		assert_true(d->size <= sizeof(union msg_any));
		assert_true(d->nfds <= IMSG_MAX_FDS);
		assert_true(d->sides != 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_side_and_fds),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_encode_limits),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_union_holds_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
