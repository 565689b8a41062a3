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

#ifndef TH_CGROUP_H
#define TH_CGROUP_H

#include <stddef.h>

/*
 * The control group tree of the jobs: <base>/<uuid>, cgroup v2 only. A job's
 * group is made and filled by its jobexec; looking into it, killing it and
 * removing it is done here.
 */

struct cgroup_base {
	char *path;
	int fd; /* O_DIRECTORY, close-on-exec */
	unsigned int controllers; /* CTL_ bits that are in force below */
};

/*
 * Find or make the base: the path if not NULL, else the group of
 * thd-jobs.service, else "thd" below the cgroup2 mount. Enables the
 * controllers. Returns 0, or -1 after a message on what is missing and how
 * to get it. Missing controllers are not an error here.
 */
int cgroup_base_open(struct cgroup_base *, const char *);

/* The names of the controllers in the mask, "cpu io"; static buffer. */
const char *cgroup_names(unsigned int);

/* Log and count what an earlier daemon left; removes the empty groups. */
unsigned int cgroup_sweep(const struct cgroup_base *);

/* Open a job's group. Returns a directory descriptor, or -1 with errno. */
int cgroup_open(const struct cgroup_base *, const char *);

/* SIGKILL to all in it, by cgroup.kill. Returns 0, or -1 with errno. */
int cgroup_kill(int);

/* Does it hold a process? 1, 0, or -1 with errno. */
int cgroup_populated(int);

/* Remove an empty group. Returns 0, also if it is gone, or -1 with errno. */
int cgroup_remove(const struct cgroup_base *, const char *);

/*
 * The kernel's numbers about a group, as lines "file.key value\n", into a
 * buffer of the given size; what does not fit is left out.
 */
void cgroup_stats(int, char *, size_t);

#endif
