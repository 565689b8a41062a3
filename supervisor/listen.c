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
#include <sys/stat.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"
#include "log.h"

#define BACKLOG 1024

static int
bind_socket(const struct addrinfo *ai, const char *address)
{
	int fd, on = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1) {
		log_warn("listen on %s: socket", address);
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		log_warn("listen on %s", address);
		if (errno == EADDRINUSE)
			log_warnx("another program has that port: stop it, or "
				  "change \"listen on\" in thd.conf");
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_one(const char *host, const char *port, const char *address)
{
	struct addrinfo hints, *ai;
	int error, fd;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	hints.ai_socktype = SOCK_STREAM;
	if ((error = getaddrinfo(host, port, &hints, &ai)) != 0) {
		log_warnx("listen on %s: %s", address, gai_strerror(error));
		return -1;
	}
	fd = bind_socket(ai, address);
	freeaddrinfo(ai);
	return fd;
}

/* A socket of the old set with that address, for the new set. */
static int
share(const struct listeners *old, const char *address)
{
	const struct listener *l;

	if (old == NULL)
		return -1;
	TAILQ_FOREACH(l, old, entry)
		if (strcmp(l->address, address) == 0)
			return fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	return -1;
}

static int
add(const struct conf_listen *cl, const struct listeners *old,
    struct listeners *ls)
{
	struct listener *l;
	char address[128];

	snprintf(address, sizeof(address),
	    strchr(cl->host, ':') != NULL ? "[%s]:%s" : "%s:%s", cl->host,
	    cl->port);
	if ((l = calloc(1, sizeof(*l))) == NULL ||
	    (l->address = strdup(address)) == NULL) {
		log_warn("listen on %s", address);
		free(l);
		return -1;
	}
	if ((l->fd = share(old, address)) == -1)
		l->fd = open_one(cl->host, cl->port, address);
	if (l->fd == -1) {
		free(l->address);
		free(l);
		return -1;
	}
	TAILQ_INSERT_TAIL(ls, l, entry);
	return 0;
}

int
listen_open(const struct conf *conf, const struct listeners *old,
    struct listeners *ls)
{
	const struct conf_listen *cl;

	TAILQ_FOREACH(cl, &conf->listens, entry) {
		if (add(cl, old, ls) == -1) {
			listen_close(ls);
			return -1;
		}
	}
	return 0;
}

void
listen_close(struct listeners *ls)
{
	struct listener *l;

	while ((l = TAILQ_FIRST(ls)) != NULL) {
		TAILQ_REMOVE(ls, l, entry);
		close(l->fd);
		free(l->address);
		free(l);
	}
}

static int
open_file(const char *what, const char *path, int secret)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1 || fstat(fd, &st) == -1) {
		log_warn("%s %s", what, path);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		log_warnx("%s %s: not a regular file", what, path);
		errno = EINVAL;
		goto fail;
	}
	if (secret && (st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
		log_warnx("%s %s: must belong to root and be closed to "
			  "others (chown root, chmod 600)",
		    what, path);
		errno = EPERM;
		goto fail;
	}
	return fd;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

static void
close_files(int *fds)
{
	int i;

	for (i = 0; i < LISTEN_TLS_FILES; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

/* All that is wrong is said at once. */
int
listen_tls_files(const struct conf *conf, int *fds)
{
	const char *const paths[] = { conf->cert, conf->key, conf->ca };
	static const char *const what[] = { "certificate", "key", "ca" };
	int i, bad = 0, missing = 0;

	for (i = 0; i < LISTEN_TLS_FILES; i++) {
		if ((fds[i] = open_file(what[i], paths[i], i == 1)) != -1)
			continue;
		bad = 1;
		missing |= errno == ENOENT;
	}
	if (missing)
		log_warnx(
		    "make what is missing with \"thctl pki\" (see \"thctl "
		    "help pki\"), or name other files in thd.conf");
	if (bad)
		close_files(fds);
	return bad ? -1 : 0;
}

int
listen_tls_check(const struct conf *conf)
{
	int fds[LISTEN_TLS_FILES];

	if (listen_tls_files(conf, fds) == -1)
		return -1;
	close_files(fds);
	return 0;
}
