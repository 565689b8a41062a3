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

#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "call.h"
#include "conn.h"
#include "flood.h"
#include "h2.h"
#include "log.h"
#include "rate.h"

#define CONN_WINDOW (256 * 1024)
#define HEADER_LIST_MAX 8192

/* So that a frame with its header is one TLS record, and no copy is split. */
#define FRAME_MAX (16384 - 9)
/* Do not begin a frame in less than that: go into the slack instead. */
#define FRAME_LEAST 4096

/* Two lists of header fields that are too large end the connection. */
#define WEIGHT_HEADERS 150

/* A call that is reset younger than that was not worth its start. */
#define YOUNG_MS 1000

/* Frame types beyond those of the standard, for the counting. */
#define FIRST_UNKNOWN 0x0a
#define LAST_UNKNOWN 0xff

struct h2 {
	struct conn *conn;
	nghttp2_session *session;
	struct calls calls;
	struct flood flood;
	struct block *block; /* being filled */
	int ending;
	int goaway_sent;
};

/* Too much: say so, and end the connection once that is sent. */
static void
calm_down(struct h2 *h)
{
	static const char why[] = "too_many_pings_or_oddities";

	if (h->ending)
		return;
	h->ending = 1;
	log_info("%s: too many useless frames", conn_name(h->conn));
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->session),
	    NGHTTP2_ENHANCE_YOUR_CALM, (const uint8_t *)why, sizeof(why) - 1);
	conn_wake(h->conn);
}

static void
charge(struct h2 *h, int overrun)
{
	if (overrun)
		calm_down(h);
}

void
h2_glitch(struct h2 *h)
{
	charge(h, flood_glitch(&h->flood, 1));
}

static struct call *
call_of(nghttp2_session *s, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(s, stream);
}

