/* LINK: thctl/decode.c */
/* LIBS: libprotobuf-c libcrypto */
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

#include "client.h"

#include "fuzz.h"

/*
 * What thctl makes of the trailers of a reply: {kind, room} and the value of
 * grpc-message or grpc-status-details-bin.
 */

static void
check_message(const uint8_t *p, size_t len, size_t room)
{
	char *out;
	size_t got;

	if ((out = malloc(room)) == NULL)
		abort();
	percent_decode(p, len, out, room);
	got = strnlen(out, room);
	MUST(got < room && got <= len);
	/* Without escapes it is the same. */
	if (memchr(p, '%', len) == NULL && memchr(p, '\0', len) == NULL)
		MUST(memcmp(out, p, got) == 0 &&
		    (got == len || got == room - 1));
	free(out);
}

static void
check_details(const uint8_t *p, size_t len)
{
	struct call_status *st;

	if ((st = calloc(1, sizeof(*st))) == NULL)
		abort();
	details_decode(p, len, st);
	MUST(strnlen(st->reason, sizeof(st->reason)) < sizeof(st->reason));
	MUST(strnlen(st->stage, sizeof(st->stage)) < sizeof(st->stage));
	MUST(strnlen(st->job, sizeof(st->job)) < sizeof(st->job));
	MUST(st->error >= 0 && st->error <= 4096);
	MUST(st->code == 0 && st->message[0] == '\0');
	free(st);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t kind = input_u8(&in), room = input_u8(&in);
	uint8_t *copy = fuzz_copy(in.p, in.left);

	if (kind % 2 == 0)
		check_message(copy, in.left, room + 1);
	else
		check_details(copy, in.left);
	free(copy);
	return 0;
}
