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

#ifndef TH_INIT_H
#define TH_INIT_H

#include <sys/types.h>

#include "bpf.h"
#include "fail.h"

/* What the job's pid 1 gets. All other descriptors are closed there. */
struct init {
	const struct msg_exec_job *msg;
	const struct bpf_program *filter;
	int out; /* write ends, for the job's stdout and stderr */
	int err;
	/*
	 * The relay's other end: up goes the pidfd of the command, then its
	 * wait status (an int); down comes one byte: go. Either side sees
	 * by its end of file that the other is dead.
	 */
	int sync;
	/*
	 * A struct fail goes here, once, if there is one. End of file says
	 * that the command has been executed.
	 */
	int report;
};

/*
 * The rest of pid 1's life, right after clone3 in the new namespaces, as
 * root: make the place, become the job's account, start the command as pid
 * 2, reap, report.
 */
void init_run(const struct init *) __attribute__((noreturn));

#endif
