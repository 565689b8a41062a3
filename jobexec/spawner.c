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
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "imsg.h"
#include "log.h"
#include "proc.h"
#include "spawner.h"
#include "up.h"

static int child_ended = -1; /* signalfd(2) of SIGCHLD */

static void
child_signal(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(how, &set, NULL);
	if (how == SIG_BLOCK)
		child_ended = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	else
		fds_close(&child_ended);
}

void
spawner_init(void)
{
	/* What a terminal sends to the group is for the supervisor. */
	(void)setsid();
	child_signal(SIG_BLOCK);
	if (child_ended == -1)
		fatal("signalfd");
}

/* The new process has no channel of its own to say it on. */
static void
tell_failed(int fd, int error)
{
	struct msg_exec_failed msg;
	uint8_t buf[64];
	ssize_t len;

	memset(&msg, 0, sizeof(msg));
	msg.stage = STAGE_HELPER;
	msg.error = error;
	msg.detail = "fork";
	len = msg_encode(MSG_EXEC_FAILED, &msg, buf, sizeof(buf));
	if (len != -1)
		(void)imsg_send(fd, MSG_EXEC_FAILED, 0, buf, len, NULL, 0);
}

void
spawner_ready(void)
{
	struct msg_empty msg = { 0 };
	int pidfd;

	if ((pidfd = proc_pidfd(getpid())) == -1)
		fatal("pidfd_open");
	up_send(MSG_EXEC_READY, &msg, &pidfd, 1);
	close(pidfd);
}

int
spawner_fork(int fd)
{
	switch (fork()) {
	case -1:
		tell_failed(fd, errno);
		close(fd);
		return 0;
	case 0:
		break;
	default:
		close(fd);
		return 0;
	}
	if (dup3(fd, PROC_FD, O_CLOEXEC) == -1)
		_exit(1);
	close(fd);
	child_signal(SIG_UNBLOCK);
	return 1;
}

static void
reap(void)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	while (read(child_ended, &si, sizeof(si)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (WIFSIGNALED(status))
			log_warnx("process %d: killed by signal %d", (int)pid,
			    WTERMSIG(status));
}

void
spawner_wait(void)
{
	struct pollfd pfds[2];

	pfds[0].fd = up_fd();
	pfds[1].fd = child_ended;
	pfds[0].events = pfds[1].events = POLLIN;
	pfds[1].revents = 0;
	(void)poll(pfds, 2, -1);
	if (pfds[1].revents != 0)
		reap();
}
