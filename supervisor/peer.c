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
#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "front.h"
#include "log.h"

static struct peer_tree peers = RB_INITIALIZER(&peers);

static int
peer_cmp(const struct peer *a, const struct peer *b)
{
	return a->conn < b->conn ? -1 : a->conn > b->conn;
}

RB_GENERATE_STATIC(peer_tree, peer, entry, peer_cmp)

static struct peer *
find(uint64_t conn)
{
	struct peer key;

	key.conn = conn;
	return RB_FIND(peer_tree, &peers, &key);
}

static unsigned int
count_identity(const char *identity, unsigned int stop_at)
{
	struct peer *p;
	unsigned int n = 0;

	RB_FOREACH(p, peer_tree, &peers)
		if (strcmp(p->identity, identity) == 0 && ++n >= stop_at)
			break;
	return n;
}

static struct peer *
peer_add(struct worker *w, uint64_t conn, const char *identity)
{
	struct peer *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->conn = conn;
	p->worker = w;
	strlcpy(p->identity, identity, sizeof(p->identity));
	name_encode_user(identity, p->owner, sizeof(p->owner));
	RB_INSERT(peer_tree, &peers, p);
	w->npeers++;
	return p;
}

static void
set_fingerprint(struct peer *p, const struct wire_bytes *fp)
{
	uint32_t i;

	for (i = 0; i < fp->len && i < 32; i++)
		snprintf(p->fingerprint + 2 * i, 3, "%02x", fp->p[i]);
}

/* Local names are ours to give: "uid:" never comes from a certificate. */
static const char *
peer_up_wrong(const struct msg_peer_up *up)
{
	if (up->conn == 0 || find(up->conn) != NULL)
		return "connection id 0 or in use";
	if (!name_identity_ok(up->identity) ||
	    strncmp(up->identity, "uid:", 4) == 0)
		return "impossible identity";
	if (up->fingerprint.len != 32)
		return "no fingerprint";
	return NULL;
}

/* Why an honest frontend's client may not be served, or NULL. */
static const char *
peer_up_refused(const struct worker *w, const struct msg_peer_up *up)
{
	unsigned int limit = front_conf()->max_per_identity;

	if (up->not_after <= time(NULL))
		return "its certificate has expired";
	if (w->npeers >= front_conf()->max_connections)
		return "too many connections of this frontend";
	if (count_identity(up->identity, limit) >= limit)
		return "too many connections of this identity";
	return NULL;
}

int
peer_up(struct worker *w, uint32_t id, const void *msg, struct imsg *m)
{
	const struct msg_peer_up *up = msg;
	struct msg_peer reply;
	struct peer *p;
	const char *why, *wrong;

	(void)m;
	if ((wrong = peer_up_wrong(up)) != NULL) {
		log_warnx("frontend %u: protocol violation: PEER_UP: %s",
		    w->number, wrong);
		return -1;
	}
	memset(&reply, 0, sizeof(reply));
	reply.conn = up->conn;
	if ((why = peer_up_refused(w, up)) != NULL) {
		log_notice("connection of %s refused: %s",
		    log_vis(up->identity), why);
		front_send(w, MSG_PEER_DOWN, id, &reply);
		return 0;
	}
	if ((p = peer_add(w, up->conn, up->identity)) == NULL)
		return 0; /* without an answer it can ask for nothing */
	set_fingerprint(p, &up->fingerprint);
	p->not_after = up->not_after;
	log_info("connection %016llx: %s, certificate %s",
	    (unsigned long long)p->conn, log_vis(p->identity), p->fingerprint);
	front_send(w, MSG_PEER_ACK, id, &reply);
	return 0;
}

static void
peer_free(struct peer *p)
{
	RB_REMOVE(peer_tree, &peers, p);
	p->worker->npeers--;
	free(p);
}

int
peer_down(struct worker *w, uint32_t id, const void *msg, struct imsg *m)
{
	const struct msg_peer *down = msg;
	struct peer *p;

	(void)id;
	(void)m;
	/* One that was never acknowledged may be given up too. */
	if ((p = find(down->conn)) == NULL)
		return 0;
	if (p->worker != w) {
		log_warnx("frontend %u: protocol violation: PEER_DOWN of "
			  "another's connection",
		    w->number);
		return -1;
	}
	request_drop_conn(w, p->conn);
	peer_free(p);
	return 0;
}

uint64_t
peer_local(struct worker *w, const char *identity)
{
	uint64_t conn;

	do {
		if (getrandom(&conn, sizeof(conn), 0) != (ssize_t)sizeof(conn))
			return 0;
	} while (conn == 0 || find(conn) != NULL);
	return peer_add(w, conn, identity) == NULL ? 0 : conn;
}

struct peer *
peer_find(struct worker *w, uint64_t conn)
{
	struct peer *p = find(conn);

	return p != NULL && p->worker == w ? p : NULL;
}

void
peer_drop_worker(struct worker *w)
{
	struct peer *p, *next;

	RB_FOREACH_SAFE(p, peer_tree, &peers, next)
		if (p->worker == w)
			peer_free(p);
}
