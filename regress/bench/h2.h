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

#ifndef TH_BENCH_H2_H
#define TH_BENCH_H2_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/*
 * A client for load: TLS 1.3 with a client certificate, and HTTP/2 with gRPC
 * calls on it, any number of connections and calls in one thread. Anything
 * unexpected ends the program.
 */

struct conn;

struct call {
	/* Data of the answer as it comes; NULL: the first bytes are kept. */
	void (*data)(struct call *, const uint8_t *, size_t);
	/* The call has ended, and well. */
	void (*done)(struct call *);
	void *arg;

	uint8_t answer[4096];
	size_t len; /* of the answer, as far as it is kept */
	uint64_t bytes; /* of it in all, prefixes included */

	/* The rest is the client's. */
	struct conn *conn;
	const uint8_t *request;
	size_t request_len;
	size_t sent;
	int status;
};

/* Certificates from that folder, for that name. */
SSL_CTX *h2_context(const char *, const char *);

/*
 * Connect and shake hands, blocking. Without calls (http2 is 0) the
 * connection only counts the bytes that it receives.
 */
struct conn *h2_open(SSL_CTX *, const char *, const char *, int http2);
void h2_close(struct conn *);
uint64_t h2_received(const struct conn *);
/* Has the server ended it? */
int h2_ended(const struct conn *);

/*
 * Start a call; path and body must stay until it is done. It is sent at the
 * next turn of the loop.
 */
void h2_call(struct conn *, struct call *, const char *, const uint8_t *,
    size_t);
/* Bytes on a connection without calls. */
void h2_send_raw(struct conn *, const void *, size_t);

/* One turn: wait for events, and deal with them. */
void h2_turn(void);

#endif