static int
on_begin_headers(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct call *c;

	if (f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (h->ending ||
	    (c = call_new(&h->calls, h->conn, s, f->hd.stream_id)) == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(s, f->hd.stream_id, c);
	return 0;
}

static int
on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
    size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags,
    void *arg)
{
	struct h2 *h = arg;
	struct call *c;

	(void)flags;
	if ((c = call_of(s, f->hd.stream_id)) == NULL)
		return 0;
	if (call_header(c, name, namelen, value, valuelen) == -1) {
		charge(h, flood_glitch(&h->flood, WEIGHT_HEADERS));
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

static int
on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data,
    size_t len, void *arg)
{
	struct call *c;

	(void)flags;
	(void)arg;
	if ((c = call_of(s, stream)) != NULL)
		call_data(c, data, len);
	return nghttp2_session_consume(s, stream, len);
}

static void
got_headers(struct h2 *h, const nghttp2_frame *f, struct call *c)
{
	(void)h;
	if (c != NULL && f->headers.cat == NGHTTP2_HCAT_REQUEST)
		call_headers_done(c);
}

static void
got_data(struct h2 *h, const nghttp2_frame *f, struct call *c)
{
	(void)c;
	if (f->hd.length == f->data.padlen &&
	    (f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		h2_glitch(h);
}

static void
got_control(struct h2 *h, const nghttp2_frame *f, struct call *c)
{
	(void)c;
	if (f->hd.type == NGHTTP2_WINDOW_UPDATE ||
	    (f->hd.flags & NGHTTP2_FLAG_ACK) == 0)
		charge(h, flood_control(&h->flood));
}

static void
got_priority(struct h2 *h, const nghttp2_frame *f, struct call *c)
{
	(void)f;
	(void)c;
	h2_glitch(h);
}

static void
got_reset(struct h2 *h, const nghttp2_frame *f, struct call *c)
{
	(void)f;
	if (c == NULL || rate_now() - c->born < YOUNG_MS)
		charge(h, flood_reset(&h->flood));
}

static void (*const got[])(struct h2 *, const nghttp2_frame *,
    struct call *) = {
	[NGHTTP2_DATA] = got_data,
	[NGHTTP2_HEADERS] = got_headers,
	[NGHTTP2_PRIORITY] = got_priority,
	[NGHTTP2_RST_STREAM] = got_reset,
	[NGHTTP2_SETTINGS] = got_control,
	[NGHTTP2_PING] = got_control,
	[NGHTTP2_WINDOW_UPDATE] = got_control,
};

static int
on_frame_recv(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct call *c;

	c = f->hd.stream_id > 0 ? call_of(s, f->hd.stream_id) : NULL;
	if (f->hd.type < sizeof(got) / sizeof(got[0]) &&
	    got[f->hd.type] != NULL)
		got[f->hd.type](h, f, c);
	if (c != NULL && (f->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
	    (f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS))
		call_request_end(c);
	return 0;
}

/* Only counted: frames of unknown types mean nothing. */
static int
on_unknown(nghttp2_session *s, void **payload, const nghttp2_frame_hd *hd,
    void *arg)
{
	(void)s;
	(void)payload;
	(void)hd;
	h2_glitch(arg);
	return NGHTTP2_ERR_CANCEL;
}

static int
on_invalid(nghttp2_session *s, const nghttp2_frame *f, int error, void *arg)
{
	(void)s;
	(void)f;
	(void)error;
	h2_glitch(arg);
	return 0;
}

static int
on_frame_send(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct call *c;

	switch (f->hd.type) {
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS:
		flood_earn(&h->flood);
		if ((f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
			break;
		/* Answered early: the rest of the request is not wanted. */
		c = call_of(s, f->hd.stream_id);
		if (c != NULL && !c->ended)
			nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE,
			    f->hd.stream_id, NGHTTP2_NO_ERROR);
		break;
	case NGHTTP2_RST_STREAM:
		if (f->rst_stream.error_code != NGHTTP2_NO_ERROR)
			h2_glitch(h);
		break;
	case NGHTTP2_GOAWAY:
		h->goaway_sent = 1;
		break;
	}
	return 0;
}

static int
on_stream_close(nghttp2_session *s, int32_t stream, uint32_t error, void *arg)
{
	struct call *c;

	(void)error;
	(void)arg;
	if ((c = call_of(s, stream)) != NULL)
		call_free(c);
	return 0;
}

size_t
h2_room(const struct h2 *h)
{
	return BLOCK_SIZE - h->block->len;
}

static ssize_t
frame_length(nghttp2_session *s, uint8_t type, int32_t stream, int32_t window,
    int32_t stream_window, uint32_t max, void *arg)
{
	size_t room = h2_room(arg);

	(void)s;
	(void)type;
	(void)stream;
	(void)window;
	(void)stream_window;
	(void)max; /* 16384 is the least it can be */
	if (room < FRAME_LEAST || room - 9 > FRAME_MAX)
		return FRAME_MAX;
	return room - 9;
}

/* The DATA frame that call_pull() promised goes straight into the block. */
static int
send_data(nghttp2_session *s, nghttp2_frame *f, const uint8_t *hd, size_t len,
    nghttp2_data_source *source, void *arg)
{
	struct h2 *h = arg;
	struct block *b = h->block;

	(void)s;
	(void)f;
	if (call_copy(source->ptr, b->data + b->len + 9, len) == -1)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	memcpy(b->data + b->len, hd, 9);
	b->len += 9 + len;
	/* A full block is sent before the next frame is made. */
	return b->len < BLOCK_SIZE ? 0 : NGHTTP2_ERR_PAUSE;
}

int
h2_output(struct h2 *h, struct block *b)
{
	const uint8_t *p;
	ssize_t n = 0;

	h->block = b;
	while (b->len < BLOCK_SIZE) {
		if ((n = nghttp2_session_mem_send(h->session, &p)) <= 0)
			break;
		if ((size_t)n > sizeof(b->data) - b->len) {
			n = -1;
			break;
		}
		memcpy(b->data + b->len, p, n);
		b->len += n;
	}
	h->block = NULL;
	return n < 0 ? -1 : 0;
}

int
h2_input(struct h2 *h, const uint8_t *data, size_t len)
{
	ssize_t n;

	if (h->ending)
		return 0;
	n = nghttp2_session_mem_recv(h->session, data, len);
	if (n < 0) {
		log_debug("%s: %s", conn_name(h->conn), nghttp2_strerror(n));
		/* Flooding is punished, the rest has its GOAWAY queued. */
		if (n == NGHTTP2_ERR_FLOODED)
			calm_down(h);
		else if (nghttp2_is_fatal(n))
			return -1;
	}
	return 0;
}

int
h2_done(const struct h2 *h)
{
	if (h->ending)
		return h->goaway_sent;
	return !nghttp2_session_want_read(h->session) &&
	    !nghttp2_session_want_write(h->session);
}

int
h2_ending(const struct h2 *h)
{
	return h->ending;
}

void
h2_ping(struct h2 *h)
{
	nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
	conn_wake(h->conn);
}

void
h2_goaway(struct h2 *h)
{
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->session),
	    NGHTTP2_NO_ERROR, NULL, 0);
}

/* The same for all sessions. NULL if memory is short. */
static nghttp2_session_callbacks *
callbacks_new(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb,
	    on_invalid);
	nghttp2_session_callbacks_set_unpack_extension_callback(cb, on_unknown);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
	    on_stream_close);
	nghttp2_session_callbacks_set_data_source_read_length_callback(cb,
	    frame_length);
	nghttp2_session_callbacks_set_send_data_callback(cb, send_data);
	return cb;
}

static nghttp2_option *
options_new(void)
{
	nghttp2_option *opt;
	unsigned int type;

	if (nghttp2_option_new(&opt) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(opt, 1);
	/* Behind our own count, which gives the better reason. */
	nghttp2_option_set_stream_reset_rate_limit(opt, 500, 50);
	nghttp2_option_set_max_continuations(opt, 4);
	nghttp2_option_set_max_settings(opt, 16);
	nghttp2_option_set_max_outbound_ack(opt, 100);
	nghttp2_option_set_max_deflate_dynamic_table_size(opt, 4096);
	nghttp2_option_set_max_send_header_block_length(opt, 16 * 1024);
	nghttp2_option_set_no_closed_streams(opt, 1);
	for (type = FIRST_UNKNOWN; type <= LAST_UNKNOWN; type++)
		nghttp2_option_set_user_recv_extension_type(opt, type);
	return opt;
}

static int
session_start(struct h2 *h, uint32_t max_streams)
{
	static nghttp2_session_callbacks *callbacks;
	static nghttp2_option *options;
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_MAX },
	};

	if ((callbacks == NULL && (callbacks = callbacks_new()) == NULL) ||
	    (options == NULL && (options = options_new()) == NULL))
		return -1;
	if (nghttp2_session_server_new2(&h->session, callbacks, h, options) !=
	    0)
		return -1;
	if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
		2) != 0 ||
	    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE,
		0, CONN_WINDOW) != 0) {
		nghttp2_session_del(h->session);
		return -1;
	}
	return 0;
}

struct h2 *
h2_new(struct conn *conn, uint32_t max_streams)
{
	struct h2 *h;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return NULL;
	h->conn = conn;
	LIST_INIT(&h->calls);
	if (session_start(h, max_streams) == -1) {
		free(h);
		return NULL;
	}
	return h;
}

void
h2_free(struct h2 *h)
{
	struct call *c;

	if (h == NULL)
		return;
	while ((c = LIST_FIRST(&h->calls)) != NULL)
		call_free(c);
	nghttp2_session_del(h->session);
	free(h);
}
