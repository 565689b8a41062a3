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

#ifndef TH_FRONT_GRPC_H
#define TH_FRONT_GRPC_H

#include <sys/types.h>

#include <stdint.h>

/* The parts of gRPC over HTTP/2 that need no connection. */

#define GRPC_PREFIX 5 /* flag and length before each message */
#define GRPC_REQUEST_MAX (256 * 1024)
#define GRPC_NO_DEADLINE INT64_MAX

/*
 * What this process holds of unfinished requests at most, so that nobody can
 * fill the memory with them; small ones find room even then.
 */
#define GRPC_BUFFERED_MAX (128 * GRPC_REQUEST_MAX)
#define GRPC_SMALL (16 * 1024)

/* Collects the messages of a request out of its DATA. */
struct grpc_reader {
	uint8_t prefix[GRPC_PREFIX];
	size_t nprefix;
	uint32_t len; /* of the message, from the prefix */
	uint8_t *buf;
	size_t got;
	size_t size; /* of buf */
	unsigned int messages; /* complete ones */
};

enum grpc_read {
	GRPC_OK,
	GRPC_COMPRESSED, /* flag 1 */
	GRPC_BAD_FLAG,
	GRPC_TOO_BIG,
	GRPC_SECOND, /* a second message begins */
	GRPC_TRUNCATED, /* the request ended within a message */
	GRPC_NONE, /* the request ended without one */
	GRPC_MEMORY
};

/* Feed bytes in. After anything but GRPC_OK nothing more may be fed. */
enum grpc_read grpc_feed(struct grpc_reader *, const uint8_t *, size_t);
/* The request has ended: is there exactly one message? */
enum grpc_read grpc_end(const struct grpc_reader *);
void grpc_reader_free(struct grpc_reader *);

/* Write the prefix of a message of that length. */
void grpc_prefix(uint8_t[GRPC_PREFIX], size_t);

/*
 * Parse a grpc-timeout. Returns 0 and milliseconds (rounded up,
 * GRPC_NO_DEADLINE if it is beyond ten years), or -1.
 */
int grpc_timeout(const char *, size_t, int64_t *);

/* Is it application/grpc, application/grpc+proto, parameters allowed? */
int grpc_content_type(const char *, size_t);

/*
 * Percent-encode text for grpc-message, cutting it where the buffer ends,
 * never within a character. Returns the length.
 */
size_t grpc_percent(char *, size_t, const char *);

#endif
