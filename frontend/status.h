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

#ifndef TH_FRONT_STATUS_H
#define TH_FRONT_STATUS_H

#include <sys/types.h>

#include <stdint.h>

#include <nghttp2/nghttp2.h>

struct msg_result;

/* How a call ends. Strings may be NULL where there is nothing to say. */
struct status {
	uint32_t code; /* enum result_code */
	const char *text;
	const char *reason; /* UPPER_SNAKE_CASE; with it come the details */
	const char *field; /* of the request, that is wrong */
	const char *name; /* of the job */
	const char *stage; /* at which its set-up failed */
	int error; /* errno of the stage */
	int offer_encodings; /* say which encodings are understood */
};

#define STATUS_HEADERS 4 /* at most */

/*
 * The status as header fields: grpc-status, and what else there is. Returns
 * how many; they point into static memory, good until the next call.
 */
size_t status_headers(const struct status *, nghttp2_nv[STATUS_HEADERS]);

/* What the supervisor said. The strings stay the message's. */
void status_from_result(const struct msg_result *, struct status *);

/* A header field whose name and value are C strings that outlive its use. */
void header_set(nghttp2_nv *, const char *, const char *);

/* google.rpc.Status as bytes, the caller's to free; NULL without memory. */
uint8_t *status_details(const struct status *, size_t *);

#endif
