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

#ifndef TH_FRONT_CONFIG_H
#define TH_FRONT_CONFIG_H

#include <sys/types.h>

struct event_base;
struct imsg;

/*
 * The configuration as it comes from the supervisor: made up beside the one
 * in use, and put in its place on CFG_COMMIT. Each takes a message and
 * returns 0, or -1 if it came out of turn.
 */
int config_begin(struct imsg *, const void *);
int config_listen(struct imsg *, const void *);
int config_file(struct imsg *, const void *);
int config_end(struct imsg *, const void *);
int config_commit(struct imsg *, const void *);
int config_abort(struct imsg *, const void *);

/* How many descriptors this process may have; bounds the connections. */
void config_init(struct event_base *, size_t);

#endif
