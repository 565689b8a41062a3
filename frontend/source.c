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

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "imsg.h"
#include "log.h"
#include "source.h"
#include "up.h"
#include "watch.h"

/* Notices taken in one go; the rest makes the descriptor ready again. */
#define NOTICES 32

/* What is kept of outputs read lately. */
#define CACHE_BLOCK (64 * 1024)
#define CACHE_BLOCKS 16

RB_HEAD(source_tree, source);

static int source_cmp(const struct source *, const struct source *);

RB_PROTOTYPE(source_tree, source, node, source_cmp)

static struct event_base *base;
static struct source_tree sources = RB_INITIALIZER(&sources);
static TAILQ_HEAD(, source) closing = TAILQ_HEAD_INITIALIZER(closing);
static unsigned int nsources;
static unsigned int most;

void
source_init(struct event_base *b, unsigned int n)
{
	base = b;
	most = n;
}

static int
source_cmp(const struct source *a, const struct source *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

RB_GENERATE(source_tree, source, node, source_cmp)

static struct source *
source_find(uint64_t number)
{
	struct source probe;

	probe.number = number;
	return RB_FIND(source_tree, &sources, &probe);
}

static void
give_back(uint64_t number, uint32_t refs)
{
	struct msg_out_close m;

	m.source = number;
	m.refs = refs;
	(void)up_send(MSG_OUT_CLOSE, &m);
}

static void
source_free(struct source *s)
{
	RB_REMOVE(source_tree, &sources, s);
	nsources--;
	event_del(&s->ev);
	close(s->fd);
	close(s->notice);
	free(s);
}

static void
look_at_size(struct source *s)
{
	struct stat st;

	if (fstat(s->fd, &st) == -1)
		log_warn("output: fstat");
	else
		s->size = st.st_size;
}

/*
 * A byte has come, or many. They are taken first and the size is looked at
 * afterwards: what is written after that look is announced anew.
 */
static void
source_notice(evutil_socket_t fd, short what, void *arg)
{
	struct source *s = arg;
	uint64_t before = s->size;
	char buf[16];
	ssize_t n = 1;
	int i;

	(void)what;
	for (i = 0; i < NOTICES && n > 0; i++)
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		/* The writer is gone; the supervisor will tell the end. */
		event_del(&s->ev);
	}
	look_at_size(s);
	if (s->size != before)
		watch_news(s);
}

struct source *
source_open(uint64_t number, struct imsg *im)
{
	struct source *s;

	/* One that was given back before is not the one that is meant now. */
	if ((s = source_find(number)) != NULL && s->given_back) {
		TAILQ_REMOVE(&closing, s, closing);
		source_free(s);
		s = NULL;
	}
	if (s != NULL || im->lost || nsources >= most ||
	    (s = calloc(1, sizeof(*s))) == NULL) {
		give_back(number, 1);
		return NULL;
	}
	s->number = number;
	/*
	 * The index, the second of the three, tells of streams, times and
	 * gaps, none of which this API has: it stays with the message.
	 */
	s->fd = imsg_take_fd(im, 0);
	s->notice = imsg_take_fd(im, 2);
	TAILQ_INIT(&s->watchers);
	RB_INSERT(source_tree, &sources, s);
	nsources++;
	s->users = 1;
	s->refs = 1;
	event_assign(&s->ev, base, s->notice, EV_READ | EV_PERSIST,
	    source_notice, s);
	event_add(&s->ev, NULL);
	look_at_size(s);
	return s;
}

struct source *
source_share(uint64_t number)
{
	struct source *s;

	if ((s = source_find(number)) == NULL) {
		log_warnx("the supervisor shares an output we do not have");
		give_back(number, 1);
		return NULL;
	}
	if (s->given_back) {
		TAILQ_REMOVE(&closing, s, closing);
		s->given_back = 0;
		if (!s->eof)
			event_add(&s->ev, NULL);
	}
	s->users++;
	s->refs++;
	if (!s->eof)
		look_at_size(s);
	return s;
}

/*
 * Without users the source is given back at once. But the supervisor may
 * have answered a watch request with it before it hears of that, so it stays
 * here until all requests sent so far are answered.
 */
void
source_unuse(struct source *s)
{
	if (--s->users > 0)
		return;
	give_back(s->number, s->refs);
	s->refs = 0;
	s->given_back = 1;
	s->mark = up_watch_mark();
	event_del(&s->ev);
	TAILQ_INSERT_TAIL(&closing, s, closing);
	source_reap();
}

void
source_reap(void)
{
	struct source *s;

	while (
	    (s = TAILQ_FIRST(&closing)) != NULL && up_watch_answered(s->mark)) {
		TAILQ_REMOVE(&closing, s, closing);
		source_free(s);
	}
}

struct source *
source_end(const struct msg_out_eof *m)
{
	struct source *s;

	if ((s = source_find(m->source)) == NULL)
		return NULL;
	s->eof = 1;
	s->end = *m;
	event_del(&s->ev); /* nothing more will be announced */
	return s;
}

/*
 * Blocks read lately, direct-mapped: watchers of one output tend to be at the
 * same place, and what one has read the next need not fetch from the kernel.
 * Output is only ever appended to, so what was read stays true.
 */
static struct cached {
	uint64_t number; /* of the source; 0: nothing */
	uint64_t offset;
	size_t len;
	uint8_t data[CACHE_BLOCK];
} cache[CACHE_BLOCKS];

static int
cache_fill(struct cached *b, const struct source *s, uint64_t offset)
{
	ssize_t n;

	b->number = 0;
	b->len = 0;
	while (b->len < CACHE_BLOCK) {
		n = pread(s->fd, b->data + b->len, CACHE_BLOCK - b->len,
		    offset + b->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		b->len += n;
	}
	b->number = s->number;
	b->offset = offset;
	return 0;
}

int
source_read(struct source *s, uint8_t *dst, size_t len, uint64_t offset)
{
	struct cached *b;
	uint64_t start;
	size_t at, n;

	while (len > 0) {
		at = offset % CACHE_BLOCK;
		start = offset - at;
		n = CACHE_BLOCK - at;
		if (n > len)
			n = len;
		b = &cache[(start / CACHE_BLOCK + s->number * 7) %
		    CACHE_BLOCKS];
		if ((b->number != s->number || b->offset != start ||
			b->len < at + n) &&
		    cache_fill(b, s, start) == -1) {
			log_warn("output: read");
			return -1;
		}
		if (b->len < at + n) {
			log_warnx("output: shorter than it was");
			return -1;
		}
		memcpy(dst, b->data + at, n);
		dst += n;
		len -= n;
		offset += n;
	}
	return 0;
}
