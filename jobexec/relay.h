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

#ifndef TH_RELAY_H
#define TH_RELAY_H

#include <sys/types.h>

#include "bpf.h"
#include "cgroup.h"
#include "fail.h"
#include "launch.h"

/* What stays of jobexec once its job runs. */
struct relay {
	struct launch *launch;
	struct cgroup *cgroup;
	int output;
	int index;
	int exitrec;
};

/*
 * Before the start: check the files, put the header into the index, and make
 * sure of room for the exit record. Returns 0, or -1 with the reason.
 */
int relay_files(const struct relay *, struct fail *);

/*
 * Close all that the relay does not need, but for the descriptor given,
 * become the account, load the filter. Returns 0, or -1 with the reason;
 * then the job must be killed.
 */
int relay_drop(const struct relay *, int, uid_t, gid_t,
    const struct bpf_program *, struct fail *);

/*
 * Move output from the pipes to the file until the job has ended and all of
 * it is there, write the exit record and tell the supervisor. The function
 * is called when there may be a message from it.
 */
void relay_run(struct relay *, void (*)(void));

#endif
