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

/*
 * The job whose lines are timed: ticker COUNT MILLISECONDS. Every line is the
 * time at which it is written, CLOCK_MONOTONIC in nanoseconds.
 */

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct timespec ts, pause = { 0, 0 };
	char line[32];
	int i, len;

	if (argc != 3)
		errx(2, "usage: ticker count milliseconds");
	pause.tv_nsec = atol(argv[2]) * 1000000;
	for (i = atoi(argv[1]); i > 0; i--) {
		(void)nanosleep(&pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &ts);
		len = snprintf(line, sizeof(line), "%" PRId64 "\n",
		    (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
		if (write(STDOUT_FILENO, line, len) != len)
			err(1, "write");
	}
	return 0;
}
