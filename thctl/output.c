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

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "output.h"
#include "thctl.h"

/* End as a program that does not ignore SIGPIPE. */
static void
die_of_pipe(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGPIPE);
}

int
output_write(const void *data, size_t len, size_t *done)
{
	struct pollfd pfd = { STDOUT_FILENO, POLLOUT, 0 };
	const char *p = data;
	ssize_t n;

	while (*done < len) {
		n = write(STDOUT_FILENO, p + *done, len - *done);
		if (n >= 0) {
			*done += n;
			continue;
		}
		if (errno == EPIPE)
			die_of_pipe();
		/* Somebody who shares it may have made it non-blocking. */
		if (errno != EAGAIN || poll(&pfd, 1, -1) == -1)
			return -1;
	}
	return 0;
}

int
output_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		die_of_pipe();
	warn("standard output");
	return code == EXIT_OK ? EXIT_DAEMON : code;
}
