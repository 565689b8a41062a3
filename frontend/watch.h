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

#ifndef TH_FRONT_WATCH_H
#define TH_FRONT_WATCH_H

#include <sys/types.h>

#include <stdint.h>

struct call;
struct event_base;
struct imsg;
struct msg_job_info;
struct msg_out_eof;
struct watcher;

/*
 * Watching output. A source is the output file of a job, opened for this
 * process by the supervisor and shared by all who watch the job; a watcher
 * is one call with its own offset. Nothing is kept for a watcher that does
 * not read. At most so many sources are open at a time.
 */
void watch_init(struct event_base *, unsigned int);

/* A watcher of the named job for the call: from the offset; follow or not. */
struct watcher *watch_new(struct call *, const char *, uint64_t, int);
void watch_free(struct watcher *);

/*
 * OUT_OPEN or OUT_SHARE has come, for the watcher or, if that is NULL, for
 * one that went away.
 */
void watch_source(struct watcher *, struct imsg *, const void *);
void watch_eof(const struct msg_out_eof *);
/* JOB_INFO for a watcher that does not follow and has asked. */
void watch_info(struct watcher *, const struct msg_job_info *);
/* A watch request was answered: sources given back may now be closed. */
void watch_answered(void);

/*
 * Bytes for a DATA frame as call_pull() says; 0: none now, or no more, in
 * which case the watcher has gone and its last message is the call's.
 */
size_t watch_pull(struct watcher *, size_t, size_t);
int watch_copy(struct watcher *, uint8_t *, size_t);
/* Has part of a message been sent? */
int watch_in_message(const struct watcher *);

#endif
