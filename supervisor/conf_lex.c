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
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_lex.h"
#include "conf_macro.h"
#include "log.h"

#define LEX_FILE_MAX (1024 * 1024)
#define LEX_LINE_MAX 4095
#define LEX_DEPTH_MAX 16
#define LEX_FILES_MAX 256 /* in one parse, so that includes cannot multiply */

/* A file being read: held whole, so that it cannot change under the lexer. */
struct source {
	char *buf;
	size_t len;
	size_t off;
	struct lex_pos pos;
	unsigned int braces; /* open ones */
	dev_t dev;
	ino_t ino;
};

static struct {
	struct source stack[LEX_DEPTH_MAX];
	unsigned int depth;
	char *names[LEX_FILES_MAX];
	unsigned int nnames;
	const char *expand; /* rest of a macro's value; NULL: none */
	char *include; /* file to enter at the end of the line */
	char text[LEX_LINE_MAX + 1];
	size_t len;
	enum lex_kind last;
	struct lex_pos pos;
	int skip;
	unsigned int errors;
} lx;

static void report(struct lex_pos, const char *, va_list)
    __attribute__((format(printf, 2, 0)));

static void
report(struct lex_pos pos, const char *fmt, va_list ap)
{
	char *text;

	lx.errors++;
	if (vasprintf(&text, fmt, ap) == -1)
		return;
	if (pos.line == 0)
		log_plain("%s: %s", pos.file, text);
	else
		log_plain("%s:%u: %s", pos.file, pos.line, text);
	free(text);
}

void
lex_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(lx.pos, fmt, ap);
	va_end(ap);
}

void
lex_error_at(struct lex_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(pos, fmt, ap);
	va_end(ap);
}

const char *
lex_text(void)
{
	return lx.text;
}

struct lex_pos
lex_pos(void)
{
	return lx.pos;
}

void
lex_macro(const char *name, const char *value)
{
	const char *why;

	if ((why = macro_define(name, value)) != NULL)
		lex_error("macro \"%s\": %s", log_vis(name), why);
}

/* -------------------------------------------------------------- files */

/* Report what is wrong with a file: by its name, and where it was asked. */
static void
file_error(const char *path, const char *why)
{
	struct lex_pos whole;

	whole.file = log_vis(path);
	whole.line = 0;
	if (lx.depth == 0)
		lex_error_at(whole, "%s", why);
	else
		lex_error("%s: %s", whole.file, why);
}

/* Why the file may not be trusted, or NULL. */
static const char *
check_stat(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_uid != 0 && st->st_uid != getuid())
		return "must be owned by root or by whoever reads it";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "must not be writable by group or others";
	if (st->st_size > LEX_FILE_MAX)
		return "is larger than a megabyte";
	return NULL;
}

/* An include that includes itself would never end. */
static int
is_open(const struct stat *st)
{
	unsigned int i;

	for (i = 0; i < lx.depth; i++) {
		if (lx.stack[i].dev == st->st_dev &&
		    lx.stack[i].ino == st->st_ino)
			return 1;
	}
	return 0;
}

