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

#ifndef TH_LIMIT_H
#define TH_LIMIT_H

#include "fail.h"

/*
 * Write the limits of the message whose controllers are in its mask to the
 * files of the cgroup (a directory descriptor), and read each back. Returns
 * 0, or -1 with the reason.
 */
int limit_apply(int, const struct msg_exec_job *, struct fail *);

/*
 * The text for a limit in bytes, as the kernel would show it: whole pages,
 * or "max". Into a buffer of that size.
 */
void limit_bytes(uint64_t, char *, size_t);

/*
 * Does this text, the content of io.max, hold for the device exactly the
 * limits in the line that was written? The order of the words is free.
 * Returns 1 or 0.
 */
int limit_io_holds(const char *, const char *);

#endif
