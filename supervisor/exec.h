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

#ifndef TH_EXEC_H
#define TH_EXEC_H

#include "imsg.h"
#include "msg.h"

/*
 * jobexec processes: a few are forked ahead, each takes one job, and none
 * takes a second one.
 */

struct event_base;
struct exec;

struct exec_ops {
	void (*started)(void *, int); /* pidfd of the command, to keep */
	void (*failed)(void *, const struct msg_exec_failed *);
	void (*disk)(void *, int); /* it waits for room on the disk */
	void (*exited)(void *, const struct msg_exec_exit *);
	/* jobexec is gone, after or without one of the above. */
	void (*gone)(void *);
};

/* spawner_start() comes first. */
void exec_init(struct event_base *, const struct exec_ops *);
void exec_shutdown(void);

/*
 * Give a jobexec its job; descriptors as for MSG_EXEC_JOB, closed here in
 * any case. Returns the jobexec, whose gone callback is the end of it, or
 * NULL with errno.
 */
struct exec *exec_run(const struct msg_exec_job *, int *, void *);

/* Hand over one end of a notice pair, closed here in any case. */
void exec_watch(struct exec *, int);

/* End it; the gone callback follows. */
void exec_kill(struct exec *);

/* Its job has ended, and so must it; no callback is made again. */
void exec_forget(struct exec *);

#endif
