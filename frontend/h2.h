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

#ifndef TH_FRONT_H2_H
#define TH_FRONT_H2_H

#include <sys/types.h>

#include <stdint.h>

struct conn;
struct h2;

/* A block of bytes to be sent: filled to BLOCK_SIZE, if there is so much. */
#define BLOCK_SIZE (64 * 1024)
#define BLOCK_SLACK (16384 + 64) /* what the last frame may be beyond it */
struct block {
	size_t len;
	size_t off; /* sent so far */
	uint8_t data[BLOCK_SIZE + BLOCK_SLACK];
};

/* The HTTP/2 side of a connection. NULL if memory is short. */
struct h2 *h2_new(struct conn *, uint32_t);
void h2_free(struct h2 *);

/* Bytes have come. Returns -1 if the connection is beyond repair. */
int h2_input(struct h2 *, const uint8_t *, size_t);
/* Fill the (empty) block with what there is to be sent. 0 or -1. */
int h2_output(struct h2 *, struct block *);
/* Room in the block that is being filled. */
size_t h2_room(const struct h2 *);
/* Is there nothing left to do, nor to come? */
int h2_done(const struct h2 *);
/* Does it end because of an error: read no more? */
int h2_ending(const struct h2 *);

/* The peer does something that costs us: TLS key updates. */
void h2_glitch(struct h2 *);
void h2_ping(struct h2 *);
/* No new calls; those there are may finish. */
void h2_goaway(struct h2 *);

#endif
