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

#ifndef TH_FRONT_PBWRITE_H
#define TH_FRONT_PBWRITE_H

#include <sys/types.h>

#include <stdint.h>

/*
 * Writes protobuf messages into a growing buffer. Default values (0, "") are
 * left out, as proto3 does. When memory is short the writer remembers it and
 * ignores the rest; pbw_done() tells.
 */
struct pbw {
	uint8_t *buf;
	size_t len;
	size_t size;
	int failed;
};

/* Start with that many bytes left free at the front. */
void pbw_init(struct pbw *, size_t);
void pbw_uint(struct pbw *, uint32_t, uint64_t);
/* int32 and int64: negative numbers take ten bytes. */
void pbw_int(struct pbw *, uint32_t, int64_t);
void pbw_bytes(struct pbw *, uint32_t, const void *, size_t);
void pbw_string(struct pbw *, uint32_t, const char *);
/* A message within: what is written until pbw_close() of its mark. */
size_t pbw_open(struct pbw *, uint32_t);
void pbw_close(struct pbw *, size_t);

/*
 * The finished buffer, the caller's to free, and its length; NULL if memory
 * was short.
 */
uint8_t *pbw_done(struct pbw *, size_t *);

/* A varint into at least 10 bytes; returns its length. */
size_t pb_varint(uint8_t *, uint64_t);

/* Wire types, for those who write a tag themselves. */
#define PB_VARINT 0
#define PB_LENGTH 2
#define PB_TAG(number, wire) ((uint64_t)(number) << 3 | (wire))

#endif
