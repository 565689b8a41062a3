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

#ifndef TH_FRONT_SOURCE_H
#define TH_FRONT_SOURCE_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include <event2/event_struct.h>

#include "msg.h"
#include "rbtree.h"

struct event_base;
struct imsg;
struct watcher;
TAILQ_HEAD(watchers, watcher);

/*
 * The output of a job, as the supervisor has opened it for this process.
 * Each OUT_OPEN and OUT_SHARE is a reference that it counts; they are given
 * back all at once, when the last watcher has gone.
 */
struct source {
	RB_ENTRY(source) node;
	TAILQ_ENTRY(source) closing; /* given back, see source_unuse() */
	uint64_t number;
	int fd;
	int notice;
	struct event ev; /* of notice */
	uint64_t size; /* of the file, when last looked at */
	int eof;
	struct msg_out_eof end; /* with eof */
	struct watchers watchers;
	unsigned int users;
	uint32_t refs; /* the supervisor counts for us */
	int given_back;
	uint64_t mark; /* see up_watch_answered() */
};

/* At most so many at a time; each has two descriptors. */
void source_init(struct event_base *, unsigned int);

/*
 * The source of an OUT_OPEN or OUT_SHARE, with one more user. NULL if there
 * is none to be had; the reference is then given back.
 */
struct source *source_open(uint64_t, struct imsg *);
struct source *source_share(uint64_t);
void source_unuse(struct source *);

/* Note the end of the output. NULL if that source is not known any more. */
struct source *source_end(const struct msg_out_eof *);

/* Read exactly so many bytes at an offset, or log why not. 0 or -1. */
int source_read(struct source *, uint8_t *, size_t, uint64_t);

/* Close those that the supervisor cannot name any more. */
void source_reap(void);

/* Of watch.c: something has changed. */
void watch_news(struct source *);

#endif
