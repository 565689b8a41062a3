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

#ifndef TH_LAUNCH_H
#define TH_LAUNCH_H

#include <sys/types.h>

#include "bpf.h"
#include "cgroup.h"
#include "fail.h"

/* The relay's side of a job's processes; -1 is closed. */
struct launch {
	int out; /* read ends of the pipes */
	int err;
	int sync; /* see init.h */
	int report;
	int init; /* pidfd of pid 1 */
};

/*
 * Make the pipes and start pid 1 in the cgroup and in new namespaces, to run
 * the message's command under the filter. Returns 0, or -1 with the reason.
 */
int launch_start(struct launch *, const struct cgroup *,
    const struct msg_exec_job *, const struct bpf_program *, struct fail *);

/* Let the command run. Returns 0, or -1 with errno. */
int launch_go(const struct launch *);

/*
 * Call when report is readable: returns the pidfd of the command if it has
 * been executed, or -1 with the reason why not.
 */
int launch_result(struct launch *, struct fail *);

/* How a job ended. Times are of all its processes that were waited for. */
struct launch_end {
	int status; /* of the command, as in wait(2) */
	uint64_t utime_us;
	uint64_t stime_us;
	uint64_t maxrss_kb;
};

/*
 * Reap pid 1; waits if it still runs. No process of the job is left then.
 * Returns 0, or -1 with errno.
 */
int launch_reap(struct launch *, struct launch_end *);

#endif
