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
#include <stdlib.h>

#include <event2/event.h>

#include "conn.h"
#include "connio.h"
#include "h2.h"
#include "rate.h"
#include "up.h"

/* Blocks and records per turn of the loop, so that all have theirs. */
#define WRITES 16
#define READS 16
#define READ_SIZE (64 * 1024)

/* More than one TLS record. */
#define CORK_FROM 16384

/* Blocks kept for the next who has something to send. */
#define SPARE_BLOCKS 4

static struct block *spare[SPARE_BLOCKS];
static unsigned int nspare;
static uint8_t read_buf[READ_SIZE];

static struct block *
block_get(void)
{
	struct block *b;

	if (nspare > 0)
		b = spare[--nspare];
	else if ((b = malloc(sizeof(*b))) == NULL)
		return NULL;
	b->len = b->off = 0;
	return b;
}

static void
block_put(struct block *b)
{
	if (b == NULL)
		return;
	if (nspare < SPARE_BLOCKS)
		spare[nspare++] = b;
	else
		free(b);
}

void
connio_drop(struct conn *c)
{
	block_put(c->out);
	c->out = NULL;
}

/* Key updates cost an honest client nothing, and a flood of them us. */
static void
count_updates(struct conn *c)
{
	for (; c->peer.updates > 0; c->peer.updates--)
		h2_glitch(c->h2);
}

void
connio_input(struct conn *c)
{
	ssize_t n;
	int i;

	for (i = 0; i < READS && !c->closing; i++) {
		if (h2_ending(c->h2))
			break;
		if (up_congested()) {
			c->paused = 1;
			event_del(&c->rev);
			break;
		}
		n = stream_read(&c->stream, read_buf, sizeof(read_buf));
		if (n == STREAM_AGAIN)
			break;
		if (n <= 0 || h2_input(c->h2, read_buf, n) == -1) {
			conn_end(c);
			return;
		}
		c->heard = rate_now();
		c->pinged = 0;
		if (c->peer.updates > 0)
			count_updates(c);
	}
	conn_wake(c);
}

void
connio_discard(struct conn *c)
{
	ssize_t n;
	int i;

	for (i = 0; i < READS; i++) {
		n = recv(c->stream.fd, read_buf, sizeof(read_buf),
		    MSG_DONTWAIT);
		if (n > 0)
			continue;
		if (n == 0 || errno != EAGAIN)
			conn_end(c);
		return;
	}
}

/* Wait until the socket takes more. */
static void
conn_block(struct conn *c)
{
	if (!c->blocked)
		event_add(&c->wev, NULL);
	c->blocked = 1;
}

static void
conn_unblock(struct conn *c)
{
	if (c->blocked)
		event_del(&c->wev);
	c->blocked = 0;
}

/* Returns 1 with something in c->out, 0 if there is nothing, or an error. */
static int
fill_block(struct conn *c)
{
	if (c->out != NULL && c->out->off < c->out->len)
		return 1;
	if (c->out == NULL && (c->out = block_get()) == NULL)
		return STREAM_ERROR;
	c->out->len = c->out->off = 0;
	if (h2_output(c->h2, c->out) == -1)
		return STREAM_ERROR;
	if (c->out->len > 0)
		return 1;
	block_put(c->out);
	c->out = NULL;
	return 0;
}

/*
 * Returns 1 when there is more but others come first, 0 when all is sent,
 * or one of stream_write()'s errors.
 */
static int
send_blocks(struct conn *c)
{
	ssize_t n;
	int i, r = 0;

	for (i = 0; i < WRITES; i++) {
		if ((r = fill_block(c)) != 1)
			break;
		n = stream_write(&c->stream, c->out->data + c->out->off,
		    c->out->len - c->out->off);
		if (n < 0)
			return n;
		c->out->off += n;
	}
	return r;
}

/*
 * The records of a block, and of several, leave in as few segments as they
 * can: the socket is corked meanwhile.
 */
void
connio_flush(struct conn *c)
{
	int r;

	if ((r = fill_block(c)) == 1) {
		if (c->out->len > CORK_FROM)
			stream_cork(&c->stream, 1);
		r = send_blocks(c);
		stream_cork(&c->stream, 0);
	}
	switch (r) {
	case 0:
		conn_unblock(c);
		if (h2_done(c->h2))
			conn_linger(c);
		break;
	case 1:
	case STREAM_AGAIN:
		conn_block(c);
		break;
	default:
		conn_end(c);
		break;
	}
}
