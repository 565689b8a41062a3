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

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"

/* The files a status shows, in its order. Absent ones are left out. */
static const char *const files[] = {
	"cpu.stat",
	"cpu.pressure",
	"memory.current",
	"memory.peak",
	"memory.swap.current",
	"memory.events",
	"memory.pressure",
	"io.stat",
	"io.pressure",
	"pids.current",
	"pids.peak",
	"pids.events",
};

struct out {
	char *p;
	size_t left;
};

static void
emit(struct out *o, const char *file, const char *sub, const char *key,
    const char *value)
{
	int n;

	n = snprintf(o->p, o->left, "%s%s%s%s%s %s\n", file,
	    sub != NULL ? "." : "", sub != NULL ? sub : "",
	    key != NULL ? "." : "", key != NULL ? key : "", value);
	if (n < 0 || (size_t)n >= o->left) {
		*o->p = '\0';
		o->left = 0;
		return;
	}
	o->p += n;
	o->left -= n;
}

/* The rest of a line of the form "some avg10=0.00 total=0". */
static void
nested(struct out *o, const char *file, const char *sub, char *word, char *save)
{
	char *eq;

	for (; word != NULL; word = strtok_r(NULL, " ", &save)) {
		if ((eq = strchr(word, '=')) == NULL)
			continue;
		*eq = '\0';
		emit(o, file, sub, word, eq + 1);
	}
}

/* The three forms of cgroup v2 files: a value, key value, nested keys. */
static void
line_stats(struct out *o, const char *file, char *line)
{
	char *first, *second, *save;

	if ((first = strtok_r(line, " ", &save)) == NULL)
		return;
	second = strtok_r(NULL, " ", &save);
	/* A disk that was not used yet: its number, and no keys. */
	if (second == NULL && strchr(first, ':') != NULL)
		return;
	if (second == NULL)
		emit(o, file, NULL, NULL, first);
	else if (strchr(second, '=') != NULL)
		nested(o, file, first, second, save);
	else
		emit(o, file, first, NULL, second);
}

static void
file_stats(struct out *o, int dirfd, const char *file)
{
	char buf[4096], *line, *save;
	ssize_t n;
	int fd;

	if ((fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return;
	buf[n] = '\0';
	for (line = strtok_r(buf, "\n", &save); line != NULL && o->left > 0;
	     line = strtok_r(NULL, "\n", &save))
		line_stats(o, file, line);
}

void
cgroup_stats(int fd, char *buf, size_t size)
{
	struct out o = { buf, size };
	size_t i;

	buf[0] = '\0';
	for (i = 0; i < sizeof(files) / sizeof(files[0]) && o.left > 0; i++)
		file_stats(&o, fd, files[i]);
}
