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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "conn.h"
#include "msg.h"
#include "rate.h"
#include "rpc.h"
#include "up.h"
#include "watch.h"

/* What a request's header fields may come to, in the way of RFC 9113. */
#define HEADERS_MAX 64
#define HEADER_BYTES_MAX 8192
#define HEADER_OVERHEAD 32

#define NV(n, v)                                                               \
	{                                                                      \
		(uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, sizeof(v) - 1,  \
		    NGHTTP2_NV_FLAG_NO_COPY_NAME |                             \
		    NGHTTP2_NV_FLAG_NO_COPY_VALUE                              \
	}
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static struct event_base *base;

static void call_deadline(evutil_socket_t, short, void *);

void
call_init(struct event_base *b)
{
	base = b;
}

struct call *
call_new(struct calls *list, struct conn *conn, nghttp2_session *s,
    int32_t stream)
{
	struct call *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->conn = conn;
	c->session = s;
	c->stream = stream;
	c->born = rate_now();
	evtimer_assign(&c->deadline, base, call_deadline, c);
	LIST_INSERT_HEAD(list, c, entry);
	return c;
}

/* The supervisor need not answer any more. */
static void
drop_request(struct call *c)
{
	if (c->request != 0)
		up_cancel(c->request, conn_id(c->conn));
	c->request = 0;
}

void
call_free(struct call *c)
{
	drop_request(c);
	watch_free(c->watcher);
	event_del(&c->deadline);
	grpc_reader_free(&c->in);
	free(c->out);
	LIST_REMOVE(c, entry);
	free(c);
}

static void
h_method(struct call *c, const char *v, size_t len)
{
	if (len == 4 && memcmp(v, "POST", 4) == 0)
		c->flags |= CALL_POST;
}

static void
h_path(struct call *c, const char *v, size_t len)
{
	c->rpc = rpc_find(v, len);
}

static void
h_content_type(struct call *c, const char *v, size_t len)
{
	if (grpc_content_type(v, len))
		c->flags |= CALL_GRPC;
}

static void
h_timeout(struct call *c, const char *v, size_t len)
{
	if ((c->flags & CALL_TIMEOUT) ||
	    grpc_timeout(v, len, &c->timeout) == -1)
		c->flags |= CALL_BAD_TIMEOUT;
	c->flags |= CALL_TIMEOUT;
}

static void
h_encoding(struct call *c, const char *v, size_t len)
{
	if (len != 8 || memcmp(v, "identity", 8) != 0)
		c->flags |= CALL_ENCODED;
}

static const struct {
	const char *name;
	size_t len;
	void (*take)(struct call *, const char *, size_t);
} headers[] = {
	{ ":method", 7, h_method },
	{ ":path", 5, h_path },
	{ "content-type", 12, h_content_type },
	{ "grpc-timeout", 12, h_timeout },
	{ "grpc-encoding", 13, h_encoding },
};

int
call_header(struct call *c, const uint8_t *name, size_t namelen,
    const uint8_t *value, size_t len)
{
	size_t i;

	c->nheaders++;
	c->header_bytes += namelen + len + HEADER_OVERHEAD;
	if (c->nheaders > HEADERS_MAX || c->header_bytes > HEADER_BYTES_MAX)
		return -1;
	if (c->state != CALL_REQUEST)
		return 0;
	for (i = 0; i < NELEM(headers); i++) {
		if (namelen == headers[i].len &&
		    memcmp(name, headers[i].name, namelen) == 0) {
			headers[i].take(c, (const char *)value, len);
			break;
		}
	}
	return 0;
}

static ssize_t
read_body(nghttp2_session *s, int32_t stream, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct call *c = source->ptr;

	(void)s;
	(void)stream;
	(void)buf;
	(void)arg;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	return call_pull(c, len, conn_room(c->conn), flags);
}

/* Submit header fields, and the body that call_pull() gives if there is. */
static void
respond(struct call *c, const nghttp2_nv *nv, size_t n, int body)
{
	nghttp2_data_provider provider;

	c->state = CALL_REPLY;
	provider.source.ptr = c;
	provider.read_callback = read_body;
	if (nghttp2_submit_response(c->session, c->stream, nv, n,
		body ? &provider : NULL) != 0)
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE,
		    c->stream, NGHTTP2_INTERNAL_ERROR);
	conn_wake(c->conn);
}

