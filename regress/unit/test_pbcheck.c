/* LINK: frontend/pbcheck.c */
/* LIBS: libprotobuf-c */
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

#include "pbcheck.h"

#define DESC                                                                   \
	drrev__telehandler__foreman__v1alpha1__start_job_request__descriptor
#define WATCH                                                                  \
	drrev__telehandler__foreman__v1alpha1__watch_job_output_request__descriptor
#define START Drrev__Telehandler__Foreman__V1alpha1__StartJobRequest
#define START_FN(f)                                                            \
	drrev__telehandler__foreman__v1alpha1__start_job_request__##f

struct out {
	const char *parent;
	const char *command;
	struct pb_strings args;
	struct pb_strings labels;
	int has_grace;
	struct {
		int64_t seconds;
		int32_t nanos;
	} grace;
	uint64_t offset;
	int no_follow;
};

static const struct pb_map grace_map[] = {
	{ 1, 0, NULL, 0, 0 },
	{ 2, sizeof(int64_t), NULL, 0, 0 },
};

static const struct pb_map start_map[] = {
	{ 1, offsetof(struct out, parent), NULL, 0, 0 },
	{ 2, offsetof(struct out, command), NULL, 0, 0 },
	{ 3, offsetof(struct out, args), NULL, 0, 0 },
	{ 28, offsetof(struct out, labels), NULL, 0, 0 },
	{ 25, offsetof(struct out, grace), grace_map, 2,
	    offsetof(struct out, has_grace) },
};

static const struct pb_map watch_map[] = {
	{ 16, offsetof(struct out, offset), NULL, 0, 0 },
	{ 18, offsetof(struct out, no_follow), NULL, 0, 0 },
};

static char room[4096], args[64], labels[16];
static struct out out;
static struct pb_in in;

static enum pb_error
decode_as(const ProtobufCMessageDescriptor *desc, const struct pb_map *map,
    size_t n, const void *p, size_t len)
{
	uint8_t *copy;
	enum pb_error e;

	memset(&out, 0, sizeof(out));
	memset(&in, 0, sizeof(in));
	in.room = room;
	in.size = sizeof(room);
	out.args.buf = args;
	out.args.size = sizeof(args);
	out.labels.buf = labels;
	out.labels.size = sizeof(labels);
	/* In its own allocation, so that a step too far is seen. */
	copy = malloc(len == 0 ? 1 : len);
	assert_non_null(copy);
	memcpy(copy, p, len);
	e = pb_decode(desc, map, n, copy, len, &out, &in);
	free(copy);
	return e;
}

static enum pb_error
decode(const void *p, size_t len)
{
	return decode_as(&DESC, start_map, 5, p, len);
}

#define LIT(s) (s), sizeof(s) - 1

static size_t
sample(uint8_t *buf)
{
	static char one[] = "one", empty[] = "", three[] = "thr\303\251e";
	static char command[] = "/bin/echo", parent[] = "users/bob";
	char *argv[] = { one, empty, three };
	Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
	START m;

	START_FN(init)(&m);
	m.parent = parent;
	m.command = command;
	m.n_args = 3;
	m.args = argv;
	d.seconds = 7;
	d.nanos = -5;
	m.stop_grace = &d;
	return START_FN(pack)(&m, buf);
}

static void
test_decode(void **state)
{
	uint8_t buf[256];
	size_t len;

	(void)state;
	len = sample(buf);
	assert_int_equal(decode(buf, len), PB_OK);
	assert_string_equal(out.parent, "users/bob");
	assert_string_equal(out.command, "/bin/echo");
	assert_int_equal(out.args.count, 3);
	assert_int_equal(out.args.len, 12);
	assert_memory_equal(args,
	    "one\0\0thr\xc3\xa9"
	    "e",
	    12);
	assert_true(out.has_grace);
	assert_int_equal(out.grace.seconds, 7);
	assert_int_equal(out.grace.nanos, -5);
}

/* Cut anywhere, or with any bit turned: an answer, and no step too far. */
static void
test_damage(void **state)
{
	uint8_t buf[256], bad[256];
	size_t bit, len, n;

	(void)state;
	len = sample(buf);
	for (n = 0; n < len; n++)
		(void)decode(buf, n);
	for (bit = 0; bit < len * 8; bit++) {
		memcpy(bad, buf, len);
		bad[bit / 8] ^= 1 << bit % 8;
		(void)decode(bad, len);
	}
}

