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

#include <sys/types.h>

#include <limits.h>
#include <unistd.h>

#include "fds.h"

int
fds_close_all_but(const int *keep, size_t n)
{
	unsigned int from = 0, next;
	size_t i;

	for (;;) {
		next = UINT_MAX;
		for (i = 0; i < n; i++)
			if (keep[i] != -1 && (unsigned int)keep[i] >= from &&
			    (unsigned int)keep[i] < next)
				next = keep[i];
		if (next == UINT_MAX)
			return close_range(from, UINT_MAX, 0);
		if (next > from && close_range(from, next - 1, 0) == -1)
			return -1;
		from = next + 1;
	}
}

void
fds_close(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}
