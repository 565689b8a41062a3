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
#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/rand.h>

#include "conn.h"
#include "connio.h"
#include "h2.h"
#include "log.h"
#include "msg.h"
#include "rate.h"
#include "rbtree.h"
#include "stream.h"
#include "tls.h"
#include "up.h"

/* Milliseconds without a byte until a ping, and from there to the end. */
#define PING_AFTER (120 * 1000)
#define PONG_WITHIN (120 * 1000)

/* How long a peer may take to read our last words. */
#define LINGER 1000

RB_HEAD(conn_tree, conn);
TAILQ_HEAD(conn_list, conn);

static int conn_cmp(const struct conn *, const struct conn *);

RB_PROTOTYPE(conn_tree, conn, node, conn_cmp)

static struct event_base *base;
static struct event *flush_ev;
static struct conn_limits limits;
static struct conn_tree by_id = RB_INITIALIZER(&by_id);
static struct conn_list all = TAILQ_HEAD_INITIALIZER(all);
static struct conn_list half_open = TAILQ_HEAD_INITIALIZER(half_open);
static struct conn_list dirty = TAILQ_HEAD_INITIALIZER(dirty);
static unsigned int nconns;
static unsigned int nhalf;

static void conn_readable(evutil_socket_t, short, void *);
static void conn_writable(evutil_socket_t, short, void *);
static void conn_timer(evutil_socket_t, short, void *);
static void flush_dirty(evutil_socket_t, short, void *);

static int
conn_cmp(const struct conn *a, const struct conn *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(conn_tree, conn, node, conn_cmp)

static struct conn *
conn_find(uint64_t id)
{
	struct conn probe;

	probe.id = id;
	return RB_FIND(conn_tree, &by_id, &probe);
}

void
conn_init(struct event_base *b)
{
	base = b;
	if ((flush_ev = event_new(base, -1, 0, flush_dirty, NULL)) == NULL)
		fatalx("no memory");
}

void
conn_set_limits(const struct conn_limits *l)
{
	limits = *l;
}

uint64_t
conn_id(const struct conn *c)
{
	return c->id;
}

const char *
conn_name(const struct conn *c)
{
	return c->host;
}

size_t
conn_room(const struct conn *c)
{
	return h2_room(c->h2);
}

void
conn_wake(struct conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = 1;
	if (TAILQ_EMPTY(&dirty))
		event_active(flush_ev, EV_TIMEOUT, 0);
	TAILQ_INSERT_TAIL(&dirty, c, dirty);
}

void
conn_end(struct conn *c)
{
	c->closing = 1;
	conn_wake(c);
}

static void
timer_in(struct conn *c, int64_t ms)
{
	struct timeval tv;

	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	event_add(&c->timer, &tv);
}

static void
not_half_open(struct conn *c)
{
	TAILQ_REMOVE(&half_open, c, half);
	nhalf--;
	c->addr->half_open--;
}

/* Give everything back but the descriptor. */
static void
conn_strip(struct conn *c)
{
	struct msg_peer m;

	h2_free(c->h2);
	c->h2 = NULL;
	connio_drop(c);
	if (c->id != 0) {
		RB_REMOVE(conn_tree, &by_id, c);
		m.conn = c->id;
		(void)up_send(MSG_PEER_DOWN, &m);
		c->id = 0;
	}
}

static void
conn_free(struct conn *c)
{
	if (c->state == CONN_HANDSHAKE && c->addr != NULL)
		not_half_open(c);
	conn_strip(c);
	if (c->is_dirty)
		TAILQ_REMOVE(&dirty, c, dirty);
	event_del(&c->rev);
	event_del(&c->wev);
	event_del(&c->timer);
	stream_close(&c->stream);
	if (c->addr != NULL) {
		c->addr->conns--;
		addr_put(c->addr);
	}
	TAILQ_REMOVE(&all, c, all);
	nconns--;
	free(c);
}

void
conn_linger(struct conn *c)
{
	conn_strip(c);
	c->state = CONN_LINGER;
	stream_shutdown(&c->stream);
	event_del(&c->wev);
	event_add(&c->rev, NULL);
	timer_in(c, LINGER);
}

static struct conn *
conn_new(int fd)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->stream.fd = fd;
	c->heard = rate_now();
	event_assign(&c->rev, base, fd, EV_READ | EV_PERSIST, conn_readable, c);
	event_assign(&c->wev, base, fd, EV_WRITE | EV_PERSIST, conn_writable,
	    c);
	evtimer_assign(&c->timer, base, conn_timer, c);
	TAILQ_INSERT_TAIL(&all, c, all);
	nconns++;
	return c;
}

