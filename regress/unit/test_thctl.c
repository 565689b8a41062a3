/* LINK: thctl/api.c thctl/client.c thctl/decode.c thctl/help.c */
/* LINK: thctl/jobref.c thctl/jobs.c thctl/json.c thctl/optable.c */
/* LINK: thctl/opts.c thctl/output.c thctl/pki.c thctl/print.c thctl/run.c */
/* LINK: thctl/settings.c thctl/text.c thctl/tls.c thctl/transport.c */
/* LINK: thctl/v_pki.c thctl/verbs.c */
/* LIBS: libssl libcrypto libnghttp2 libprotobuf-c */
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

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api.h"
#include "jobref.h"
#include "json.h"
#include "text.h"
#include "verbs.h"

#define UUID "e518e074-6051-42cb-ad7f-b03e7cfc6252"
#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} t[] = { { "90s", 90000 }, { "1m30s", 90000 }, { "500ms", 500 },
		{ "1m500ms", 60500 }, { "0s", 0 }, { "2d", 172800000 },
		{ "1d1h1m1s1ms", 90061001 }, { "3650d", 315360000000 },
		{ "", -1 }, { "5", -1 }, { "s", -1 }, { "1s1m", -1 },
		{ "1s1s", -1 }, { "-1s", -1 }, { " 1s", -1 }, { "1s ", -1 },
		{ "1.5s", -1 }, { "1y", -1 }, { "3651d", -1 },
		{ "3650d1s", -1 }, { "99999999999999999999s", -1 } };
	size_t i;

	(void)state;
	for (i = 0; i < NITEMS(t); i++)
		assert_int_equal(parse_duration(t[i].text), t[i].ms);
}

static void
test_jobref(void **state)
{
	char name[512], small[16];

	(void)state;
	assert_int_equal(jobref(UUID, name, sizeof(name)), 0);
	assert_string_equal(name, "users/-/jobs/" UUID);
	assert_int_equal(jobref("E518E074-6051-42CB-AD7F-B03E7CFC6252", name,
			     sizeof(name)),
	    0);
	assert_string_equal(name, "users/-/jobs/" UUID);
	/* The user is not ours to change. */
	assert_int_equal(jobref("users/Bob%3A/jobs/" UUID, name, sizeof(name)),
	    0);
	assert_string_equal(name, "users/Bob%3A/jobs/" UUID);
	assert_int_equal(jobref("", name, sizeof(name)), -1);
	assert_int_equal(jobref("e518e074", name, sizeof(name)), -1);
	assert_int_equal(jobref(UUID "0", name, sizeof(name)), -1);
	assert_int_equal(jobref("users//jobs/" UUID, name, sizeof(name)), -1);
	assert_int_equal(jobref("users/a/b/jobs/" UUID, name, sizeof(name)),
	    -1);
	assert_int_equal(jobref("users/a/jobs/", name, sizeof(name)), -1);
	assert_int_equal(jobref(UUID, small, sizeof(small)), -1);
}

