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

#ifndef TH_FRONT_PBCHECK_H
#define TH_FRONT_PBCHECK_H

#include <sys/types.h>

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/*
 * Requests are checked and taken apart in one walk over their bytes, along
 * the descriptor that the compiler generated: nothing is allocated, so no
 * message can cost more than its own length.
 */

enum pb_error {
	PB_OK,
	PB_MALFORMED, /* not a message of this type */
	PB_UTF8, /* a string is not UTF-8 */
	PB_NUL /* a string has a NUL within */
};

/* A repeated string: each with its NUL, one after the other. */
struct pb_strings {
	char *buf; /* the caller's, with its size */
	size_t size;
	size_t len;
	uint32_t count;
	int overflow; /* there was not room for all */
};

/*
 * Where a field goes in the caller's struct. Its type follows from the
 * descriptor: const char * for a string, struct pb_strings for a repeated
 * one, uint64_t, int64_t and int32_t, int for bool. A message has its own map
 * and an int that is set to 1 when it is there. map<string, string> goes to a
 * struct pb_strings, keys and values in turn.
 */
struct pb_map {
	uint32_t number;
	size_t offset;
	const struct pb_map *sub;
	size_t nsub;
	size_t present;
};

struct pb_in {
	/* Room for the strings, as long as the whole message. */
	char *room;
	size_t size;
	size_t used;
	const char *field; /* with PB_NUL: the field's name */
};

/*
 * Walk the message. Fields that it does not have are left as they are;
 * unknown ones are skipped. The last of several wins.
 */
enum pb_error pb_decode(const ProtobufCMessageDescriptor *,
    const struct pb_map *, size_t, const uint8_t *, size_t, void *,
    struct pb_in *);

/* Is it valid UTF-8 (no overlong forms, no surrogates)? */
int pb_utf8(const uint8_t *, size_t);

#endif
