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

#ifndef TH_FRONT_TLS_H
#define TH_FRONT_TLS_H

#include <sys/types.h>

#include <openssl/ssl.h>

#include "identity.h"

/* Before the sandbox: whatever OpenSSL wants to load or open, once. */
void tls_warm_up(void);

/* A PEM file, read whole. */
struct tls_pem {
	char *path; /* for messages */
	char *data;
	size_t len;
};

/*
 * A context of server certificate, key and the CA of the clients. Returns
 * NULL and the reason as text, good until the next call.
 */
SSL_CTX *tls_context(const struct tls_pem *, const struct tls_pem *,
    const struct tls_pem *, const char **);

/* What the handshake finds out. */
struct tls_peer {
	struct identity id;
	const char *refused; /* why the certificate names nobody, or NULL */
	unsigned int updates; /* key updates since last looked at */
};

/*
 * A server side for an accepted socket, that fills in the struct, which must
 * live as long. NULL if memory is short.
 */
SSL *tls_new(SSL_CTX *, int, struct tls_peer *);

/* After the handshake: is all as it must be? NULL, or what is not. */
const char *tls_check(SSL *);

/*
 * Why a handshake failed; good until the next call. The int is set to 1 if
 * it was because of the client's certificate.
 */
const char *tls_reason(const SSL *, const struct tls_peer *, int *);

#endif
