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

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "chan.h"
#include "log.h"

#define HIGH_WATER (1024 * 1024)
#define LOW_WATER (256 * 1024)
#define QUEUE_MAX (16 * 1024 * 1024)
/* The same for descriptors: they are dearer than bytes. */
#define HIGH_FDS 64
#define LOW_FDS 16
/* More than a socket holds: what a dead peer can have sent. */
#define HANGUP_MAX 1024
/*
 * Messages handled per turn of the loop, so that no channel starves others;
 * the datagram of the last one is finished.
 */
#define BATCH 64

struct outmsg {
	TAILQ_ENTRY(outmsg) entry;
	uint16_t type;
	uint32_t id;
	int fds[IMSG_MAX_FDS];
	int nfds;
	size_t len;
	uint8_t data[];
};

struct chan {
	int fd;
	enum msg_side side;
	char name[32];
	const struct chan_ops *ops;
	void *arg;
	struct event *rev;
	struct event *wev;
	TAILQ_HEAD(, outmsg) queue;
	size_t queued; /* bytes */
	size_t queued_fds;
	int scheduled; /* the queue is sent at the end of this turn */
	int full; /* the socket takes no more for now */
	int was_high;
	int wclosed; /* the peer is gone: drop what we send, read the rest */
	int hangup; /* datagrams that are still taken, + 1; 0: peer lives */
	int paused;
	int taken; /* messages, in this turn */
	int in_dispatch;
	int freed; /* chan_free() came from a callback */
	int ended;
	enum chan_end why;
};

/* One buffer each way serves all channels: a process has one thread. */
static uint8_t rbuf[IMSG_MAX] __attribute__((aligned(16)));
static uint8_t wbuf[IMSG_MAX];

static void chan_read(evutil_socket_t, short, void *);
static void chan_write(evutil_socket_t, short, void *);

struct chan *
chan_new(struct event_base *base, int fd, enum msg_side side, const char *name,
    const struct chan_ops *ops, void *arg)
{
	struct chan *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->fd = fd;
	c->side = side;
	strlcpy(c->name, name, sizeof(c->name));
	c->ops = ops;
	c->arg = arg;
	TAILQ_INIT(&c->queue);
	c->rev = event_new(base, fd, EV_READ | EV_PERSIST, chan_read, c);
	c->wev = event_new(base, fd, EV_WRITE | EV_PERSIST, chan_write, c);
	if (c->rev == NULL || c->wev == NULL || event_add(c->rev, NULL) == -1) {
		if (c->rev != NULL)
			event_free(c->rev);
		if (c->wev != NULL)
			event_free(c->wev);
		free(c);
		errno = ENOMEM;
		return NULL;
	}
	return c;
}

