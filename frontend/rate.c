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

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rate.h"
#include "rbtree.h"

/* Addresses remembered without a connection, for their failures. */
#define IDLE_MAX 4096

/* Failed handshakes of one address. */
static const struct bucket_spec fail_spec = { 512, 32 };

struct entry {
	struct addr addr; /* first: what callers see */
	RB_ENTRY(entry) node;
	TAILQ_ENTRY(entry) idle;
	uint8_t key[16];
	unsigned int refs;
	struct bucket failures;
};
RB_HEAD(addr_tree, entry);

static int entry_cmp(const struct entry *, const struct entry *);

RB_PROTOTYPE(addr_tree, entry, node, entry_cmp)

static struct addr_tree entries = RB_INITIALIZER(&entries);
static TAILQ_HEAD(, entry) idle = TAILQ_HEAD_INITIALIZER(idle);
static unsigned int nidle;

int64_t
rate_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What of the used tokens has not come back by now. */
static uint64_t
still_used(const struct bucket *b, const struct bucket_spec *spec, int64_t now)
{
	uint64_t back;

	back = (uint64_t)(now - b->when) * spec->rate;
	return back >= b->used ? 0 : b->used - back;
}

int
bucket_has(const struct bucket *b, const struct bucket_spec *spec, uint32_t n,
    int64_t now)
{
	return still_used(b, spec, now) + n * 1000ULL <= spec->burst * 1000ULL;
}

int
bucket_take(struct bucket *b, const struct bucket_spec *spec, uint32_t n,
    int64_t now)
{
	if (!bucket_has(b, spec, n, now))
		return -1;
	b->used = still_used(b, spec, now) + n * 1000ULL;
	b->when = now;
	return 0;
}

static int
entry_cmp(const struct entry *a, const struct entry *b)
{
	return memcmp(a->key, b->key, sizeof(a->key));
}

RB_GENERATE(addr_tree, entry, node, entry_cmp)

static void
key_of(const struct sockaddr *sa, uint8_t key[16])
{
	const struct sockaddr_in6 *sin6;
	const struct sockaddr_in *sin;

	memset(key, 0, 16);
	if (sa->sa_family == AF_INET) {
		sin = (const struct sockaddr_in *)(const void *)sa;
		memcpy(key + 12, &sin->sin_addr, 4);
		return;
	}
	if (sa->sa_family != AF_INET6)
		return;
	sin6 = (const struct sockaddr_in6 *)(const void *)sa;
	if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
		memcpy(key + 12, sin6->sin6_addr.s6_addr + 12, 4);
	else
		memcpy(key, &sin6->sin6_addr, 8);
}

static void
entry_free(struct entry *e)
{
	TAILQ_REMOVE(&idle, e, idle);
	nidle--;
	RB_REMOVE(addr_tree, &entries, e);
	free(e);
}

static struct entry *
entry_find(const uint8_t key[16])
{
	struct entry *e, probe;

	memcpy(probe.key, key, sizeof(probe.key));
	if ((e = RB_FIND(addr_tree, &entries, &probe)) != NULL) {
		if (e->refs == 0) {
			TAILQ_REMOVE(&idle, e, idle);
			nidle--;
		}
		return e;
	}
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	memcpy(e->key, key, sizeof(e->key));
	RB_INSERT(addr_tree, &entries, e);
	return e;
}

struct addr *
addr_get(const struct sockaddr *sa)
{
	struct entry *e;
	uint8_t key[16];

	key_of(sa, key);
	if ((e = entry_find(key)) == NULL)
		return NULL;
	e->refs++;
	if (!bucket_has(&e->failures, &fail_spec, 1, rate_now())) {
		addr_put(&e->addr);
		return NULL;
	}
	return &e->addr;
}

void
addr_put(struct addr *a)
{
	struct entry *e = (struct entry *)a;

	if (--e->refs > 0)
		return;
	TAILQ_INSERT_TAIL(&idle, e, idle);
	nidle++;
	/* An address without failures is not worth remembering. */
	if (still_used(&e->failures, &fail_spec, rate_now()) == 0)
		entry_free(e);
	else if (nidle > IDLE_MAX)
		entry_free(TAILQ_FIRST(&idle));
}

void
addr_failed(struct addr *a)
{
	struct entry *e = (struct entry *)a;

	(void)bucket_take(&e->failures, &fail_spec, 1, rate_now());
}
