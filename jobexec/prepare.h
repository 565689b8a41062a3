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

#ifndef TH_PREPARE_H
#define TH_PREPARE_H

#include "fail.h"

/*
 * All that can be done for a job before it is known, so that it is not done
 * while somebody waits. Both return 0, or -1 with the reason.
 *
 * What is the same for every job is done once, and forks inherit it:
 * signals, resource limits, the first half of the drop.
 */
int prepare_all(struct fail *);
/*
 * What each job has for itself is done in its own process, of which it will
 * be the only job: session, network and IPC namespaces, keyring.
 */
int prepare_own(struct fail *);

#endif
