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

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nghttp2/nghttp2.h>

#include "client.h"

#define SERVICE "/" API_PACKAGE ".ForemanService/"
#define STREAM_WINDOW (1024 * 1024)
#define CONNECTION_WINDOW (4 * 1024 * 1024)
#define MESSAGE_MAX (4 * 1024 * 1024)
#define PREFIX 5 /* flag and length before each message */

TAILQ_HEAD(calls, call);

struct client {
	struct transport *t;
	nghttp2_session *h2;
	struct calls calls; /* not done */
	const uint8_t *out; /* from nghttp2, not yet written */
	size_t outlen;
	int64_t deadline; /* of the one call that has one, CLOCK_MONOTONIC */
	struct call *timed;
	int64_t silent_until; /* the daemon's first bytes; 0: they are here */
	int gone;
};

int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ------------------------------------------------------- the end of calls */

static void
call_done(struct client *c, struct call *call)
{
	if (call->done)
		return;
	call->done = 1;
	TAILQ_REMOVE(&c->calls, call, entry);
	if (c->timed == call)
		c->timed = NULL;
	free(call->request);
	free(call->buf);
	call->request = call->buf = NULL;
}

/* End a call with a status of our own. */
static void
call_fail(struct client *c, struct call *call, int code, const char *text)
{
	if (call->done)
		return;
	call->status.code = code;
	call->status.local = 1;
	strlcpy(call->status.message, text, sizeof(call->status.message));
	call_done(c, call);
}

static void
connection_gone(struct client *c, const char *why)
{
	struct call *call;

	c->gone = 1;
	while ((call = TAILQ_FIRST(&c->calls)) != NULL)
		call_fail(c, call, GRPC_UNAVAILABLE, why);
}

/* ------------------------------------------------------------- answers */

static int
buffer(struct call *call, const uint8_t *data, size_t len)
{
	size_t size = call->size;
	uint8_t *p;

	if (call->len + len > MESSAGE_MAX + PREFIX)
		return -1;
	if (call->len + len > size) {
		size = size == 0 ? 16384 : size;
		while (size < call->len + len)
			size *= 2;
		if ((p = realloc(call->buf, size)) == NULL)
			return -1;
		call->buf = p;
		call->size = size;
	}
	memcpy(call->buf + call->len, data, len);
	call->len += len;
	return 0;
}

/* Hand on every whole message that is in the buffer. */
static int
deliver(struct call *call)
{
	const uint8_t *p = call->buf;
	size_t left = call->len, len;

	while (left >= PREFIX) {
		len = (size_t)p[1] << 24 | (size_t)p[2] << 16 |
		    (size_t)p[3] << 8 | p[4];
		if (p[0] != 0 || len > MESSAGE_MAX)
			return -1;
		if (left - PREFIX < len)
			break;
		call->messages++;
		if (call->message != NULL &&
		    call->message(call, p + PREFIX, len) != 0)
			return -1;
		p += PREFIX + len;
		left -= PREFIX + len;
	}
	memmove(call->buf, p, left);
	call->len = left;
	return 0;
}

static struct call *
find(struct client *c, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(c->h2, stream);
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *data,
    size_t len, void *arg)
{
	struct client *c = arg;
	struct call *call = find(c, stream);

	(void)flags;
	if (call == NULL || call->done || call->http_status != 200)
		return 0;
	if (buffer(call, data, len) == -1 || deliver(call) == -1) {
		call_fail(c, call, GRPC_INTERNAL,
		    "the daemon's answer cannot be understood");
		nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, stream,
		    NGHTTP2_CANCEL);
	}
	return 0;
}

static int
is(const uint8_t *name, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(name, want, len) == 0;
}

static int
number(const uint8_t *value, size_t len, int fallback)
{
	char text[16];
	const char *wrong;
	int n;

	if (len == 0 || len >= sizeof(text))
		return fallback;
	memcpy(text, value, len);
	text[len] = '\0';
	n = strtonum(text, 0, 999, &wrong);
	return wrong == NULL ? n : fallback;
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
    size_t namelen, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
	struct call *call = find(arg, frame->hd.stream_id);
	struct call_status *st;

	(void)h2;
	(void)flags;
	if (call == NULL || call->done)
		return 0;
	st = &call->status;
	if (is(name, namelen, ":status")) {
		call->http_status = number(value, len, 0);
	} else if (is(name, namelen, "content-type")) {
		call->content_ok = len >= 16 &&
		    memcmp(value, "application/grpc", 16) == 0;
	} else if (is(name, namelen, "grpc-status")) {
		call->grpc_seen = 1;
		st->code = number(value, len, GRPC_UNKNOWN);
	} else if (is(name, namelen, "grpc-message")) {
		percent_decode(value, len, st->message, sizeof(st->message));
	} else if (is(name, namelen, "grpc-status-details-bin")) {
		details_decode(value, len, st);
	}
	return 0;
}