static int
conn_start_h2(struct conn *c)
{
	if ((c->h2 = h2_new(c, limits.streams)) == NULL) {
		log_warnx("%s: no memory", c->host);
		return -1;
	}
	conn_wake(c);
	return 0;
}

/*
 * Make room for a new handshake. The oldest goes, first of all among those
 * of an address that holds more than its share: a flood of slow handshakes
 * then displaces itself.
 */
static void
evict_half_open(void)
{
	struct conn *c, *victim;

	victim = TAILQ_FIRST(&half_open);
	TAILQ_FOREACH(c, &half_open, half) {
		if (c->addr->half_open > limits.half_open / 4) {
			victim = c;
			break;
		}
	}
	log_info("%s: too many handshakes under way", victim->host);
	conn_free(victim);
}

/* Only numbers: a look-up by name would need more than the sandbox has. */
static void
set_host(struct conn *c, const struct sockaddr *sa)
{
	const void *p = sa;
	const struct sockaddr_in6 *sin6 = p;
	const struct sockaddr_in *sin = p;

	p = sa->sa_family == AF_INET6 ? (const void *)&sin6->sin6_addr :
					(const void *)&sin->sin_addr;
	if (inet_ntop(sa->sa_family, p, c->host, sizeof(c->host)) == NULL)
		strlcpy(c->host, "client", sizeof(c->host));
}

void
conn_remote(int fd, const struct sockaddr *sa, SSL_CTX *ctx)
{
	struct conn *c;
	struct addr *addr;
	int on = 1;

	if (nconns >= limits.conns || (addr = addr_get(sa)) == NULL) {
		close(fd);
		return;
	}
	if (addr->conns >= limits.per_address || (c = conn_new(fd)) == NULL) {
		addr_put(addr);
		close(fd);
		return;
	}
	c->addr = addr;
	addr->conns++;
	set_host(c, sa);
	if (nhalf >= limits.half_open && nhalf > 0)
		evict_half_open();
	TAILQ_INSERT_TAIL(&half_open, c, half);
	nhalf++;
	addr->half_open++;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((c->stream.ssl = tls_new(ctx, fd, &c->peer)) == NULL) {
		conn_free(c);
		return;
	}
	event_add(&c->rev, NULL);
	timer_in(c, (int64_t)limits.handshake_timeout * 1000);
}

void
conn_local(int fd, uint64_t id)
{
	struct msg_peer m;
	struct conn *c = NULL;

	if (fd != -1 && nconns < limits.conns)
		c = conn_new(fd);
	if (c == NULL) {
		if (fd != -1)
			close(fd);
		m.conn = id;
		(void)up_send(MSG_PEER_DOWN, &m);
		return;
	}
	c->id = id;
	RB_INSERT(conn_tree, &by_id, c);
	c->state = CONN_OPEN;
	strlcpy(c->host, "local", sizeof(c->host));
	if (conn_start_h2(c) == -1)
		conn_end(c);
	event_add(&c->rev, NULL);
}

/* For a reason of ours, or, with NULL, one of OpenSSL's. */
static void
handshake_failed(struct conn *c, const char *why)
{
	int certificate = 0;

	if (why == NULL)
		why = tls_reason(c->stream.ssl, &c->peer, &certificate);
	if (certificate)
		log_notice("%s: certificate refused: %s", c->host, why);
	else
		log_info("%s: handshake: %s", c->host, why);
	addr_failed(c->addr);
	not_half_open(c);
	conn_linger(c);
}

static int
new_id(struct conn *c)
{
	do {
		if (RAND_bytes((unsigned char *)&c->id, sizeof(c->id)) != 1) {
			c->id = 0;
			return -1;
		}
	} while (c->id == 0 || RB_FIND(conn_tree, &by_id, c) != NULL);
	RB_INSERT(conn_tree, &by_id, c);
	return 0;
}

/* The client is verified: tell the supervisor who is there. */
static void
introduce(struct conn *c)
{
	struct msg_peer_up m;

	m.identity = c->peer.id.name;
	m.fingerprint.p = c->peer.id.fingerprint;
	m.fingerprint.len = sizeof(c->peer.id.fingerprint);
	m.not_after = c->peer.id.not_after;
	event_del(&c->timer);
	/* What it sends now can wait in the socket. */
	event_del(&c->rev);
	if (new_id(c) == -1 || conn_start_h2(c) == -1) {
		conn_end(c);
		return;
	}
	m.conn = c->id;
	if (up_send(MSG_PEER_UP, &m) == -1)
		conn_end(c);
}

