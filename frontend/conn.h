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

#ifndef TH_FRONT_CONN_H
#define TH_FRONT_CONN_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>

#include <openssl/ssl.h>

struct conn;
struct event_base;

struct conn_limits {
	unsigned int conns;
	unsigned int per_address;
	unsigned int half_open; /* TLS handshakes under way */
	uint32_t streams;
	unsigned int handshake_timeout; /* seconds */
};

void conn_init(struct event_base *);
void conn_set_limits(const struct conn_limits *);

/*
 * A client has connected: over the network, from that address, or locally,
 * under an id that the supervisor knows. The descriptor is taken over.
 */
void conn_remote(int, const struct sockaddr *, SSL_CTX *);
void conn_local(int, uint64_t);

/* The supervisor knows this connection now. */
void conn_acked(uint64_t);
/* The supervisor does not want it (any more). */
void conn_refused(uint64_t);

uint64_t conn_id(const struct conn *);
/* Who it is, for the log. */
const char *conn_name(const struct conn *);

/* There may be something to send: it is, later in this turn of the loop. */
void conn_wake(struct conn *);
/* Room in the block that is being filled with what is to be sent. */
size_t conn_room(const struct conn *);

/* The supervisor takes requests again. */
void conn_resume_all(void);
/* The process ends: tell the clients, as far as that goes at once. */
void conn_shutdown(void);

#endif