static void
test_malformed(void **state)
{
	static const struct {
		const char *p;
		size_t len;
	} bad[] = {
		{ LIT("\x12") }, /* no length */
		{ LIT("\x12\x05x") }, /* shorter than it says */
		{ LIT("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") },
		{ LIT("\x10\x01") }, /* a number for a string */
		{ LIT("\x02\x01x") }, /* field 0 */
		{ LIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02") },
		{ LIT("\x80") }, { LIT("\x17") }, /* wire type 7 */
		{ LIT("\x14") }, /* end of no group */
		{ LIT("\xa3\x06") }, /* group without end */
		{ LIT("\xa3\x06\xac\x06") }, /* ended by another */
		{ LIT("\xa1\x06\x01\x02") }, /* short fixed64 */
		{ LIT("\xca\x01\x02\x08") }, /* message cut within */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode(bad[i].p, bad[i].len), PB_MALFORMED);
}

static void
test_unknown_fields(void **state)
{
	(void)state;
	assert_int_equal(decode(LIT("\xa0\x06\x01" /* 100: varint */
				    "\xa2\x06\x01x"
				    "\xa1\x06"
				    "12345678"
				    "\xa5\x06"
				    "1234"
				    "\xa3\x06\x08\x01\x13\x14\xa4\x06"
				    "\x12\x02ls")),
	    PB_OK);
	assert_string_equal(out.command, "ls");
}

static void
test_last_wins(void **state)
{
	(void)state;
	assert_int_equal(decode(LIT("\x12\x01"
				    "a"
				    "\x12\x01"
				    "b")),
	    PB_OK);
	assert_string_equal(out.command, "b");
	/* Messages are merged. */
	assert_int_equal(decode(
			     LIT("\xca\x01\x02\x08\x05\xca\x01\x02\x10\x06")),
	    PB_OK);
	assert_int_equal(out.grace.seconds, 5);
	assert_int_equal(out.grace.nanos, 6);
}

static void
test_nul(void **state)
{
	(void)state;
	assert_int_equal(decode(LIT("\x12\x03l\0s")), PB_NUL);
	assert_string_equal(in.field, "command");
	assert_int_equal(decode(LIT("\x1a\x01\0")), PB_NUL);
	assert_string_equal(in.field, "args");
}

#define LABELS "\xe2\x01" /* field 28 */

/* Entries of a map, keys and values in turn. */
static void
test_map(void **state)
{
	(void)state;
	assert_int_equal(decode(LIT(LABELS "\x06\x0a\x01k\x12\x01v"
			     /* the value first, and unknown fields */
			     LABELS "\x08\x12\x01w\x18\x07\x0a\x01k")),
	    PB_OK);
	assert_int_equal(out.labels.count, 4);
	assert_int_equal(out.labels.len, 8);
	assert_memory_equal(out.labels.buf, "k\0v\0k\0w", 8);
	assert_false(out.labels.overflow);

	/* What an entry lacks is empty. */
	assert_int_equal(decode(LIT(LABELS "\x00" LABELS "\x03\x0a\x01k")),
	    PB_OK);
	assert_int_equal(out.labels.count, 4);
	assert_memory_equal(out.labels.buf, "\0\0k\0", 5);

	/* Not all of this has room. */
	assert_int_equal(decode(LIT(
			     LABELS "\x10\x0a\x06"
				    "abcdef"
				    "\x12\x06"
				    "ghijkl" LABELS "\x06\x0a\x01k\x12\x01v")),
	    PB_OK);
	assert_true(out.labels.overflow);

	assert_int_equal(decode(LIT(LABELS "\x03\x0a\x01\0")), PB_NUL);
	assert_string_equal(in.field, "labels");
	assert_int_equal(decode(LIT(LABELS "\x03\x12\x01\xff")), PB_UTF8);
	assert_int_equal(decode(LIT(LABELS "\x03\x0a\x05k")), PB_MALFORMED);
	assert_int_equal(decode(LIT("\xe0\x01\x01")), PB_MALFORMED);
}

static void
test_utf8(void **state)
{
	static const struct {
		const char *s;
		int good;
	} cases[] = {
		{ "", 1 },
		{ "ascii", 1 },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 1 },
		{ "\xef\xbf\xbf", 1 },
		{ "\xf4\x8f\xbf\xbf", 1 },
		{ "\x80", 0 },
		{ "\xc3", 0 },
		{ "\xc0\x80", 0 }, /* overlong */
		{ "\xe0\x80\xaf", 0 },
		{ "\xf0\x80\x80\xaf", 0 },
		{ "\xed\xa0\x80", 0 }, /* surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* beyond the last */
		{ "\xf8\x88\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(pb_utf8((const uint8_t *)cases[i].s,
				     strlen(cases[i].s)),
		    cases[i].good);
	assert_int_equal(decode(LIT("\x12\x01\xff")), PB_UTF8);
}

static void
test_overflow(void **state)
{
	uint8_t buf[256];
	size_t i;

	(void)state;
	for (i = 0; i + 2 <= sizeof(buf); i += 2) {
		buf[i] = 0x1a;
		buf[i + 1] = 0;
	}
	assert_int_equal(decode(buf, 2 * sizeof(args)), PB_OK);
	assert_false(out.args.overflow);
	assert_int_equal(out.args.count, sizeof(args));
	assert_int_equal(decode(buf, 2 * sizeof(args) + 2), PB_OK);
	assert_true(out.args.overflow);
	assert_int_equal(out.args.count, sizeof(args) + 1);
}

static void
test_numbers(void **state)
{
	(void)state;
	assert_int_equal(decode_as(&WATCH, watch_map, 2,
			     LIT("\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff"
				 "\xff\x01\x90\x01\x02")),
	    PB_OK);
	assert_true(out.offset == UINT64_MAX);
	assert_int_equal(out.no_follow, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_last_wins),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
