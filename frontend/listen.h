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

#ifndef TH_FRONT_LISTEN_H
#define TH_FRONT_LISTEN_H

#include <openssl/ssl.h>

struct event_base;
struct listeners;

/* The listening sockets of one configuration. NULL with errno on failure. */
struct listeners *listeners_new(struct event_base *);
/* Take over a socket. 0, or -1 with errno; it is then still the caller's. */
int listeners_add(struct listeners *, int);
int listeners_empty(const struct listeners *);
void listeners_free(struct listeners *);

/*
 * Accept on these from now on, in place of those before, with that context.
 * Both are taken over.
 */
void listeners_use(struct listeners *, SSL_CTX *);

#endif
