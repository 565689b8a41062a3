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

#ifndef TH_OUTIDX_H
#define TH_OUTIDX_H

#include <stdint.h>

/*
 * The index beside a job's output file: a header, then one record for each
 * block in the order in which the relay read it. All in host order. A record
 * is written after the bytes that it is about; so the tail of the output may
 * be ahead of the index for a moment, never the other way round.
 */

#define OUTIDX_MAGIC "THIX"
#define OUTIDX_VERSION 1

/* Streams. */
#define OUTIDX_STDOUT 1
#define OUTIDX_STDERR 2

struct outidx_header {
	char magic[4]; /* OUTIDX_MAGIC, no NUL */
	uint32_t version;
	uint64_t first_kept; /* logical offset of the first byte on disk */
};

struct outidx_record {
	uint64_t offset; /* logical, in the output */
	int64_t time_ns; /* CLOCK_REALTIME at which it was read */
	uint32_t length;
	uint32_t stream;
};

_Static_assert(sizeof(struct outidx_header) == 16, "no padding");
_Static_assert(sizeof(struct outidx_record) == 24, "no padding");

#endif
