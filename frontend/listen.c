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
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "conn.h"
#include "listen.h"
#include "log.h"

/* Connections taken per turn of the loop; other workers want some too. */
#define ACCEPTS 16

/* Rest when descriptors or memory are short, in milliseconds. */
#define REST_FIRST 50
#define REST_MAX 1000

struct listener {
	TAILQ_ENTRY(listener) entry;
	int fd;
	struct event *ev;
};

struct listeners {
	TAILQ_HEAD(, listener) list;
	struct event_base *base;
	SSL_CTX *ctx;
	struct event *rest;
	int rest_ms;
};

static struct listeners *current;

static void listener_ready(evutil_socket_t, short, void *);
static void rest_over(evutil_socket_t, short, void *);

struct listeners *
listeners_new(struct event_base *base)
{
	struct listeners *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	TAILQ_INIT(&l->list);
	l->base = base;
	if ((l->rest = evtimer_new(base, rest_over, l)) == NULL) {
		free(l);
		errno = ENOMEM;
		return NULL;
	}
	return l;
}

int
listeners_add(struct listeners *ls, int fd)
{
	struct listener *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return -1;
	l->ev = event_new(ls->base, fd, EV_READ | EV_PERSIST, listener_ready,
	    ls);
	if (l->ev == NULL) {
		free(l);
		errno = ENOMEM;
		return -1;
	}
	l->fd = fd;
	TAILQ_INSERT_TAIL(&ls->list, l, entry);
	return 0;
}

int
listeners_empty(const struct listeners *ls)
{
	return ls == NULL || TAILQ_EMPTY(&ls->list);
}

void
listeners_free(struct listeners *ls)
{
	struct listener *l;

	if (ls == NULL)
		return;
	while ((l = TAILQ_FIRST(&ls->list)) != NULL) {
		TAILQ_REMOVE(&ls->list, l, entry);
		event_free(l->ev);
		close(l->fd);
		free(l);
	}
	event_free(ls->rest);
	SSL_CTX_free(ls->ctx);
	free(ls);
}

static void
listen_on(struct listeners *ls)
{
	struct listener *l;

	TAILQ_FOREACH(l, &ls->list, entry)
		event_add(l->ev, NULL);
}

void
listeners_use(struct listeners *ls, SSL_CTX *ctx)
{
	listeners_free(current);
	current = ls;
	ls->ctx = ctx;
	listen_on(ls);
}

static void
rest_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_on(arg);
}

/* Nothing to accept with: look again in a while, not at once for ever. */
static void
take_rest(struct listeners *ls)
{
	struct listener *l;
	struct timeval tv;

	log_warn("accept");
	TAILQ_FOREACH(l, &ls->list, entry)
		event_del(l->ev);
	ls->rest_ms = ls->rest_ms == 0 ? REST_FIRST : ls->rest_ms * 2;
	if (ls->rest_ms > REST_MAX)
		ls->rest_ms = REST_MAX;
	tv.tv_sec = ls->rest_ms / 1000;
	tv.tv_usec = ls->rest_ms % 1000 * 1000;
	event_add(ls->rest, &tv);
}

static int
is_shortage(int e)
{
	return e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM;
}

static void
listener_ready(evutil_socket_t lfd, short what, void *arg)
{
	struct listeners *ls = arg;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, i;

	(void)what;
	for (i = 0; i < ACCEPTS; i++) {
		len = sizeof(ss);
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			/* EAGAIN: another worker was quicker. */
			if (is_shortage(errno))
				take_rest(ls);
			return;
		}
		ls->rest_ms = 0;
		conn_remote(fd, (struct sockaddr *)&ss, ls->ctx);
	}
}
