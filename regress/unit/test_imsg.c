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

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "imsg.h"

static uint8_t buf[IMSG_MAX] __attribute__((aligned(16)));
static uint8_t big[IMSG_MAX + 1];

/* The lowest free descriptor: a leak moves it. */
static int
lowest(void)
{
	int fd = dup(0);

	assert_true(fd != -1);
	close(fd);
	return fd;
}

static int
setup(void **state)
{
	static int sv[2];

	*state = sv;
	return imsg_pair(sv);
}

static int
teardown(void **state)
{
	int *sv = *state;

	close(sv[0]);
	close(sv[1]);
	return 0;
}

static void
test_message(void **state)
{
	int *sv = *state;
	struct imsg m;

	assert_int_equal(imsg_send(sv[0], 7, 9, "hello", 5, NULL, 0), 0);
	assert_int_equal(imsg_recv(sv[1], &m, buf), 1);
	assert_int_equal(m.hdr.type, 7);
	assert_int_equal(m.hdr.id, 9);
	assert_int_equal(m.len, 5);
	assert_memory_equal(m.data, "hello", 5);
	assert_int_equal(imsg_recv(sv[1], &m, buf), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
test_sizes(void **state)
{
	int *sv = *state;
	struct imsg m;

	assert_int_equal(imsg_send(sv[0], 1, 0, big, IMSG_MAX_DATA, NULL, 0),
	    0);
	assert_int_equal(imsg_recv(sv[1], &m, buf), 1);
	assert_int_equal(m.len, IMSG_MAX_DATA);
	assert_int_equal(imsg_send(sv[0], 1, 0, big, IMSG_MAX_DATA + 1, NULL,
			     0),
	    -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void
test_descriptors(void **state)
{
	int *sv = *state, fds[4] = { 0, 0, 0, 0 }, before, fd;
	struct imsg m;

	before = lowest();
	assert_int_equal(imsg_send(sv[0], 1, 0, NULL, 0, fds, 4), 0);
	assert_int_equal(imsg_recv(sv[1], &m, buf), 1);
	assert_int_equal(m.nfds, 4);
	fd = imsg_take_fd(&m, 2);
	assert_true(fd != -1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(imsg_take_fd(&m, 2), -1);
	assert_int_equal(imsg_take_fd(&m, 4), -1);
	imsg_free(&m);
	close(fd);
	assert_int_equal(lowest(), before);
}

/* What is no message is refused, and leaves no descriptor behind. */
static void
send_raw(int fd, const void *data, size_t len, int nfds)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int) * 200)];
	} ctl;
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg;
	struct cmsghdr *cmsg;

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
	}
	assert_int_equal(sendmsg(fd, &msg, 0), len);
}

static void
refused(int *sv, const void *data, size_t len, int nfds)
{
	struct imsg m;
	int before = lowest();

	send_raw(sv[0], data, len, nfds);
	assert_int_equal(imsg_recv(sv[1], &m, buf), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(lowest(), before);
}

static void
test_refused(void **state)
{
	int *sv = *state;
	struct imsg_hdr hdr;

	memset(&hdr, 0, sizeof(hdr));
	hdr.type = 1;
	hdr.len = sizeof(hdr);
	refused(sv, &hdr, 4, 0);
	refused(sv, &hdr, sizeof(hdr), 5);
	refused(sv, &hdr, sizeof(hdr), 200);
	hdr.len++;
	refused(sv, &hdr, sizeof(hdr), 1);
	hdr.len = UINT32_MAX;
	refused(sv, &hdr, sizeof(hdr), 0);
	hdr.len = sizeof(hdr);
	hdr.flags = 1;
	refused(sv, &hdr, sizeof(hdr), 0);
	/* One byte longer than a message may be. */
	hdr.flags = 0;
	memcpy(big, &hdr, sizeof(hdr));
	refused(sv, big, sizeof(big), 0);
}

static void
test_end(void **state)
{
	int sv[2];
	struct imsg m;

	(void)state;
	assert_int_equal(imsg_pair(sv), 0);
	close(sv[0]);
	assert_int_equal(imsg_recv(sv[1], &m, buf), 0);
	assert_int_equal(imsg_send(sv[1], 1, 0, NULL, 0, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
	close(sv[1]);
}

static void
test_full(void **state)
{
	int *sv = *state, i;

	for (i = 0; i < 100; i++)
		if (imsg_send(sv[0], 1, 0, big, 64 * 1024, NULL, 0) == -1)
			break;
	assert_true(i > 0 && i < 100);
	assert_int_equal(errno, EAGAIN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_message),
		T(test_sizes),
		T(test_descriptors),
		T(test_refused),
		T(test_end),
		T(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
