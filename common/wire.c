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

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static const size_t int_size[] = {
	[WIRE_U8] = 1,
	[WIRE_U16] = 2,
	[WIRE_U32] = 4,
	[WIRE_I32] = 4,
	[WIRE_U64] = 8,
	[WIRE_I64] = 8,
};

struct cursor {
	uint8_t *p;
	size_t left;
};

static int
put(struct cursor *c, const void *data, size_t len)
{
	if (len > c->left) {
		errno = EMSGSIZE;
		return -1;
	}
	if (len > 0)
		memcpy(c->p, data, len);
	c->p += len;
	c->left -= len;
	return 0;
}

static int
put_block(struct cursor *c, const struct wire_field *f, const void *data,
    size_t len, size_t extra)
{
	uint32_t n = len;

	if (len > f->max) {
		errno = EMSGSIZE;
		return -1;
	}
	if (data == NULL && len > 0) {
		errno = EINVAL;
		return -1;
	}
	if (put(c, &n, sizeof(n)) == -1)
		return -1;
	return put(c, data, len + extra);
}

static int
put_field(struct cursor *c, const struct wire_field *f, const void *member)
{
	const struct wire_bytes *b;
	const char *s;

	switch (f->type) {
	case WIRE_STR:
		memcpy(&s, member, sizeof(s));
		if (s == NULL)
			s = "";
		return put_block(c, f, s, strlen(s), 1);
	case WIRE_BYTES:
		b = member;
		return put_block(c, f, b->p, b->len, 0);
	default:
		return put(c, member, int_size[f->type]);
	}
}

ssize_t
wire_encode(const struct wire_field *fields, size_t nfields, const void *s,
    void *buf, size_t size)
{
	struct cursor c = { buf, size };
	size_t i;

	for (i = 0; i < nfields; i++)
		if (put_field(&c, &fields[i],
			(const char *)s + fields[i].offset) == -1)
			return -1;
	return size - c.left;
}

struct reader {
	const uint8_t *p;
	size_t left;
};

static const uint8_t *
take(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (len > r->left)
		return NULL;
	r->p += len;
	r->left -= len;
	return p;
}

static int
get_int(struct reader *r, const struct wire_field *f, void *member)
{
	const uint8_t *p;

	if ((p = take(r, int_size[f->type])) == NULL)
		return -1;
	memcpy(member, p, int_size[f->type]);
	return 0;
}

static int
get_block(struct reader *r, const struct wire_field *f, size_t extra,
    struct wire_bytes *b)
{
	const uint8_t *p;

	if ((p = take(r, sizeof(b->len))) == NULL)
		return -1;
	memcpy(&b->len, p, sizeof(b->len));
	if (b->len > f->max)
		return -1;
	if ((b->p = take(r, b->len + extra)) == NULL)
		return -1;
	return 0;
}

static int
get_field(struct reader *r, const struct wire_field *f, void *member)
{
	struct wire_bytes b;

	switch (f->type) {
	case WIRE_STR:
		if (get_block(r, f, 1, &b) == -1)
			return -1;
		if (memchr(b.p, '\0', b.len + 1) != b.p + b.len)
			return -1;
		memcpy(member, &b.p, sizeof(b.p));
		return 0;
	case WIRE_BYTES:
		if (get_block(r, f, 0, &b) == -1)
			return -1;
		memcpy(member, &b, sizeof(b));
		return 0;
	default:
		return get_int(r, f, member);
	}
}

int
wire_decode(const struct wire_field *fields, size_t nfields, void *s,
    const void *data, size_t len)
{
	struct reader r = { data, len };
	size_t i;

	for (i = 0; i < nfields; i++)
		if (get_field(&r, &fields[i], (char *)s + fields[i].offset) ==
		    -1)
			goto bad;
	if (r.left != 0)
		goto bad;
	return 0;
bad:
	errno = EPROTO;
	return -1;
}

int
wire_strings_check(const struct wire_bytes *b, uint32_t n)
{
	const uint8_t *p = b->p, *nul;
	size_t left = b->len;
	uint32_t seen = 0;

	while (left > 0) {
		if ((nul = memchr(p, '\0', left)) == NULL)
			break;
		left -= nul + 1 - p;
		p = nul + 1;
		seen++;
	}
	if (left != 0 || seen != n) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

char **
wire_strings_split(const struct wire_bytes *b, uint32_t n, size_t skip)
{
	char **v, *p;
	uint32_t i;

	if (wire_strings_check(b, n) == -1)
		return NULL;
	if ((v = calloc(skip + n + 1, sizeof(*v))) == NULL)
		return NULL;
	p = (char *)(uintptr_t)b->p;
	for (i = 0; i < n; i++) {
		v[skip + i] = p;
		p += strlen(p) + 1;
	}
	return v;
}
