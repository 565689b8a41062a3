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

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

static void
character(FILE *f, const char *s, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *p;

	if (len == 0)
		fputs("\\ufffd", f); /* JSON has no other bytes than UTF-8 */
	else if ((p = strchr(from, *s)) != NULL)
		fprintf(f, "\\%c", to[p - from]);
	else if (len == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f))
		fprintf(f, "\\u%04x", *s);
	else
		fwrite(s, 1, len, f);
}

static void
quoted(FILE *f, const char *s)
{
	size_t n;

	fputc('"', f);
	while (*s != '\0') {
		n = utf8_length(s);
		character(f, s, n);
		s += n == 0 ? 1 : n;
	}
	fputc('"', f);
}

static void
key(struct json *j, const char *name)
{
	if (j->comma)
		fputc(',', j->f);
	j->comma = 1;
	if (name != NULL) {
		quoted(j->f, name);
		fputc(':', j->f);
	}
}

void
json_begin(struct json *j, const char *name, int bracket)
{
	key(j, name);
	fputc(bracket, j->f);
	j->comma = 0;
}

void
json_end(struct json *j, int bracket)
{
	fputc(bracket, j->f);
	j->comma = 1;
}

void
json_string(struct json *j, const char *name, const char *value)
{
	key(j, name);
	quoted(j->f, value);
}

void
json_int(struct json *j, const char *name, int value)
{
	key(j, name);
	fprintf(j->f, "%d", value);
}

void
json_uint64(struct json *j, const char *name, uint64_t value)
{
	key(j, name);
	fprintf(j->f, "\"%" PRIu64 "\"", value);
}

void
json_bool(struct json *j, const char *name, int value)
{
	key(j, name);
	fputs(value ? "true" : "false", j->f);
}
