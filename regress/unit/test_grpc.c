/* LINK: frontend/grpc.c frontend/pbcheck.c */
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

#include "grpc.h"

static enum grpc_read
feed(struct grpc_reader *r, const char *p, size_t len, size_t step)
{
	enum grpc_read e = GRPC_OK;
	size_t n;

	memset(r, 0, sizeof(*r));
	while (e == GRPC_OK && len > 0) {
		n = len < step ? len : step;
		e = grpc_feed(r, (const uint8_t *)p, n);
		p += n;
		len -= n;
	}
	return e;
}

static void
test_one_message(void **state)
{
	static const char msg[] = "\0\0\0\0\5hello";
	struct grpc_reader r;
	size_t step;

	(void)state;
	for (step = 1; step <= 10; step++) {
		assert_int_equal(feed(&r, msg, 10, step), GRPC_OK);
		assert_int_equal(grpc_end(&r), GRPC_OK);
		assert_int_equal(r.len, 5);
		assert_memory_equal(r.buf, "hello", 5);
		grpc_reader_free(&r);
	}
}

static void
test_empty_message(void **state)
{
	struct grpc_reader r;

	(void)state;
	assert_int_equal(feed(&r, "\0\0\0\0\0", 5, 5), GRPC_OK);
	assert_int_equal(grpc_end(&r), GRPC_OK);
	assert_int_equal(r.len, 0);
	grpc_reader_free(&r);
}

static void
test_none_and_truncated(void **state)
{
	struct grpc_reader r;
	size_t n;

	(void)state;
	assert_int_equal(feed(&r, "", 0, 1), GRPC_OK);
	assert_int_equal(grpc_end(&r), GRPC_NONE);
	for (n = 1; n < 10; n++) {
		assert_int_equal(feed(&r, "\0\0\0\0\5hello", n, 3), GRPC_OK);
		assert_int_equal(grpc_end(&r), GRPC_TRUNCATED);
		grpc_reader_free(&r);
	}
	/* A whole one and a piece of another. */
	assert_int_equal(feed(&r, "\0\0\0\0\1x\0\0", 8, 8), GRPC_OK);
	assert_int_equal(grpc_end(&r), GRPC_TRUNCATED);
	grpc_reader_free(&r);
}

/* A message of that length, all but its last byte. */
static enum grpc_read
unfinished(struct grpc_reader *r, size_t len)
{
	static uint8_t data[GRPC_PREFIX + GRPC_REQUEST_MAX];

	memset(r, 0, sizeof(*r));
	grpc_prefix(data, len);
	return grpc_feed(r, data, GRPC_PREFIX + len - 1);
}

static void
test_many_unfinished(void **state)
{
	static struct grpc_reader r[GRPC_BUFFERED_MAX / GRPC_REQUEST_MAX];
	struct grpc_reader one;
	size_t i, n = sizeof(r) / sizeof(r[0]);

	(void)state;
	for (i = 0; i < n; i++)
		assert_int_equal(unfinished(&r[i], GRPC_REQUEST_MAX), GRPC_OK);
	assert_int_equal(unfinished(&one, GRPC_REQUEST_MAX), GRPC_MEMORY);
	grpc_reader_free(&one);
	assert_int_equal(unfinished(&one, GRPC_SMALL), GRPC_OK);
	grpc_reader_free(&one);
	grpc_reader_free(&r[0]);
	assert_int_equal(unfinished(&one, GRPC_REQUEST_MAX), GRPC_OK);
	grpc_reader_free(&one);
	for (i = 0; i < n; i++)
		grpc_reader_free(&r[i]);
}

static void
test_second(void **state)
{
	struct grpc_reader r;

	(void)state;
	assert_int_equal(feed(&r, "\0\0\0\0\0\0\0\0\0\0", 10, 10), GRPC_SECOND);
	grpc_reader_free(&r);
	assert_int_equal(feed(&r, "\0\0\0\0\1x\0\0\0\0\1y", 12, 1),
	    GRPC_SECOND);
	grpc_reader_free(&r);
}

