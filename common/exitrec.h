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

#ifndef TH_EXITREC_H
#define TH_EXITREC_H

#include <stdint.h>

/*
 * The exit record that a relay leaves in the job's exit file, so that the end
 * of a job is known even if no supervisor was there to hear of it. The file
 * holds zeros from the start of the job (so that there is room on the disk)
 * and the record from its end on. Host order.
 */

#define EXITREC_MAGIC "THEX"
#define EXITREC_VERSION 1

#define EXITREC_OOM_KILLED 0x01 /* memory.events counted a kill */
#define EXITREC_OUTPUT_LOST 0x02 /* output could not be written */

struct exitrec {
	char magic[4]; /* EXITREC_MAGIC, no NUL */
	uint32_t version;
	int32_t status; /* wait status of the command, as in wait(2) */
	uint32_t flags;
	int64_t end_ns; /* CLOCK_REALTIME */
	uint64_t output_size;
	uint64_t utime_us; /* resource usage of the whole job */
	uint64_t stime_us;
	uint64_t maxrss_kb;
	uint32_t zero;
	uint32_t crc; /* CRC-32C of all before it */
};

_Static_assert(sizeof(struct exitrec) == 64, "no padding");

/* Fill in magic, version and checksum. */
void exitrec_seal(struct exitrec *);

/*
 * Is this a whole record? Returns 1, or 0 for zeros, a torn or foreign one.
 */
int exitrec_valid(const struct exitrec *);

#endif
