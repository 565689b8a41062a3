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

#ifndef TH_CREDS_H
#define TH_CREDS_H

#include <sys/types.h>

/*
 * What can be given up before there is a job, and is inherited by it: the
 * bounding set, the ways in which exec or a change of ids gives capabilities
 * (securebits, locked), new privileges by exec. The process stays root.
 * Returns 0, or -1 with errno and the name of the step.
 */
int creds_prepare(const char **);

/*
 * Become this account for good, with no capability and no way back, not
 * dumpable, and prove it. Clears the parent death signal (the kernel does).
 * Returns 0, or -1 with errno and the name of the step; then the process must
 * end.
 */
int creds_drop(uid_t, gid_t, const char **);

#endif
