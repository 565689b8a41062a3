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

#ifndef TH_FRONT_REPLY_H
#define TH_FRONT_REPLY_H

#include <sys/types.h>

#include <stdint.h>

#include "msg.h"

/*
 * The replies of the API, made from the supervisor's messages. Each returns
 * a gRPC message, prefix included, the caller's to free, and its length;
 * NULL if memory is short.
 */
uint8_t *reply_empty(size_t *);
uint8_t *reply_started(const struct msg_job_started *, size_t *);
uint8_t *reply_job(const struct msg_job_info *, size_t *);

/* The last JobOutput of a watch, at that offset. */
struct watch_end {
	uint64_t offset;
	uint64_t total;
	uint8_t state;
	uint8_t reason;
	int32_t exit_code;
};
uint8_t *reply_end(const struct watch_end *, size_t *);

/*
 * What stands before the bytes of a JobOutput message that carries len bytes
 * of output from the offset: gRPC prefix, offset, tag and length of data.
 * Returns its length.
 */
#define REPLY_HEAD_MAX 40
size_t reply_output_head(uint8_t[REPLY_HEAD_MAX], uint64_t, size_t);

#endif
