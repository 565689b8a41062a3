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
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>
#include <openssl/err.h>

#include "h2.h"

#define READ_SIZE (64 * 1024)
#define READS 16 /* per connection and turn */
#define WRITE_SIZE (16 * 1024)
#define STREAM_WINDOW (8 * 1024 * 1024)
#define CONN_WINDOW (16 * 1024 * 1024)
#define EVENTS 128

struct conn {
	TAILQ_ENTRY(conn) entry; /* of those with something to do */
	int queued;
	int fd;
	SSL *ssl;
	nghttp2_session *h2; /* NULL: raw */
	uint64_t received;
	int ended;
	int events;
	uint8_t out[WRITE_SIZE];
	size_t outlen;
	const uint8_t *rest; /* of a piece that did not fit into out */
	size_t restlen;
};

static TAILQ_HEAD(connq, conn) work = TAILQ_HEAD_INITIALIZER(work);
static int epfd = -1;

static void __attribute__((noreturn)) tls_fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

SSL_CTX *
h2_context(const char *dir, const char *name)
{
	char ca[4096], cert[4096], key[4096];
	SSL_CTX *ctx;

	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
	snprintf(key, sizeof(key), "%s/%s-key.pem", dir, name);
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_load_verify_file(ctx, ca) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		tls_fail("certificates");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* Fewer system calls: several records in one read. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, 2 * READ_SIZE);
	return ctx;
}

static int
tcp_connect(const char *address, const char *port)
{
	struct sockaddr_in sin;
	int fd, on = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(atoi(port));
	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(1, "%s: no address", address);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "%s:%s", address, port);
	return fd;
}

/* ------------------------------------------------------------ callbacks */

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *data,
    size_t len, void *arg)
{
	struct call *call = nghttp2_session_get_stream_user_data(h2, stream);
	size_t n = sizeof(call->answer) - call->len;

	(void)flags;
	(void)arg;
	call->bytes += len;
	if (call->data != NULL) {
		call->data(call, data, len);
		return 0;
	}
	if (n > len)
		n = len;
	memcpy(call->answer + call->len, data, n);
	call->len += n;
	return 0;
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
    size_t namelen, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
	struct call *call;

	(void)flags;
	(void)arg;
	call = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
	if (namelen == 11 && memcmp(name, "grpc-status", 11) == 0)
		call->status = len == 1 ? value[0] - '0' : 99;
	else if (namelen == 12 && memcmp(name, "grpc-message", 12) == 0)
		warnx("grpc-message: %.*s", (int)len, (const char *)value);
	return 0;
}

static int
on_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *arg)
{
	struct call *call = nghttp2_session_get_stream_user_data(h2, stream);

	(void)arg;
	if (error != 0 || call->status != 0)
		errx(1, "a call failed: grpc-status %d, HTTP/2 error %u",
		    call->status, error);
	call->done(call);
	return 0;
}

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

static nghttp2_session *
make_session(struct conn *c)
{
	static nghttp2_session_callbacks *cb;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
	};
	nghttp2_session *h2;

	if (cb == NULL) {
		if (nghttp2_session_callbacks_new(&cb) != 0)
			errx(1, "out of memory");
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb,
		    on_data);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb,
		    on_close);
	}
	if (nghttp2_session_client_new(&h2, cb, c) != 0 ||
	    nghttp2_submit_settings(h2, NGHTTP2_FLAG_NONE, settings, 2) != 0 ||
	    nghttp2_session_set_local_window_size(h2, NGHTTP2_FLAG_NONE, 0,
		CONN_WINDOW) != 0)
		errx(1, "HTTP/2 session");
	return h2;
}

/* ----------------------------------------------------------- connections */

static void
want(struct conn *c, int events)
{
	struct epoll_event ev;

	if (c->events == events)
		return;
	memset(&ev, 0, sizeof(ev));
	ev.events = events;
	ev.data.ptr = c;
	if (epoll_ctl(epfd, c->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		c->fd, &ev) == -1)
		err(1, "epoll_ctl");
	c->events = events;
}

static void
queue(struct conn *c)
{
	if (c->queued)
		return;
	TAILQ_INSERT_TAIL(&work, c, entry);
	c->queued = 1;
}

static void
unqueue(struct conn *c)
{
	if (!c->queued)
		return;
	TAILQ_REMOVE(&work, c, entry);
	c->queued = 0;
}

