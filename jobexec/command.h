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

#ifndef TH_COMMAND_H
#define TH_COMMAND_H

#include "fail.h"
#include "init.h"

/* The command, ready to be executed. */
struct command {
	const char *cwd;
	char **argv;
	char **env;
	int sync; /* where go comes from */
};

/* Fill it in. What it allocates goes with exec. 0, or -1 with the reason. */
int command_prepare(struct command *, const struct init *, struct fail *);

/*
 * In pid 2: wait for go and execute the command. Returns only if that
 * failed, with the reason. Ends quietly if go never comes.
 */
void command_run(const struct command *, struct fail *);

#endif
