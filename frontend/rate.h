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

#ifndef TH_FRONT_RATE_H
#define TH_FRONT_RATE_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>

/* Milliseconds of a clock that only goes forward; coarse and cheap. */
int64_t rate_now(void);

/*
 * A token bucket: burst tokens at first, refilled at rate per second. A
 * zeroed bucket is a full one.
 */
struct bucket {
	int64_t when; /* milliseconds */
	uint64_t used; /* thousandths of a token */
};

struct bucket_spec {
	uint32_t burst;
	uint32_t rate;
};

/* Take n tokens. Returns 0, or -1 when there are not so many. */
int bucket_take(struct bucket *, const struct bucket_spec *, uint32_t, int64_t);
/* Would bucket_take() succeed? */
int bucket_has(const struct bucket *, const struct bucket_spec *, uint32_t,
    int64_t);

/*
 * A client's address, with what counts against it: connections, handshakes
 * under way, and handshakes that failed. IPv6 counts by /64.
 */
struct addr {
	unsigned int conns;
	unsigned int half_open;
};

/*
 * The entry of an address, made if new; one reference, given back with
 * addr_put(). Returns NULL when memory is short or the address is penalized
 * for too many failed handshakes.
 */
struct addr *addr_get(const struct sockaddr *);
void addr_put(struct addr *);
/* A handshake from there has failed. */
void addr_failed(struct addr *);

#endif
