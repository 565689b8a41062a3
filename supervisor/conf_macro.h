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

#ifndef TH_CONF_MACRO_H
#define TH_CONF_MACRO_H

/*
 * Macros of thd.conf. Those of conf_macro() (conf.h) stay, and hide those
 * that a file defines, which live for one parse.
 */

#define MACRO_NAME_MAX 64

/* Define or change one; returns NULL, or why it cannot be. */
const char *macro_define(const char *, const char *);

/* The value, good until the macro changes, or NULL. */
const char *macro_value(const char *);

/* Can a name contain this byte? */
int macro_isnamechar(int);

/* Free what the files have defined. */
void macro_forget(void);

#endif
