/* LINK: common/wire.c common/msg.c */
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

/* LINK: common/chan.c common/imsg.c common/log.c common/msg.c common/wire.c */
/* LIBS: libevent_core */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

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
#include <event2/event.h>

#include "chan.h"

static struct event_base *base;
static struct chan *chan;
static int peer; /* the other end, by hand */
static uint8_t buf[IMSG_MAX];
static struct imsg_in in = { .buf = buf };

static unsigned int nmsgs, nends, ndrained;
static enum chan_end why;
static int answer; /* what the callback returns */
static int reply; /* it sends one message for each */
static int stop; /* it stops reading */

static int
on_msg(struct chan *c, struct imsg *m, const void *msg, void *arg)
{
	static const struct msg_empty empty;

	(void)msg;
	assert_ptr_equal(arg, &nmsgs);
	nmsgs++;
	if (stop)
		chan_pause(c, 1);
	if (reply)
		assert_int_equal(chan_send(c, MSG_EXEC_GO, m->hdr.id, &empty,
				     NULL, 0, 0),
		    0);
	return answer;
}

static void
on_end(struct chan *c, enum chan_end w, void *arg)
{
	(void)arg;
	nends++;
	why = w;
	chan_free(c);
	chan = NULL;
}

static void
on_drained(struct chan *c, void *arg)
{
	(void)c;
	(void)arg;
	ndrained++;
}

static int
setup(void **state)
{
	static const struct chan_ops ops = { on_msg, NULL, on_end, on_drained };
	int sv[2];

	(void)state;
	nmsgs = nends = ndrained = 0;
	answer = reply = stop = 0;
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(imsg_pair(sv), 0);
	peer = sv[1];
	/* As the supervisor's end of a jobexec. */
	chan = chan_new(base, sv[0], SIDE_SUP_EXEC, "peer", &ops, &nmsgs);
	assert_non_null(chan);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	chan_free(chan);
	chan = NULL;
	if (peer != -1)
		close(peer);
	event_base_free(base);
	return 0;
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
from_peer(uint32_t id)
{
	static const uint8_t version[4];

	assert_int_equal(imsg_send(peer, MSG_SETUP_DONE, id, version,
			     sizeof(version), NULL, 0),
	    0);
}

/* The id of the next message at the peer, or 0 if there is none. */
static uint32_t
at_peer(struct imsg *m)
{
	int r;

	while ((r = imsg_next(&in, m)) == 0)
		if ((r = imsg_read(peer, &in)) != 1)
			break;
	if (r == -1)
		assert_int_equal(errno, EAGAIN);
	return r == 1 ? m->hdr.id : 0;
}

/* What is sent in a turn goes out at its end, in order. */
static void
test_order(void **state)
{
	static const struct msg_empty empty;
	struct imsg m;
	uint32_t i;

	(void)state;
	for (i = 1; i <= 100; i++)
		assert_int_equal(chan_send(chan, MSG_EXEC_GO, i, &empty, NULL,
				     0, 0),
		    0);
	assert_int_equal(at_peer(&m), 0);
	turn();
	for (i = 1; i <= 100; i++)
		assert_int_equal(at_peer(&m), i);
	assert_int_equal(at_peer(&m), 0);
}

/* Answers to what came in one turn are there when it is over. */
static void
test_replies(void **state)
{
	struct imsg m;
	uint32_t i;

	(void)state;
	reply = 1;
	for (i = 1; i <= 40; i++)
		from_peer(i);
	turn();
	assert_int_equal(nmsgs, 40);
	for (i = 1; i <= 40; i++)
		assert_int_equal(at_peer(&m), i);
}

/* One that is stopped takes no more than the datagram at hand. */
static void
test_pause(void **state)
{
	uint32_t i;

	(void)state;
	stop = 1;
	for (i = 1; i <= 40; i++)
		from_peer(i);
	turn();
	turn();
	assert_int_equal(nmsgs, 1);
	stop = 0;
	chan_pause(chan, 0);
	turn();
	assert_int_equal(nmsgs, 40);
}

/* The end of a dead peer comes, stopped or not. */
static void
test_pause_hangup(void **state)
{
	(void)state;
	from_peer(1);
	stop = 1;
	turn();
	assert_int_equal(nmsgs, 1);
	from_peer(2);
	chan_hangup(chan);
	chan_pause(chan, 1);
	turn();
	assert_int_equal(nmsgs, 2);
	assert_int_equal(nends, 1);
	assert_int_equal(why, CHAN_EOF);
}

/* A turn is so many messages, however they came. */
static void
test_turn(void **state)
{
	static const uint8_t version[4];
	struct imsg_out v[IMSG_MANY];
	int i;

	(void)state;
	memset(v, 0, sizeof(v));
	for (i = 0; i < IMSG_MANY; i++) {
		v[i].type = MSG_SETUP_DONE;
		v[i].data = version;
		v[i].len = sizeof(version);
	}
	for (i = 0; i < 4; i++)
		assert_int_equal(imsg_send_many(peer, v, IMSG_MANY), IMSG_MANY);
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(nmsgs, 2 * IMSG_MANY);
	turn();
	assert_int_equal(nmsgs, 4 * IMSG_MANY);
}

static int
is_file(int fd, ino_t ino)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == ino;
}

