/* LINK: supervisor/name.c */
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

#include "name.h"

#include "fuzz.h"

/* Resource names, and identities that become part of them. */

/* The identity in a name, encoded again, is the same: it has no other. */
static void
check_user(const char *user)
{
	char identity[NAME_USER_MAX + 1], again[NAME_USER_MAX + 1];
	unsigned int c;
	size_t n = 0;

	for (; *user != '\0'; user++) {
		if (*user == '%') {
			MUST(sscanf(user + 1, "%2x", &c) == 1 && c != 0);
			identity[n++] = c;
			user += 2;
		} else {
			identity[n++] = *user;
		}
	}
	identity[n] = '\0';
	MUST(n >= 1 && n <= MSG_IDENTITY_MAX);
	name_encode_user(identity, again, sizeof(again));
	MUST(strcmp(again, user - strlen(again)) == 0);
}

static void
check_job(const char *s)
{
	struct job_name name;
	char again[MSG_NAME_MAX + 1];
	const char *why = NULL;
	size_t i;

	if (name_parse_job(s, &name, &why) == -1) {
		MUST(why != NULL);
		return;
	}
	MUST(strlen(name.user) >= 1 && strlen(name.user) <= NAME_USER_MAX);
	check_user(name.user);
	MUST(strlen(name.uuid) == MSG_UUID_LEN);
	for (i = 0; name.uuid[i] != '\0'; i++)
		MUST(!isupper((unsigned char)name.uuid[i]));
	/* It is the only spelling but for the case of the uuid. */
	snprintf(again, sizeof(again), "users/%s/jobs/%s", name.user,
	    name.uuid);
	MUST(strcasecmp(s, again) == 0);
	MUST(strncmp(s, again, strlen(s) - MSG_UUID_LEN) == 0);
}

static void
check_parent(const char *s)
{
	struct job_name name;
	const char *why = NULL;

	if (name_parse_parent(s, &name, &why) == -1) {
		MUST(why != NULL);
		return;
	}
	MUST(strlen(name.user) <= NAME_USER_MAX && !name_any_user(&name));
	MUST(strcmp(s + strlen("users/"), name.user) == 0);
	check_user(name.user);
}

/* An identity has one name as a user, and it is read back. */
static void
check_identity(const char *s)
{
	char user[NAME_USER_MAX + 1], parent[sizeof("users/") + NAME_USER_MAX];
	struct job_name name;
	const char *why;

	if (!name_identity_ok(s))
		return;
	MUST(strlen(s) <= MSG_IDENTITY_MAX);
	name_encode_user(s, user, sizeof(user));
	snprintf(parent, sizeof(parent), "users/%s", user);
	MUST(name_parse_parent(parent, &name, &why) == 0);
	MUST(strcmp(name.user, user) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size);

	check_job(s);
	check_parent(s);
	check_identity(s);
	free(s);
	return 0;
}
