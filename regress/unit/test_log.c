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

/* LINK: common/log.c */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "log.h"

static void
test_plain(void **state)
{
	static const char name[] = "users/a.Z-_@:09/jobs/"
				   "4cb35601-f326-4cfc-9393-f51aa0454f2d";

	(void)state;
	assert_string_equal(log_vis(name), name);
	assert_string_equal(log_vis(""), "");
}

/* Every byte but those of plain names and a few more is written otherwise. */
static void
test_bytes(void **state)
{
	static const char same[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "-./:_@ !#$%&'()*+,;<=>?[]^`{|}~";
	char text[3] = "a";
	int c;

	(void)state;
	for (c = 1; c < 256; c++) {
		text[1] = c;
		if (c < 128 && strchr(same, c) != NULL)
			assert_string_equal(log_vis(text), text);
		else
			assert_string_not_equal(log_vis(text), text);
	}
	assert_string_equal(log_vis("a\nb\"\\\033"), "a\\nb\\\"\\\\\\^[");
}

/* Cut at 256 bytes, whether there is something to change or not. */
static void
test_cut(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(strlen(log_vis(text)), 256);
	memset(text, ' ', sizeof(text) - 1);
	assert_int_equal(strlen(log_vis(text)), 256);
	memset(text, '\001', sizeof(text) - 1);
	assert_true(strlen(log_vis(text)) > 256);
}

/* Good until the fourth call after. */
static void
test_four(void **state)
{
	const char *a = log_vis("a"), *b = log_vis("b\n");
	const char *c = log_vis("c"), *d = log_vis("d\n");

	(void)state;
	assert_string_equal(a, "a");
	assert_string_equal(b, "b\\n");
	assert_string_equal(c, "c");
	assert_string_equal(d, "d\\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_four),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
