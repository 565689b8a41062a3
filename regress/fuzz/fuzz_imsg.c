/* LINK: common/imsg.c */
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
#include <fcntl.h>
#include <unistd.h>

#include "imsg.h"

#include "fuzz.h"

/*
 * Datagrams with descriptors over a real socket pair: {fds, length, bytes} of
 * the input are one, with the first header's len as it should be for a single
 * message where the top bit of the count of fds says so.
 */

#define FDS_MAX 60

static int null_fd, sv[2];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST((null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1);
	MUST(imsg_pair(sv) == 0);
	return 0;
}

/* The lowest free descriptor: it rises if one was left open. */
static int
lowest(void)
{
	int fd;

	MUST((fd = dup(null_fd)) != -1);
	close(fd);
	return fd;
}

static void
send_raw(uint8_t *data, size_t len, int nfds)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} ctl;
	struct cmsghdr *cmsg;
	struct iovec iov = { data, len };
	struct msghdr msg;
	int i;

	memset(&msg, 0, sizeof(msg));
	memset(&ctl, 0, sizeof(ctl));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		for (i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &null_fd,
			    sizeof(int));
	}
	MUST(sendmsg(sv[0], &msg, MSG_DONTWAIT) == (ssize_t)len);
}

/* The length of the message that begins here, or 0 if there is none. */
static size_t
message(const uint8_t *data, size_t left, unsigned int count, int alone)
{
	struct imsg_hdr hdr;

	if (left < sizeof(hdr) || count == IMSG_MANY)
		return 0;
	memcpy(&hdr, data, sizeof(hdr));
	if (hdr.len < sizeof(hdr) || hdr.len > left || hdr.flags != 0 ||
	    (alone && hdr.len != left))
		return 0;
	return hdr.len;
}

static void
check_message(struct imsg *m, const uint8_t *data, size_t len, int nfds,
    int claim)
{
	int fd;

	MUST(m->nfds == nfds);
	MUST(m->len == len - sizeof(m->hdr));
	MUST(memcmp(m->data, data + sizeof(m->hdr), m->len) == 0);
	MUST(imsg_take_fd(m, nfds) == -1);
	if (claim < nfds) {
		MUST((fd = imsg_take_fd(m, claim)) != -1);
		MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
		MUST(imsg_take_fd(m, claim) == -1);
		close(fd);
	}
	imsg_free(m);
}

/* What the contract says of a datagram. */
static void
check(const uint8_t *data, size_t len, int nfds, int claim)
{
	static uint8_t buf[IMSG_MAX];
	struct imsg_in in = { .buf = buf };
	struct imsg m;
	size_t n, off = 0;
	unsigned int count = 0;
	int r;

	r = imsg_read(sv[1], &in);
	if (len == 0 && nfds == 0) {
		MUST(r == 0); /* the same as end of file */
		return;
	}
	MUST(r == (len == 0 || nfds > IMSG_MAX_FDS ? -1 : 1));
	if (r == -1) {
		MUST(errno == EPROTO);
		return;
	}
	for (; off < len; off += n, count++) {
		n = message(data + off, len - off, count, nfds > 0);
		r = imsg_next(&in, &m);
		MUST(r == (n > 0 ? 1 : -1));
		if (r == -1)
			break;
		check_message(&m, data + off, n, nfds, claim);
	}
	MUST(imsg_next(&in, &m) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct imsg_hdr hdr;
	uint8_t *buf, fds;
	size_t len;
	int before = lowest(), nfds;

	while (in.left > 0) {
		fds = input_u8(&in);
		nfds = (fds & 0x7f) % (FDS_MAX + 1);
		len = input_u16(&in) % 4096;
		if (len > in.left)
			len = in.left;
		buf = fuzz_copy(in.p, len);
		in.p += len;
		in.left -= len;
		if ((fds & 0x80) && len >= sizeof(hdr)) {
			memcpy(&hdr, buf, sizeof(hdr));
			hdr.len = len;
			hdr.flags = 0;
			memcpy(buf, &hdr, sizeof(hdr));
		}
		send_raw(buf, len, nfds);
		check(buf, len, nfds, len % 4);
		free(buf);
	}
	MUST(lowest() == before);
	return 0;
}
