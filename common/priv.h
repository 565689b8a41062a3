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

#ifndef TH_PRIV_H
#define TH_PRIV_H

#include <sys/types.h>

/*
 * Give up root for good: supplementary groups, gids, uids, every capability
 * set; then prove that there is no way back. Returns 0, or -1 with errno and
 * the name of the failed step in the second argument's target. A caller that
 * gets -1 must end the process.
 */
int priv_drop(uid_t, gid_t, const char **);

/* Drop the capability bounding set whole. Needs CAP_SETPCAP. 0 or -1. */
int priv_drop_bounding(void);

/* Is any capability left in any set of this process? 1, 0, or -1. */
int priv_has_caps(void);

#endif
