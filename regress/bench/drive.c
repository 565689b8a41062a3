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
 * Run a command again and again, some at once, without a shell in between:
 * drive [-o FILE] COUNT PARALLEL COMMAND...  Standard output goes to the file,
 * or to /dev/null. An argument "%" becomes a name that is used once. Prints
 * runs=N seconds=S and the median of one run.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PARALLEL_MAX 64

extern char **environ;

static struct slot {
	pid_t pid;
	double began;
} slots[PARALLEL_MAX];
static posix_spawn_file_actions_t quiet;
static char unique[64];
static char **unique_arg;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
start(struct slot *s, char *argv[], int number)
{
	int error;

	snprintf(unique, sizeof(unique), "bench-%d-%d", (int)getpid(), number);
	if (unique_arg != NULL)
		*unique_arg = unique;
	s->began = now();
	error = posix_spawnp(&s->pid, argv[0], &quiet, NULL, argv, environ);
	if (error != 0)
		errx(1, "%s: %s", argv[0], strerror(error));
}

/* The slot whose process has ended. */
static struct slot *
reap(const char *name)
{
	int i, status;
	pid_t pid;

	if ((pid = wait(&status)) == -1)
		err(1, "wait");
	if (status != 0)
		errx(1, "%s: wait status %#x", name, status);
	for (i = 0; i < PARALLEL_MAX; i++)
		if (slots[i].pid == pid)
			return &slots[i];
	errx(1, "an unknown child");
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char *argv[])
{
	int i, count, parallel, started = 0, ended;
	const char *out = "/dev/null";
	double *times, t0;
	struct slot *s;

	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		out = argv[2];
		argc -= 2;
		argv += 2;
	}
	if (argc < 4)
		errx(2,
		    "usage: drive [-o file] count parallel command "
		    "[arg ...]");
	count = atoi(argv[1]);
	parallel = atoi(argv[2]);
	if (count < 1 || parallel < 1 || parallel > PARALLEL_MAX)
		errx(2, "bad numbers");
	if ((times = calloc(count, sizeof(double))) == NULL)
		err(1, NULL);
	argv += 3;
	for (i = 0; argv[i] != NULL; i++)
		if (strcmp(argv[i], "%") == 0)
			unique_arg = &argv[i];
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, out,
	    O_WRONLY | O_CREAT | O_TRUNC, 0600);
	t0 = now();
	while (started < count && started < parallel) {
		start(&slots[started], argv, started);
		started++;
	}
	for (ended = 0; ended < count; ended++) {
		s = reap(argv[0]);
		times[ended] = now() - s->began;
		s->pid = 0;
		if (started < count)
			start(s, argv, started++);
	}
	t0 = now() - t0;
	qsort(times, count, sizeof(double), by_value);
	printf("runs=%d seconds=%.6f median=%.6f\n", count, t0,
	    times[count / 2]);
	free(times);
	return 0;
}
