/* LINK: common/exitrec.c */
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
#include <string.h>

#include <cmocka.h>

#include "exitrec.h"

static void
test_record(void **state)
{
	struct exitrec r, copy;
	size_t i;
	int bit;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(exitrec_valid(&r), 0);
	r.status = 7 << 8;
	r.output_size = 1234567;
	exitrec_seal(&r);
	assert_int_equal(exitrec_valid(&r), 1);

	/* No bit of it may change, none of it may be missing. */
	for (i = 0; i < sizeof(r); i++)
		for (bit = 0; bit < 8; bit++) {
			copy = r;
			((uint8_t *)&copy)[i] ^= 1 << bit;
			assert_int_equal(exitrec_valid(&copy), 0);
		}
	for (i = 0; i < sizeof(r); i++) {
		memset(&copy, 0, sizeof(copy));
		memcpy(&copy, &r, i);
		assert_int_equal(exitrec_valid(&copy), 0);
	}
}

/* The sum is CRC-32C as everybody computes it. */
static void
test_sum(void **state)
{
	struct exitrec r;

	(void)state;
	memset(&r, 0, sizeof(r));
	exitrec_seal(&r);
	assert_int_equal(r.crc, 0x0f93551bU);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
