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
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "config.h"
#include "conn.h"
#include "imsg.h"
#include "listen.h"
#include "log.h"
#include "msg.h"
#include "tls.h"
#include "up.h"

#define PEM_MAX (256 * 1024)
/* Descriptors for other things than connections. */
#define FD_RESERVE 64

enum {
	PEM_CERT,
	PEM_KEY,
	PEM_CA,
	PEM_COUNT
};

static const char *const pem_name[PEM_COUNT] = {
	"certificate",
	"key",
	"ca",
};

/* The one that is being made up. */
static struct {
	int begun;
	int acked; /* and may be committed */
	uint32_t generation;
	struct conn_limits limits;
	struct tls_pem pem[PEM_COUNT];
	struct listeners *listeners;
	SSL_CTX *ctx;
	char error[MSG_TEXT_MAX]; /* the first */
} next;

static struct event_base *base;
static size_t fd_limit;

void
config_init(struct event_base *b, size_t fds)
{
	base = b;
	fd_limit = fds;
}

static void
pem_free(struct tls_pem *pem)
{
	free(pem->path);
	if (pem->data != NULL)
		freezero(pem->data, pem->len);
	memset(pem, 0, sizeof(*pem));
}

static void
forget(void)
{
	int i;

	for (i = 0; i < PEM_COUNT; i++)
		pem_free(&next.pem[i]);
	listeners_free(next.listeners);
	SSL_CTX_free(next.ctx);
	memset(&next, 0, sizeof(next));
}

static void
complain(const char *what, const char *object, const char *why)
{
	if (next.error[0] == '\0')
		snprintf(next.error, sizeof(next.error), "%s: %s: %s", what,
		    object, why);
}

int
config_begin(struct imsg *im, const void *msg)
{
	const struct msg_cfg_begin *m = msg;
	unsigned int most;

	(void)im;
	forget();
	next.begun = 1;
	next.generation = m->generation;
	next.limits.conns = m->max_connections;
	next.limits.per_address = m->max_per_address;
	next.limits.half_open = m->max_half_open;
	next.limits.streams = m->max_streams;
	next.limits.handshake_timeout = m->handshake_timeout;
	/* The other half of them is for outputs being watched. */
	most = fd_limit > 4 * FD_RESERVE ? fd_limit / 2 - FD_RESERVE :
					   fd_limit / 4;
	if (next.limits.conns > most) {
		log_warnx("%u connections at most: "
			  "the limit of open files is %zu",
		    most, fd_limit);
		next.limits.conns = most;
	}
	if ((next.listeners = listeners_new(base)) == NULL)
		complain("configuration", "listen", strerror(errno));
	return 0;
}

int
config_listen(struct imsg *im, const void *msg)
{
	const struct msg_cfg_listen *m = msg;
	int fd, flags;

	if (!next.begun || next.acked)
		return -1;
	fd = imsg_take_fd(im, 0);
	/* All workers share it: a blocking accept() would hang. */
	if ((flags = fcntl(fd, F_GETFL)) == -1 || (flags & O_NONBLOCK) == 0) {
		complain("listen", m->address, "the socket would block");
		close(fd);
	} else if (next.listeners == NULL ||
	    listeners_add(next.listeners, fd) == -1) {
		complain("listen", m->address, strerror(errno));
		close(fd);
	}
	return 0;
}

/* Read a file of no more than PEM_MAX bytes. Returns NULL, or why not. */
static const char *
read_pem(int fd, struct tls_pem *pem)
{
	ssize_t n;

	if ((pem->data = malloc(PEM_MAX)) == NULL)
		return "no memory";
	pem->len = 0;
	while (pem->len < PEM_MAX) {
		n = pread(fd, pem->data + pem->len, PEM_MAX - pem->len,
		    pem->len);
		if (n == -1)
			return strerror(errno);
		if (n == 0)
			return NULL;
		pem->len += n;
	}
	return "file too large";
}

int
config_file(struct imsg *im, const void *msg)
{
	const struct msg_cfg_file *m = msg;
	struct tls_pem *pem;
	const char *why;
	int fd, i;

	if (!next.begun || next.acked)
		return -1;
	i = im->hdr.type == MSG_CFG_CERT ? PEM_CERT :
	    im->hdr.type == MSG_CFG_KEY	 ? PEM_KEY :
					   PEM_CA;
	pem = &next.pem[i];
	if (pem->path != NULL)
		return -1;
	fd = imsg_take_fd(im, 0);
	if ((pem->path = strdup(m->path)) == NULL)
		complain(pem_name[i], m->path, strerror(errno));
	else if ((why = read_pem(fd, pem)) != NULL)
		complain(pem_name[i], m->path, why);
	close(fd);
	return 0;
}

/* Without listening sockets there is no TLS, and no need of its files. */
static void
make_context(void)
{
	const char *why;
	int i;

	if (listeners_empty(next.listeners))
		return;
	for (i = 0; i < PEM_COUNT; i++)
		if (next.pem[i].path == NULL)
			complain("configuration", pem_name[i], "missing");
	if (next.error[0] != '\0')
		return;
	next.ctx = tls_context(&next.pem[PEM_CERT], &next.pem[PEM_KEY],
	    &next.pem[PEM_CA], &why);
	if (next.ctx == NULL)
		strlcpy(next.error, why, sizeof(next.error));
}

int
config_end(struct imsg *im, const void *msg)
{
	const struct msg_cfg_gen *m = msg;
	struct msg_cfg_ack ack;
	int i;

	(void)im;
	if (!next.begun || next.acked || m->generation != next.generation)
		return -1;
	if (next.error[0] == '\0')
		make_context();
	for (i = 0; i < PEM_COUNT; i++)
		pem_free(&next.pem[i]);
	ack.generation = next.generation;
	ack.ok = next.error[0] == '\0';
	ack.text = next.error;
	next.acked = ack.ok;
	if (up_send(MSG_CFG_ACK, &ack) == -1)
		log_warn("CFG_ACK");
	if (!ack.ok)
		forget();
	return 0;
}

int
config_commit(struct imsg *im, const void *msg)
{
	const struct msg_cfg_gen *m = msg;

	(void)im;
	if (!next.acked || m->generation != next.generation)
		return -1;
	conn_set_limits(&next.limits);
	listeners_use(next.listeners, next.ctx);
	next.listeners = NULL;
	next.ctx = NULL;
	forget();
	return 0;
}

int
config_abort(struct imsg *im, const void *msg)
{
	(void)im;
	(void)msg;
	forget();
	return 0;
}
