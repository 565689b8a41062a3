/* LINK: common/exitrec.c */
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

#include "exitrec.h"

#include "fuzz.h"

/* The exit record: a valid one is as it was sealed, and no other is. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct exitrec r, again;
	unsigned int bit;

	(void)input_take(&in, &r, sizeof(r));
	if (exitrec_valid(&r)) {
		again = r;
		exitrec_seal(&again);
		MUST(r.zero != 0 || memcmp(&r, &again, sizeof(r)) == 0);
	}
	exitrec_seal(&r);
	MUST(exitrec_valid(&r));
	bit = input_u16(&in) % (8 * sizeof(r));
	((uint8_t *)&r)[bit / 8] ^= 1 << bit % 8;
	MUST(!exitrec_valid(&r));
	return 0;
}
