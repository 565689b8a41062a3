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

#include <linux/sched.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "init.h"
#include "launch.h"

#define PIPE_SIZE (1024 * 1024)

/*
 * Network and IPC are new since prepare_own(). No user namespace: with one of
 * its own the job would own the others.
 */
#define FLAGS                                                                  \
	(CLONE_INTO_CGROUP | CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWNS |        \
	    CLONE_NEWUTS | CLONE_NEWCGROUP)

/* A pipe that the job may open by name (/dev/stdout). */
static int
job_pipe(int fds[2], uid_t uid, gid_t gid)
{
	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	/* A large one saves turns, and is a luxury. */
	(void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE);
	return fchown(fds[1], uid, gid);
}

static int
make_channels(struct launch *s, struct init *in, struct fail *f)
{
	const struct msg_exec_job *msg = in->msg;
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	int sync[2] = { -1, -1 }, report[2] = { -1, -1 };
	int r = 0;

	if (job_pipe(out, msg->uid, msg->gid) == -1 ||
	    job_pipe(err, msg->uid, msg->gid) == -1 ||
	    pipe2(report, O_CLOEXEC) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) == -1)
		r = fail_set(f, STAGE_PIPE, "standard output and error");
	s->out = out[0];
	s->err = err[0];
	s->sync = sync[0];
	s->report = report[0];
	in->out = out[1];
	in->err = err[1];
	in->sync = sync[1];
	in->report = report[1];
	return r;
}

static pid_t
clone_init(int *pidfd, int cgroup)
{
	struct clone_args args;

	memset(&args, 0, sizeof(args));
	args.flags = FLAGS;
	args.pidfd = (uintptr_t)pidfd;
	args.exit_signal = SIGCHLD;
	args.cgroup = cgroup;
	return syscall(SYS_clone3, &args, sizeof(args));
}

int
launch_start(struct launch *s, const struct cgroup *c,
    const struct msg_exec_job *msg, const struct bpf_program *filter,
    struct fail *f)
{
	struct init in;
	pid_t pid;
	int r = 0;

	memset(&in, 0, sizeof(in));
	in.msg = msg;
	in.filter = filter;
	if (make_channels(s, &in, f) == -1) {
		r = -1;
	} else if ((pid = clone_init(&s->init, c->dir)) == 0) {
		init_run(&in);
	} else if (pid == -1) {
		s->init = -1;
		r = fail_set(f, STAGE_CLONE, "pid 1");
	}
	fds_close(&in.out);
	fds_close(&in.err);
	fds_close(&in.sync);
	fds_close(&in.report);
	return r;
}

int
launch_go(const struct launch *s)
{
	return send(s->sync, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 ? -1 : 0;
}

/* The one descriptor that pid 1 sends, or -1. */
static int
recv_pidfd(int sync)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct cmsghdr *cmsg;
	struct iovec iov;
	struct msghdr msg;
	char c;
	int fd;

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = &c;
	iov.iov_len = sizeof(c);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = ctl.buf;
	msg.msg_controllen = sizeof(ctl.buf);
	if (recvmsg(sync, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 ||
	    (cmsg = CMSG_FIRSTHDR(&msg)) == NULL ||
	    cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

int
launch_result(struct launch *s, struct fail *f)
{
	ssize_t n;
	int fd;

	n = read(s->report, f, sizeof(*f));
	fds_close(&s->report);
	if (n == (ssize_t)sizeof(*f)) {
		f->detail[sizeof(f->detail) - 1] = '\0';
		return -1;
	}
	/* pid 1 sends the pidfd before it lets go of the pipe. */
	if (n != 0 || (fd = recv_pidfd(s->sync)) == -1)
		return fail_with(f, STAGE_CLONE, ECHILD,
		    "pid 1 was killed before the command ran");
	return fd;
}

static uint64_t
microseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + tv->tv_usec;
}

int
launch_reap(struct launch *s, struct launch_end *end)
{
	struct rusage ru;
	int r;

	/* waitid(2) of the library has no room for the usage. */
	do {
		r = syscall(SYS_waitid, P_PIDFD, s->init, NULL, WEXITED, &ru);
	} while (r == -1 && errno == EINTR);
	if (r == -1)
		return -1;
	fds_close(&s->init);
	/* Without its word pid 1 was killed, and so was the command. */
	if (recv(s->sync, &end->status, sizeof(end->status), MSG_DONTWAIT) !=
	    (ssize_t)sizeof(end->status))
		end->status = W_EXITCODE(0, SIGKILL);
	end->utime_us = microseconds(&ru.ru_utime);
	end->stime_us = microseconds(&ru.ru_stime);
	end->maxrss_kb = ru.ru_maxrss;
	return 0;
}
