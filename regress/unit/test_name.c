/* LINK: supervisor/name.c supervisor/auth.c */
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

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth.h"
#include "name.h"

#define UUID "e518e074-6051-42cb-ad7f-b03e7cfc6252"

static void
test_good(void **state)
{
	struct job_name n;
	const char *why;

	(void)state;
	assert_int_equal(name_parse_job("users/bob/jobs/" UUID, &n, &why), 0);
	assert_string_equal(n.user, "bob");
	assert_string_equal(n.uuid, UUID);
	assert_int_equal(name_parse_job("users/-/jobs/" UUID, &n, &why), 0);
	assert_true(name_any_user(&n));
	assert_int_equal(name_parse_job("users/uid%3Aroot/jobs/" UUID, &n,
			     &why),
	    0);
	assert_string_equal(n.user, "uid%3Aroot");
	assert_int_equal(name_parse_parent("users/a.b_c@d-e", &n, &why), 0);
	/* Upper case is the same uuid. */
	assert_int_equal(
	    name_parse_job(
		"users/bob/jobs/E518E074-6051-42CB-AD7F-B03E7CFC6252", &n,
		&why),
	    0);
	assert_string_equal(n.uuid, UUID);
}

static void
test_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"users",
		"users/",
		"users//jobs/" UUID,
		"users/bob/jobs/",
		"users/bob/jobs",
		"users/bob/jobs/" UUID "0",
		"users/bob/jobs/" UUID "/",
		"users/bob/jobs/" UUID "/x",
		"Users/bob/jobs/" UUID,
		"users/bob/Jobs/" UUID,
		"/users/bob/jobs/" UUID,
		"users/b b/jobs/" UUID,
		"users/../jobs/" UUID "x",
		"users/b%/jobs/" UUID,
		"users/b%3/jobs/" UUID,
		"users/b%3a/jobs/" UUID,
		"users/b%41/jobs/" UUID,
		"users/b%00/jobs/" UUID,
		"users/bob/jobs/e518e074-6051-52cb-ad7f-b03e7cfc6252",
		"users/bob/jobs/e518e074-6051-42cb-cd7f-b03e7cfc6252",
		"users/bob/jobs/g518e074-6051-42cb-ad7f-b03e7cfc6252",
		"users/bob/jobs/../../../etc/passwd",
		"users/b\xc3\xb6/jobs/" UUID,
	};
	struct job_name n;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(name_parse_job(bad[i], &n, &why), -1);
	assert_int_equal(name_parse_parent("users/-", &n, &why), -1);
	assert_int_equal(name_parse_parent("users/bob/", &n, &why), -1);
	assert_int_equal(name_parse_parent("bob", &n, &why), -1);
}

static void
test_long_user(void **state)
{
	char text[512] = "users/";
	struct job_name n;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < MSG_IDENTITY_MAX; i++)
		strlcat(text, "%3A", sizeof(text));
	assert_int_equal(name_parse_parent(text, &n, &why), 0);
	strlcat(text, "a", sizeof(text));
	assert_int_equal(name_parse_parent(text, &n, &why), -1);
}

static void
test_encode(void **state)
{
	char buf[NAME_USER_MAX + 1], id[MSG_IDENTITY_MAX + 1];

	(void)state;
	name_encode_user("uid:root", buf, sizeof(buf));
	assert_string_equal(buf, "uid%3Aroot");
	name_encode_user("spiffe://x/y", buf, sizeof(buf));
	assert_string_equal(buf, "spiffe%3A%2F%2Fx%2Fy");
	memset(id, '/', MSG_IDENTITY_MAX);
	id[MSG_IDENTITY_MAX] = '\0';
	name_encode_user(id, buf, sizeof(buf));
	assert_int_equal(strlen(buf), NAME_USER_MAX);
}

static void
test_uuid(void **state)
{
	char a[MSG_UUID_LEN + 1], b[MSG_UUID_LEN + 1], text[128];
	struct job_name n;
	const char *why;

	(void)state;
	name_new_uuid(a);
	name_new_uuid(b);
	assert_string_not_equal(a, b);
	strlcpy(text, "users/x/jobs/", sizeof(text));
	strlcat(text, a, sizeof(text));
	assert_int_equal(name_parse_job(text, &n, &why), 0);
}

/* The rules of the shipped thd.conf. */
static void
test_rules(void **state)
{
	struct conf_rules rules = TAILQ_HEAD_INITIALIZER(rules);
	char tester[] = "tele-tester", admin[] = "admin";
	struct conf_rule own = { .permit = 1,
		.identity = tester,
		.methods = METHOD_ALL,
		.scope = SCOPE_OWN };
	struct conf_rule any = { .permit = 1,
		.identity = admin,
		.methods = METHOD_ALL,
		.scope = SCOPE_ANY };
	struct conf_rule deny = { .permit = 0,
		.identity = admin,
		.methods = METHOD_STOP,
		.scope = SCOPE_ANY };
	unsigned int m;

	(void)state;
	for (m = 1; m <= METHOD_ALL; m <<= 1)
		assert_false(auth_permit(&rules, "tele-tester", m, 1));
	TAILQ_INSERT_TAIL(&rules, &own, entry);
	TAILQ_INSERT_TAIL(&rules, &any, entry);
	for (m = 1; m <= METHOD_ALL; m <<= 1) {
		assert_true(auth_permit(&rules, "tele-tester", m, 1));
		assert_false(auth_permit(&rules, "tele-tester", m, 0));
		assert_true(auth_permit(&rules, "admin", m, 1));
		assert_true(auth_permit(&rules, "admin", m, 0));
		assert_false(auth_permit(&rules, "bob", m, 1));
		assert_false(auth_permit(&rules, "tele-tester2", m, 1));
		assert_false(auth_permit(&rules, "tele", m, 1));
		assert_false(auth_permit(&rules, "", m, 1));
	}
	/* The last match wins. */
	TAILQ_INSERT_TAIL(&rules, &deny, entry);
	assert_false(auth_permit(&rules, "admin", METHOD_STOP, 1));
	assert_true(auth_permit(&rules, "admin", METHOD_WATCH, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_user),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
