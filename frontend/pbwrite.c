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

#include <stdlib.h>
#include <string.h>

#include "pbwrite.h"

#define FIRST_SIZE 512
#define VARINT_MAX 10

size_t
pb_varint(uint8_t *p, uint64_t n)
{
	size_t len = 0;

	while (n >= 0x80) {
		p[len++] = n | 0x80;
		n >>= 7;
	}
	p[len++] = n;
	return len;
}

/* Make room for n more bytes. Returns NULL when there is none to be had. */
static uint8_t *
room(struct pbw *w, size_t n)
{
	uint8_t *buf;
	size_t size = w->size;

	if (w->failed)
		return NULL;
	if (n > w->size - w->len) {
		while (size - w->len < n)
			size = size == 0 ? FIRST_SIZE : size * 2;
		if ((buf = realloc(w->buf, size)) == NULL) {
			w->failed = 1;
			return NULL;
		}
		w->buf = buf;
		w->size = size;
	}
	return w->buf + w->len;
}

void
pbw_init(struct pbw *w, size_t front)
{
	uint8_t *p;

	memset(w, 0, sizeof(*w));
	if (front > 0 && (p = room(w, front)) != NULL) {
		memset(p, 0, front);
		w->len = front;
	}
}

void
pbw_uint(struct pbw *w, uint32_t number, uint64_t n)
{
	uint8_t *p;

	if (n == 0 || (p = room(w, 2 * VARINT_MAX)) == NULL)
		return;
	w->len += pb_varint(p, PB_TAG(number, PB_VARINT));
	w->len += pb_varint(w->buf + w->len, n);
}

void
pbw_int(struct pbw *w, uint32_t number, int64_t n)
{
	pbw_uint(w, number, (uint64_t)n);
}

/* Also for an empty one: an element of a repeated field has to be there. */
void
pbw_bytes(struct pbw *w, uint32_t number, const void *data, size_t len)
{
	uint8_t *p;

	if ((p = room(w, 2 * VARINT_MAX + len)) == NULL)
		return;
	w->len += pb_varint(p, PB_TAG(number, PB_LENGTH));
	w->len += pb_varint(w->buf + w->len, len);
	if (len > 0)
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

void
pbw_string(struct pbw *w, uint32_t number, const char *s)
{
	if (s[0] != '\0')
		pbw_bytes(w, number, s, strlen(s));
}

size_t
pbw_open(struct pbw *w, uint32_t number)
{
	uint8_t *p;

	if ((p = room(w, VARINT_MAX + 1)) == NULL)
		return 0;
	w->len += pb_varint(p, PB_TAG(number, PB_LENGTH));
	/* One byte for the length; most messages within are short. */
	return ++w->len;
}

void
pbw_close(struct pbw *w, size_t mark)
{
	uint8_t varint[VARINT_MAX];
	size_t len, n;

	if (w->failed)
		return;
	len = w->len - mark;
	n = pb_varint(varint, len);
	if (room(w, n) == NULL)
		return;
	memmove(w->buf + mark - 1 + n, w->buf + mark, len);
	memcpy(w->buf + mark - 1, varint, n);
	w->len += n - 1;
}

uint8_t *
pbw_done(struct pbw *w, size_t *len)
{
	if (w->failed) {
		free(w->buf);
		w->buf = NULL;
		return NULL;
	}
	*len = w->len;
	return w->buf;
}
