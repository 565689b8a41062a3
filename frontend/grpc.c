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
#include <strings.h>

#include "grpc.h"
#include "pbcheck.h"

#define BUF_FIRST 1024

#define TEN_YEARS_MS (10LL * 366 * 24 * 3600 * 1000)

static size_t buffered; /* by all readers */

/* Grow with what has come, never to what the prefix promises. */
static int
reader_grow(struct grpc_reader *r, size_t need)
{
	uint8_t *buf;
	size_t size = r->size == 0 ? BUF_FIRST : r->size;

	if (need <= r->size)
		return 0;
	while (size < need)
		size *= 2;
	if (size > GRPC_SMALL && buffered - r->size + size > GRPC_BUFFERED_MAX)
		return -1;
	if ((buf = realloc(r->buf, size)) == NULL)
		return -1;
	buffered += size - r->size;
	r->buf = buf;
	r->size = size;
	return 0;
}

static enum grpc_read
reader_prefix(struct grpc_reader *r)
{
	const uint8_t *p = r->prefix;

	if (r->messages > 0)
		return GRPC_SECOND;
	if (p[0] != 0)
		return p[0] == 1 ? GRPC_COMPRESSED : GRPC_BAD_FLAG;
	r->len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 8 | p[4];
	if (r->len > GRPC_REQUEST_MAX)
		return GRPC_TOO_BIG;
	if (r->len == 0) {
		r->messages++;
		r->nprefix = 0;
	}
	return GRPC_OK;
}

enum grpc_read
grpc_feed(struct grpc_reader *r, const uint8_t *p, size_t len)
{
	enum grpc_read e;
	size_t n;

	while (len > 0) {
		if (r->nprefix < GRPC_PREFIX) {
			r->prefix[r->nprefix++] = *p++;
			len--;
			if (r->nprefix == GRPC_PREFIX &&
			    (e = reader_prefix(r)) != GRPC_OK)
				return e;
			continue;
		}
		n = r->len - r->got;
		if (n > len)
			n = len;
		if (reader_grow(r, r->got + n) == -1)
			return GRPC_MEMORY;
		memcpy(r->buf + r->got, p, n);
		r->got += n;
		p += n;
		len -= n;
		if (r->got == r->len) {
			r->messages++;
			r->nprefix = 0;
		}
	}
	return GRPC_OK;
}

enum grpc_read
grpc_end(const struct grpc_reader *r)
{
	if (r->nprefix != 0)
		return GRPC_TRUNCATED;
	return r->messages == 0 ? GRPC_NONE : GRPC_OK;
}

void
grpc_reader_free(struct grpc_reader *r)
{
	buffered -= r->size;
	free(r->buf);
	memset(r, 0, sizeof(*r));
}

void
grpc_prefix(uint8_t p[GRPC_PREFIX], size_t len)
{
	p[0] = 0;
	p[1] = len >> 24;
	p[2] = len >> 16;
	p[3] = len >> 8;
	p[4] = len;
}

int
grpc_timeout(const char *s, size_t len, int64_t *ms)
{
	static const struct {
		char unit;
		int64_t ns;
	} units[] = {
		{ 'H', 3600LL * 1000000000 },
		{ 'M', 60LL * 1000000000 },
		{ 'S', 1000000000 },
		{ 'm', 1000000 },
		{ 'u', 1000 },
		{ 'n', 1 },
	};
	int64_t n = 0;
	size_t i;

	if (len < 2 || len > 9)
		return -1;
	for (i = 0; i < len - 1; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		n = n * 10 + (s[i] - '0');
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (s[len - 1] == units[i].unit)
			break;
	if (i == sizeof(units) / sizeof(units[0]))
		return -1;
	if (units[i].ns >= 1000000)
		*ms = n * (units[i].ns / 1000000);
	else
		*ms = (n * units[i].ns + 999999) / 1000000;
	if (*ms > TEN_YEARS_MS)
		*ms = GRPC_NO_DEADLINE;
	return 0;
}

int
grpc_content_type(const char *s, size_t len)
{
	static const char base[] = "application/grpc";
	static const char proto[] = "+proto";
	size_t n = sizeof(base) - 1;

	if (len < n || strncasecmp(s, base, n) != 0)
		return 0;
	if (len - n >= sizeof(proto) - 1 &&
	    strncasecmp(s + n, proto, sizeof(proto) - 1) == 0)
		n += sizeof(proto) - 1;
	return len == n || s[n] == ';' || s[n] == ' ';
}

/* The length of the character that begins here; 1 if it is none. */
static size_t
character(const char *s)
{
	size_t n;

	for (n = 1; n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80; n++)
		;
	return pb_utf8((const uint8_t *)s, n) ? n : 1;
}

size_t
grpc_percent(char *dst, size_t size, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c;
	size_t i, len = 0, n;

	for (; *s != '\0'; s += n) {
		c = *s;
		n = 1;
		if (c >= 0x20 && c <= 0x7e && c != '%') {
			if (len + 1 >= size)
				break;
			dst[len++] = c;
			continue;
		}
		n = character(s);
		if (len + 3 * n >= size)
			break;
		for (i = 0; i < n; i++) {
			c = s[i];
			dst[len++] = '%';
			dst[len++] = hex[c >> 4];
			dst[len++] = hex[c & 15];
		}
	}
	dst[len] = '\0';
	return len;
}
