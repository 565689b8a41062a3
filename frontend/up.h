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

#ifndef TH_FRONT_UP_H
#define TH_FRONT_UP_H

#include <sys/types.h>

#include <stdint.h>

#include "msg.h"

struct call;
struct event_base;
struct identity;

/*
 * The channel up to the supervisor. The process ends when it does.
 */
void up_init(struct event_base *);

/*
 * Log lines go up the same way, at a bounded rate. Before up_init() they are
 * written to the channel's descriptor directly.
 */
void up_log(int, const char *);

/* A message without an answer. 0, or -1 if it could not be sent. */
int up_send(enum msg_type, const void *);

/*
 * A request on behalf of the call; its answer comes to rpc.c or watch.c.
 * Returns the request's id, or 0 if it could not be sent.
 */
uint32_t up_request(struct call *, enum msg_type, const void *);
/* The call does not want the answer any more (id, connection). */
void up_cancel(uint32_t, uint64_t);

/* Is there more on its way up than is good? Read no more requests then. */
int up_congested(void);

/*
 * The number of the last watch request that was sent, and whether all up to
 * a number have been answered. Until then the supervisor may name a source
 * in its answer that has been given back meanwhile.
 */
uint64_t up_watch_mark(void);
int up_watch_answered(uint64_t);

#endif