static void
test_safe(void **state)
{
	char big[10000];

	(void)state;
	assert_string_equal(safe("a b"), "a b");
	assert_string_equal(safe("\303\251"), "\303\251");
	assert_string_equal(safe("a\nb\\"), "a\\nb\\\\");
	assert_null(strchr(safe("\033[1m"), '\033'));
	/* The control sequence introducer of eight bits, bare and in UTF-8. */
	assert_null(strchr(safe("\233"), '\233'));
	assert_null(strchr(safe("\302\233"), '\233'));
	memset(big, '\1', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_in_range(strlen(safe(big)), 4000, 4095);
}

static void
test_utf8(void **state)
{
	(void)state;
	assert_int_equal(utf8_length(""), 0);
	assert_int_equal(utf8_length("a"), 1);
	assert_int_equal(utf8_length("\303\251"), 2);
	assert_int_equal(utf8_length("\342\202\254"), 3);
	assert_int_equal(utf8_length("\360\237\230\200"), 4);
	assert_int_equal(utf8_length("\303"), 0); /* cut */
	assert_int_equal(utf8_length("\300\200"), 0); /* overlong */
	assert_int_equal(utf8_length("\340\200\200"), 0);
	assert_int_equal(utf8_length("\355\240\200"), 0); /* surrogate */
	assert_int_equal(utf8_length("\364\220\200\200"), 0);
	assert_int_equal(utf8_length("\200"), 0);
}

/* What a function prints with a stream; static buffer. */
static const char *
word(const char *s)
{
	static char buf[256];
	FILE *f;

	memset(buf, 0, sizeof(buf));
	f = fmemopen(buf, sizeof(buf), "w");
	assert_non_null(f);
	print_word(f, s);
	fclose(f);
	return buf;
}

static void
test_word(void **state)
{
	(void)state;
	assert_string_equal(word("/bin/ls"), "/bin/ls");
	assert_string_equal(word(""), "''");
	assert_string_equal(word("a b"), "'a b'");
	assert_string_equal(word("it's"), "'it'\\''s'");
	assert_string_equal(word("a\n1'\\"), "$'a\\0121\\'\\\\'");
	assert_string_equal(word("\377"), "$'\\377'");
}

static void
test_json(void **state)
{
	static char buf[512];
	struct json j = { NULL, 0 };

	(void)state;
	j.f = fmemopen(buf, sizeof(buf), "w");
	assert_non_null(j.f);
	json_begin(&j, NULL, '{');
	json_string(&j, "a", "\"\\/\b\n\1\377\303\251");
	json_begin(&j, "b", '[');
	json_end(&j, ']');
	json_begin(&j, "c", '[');
	json_string(&j, NULL, "x");
	json_string(&j, NULL, "y");
	json_end(&j, ']');
	json_int(&j, "d", -1);
	json_uint64(&j, "e", UINT64_MAX);
	json_bool(&j, "f", 1);
	json_end(&j, '}');
	fclose(j.f);
	assert_string_equal(buf,
	    "{\"a\":\"\\\"\\\\/\\b\\n\\u0001\\ufffd\303\251\",\"b\":[],"
	    "\"c\":[\"x\",\"y\"],\"d\":-1,\"e\":\"18446744073709551615\","
	    "\"f\":true}");
}

static const char *
percent(const char *in, size_t size)
{
	static char buf[64];

	percent_decode((const uint8_t *)in, strlen(in), buf, size);
	return buf;
}

static void
test_percent(void **state)
{
	(void)state;
	assert_string_equal(percent("a%20b%C3%a9", 64), "a b\303\251");
	assert_string_equal(percent("100%", 64), "100%");
	assert_string_equal(percent("%2", 64), "%2");
	assert_string_equal(percent("%zz%41", 64), "%zzA");
	assert_string_equal(percent("abcdef", 4), "abc");
}

static int
parse(struct options *o, const char *verb, char **argv)
{
	int argc;

	memset(o, 0, sizeof(*o));
	o->grace_ms = o->timeout_ms = -1;
	for (argc = 0; argv[argc] != NULL; argc++)
		;
	return options_parse(o, verb == NULL ? NULL : verb_find(verb), argc,
	    argv);
}
#define ARGS(...) ((char *[]){ __VA_ARGS__, NULL })

static void
test_options(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "run",
			     ARGS("--env", "A=B", "--env=C=", "--grace=1s",
				 "ls", "-l")),
	    4);
	assert_int_equal(o.nenv, 2);
	assert_string_equal(o.env[1], "C=");
	assert_int_equal(o.grace_ms, 1000);
	free(o.env);
	assert_int_equal(parse(&o, "run", ARGS("-qsx:1", "--", "-l")), 2);
	assert_int_equal(o.quiet, 1);
	assert_string_equal(o.set.server, "x:1");
	assert_int_equal(parse(&o, "run", ARGS("-s", "x:1", "-")), 2);
	assert_int_equal(parse(&o, "pki", ARGS("--server", "h", "--client")),
	    3);
	assert_int_equal(o.nhosts, 1);
	assert_null(o.set.server);
	free(o.hosts);
	assert_int_equal(parse(&o, NULL, ARGS("--version")), 1);
	assert_int_equal(o.version, 1);
}

