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
#include <sys/socket.h>
#include <sys/un.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * A stand-in for a helper of thd: hands its channel to a test (hostile.py),
 * and ends with it, or becomes the program that the test names.
 */

#define CONTROL "/var/lib/th-hostile/control"
#define CHANNEL 3

static int
hand_over(int s, const char *name)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = { (char *)(uintptr_t)name, strlen(name) };
	struct msghdr msg;
	struct cmsghdr *cmsg;
	int fd = CHANNEL;

	memset(&msg, 0, sizeof(msg));
	memset(&ctl, 0, sizeof(ctl));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = ctl.buf;
	msg.msg_controllen = sizeof(ctl.buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(s, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_un sun = { AF_UNIX, CONTROL };
	char path[4096], *args[2] = { path, NULL }, *none[1] = { NULL };
	const char *name;
	ssize_t n;
	int s;

	if (argc != 1 || (name = strrchr(argv[0], '/')) == NULL)
		return 2;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s == -1 || connect(s, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    hand_over(s, name + 1) == -1) {
		perror(CONTROL);
		return 1;
	}
	if ((n = recv(s, path, sizeof(path) - 1, 0)) <= 0)
		return 0;
	path[n] = '\0';
	execve(path, args, none);
	perror(path);
	return 1;
}
