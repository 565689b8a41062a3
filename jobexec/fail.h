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

#ifndef TH_FAIL_H
#define TH_FAIL_H

#include <stdint.h>

#include "msg.h"

/*
 * Why a job could not be started. It also travels, as it is, from the job's
 * pid 1 and pid 2 to the relay through a pipe: one write, so it must stay
 * below PIPE_BUF.
 */
struct fail {
	int32_t stage; /* enum exec_stage */
	int32_t error; /* errno */
	char detail[1016]; /* a path or file name, cut if it is long */
};

/* Fill it in from errno. Returns -1, for the caller to return. */
int fail_set(struct fail *, enum exec_stage, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the error given. */
int fail_with(struct fail *, enum exec_stage, int, const char *);

#endif