static void
conn_handshake(struct conn *c)
{
	const char *why;
	int wants_write = 0;

	switch (stream_accept(&c->stream, &wants_write)) {
	case STREAM_AGAIN:
		if (wants_write)
			event_add(&c->wev, NULL);
		return;
	case STREAM_ERROR:
		handshake_failed(c, NULL);
		return;
	}
	event_del(&c->wev);
	if ((why = tls_check(c->stream.ssl)) != NULL) {
		handshake_failed(c, why);
		return;
	}
	not_half_open(c);
	c->peer.updates = 0;
	c->state = CONN_INTRODUCED;
	introduce(c);
}

/* When to look at the connection again: a ping due, or its last second. */
static void
next_look(struct conn *c)
{
	int64_t in, left;

	if (c->stream.ssl == NULL)
		return; /* the kernel says when a local peer is gone */
	in = (c->pinged != 0 ? c->pinged + PONG_WITHIN :
			       c->heard + PING_AFTER) -
	    rate_now();
	left = (c->peer.id.not_after - time(NULL)) * 1000;
	if (left < in)
		in = left;
	timer_in(c, in < 1000 ? 1000 : in);
}

void
conn_acked(uint64_t id)
{
	struct conn *c;

	if ((c = conn_find(id)) == NULL || c->state != CONN_INTRODUCED)
		return;
	c->state = CONN_OPEN;
	c->heard = rate_now();
	event_add(&c->rev, NULL);
	next_look(c);
}

void
conn_refused(uint64_t id)
{
	struct conn *c;

	if ((c = conn_find(id)) != NULL)
		conn_end(c);
}

/* Has the peer's kernel got all that we sent? */
static int
all_delivered(const struct conn *c)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	if (getsockopt(c->stream.fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1)
		return 0;
	return ti.tcpi_unacked == 0 && ti.tcpi_notsent_bytes == 0;
}

/*
 * A silent peer is asked for a sign of life. Being slow is no offence, so
 * only a ping that has reached it and is not answered ends the connection;
 * a peer whose machine is gone is the kernel's to notice.
 */
static void
check_alive(struct conn *c)
{
	int64_t now = rate_now();

	if (c->pinged == 0 && now - c->heard >= PING_AFTER) {
		h2_ping(c->h2);
		c->pinged = now;
	} else if (c->pinged != 0 && now - c->pinged >= PONG_WITHIN) {
		if (!c->blocked && all_delivered(c)) {
			log_info("%s: does not answer", c->host);
			conn_end(c);
			return;
		}
		c->pinged = now;
	}
	next_look(c);
}

static void
conn_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_HANDSHAKE:
		log_info("%s: handshake: too slow", c->host);
		addr_failed(c->addr);
		conn_end(c);
		break;
	case CONN_INTRODUCED:
		break;
	case CONN_OPEN:
		if (time(NULL) >= c->peer.id.not_after) {
			log_info("%s: certificate has expired", c->host);
			conn_end(c);
			return;
		}
		check_alive(c);
		break;
	case CONN_LINGER:
		conn_end(c);
		break;
	}
}

static void
conn_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_HANDSHAKE:
		conn_handshake(c);
		break;
	case CONN_INTRODUCED:
		break;
	case CONN_OPEN:
		connio_input(c);
		break;
	case CONN_LINGER:
		connio_discard(c);
		break;
	}
}

static void
conn_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_HANDSHAKE)
		conn_handshake(c);
	else if (c->h2 != NULL)
		connio_flush(c);
}

/* All that this turn of the loop has brought forth is sent at its end. */
static void
flush_dirty(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c;

	(void)fd;
	(void)what;
	(void)arg;
	while ((c = TAILQ_FIRST(&dirty)) != NULL) {
		TAILQ_REMOVE(&dirty, c, dirty);
		c->is_dirty = 0;
		if (!c->closing && c->h2 != NULL && !c->blocked)
			connio_flush(c);
		if (c->closing)
			conn_free(c);
	}
}

void
conn_resume_all(void)
{
	struct conn *c;

	TAILQ_FOREACH(c, &all, all) {
		if (!c->paused)
			continue;
		c->paused = 0;
		if (c->state == CONN_OPEN)
			event_add(&c->rev, NULL);
	}
}

void
conn_shutdown(void)
{
	struct conn *c;

	TAILQ_FOREACH(c, &all, all) {
		if (c->h2 == NULL || c->closing)
			continue;
		h2_goaway(c->h2);
		connio_flush(c);
		stream_shutdown(&c->stream);
	}
}
