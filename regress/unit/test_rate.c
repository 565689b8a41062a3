/* LINK: frontend/rate.c frontend/flood.c */
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

#include <netinet/in.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "flood.h"
#include "rate.h"

static void
test_bucket(void **state)
{
	static const struct bucket_spec spec = { 3, 10 };
	struct bucket b;

	(void)state;
	memset(&b, 0, sizeof(b));
	assert_int_equal(bucket_take(&b, &spec, 2, 1000), 0);
	assert_int_equal(bucket_take(&b, &spec, 1, 1000), 0);
	assert_int_equal(bucket_take(&b, &spec, 1, 1000), -1);
	assert_int_equal(bucket_take(&b, &spec, 1, 1099), -1);
	assert_int_equal(bucket_take(&b, &spec, 1, 1100), 0);
	assert_false(bucket_has(&b, &spec, 1, 1150));
	/* Never more than the burst, however long it rests. */
	assert_int_equal(bucket_take(&b, &spec, 4, 1000000), -1);
	assert_int_equal(bucket_take(&b, &spec, 3, 1000000), 0);
}

/* The busiest client pays for its window updates with our frames. */
static void
test_flood(void **state)
{
	struct flood f;
	int i, left;

	(void)state;
	memset(&f, 0, sizeof(f));
	for (i = 0; i < 100000; i++) {
		flood_earn(&f);
		assert_int_equal(flood_control(&f), 0);
		assert_int_equal(flood_control(&f), 0);
		assert_int_equal(flood_control(&f), 0);
	}
	for (left = 0; left < 100000 && flood_control(&f) == 0; left++)
		;
	assert_true(left < 10000);
	memset(&f, 0, sizeof(f));
	for (left = 0; left < 1000 && flood_reset(&f) == 0; left++)
		;
	assert_in_range(left, 128, 199);
}

static struct addr *
get(const char *text)
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	memset(&sin6, 0, sizeof(sin6));
	sin.sin_family = AF_INET;
	sin6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1)
		return addr_get((struct sockaddr *)&sin);
	assert_int_equal(inet_pton(AF_INET6, text, &sin6.sin6_addr), 1);
	return addr_get((struct sockaddr *)&sin6);
}

static void
test_addr(void **state)
{
	struct addr *a, *b;

	(void)state;
	a = get("192.0.2.1");
	assert_non_null(a);
	assert_ptr_equal(get("192.0.2.1"), a);
	assert_ptr_equal(get("::ffff:192.0.2.1"), a);
	b = get("2001:db8:1:2::1");
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(get("2001:db8:1:2:ffff::9"), b);
	assert_ptr_not_equal(get("2001:db8:1:3::1"), b);
}

static void
test_failures(void **state)
{
	struct addr *a;
	int i;

	(void)state;
	a = get("192.0.2.7");
	for (i = 0; i < 100; i++)
		addr_failed(a);
	addr_put(a);
	/* Remembered, but not yet too many. */
	a = get("192.0.2.7");
	assert_non_null(a);
	for (i = 0; i < 1000; i++)
		addr_failed(a);
	assert_null(get("192.0.2.7"));
	assert_non_null(get("192.0.2.8"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
