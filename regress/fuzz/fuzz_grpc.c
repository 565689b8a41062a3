/* LINK: frontend/grpc.c frontend/pbcheck.c thctl/decode.c */
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

#include "grpc.h"
#include "pbcheck.h"

#include "fuzz.h"

/*
 * The frames of a request, however they are cut up; grpc-timeout,
 * content-type, and the percent-encoding that our own client takes back.
 */

/* Of thctl, whose header has names of its own for the status codes. */
void percent_decode(const uint8_t *, size_t, char *, size_t);

static enum grpc_read
feed(struct grpc_reader *r, const uint8_t *p, size_t len, size_t step)
{
	enum grpc_read e = GRPC_OK;
	uint8_t *copy;
	size_t n;

	memset(r, 0, sizeof(*r));
	while (len > 0 && e == GRPC_OK) {
		n = step < len ? step : len;
		copy = fuzz_copy(p, n);
		e = grpc_feed(r, copy, n);
		free(copy);
		p += n;
		len -= n;
	}
	if (e == GRPC_OK)
		e = grpc_end(r);
	return e;
}

static void
check_frames(const uint8_t *data, size_t size, size_t step)
{
	struct grpc_reader whole, cut;
	enum grpc_read e;

	e = feed(&whole, data, size, size > 0 ? size : 1);
	MUST(feed(&cut, data, size, step) == e);
	MUST(whole.len <= GRPC_REQUEST_MAX || e == GRPC_TOO_BIG);
	MUST(whole.got <= size);
	if (e == GRPC_OK) {
		MUST(whole.messages == 1 && whole.got == whole.len);
		MUST(size == GRPC_PREFIX + whole.len);
		MUST(whole.len == cut.len);
		if (whole.len > 0) {
			MUST(memcmp(whole.buf, data + GRPC_PREFIX, whole.len) ==
			    0);
			MUST(memcmp(whole.buf, cut.buf, whole.len) == 0);
		}
	}
	grpc_reader_free(&whole);
	grpc_reader_free(&cut);
}

static void
check_timeout(const char *s, size_t len)
{
	int64_t ms = -1;

	if (grpc_timeout(s, len, &ms) == -1)
		return;
	MUST(len >= 2 && len <= 9);
	MUST(ms >= 0);
	MUST(ms == GRPC_NO_DEADLINE || ms <= 10LL * 366 * 24 * 3600 * 1000);
}

static void
check_percent(const char *s, size_t size)
{
	char *dst, *back;
	size_t len, i;

	if ((dst = malloc(size)) == NULL || (back = malloc(size)) == NULL)
		abort();
	len = grpc_percent(dst, size, s);
	MUST(len < size && dst[len] == '\0' && strlen(dst) == len);
	for (i = 0; i < len; i++)
		MUST(dst[i] >= 0x20 && dst[i] <= 0x7e);
	percent_decode((const uint8_t *)dst, len, back, size);
	MUST(strncmp(back, s, strlen(back)) == 0);
	MUST(len + 3 * 4 < size ? strlen(back) == strlen(s) : 1);
	/* Not cut within a character, if there were only whole ones. */
	if (pb_utf8((const uint8_t *)s, strlen(s)))
		MUST(pb_utf8((const uint8_t *)back, strlen(back)));
	free(dst);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t kind = input_u8(&in), step = input_u8(&in);
	char *s;

	if (kind % 4 == 0) {
		check_frames(in.p, in.left, step + 1);
		return 0;
	}
	/* Header values have a length, text has a NUL. */
	s = kind % 4 == 3 ? fuzz_string(in.p, in.left) :
			    fuzz_copy(in.p, in.left);
	if (kind % 4 == 1)
		check_timeout(s, in.left);
	else if (kind % 4 == 2)
		(void)grpc_content_type(s, in.left);
	else
		check_percent(s, step + 1);
	free(s);
	return 0;
}
