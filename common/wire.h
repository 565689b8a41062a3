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

#ifndef TH_WIRE_H
#define TH_WIRE_H

#include <sys/types.h>

#include <stdint.h>

/*
 * The bounded writer and reader for message payloads. A struct is described
 * by a table of its fields, and one function each way walks the table.
 * Integers travel in host order: both ends are on one machine.
 */

enum wire_type {
	WIRE_U8, /* uint8_t */
	WIRE_U16, /* uint16_t */
	WIRE_U32, /* uint32_t */
	WIRE_I32, /* int32_t */
	WIRE_U64, /* uint64_t */
	WIRE_I64, /* int64_t */
	WIRE_STR, /* const char *: length, bytes, NUL; no NUL within */
	WIRE_BYTES /* struct wire_bytes: length, bytes */
};

struct wire_bytes {
	const uint8_t *p;
	uint32_t len;
};

struct wire_field {
	enum wire_type type;
	size_t offset;
	uint32_t max; /* bytes at most, WIRE_STR and WIRE_BYTES */
};

/*
 * Write the struct into buf of size bytes. A NULL string is written as the
 * empty one. Returns the length, or -1 with errno: EMSGSIZE if a field or
 * the whole is too long, EINVAL for bytes of non-zero length at NULL.
 */
ssize_t wire_encode(const struct wire_field *, size_t, const void *, void *,
    size_t);

/*
 * Read the payload into the struct. Strings and bytes point into the
 * payload. Everything is checked before use, and nothing may be left over.
 * Returns 0, or -1 with errno EPROTO.
 */
int wire_decode(const struct wire_field *, size_t, void *, const void *,
    size_t);

/*
 * A list of strings in one block, each with its NUL, as in
 * /proc/PID/cmdline. Checks that the block holds exactly n strings.
 * Returns 0, or -1 with errno EPROTO.
 */
int wire_strings_check(const struct wire_bytes *, uint32_t);

/*
 * Split such a block into a NULL-terminated array after skip free slots.
 * The strings point into the block; the array is the caller's to free.
 * Returns NULL with errno on failure.
 */
char **wire_strings_split(const struct wire_bytes *, uint32_t, size_t);

#endif
