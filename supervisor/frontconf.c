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

#include <string.h>
#include <unistd.h>

#include "front.h"
#include "listen.h"
#include "log.h"

/* A configuration, on its way to a worker. */

static int
send_one(struct worker *w, enum msg_type type, const void *msg, int *fd,
    int flags)
{
	if (chan_send(w->chan, type, 0, msg, fd, fd != NULL, flags) == 0)
		return 0;
	log_warn("frontend %u: send %s", w->number, msg_name(type));
	return -1;
}

/* The TLS files are opened anew for every worker that gets them. */
static int
send_tls(struct worker *w, const struct conf *c)
{
	const struct {
		enum msg_type type;
		const char *path;
	} files[LISTEN_TLS_FILES] = {
		{ MSG_CFG_CERT, c->cert },
		{ MSG_CFG_KEY, c->key },
		{ MSG_CFG_CA, c->ca },
	};
	struct msg_cfg_file msg;
	int fds[LISTEN_TLS_FILES], i, r = 0;

	if (listen_tls_files(c, fds) == -1)
		return -1;
	for (i = 0; i < LISTEN_TLS_FILES; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.path = files[i].path;
		if (send_one(w, files[i].type, &msg, &fds[i], CHAN_CLOSE_FDS) ==
		    -1)
			r = -1;
	}
	return r;
}

static int
send_listeners(struct worker *w, const struct listeners *ls)
{
	const struct listener *l;
	struct msg_cfg_listen msg;
	int fd;

	TAILQ_FOREACH(l, ls, entry) {
		memset(&msg, 0, sizeof(msg));
		msg.address = l->address;
		fd = l->fd;
		if (send_one(w, MSG_CFG_LISTEN, &msg, &fd, 0) == -1)
			return -1;
	}
	return 0;
}

int
front_send_config(struct worker *w, const struct conf *c,
    const struct listeners *ls, uint32_t generation)
{
	struct msg_cfg_begin begin;
	struct msg_cfg_gen end;

	memset(&begin, 0, sizeof(begin));
	begin.generation = w->generation = generation;
	begin.max_connections = c->max_connections;
	begin.max_per_address = c->max_per_address;
	begin.max_half_open = c->max_half_open;
	begin.max_streams = c->max_streams;
	begin.handshake_timeout = c->handshake_timeout;
	memset(&end, 0, sizeof(end));
	end.generation = generation;
	if (send_one(w, MSG_CFG_BEGIN, &begin, NULL, 0) == -1 ||
	    send_listeners(w, ls) == -1 || send_tls(w, c) == -1 ||
	    send_one(w, MSG_CFG_END, &end, NULL, 0) == -1)
		return -1;
	return 0;
}
