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
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "conn.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"
#include "reply.h"
#include "source.h"
#include "up.h"
#include "watch.h"

/*
 * A message is made to fill the block that is about to be encrypted, or,
 * where that is nearly full, the next one.
 */
#define MESSAGE_MAX 65500
#define MESSAGE_MIN 8192

/* How DATA is cut, when the peer wants frames of the default size. */
#define FRAME_SIZE 16384
#define FRAME_HEADER 9

struct watcher {
	TAILQ_ENTRY(watcher) entry; /* of the source */
	struct call *call;
	struct source *source; /* NULL until the supervisor answers */
	uint64_t offset; /* of the next byte to be sent */
	uint64_t limit; /* where to stop, when not following */
	char *name; /* of the job, when not following */
	int stalled; /* waits for news */
	uint8_t head[REPLY_HEAD_MAX];
	size_t headlen;
	size_t headoff;
	size_t left; /* of the message's output */
};

struct watcher *
watch_new(struct call *c, const char *name, uint64_t offset, int no_follow)
{
	struct watcher *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	if (no_follow && (w->name = strdup(name)) == NULL) {
		free(w);
		return NULL;
	}
	w->call = c;
	w->offset = offset;
	w->limit = UINT64_MAX;
	return w;
}

void
watch_free(struct watcher *w)
{
	if (w == NULL)
		return;
	if (w->source != NULL) {
		TAILQ_REMOVE(&w->source->watchers, w, entry);
		source_unuse(w->source);
	}
	free(w->name);
	free(w);
}

/* There is news of the source: those who wait for it may go on. */
void
watch_news(struct source *s)
{
	struct watcher *w;

	TAILQ_FOREACH(w, &s->watchers, entry) {
		if (!w->stalled)
			continue;
		w->stalled = 0;
		call_resume(w->call);
	}
}

void
watch_answered(void)
{
	source_reap();
}

void
watch_init(struct event_base *base, unsigned int sources)
{
	source_init(base, sources);
}

void
watch_source(struct watcher *w, struct imsg *im, const void *msg)
{
	const struct msg_out_source *m = msg;
	struct source *s;

	s = im->hdr.type == MSG_OUT_OPEN ? source_open(m->source, im) :
					   source_share(m->source);
	if (s == NULL) {
		if (w != NULL)
			call_fail(w->call, RES_RESOURCE_EXHAUSTED, "NO_MEMORY",
			    "too many outputs are open");
		return;
	}
	if (w == NULL || w->call->state == CALL_REPLY) {
		source_unuse(s);
		return;
	}
	w->source = s;
	TAILQ_INSERT_TAIL(&s->watchers, w, entry);
	if (w->name != NULL)
		w->limit = s->size;
	/* At once, so that the client knows that it may watch. */
	call_begin(w->call);
}

void
watch_eof(const struct msg_out_eof *m)
{
	struct source *s;

	if ((s = source_end(m)) != NULL)
		watch_news(s);
}

/* The last message, after which only the trailers follow. */
static void
finish(struct watcher *w, const struct msg_out_eof *eof)
{
	struct call *c = w->call;
	struct watch_end end;

	end.offset = w->offset;
	end.total = eof->total;
	end.state = eof->state;
	end.reason = eof->reason;
	end.exit_code = eof->exit_code;
	c->out = reply_end(&end, &c->outlen);
	if (c->out == NULL) {
		c->outlen = 0;
		c->final.code = RES_RESOURCE_EXHAUSTED;
		c->final.text = "the server is short of memory";
	}
	c->watcher = NULL;
	watch_free(w);
}

static void
out_of_range(struct watcher *w)
{
	struct call *c = w->call;

	c->final.code = RES_OUT_OF_RANGE;
	c->final.reason = "OFFSET_OUT_OF_RANGE";
	c->final.text = "the offset is beyond the end of the output";
	c->final.field = "start_offset";
	c->watcher = NULL;
	watch_free(w);
}

/* Not following, all sent, and no word of the end: is there one? */
static void
ask_state(struct watcher *w)
{
	struct msg_job_ref m;

	if (w->call->request != 0)
		return;
	m.conn = conn_id(w->call->conn);
	m.name = w->name;
	w->call->request = up_request(w->call, MSG_JOB_STATUS, &m);
	if (w->call->request == 0)
		call_fail(w->call, RES_UNAVAILABLE, "BUSY",
		    "the server cannot take the request now");
}

void
watch_info(struct watcher *w, const struct msg_job_info *m)
{
	struct msg_out_eof eof;

	if (w->source == NULL || w->source->eof)
		return; /* overtaken by the end */
	if (m->state != JOB_STATE_RUNNING) {
		/* It has ended: OUT_EOF will say how, and with how much. */
		w->limit = UINT64_MAX;
		watch_news(w->source);
		return;
	}
	memset(&eof, 0, sizeof(eof));
	eof.total = w->limit;
	eof.state = m->state;
	call_resume(w->call);
	finish(w, &eof);
}

/* Nothing to send at this offset: is it the end, or not yet? */
static void
at_end(struct watcher *w)
{
	const struct source *s = w->source;

	if (s->eof) {
		if (w->offset > s->end.total)
			out_of_range(w);
		else
			finish(w, &s->end);
		return;
	}
	w->stalled = 1;
	if (w->limit == UINT64_MAX)
		return;
	if (w->offset > w->limit)
		out_of_range(w);
	else
		ask_state(w);
}

/* Begin a message, as long as there is output and room. */
static void
begin_message(struct watcher *w, size_t room)
{
	const struct source *s = w->source;
	uint64_t limit;
	size_t n;

	limit = s->eof ? s->end.total : s->size;
	if (!s->eof && limit > w->limit)
		limit = w->limit;
	if (w->offset >= limit) {
		at_end(w);
		return;
	}
	n = room - (room + FRAME_SIZE - 1) / FRAME_SIZE * FRAME_HEADER;
	if (room < MESSAGE_MIN || n > MESSAGE_MAX)
		n = MESSAGE_MAX;
	n -= reply_output_head(w->head, w->offset, n);
	if (n > limit - w->offset)
		n = limit - w->offset;
	w->headlen = reply_output_head(w->head, w->offset, n);
	w->headoff = 0;
	w->left = n;
}

size_t
watch_pull(struct watcher *w, size_t max, size_t room)
{
	struct call *c = w->call;
	size_t n;

	if (w->headoff == w->headlen && w->left == 0) {
		begin_message(w, room);
		if (c->watcher == NULL)
			return 0;
	}
	n = w->headlen - w->headoff + w->left;
	return n < max ? n : max;
}

int
watch_copy(struct watcher *w, uint8_t *dst, size_t len)
{
	size_t n;

	n = w->headlen - w->headoff;
	if (n > len)
		n = len;
	memcpy(dst, w->head + w->headoff, n);
	w->headoff += n;
	dst += n;
	len -= n;
	if (len == 0)
		return 0;
	if (source_read(w->source, dst, len, w->offset) == -1)
		return -1;
	w->offset += len;
	w->left -= len;
	return 0;
}

int
watch_in_message(const struct watcher *w)
{
	return w->left > 0 || (w->headoff > 0 && w->headoff < w->headlen);
}
