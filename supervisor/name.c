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
#include <sys/random.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

static int
plain(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '@' ||
	    c == '-';
}

static int
hexdigit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * One encoding per identity: upper-case hex, and never of a plain byte.
 * Otherwise one user would have two names.
 */
static int
escape_ok(const char *s)
{
	int hi, lo, c;

	if ((hi = hexdigit((unsigned char)s[1])) == -1 ||
	    (lo = hexdigit((unsigned char)s[2])) == -1)
		return 0;
	c = hi << 4 | lo;
	return c != 0 && !plain(c);
}

/* Copy {user} up to '/' or the end. Returns what follows, or NULL. */
static const char *
take_user(const char *s, char *user)
{
	size_t n = 0, decoded = 0, step;

	while (s[n] != '\0' && s[n] != '/') {
		step = 1;
		if (s[n] == '%' && escape_ok(s + n))
			step = 3;
		else if (!plain((unsigned char)s[n]))
			return NULL;
		n += step;
		if (++decoded > MSG_IDENTITY_MAX)
			return NULL;
	}
	if (n == 0)
		return NULL;
	memcpy(user, s, n);
	user[n] = '\0';
	return s + n;
}

static int
take_uuid(const char *s, char *uuid)
{
	size_t i;
	int c;

	for (i = 0; i < MSG_UUID_LEN; i++) {
		c = (unsigned char)s[i];
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return -1;
		} else if (!isxdigit(c)) {
			return -1;
		}
		uuid[i] = tolower(c);
	}
	uuid[i] = '\0';
	if (s[i] != '\0' || uuid[14] != '4' || strchr("89ab", uuid[19]) == NULL)
		return -1;
	return 0;
}

static const char *
take_users(const char *s, struct job_name *name)
{
	static const char prefix[] = "users/";

	memset(name, 0, sizeof(*name));
	if (strncmp(s, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	return take_user(s + sizeof(prefix) - 1, name->user);
}

int
name_parse_parent(const char *s, struct job_name *name, const char **why)
{
	const char *rest;

	*why = "expected users/{user}";
	rest = take_users(s, name);
	if (rest == NULL || *rest != '\0' || name_any_user(name))
		return -1;
	return 0;
}

int
name_parse_job(const char *s, struct job_name *name, const char **why)
{
	static const char jobs[] = "/jobs/";
	const char *rest;

	*why = "expected users/{user}/jobs/{uuid}";
	if ((rest = take_users(s, name)) == NULL)
		return -1;
	if (strncmp(rest, jobs, sizeof(jobs) - 1) != 0)
		return -1;
	return take_uuid(rest + sizeof(jobs) - 1, name->uuid);
}

int
name_any_user(const struct job_name *name)
{
	return strcmp(name->user, "-") == 0;
}

void
name_encode_user(const char *identity, char *buf, size_t size)
{
	size_t n = 0;

	for (; *identity != '\0' && n + 4 <= size; identity++) {
		if (plain((unsigned char)*identity))
			buf[n++] = *identity;
		else
			n += snprintf(buf + n, size - n, "%%%02X",
			    (unsigned char)*identity);
	}
	buf[n] = '\0';
}

int
name_identity_ok(const char *s)
{
	size_t i, len = strlen(s);

	if (len == 0 || len > MSG_IDENTITY_MAX || strcmp(s, "-") == 0)
		return 0;
	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f)
			return 0;
	return 1;
}

void
name_new_uuid(char *buf)
{
	uint8_t r[16];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		abort();
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	snprintf(buf, MSG_UUID_LEN + 1,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
	    r[11], r[12], r[13], r[14], r[15]);
}
