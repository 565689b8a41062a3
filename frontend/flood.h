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

#ifndef TH_FRONT_FLOOD_H
#define TH_FRONT_FLOOD_H

#include "rate.h"

/*
 * What a connection may cost us beyond its calls. Frames that answer ours
 * (window updates, pings) are paid from what our frames earn, so that the
 * busiest honest client never comes near the budget; everything else, and
 * what is not earned, is paid from a bucket.
 */
struct flood {
	struct bucket glitches;
	struct bucket resets;
	uint32_t credit;
};

/* Each returns 0, or -1 when the budget is overrun. */
int flood_glitch(struct flood *, uint32_t); /* an oddity, of that weight */
int flood_control(struct flood *); /* PING, SETTINGS, WINDOW_UPDATE came */
int flood_reset(struct flood *); /* a young call was reset by the peer */
/* A frame of ours was sent. */
void flood_earn(struct flood *);

#endif