struct conn *
h2_open(SSL_CTX *ctx, const char *address, const char *port, int http2)
{
	static const unsigned char alpn[] = "\x02h2";
	struct conn *c;

	if (epfd == -1 && (epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(1, NULL);
	c->fd = tcp_connect(address, port);
	if ((c->ssl = SSL_new(ctx)) == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    SSL_set1_host(c->ssl, "localhost") != 1 ||
	    (http2 && SSL_set_alpn_protos(c->ssl, alpn, 3) != 0) ||
	    SSL_connect(c->ssl) != 1)
		tls_fail("TLS handshake");
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) == -1)
		err(1, "fcntl");
	if (http2)
		c->h2 = make_session(c);
	want(c, EPOLLIN);
	queue(c);
	return c;
}

void
h2_close(struct conn *c)
{
	unqueue(c);
	nghttp2_session_del(c->h2);
	(void)SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

uint64_t
h2_received(const struct conn *c)
{
	return c->received;
}

int
h2_ended(const struct conn *c)
{
	return c->ended;
}

static nghttp2_nv
nv(const char *name, const char *value)
{
	nghttp2_nv h;

	h.name = (uint8_t *)(uintptr_t)name;
	h.namelen = strlen(name);
	h.value = (uint8_t *)(uintptr_t)value;
	h.valuelen = strlen(value);
	h.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
	return h;
}

void
h2_call(struct conn *c, struct call *call, const char *path,
    const uint8_t *body, size_t len)
{
	nghttp2_data_provider provider = { { .ptr = call }, read_request };
	nghttp2_nv h[] = { nv(":method", "POST"), nv(":scheme", "https"),
		nv(":path", path), nv(":authority", "localhost"),
		nv("te", "trailers"), nv("content-type", "application/grpc"),
		nv("user-agent", "load") };

	call->conn = c;
	call->request = body;
	call->request_len = len;
	call->sent = call->len = 0;
	call->bytes = 0;
	call->status = -1;
	if (nghttp2_submit_request(c->h2, NULL, h, sizeof(h) / sizeof(h[0]),
		&provider, call) < 0)
		errx(1, "submit");
	queue(c);
}

void
h2_send_raw(struct conn *c, const void *p, size_t len)
{
	memcpy(c->out, p, len);
	c->outlen = len;
	queue(c);
}

/* Gather what HTTP/2 has to send into one block. */
static void
gather(struct conn *c)
{
	ssize_t n;

	while (c->h2 != NULL && c->outlen < sizeof(c->out)) {
		if (c->restlen == 0) {
			n = nghttp2_session_mem_send(c->h2, &c->rest);
			if (n < 0)
				errx(1, "send: %s", nghttp2_strerror(n));
			if (n == 0)
				return;
			c->restlen = n;
		}
		n = sizeof(c->out) - c->outlen;
		if ((size_t)n > c->restlen)
			n = c->restlen;
		memcpy(c->out + c->outlen, c->rest, n);
		c->outlen += n;
		c->rest += n;
		c->restlen -= n;
	}
}

static void
flush(struct conn *c)
{
	int n;

	for (gather(c); c->outlen > 0 && !c->ended; gather(c)) {
		if ((n = SSL_write(c->ssl, c->out, c->outlen)) <= 0) {
			if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_WRITE)
				tls_fail("write");
			want(c, EPOLLIN | EPOLLOUT);
			return;
		}
		memmove(c->out, c->out + n, c->outlen - n);
		c->outlen -= n;
	}
	want(c, EPOLLIN);
}

/* Returns 1 if there may be more. */
static int
read_one(struct conn *c)
{
	static uint8_t buf[READ_SIZE];
	int n;

	if ((n = SSL_read(c->ssl, buf, sizeof(buf))) > 0) {
		c->received += n;
		if (c->h2 != NULL &&
		    nghttp2_session_mem_recv(c->h2, buf, n) != n)
			errx(1, "the server breaks HTTP/2");
		return 1;
	}
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		if (c->h2 != NULL)
			errx(1, "the server closed the connection");
		c->ended = 1;
		(void)epoll_ctl(epfd, EPOLL_CTL_DEL, c->fd, NULL);
		return 0;
	default:
		tls_fail("read");
	}
}

static void
serve(struct conn *c)
{
	int i, more = 1;

	for (i = 0; more && i < READS; i++)
		more = read_one(c);
	if (!c->ended)
		flush(c);
	/* What TLS holds already wakes nobody. */
	if (more)
		queue(c);
}

void
h2_turn(void)
{
	struct epoll_event ev[EVENTS];
	struct conn *c, *last;
	int i, n;

	n = epoll_wait(epfd, ev, EVENTS, TAILQ_EMPTY(&work) ? -1 : 0);
	for (i = 0; i < n; i++)
		queue(ev[i].data.ptr);
	last = TAILQ_LAST(&work, connq);
	do {
		if ((c = TAILQ_FIRST(&work)) == NULL)
			return;
		unqueue(c);
		serve(c);
	} while (c != last);
}
