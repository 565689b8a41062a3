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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "call.h"
#include "chan.h"
#include "config.h"
#include "conn.h"
#include "log.h"
#include "proc.h"
#include "rate.h"
#include "rpc.h"
#include "up.h"
#include "watch.h"

/* An id is a slot and, above it, how often the slot has been used. */
#define SLOT_BITS 20
#define SLOTS_MAX (1U << SLOT_BITS)
#define SLOTS_FIRST 64

static const struct bucket_spec log_spec = { 100, 10 };

/* A request that the supervisor has not answered. */
struct pending {
	TAILQ_ENTRY(pending) entry; /* watches, in the order of sending */
	struct call *call; /* NULL: nobody waits for it any more */
	uint32_t id; /* 0: free */
	uint32_t turn;
	enum msg_type type;
	uint64_t mark; /* watches: number of the request */
};
TAILQ_HEAD(pendings, pending);

static struct chan *chan;
static struct pending **slots;
static uint32_t nslots;
static struct pendings free_slots = TAILQ_HEAD_INITIALIZER(free_slots);
static struct pendings watches = TAILQ_HEAD_INITIALIZER(watches);
static uint64_t watch_mark;

static void
log_line(int priority, const char *text)
{
	struct msg_log m;
	uint8_t buf[MSG_TEXT_MAX + 64];
	ssize_t len;

	m.priority = priority;
	m.text = text;
	if (chan != NULL) {
		(void)chan_send(chan, MSG_LOG, 0, &m, NULL, 0, 0);
		/* It may be the last word of this process. */
		if (priority <= LOG_ERR)
			chan_flush(chan);
		return;
	}
	if ((len = msg_encode(MSG_LOG, &m, buf, sizeof(buf))) != -1)
		(void)imsg_send(PROC_FD, MSG_LOG, 0, buf, len, NULL, 0);
}

void
up_log(int priority, const char *text)
{
	static struct bucket rate;
	static unsigned int suppressed;
	char line[64];

	if (bucket_take(&rate, &log_spec, 1, rate_now()) == -1) {
		suppressed++;
		return;
	}
	if (suppressed > 0) {
		snprintf(line, sizeof(line), "%u lines were not logged",
		    suppressed);
		suppressed = 0;
		log_line(LOG_WARNING, line);
	}
	log_line(priority, text);
}

int
up_send(enum msg_type type, const void *msg)
{
	return chan_send(chan, type, 0, msg, NULL, 0, 0);
}

int
up_congested(void)
{
	return chan_congested(chan);
}

static int
more_slots(void)
{
	struct pending **v, *p;
	uint32_t i, n;

	n = nslots == 0 ? SLOTS_FIRST : nslots * 2;
	if (n > SLOTS_MAX)
		return -1;
	if ((v = reallocarray(slots, n, sizeof(*v))) == NULL)
		return -1;
	slots = v;
	if ((p = calloc(n - nslots, sizeof(*p))) == NULL)
		return -1;
	for (i = nslots; i < n; i++, p++) {
		slots[i] = p;
		p->turn = i; /* with turn 0 */
		TAILQ_INSERT_TAIL(&free_slots, p, entry);
	}
	nslots = n;
	return 0;
}

static struct pending *
pending_new(struct call *c, enum msg_type type)
{
	struct pending *p;

	if (TAILQ_EMPTY(&free_slots) && more_slots() == -1)
		return NULL;
	p = TAILQ_FIRST(&free_slots);
	TAILQ_REMOVE(&free_slots, p, entry);
	p->turn += SLOTS_MAX;
	if (p->turn < SLOTS_MAX)
		p->turn += SLOTS_MAX; /* ids are never 0 */
	p->id = p->turn;
	p->call = c;
	p->type = type;
	if (type == MSG_JOB_OUTPUT) {
		p->mark = ++watch_mark;
		TAILQ_INSERT_TAIL(&watches, p, entry);
	}
	return p;
}

static void
pending_free(struct pending *p)
{
	int watch = p->type == MSG_JOB_OUTPUT;

	if (watch)
		TAILQ_REMOVE(&watches, p, entry);
	p->id = 0;
	p->call = NULL;
	TAILQ_INSERT_TAIL(&free_slots, p, entry);
	if (watch)
		watch_answered();
}

static struct pending *
pending_find(uint32_t id)
{
	uint32_t slot = id & (SLOTS_MAX - 1);

	if (id == 0 || slot >= nslots || slots[slot]->id != id)
		return NULL;
	return slots[slot];
}

uint64_t
up_watch_mark(void)
{
	return watch_mark;
}

int
up_watch_answered(uint64_t mark)
{
	const struct pending *p = TAILQ_FIRST(&watches);

	return p == NULL || p->mark > mark;
}

