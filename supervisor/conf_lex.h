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

#ifndef TH_CONF_LEX_H
#define TH_CONF_LEX_H

#include <sys/cdefs.h>

/*
 * The words of thd.conf: files, includes, macros, comments, quotes. The
 * grammar above it (parse.y) gives words their meaning. There is one lexer,
 * used from lex_open() to lex_close().
 */

enum lex_kind {
	LEX_EOF,
	LEX_NL, /* end of a line; each file ends with one */
	LEX_WORD,
	LEX_QUOTED, /* never a keyword */
	LEX_MACRO, /* a word and the '=' after it */
	LEX_OPEN, /* { */
	LEX_CLOSE, /* } */
	LEX_COMMA,
	LEX_EQUAL, /* without a word before it */
	LEX_ERROR /* already reported */
};

/* Line 0 stands for the file as a whole. The name lives to lex_close(). */
struct lex_pos {
	const char *file;
	unsigned int line;
};

/* Begin with this file. 0, or -1 with the error reported. */
int lex_open(const char *);

/* Free everything but the macros of conf_macro(). Returns errors reported. */
unsigned int lex_close(void);

enum lex_kind lex_next(void);

/* Text and position of the token that lex_next() returned last. */
const char *lex_text(void);
struct lex_pos lex_pos(void);

/* Go on in this file when the line has ended; a name relative to it. */
void lex_include(const char *);

/* After LEX_OPEN: the next token is the brace that closes it. */
void lex_skip_block(void);

/* Define a macro for the rest of this parse; errors are reported. */
void lex_macro(const char *, const char *);

/* Report "file:line: text" at the last token, or at the position. */
void lex_error(const char *, ...) __attribute__((format(printf, 1, 2)));
void lex_error_at(struct lex_pos, const char *, ...)
    __attribute__((format(printf, 2, 3)));

#endif
