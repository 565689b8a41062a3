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

#ifndef TH_FRONT_CONNIO_H
#define TH_FRONT_CONNIO_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdint.h>

#include <event2/event_struct.h>

#include "stream.h"
#include "tls.h"

/*
 * A connection from within: shared by conn.c, where it begins and ends, and
 * connio.c, which moves its bytes.
 */

struct addr;
struct block;
struct h2;

enum conn_state {
	CONN_HANDSHAKE,
	CONN_INTRODUCED, /* PEER_UP is sent, PEER_ACK is not here */
	CONN_OPEN,
	CONN_LINGER /* our side is shut down */
};

struct conn {
	RB_ENTRY(conn) node; /* by id, once it has one */
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) half; /* in CONN_HANDSHAKE */
	TAILQ_ENTRY(conn) dirty;
	enum conn_state state;
	uint64_t id; /* 0: none yet */
	struct stream stream;
	struct addr *addr; /* NULL: local */
	char host[48];
	struct tls_peer peer;
	struct h2 *h2;
	struct block *out;
	struct event rev;
	struct event wev;
	struct event timer;
	int64_t heard; /* when bytes came last */
	int64_t pinged; /* when a ping was sent that is not answered, or 0 */
	unsigned int is_dirty : 1;
	unsigned int closing : 1; /* to be freed when its turn comes */
	unsigned int blocked : 1; /* the socket takes no more */
	unsigned int paused : 1; /* the supervisor takes no more */
};


/* Read what has come, as much as is fair in one turn. */
void connio_input(struct conn *);
/* Throw away what comes: the connection is ending. */
void connio_discard(struct conn *);
/* Send what there is, as much as is fair and the socket takes. */
void connio_flush(struct conn *);
/* What was to be sent is not any more. */
void connio_drop(struct conn *);

/* End it, when nothing of it is in use any more. */
void conn_end(struct conn *);
/*
 * Say goodbye, and read on for a moment: closing with bytes unread would
 * make the kernel reset the connection, and our last words would be lost.
 */
void conn_linger(struct conn *);

#endif
