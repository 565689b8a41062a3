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
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/keyctl.h>

#include <net/if.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "creds.h"
#include "prepare.h"

#define KERNEL_NSIG 64

static const struct {
	int resource;
	const char *name;
	rlim_t soft, hard;
} limits[] = {
	{ RLIMIT_CORE, "core", 0, 0 },
	{ RLIMIT_NOFILE, "nofile", 1024, 4096 },
	{ RLIMIT_MEMLOCK, "memlock", 64 * 1024, 64 * 1024 },
	{ RLIMIT_MSGQUEUE, "msgqueue", 819200, 819200 },
	{ RLIMIT_STACK, "stack", 8 * 1024 * 1024, 8 * 1024 * 1024 },
	{ RLIMIT_SIGPENDING, "sigpending", 1024, 1024 },
	{ RLIMIT_RTPRIO, "rtprio", 0, 0 },
	{ RLIMIT_NICE, "nice", 0, 0 },
};

/* Never above what the daemon itself was given. */
static int
set_limits(struct fail *f)
{
	struct rlimit rl;
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit(limits[i].resource, &rl) == -1)
			return fail_set(f, STAGE_CREDENTIALS, "%s",
			    limits[i].name);
		if (rl.rlim_max > limits[i].hard)
			rl.rlim_max = limits[i].hard;
		rl.rlim_cur = limits[i].soft;
		if (rl.rlim_cur > rl.rlim_max)
			rl.rlim_cur = rl.rlim_max;
		if (setrlimit(limits[i].resource, &rl) == -1)
			return fail_set(f, STAGE_CREDENTIALS, "%s",
			    limits[i].name);
	}
	return 0;
}

/*
 * Every signal to its default, none blocked; what is ignored stays so over
 * exec. By the kernel's own call: the library keeps two signals to itself,
 * and posix_spawn(3) leaves them ignored.
 */
static int
reset_signals(void)
{
	uint64_t none = 0;
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} act;
	int sig;

	memset(&act, 0, sizeof(act)); /* SIG_DFL */
	for (sig = 1; sig <= KERNEL_NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP &&
		    syscall(SYS_rt_sigaction, sig, &act, NULL, sizeof(none)) ==
			-1)
			return -1;
	return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL,
	    sizeof(none));
}

/* The loopback interface of the network we are in. */
static int
loopback_up(void)
{
	struct ifreq ifr;
	int fd, r = -1, saved;

	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	memset(&ifr, 0, sizeof(ifr));
	strlcpy(ifr.ifr_name, "lo", sizeof(ifr.ifr_name));
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) != -1) {
		ifr.ifr_flags |= IFF_UP;
		r = ioctl(fd, SIOCSIFFLAGS, &ifr);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int
prepare_all(struct fail *f)
{
	const char *step;

	(void)umask(0);
	if (chdir("/") == -1)
		return fail_set(f, STAGE_HELPER, "/");
	if (reset_signals() == -1)
		return fail_set(f, STAGE_CREDENTIALS, "signals");
	if (set_limits(f) == -1)
		return -1;
	if (creds_prepare(&step) == -1)
		return fail_set(f, STAGE_CREDENTIALS, "%s", step);
	return 0;
}

int
prepare_own(struct fail *f)
{
	if (setsid() == -1)
		return fail_set(f, STAGE_CLONE, "setsid");
	/* A network namespace is by far the dearest part of a job. */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) == -1)
		return fail_set(f, STAGE_CLONE, "network, IPC");
	if (loopback_up() == -1)
		return fail_set(f, STAGE_NETWORK, "lo");
	/* A kernel without keyrings has none to share. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1 &&
	    errno != ENOSYS)
		return fail_set(f, STAGE_CREDENTIALS, "session keyring");
	return 0;
}