/* An answer in plain HTTP, for those who do not speak gRPC. */
static void
http_error(struct call *c, const char *code, const char *text)
{
	nghttp2_nv nv[3];

	header_set(&nv[0], ":status", code);
	header_set(&nv[1], "content-type", "text/plain");
	header_set(&nv[2], "allow", "POST");
	if ((c->out = (uint8_t *)strdup(text)) != NULL)
		c->outlen = strlen(text);
	c->plain = 1;
	respond(c, nv, 3, 1);
}

void
call_headers_done(struct call *c)
{
	struct timeval tv;

	if ((c->flags & CALL_POST) == 0) {
		http_error(c, "405", "Only POST is understood here.\n");
		return;
	}
	if ((c->flags & CALL_GRPC) == 0) {
		http_error(c, "415", "This is a gRPC service.\n");
		return;
	}
	if (c->rpc == NULL) {
		call_fail(c, RES_UNIMPLEMENTED, "UNKNOWN_METHOD",
		    "no such method");
		return;
	}
	if (c->flags & CALL_BAD_TIMEOUT) {
		call_fail(c, RES_INTERNAL, "BAD_TIMEOUT",
		    "malformed grpc-timeout");
		return;
	}
	if ((c->flags & CALL_TIMEOUT) && c->timeout != GRPC_NO_DEADLINE) {
		tv.tv_sec = c->timeout / 1000;
		tv.tv_usec = c->timeout % 1000 * 1000;
		event_add(&c->deadline, &tv);
	}
}

/* What is to be said of a request that cannot be read. */
static void
bad_request(struct call *c, enum grpc_read e)
{
	static const struct status what[] = {
		[GRPC_COMPRESSED] = { .code = RES_INTERNAL,
		    .reason = "COMPRESSED",
		    .text = "compressed message without grpc-encoding" },
		[GRPC_BAD_FLAG] = { .code = RES_INTERNAL,
		    .reason = "BAD_FRAMING",
		    .text = "message with an unknown flag" },
		[GRPC_TOO_BIG] = { .code = RES_RESOURCE_EXHAUSTED,
		    .reason = "REQUEST_TOO_LARGE",
		    .text = "request larger than 256 KiB" },
		[GRPC_SECOND] = { .code = RES_UNIMPLEMENTED,
		    .reason = "ONE_MESSAGE",
		    .text = "more than one message in the request" },
		[GRPC_TRUNCATED] = { .code = RES_INTERNAL,
		    .reason = "BAD_FRAMING",
		    .text = "request ended within a message" },
		[GRPC_NONE] = { .code = RES_UNIMPLEMENTED,
		    .reason = "ONE_MESSAGE",
		    .text = "no message in the request" },
		[GRPC_MEMORY] = { .code = RES_RESOURCE_EXHAUSTED,
		    .reason = "NO_MEMORY",
		    .text = "the server is short of memory" },
	};
	static const struct status encoding = { .code = RES_UNIMPLEMENTED,
		.reason = "UNKNOWN_ENCODING",
		.text = "messages cannot be compressed here",
		.offer_encodings = 1 };

	if (e == GRPC_COMPRESSED && (c->flags & CALL_ENCODED))
		call_error(c, &encoding);
	else
		call_error(c, &what[e]);
}

void
call_data(struct call *c, const uint8_t *data, size_t len)
{
	enum grpc_read e;

	if (c->state != CALL_REQUEST)
		return;
	if ((e = grpc_feed(&c->in, data, len)) != GRPC_OK)
		bad_request(c, e);
}

