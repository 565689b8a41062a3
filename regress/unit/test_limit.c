/* LINK: jobexec/limit.c jobexec/fail.c common/wire.c */
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
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "limit.h"

static void
test_bytes(void **state)
{
	char buf[32];
	uint64_t page = sysconf(_SC_PAGESIZE);

	(void)state;
	limit_bytes(512 * 1024 * 1024, buf, sizeof(buf));
	assert_string_equal(buf, "536870912");
	limit_bytes(page * 3 + 1, buf, sizeof(buf));
	assert_int_equal(strtoull(buf, NULL, 10), page * 3);
	limit_bytes(page - 1, buf, sizeof(buf));
	assert_string_equal(buf, "0");
	limit_bytes(0, buf, sizeof(buf));
	assert_string_equal(buf, "0");
	limit_bytes(UINT64_MAX, buf, sizeof(buf));
	assert_string_equal(buf, "max");
	limit_bytes((uint64_t)INT64_MAX, buf, sizeof(buf));
	assert_string_equal(buf, "max");
}

static void
test_io(void **state)
{
	static const char text[] = "8:0 rbps=1 wbps=2 riops=max wiops=4\n"
				   "8:16 rbps=max wbps=20 riops=3 wiops=4";

	(void)state;
	assert_int_equal(limit_io_holds(text,
			     "8:0 rbps=1 wbps=2 riops=max wiops=4"),
	    1);
	assert_int_equal(limit_io_holds(text,
			     "8:0 wiops=4 wbps=2 rbps=1 riops=max"),
	    1);
	assert_int_equal(limit_io_holds(text,
			     "8:16 rbps=max wbps=20 riops=3 wiops=4"),
	    1);
	/* Other numbers, longer ones, another disk, no such disk. */
	assert_int_equal(limit_io_holds(text, "8:0 rbps=2"), 0);
	assert_int_equal(limit_io_holds(text, "8:16 wbps=2"), 0);
	assert_int_equal(limit_io_holds(text, "8:0 wbps=20"), 0);
	assert_int_equal(limit_io_holds(text, "8:1 rbps=1"), 0);
	assert_int_equal(limit_io_holds(text, "9:0 rbps=1"), 0);
	assert_int_equal(limit_io_holds("", "8:0 rbps=1"), 0);
}

static char dir[] = "/tmp/test_limit.XXXXXX";

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Plain files in the kernel's place: they hold just what is written. */
static void
test_apply(void **state)
{
	struct msg_exec_job msg;
	struct fail f;
	int fd;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.controllers = CTL_CPU | CTL_PIDS;
	msg.limits.cpu_quota = 100000;
	msg.limits.cpu_period = 1000000;
	msg.limits.pids_max = MSG_UNLIMITED;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(fd, -1);

	/* One file is missing. */
	put("cgroup.max.descendants", "");
	put("cpu.max", "");
	assert_int_equal(limit_apply(fd, &msg, &f), -1);
	assert_int_equal(f.stage, STAGE_LIMITS);
	assert_int_equal(f.error, ENOENT);
	assert_string_equal(f.detail, "pids.max");

	put("pids.max", "");
	assert_int_equal(limit_apply(fd, &msg, &f), 0);

	/* One does not read back what was written: an old, longer value. */
	put("cpu.max", "max 100000 and more text");
	assert_int_equal(limit_apply(fd, &msg, &f), -1);
	assert_int_equal(f.error, EIO);
	assert_memory_equal(f.detail, "cpu.max: wrote", 14);

	/* Those without their controller are left alone. */
	msg.controllers = 0;
	assert_int_equal(limit_apply(fd, &msg, &f), 0);
	unlinkat(fd, "cgroup.max.descendants", 0);
	unlinkat(fd, "cpu.max", 0);
	unlinkat(fd, "pids.max", 0);
	close(fd);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_io),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
