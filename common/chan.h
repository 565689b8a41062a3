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

#ifndef TH_CHAN_H
#define TH_CHAN_H

#include <stdint.h>

#include "imsg.h"
#include "msg.h"

struct event_base;
struct chan;

/*
 * A channel in a libevent loop: received messages are checked against the
 * dispatch table and decoded before the callback sees them. What is sent in
 * one turn of the loop goes out together at its end.
 */

/* Why a channel ended. */
enum chan_end {
	CHAN_EOF, /* the peer is gone */
	CHAN_ERROR, /* a system call failed, errno says why */
	CHAN_VIOLATION, /* the peer broke the protocol (logged) */
	CHAN_OVERFLOW /* the peer does not read: queue past its limit */
};

struct chan_ops {
	/*
	 * A message of an allowed type, decoded into the struct of its type
	 * (msg.h), which is good during the call. Descriptors may be claimed
	 * from the imsg. Returns 0, or -1 for a violation that the callback
	 * has found (and logged).
	 */
	int (*msg)(struct chan *, struct imsg *, const void *, void *);
	/*
	 * Optional: a message whose descriptors are lost, as there is no room
	 * for more. Without this callback it ends the channel.
	 */
	int (*lost)(struct chan *, struct imsg *, const void *, void *);
	/* The channel has ended; chan_free() it, here or later. */
	void (*end)(struct chan *, enum chan_end, void *);
	/* Optional: queue fell below the low water mark again. */
	void (*drained)(struct chan *, void *);
};

/*
 * Take over the descriptor. The side says which end we are, and so which
 * types we may receive. Returns NULL with errno on failure; the descriptor
 * is then still the caller's.
 */
struct chan *chan_new(struct event_base *, int, enum msg_side, const char *,
    const struct chan_ops *, void *);
void chan_free(struct chan *);

/*
 * Encode a message and queue it to be sent. With flags CHAN_CLOSE_FDS the
 * descriptors are closed when sent, and on failure too; without, they are
 * duplicated. Returns 0, or -1 with errno: EMSGSIZE (the channel is good),
 * EPIPE when the peer is known to be gone: what it had sent is still
 * delivered, then the end callback comes.
 */
#define CHAN_CLOSE_FDS 1
int chan_send(struct chan *, enum msg_type, uint32_t, const void *, int *, int,
    int);

/* Send now what the socket takes; for those who will not see the turn's end. */
void chan_flush(struct chan *);

/*
 * The peer's process has ended: what it has sent is delivered, then the end
 * comes, even if somebody else holds its end of the channel.
 */
void chan_hangup(struct chan *);

/* Is more queued than the high water marks? Stop producing then. */
int chan_congested(const struct chan *);
/* Stop and resume reading. */
void chan_pause(struct chan *, int);

#endif