static void
close_fds(const int *fds, int nfds)
{
	int i;

	for (i = 0; i < nfds; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

static void
outmsg_free(struct chan *c, struct outmsg *o)
{
	TAILQ_REMOVE(&c->queue, o, entry);
	c->queued -= o->len + sizeof(*o);
	c->queued_fds -= o->nfds;
	close_fds(o->fds, o->nfds);
	free(o);
}

void
chan_free(struct chan *c)
{
	struct outmsg *o;

	if (c == NULL)
		return;
	if (c->in_dispatch) {
		c->freed = 1;
		return;
	}
	/* What was said before still goes out, if it can. */
	if (!c->ended)
		chan_flush(c);
	while ((o = TAILQ_FIRST(&c->queue)) != NULL)
		outmsg_free(c, o);
	event_free(c->rev);
	event_free(c->wev);
	close(c->fd);
	free(c);
}

/* Report the end, once, from the loop and never from within a send. */
static void
chan_ended(struct chan *c, enum chan_end why)
{
	if (c->ended)
		return;
	c->ended = 1;
	c->why = why;
	event_del(c->wev);
	event_active(c->rev, EV_TIMEOUT, 0);
}

static void
run_end(struct chan *c)
{
	event_del(c->rev);
	event_del(c->wev);
	c->ops->end(c, c->why, c->arg);
}

/* Returns 1, or -1 for a violation. */
static int
handle(struct chan *c, struct imsg *m)
{
	union msg_any any;
	const char *wrong;
	int r;

	wrong = msg_check(c->side, m, &any);
	if (wrong == NULL && m->lost && c->ops->lost == NULL)
		wrong = "no room for its descriptors";
	if (wrong != NULL) {
		log_warnx("%s: protocol violation: %s (type %u %s, %zu bytes, "
			  "%d descriptors)",
		    c->name, wrong, m->hdr.type, msg_name(m->hdr.type), m->len,
		    m->nfds);
		r = -1;
	} else {
		r = (m->lost ? c->ops->lost : c->ops->msg)(c, m, &any, c->arg);
	}
	imsg_free(m);
	return r == -1 ? -1 : 1;
}

/* The messages of a datagram, as long as there is somebody to read them. */
static int
handle_all(struct chan *c, struct imsg_in *in)
{
	struct imsg m;
	int r;

	while ((r = imsg_next(in, &m)) == 1) {
		c->taken++;
		if (handle(c, &m) == -1) {
			c->why = CHAN_VIOLATION;
			return -1;
		}
		if (c->freed || c->ended)
			return 1;
	}
	if (r == 0)
		return 1;
	c->why = CHAN_VIOLATION;
	log_warn("%s: receive", c->name);
	return -1;
}

/* Returns 1 to go on, 0 when there is no more, -1 when the channel ended. */
static int
receive_one(struct chan *c)
{
	struct imsg_in in = { .buf = rbuf };
	int r;

	if (c->hangup > 1)
		c->hangup--;
	if (c->hangup == 1 || (r = imsg_read(c->fd, &in)) == 0) {
		c->why = CHAN_EOF;
		return -1;
	}
	if (r == 1)
		return handle_all(c, &in);
	if (errno == EAGAIN && c->hangup == 0)
		return 0;
	if (errno == EAGAIN) {
		c->why = CHAN_EOF;
		return -1;
	}
	/*
	 * The peer died with messages of ours unread. Said once; what it had
	 * sent is still there to be read.
	 */
	if (errno == ECONNRESET)
		return 1;
	c->why = errno == EPROTO ? CHAN_VIOLATION : CHAN_ERROR;
	log_warn("%s: receive", c->name);
	return -1;
}

/* A callback may have stopped it, also by way of a full queue. */
static int
may_read(const struct chan *c)
{
	return !c->freed && !c->ended && (!c->paused || c->hangup != 0);
}

static void
chan_read(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	int r = 1;

	(void)fd;
	(void)what;
	c->in_dispatch = 1;
	if (c->ended) {
		run_end(c);
	} else {
		c->taken = 0;
		while (r == 1 && c->taken < BATCH && may_read(c))
			r = receive_one(c);
		if (r == -1 && !c->freed) {
			c->ended = 1;
			run_end(c);
		} else if (c->hangup != 0 && !c->freed) {
			event_active(c->rev, EV_READ, 0);
		}
	}
	c->in_dispatch = 0;
	if (c->freed)
		chan_free(c);
}

/* The peer reads no more; its last messages and the end come by reading. */
static void
write_closed(struct chan *c)
{
	struct outmsg *o;

	c->wclosed = 1;
	while ((o = TAILQ_FIRST(&c->queue)) != NULL)
		outmsg_free(c, o);
	event_del(c->wev);
}

/* A message was not sent; errno says why. */
static void
send_failed(struct chan *c)
{
	if (errno == EPIPE || errno == ECONNRESET)
		write_closed(c);
	else
		chan_ended(c, CHAN_ERROR);
}

/* Give the socket as many as one system call takes. Returns how many. */
static int
send_some(struct chan *c)
{
	struct imsg_out v[IMSG_MANY];
	struct outmsg *o;
	int i = 0, n;

	TAILQ_FOREACH(o, &c->queue, entry) {
		v[i].type = o->type;
		v[i].id = o->id;
		v[i].data = o->data;
		v[i].len = o->len;
		v[i].fds = o->fds;
		v[i].nfds = o->nfds;
		if (++i == IMSG_MANY)
			break;
	}
	n = imsg_send_many(c->fd, v, i);
	for (i = 0; i < n; i++)
		outmsg_free(c, TAILQ_FIRST(&c->queue));
	return n;
}

void
chan_flush(struct chan *c)
{
	while (!TAILQ_EMPTY(&c->queue)) {
		if (send_some(c) != -1)
			continue;
		if (errno != EAGAIN) {
			send_failed(c);
			return;
		}
		if (!c->full)
			(void)event_add(c->wev, NULL);
		c->full = 1;
		return;
	}
}

static void
chan_write(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;

	(void)fd;
	(void)what;
	c->scheduled = 0;
	if (c->ended || c->wclosed)
		return;
	chan_flush(c);
	if (c->full && TAILQ_EMPTY(&c->queue)) {
		event_del(c->wev);
		c->full = 0;
	}
	if (c->was_high && c->queued <= LOW_WATER && c->queued_fds <= LOW_FDS) {
		c->was_high = 0;
		if (c->ops->drained != NULL)
			c->ops->drained(c, c->arg);
	}
}

static int
enqueue(struct chan *c, enum msg_type type, uint32_t id, const void *data,
    size_t len, const int *fds, int nfds, int flags)
{
	struct outmsg *o;
	int i;

	if (c->queued + len + sizeof(*o) > QUEUE_MAX) {
		chan_ended(c, CHAN_OVERFLOW);
		errno = ENOBUFS;
		return -1;
	}
	if ((o = malloc(sizeof(*o) + len)) == NULL)
		return -1;
	o->type = type;
	o->id = id;
	o->len = len;
	memcpy(o->data, data, len);
	for (i = 0; i < nfds; i++) {
		o->fds[i] = flags & CHAN_CLOSE_FDS ?
		    fds[i] :
		    fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (o->fds[i] == -1) {
			if ((flags & CHAN_CLOSE_FDS) == 0)
				close_fds(o->fds, i);
			free(o);
			return -1;
		}
	}
	o->nfds = nfds;
	TAILQ_INSERT_TAIL(&c->queue, o, entry);
	c->queued += len + sizeof(*o);
	c->queued_fds += nfds;
	if (chan_congested(c))
		c->was_high = 1;
	/* All that is said in this turn goes out together, at its end. */
	if (!c->scheduled && !c->full) {
		c->scheduled = 1;
		event_active(c->wev, EV_WRITE, 0);
	}
	return 0;
}

static int
encode_and_queue(struct chan *c, enum msg_type type, uint32_t id, const void *s,
    int *fds, int nfds, int flags)
{
	ssize_t len;

	if (c->ended || c->wclosed) {
		errno = EPIPE;
		return -1;
	}
	if ((len = msg_encode(type, s, wbuf, IMSG_MAX_DATA)) == -1)
		return -1;
	return enqueue(c, type, id, wbuf, len, fds, nfds, flags);
}

int
chan_send(struct chan *c, enum msg_type type, uint32_t id, const void *s,
    int *fds, int nfds, int flags)
{
	int r, saved;

	r = encode_and_queue(c, type, id, s, fds, nfds, flags);
	if ((flags & CHAN_CLOSE_FDS) && r == -1) {
		saved = errno;
		close_fds(fds, nfds);
		errno = saved;
	}
	return r;
}

void
chan_hangup(struct chan *c)
{
	if (c->ended || c->hangup != 0)
		return;
	c->hangup = HANGUP_MAX + 1;
	event_active(c->rev, EV_READ, 0);
}

int
chan_congested(const struct chan *c)
{
	return c->queued > HIGH_WATER || c->queued_fds > HIGH_FDS;
}

void
chan_pause(struct chan *c, int on)
{
	/* What a dead peer has sent is read to its end. */
	if (c->ended || c->hangup != 0)
		return;
	c->paused = on;
	if (on)
		event_del(c->rev);
	else
		event_add(c->rev, NULL);
}
