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

/*
 * The bare chain: bare COUNT CGROUP COMMAND. What the kernel alone takes to
 * run a command in a cgroup and namespaces of its own: mkdir, clone3 into it
 * with six namespaces, exec, exit, rmdir; no mounts, no pipes, no daemon.
 * Prints the medians until the exec and until the end.
 */

#include <sys/types.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/sched.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FLAGS                                                                  \
	(CLONE_INTO_CGROUP | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET |       \
	    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Returns the time until the exec. */
static double
run(const char *cgroup, char *argv[])
{
	struct clone_args args;
	double t0 = now(), launched;
	int dir, p[2], status;
	pid_t pid;
	char c;

	if (mkdir(cgroup, 0755) == -1 ||
	    (dir = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "%s", cgroup);
	if (pipe2(p, O_CLOEXEC) == -1)
		err(1, "pipe2");
	memset(&args, 0, sizeof(args));
	args.flags = FLAGS;
	args.exit_signal = SIGCHLD;
	args.cgroup = dir;
	if ((pid = syscall(SYS_clone3, &args, sizeof(args))) == -1)
		err(1, "clone3");
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	close(p[1]);
	/* The exec closes the other end. */
	if (read(p[0], &c, 1) != 0)
		err(1, "read");
	launched = now() - t0;
	close(p[0]);
	close(dir);
	if (waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "%s: wait status %#x", argv[0], status);
	while (rmdir(cgroup) == -1)
		if (errno != EBUSY)
			err(1, "%s", cgroup);
	return launched;
}

int
main(int argc, char *argv[])
{
	double *launch, *whole, t0, began;
	char cgroup[4096];
	int i, count;

	if (argc < 4)
		errx(2, "usage: bare count cgroup command [arg ...]");
	count = atoi(argv[1]);
	if (count < 1 || (launch = calloc(count, sizeof(double))) == NULL ||
	    (whole = calloc(count, sizeof(double))) == NULL)
		errx(1, "count");
	t0 = now();
	for (i = 0; i < count; i++) {
		snprintf(cgroup, sizeof(cgroup), "%s/bare-%d", argv[2], i);
		began = now();
		launch[i] = run(cgroup, argv + 3);
		whole[i] = now() - began;
	}
	t0 = now() - t0;
	qsort(launch, count, sizeof(double), by_value);
	qsort(whole, count, sizeof(double), by_value);
	printf("runs=%d seconds=%.6f median=%.6f launch=%.6f\n", count, t0,
	    whole[count / 2], launch[count / 2]);
	free(launch);
	free(whole);
	return 0;
}
