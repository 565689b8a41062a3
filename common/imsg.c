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

/* Several messages go together up to this: more gains nothing. */
#define BUNDLE_MAX (16 * 1024)

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

static int
check_out(const struct imsg_out *o)
{
	if (o->len <= IMSG_MAX_DATA && o->nfds >= 0 && o->nfds <= IMSG_MAX_FDS)
		return 0;
	errno = EMSGSIZE;
	return -1;
}

/* Header and payload, as two parts of a datagram. Returns the length. */
static size_t
pack(const struct imsg_out *o, struct imsg_hdr *hdr, struct iovec *iov)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->type = o->type;
	hdr->id = o->id;
	hdr->len = sizeof(*hdr) + o->len;
	iov[0].iov_base = hdr;
	iov[0].iov_len = sizeof(*hdr);
	iov[1].iov_base = (void *)(uintptr_t)o->data;
	iov[1].iov_len = o->len;
	return hdr->len;
}

/* Out of socket memory is the same as a full socket. */
static int
send_error(void)
{
	if (errno == ENOBUFS)
		errno = EAGAIN;
	return -1;
}

static int
send_datagram(int fd, const struct msghdr *msg)
{
	ssize_t n;

	do {
		n = sendmsg(fd, msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	return n == -1 ? send_error() : 0;
}

/*
 * One datagram of as many messages, from the first, as go together. Returns
 * how many that are, or -1 with errno.
 */
static int
send_bundle(int fd, const struct imsg_out *v, int n)
{
	struct imsg_hdr hdrs[IMSG_MANY];
	struct iovec iov[IMSG_MANY * 2];
	struct msghdr msg;
	size_t len;
	int i;

	if (v->nfds != 0)
		return imsg_send(fd, v->type, v->id, v->data, v->len, v->fds,
			   v->nfds) == -1 ?
		    -1 :
		    1;
	if (check_out(v) == -1)
		return -1;
	len = pack(v, &hdrs[0], &iov[0]);
	for (i = 1; i < n && i < IMSG_MANY; i++) {
		if (v[i].nfds != 0 || check_out(&v[i]) == -1 ||
		    len + sizeof(hdrs[i]) + v[i].len > BUNDLE_MAX)
			break;
		len += pack(&v[i], &hdrs[i], &iov[2 * i]);
	}
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2 * i;
	return send_datagram(fd, &msg) == -1 ? -1 : i;
}

int
imsg_send_many(int fd, const struct imsg_out *v, int n)
{
	int done = 0, r;

	while (done < n) {
		if ((r = send_bundle(fd, v + done, n - done)) == -1)
			return done > 0 ? done : -1;
		done += r;
	}
	return done;
}

int
imsg_send(int fd, uint16_t type, uint32_t id, const void *data, size_t len,
    const int *fds, int nfds)
{
	struct imsg_out o = { type, id, data, len, fds, nfds };
	union cmsg_fds ctl;
	struct imsg_hdr hdr;
	struct iovec iov[2];
	struct msghdr msg;

	if (check_out(&o) == -1)
		return -1;
	memset(&msg, 0, sizeof(msg));
	(void)pack(&o, &hdr, iov);
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	if (fds != NULL && nfds > 0)
		attach_fds(&msg, &ctl, fds, nfds);
	return send_datagram(fd, &msg);
}

/* Collect every descriptor that came; the surplus is closed and counted. */
static int
collect_fds(struct msghdr *msg, struct imsg_in *in)
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
			if (in->nfds < IMSG_MAX_FDS) {
				in->fds[in->nfds++] = fd;
			} else {
				close(fd);
				surplus++;
			}
		}
	}
	return surplus;
}

static void
close_fds(struct imsg_in *in)
{
	while (in->nfds > 0)
		close(in->fds[--in->nfds]);
}

static int
no_message(struct imsg_in *in)
{
	close_fds(in);
	in->off = in->len;
	errno = EPROTO;
	return -1;
}

int
imsg_read(int fd, struct imsg_in *in)
{
	union cmsg_fds ctl;
	struct iovec iov;
	struct msghdr msg;
	ssize_t n;
	int surplus;

	in->len = in->off = 0;
	in->count = 0;
	in->lost = 0;
	in->nfds = 0;
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = in->buf;
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
	surplus = collect_fds(&msg, in);
	if (n == 0 && in->nfds == 0 && surplus == 0)
		return 0;
	in->len = n;
	/* All places taken: there were too many. Else the kernel had none. */
	if ((msg.msg_flags & MSG_CTRUNC) && in->nfds < IMSG_MAX_FDS) {
		close_fds(in);
		in->lost = 1;
	}
	if (n == 0 || surplus != 0 || (msg.msg_flags & MSG_TRUNC) != 0 ||
	    ((msg.msg_flags & MSG_CTRUNC) != 0 && !in->lost))
		return no_message(in);
	return 1;
}

int
imsg_next(struct imsg_in *in, struct imsg *m)
{
	size_t left = in->len - in->off;

	memset(m, 0, sizeof(*m));
	if (left == 0)
		return 0;
	if (left < sizeof(m->hdr) || in->count == IMSG_MANY)
		return no_message(in);
	memcpy(&m->hdr, in->buf + in->off, sizeof(m->hdr));
	if (m->hdr.len < sizeof(m->hdr) || m->hdr.len > left ||
	    m->hdr.flags != 0 ||
	    ((in->nfds > 0 || in->lost) && m->hdr.len != in->len))
		return no_message(in);
	m->data = in->buf + in->off + sizeof(m->hdr);
	m->len = m->hdr.len - sizeof(m->hdr);
	memcpy(m->fds, in->fds, sizeof(m->fds));
	m->nfds = in->nfds;
	m->lost = in->lost;
	in->nfds = 0;
	in->off += m->hdr.len;
	in->count++;
	return 1;
}

int
imsg_recv(int fd, struct imsg *m, void *buf)
{
	struct imsg_in in = { .buf = buf };
	int r;

	memset(m, 0, sizeof(*m));
	if ((r = imsg_read(fd, &in)) != 1)
		return r;
	if (imsg_next(&in, m) != 1)
		return -1;
	if (m->lost) {
		errno = EMFILE;
		return -1;
	}
	if (in.off == in.len)
		return 1;
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
