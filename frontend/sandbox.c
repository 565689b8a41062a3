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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include <seccomp.h>

#include "log.h"
#include "priv.h"
#include "proc.h"
#include "sandbox.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* Allowed whatever the arguments are. */
static const int allowed[] = {
	/* Memory: malloc. */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),

	/* The loop. */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),

	/* Connections: accepted ones, and those passed by the supervisor. */
	SCMP_SYS(accept4),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),

	/* The channel to the supervisor. */
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),

	/* Output files. */
	SCMP_SYS(pread64),
	SCMP_SYS(fstat),

	/* OpenSSL: random numbers, locks, "am I a child by now?". */
	SCMP_SYS(getrandom),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),

	/* The C library: signals, and the end. */
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* What libraries may try, and do well without. */
static const int refused[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(readlink),
	SCMP_SYS(sysinfo),
};

/*
 * Only the low half of an int argument counts for the kernel, so only that
 * half is compared.
 */
#define ARG(n, value)                                                          \
	SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, 0xffffffffU, (uint32_t)(value))
/* None of these bits. */
#define WITHOUT(n, bits) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, (bits), 0)

struct rule {
	int call;
	unsigned int nargs;
	struct scmp_arg_cmp args[2];
};

static int
add_rules(scmp_filter_ctx ctx)
{
	const struct rule rules[] = {
		/* Memory that is private, and never executable. */
		{ SCMP_SYS(mmap), 2,
		    { WITHOUT(2, PROT_EXEC),
			SCMP_CMP64(3, SCMP_CMP_MASKED_EQ,
			    MAP_TYPE | MAP_ANONYMOUS,
			    MAP_PRIVATE | MAP_ANONYMOUS) } },
		{ SCMP_SYS(mprotect), 1, { WITHOUT(2, PROT_EXEC) } },

		/*
		 * To look at the flags of a file, not to set any: those of a
		 * file that was passed are shared with others. No locks, no
		 * leases.
		 */
		{ SCMP_SYS(fcntl), 1, { ARG(1, F_GETFL) } },

		/*
		 * No Nagle, but whole segments in bulk; and has a slow peer
		 * got what we sent?
		 */
		{ SCMP_SYS(setsockopt), 2,
		    { ARG(1, IPPROTO_TCP), ARG(2, TCP_NODELAY) } },
		{ SCMP_SYS(setsockopt), 2,
		    { ARG(1, IPPROTO_TCP), ARG(2, TCP_CORK) } },
		{ SCMP_SYS(getsockopt), 2,
		    { ARG(1, IPPROTO_TCP), ARG(2, TCP_INFO) } },

		/* fstat(), as newer C libraries call it. */
		{ SCMP_SYS(newfstatat), 1, { ARG(3, AT_EMPTY_PATH) } },
	};
	size_t i;
	int r;

	for (i = 0; i < NELEM(rules); i++)
		if ((r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			 rules[i].call, rules[i].nargs, rules[i].args)) != 0)
			return r;
	return 0;
}

static int
fill_filter(scmp_filter_ctx ctx)
{
	size_t i;
	int r;

	for (i = 0; i < NELEM(allowed); i++)
		if ((r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i],
			 0)) != 0)
			return r;
	for (i = 0; i < NELEM(refused); i++)
		if ((r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES),
			 refused[i], 0)) != 0)
			return r;
	return add_rules(ctx);
}

/* Anything that is not named above ends the process. */
static void
restrict_calls(void)
{
	scmp_filter_ctx ctx;
	int r;

	if ((ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL)
		fatalx("seccomp: no memory");
	if ((r = fill_filter(ctx)) != 0 || (r = seccomp_load(ctx)) != 0) {
		errno = -r;
		fatal("seccomp");
	}
	seccomp_release(ctx);
}

static void
limit(int resource, rlim_t value)
{
	struct rlimit rl = { value, value };

	if (setrlimit(resource, &rl) == -1)
		fatal("setrlimit");
}

static void
limit_resources(void)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_MEMLOCK, 64 * 1024);
}

/* Supervisor gone: so are we. It may have gone before this was set. */
static void
die_with_parent(void)
{
	char c;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (recv(PROC_FD, &c, sizeof(c), MSG_PEEK | MSG_DONTWAIT) == 0)
		_exit(0);
}

void
sandbox_enter(uid_t uid, gid_t gid, const char *dir)
{
	const char *step;

	if (chroot(dir) == -1 || chdir("/") == -1)
		fatal("chroot: %s", dir);
	limit_resources();
	if (priv_drop_bounding() == -1)
		fatal("bounding set");
	if (priv_drop(uid, gid, &step) == -1)
		fatal("%s", step);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("prctl");
	/* A change of ids clears it, so it comes after. */
	die_with_parent();
	restrict_calls();
}