static void
test_flags(void **state)
{
	struct grpc_reader r;

	(void)state;
	assert_int_equal(feed(&r, "\1\0\0\0\0", 5, 5), GRPC_COMPRESSED);
	assert_int_equal(feed(&r, "\2\0\0\0\0", 5, 1), GRPC_BAD_FLAG);
	assert_int_equal(feed(&r, "\377\0\0\0\0", 5, 1), GRPC_BAD_FLAG);
}

/* The prefix alone decides, and nothing is allocated for a promise. */
static void
test_size(void **state)
{
	struct grpc_reader r;

	(void)state;
	assert_int_equal(feed(&r, "\0\0\4\0\1", 5, 5), GRPC_TOO_BIG);
	assert_null(r.buf);
	assert_int_equal(feed(&r, "\0\377\377\377\377", 5, 5), GRPC_TOO_BIG);
	assert_int_equal(feed(&r, "\0\0\4\0\0x", 6, 6), GRPC_OK);
	assert_true(r.size <= 4096);
	grpc_reader_free(&r);
}

static void
test_timeout(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "1S", 1000 },
		{ "0n", 0 },
		{ "1n", 1 },
		{ "1u", 1 },
		{ "1000u", 1 },
		{ "1001u", 2 },
		{ "250m", 250 },
		{ "2M", 120000 },
		{ "1H", 3600000 },
		{ "99999999H", GRPC_NO_DEADLINE },
		{ "99999999n", 100 },
		{ "123456789S", -1 },
		{ "S", -1 },
		{ "", -1 },
		{ "1", -1 },
		{ "1s", -1 },
		{ "-1S", -1 },
		{ "+1S", -1 },
		{ " 1S", -1 },
		{ "1S ", -1 },
		{ "1.5S", -1 },
	};
	int64_t ms;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ms = -1;
		r = grpc_timeout(cases[i].text, strlen(cases[i].text), &ms);
		assert_int_equal(r, cases[i].ms == -1 ? -1 : 0);
		if (r == 0)
			assert_int_equal(ms, cases[i].ms);
	}
}

static int
type_ok(const char *s)
{
	return grpc_content_type(s, strlen(s));
}

static void
test_content_type(void **state)
{
	(void)state;
	assert_true(type_ok("application/grpc"));
	assert_true(type_ok("application/grpc+proto"));
	assert_true(type_ok("application/grpc;charset=utf-8"));
	assert_true(type_ok("application/grpc+proto; x=y"));
	assert_true(type_ok("Application/gRPC"));
	assert_false(type_ok("application/grpc-web"));
	assert_false(type_ok("application/grpcx"));
	assert_false(type_ok("application/grpc+json"));
	assert_false(type_ok("application/json"));
	assert_false(type_ok(""));
}

static void
percent(const char *in, const char *out)
{
	char buf[64];

	assert_int_equal(grpc_percent(buf, sizeof(buf), in), strlen(out));
	assert_string_equal(buf, out);
}

static void
test_percent(void **state)
{
	char buf[8];

	(void)state;
	percent("plain text ~", "plain text ~");
	percent("50%", "50%25");
	percent("a\nb", "a%0Ab");
	percent("\xc3\xa9", "%C3%A9");
	percent("\xff", "%FF");
	percent("", "");
	/* Cut before a character that does not fit whole. */
	assert_int_equal(grpc_percent(buf, sizeof(buf), "ab\xc3\xa9"), 2);
	assert_int_equal(grpc_percent(buf, sizeof(buf), "a\xc3\xa9z"), 7);
	assert_string_equal(buf, "a%C3%A9");
	assert_int_equal(grpc_percent(buf, sizeof(buf), "0123456789"), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message),
		cmocka_unit_test(test_empty_message),
		cmocka_unit_test(test_none_and_truncated),
		cmocka_unit_test(test_second),
		cmocka_unit_test(test_many_unfinished),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_content_type),
		cmocka_unit_test(test_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