/* Descriptors travel with their own message, between others without. */
static void
test_fds(void **state)
{
	static const struct msg_empty empty;
	struct imsg m;
	struct stat st;
	int fds[1], fd;

	(void)state;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	fds[0] = fd;
	assert_int_equal(chan_send(chan, MSG_EXEC_GO, 1, &empty, NULL, 0, 0),
	    0);
	assert_int_equal(chan_send(chan, MSG_EXEC_WATCH, 2, &empty, fds, 1, 0),
	    0);
	assert_int_equal(chan_send(chan, MSG_EXEC_WATCH, 3, &empty, fds, 1,
			     CHAN_CLOSE_FDS),
	    0);
	assert_int_equal(chan_send(chan, MSG_EXEC_GO, 4, &empty, NULL, 0, 0),
	    0);
	turn();
	/* Sent, so the one that was given away is closed. */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(at_peer(&m), 1);
	assert_int_equal(m.nfds, 0);
	assert_int_equal(at_peer(&m), 2);
	assert_int_equal(m.nfds, 1);
	assert_true(is_file(m.fds[0], st.st_ino));
	imsg_free(&m);
	assert_int_equal(at_peer(&m), 3);
	assert_int_equal(m.nfds, 1);
	assert_true(is_file(m.fds[0], st.st_ino));
	imsg_free(&m);
	assert_int_equal(at_peer(&m), 4);
	assert_int_equal(m.nfds, 0);
}

/* A peer that reads late gets all; one that never reads ends the channel. */
static void
test_slow_peer(void **state)
{
	static const struct msg_empty empty;
	struct imsg m;
	uint32_t i, n = 0, sent = 30000;

	(void)state;
	for (i = 1; i <= sent; i++)
		assert_int_equal(chan_send(chan, MSG_EXEC_GO, i, &empty, NULL,
				     0, 0),
		    0);
	turn();
	assert_true(chan_congested(chan));
	assert_int_equal(ndrained, 0);
	while (n < sent) {
		while ((i = at_peer(&m)) != 0)
			assert_int_equal(i, ++n);
		turn();
	}
	assert_false(chan_congested(chan));
	assert_int_equal(ndrained, 1);

	do {
		i = chan_send(chan, MSG_EXEC_GO, ++n, &empty, NULL, 0, 0);
	} while (i == 0 && n < 10 * 1000 * 1000);
	assert_int_equal(errno, ENOBUFS);
	turn();
	assert_int_equal(nends, 1);
	assert_int_equal(why, CHAN_OVERFLOW);
}

/* What was said before a channel is freed, or flushed, still goes out. */
static void
test_last_words(void **state)
{
	static const struct msg_empty empty;
	struct imsg m;

	(void)state;
	assert_int_equal(chan_send(chan, MSG_EXEC_GO, 1, &empty, NULL, 0, 0),
	    0);
	chan_flush(chan);
	assert_int_equal(at_peer(&m), 1);
	assert_int_equal(chan_send(chan, MSG_EXEC_GO, 2, &empty, NULL, 0, 0),
	    0);
	chan_free(chan);
	chan = NULL;
	assert_int_equal(at_peer(&m), 2);
	assert_int_equal(imsg_read(peer, &in), 0);
}

/* A full queue that was flushed by hand goes on by itself. */
static void
test_flush_full(void **state)
{
	static const struct msg_empty empty;
	struct imsg m;
	uint32_t i, n = 0, sent = 30000;

	(void)state;
	for (i = 1; i <= sent; i++)
		assert_int_equal(chan_send(chan, MSG_EXEC_GO, i, &empty, NULL,
				     0, 0),
		    0);
	while (n < sent) {
		chan_flush(chan);
		while ((i = at_peer(&m)) != 0)
			assert_int_equal(i, ++n);
	}
	assert_int_equal(chan_send(chan, MSG_EXEC_GO, ++n, &empty, NULL, 0, 0),
	    0);
	turn();
	assert_int_equal(at_peer(&m), n);
	assert_int_equal(ndrained, 1);
}

/* The peer is gone: what it said comes first, then its end, once. */
static void
test_peer_gone(void **state)
{
	static const struct msg_empty empty;
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		from_peer(i);
	close(peer);
	peer = -1;
	assert_int_equal(chan_send(chan, MSG_EXEC_GO, 1, &empty, NULL, 0, 0),
	    0);
	turn();
	turn();
	assert_int_equal(nmsgs, 3);
	assert_int_equal(nends, 1);
	assert_int_equal(why, CHAN_EOF);
}

/* The callback has found a violation. */
static void
test_violation(void **state)
{
	(void)state;
	answer = -1;
	from_peer(1);
	from_peer(2);
	turn();
	assert_int_equal(nmsgs, 1);
	assert_int_equal(nends, 1);
	assert_int_equal(why, CHAN_VIOLATION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_replies),
		TEST(test_pause),
		TEST(test_pause_hangup),
		TEST(test_turn),
		TEST(test_fds),
		TEST(test_slow_peer),
		TEST(test_last_words),
		TEST(test_flush_full),
		TEST(test_peer_gone),
		TEST(test_violation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
