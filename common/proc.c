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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "proc.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int quiet;

int
proc_pidfd(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
}

int
proc_kill(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static int
spawn_attr(posix_spawnattr_t *attr)
{
	sigset_t set;
	int error;

	if ((error = posix_spawnattr_init(attr)) != 0)
		return error;
	sigemptyset(&set);
	posix_spawnattr_setsigmask(attr, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(attr, &set);
	return posix_spawnattr_setflags(attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int
spawn_files(posix_spawn_file_actions_t *fa, int fd)
{
	int error;

	if ((error = posix_spawn_file_actions_init(fa)) != 0)
		return error;
	if ((error = posix_spawn_file_actions_addopen(fa, 0, "/dev/null",
		 O_RDONLY, 0)) != 0 ||
	    (error = posix_spawn_file_actions_addopen(fa, 1, "/dev/null",
		 O_WRONLY, 0)) != 0 ||
	    (error = posix_spawn_file_actions_adddup2(fa, fd, PROC_FD)) != 0 ||
	    (quiet &&
		(error = posix_spawn_file_actions_addopen(fa, 2, "/dev/null",
		     O_WRONLY, 0)) != 0))
		return error;
	return posix_spawn_file_actions_addclosefrom_np(fa, PROC_FD + 1);
}

static int
spawn(const char *path, int fd, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	char *argv[2], *envp[1];
	int error;

	argv[0] = (char *)(uintptr_t)path;
	argv[1] = NULL;
	envp[0] = NULL;
	if ((error = spawn_attr(&attr)) != 0)
		return error;
	if ((error = spawn_files(&fa, fd)) == 0) {
		error = posix_spawn(pid, path, &fa, &attr, argv, envp);
		posix_spawn_file_actions_destroy(&fa);
	}
	posix_spawnattr_destroy(&attr);
	return error;
}

int
proc_spawn(const char *path, struct proc_child *child)
{
	int error, sv[2];

	if (path[0] != '/') {
		errno = EINVAL;
		return -1;
	}
	if (imsg_pair(sv) == -1)
		return -1;
	error = spawn(path, sv[1], &child->pid);
	close(sv[1]);
	if (error != 0) {
		close(sv[0]);
		errno = error;
		return -1;
	}
	/* Not yet reaped, so the number is still the child's. */
	if ((child->pidfd = proc_pidfd(child->pid)) == -1) {
		error = errno;
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
		close(sv[0]);
		errno = error;
		return -1;
	}
	child->fd = sv[0];
	return 0;
}

void
proc_quiet(void)
{
	quiet = 1;
}

int
proc_reap(const struct proc_child *child, int *status)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	if (waitid((idtype_t)P_PIDFD, child->pidfd, &si, WEXITED | WNOHANG) ==
	    -1)
		return -1;
	if (si.si_pid == 0)
		return 0;
	*status = si.si_code == CLD_EXITED ? W_EXITCODE(si.si_status, 0) :
					     W_EXITCODE(0, si.si_status);
	return 1;
}

void
proc_check_channel(const char *name)
{
	socklen_t len;
	int type;

	len = sizeof(type);
	if (getsockopt(PROC_FD, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    type != SOCK_SEQPACKET) {
		fprintf(stderr, "%s: is started by thd, not by hand\n", name);
		exit(2);
	}
	if (fcntl(PROC_FD, F_SETFD, FD_CLOEXEC) == -1) {
		fprintf(stderr, "%s: fcntl: %s\n", name, strerror(errno));
		exit(1);
	}
}

size_t
proc_raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1024;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
		(void)getrlimit(RLIMIT_NOFILE, &rl);
	}
	return rl.rlim_cur;
}
