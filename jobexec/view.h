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

#ifndef TH_VIEW_H
#define TH_VIEW_H

#include "fail.h"

/*
 * Make the job's view of the file system, in its own mount namespace: the
 * host's tree, private, read-only, nosuid and nodev; private tmpfs where
 * programs expect to write; own /dev, /proc, /sys and /sys/fs/cgroup; masks;
 * and the directories of the list hidden. What the host does not have is
 * left out. umask must be 0. Returns 0, or -1 with the reason.
 */
int view_make(const struct msg_exec_job *, struct fail *);

#endif
