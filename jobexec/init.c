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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <linux/magic.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "creds.h"
#include "fds.h"
#include "init.h"
#include "view.h"

#define OOM_SCORE "500"
#define STACK_SIZE (64 * 1024)

static void give_up(int, const struct fail *) __attribute__((noreturn));
static void supervise(pid_t, int) __attribute__((noreturn));

static int
die_with_parent(struct fail *f)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		return fail_set(f, STAGE_CLONE, "parent death signal");
	return 0;
}

/* Standard output and error in their places, nothing of the relay's. */
static int
place_fds(const struct init *in, struct fail *f)
{
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO,
		in->sync, in->report };

	if (dup2(in->out, STDOUT_FILENO) == -1 ||
	    dup2(in->err, STDERR_FILENO) == -1 ||
	    fds_close_all_but(keep, sizeof(keep) / sizeof(keep[0])) == -1)
		return fail_set(f, STAGE_CLONE, "descriptors");
	return 0;
}

/* Rather the job than a daemon, should the host run out of memory. */
static int
set_oom_score(struct fail *f)
{
	static const char file[] = "/proc/self/oom_score_adj";
	struct statfs sfs;
	int fd, r = -1;

	if ((fd = open(file, O_WRONLY | O_CLOEXEC)) == -1)
		return fail_set(f, STAGE_CLONE, "%s", file);
	errno = ENOTSUP;
	if (fstatfs(fd, &sfs) == 0 && sfs.f_type == PROC_SUPER_MAGIC &&
	    write(fd, OOM_SCORE, strlen(OOM_SCORE)) != -1)
		r = 0;
	else
		fail_set(f, STAGE_CLONE, "%s", file);
	close(fd);
	return r;
}

/* Standard input from the job's own /dev, not from the host's. */
static int
open_stdin(struct fail *f)
{
	int fd;

	if ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1 ||
	    dup2(fd, STDIN_FILENO) == -1)
		return fail_set(f, STAGE_MOUNT, "/dev/null");
	close(fd);
	return 0;
}

/* As root: everything that needs it. */
static int
make_place(const struct init *in, struct fail *f)
{
	if (die_with_parent(f) == -1 || place_fds(in, f) == -1 ||
	    set_oom_score(f) == -1 || view_make(in->msg, f) == -1 ||
	    open_stdin(f) == -1)
		return -1;
	(void)umask(022);
	if (sethostname(in->msg->hostname, strlen(in->msg->hostname)) == -1)
		return fail_set(f, STAGE_HOSTNAME, "%s", in->msg->hostname);
	/* Out of the relay's session; the command makes its own. */
	if (setsid() == -1)
		return fail_set(f, STAGE_CLONE, "setsid");
	return 0;
}

static int
become_job(const struct init *in, struct fail *f)
{
	const char *step;

	if (creds_drop(in->msg->uid, in->msg->gid, &step) == -1)
		return fail_set(f, STAGE_CREDENTIALS, "%s", step);
	if (die_with_parent(f) == -1)
		return -1;
	if (bpf_load(in->filter) == -1)
		return fail_set(f, STAGE_SECCOMP, "the job's filter");
	return 0;
}

/* Write what went wrong to the relay, and end. */
static void
give_up(int report, const struct fail *f)
{
	/* If it cannot be told, the relay sees an end without a report. */
	_exit(write(report, f, sizeof(*f)) == -1 ? 1 : 127);
}

struct pid2 {
	struct command command;
	struct fail fail;
	int report;
};

static int
run_pid2(void *arg)
{
	struct pid2 *p = arg;

	command_run(&p->command, &p->fail);
	give_up(p->report, &p->fail);
}

/*
 * Start the command as pid 2. Like vfork(2), it runs in our memory until it
 * has executed: to copy that, and its page faults later, would cost more than
 * all of our mounts. clone3 is past the filter.
 */
static pid_t
start_pid2(struct pid2 *p, int *pidfd)
{
	static char stack[STACK_SIZE] __attribute__((aligned(16)));

	return clone(run_pid2, stack + sizeof(stack),
	    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, p, pidfd);
}

static int
send_pidfd(int sync, int pidfd)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct cmsghdr *cmsg;
	struct iovec iov;
	struct msghdr msg;
	char zero = 0;

	memset(&ctl, 0, sizeof(ctl));
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = &zero;
	iov.iov_len = sizeof(zero);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = ctl.buf;
	msg.msg_controllen = sizeof(ctl.buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &pidfd, sizeof(int));
	return sendmsg(sync, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static void
on_child(int sig)
{
	(void)sig; /* only to end the wait */
}

/*
 * Reap all that has ended. The command's end is ours: the kernel kills the
 * rest of the namespace.
 */
static void
reap(pid_t command, int sync)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		(void)send(sync, &status, sizeof(status), MSG_NOSIGNAL);
		_exit(0);
	}
}

/*
 * Wait for children, and for the end of the relay. Its death signal does not
 * reach us, since it has another account and the kernel checks that; so look
 * at the socket. Signals from the job need no care: pid 1 gets only those
 * that it handles.
 */
static void
supervise(pid_t command, int sync)
{
	struct pollfd pfd;
	struct sigaction sa;
	sigset_t chld, none;

	sigemptyset(&none);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_child;
	(void)sigaction(SIGCHLD, &sa, NULL);
	for (;;) {
		reap(command, sync);
		pfd.fd = sync;
		pfd.events = 0;
		if (ppoll(&pfd, 1, NULL, &none) > 0)
			_exit(1);
	}
}

void
init_run(const struct init *in)
{
	static struct pid2 p;
	pid_t pid;
	int pidfd;

	p.report = in->report;
	if (make_place(in, &p.fail) == -1 ||
	    command_prepare(&p.command, in, &p.fail) == -1 ||
	    become_job(in, &p.fail) == -1)
		give_up(in->report, &p.fail);
	if ((pid = start_pid2(&p, &pidfd)) == -1) {
		fail_set(&p.fail, STAGE_CLONE, "pid 2");
		give_up(in->report, &p.fail);
	}
	if (send_pidfd(in->sync, pidfd) == -1) {
		fail_set(&p.fail, STAGE_CLONE, "pidfd");
		give_up(in->report, &p.fail);
	}
	close(pidfd);
	/* After the pidfd, so that end of file there finds it sent. */
	close(in->report);
	supervise(pid, in->sync);
}
