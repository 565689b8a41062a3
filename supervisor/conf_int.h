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

#ifndef TH_CONF_INT_H
#define TH_CONF_INT_H

#include "conf.h"

/*
 * What the grammar needs of conf.c and nobody else. Functions that allocate
 * return -1 or NULL with errno when memory is short.
 */

/* Names of METHOD_ bits, from bit 0; NULL ends them. */
extern const char *const conf_methods[];

/* Everything at its default, with the class "default". */
struct conf *conf_new(const char *);

/*
 * The class of that name, so that it can be filled: a new one starts from
 * the values of "default".
 */
struct conf_class *conf_add_class(struct conf *, const char *);

/* Copies host and port. */
int conf_add_listen(struct conf *, const char *, const char *, unsigned int);

/* Is it a numeric address, of IPv6 with or without a scope? */
int conf_isaddress(const char *);

/*
 * Are two of the three accounts the same one? If so, gives their keys
 * (conf_val.h). Names can only be compared as numbers once they are resolved.
 */
int conf_users_clash(const struct conf *, unsigned int *, unsigned int *);

/* Defaults that depend on others: addresses and, if wanted, the socket. */
int conf_complete(struct conf *, int);

#endif