uint32_t
up_request(struct call *c, enum msg_type type, const void *msg)
{
	struct pending *p;

	if ((p = pending_new(c, type)) == NULL)
		return 0;
	if (chan_send(chan, type, p->id, msg, NULL, 0, 0) == -1) {
		log_warn("%s", msg_name(type));
		pending_free(p);
		return 0;
	}
	return p->id;
}

/*
 * A watch is not cancelled but left to be answered: only the answer tells
 * whether there is a source to give back.
 */
void
up_cancel(uint32_t id, uint64_t conn)
{
	struct msg_cancel m;
	struct pending *p;

	if ((p = pending_find(id)) == NULL)
		return;
	if (p->type == MSG_JOB_OUTPUT) {
		p->call = NULL;
		return;
	}
	m.conn = conn;
	(void)chan_send(chan, MSG_REQ_CANCEL, id, &m, NULL, 0, 0);
	pending_free(p);
}

/* An answer: take it to its call, if that is still there. */
static int
answer(struct imsg *im, const void *msg)
{
	struct pending *p;
	struct call *c = NULL;
	int watch;

	if ((p = pending_find(im->hdr.id)) != NULL) {
		if ((c = p->call) != NULL)
			c->request = 0;
	}
	watch = im->hdr.type == MSG_OUT_OPEN || im->hdr.type == MSG_OUT_SHARE;
	if (watch)
		watch_source(c == NULL ? NULL : c->watcher, im, msg);
	if (p != NULL)
		pending_free(p);
	if (c == NULL || watch)
		return 0;
	switch (im->hdr.type) {
	case MSG_JOB_STARTED:
		rpc_started(c, msg);
		break;
	case MSG_JOB_INFO:
		rpc_info(c, msg);
		break;
	default:
		rpc_result(c, msg);
		break;
	}
	return 0;
}

static int
peer_ack(struct imsg *im, const void *msg)
{
	const struct msg_peer *m = msg;

	(void)im;
	conn_acked(m->conn);
	return 0;
}

static int
peer_down(struct imsg *im, const void *msg)
{
	const struct msg_peer *m = msg;

	(void)im;
	conn_refused(m->conn);
	return 0;
}

static int
peer_local(struct imsg *im, const void *msg)
{
	const struct msg_peer *m = msg;

	conn_local(imsg_take_fd(im, 0), m->conn);
	return 0;
}

static int
out_eof(struct imsg *im, const void *msg)
{
	(void)im;
	watch_eof(msg);
	return 0;
}

static int (*const handlers[MSG_MAX])(struct imsg *, const void *) = {
	[MSG_CFG_BEGIN] = config_begin,
	[MSG_CFG_LISTEN] = config_listen,
	[MSG_CFG_CERT] = config_file,
	[MSG_CFG_KEY] = config_file,
	[MSG_CFG_CA] = config_file,
	[MSG_CFG_END] = config_end,
	[MSG_CFG_COMMIT] = config_commit,
	[MSG_CFG_ABORT] = config_abort,
	[MSG_PEER_ACK] = peer_ack,
	[MSG_PEER_DOWN] = peer_down,
	[MSG_PEER_LOCAL] = peer_local,
	[MSG_RESULT] = answer,
	[MSG_JOB_STARTED] = answer,
	[MSG_JOB_INFO] = answer,
	[MSG_OUT_OPEN] = answer,
	[MSG_OUT_SHARE] = answer,
	[MSG_OUT_EOF] = out_eof,
};

static int
up_msg(struct chan *ch, struct imsg *im, const void *msg, void *arg)
{
	(void)ch;
	(void)arg;
	if (handlers[im->hdr.type] == NULL) {
		log_warnx("unexpected %s", msg_name(im->hdr.type));
		return -1;
	}
	return handlers[im->hdr.type](im, msg);
}

/*
 * What we are handed, we have no room for. That is bad luck for one client,
 * not for all: its handler finds no descriptor and says so.
 */
static int
up_lost(struct chan *ch, struct imsg *im, const void *msg, void *arg)
{
	log_warnx("%s: too many open files", msg_name(im->hdr.type));
	if (im->hdr.type != MSG_OUT_OPEN && im->hdr.type != MSG_PEER_LOCAL)
		return -1;
	return up_msg(ch, im, msg, arg);
}

static void
up_end(struct chan *ch, enum chan_end why, void *arg)
{
	(void)ch;
	(void)arg;
	conn_shutdown();
	exit(why == CHAN_EOF ? 0 : 1);
}

static void
up_drained(struct chan *ch, void *arg)
{
	(void)ch;
	(void)arg;
	conn_resume_all();
}

void
up_init(struct event_base *base)
{
	static const struct chan_ops ops = { up_msg, up_lost, up_end,
		up_drained };

	if ((chan = chan_new(base, PROC_FD, SIDE_FRONT, "supervisor", &ops,
		 NULL)) == NULL)
		fatal("channel");
}
