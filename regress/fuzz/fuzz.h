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

#ifndef TH_FUZZ_H
#define TH_FUZZ_H

#include <sys/types.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int LLVMFuzzerInitialize(int *, char ***);

/* Something that must hold for every input. */
#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__,    \
			    __LINE__, #x);                                     \
			abort();                                               \
		}                                                              \
	} while (0)

/* The input, taken from its front. What is missing reads as zeros. */
struct input {
	const uint8_t *p;
	size_t left;
};

static inline size_t
input_take(struct input *in, void *dst, size_t n)
{
	size_t have = n < in->left ? n : in->left;

	memset(dst, 0, n);
	if (have > 0)
		memcpy(dst, in->p, have);
	in->p += have;
	in->left -= have;
	return have;
}

static inline uint8_t
input_u8(struct input *in)
{
	uint8_t v;

	(void)input_take(in, &v, sizeof(v));
	return v;
}

static inline uint16_t
input_u16(struct input *in)
{
	uint16_t v;

	(void)input_take(in, &v, sizeof(v));
	return v;
}

/* In an allocation of its own, so that a step too far is seen. */
static inline void *
fuzz_copy(const void *p, size_t len)
{
	void *copy;

	if ((copy = malloc(len)) == NULL)
		abort();
	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

static inline char *
fuzz_string(const void *p, size_t len)
{
	char *copy;

	if ((copy = malloc(len + 1)) == NULL)
		abort();
	if (len > 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

#endif
