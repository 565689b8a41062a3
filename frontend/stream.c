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
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "stream.h"

static ssize_t
plain_result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? STREAM_AGAIN : STREAM_ERROR;
}

static ssize_t
tls_result(struct stream *s, int n)
{
	switch (SSL_get_error(s->ssl, n)) {
	case SSL_ERROR_NONE:
		return n;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return STREAM_ERROR;
	}
}

ssize_t
stream_read(struct stream *s, void *buf, size_t len)
{
	if (s->ssl == NULL)
		return plain_result(recv(s->fd, buf, len, MSG_DONTWAIT));
	ERR_clear_error();
	return tls_result(s,
	    SSL_read(s->ssl, buf, len > INT_MAX ? INT_MAX : len));
}

ssize_t
stream_write(struct stream *s, const void *buf, size_t len)
{
	if (s->ssl == NULL)
		return plain_result(
		    send(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
	ERR_clear_error();
	return tls_result(s,
	    SSL_write(s->ssl, buf, len > INT_MAX ? INT_MAX : len));
}

void
stream_cork(struct stream *s, int on)
{
	if (s->ssl == NULL || s->corked == on)
		return;
	s->corked = on;
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

int
stream_accept(struct stream *s, int *wants_write)
{
	int r;

	ERR_clear_error();
	if ((r = SSL_accept(s->ssl)) == 1)
		return 0;
	r = SSL_get_error(s->ssl, r);
	*wants_write = r == SSL_ERROR_WANT_WRITE;
	return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE ?
	    STREAM_AGAIN :
	    STREAM_ERROR;
}

void
stream_shutdown(struct stream *s)
{
	if (s->ssl != NULL && SSL_is_init_finished(s->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(s->ssl);
	}
	(void)shutdown(s->fd, SHUT_WR);
}

void
stream_close(struct stream *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}
