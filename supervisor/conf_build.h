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

#ifndef TH_CONF_BUILD_H
#define TH_CONF_BUILD_H

#include "conf.h"

/*
 * What the statements of thd.conf do: they fill the one configuration that
 * is being parsed. Errors are reported with lex_error(); the statement is
 * then left out and the parse goes on. Strings given as char * are freed.
 * Those that return int return -1 only if memory is short, also reported.
 */

int build_begin(const char *);

/* After the last statement: what only the whole file can tell. */
void build_finish(void);

/* Hand over what was built, or, if it is no good, free it: NULL. */
struct conf *build_end(int);

/* Keys by their number in conf_val.h. */
void build_key(unsigned int, char *);
void build_class_key(unsigned int, char *);

/* Path and mode; NULL: no socket, mode not given. */
void build_socket(char *, char *);
void build_listen(char *, char *);
int build_rule(int, char *, unsigned int, enum rule_scope);

/* The METHOD_ bit of a name; 0 if there is none. */
unsigned int build_method(char *);

/* Begin and end a block of class keys. */
int build_class(char *);
void build_class_end(void);

#endif
