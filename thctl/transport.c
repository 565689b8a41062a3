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
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "tls.h"

struct transport {
	int fd;
	struct tls *tls; /* NULL: plain, on a unix socket */
	char host[256];
	char error[512];
};

static int
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Wait until it is ready, at most so long; else errno is ETIMEDOUT. */
int
transport_wait(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = { fd, events, 0 };
	int64_t left;

	do {
		if ((left = deadline - now_ms()) <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		pfd.revents = 0;
	} while (poll(&pfd, 1, left) == 0 || pfd.revents == 0);
	return 0;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un sun;
	int fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		warnx("%s: the path of the socket is too long", safe(path));
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		warn("cannot connect to %s", safe(path));
		warnx(errno == EACCES ?
			"the socket is closed to you: ask the administrator" :
			"is thd running? Name another with --server");
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

/* HOST:PORT, [V6]:PORT, or HOST alone with the default port. */
static int
split_server(const char *server, char *host, size_t size, const char **port)
{
	const char *end, *colon;
	size_t len;

	*port = "6443";
	if (server[0] == '[') {
		if ((end = strchr(server, ']')) == NULL)
			return -1;
		server++;
		len = end - server;
		colon = end[1] == ':' ? end + 1 : NULL;
		if (end[1] != '\0' && colon == NULL)
			return -1;
	} else {
		colon = strrchr(server, ':');
		len = colon != NULL ? (size_t)(colon - server) : strlen(server);
		if (memchr(server, ':', len) != NULL)
			return -1;
	}
	if (colon != NULL)
		*port = colon + 1;
	if (len == 0 || len >= size || **port == '\0')
		return -1;
	memcpy(host, server, len);
	host[len] = '\0';
	return 0;
}

static int
finish_connect(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (transport_wait(fd, POLLOUT, now_ms() + SILENCE_MS) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
connect_one(const struct addrinfo *ai)
{
	int fd, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 ||
	    (errno == EINPROGRESS && finish_connect(fd) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
connect_tcp(const char *server, char *host, size_t size)
{
	struct addrinfo hints, *list, *ai;
	const char *port;
	int error, fd = -1, on = 1;

	if (split_server(server, host, size, &port) == -1) {
		warnx("--server %s: expected HOST:PORT, [IPV6]:PORT or "
		      "unix:PATH",
		    safe(server));
		return -1;
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if ((error = getaddrinfo(host, port, &hints, &list)) != 0) {
		warnx("%s: %s", safe(server), gai_strerror(error));
		return -1;
	}
	for (ai = list; ai != NULL && fd == -1; ai = ai->ai_next)
		fd = connect_one(ai);
	freeaddrinfo(list);
	if (fd == -1) {
		warn("cannot connect to %s", safe(server));
		warnx("is thd running there? Name another with --server");
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int
open_tls(struct transport *t, const struct settings *set)
{
	char why[512];

	if ((t->tls = tls_open(t->fd, t->host, set, why, sizeof(why))) != NULL)
		return 0;
	warnx("%s: %s", safe(set->server), why);
	return -1;
}

struct transport *
transport_open(const struct settings *set)
{
	static const char unix_prefix[] = "unix:";
	struct transport *t;
	int local;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		err(EXIT_DAEMON, NULL);
	local = strncmp(set->server, unix_prefix, sizeof(unix_prefix) - 1) == 0;
	if (local) {
		strlcpy(t->host, "localhost", sizeof(t->host));
		t->fd = connect_unix(set->server + sizeof(unix_prefix) - 1);
	} else {
		t->fd = connect_tcp(set->server, t->host, sizeof(t->host));
	}
	if (t->fd == -1 || (local && set_nonblocking(t->fd) == -1) ||
	    (!local && open_tls(t, set) == -1)) {
		transport_close(t);
		return NULL;
	}
	return t;
}

void
transport_close(struct transport *t)
{
	if (t->tls != NULL)
		tls_close(t->tls);
	if (t->fd != -1)
		close(t->fd);
	free(t);
}

int
transport_fd(const struct transport *t)
{
	return t->fd;
}

const char *
transport_host(const struct transport *t)
{
	return t->host;
}

const char *
transport_error(const struct transport *t)
{
	return t->error;
}

int
transport_pending(const struct transport *t)
{
	return t->tls != NULL && tls_pending(t->tls);
}

static void
note_error(struct transport *t)
{
	strlcpy(t->error, strerror(errno), sizeof(t->error));
}

ssize_t
transport_read(struct transport *t, void *buf, size_t len, short *events)
{
	ssize_t n;

	if (t->tls != NULL)
		return tls_read(t->tls, buf, len, events, t->error,
		    sizeof(t->error));
	n = read(t->fd, buf, len);
	*events = POLLIN;
	if (n == -1)
		note_error(t);
	return n;
}

ssize_t
transport_write(struct transport *t, const void *buf, size_t len, short *events)
{
	ssize_t n;

	if (t->tls != NULL)
		return tls_write(t->tls, buf, len, events, t->error,
		    sizeof(t->error));
	n = send(t->fd, buf, len, MSG_NOSIGNAL);
	*events = POLLOUT;
	if (n == -1)
		note_error(t);
	return n;
}
