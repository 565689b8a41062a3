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

#ifndef TH_TLS_H
#define TH_TLS_H

#include <sys/types.h>

#include "thctl.h"

/* TLS 1.3 with a client certificate, on a connected non-blocking socket. */
struct tls;

/*
 * Shake hands. The host is what the server's certificate must name. Returns
 * NULL with the reason as text; the socket stays the caller's.
 */
struct tls *tls_open(int, const char *, const struct settings *, char *,
    size_t);
void tls_close(struct tls *);

/* As transport_read() and transport_write(); the last two take the reason. */
ssize_t tls_read(struct tls *, void *, size_t, short *, char *, size_t);
ssize_t tls_write(struct tls *, const void *, size_t, short *, char *, size_t);
int tls_pending(const struct tls *);

#endif
