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
 * The launch inside jobexec: launch COUNT CGROUP JOBEXEC COMMAND...  For each
 * job a jobexec is forked and made ready as the supervisor has them waiting;
 * then it is timed from EXEC_JOB to EXEC_STARTED. Prints the medians until
 * then and until EXEC_EXIT.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "imsg.h"
#include "msg.h"
#include "proc.h"

static union {
	char buf[IMSG_MAX];
	long double align;
} in;

static int base;
static struct msg_setup setup;
static struct msg_exec_job job;

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

static void
send_msg(int fd, enum msg_type type, const void *msg, const int *fds, int nfds)
{
	static char buf[IMSG_MAX];
	ssize_t len;

	if ((len = msg_encode(type, msg, buf, sizeof(buf))) == -1 ||
	    imsg_send(fd, type, 0, buf, len, fds, nfds) == -1)
		err(1, "%s", msg_name(type));
}

/* Wait for that message; any other than a line for the log is an error. */
static void
expect(int fd, enum msg_type type)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	struct imsg m;
	union msg_any any;
	const char *wrong;

	do {
		if (poll(&pfd, 1, -1) == -1 || imsg_recv(fd, &m, in.buf) != 1)
			err(1, "jobexec");
		if ((wrong = msg_check(SIDE_SUP_EXEC, &m, &any)) != NULL)
			errx(1, "%s: %s", msg_name(m.hdr.type), wrong);
		imsg_free(&m);
	} while (m.hdr.type == MSG_LOG);
	if (m.hdr.type != type)
		errx(1, "%s instead of %s", msg_name(m.hdr.type),
		    msg_name(type));
}

static int
new_file(void)
{
	int fd;

	if ((fd = open("/var/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600)) == -1)
		err(1, "/var/tmp");
	return fd;
}

static void
run(int spawner, double *launch, double *whole)
{
	static const struct msg_empty empty;
	int fd, i, pair[2], fds[4];
	double t0;

	if (imsg_pair(pair) == -1)
		err(1, "socketpair");
	send_msg(spawner, MSG_EXEC_FORK, &empty, &pair[1], 1);
	close(pair[1]);
	fd = pair[0];
	expect(fd, MSG_EXEC_READY);
	for (i = 0; i < 3; i++)
		fds[i] = new_file();
	fds[3] = base;
	t0 = now();
	send_msg(fd, MSG_EXEC_JOB, &job, fds, 4);
	send_msg(fd, MSG_EXEC_GO, &empty, NULL, 0);
	expect(fd, MSG_EXEC_STARTED);
	*launch = now() - t0;
	expect(fd, MSG_EXEC_EXIT);
	*whole = now() - t0;
	close(fd);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	while (unlinkat(base, job.uuid, AT_REMOVEDIR) == -1 && errno != ENOENT)
		if (errno != EBUSY)
			err(1, "remove the cgroup");
}

/* The arguments after the command, one after the other. */
static void
fill_job(char *argv[])
{
	static uint8_t block[MSG_ARGS_MAX];

	setup.version = MSG_VERSION;
	setup.uid = setup.gid = 64201;
	job.uuid = "00000000-0000-4000-8000-000000000000";
	job.uid = job.gid = 64301;
	job.user = "_thjob";
	job.cwd = "/";
	job.hostname = "sandbox";
	job.command = *argv++;
	job.argv.p = block;
	for (; *argv != NULL; argv++, job.argc++) {
		if (job.argv.len + strlen(*argv) + 1 > sizeof(block))
			errx(1, "too many arguments");
		memcpy(block + job.argv.len, *argv, strlen(*argv) + 1);
		job.argv.len += strlen(*argv) + 1;
	}
	job.limits.cpu_quota = job.limits.pids_max = MSG_UNLIMITED;
	job.limits.memory_max = job.limits.memory_high = MSG_UNLIMITED;
	job.limits.io_rbps = job.limits.io_wbps = MSG_UNLIMITED;
	job.limits.io_riops = job.limits.io_wiops = MSG_UNLIMITED;
	job.limits.cpu_period = 100000;
}

int
main(int argc, char *argv[])
{
	struct proc_child spawner;
	double *launch, *whole, t0;
	int i, count, status;

	if (argc < 5)
		errx(2, "usage: launch count cgroup jobexec command [arg ...]");
	count = atoi(argv[1]);
	if (count < 1 || (launch = calloc(count, sizeof(double))) == NULL ||
	    (whole = calloc(count, sizeof(double))) == NULL)
		errx(1, "count");
	if ((base = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "%s", argv[2]);
	fill_job(argv + 4);
	if (proc_spawn(argv[3], &spawner) == -1)
		err(1, "%s", argv[3]);
	send_msg(spawner.fd, MSG_SETUP, &setup, NULL, 0);
	expect(spawner.fd, MSG_SETUP_DONE);
	t0 = now();
	for (i = 0; i < count; i++)
		run(spawner.fd, &launch[i], &whole[i]);
	t0 = now() - t0;
	close(spawner.fd);
	if (waitpid(spawner.pid, &status, 0) == -1 || status != 0)
		errx(1, "jobexec: wait status %#x", status);
	qsort(launch, count, sizeof(double), by_value);
	qsort(whole, count, sizeof(double), by_value);
	printf("runs=%d seconds=%.6f median=%.6f launch=%.6f\n", count, t0,
	    whole[count / 2], launch[count / 2]);
	free(launch);
	free(whole);
	return 0;
}
