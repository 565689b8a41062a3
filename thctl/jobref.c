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

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "jobref.h"
#include "thctl.h"

#define UUID_LEN 36

static int
is_uuid(const char *s)
{
	size_t i;

	for (i = 0; i < UUID_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return 0;
		} else if (!isxdigit((unsigned char)s[i])) {
			return 0;
		}
	}
	return s[UUID_LEN] == '\0';
}

/* users/USER/jobs/UUID, where the daemon looks closer at USER. */
static int
is_full(const char *s)
{
	const char *user, *end;

	if (strncmp(s, "users/", 6) != 0)
		return 0;
	user = s + 6;
	end = strchr(user, '/');
	return end != NULL && end != user && strncmp(end, "/jobs/", 6) == 0 &&
	    is_uuid(end + 6);
}

int
jobref(const char *ref, char *name, size_t size)
{
	char *p;
	int n;

	if (is_full(ref)) {
		n = snprintf(name, size, "%s", ref);
	} else if (is_uuid(ref)) {
		n = snprintf(name, size, "users/-/jobs/%s", ref);
	} else {
		warnx("%s: not the uuid of a job, nor a name as "
		      "users/USER/jobs/UUID",
		    safe(ref));
		return -1;
	}
	if (n < 0 || (size_t)n >= size) {
		warnx("%s: the name is too long", safe(ref));
		return -1;
	}
	/* Names are compared as bytes, and uuids are kept in small letters. */
	for (p = name + n - UUID_LEN; *p != '\0'; p++)
		*p = tolower((unsigned char)*p);
	return 0;
}
