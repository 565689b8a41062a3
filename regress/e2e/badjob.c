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
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A job that behaves badly, for the tests of faults: small, so that ten
 * thousand forks of it are cheap.
 *
 *   badjob forks N     N children that stay; says how many were refused, stays
 *   badjob orphans N   N children of children that are gone; says how many
 *                      processes are left when all should have been reaped
 *   badjob tree N      daemons N deep, each in a session of its own, that
 *                      ignore every signal; says "up", stays
 *   badjob grow MIB    so much memory, every page of it used
 *   badjob bytes N     N bytes of output, no two blocks the same
 *   badjob spin N      N processes that take all the CPU they get
 */

#define BATCH 100 /* orphans of one child: far below pids.max */

static void
say(const char *what, unsigned long n)
{
	printf("%s %lu\n", what, n);
	fflush(stdout);
}

static void __attribute__((noreturn)) stay(void)
{
	for (;;)
		pause();
}

static int
child_stays(void *arg)
{
	(void)arg;
	stay();
}

/*
 * The children share our memory, since to copy that is most of what a fork
 * costs.
 */
static void __attribute__((noreturn)) forks(unsigned long n)
{
	static char stacks[1024][2048] __attribute__((aligned(16)));
	unsigned long i, made = 0, refused = 0;

	for (i = 0; i < n; i++) {
		if (clone(child_stays, stacks[made % 1024] + sizeof(stacks[0]),
			CLONE_VM | SIGCHLD, NULL) != -1)
			made++;
		else if (errno == EAGAIN)
			refused++;
	}
	say("refused", refused);
	stay();
}

static int
end_at_once(void *arg)
{
	(void)arg;
	_exit(0);
}

/* One that makes orphans and leaves them. */
static void __attribute__((noreturn)) leave_orphans(unsigned long n)
{
	static char stacks[BATCH][2048] __attribute__((aligned(16)));

	for (; n > 0; n--)
		if (clone(end_at_once, stacks[n - 1] + sizeof(stacks[0]),
			CLONE_VM | SIGCHLD, NULL) == -1)
			_exit(1);
	_exit(0);
}

static unsigned long
others(void)
{
	unsigned long n = 0;
	struct dirent *de;
	DIR *dir;

	if ((dir = opendir("/proc")) == NULL)
		return 1;
	while ((de = readdir(dir)) != NULL)
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' &&
		    strtol(de->d_name, NULL, 10) != getpid())
			n++;
	closedir(dir);
	return n;
}

static int
orphans(unsigned long n)
{
	int status, tries;
	unsigned long i;
	pid_t pid;

	for (i = 0; i < n; i += BATCH) {
		if ((pid = fork()) == 0)
			leave_orphans(BATCH);
		if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	for (tries = 0; others() > 0 && tries < 1000; tries++)
		usleep(10000);
	say("left", others());
	return 3;
}

static void __attribute__((noreturn)) tree(unsigned long n)
{
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_IGN);
	for (; n > 0; n--) {
		if (fork() > 0)
			stay();
		(void)setsid();
		if (fork() > 0)
			stay();
	}
	say("up", getpid());
	stay();
}

static int
grow(unsigned long mib)
{
	char *p;

	if ((p = malloc(mib << 20)) == NULL)
		return 1;
	memset(p, 1, mib << 20);
	say("grown", p[mib]);
	return 0;
}

static int
bytes(unsigned long n)
{
	static uint64_t block[8192];
	unsigned long i, len;
	uint64_t x = 1;

	for (; n > 0; n -= len) {
		for (i = 0; i < sizeof(block) / sizeof(block[0]); i++)
			block[i] = x = x * 6364136223846793005U + 1442695U;
		len = n < sizeof(block) ? n : sizeof(block);
		if (fwrite(block, 1, len, stdout) != len)
			return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

static void __attribute__((noreturn)) spin(unsigned long n)
{
	volatile unsigned long x = 0;

	for (; n > 1; n--)
		if (fork() == 0)
			break;
	for (;;)
		x++;
}

int
main(int argc, char *argv[])
{
	unsigned long n;

	if (argc != 3)
		return 2;
	n = strtoul(argv[2], NULL, 10);
	if (strcmp(argv[1], "forks") == 0)
		forks(n);
	if (strcmp(argv[1], "orphans") == 0)
		return orphans(n);
	if (strcmp(argv[1], "tree") == 0)
		tree(n);
	if (strcmp(argv[1], "grow") == 0)
		return grow(n);
	if (strcmp(argv[1], "bytes") == 0)
		return bytes(n);
	if (strcmp(argv[1], "spin") == 0)
		spin(n);
	return 2;
}
