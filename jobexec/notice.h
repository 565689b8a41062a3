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

#ifndef TH_NOTICE_H
#define TH_NOTICE_H

#include <sys/types.h>

#include <poll.h>

/*
 * Those who watch the output: our ends of notice pairs. One byte on them says
 * that there is news. What a reader does with its end cannot hold us up.
 */

#define NOTICE_MAX 64

/* Take over the descriptor. If there are too many, it is closed. */
void notice_add(int);

/* Tell all. Those that are gone are forgotten. */
void notice_all(void);

/*
 * Fill in what poll(2) needs to see that a reader is gone; returns how many
 * entries, at most NOTICE_MAX. notice_polled() takes them back.
 */
size_t notice_poll(struct pollfd *);
void notice_polled(const struct pollfd *, size_t);

/* Copy the descriptors; returns how many, at most NOTICE_MAX. */
size_t notice_fds(int *);

#endif
