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
#ifndef TH_SPAWNER_H
#define TH_SPAWNER_H

/*
 * The first jobexec is exec'd by the supervisor and prepared once; every
 * jobexec that takes a job is a fork of it. To exec one for each would cost
 * more than all else about a small job. The price: until thd restarts they
 * all have the same layout of addresses and the same stack canary. None of
 * them ever parses a byte of a job: output goes through splice(2).
 */

/* Prepare what forks inherit. */
void spawner_init(void);

/*
 * Fork, with the descriptor as the new process's channel to the supervisor;
 * closed here in any case. Returns 1 in the new process, whose channel is on
 * PROC_FD, and 0 in the old one.
 */
int spawner_fork(int);
/* In the new one: tell the supervisor that it is there, and its pidfd. */
void spawner_ready(void);

/* Wait for the next message or the end of a child, which is reaped. */
void spawner_wait(void);

#endif
