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

#ifndef TH_EXEC_CGROUP_H
#define TH_EXEC_CGROUP_H

#include "fail.h"

/* The job's own cgroup. Descriptors are -1 when they are not open. */
struct cgroup {
	int base; /* the directory below which it is made */
	int dir;
	int kill; /* cgroup.kill, for writing */
	int memory; /* memory.events; -1 without that controller */
	char name[MSG_UUID_LEN + 1];
	int made;
};

/*
 * Make the cgroup below c->base and put the limits on it. Returns 0, or -1
 * with the reason; cgroup_remove() is then still to be called.
 */
int cgroup_make(struct cgroup *, const struct msg_exec_job *, struct fail *);

/* Kill everything in it. Returns 0, or -1 with errno. */
int cgroup_kill(const struct cgroup *);

/*
 * Remove it, if it was made. Its processes must have been killed and waited
 * for; it gets a moment for the kernel to clean up behind them. Only root
 * can. Returns 0, or -1 with errno.
 */
int cgroup_remove(struct cgroup *);

/* Has the kernel killed in it for lack of memory? */
int cgroup_oom_killed(const struct cgroup *);

#endif
