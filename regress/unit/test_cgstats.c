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

/* LINK: supervisor/cgstats.c */

#include <sys/types.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"

static char dir[] = "/tmp/test_cgstats.XXXXXX";
static int fd;

static void
put(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Plain files in the kernel's place, in the forms that it has. */
static void
test_forms(void **state)
{
	char buf[1024];

	(void)state;
	put("cpu.stat", "usage_usec 12\nuser_usec 7\n");
	put("memory.current", "4096\n");
	put("memory.pressure",
	    "some avg10=0.50 total=3\nfull avg10=0.00 total=0\n");
	/* A disk that was never used has a line, and nothing in it. */
	put("io.stat", "254:16 \n254:0 rbytes=24576 wbytes=0 \n8:0\n");
	put("pids.current", "");
	cgroup_stats(fd, buf, sizeof(buf));
	assert_string_equal(buf,
	    "cpu.stat.usage_usec 12\n"
	    "cpu.stat.user_usec 7\n"
	    "memory.current 4096\n"
	    "memory.pressure.some.avg10 0.50\n"
	    "memory.pressure.some.total 3\n"
	    "memory.pressure.full.avg10 0.00\n"
	    "memory.pressure.full.total 0\n"
	    "io.stat.254:0.rbytes 24576\n"
	    "io.stat.254:0.wbytes 0\n");
}

/* What does not fit is left out from there on; lines stay whole. */
static void
test_short_buffer(void **state)
{
	char buf[30];

	(void)state;
	cgroup_stats(fd, buf, sizeof(buf));
	assert_string_equal(buf, "cpu.stat.usage_usec 12\n");
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "cpu.stat", "memory.current",
		"memory.pressure", "io.stat", "pids.current" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(fd, names[i], 0);
	close(fd);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_short_buffer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
