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
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"

/*
 * Room for more descriptors than a message may have, so that a peer that
 * sends too many is seen as such and not as a truncated one.
 */
#define RECV_FDS (IMSG_MAX_FDS + 1)

union cmsg_fds {
	struct cmsghdr hdr;
	char buf[CMSG_SPACE(sizeof(int) * RECV_FDS)];
};

int
imsg_pair(int sv[2])
{
	return socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv);
}

static void
attach_fds(struct msghdr *msg, union cmsg_fds *ctl, const int *fds, int nfds)
{
	struct cmsghdr *cmsg;

	memset(ctl, 0, sizeof(*ctl));
	msg->msg_control = ctl->buf;
	msg->msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nfds);
}

/* What one message needs while the system call looks at it. */
struct packet {
	union cmsg_fds ctl;
	struct imsg_hdr hdr;
	struct iovec iov[2];
};

/* Returns 0, or -1 with errno. */
static int
pack(const struct imsg_out *o, struct packet *p, struct msghdr *msg)
{
	if (o->len > IMSG_MAX_DATA || o->nfds < 0 || o->nfds > IMSG_MAX_FDS) {
		errno = EMSGSIZE;
		return -1;
	}
	memset(&p->hdr, 0, sizeof(p->hdr));
	p->hdr.type = o->type;
	p->hdr.id = o->id;
	p->hdr.len = sizeof(p->hdr) + o->len;

	memset(msg, 0, sizeof(*msg));
	p->iov[0].iov_base = &p->hdr;
	p->iov[0].iov_len = sizeof(p->hdr);
	p->iov[1].iov_base = (void *)(uintptr_t)o->data;
	p->iov[1].iov_len = o->len;
	msg->msg_iov = p->iov;
	msg->msg_iovlen = o->len > 0 ? 2 : 1;
	if (o->fds != NULL && o->nfds > 0)
		attach_fds(msg, &p->ctl, o->fds, o->nfds);
	return 0;
}

/* Out of socket memory is the same as a full socket. */
static int
send_error(void)
{
	if (errno == ENOBUFS)
		errno = EAGAIN;
	return -1;
}

int
imsg_send_many(int fd, const struct imsg_out *v, int n)
{
	struct packet packets[IMSG_MANY];
	struct mmsghdr msgs[IMSG_MANY];
	int i, r;

	for (i = 0; i < n && i < IMSG_MANY; i++) {
		if (pack(&v[i], &packets[i], &msgs[i].msg_hdr) == -1) {
			if (i == 0)
				return -1;
			break;
		}
	}
	do {
		r = sendmmsg(fd, msgs, i, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (r == -1 && errno == EINTR);
	return r == -1 ? send_error() : r;
}

int
imsg_send(int fd, uint16_t type, uint32_t id, const void *data, size_t len,
    const int *fds, int nfds)
{
	struct imsg_out o = { type, id, data, len, fds, nfds };
	struct packet packet;
	struct msghdr msg;
	ssize_t n;

	if (pack(&o, &packet, &msg) == -1)
		return -1;
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	return n == -1 ? send_error() : 0;
}

/* Collect every descriptor that came; the surplus is closed and counted. */
static int
collect_fds(struct msghdr *msg, struct imsg *m)
{
	struct cmsghdr *cmsg;
	size_t i, n;
	int fd, surplus = 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS) {
			surplus++;
			continue;
		}
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(fd));
			if (m->nfds < IMSG_MAX_FDS) {
				m->fds[m->nfds++] = fd;
			} else {
				close(fd);
				surplus++;
			}
		}
	}
	return surplus;
}

int
imsg_recv(int fd, struct imsg *m, void *buf)
{
	union cmsg_fds ctl;
	struct iovec iov;
	struct msghdr msg;
	ssize_t n;
	int surplus;

	memset(m, 0, sizeof(*m));
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = buf;
	iov.iov_len = IMSG_MAX;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = ctl.buf;
	msg.msg_controllen = sizeof(ctl.buf);

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	surplus = collect_fds(&msg, m);
	if (n == 0 && m->nfds == 0 && surplus == 0)
		return 0;
	if (surplus != 0 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    (size_t)n < sizeof(m->hdr))
		goto bad;
	memcpy(&m->hdr, buf, sizeof(m->hdr));
	if (m->hdr.len != (size_t)n || m->hdr.flags != 0)
		goto bad;
	m->data = (const uint8_t *)buf + sizeof(m->hdr);
	m->len = n - sizeof(m->hdr);
	return 1;
bad:
	imsg_free(m);
	errno = EPROTO;
	return -1;
}

int
imsg_take_fd(struct imsg *m, int i)
{
	int fd;

	if (i < 0 || i >= m->nfds)
		return -1;
	fd = m->fds[i];
	m->fds[i] = -1;
	return fd;
}

void
imsg_free(struct imsg *m)
{
	int i;

	for (i = 0; i < m->nfds; i++)
		if (m->fds[i] != -1)
			close(m->fds[i]);
	m->nfds = 0;
}