static void
test_bad_options(void **state)
{
	static const struct {
		const char *verb;
		const char *words[3];
	} t[] = { { NULL, { "--env", "A=B" } }, { "stop", { "--json" } },
		{ "run", { "--json" } }, { "run", { "--env", "A" } },
		{ "run", { "--env", "=A" } }, { "run", { "--cwd", "a" } },
		{ "run", { "--class" } }, { "run", { "-s" } },
		{ "run", { "--quiet=1" } }, { "run", { "--version" } },
		{ "run", { "--qui" } }, { "run", { "-qx" } },
		{ "watch", { "--offset", "-1" } },
		{ "wait", { "--timeout", "5" } }, { "pki", { "--days", "0" } },
		{ "pki", { "-s", "x" } } };
	struct options o;
	char *words[3];
	size_t i, k;

	(void)state;
	for (i = 0; i < NITEMS(t); i++) {
		for (k = 0; k < 3; k++)
			words[k] = (char *)(uintptr_t)t[i].words[k];
		assert_int_equal(parse(&o, t[i].verb, words), -1);
	}
}

static void
test_verbs(void **state)
{
	(void)state;
	assert_non_null(verb_find("start"));
	assert_null(verb_find("star"));
	assert_string_equal(verb_nearest("strat"), "start");
	assert_string_equal(verb_nearest("statsu"), "status");
	assert_null(verb_nearest("xyz"));
	assert_null(verb_nearest(""));
	assert_null(verb_nearest("a-word-that-is-far-too-long"));
}

static void
test_exit_codes(void **state)
{
	static const struct {
		struct job_end end;
		int code;
	} t[] = { { { "exited", 3, "", 0 }, 3 },
		{ { "signal", 143, "", 0 }, 143 },
		{ { "deadline", 137, "", 0 }, EXIT_DEADLINE },
		{ { "lost", 0, "", 0 }, EXIT_DAEMON },
		{ { "start-failed", 0, "exec", ENOENT }, EXIT_NOTFOUND },
		{ { "start-failed", 0, "exec", EACCES }, EXIT_NOEXEC },
		{ { "start-failed", 0, "cgroup", ENOENT }, EXIT_DAEMON } };
	size_t i;

	(void)state;
	for (i = 0; i < NITEMS(t); i++)
		assert_int_equal(job_exit_code(&t[i].end), t[i].code);
}

static void
write_config(const char *dir, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/thctl.conf", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
test_settings(void **state)
{
	char dir[] = "/tmp/test_thctl.XXXXXX", path[64];
	struct settings set = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("XDG_CONFIG_HOME", dir, 1);
	setenv("HOME", "/home/x", 1);
	unsetenv("THCTL_SERVER");
	unsetenv("THCTL_CERT");
	unsetenv("THCTL_KEY");
	unsetenv("THCTL_CA");
	settings_complete(&set);
	assert_string_equal(set.server, "unix:/run/thd/thd.sock");

	write_config(dir, "# none\n\n ca\t/a b \ncert ~/c\nkey /file\n");
	memset(&set, 0, sizeof(set));
	settings_complete(&set);
	assert_string_equal(set.server, "127.0.0.1:6443");
	assert_string_equal(set.ca, "/a b");
	assert_string_equal(set.cert, "/home/x/c");

	setenv("THCTL_KEY", "/env", 1);
	setenv("THCTL_CA", "", 1);
	memset(&set, 0, sizeof(set));
	set.cert = "/flag";
	settings_complete(&set);
	assert_string_equal(set.cert, "/flag");
	assert_string_equal(set.key, "/env");
	assert_string_equal(set.ca, "/a b");

	snprintf(path, sizeof(path), "%s/thctl.conf", dir);
	unlink(path);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_jobref),
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
