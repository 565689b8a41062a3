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

#include "flood.h"

/* Pings and window updates that one frame of ours may call forth. */
#define CREDIT_FRAME 4
#define CREDIT_MAX 4096

static const struct bucket_spec glitch_spec = { 256, 50 };
/* As many as the calls that may be open, and then a slow rate. */
static const struct bucket_spec reset_spec = { 128, 20 };

int
flood_glitch(struct flood *f, uint32_t weight)
{
	return bucket_take(&f->glitches, &glitch_spec, weight, rate_now());
}

int
flood_control(struct flood *f)
{
	if (f->credit > 0) {
		f->credit--;
		return 0;
	}
	return flood_glitch(f, 1);
}

int
flood_reset(struct flood *f)
{
	return bucket_take(&f->resets, &reset_spec, 1, rate_now());
}

void
flood_earn(struct flood *f)
{
	if (f->credit < CREDIT_MAX)
		f->credit += CREDIT_FRAME;
}
