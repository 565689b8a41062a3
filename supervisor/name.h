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

#ifndef TH_NAME_H
#define TH_NAME_H

#include <stddef.h>

#include "msg.h"

/*
 * Resource names: users/{user} and users/{user}/jobs/{uuid4}. {user} is an
 * identity with every byte outside [A-Za-z0-9._@-] percent-encoded, or "-",
 * any user, where a job is looked up.
 */

#define NAME_USER_MAX (3 * MSG_IDENTITY_MAX)

struct job_name {
	char user[NAME_USER_MAX + 1]; /* encoded */
	char uuid[MSG_UUID_LEN + 1]; /* lower case */
};

/*
 * Parse a parent or a job's name. Return 0, or -1 if it is malformed; *why
 * then says what was expected.
 */
int name_parse_parent(const char *, struct job_name *, const char **);
int name_parse_job(const char *, struct job_name *, const char **);

/* Is the user of the name "-"? */
int name_any_user(const struct job_name *);

/* Encode an identity as {user}; it always fits NAME_USER_MAX + 1 bytes. */
void name_encode_user(const char *, char *, size_t);

/* May this text be an identity? uid:NAME is for local users. */
int name_identity_ok(const char *);

/* A new random uuid, version 4, of MSG_UUID_LEN bytes and a NUL. */
void name_new_uuid(char *);

#endif
