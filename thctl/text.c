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

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <vis.h>

#include "text.h"
#include "thctl.h"

#define SAFE_BUFFERS 4

size_t
utf8_length(const char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c;
	size_t i, n;

	if (p[0] < 0x80)
		return p[0] != '\0';
	if (p[0] >= 0xc2 && p[0] < 0xe0)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] < 0xf0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] < 0xf5)
		n = 4;
	else
		return 0;
	c = p[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

/* How many bytes can go to a terminal as they are; 0: escape one. */
static size_t
printable(const char *s)
{
	size_t n = utf8_length(s);

	if (n == 1)
		return isprint((unsigned char)*s) ? 1 : 0;
	/* U+0080 to U+009F are control characters, too. */
	if (n == 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0)
		return 0;
	return n;
}

const char *
safe(const char *s)
{
	static char bufs[SAFE_BUFFERS][4096];
	static unsigned int next;
	char *buf = bufs[next++ % SAFE_BUFFERS], *to = buf;
	/* Room for the longest escape and the end. */
	const char *last = buf + sizeof(bufs[0]) - 8;
	size_t n;

	while (*s != '\0' && to < last) {
		n = *s == '\\' ? 0 : printable(s);
		if (n == 0) {
			to = vis(to, (unsigned char)*s,
			    VIS_CSTYLE | VIS_NL | VIS_TAB, s[1]);
			s++;
		} else {
			memcpy(to, s, n);
			to += n;
			s += n;
		}
	}
	*to = '\0';
	return buf;
}

static int
is_plain(const char *s)
{
	if (*s == '\0')
		return 0;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) &&
		    strchr("_@%+=:,./-", *s) == NULL)
			return 0;
	return 1;
}

static int
all_printable(const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n)
		if ((n = printable(s)) == 0)
			return 0;
	return 1;
}

static void
print_quoted(FILE *f, const char *s)
{
	fputc('\'', f);
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs("'\\''", f);
		else
			fputc(*s, f);
	}
	fputc('\'', f);
}

static void
print_escaped(FILE *f, const char *s)
{
	size_t n;

	fputs("$'", f);
	for (; *s != '\0'; s += n) {
		n = printable(s);
		if (n == 0) {
			/* Three octal digits: the next may be a digit. */
			fprintf(f, "\\%03o", (unsigned char)*s);
			n = 1;
		} else {
			if (*s == '\'' || *s == '\\')
				fputc('\\', f);
			fwrite(s, 1, n, f);
		}
	}
	fputc('\'', f);
}

void
print_word(FILE *f, const char *s)
{
	if (is_plain(s))
		fputs(s, f);
	else if (all_printable(s))
		print_quoted(f, s);
	else
		print_escaped(f, s);
}