/* What an HTTP status without a grpc-status means. */
static int
from_http(int status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

static int
from_h2_error(uint32_t error)
{
	switch (error) {
	case NGHTTP2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return GRPC_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return GRPC_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

static int
on_stream_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *arg)
{
	struct client *c = arg;
	struct call *call = find(c, stream);
	char text[128];

	(void)h2;
	if (call == NULL || call->done)
		return 0;
	if (call->grpc_seen) {
		if (call->status.code == GRPC_OK && call->len > 0)
			call_fail(c, call, GRPC_INTERNAL,
			    "the daemon's answer ends within a message");
		else
			call_done(c, call);
	} else if (error != NGHTTP2_NO_ERROR) {
		snprintf(text, sizeof(text), "the call was reset: %s",
		    nghttp2_http2_strerror(error));
		call_fail(c, call, from_h2_error(error), text);
	} else {
		snprintf(text, sizeof(text), "no grpc-status (HTTP status %d)",
		    call->http_status);
		call_fail(c, call,
		    call->http_status == 200 ? GRPC_UNKNOWN :
					       from_http(call->http_status),
		    text);
	}
	return 0;
}

/* ------------------------------------------------------------- requests */

static ssize_t
read_request(nghttp2_session *h2, int32_t stream, uint8_t *buf, size_t size,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct call *call = source->ptr;
	size_t n = call->request_len - call->sent;

	(void)h2;
	(void)stream;
	(void)arg;
	if (n > size)
		n = size;
	memcpy(buf, call->request + call->sent, n);
	call->sent += n;
	if (call->sent == call->request_len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n;
}

static nghttp2_nv
nv(const char *name, const char *value)
{
	nghttp2_nv h;

	h.name = (uint8_t *)(uintptr_t)name;
	h.namelen = strlen(name);
	h.value = (uint8_t *)(uintptr_t)value;
	h.valuelen = strlen(value);
	h.flags = NGHTTP2_NV_FLAG_NONE;
	return h;
}

static void
make_request(struct call *call, const ProtobufCMessage *msg)
{
	size_t len = protobuf_c_message_get_packed_size(msg);

	call->request_len = PREFIX + len;
	if ((call->request = malloc(call->request_len)) == NULL)
		err(EXIT_DAEMON, NULL);
	call->request[0] = 0;
	call->request[1] = len >> 24;
	call->request[2] = len >> 16;
	call->request[3] = len >> 8;
	call->request[4] = len;
	protobuf_c_message_pack(msg, call->request + PREFIX);
}

void
client_start(struct client *c, struct call *call, const char *method,
    const ProtobufCMessage *msg, int64_t timeout)
{
	nghttp2_data_provider body = { { .ptr = call }, read_request };
	char path[256], limit[24];
	nghttp2_nv h[8];
	size_t n = 0;

	snprintf(path, sizeof(path), SERVICE "%s", method);
	make_request(call, msg);
	TAILQ_INSERT_TAIL(&c->calls, call, entry);
	if (c->gone) {
		call_fail(c, call, GRPC_UNAVAILABLE, "the connection is gone");
		return;
	}
	h[n++] = nv(":method", "POST");
	h[n++] = nv(":scheme", "https");
	h[n++] = nv(":path", path);
	h[n++] = nv(":authority", transport_host(c->t));
	h[n++] = nv("te", "trailers");
	if (timeout >= 0) {
		snprintf(limit, sizeof(limit), "%lldm",
		    (long long)(timeout < 99999999 ? timeout : 99999999));
		h[n++] = nv("grpc-timeout", limit);
		c->timed = call;
		c->deadline = now_ms() + timeout;
	}
	h[n++] = nv("content-type", "application/grpc");
	h[n++] = nv("user-agent", "thctl/" TH_VERSION);
	call->stream = nghttp2_submit_request(c->h2, NULL, h, n, &body, call);
	if (call->stream < 0)
		call_fail(c, call, GRPC_UNAVAILABLE,
		    nghttp2_strerror(call->stream));
}

void
client_cancel(struct client *c, struct call *call)
{
	if (call->done)
		return;
	nghttp2_session_set_stream_user_data(c->h2, call->stream, NULL);
	nghttp2_submit_rst_stream(c->h2, NGHTTP2_FLAG_NONE, call->stream,
	    NGHTTP2_CANCEL);
	call_fail(c, call, GRPC_CANCELLED, "cancelled");
}

/* ----------------------------------------------------------- the connection */

static nghttp2_session *
make_session(struct client *c)
{
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
	};
	nghttp2_session_callbacks *cb;
	nghttp2_session *h2;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		errx(EXIT_DAEMON, "out of memory");
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
	    on_stream_close);
	if (nghttp2_session_client_new(&h2, cb, c) != 0)
		errx(EXIT_DAEMON, "out of memory");
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(h2, NGHTTP2_FLAG_NONE, settings, 2);
	nghttp2_session_set_local_window_size(h2, NGHTTP2_FLAG_NONE, 0,
	    CONNECTION_WINDOW);
	return h2;
}

struct client *
client_open(const struct settings *set)
{
	struct client *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(EXIT_DAEMON, NULL);
	TAILQ_INIT(&c->calls);
	if ((c->t = transport_open(set)) == NULL) {
		free(c);
		return NULL;
	}
	c->h2 = make_session(c);
	c->silent_until = now_ms() + SILENCE_MS;
	return c;
}

void
client_close(struct client *c)
{
	connection_gone(c, "closed");
	nghttp2_session_del(c->h2);
	transport_close(c->t);
	free(c);
}

/* Returns 1 while there is more to read, 0 to wait, -1 at the end. */
static int
read_some(struct client *c, short *events)
{
	static uint8_t buf[65536];
	ssize_t n;

	n = transport_read(c->t, buf, sizeof(buf), events);
	if (n > 0) {
		c->silent_until = 0;
		if (nghttp2_session_mem_recv(c->h2, buf, n) != n) {
			connection_gone(c, "the daemon breaks HTTP/2");
			return -1;
		}
		return 1;
	}
	if (n == -1 && errno == EAGAIN)
		return 0;
	connection_gone(c,
	    n == 0 ? "the daemon closed the connection" :
		     transport_error(c->t));
	return -1;
}

/* Returns 0 when all is written or must wait (*events), -1 at the end. */
static int
write_all(struct client *c, short *events)
{
	ssize_t n;

	*events = 0;
	for (;;) {
		if (c->outlen == 0) {
			n = nghttp2_session_mem_send(c->h2, &c->out);
			if (n <= 0)
				return 0;
			c->outlen = n;
		}
		n = transport_write(c->t, c->out, c->outlen, events);
		if (n == -1 && errno == EAGAIN)
			return 0;
		/* A refusal is explained by what is there to be read. */
		if (n <= 0)
			return read_some(c, events) == 1 ? 0 : -1;
		*events = 0;
		c->out += n;
		c->outlen -= n;
	}
}

/* The earlier of those that there are, or 0. */
static int64_t
next_deadline(const struct client *c)
{
	int64_t call = c->timed != NULL ? c->deadline : 0;

	if (call == 0 || c->silent_until == 0)
		return call + c->silent_until;
	return call < c->silent_until ? call : c->silent_until;
}

static int
wait_for(struct client *c, short events)
{
	struct pollfd pfd = { transport_fd(c->t), events, 0 };
	struct timespec ts, *limit = NULL;
	sigset_t none;
	int64_t ms;

	if ((ms = next_deadline(c)) != 0) {
		ms -= now_ms();
		if (ms < 0)
			ms = 0;
		ts.tv_sec = ms / 1000;
		ts.tv_nsec = (ms % 1000) * 1000000;
		limit = &ts;
	}
	sigemptyset(&none);
	return ppoll(&pfd, 1, limit, &none);
}

static void
check_deadline(struct client *c)
{
	struct call *call = c->timed;

	if (call == NULL || now_ms() < c->deadline)
		return;
	nghttp2_submit_rst_stream(c->h2, NGHTTP2_FLAG_NONE, call->stream,
	    NGHTTP2_CANCEL);
	call_fail(c, call, GRPC_DEADLINE, "the time is up");
}

int
client_step(struct client *c)
{
	short rd = POLLIN, wr;
	int r;

	if (c->gone)
		return -1;
	if (write_all(c, &wr) == -1)
		return -1;
	if (TAILQ_EMPTY(&c->calls))
		return 0;
	/* The last word of nghttp2 to a peer that it cannot understand. */
	if (!nghttp2_session_want_read(c->h2) &&
	    !nghttp2_session_want_write(c->h2)) {
		connection_gone(c, "the daemon breaks HTTP/2");
		return -1;
	}
	if (!transport_pending(c->t) && wait_for(c, rd | wr) == -1 &&
	    errno != EINTR) {
		connection_gone(c, strerror(errno));
		return -1;
	}
	check_deadline(c);
	if (c->silent_until != 0 && now_ms() >= c->silent_until) {
		connection_gone(c,
		    "the server says nothing: is it thd that "
		    "listens there?");
		return -1;
	}
	while ((r = read_some(c, &rd)) == 1)
		if (write_all(c, &wr) == -1)
			return -1;
	return r;
}

void
client_finish(struct client *c, struct call *call)
{
	while (!call->done)
		(void)client_step(c);
	if (call->status.code == GRPC_OK && call->messages != 1) {
		call->status.code = GRPC_INTERNAL;
		call->status.local = 1;
		strlcpy(call->status.message,
		    "the daemon's answer is not one message",
		    sizeof(call->status.message));
	}
}
