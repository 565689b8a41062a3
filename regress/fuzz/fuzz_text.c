/* LINK: thctl/text.c */
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

#include "text.h"
#include "thctl.h"

#include "fuzz.h"

/*
 * Names, errors and commands that thctl prints: nothing that a terminal
 * would act on gets through, however it is written.
 */

static void
check_terminal(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n;

	for (; *p != '\0'; p += n) {
		n = utf8_length((const char *)p);
		MUST(n > 0);
		MUST(*p >= 0x20 && *p != 0x7f);
		MUST(n != 2 || p[0] != 0xc2 || p[1] >= 0xa0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size), *word = NULL;
	size_t len;
	FILE *f;

	check_terminal(safe(s));
	MUST((f = open_memstream(&word, &len)) != NULL);
	print_word(f, s);
	MUST(fclose(f) == 0);
	MUST(len > 0);
	check_terminal(word);
	/* One word for a shell: blanks only within quotes. */
	if (word[0] != '\'' && word[0] != '$')
		MUST(strpbrk(word, " \t\n;&|<>()`\"'\\*?#~") == NULL);
	free(word);
	free(s);
	return 0;
}
