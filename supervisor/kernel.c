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
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "log.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Each probe asks for the thing in a way that can have no effect: with an
 * argument that only a kernel that knows the call gets as far as refusing.
 */

/* CLONE_INTO_CGROUP with a descriptor that is not there. */
static int
has_clone_into_cgroup(void)
{
	struct clone_args args;
	long pid;

	memset(&args, 0, sizeof(args));
	args.flags = CLONE_INTO_CGROUP;
	args.exit_signal = SIGCHLD;
	args.cgroup = INT_MAX;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0); /* a kernel that does not look at the field */
	return pid == -1 && errno == EBADF;
}

static int
has_mount_setattr(void)
{
	struct mount_attr attr;

	memset(&attr, 0, sizeof(attr));
	return mount_setattr(-1, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0 ||
	    errno != ENOSYS;
}

static int
has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int
has_pidfd(void)
{
	int fd, ok;

	if ((fd = syscall(SYS_pidfd_open, getpid(), 0)) == -1)
		return 0;
	ok = syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0;
	close(fd);
	return ok;
}

static int
has_close_range(void)
{
	return close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0;
}

static const struct {
	int (*has)(void);
	const char *what;
} calls[] = {
	{ has_clone_into_cgroup,
	    "clone3(2) into a cgroup: Linux 5.7 or later is needed" },
	{ has_pidfd,
	    "process descriptors, pidfd_open(2): Linux 5.3 or later "
	    "is needed" },
	{ has_close_range, "close_range(2): Linux 5.11 or later is needed" },
	{ has_mount_setattr,
	    "mount_setattr(2): Linux 5.12 or later is "
	    "needed" },
	{ has_seccomp,
	    "seccomp(2) filters: a kernel built with "
	    "CONFIG_SECCOMP_FILTER is needed" },
};

/* The namespaces of every job. */
static const struct {
	const char *file;
	const char *option;
} namespaces[] = {
	{ "pid", "CONFIG_PID_NS" },
	{ "mnt", "CONFIG_NAMESPACES" },
	{ "net", "CONFIG_NET_NS" },
	{ "ipc", "CONFIG_IPC_NS" },
	{ "uts", "CONFIG_UTS_NS" },
	{ "cgroup", "CONFIG_CGROUPS" },
};

/* What root may lack in a container or under a unit's bounding set. */
static const struct {
	int cap;
	const char *name;
} caps[] = {
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_SETUID, "CAP_SETUID" },
	{ CAP_SETGID, "CAP_SETGID" },
	{ CAP_SETPCAP, "CAP_SETPCAP" },
	{ CAP_KILL, "CAP_KILL" },
	{ CAP_CHOWN, "CAP_CHOWN" },
	{ CAP_MKNOD, "CAP_MKNOD" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT" },
};

static int
check_namespaces(void)
{
	char path[32];
	struct stat st;
	size_t i;
	int r = 0;

	for (i = 0; i < NELEM(namespaces); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s",
		    namespaces[i].file);
		if (lstat(path, &st) == 0)
			continue;
		log_warnx("the kernel has no %s namespaces (%s is not there): "
			  "one built with %s is needed, and /proc mounted",
		    namespaces[i].file, path, namespaces[i].option);
		r = -1;
	}
	return r;
}

static int
check_caps(void)
{
	struct __user_cap_header_struct hdr = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	size_t i;
	int r = 0;

	if (syscall(SYS_capget, &hdr, data) == -1) {
		log_warn("capget");
		return -1;
	}
	for (i = 0; i < NELEM(caps); i++) {
		if (data[CAP_TO_INDEX(caps[i].cap)].effective &
		    CAP_TO_MASK(caps[i].cap))
			continue;
		log_warnx("thd runs without %s: it cannot set up a job; do "
			  "not take it away in the unit or the container",
		    caps[i].name);
		r = -1;
	}
	return r;
}

int
kernel_check(void)
{
	size_t i;
	int r = 0;

	for (i = 0; i < NELEM(calls); i++) {
		if (calls[i].has())
			continue;
		log_warnx("the kernel has no %s", calls[i].what);
		r = -1;
	}
	if (check_namespaces() == -1)
		r = -1;
	if (check_caps() == -1)
		r = -1;
	return r;
}
