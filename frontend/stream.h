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

#ifndef TH_FRONT_STREAM_H
#define TH_FRONT_STREAM_H

#include <sys/types.h>

#include <openssl/ssl.h>

/*
 * The bytes of a connection: through TLS, or, for a local one, plain. The
 * descriptor is non-blocking.
 */
struct stream {
	int fd;
	SSL *ssl; /* NULL: plain */
	int corked;
};

#define STREAM_AGAIN (-1) /* not now */
#define STREAM_ERROR (-2)

/* Returns bytes, 0 at the end (reading), or one of the above. */
ssize_t stream_read(struct stream *, void *, size_t);
/*
 * After STREAM_AGAIN the same bytes must come again; they may have moved.
 */
ssize_t stream_write(struct stream *, const void *, size_t);
/* Hold back part-filled segments (1), or send them (0). */
void stream_cork(struct stream *, int);
/* TLS handshake. 0 when done, or one of the above. */
int stream_accept(struct stream *, int *);
/* Tell the peer, as far as that goes without waiting, that we are done. */
void stream_shutdown(struct stream *);
void stream_close(struct stream *);

#endif
