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
#ifndef TH_SUP_SPAWNER_H
#define TH_SUP_SPAWNER_H

#include <sys/types.h>

/*
 * The jobexec from which all others are forked (jobexec/spawner.h). It is
 * started again when it ends; what it has forked lives on by itself.
 */

struct event_base;

struct spawner_config {
	struct event_base *base;
	const char *path;
	uid_t relay_uid;
	gid_t relay_gid;
};

/* Start it. Returns 0, or -1 after a message. */
int spawner_start(const struct spawner_config *);
/* Let it end. */
void spawner_stop(void);

/*
 * Have it fork, with the descriptor as the new jobexec's channel; closed
 * here in any case. Returns 0, or -1 with errno when there is no spawner at
 * the moment. What becomes of the fork is heard on the channel.
 */
int spawner_fork(int);

#endif
