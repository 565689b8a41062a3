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

#include <sys/types.h>

#include <stddef.h>
#include <string.h>

#include "exitrec.h"

#define CRC32C_POLY 0x82f63b78U /* Castagnoli, reflected */

/* Bit by bit: a record has 60 bytes, a table would have 1024. */
static uint32_t
crc32c(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = ~0U;
	int bit;

	for (; len > 0; len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ CRC32C_POLY : crc >> 1;
	}
	return ~crc;
}

void
exitrec_seal(struct exitrec *r)
{
	memcpy(r->magic, EXITREC_MAGIC, sizeof(r->magic));
	r->version = EXITREC_VERSION;
	r->zero = 0;
	r->crc = crc32c(r, offsetof(struct exitrec, crc));
}

int
exitrec_valid(const struct exitrec *r)
{
	return memcmp(r->magic, EXITREC_MAGIC, sizeof(r->magic)) == 0 &&
	    r->version == EXITREC_VERSION &&
	    r->crc == crc32c(r, offsetof(struct exitrec, crc));
}
