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

#ifndef TH_PROC_H
#define TH_PROC_H

#include <sys/types.h>

/* The descriptor on which every child finds its channel. */
#define PROC_FD 3

struct proc_child {
	pid_t pid;
	int pidfd; /* close-on-exec */
	int fd; /* our end of the channel */
};

/*
 * Start the program at an absolute path with one end of a new channel as
 * descriptor PROC_FD, standard input and output on /dev/null, standard error
 * kept (but see below), every other descriptor closed, an empty environment,
 * and signals at their defaults. Fills in the struct, whose descriptors are
 * the caller's. Returns 0, or -1 with errno.
 */
int proc_spawn(const char *, struct proc_child *);
/*
 * Keep standard error from the children too: whoever started us in the
 * background may wait for its end.
 */
void proc_quiet(void);

/*
 * Reap a child that has ended, by its pidfd. Returns 1 with its wait status,
 * 0 if it still runs, -1 with errno.
 */
int proc_reap(const struct proc_child *, int *);

/* Send a signal by pidfd. Returns 0, or -1 with errno (ESRCH: gone). */
int proc_kill(int, int);

/* pidfd_open(2), close-on-exec. Returns it, or -1 with errno. */
int proc_pidfd(pid_t);

/* In a child: is PROC_FD a SEQPACKET channel? Ends the process if not. */
void proc_check_channel(const char *);

/*
 * Raise the limit of open files to the hard limit. Returns the new limit.
 */
size_t proc_raise_nofile(void);

#endif