void
call_request_end(struct call *c)
{
	enum grpc_read e;

	c->ended = 1;
	if (c->state != CALL_REQUEST)
		return;
	if ((e = grpc_end(&c->in)) != GRPC_OK) {
		bad_request(c, e);
		return;
	}
	c->state = CALL_ASKED;
	rpc_dispatch(c);
	grpc_reader_free(&c->in);
}

static const nghttp2_nv begin[] = {
	NV(":status", "200"),
	NV("content-type", "application/grpc"),
};

void
call_begin(struct call *c)
{
	respond(c, begin, NELEM(begin), 1);
}

void
call_reply(struct call *c, uint8_t *msg, size_t len)
{
	if (c->state == CALL_REPLY) {
		free(msg);
		return;
	}
	if (msg == NULL) {
		bad_request(c, GRPC_MEMORY);
		return;
	}
	event_del(&c->deadline);
	c->out = msg;
	c->outlen = len;
	call_begin(c);
}

/* A response without a message is one block of header fields. */
static void
trailers_only(struct call *c, const struct status *st)
{
	nghttp2_nv nv[NELEM(begin) + STATUS_HEADERS];
	size_t n;

	memcpy(nv, begin, sizeof(begin));
	n = NELEM(begin) + status_headers(st, nv + NELEM(begin));
	respond(c, nv, n, 0);
}

void
call_error(struct call *c, const struct status *st)
{
	event_del(&c->deadline);
	grpc_reader_free(&c->in);
	drop_request(c);
	if (c->state != CALL_REPLY) {
		trailers_only(c, st);
		return;
	}
	if (c->watcher == NULL)
		return; /* the answer is on its way already */
	if (watch_in_message(c->watcher)) {
		/* Trailers cannot follow half a message. */
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE,
		    c->stream, NGHTTP2_CANCEL);
		conn_wake(c->conn);
		return;
	}
	watch_free(c->watcher);
	c->watcher = NULL;
	c->final = *st;
	call_resume(c);
}

void
call_fail(struct call *c, uint32_t code, const char *reason, const char *text)
{
	struct status st;

	memset(&st, 0, sizeof(st));
	st.code = code;
	st.reason = reason;
	st.text = text;
	call_error(c, &st);
}

void
call_bad_field(struct call *c, const char *field, const char *text)
{
	struct status st;
	char line[256];

	snprintf(line, sizeof(line), "%s: %s", field, text);
	memset(&st, 0, sizeof(st));
	st.code = RES_INVALID_ARGUMENT;
	st.reason = "INVALID_FIELD";
	st.field = field;
	st.text = line;
	call_error(c, &st);
}

static void
call_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct call *c = arg;

	(void)fd;
	(void)what;
	call_fail(c, RES_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
	    "the deadline of the call has passed");
}

void
call_resume(struct call *c)
{
	(void)nghttp2_session_resume_data(c->session, c->stream);
	conn_wake(c->conn);
}

/* The body ends here: with trailers, unless it is plain HTTP. */
static int
end_body(struct call *c, uint32_t *flags)
{
	nghttp2_nv nv[STATUS_HEADERS];

	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (c->plain)
		return 0;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	event_del(&c->deadline);
	return nghttp2_submit_trailer(c->session, c->stream, nv,
	    status_headers(&c->final, nv));
}

ssize_t
call_pull(struct call *c, size_t max, size_t space, uint32_t *flags)
{
	size_t n;

	if (c->watcher != NULL) {
		if ((n = watch_pull(c->watcher, max, space)) > 0)
			return n;
		/* The watcher goes when its last message is in c->out. */
		if (c->watcher != NULL)
			return NGHTTP2_ERR_DEFERRED;
	}
	n = c->outlen - c->outoff;
	if (n > max)
		return max;
	if (end_body(c, flags) != 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return n;
}

int
call_copy(struct call *c, uint8_t *dst, size_t n)
{
	if (c->watcher != NULL)
		return watch_copy(c->watcher, dst, n);
	if (n > 0)
		memcpy(dst, c->out + c->outoff, n);
	c->outoff += n;
	return 0;
}
