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

#ifndef TH_LOCAL_H
#define TH_LOCAL_H

#include "conf.h"

/*
 * The local socket: clients on this host are known by SO_PEERCRED, which is
 * read here; the connection itself is handed to a frontend.
 */

struct event_base;

/*
 * Make the socket and listen. A stale one is replaced; one that answers is
 * another daemon's. Returns 0, or -1 after a message.
 */
int local_open(struct event_base *, const struct conf *);

/* There is a frontend again: those who wait may come in. */
void local_wake(void);

/* Stop listening and remove the socket. */
void local_close(void);

#endif
