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

#ifndef TH_FRONT_CALL_H
#define TH_FRONT_CALL_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <nghttp2/nghttp2.h>

#include "grpc.h"
#include "status.h"

struct conn;
struct rpc;
struct watcher;

/* What the request's header fields said. */
#define CALL_POST 0x01
#define CALL_GRPC 0x02 /* content-type */
#define CALL_TIMEOUT 0x04
#define CALL_BAD_TIMEOUT 0x08
#define CALL_ENCODED 0x10 /* grpc-encoding other than identity */

enum call_state {
	CALL_REQUEST, /* the request is coming in */
	CALL_ASKED, /* the supervisor has been asked */
	CALL_REPLY, /* the response is under way, or done */
};

/* One call: an HTTP/2 stream. */
struct call {
	LIST_ENTRY(call) entry; /* of its connection */
	struct conn *conn;
	nghttp2_session *session;
	int32_t stream;
	enum call_state state;
	int64_t born; /* rate_now() */

	const struct rpc *rpc; /* NULL: unknown path */
	unsigned int flags;
	size_t nheaders;
	size_t header_bytes;
	int64_t timeout; /* milliseconds, with CALL_TIMEOUT */
	struct grpc_reader in;
	int ended; /* the client has sent all it will */
	struct event deadline;
	uint32_t request; /* id of what the supervisor was asked, or 0 */

	struct watcher *watcher;
	uint8_t *out; /* goes after what the watcher has */
	size_t outlen;
	size_t outoff;
	int plain; /* no gRPC: ends without trailers */
	struct status final; /* of trailers; its strings are constants */
};
LIST_HEAD(calls, call);

void call_init(struct event_base *);

/* A new call on the stream, put on the list; NULL if memory is short. */
struct call *call_new(struct calls *, struct conn *, nghttp2_session *,
    int32_t);
/* Forget it and everything that waits for it. The stream is closed. */
void call_free(struct call *);

/* The request as it comes in. call_header() returns -1 for too much. */
int call_header(struct call *, const uint8_t *, size_t, const uint8_t *,
    size_t);
void call_headers_done(struct call *);
void call_data(struct call *, const uint8_t *, size_t);
void call_request_end(struct call *);

/* Send the header fields of a response of messages. */
void call_begin(struct call *);
/*
 * Answer with one message, which the call takes over (NULL: memory was
 * short), and end the call well.
 */
void call_reply(struct call *, uint8_t *, size_t);
/* End the call with that status; its strings are used before return, or,
 * once the response has begun, must be constants. */
void call_error(struct call *, const struct status *);
/* The same, in short: code, reason, text. */
void call_fail(struct call *, uint32_t, const char *, const char *);
/* A field of the request is wrong. */
void call_bad_field(struct call *, const char *, const char *);
/* There is something to send again. */
void call_resume(struct call *);

/*
 * How many bytes can go into the next DATA frame: at most max, with that
 * much room in the whole block to be sent. Sets nghttp2's data flags.
 */
ssize_t call_pull(struct call *, size_t, size_t, uint32_t *);
/* Copy what call_pull() promised. Returns 0 or -1. */
int call_copy(struct call *, uint8_t *, size_t);

#endif
