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

#ifndef TH_JSON_H
#define TH_JSON_H

#include <stdint.h>
#include <stdio.h>

/* Writes JSON on one line. The key is NULL within a list. */
struct json {
	FILE *f;
	int comma; /* something stands before */
};

/* An object ('{') or a list ('['), and its end ('}' or ']'). */
void json_begin(struct json *, const char *, int);
void json_end(struct json *, int);
void json_string(struct json *, const char *, const char *);
void json_int(struct json *, const char *, int);
/* 64-bit numbers are strings: readers may not have the precision. */
void json_uint64(struct json *, const char *, uint64_t);
void json_bool(struct json *, const char *, int);

#endif
