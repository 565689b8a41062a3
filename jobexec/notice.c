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
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "notice.h"

static int fds[NOTICE_MAX];
static size_t nfds;

void
notice_add(int fd)
{
	if (nfds == NOTICE_MAX) {
		log_warnx("more than %d readers to be told of output; "
			  "one is left out",
		    NOTICE_MAX);
		close(fd);
		return;
	}
	fds[nfds++] = fd;
}

static void
forget(size_t i)
{
	close(fds[i]);
	fds[i] = fds[--nfds];
}

void
notice_all(void)
{
	size_t i;

	/* From the end, since the last one takes the place of a lost one. */
	for (i = nfds; i > 0; i--) {
		if (send(fds[i - 1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) ==
			-1 &&
		    errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			forget(i - 1);
	}
}

size_t
notice_poll(struct pollfd *pfds)
{
	size_t i;

	for (i = 0; i < nfds; i++) {
		pfds[i].fd = fds[i];
		pfds[i].events = 0;
	}
	return nfds;
}

void
notice_polled(const struct pollfd *pfds, size_t n)
{
	for (; n > 0; n--)
		if (pfds[n - 1].revents != 0)
			forget(n - 1);
}

size_t
notice_fds(int *copy)
{
	memcpy(copy, fds, nfds * sizeof(fds[0]));
	return nfds;
}
