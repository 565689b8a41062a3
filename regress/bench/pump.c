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

/*
 * The pump: pump CERTS CIPHER MIB. Sends so many MiB, in blocks of 64 KiB from
 * memory, to every TLS 1.3 connection that has sent a byte, then ends it: what
 * a server can do that has nothing else to do. Prints its port. One thread.
 */

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define BLOCK (64 * 1024)
#define EVENTS 128

struct peer {
	int fd;
	SSL *ssl;
	uint64_t left;
	int going;
};

static uint8_t block[BLOCK];
static int epfd;
static uint64_t bytes;

static void __attribute__((noreturn)) tls_fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

static SSL_CTX *
context(const char *dir, const char *cipher)
{
	char cert[4096], key[4096];
	SSL_CTX *ctx;

	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server-key.pem", dir);
	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, cipher) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1)
		tls_fail("certificates");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

static int
listen_any(void)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("port=%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

static void
watch(int op, int fd, int events, void *arg)
{
	struct epoll_event ev;

	memset(&ev, 0, sizeof(ev));
	ev.events = events;
	ev.data.ptr = arg;
	if (epoll_ctl(epfd, op, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
add(SSL_CTX *ctx, int listener)
{
	struct peer *p;
	int on = 1;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		err(1, NULL);
	if ((p->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) == -1)
		err(1, "accept4");
	(void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->left = bytes;
	if ((p->ssl = SSL_new(ctx)) == NULL || SSL_set_fd(p->ssl, p->fd) != 1 ||
	    SSL_accept(p->ssl) != 1)
		tls_fail("TLS handshake");
	if (fcntl(p->fd, F_SETFL, O_NONBLOCK) == -1)
		err(1, "fcntl");
	watch(EPOLL_CTL_ADD, p->fd, EPOLLIN, p);
}

static void
drop(struct peer *p)
{
	(void)SSL_shutdown(p->ssl);
	SSL_free(p->ssl);
	close(p->fd);
	free(p);
}

/* One block, and then it is another's turn. */
static void
pump(struct peer *p)
{
	size_t n = p->left < BLOCK ? p->left : BLOCK;
	char c;
	int r;

	if (!p->going) {
		if (SSL_read(p->ssl, &c, 1) != 1)
			tls_fail("read");
		p->going = 1;
		watch(EPOLL_CTL_MOD, p->fd, EPOLLOUT, p);
		return;
	}
	if ((r = SSL_write(p->ssl, block, n)) <= 0) {
		if (SSL_get_error(p->ssl, r) != SSL_ERROR_WANT_WRITE)
			tls_fail("write");
		return;
	}
	if ((p->left -= r) == 0)
		drop(p);
}

int
main(int argc, char *argv[])
{
	struct epoll_event ev[EVENTS];
	SSL_CTX *ctx;
	int i, n, listener;

	if (argc != 4)
		errx(2, "usage: pump certs cipher mib");
	ctx = context(argv[1], argv[2]);
	bytes = strtoull(argv[3], NULL, 10) << 20;
	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	listener = listen_any();
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	for (;;) {
		n = epoll_wait(epfd, ev, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == NULL)
				add(ctx, listener);
			else
				pump(ev[i].data.ptr);
		}
	}
}
