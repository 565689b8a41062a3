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
#include <sys/resource.h>
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

/* No room for them: the message is known, the descriptors are gone. */
static void
test_no_room(void **state)
{
	int *sv = *state, fds[3] = { 0, 0, 0 }, before, room;
	struct rlimit old, rl;
	struct imsg m;

	before = lowest();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (room = 0; room < 3; room++) {
		rl = old;
		rl.rlim_cur = before + room;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
		assert_int_equal(imsg_send(sv[0], 7, 9, "abc", 3, fds, 3), 0);
		assert_int_equal(imsg_recv(sv[1], &m, buf), -1);
		assert_int_equal(errno, EMFILE);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_true(m.lost);
		assert_int_equal(m.nfds, 0);
		assert_int_equal(m.hdr.type, 7);
		assert_int_equal(m.hdr.id, 9);
		assert_int_equal(m.len, 3);
		assert_int_equal(lowest(), before);
	}
	assert_int_equal(imsg_send(sv[0], 7, 9, NULL, 0, fds, 3), 0);
	assert_int_equal(imsg_recv(sv[1], &m, buf), 1);
	assert_false(m.lost);
	imsg_free(&m);
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

/* How many messages the next datagram has; all with the length given. */
static int
datagram(int fd, uint32_t *id, size_t len, int nfds)
{
	struct imsg_in in = { .buf = (uint8_t *)buf };
	struct imsg m;
	int n = 0;

	assert_int_equal(imsg_read(fd, &in), 1);
	while (imsg_next(&in, &m) == 1) {
		assert_int_equal(m.hdr.id, (*id)++);
		assert_int_equal(m.len, len);
		assert_int_equal(m.nfds, nfds);
		imsg_free(&m);
		n++;
	}
	assert_int_equal(in.off, in.len);
	return n;
}

/* Small ones without descriptors go together, in order. */
static void
test_many(void **state)
{
	struct imsg_out v[IMSG_MANY];
	int *sv = *state, fd = 0, before = lowest(), i;
	uint32_t id = 0;

	memset(v, 0, sizeof(v));
	for (i = 0; i < IMSG_MANY; i++) {
		v[i].type = 1;
		v[i].id = i;
		v[i].data = "four";
		v[i].len = 4;
	}
	assert_int_equal(imsg_send_many(sv[0], v, IMSG_MANY), IMSG_MANY);
	assert_int_equal(datagram(sv[1], &id, 4, 0), IMSG_MANY);

	/* One with a descriptor is alone, those around it are not. */
	id = 0;
	v[2].fds = &fd;
	v[2].nfds = 1;
	assert_int_equal(imsg_send_many(sv[0], v, 6), 6);
	assert_int_equal(datagram(sv[1], &id, 4, 0), 2);
	assert_int_equal(datagram(sv[1], &id, 4, 1), 1);
	assert_int_equal(datagram(sv[1], &id, 4, 0), 3);
	v[2].nfds = 0;

	/* Large ones are alone; as many as the socket takes. */
	id = 0;
	for (i = 0; i < IMSG_MANY; i++) {
		v[i].data = big;
		v[i].len = 30000;
	}
	i = imsg_send_many(sv[0], v, IMSG_MANY);
	assert_true(i > 1 && i < IMSG_MANY);
	assert_int_equal(imsg_send_many(sv[0], v + i, 1), -1);
	assert_int_equal(errno, EAGAIN);
	while (i-- > 0)
		assert_int_equal(datagram(sv[1], &id, 30000, 0), 1);
	assert_int_equal(lowest(), before);
}

/* A datagram of several that goes wrong after the first. */
static void
test_bad_bundle(void **state)
{
	static const struct imsg_hdr good = { .type = 1, .len = sizeof(good) };
	struct imsg_in in = { .buf = (uint8_t *)buf };
	struct imsg_hdr v[IMSG_MANY + 1];
	struct imsg m;
	int *sv = *state, before = lowest(), i;

	for (i = 0; i <= IMSG_MANY; i++)
		v[i] = good;
	/* One too many. */
	send_raw(sv[0], v, sizeof(v), 0);
	assert_int_equal(imsg_read(sv[1], &in), 1);
	for (i = 0; i < IMSG_MANY; i++)
		assert_int_equal(imsg_next(&in, &m), 1);
	assert_int_equal(imsg_next(&in, &m), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(imsg_next(&in, &m), 0);

	/* The second is longer than what is left, or shorter than a header. */
	for (i = 0; i < 2; i++) {
		v[1].len = i == 0 ? sizeof(good) + 1 : sizeof(good) - 1;
		send_raw(sv[0], v, 2 * sizeof(good), 0);
		assert_int_equal(imsg_read(sv[1], &in), 1);
		assert_int_equal(imsg_next(&in, &m), 1);
		assert_int_equal(imsg_next(&in, &m), -1);
		assert_int_equal(errno, EPROTO);
	}

	/* Several have no descriptors; who expects one message gets one. */
	v[1] = good;
	refused(sv, v, 2 * sizeof(good), 1);
	refused(sv, v, 2 * sizeof(good), 0);
	assert_int_equal(lowest(), before);
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
		T(test_no_room),
		T(test_refused),
		T(test_many),
		T(test_bad_bundle),
		T(test_end),
		T(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
