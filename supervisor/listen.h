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

#ifndef TH_LISTEN_H
#define TH_LISTEN_H

#include <sys/types.h>
#include <sys/queue.h>

#include "conf.h"

/* The sockets that clients come to, and the files of TLS. */

struct listener {
	TAILQ_ENTRY(listener) entry;
	char *address; /* host:port */
	int fd; /* bound, listening, non-blocking */
};
TAILQ_HEAD(listeners, listener);

/*
 * Open every socket of the configuration; one that the old set (which may be
 * NULL) has already is shared with it. Returns 0, or -1 after a message, with
 * nothing left open.
 */
int listen_open(const struct conf *, const struct listeners *,
    struct listeners *);
void listen_close(struct listeners *);

#define LISTEN_TLS_FILES 3

/*
 * Open certificate, key and CA for reading, in this order, into three
 * descriptors of the caller's. A key that others than root may read is
 * refused. Returns 0, or -1 after a message about each that is wrong.
 */
int listen_tls_files(const struct conf *, int *);
int listen_tls_check(const struct conf *);

#endif
