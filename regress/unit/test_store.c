/* LINK: supervisor/store.c common/log.c */
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

#include "store.h"

#define A "e518e074-6051-42cb-ad7f-b03e7cfc6252"
#define B "00000000-0000-4000-8000-000000000001"

static char dir[] = "/tmp/test_store.XXXXXX";

/* Somebody else's file, at which links point. */
static void
check_bait(void)
{
	char buf[16];
	ssize_t n;
	int fd;

	assert_return_code(fd = open("bait", O_RDONLY), errno);
	n = read(fd, buf, sizeof(buf));
	close(fd);
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "bait", 4);
}

static int
setup(void **state)
{
	int fd;

	(void)state;
	if (mkdtemp(dir) == NULL || chdir(dir) == -1 ||
	    store_open("state") == -1 ||
	    (fd = open("bait", O_WRONLY | O_CREAT, 0600)) == -1 ||
	    write(fd, "bait", 4) != 4)
		return -1;
	close(fd);
	return 0;
}

static int
teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") == -1 || system(command) != 0;
}

static void
test_create(void **state)
{
	struct store_files f;
	struct store_output out;
	struct stat st;

	(void)state;
	assert_int_equal(store_create(A, &f), 0);
	assert_int_equal(write(f.output, "12345", 5), 5);
	assert_int_equal(fstat(f.output, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	store_files_close(&f);
	/* A second one of that name does not touch the first. */
	assert_int_equal(store_create(A, &f), -1);
	assert_int_equal(errno, EEXIST);
	store_output(A, &out);
	assert_int_equal(out.size, 5);
	assert_int_equal(out.first_kept, 0);
	assert_int_equal(store_remove(A), 0);
	assert_int_equal(access("state/jobs/" A, F_OK), -1);
}

/* Whatever stands where a job's directory would be is left alone. */
static void
test_in_the_way(void **state)
{
	struct store_files f;

	(void)state;
	assert_int_equal(mkdir("state/jobs/" B, 0700), 0);
	assert_int_equal(symlink("../../../bait", "state/jobs/" B "/output"),
	    0);
	assert_int_equal(store_create(B, &f), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(f.output, -1);
	check_bait();
	assert_int_equal(unlink("state/jobs/" B "/output"), 0);
	assert_int_equal(rmdir("state/jobs/" B), 0);
	assert_int_equal(mkdir("elsewhere", 0700), 0);
	assert_int_equal(symlink("../../elsewhere", "state/jobs/" B), 0);
	assert_int_equal(store_create(B, &f), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(rmdir("elsewhere"), 0); /* nothing is in it */
	assert_int_equal(unlink("state/jobs/" B), 0);
	assert_int_equal(mkfifo("state/jobs/" B, 0600), 0);
	assert_int_equal(store_create(B, &f), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(unlink("state/jobs/" B), 0);
}

/* Files that were put into a job's directory afterwards. */
static void
test_exchanged(void **state)
{
	struct store_files f;
	char buf[16];
	int fd;

	(void)state;
	assert_int_equal(store_create(A, &f), 0);
	store_files_close(&f);
	assert_int_equal(symlink("../../../bait", "state/jobs/" A "/stats"), 0);
	assert_int_equal(store_put_stats(A, "cpu 1\n"), -1);
	check_bait();
	store_get_stats(A, buf, sizeof(buf));
	assert_string_equal(buf, "");
	assert_int_equal(unlink("state/jobs/" A "/output"), 0);
	assert_int_equal(symlink("../../../bait", "state/jobs/" A "/output"),
	    0);
	assert_int_equal(store_read(A, "output"), -1);
	assert_int_equal(errno, ELOOP);
	/* One that nobody writes to does not hold the daemon up. */
	assert_int_equal(unlink("state/jobs/" A "/output"), 0);
	assert_int_equal(mkfifo("state/jobs/" A "/output", 0600), 0);
	alarm(10);
	if ((fd = store_read(A, "output")) != -1)
		close(fd);
	alarm(0);
	assert_int_equal(store_remove(A), 0);
	check_bait();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_in_the_way),
		cmocka_unit_test(test_exchanged),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