/* Read it all. Returns NULL, or why not. */
static const char *
slurp(int fd, struct source *src)
{
	ssize_t n;

	if ((src->buf = malloc(LEX_FILE_MAX + 1)) == NULL)
		return strerror(errno);
	while ((n = read(fd, src->buf + src->len,
		    LEX_FILE_MAX + 1 - src->len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return strerror(errno);
		src->len += n;
		if (src->len > LEX_FILE_MAX)
			return "is larger than a megabyte";
	}
	return NULL;
}

/* Is it text of lines of bearable length? Reports the first that is not. */
static int
check_text(const struct source *src)
{
	struct lex_pos pos = src->pos;
	size_t i, begin = 0;
	unsigned char c;

	for (i = 0; i < src->len; i++) {
		c = src->buf[i];
		if (c == '\n') {
			pos.line++;
			begin = i + 1;
		} else if ((c < ' ' && c != '\t') || c == 0x7f) {
			lex_error_at(pos,
			    "byte 0x%02x is not text, expected "
			    "printable characters, blanks and tabs",
			    c);
			return -1;
		} else if (i - begin >= LEX_LINE_MAX) {
			lex_error_at(pos,
			    "the line is too long, "
			    "expected at most %d bytes",
			    LEX_LINE_MAX);
			return -1;
		}
	}
	return 0;
}

static const char *
open_file(const char *path, int *fd, struct source *src)
{
	struct stat st;
	const char *why;

	/* O_NONBLOCK: opening a fifo must not wait for a writer. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd == -1 || fstat(*fd, &st) == -1)
		return strerror(errno);
	if ((why = check_stat(&st)) != NULL)
		return why;
	if (is_open(&st))
		return "includes itself";
	src->dev = st.st_dev;
	src->ino = st.st_ino;
	return slurp(*fd, src);
}

/* Begin with a file, whose name becomes ours. 0, or -1: reported. */
static int
push_file(char *path)
{
	struct source src;
	const char *why = NULL;
	int fd = -1, ok = 0;

	memset(&src, 0, sizeof(src));
	if (lx.depth == LEX_DEPTH_MAX)
		why = "includes are nested deeper than 16";
	else if (lx.nnames == LEX_FILES_MAX)
		why = "more than 256 files are included";
	else
		why = open_file(path, &fd, &src);
	if (why != NULL) {
		file_error(path, why);
		free(path);
	} else {
		lx.names[lx.nnames++] = path;
		src.pos.file = path;
		src.pos.line = 1;
		ok = check_text(&src) == 0;
	}
	if (fd != -1)
		close(fd);
	if (!ok) {
		free(src.buf);
		return -1;
	}
	lx.stack[lx.depth++] = src;
	return 0;
}

static void
pop_file(void)
{
	free(lx.stack[--lx.depth].buf);
}

void
lex_include(const char *path)
{
	const char *from = lx.stack[lx.depth - 1].pos.file, *slash;
	int dirlen;

	slash = strrchr(from, '/');
	dirlen = path[0] == '/' || slash == NULL ? 0 : slash - from + 1;
	free(lx.include);
	if (asprintf(&lx.include, "%.*s%s", dirlen, from, path) == -1) {
		lx.include = NULL;
		lex_error("%s", strerror(errno));
	}
}

int
lex_open(const char *path)
{
	char *copy;

	memset(&lx, 0, sizeof(lx));
	lx.last = LEX_NL;
	lx.pos.file = path;
	if ((copy = strdup(path)) == NULL) {
		lex_error("%s", strerror(errno));
		return -1;
	}
	return push_file(copy);
}

unsigned int
lex_close(void)
{
	unsigned int errors = lx.errors;

	while (lx.depth > 0)
		pop_file();
	while (lx.nnames > 0)
		free(lx.names[--lx.nnames]);
	macro_forget();
	free(lx.include);
	memset(&lx, 0, sizeof(lx));
	return errors;
}

/* ------------------------------------------------------------- tokens */

/* The next byte, of a macro's value before the file's. */
static int
peek(void)
{
	struct source *src = &lx.stack[lx.depth - 1];

	if (lx.expand != NULL && *lx.expand == '\0')
		lx.expand = NULL;
	if (lx.expand != NULL)
		return (unsigned char)*lx.expand;
	return src->off < src->len ? (unsigned char)src->buf[src->off] : EOF;
}

static void
advance(void)
{
	struct source *src = &lx.stack[lx.depth - 1];

	if (lx.expand != NULL) {
		lx.expand++;
		return;
	}
	if (src->buf[src->off++] == '\n')
		src->pos.line++;
}

static int
at_continuation(void)
{
	const struct source *src = &lx.stack[lx.depth - 1];

	return lx.expand == NULL && src->len - src->off >= 2 &&
	    memcmp(src->buf + src->off, "\\\n", 2) == 0;
}

static void
skip_blanks(void)
{
	int c;

	for (;;) {
		c = peek();
		if (c == '#') {
			while ((c = peek()) != EOF && c != '\n')
				advance();
		} else if (c == ' ' || c == '\t') {
			advance();
		} else if (c == '\\' && at_continuation()) {
			advance();
			advance();
		} else
			return;
	}
}

/* Append to the token. -1: too long, reported once. */
static int
put(int c)
{
	if (lx.len == LEX_LINE_MAX) {
		lex_error("the word is too long, expected at most %d bytes",
		    LEX_LINE_MAX);
		lx.len++;
	}
	if (lx.len > LEX_LINE_MAX)
		return -1;
	lx.text[lx.len++] = c;
	lx.text[lx.len] = '\0';
	return 0;
}

/* Before '$': go on in the value of the macro. 0, or -1: reported. */
static int
expand_macro(void)
{
	char name[MACRO_NAME_MAX + 1];
	size_t len = 0;
	int c, nested = lx.expand != NULL;

	advance();
	while (len < MACRO_NAME_MAX && macro_isnamechar(c = peek())) {
		name[len++] = c;
		advance();
	}
	name[len] = '\0';
	if (nested) {
		lex_error("the value of a macro cannot use the macro \"$%s\"",
		    name);
		return -1;
	}
	if ((lx.expand = macro_value(name)) != NULL)
		return 0;
	lex_error("macro \"$%s\" is not defined, expected \"%s = ...\" above",
	    name, len == 0 ? "name" : name);
	return -1;
}

static enum lex_kind
scan_quoted(int quote)
{
	int c, bad = 0;

	for (advance(); (c = peek()) != quote; advance()) {
		if (c == '\\') {
			advance();
			c = peek();
			if (c != '\\' && c != '"' && c != '\'' && c != '\n' &&
			    c != EOF) {
				if (!bad)
					lex_error("bad escape in a string, "
						  "expected \\\\, \\\" or \\'");
				bad = 1;
			}
		}
		if (c == EOF || c == '\n') {
			lex_error("the string does not end, expected %c",
			    quote);
			return LEX_ERROR;
		}
		if (put(c) == -1)
			bad = 1;
	}
	advance();
	return bad ? LEX_ERROR : LEX_QUOTED;
}

static enum lex_kind
scan_word(void)
{
	int c, bad = 0;

	while ((c = peek()) != EOF && strchr(" \t\n{},=#\"'\\", c) == NULL) {
		if (c == '$') {
			bad |= expand_macro();
			continue;
		}
		bad |= put(c);
		advance();
	}
	if (bad)
		return LEX_ERROR;
	if (lx.len == 0) {
		put(c);
		advance();
		lex_error("stray \"%s\", expected it at the end of a line "
			  "or in quotes",
		    lx.text);
		return LEX_ERROR;
	}
	skip_blanks();
	if (peek() != '=')
		return LEX_WORD;
	advance();
	return LEX_MACRO;
}

/* A file ends as if its line and its block were complete. */
static enum lex_kind
scan_eof(void)
{
	struct source *src = &lx.stack[lx.depth - 1];

	if (lx.last != LEX_NL)
		return LEX_NL;
	if (src->braces > 0) {
		lex_error("the file ends within a block, expected \"}\"");
		src->braces = 0;
		if (lx.skip > 1)
			lx.skip = 1; /* no block goes on in another file */
		return LEX_CLOSE;
	}
	return LEX_EOF;
}

static enum lex_kind
scan_punct(int c)
{
	static const struct {
		char c;
		enum lex_kind kind;
	} puncts[] = { { '\n', LEX_NL }, { '{', LEX_OPEN }, { '}', LEX_CLOSE },
		{ ',', LEX_COMMA }, { '=', LEX_EQUAL } };
	struct source *src = &lx.stack[lx.depth - 1];
	size_t i;

	for (i = 0; i < sizeof(puncts) / sizeof(puncts[0]); i++) {
		if (puncts[i].c != c)
			continue;
		put(c);
		advance();
		if (c == '{')
			src->braces++;
		else if (c == '}' && src->braces > 0)
			src->braces--;
		return puncts[i].kind;
	}
	return LEX_ERROR;
}

static enum lex_kind
scan(void)
{
	enum lex_kind kind;
	int c;

	lx.len = 0;
	lx.text[0] = '\0';
	for (;;) {
		skip_blanks();
		lx.pos = lx.stack[lx.depth - 1].pos;
		if ((c = peek()) != '$')
			break;
		if (expand_macro() == -1)
			return LEX_ERROR;
	}
	if (c == EOF)
		return scan_eof();
	if (c == '"' || c == '\'')
		return scan_quoted(c);
	if ((kind = scan_punct(c)) != LEX_ERROR)
		return kind;
	return scan_word();
}

void
lex_skip_block(void)
{
	lx.skip = 1;
}

enum lex_kind
lex_next(void)
{
	char *path;

	if (lx.include != NULL && lx.last == LEX_NL) {
		path = lx.include;
		lx.include = NULL;
		(void)push_file(path);
	}
	for (;;) {
		lx.last = scan();
		if (lx.last == LEX_EOF && lx.depth > 1)
			pop_file();
		else if (lx.skip == 0 || lx.last == LEX_EOF)
			break;
		else if (lx.last == LEX_OPEN)
			lx.skip++;
		else if (lx.last == LEX_CLOSE && --lx.skip == 0)
			break;
	}
	return lx.last;
}
