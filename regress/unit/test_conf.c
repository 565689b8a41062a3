/* LINK: supervisor/conf.c supervisor/conf_build.c supervisor/conf_lex.c supervisor/conf_macro.c supervisor/conf_val.c supervisor/parse.y common/log.c */
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

/* The configuration: defaults, reload, macros, trust, accounts. */

#include <sys/types.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"

static char dir[] = "/tmp/test_conf.XXXXXX";
static char path[64];
static char part[64];
static char errors[64]; /* what went to standard error */

static void
write_file(const char *name, const char *text)
{
	FILE *fp;

	assert_non_null(fp = fopen(name, "w"));
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(fclose(fp), 0);
}

/* Run a function with standard error in a file; returns its text. */
static char *
complaint(void (*fn)(void *), void *arg)
{
	static char text[4096];
	ssize_t n;
	int fd, saved;

	assert_true((saved = dup(STDERR_FILENO)) != -1);
	fd = open(errors, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd != -1);
	assert_true(dup2(fd, STDERR_FILENO) != -1);
	fn(arg);
	assert_true(dup2(saved, STDERR_FILENO) != -1);
	close(saved);
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void
do_parse(void *result)
{
	*(struct conf **)result = conf_parse(path);
}

static struct conf *
good(const char *text)
{
	struct conf *conf;

	write_file(path, text);
	assert_string_equal(complaint(do_parse, &conf), "");
	assert_non_null(conf);
	return conf;
}

/* Refused, with exactly this after the name of the file. */
static void
bad(const char *text, const char *want)
{
	char full[512];
	struct conf *conf;

	write_file(path, text);
	snprintf(full, sizeof(full), "%s%s\n", path, want);
	assert_string_equal(complaint(do_parse, &conf), full);
	assert_null(conf);
}

static void
test_defaults(void **state)
{
	const struct conf_listen *l;
	struct conf *conf;

	(void)state;
	conf = good("");
	assert_string_equal(conf->path, path);
	assert_non_null(l = TAILQ_FIRST(&conf->listens));
	assert_string_equal(l->host, "127.0.0.1");
	assert_string_equal(l->port, "6443");
	assert_null(TAILQ_NEXT(l, entry));
	assert_true(TAILQ_EMPTY(&conf->rules));
	assert_string_equal(conf->socket, "/run/thd/thd.sock");
	assert_int_equal(conf->socket_mode, 0666);
	assert_null(conf->cgroup);
	assert_string_equal(conf->job_user.name, "_thjob");
	assert_int_equal(conf->limits, LIMITS_STRICT);
	assert_int_equal(conf->on_stop, ON_STOP_KEEP);
	assert_int_equal(conf->workers, 1);
	assert_int_equal(conf->max_half_open, 64);
	assert_int_equal(conf->handshake_timeout, 10);
	conf_free(conf);
}

static void
test_class_default(void **state)
{
	const struct conf_class *c;
	struct conf *conf;

	(void)state;
	conf = good("");
	assert_non_null(c = conf_class(conf, "default"));
	assert_int_equal(c->cpu_quota, 100000);
	assert_int_equal(c->cpu_period, 1000000);
	assert_int_equal(c->memory_max, 536870912);
	assert_int_equal(c->memory_high, 402653184);
	assert_int_equal(c->memory_swap_max, 0);
	assert_int_equal(c->memory_oom_group, 1);
	assert_int_equal(c->pids_max, 512);
	assert_int_equal(c->io_rbps, 83886080);
	assert_int_equal(c->io_wbps, 41943040);
	assert_int_equal(c->io_riops, 1000);
	assert_int_equal(c->io_wiops, 1000);
	assert_int_equal(c->stop_grace_ms, 10000);
	assert_null(conf_class(conf, "other"));
	conf_free(conf);
}

static void
test_class_values(void **state)
{
	const struct conf_class *c;
	struct conf *conf;

	(void)state;
	conf = good("class \"default\" { pids max 9 }\n"
		    "class \"a\" {\n"
		    "cpu quota unlimited period 2ms\n"
		    "memory max unlimited, memory high unlimited\n"
		    "memory swap unlimited\noom group no\n"
		    "io read 1T\nstop grace 1m\n}\n");
	assert_non_null(c = conf_class(conf, "a"));
	assert_int_equal(c->cpu_quota, 0);
	assert_int_equal(c->cpu_period, 2000);
	assert_int_equal(c->memory_max, 0);
	assert_int_equal(c->memory_high, 0);
	assert_true(c->memory_swap_max == UINT64_MAX);
	assert_int_equal(c->memory_oom_group, 0);
	assert_int_equal(c->pids_max, 9);
	assert_int_equal(c->io_rbps, (uint64_t)1 << 40);
	assert_int_equal(c->io_wbps, 41943040);
	assert_int_equal(c->stop_grace_ms, 60000);
	conf_free(conf);
}

static void
test_rules(void **state)
{
	const struct conf_rule *r;
	struct conf *conf;

	(void)state;
	conf = good("\ndeny any jobs any\n"
		    "permit identity a methods { stop wait } jobs own\n");
	assert_non_null(r = TAILQ_FIRST(&conf->rules));
	assert_false(r->permit);
	assert_null(r->identity);
	assert_int_equal(r->methods, METHOD_ALL);
	assert_int_equal(r->scope, SCOPE_ANY);
	assert_int_equal(r->line, 2);
	assert_non_null(r = TAILQ_NEXT(r, entry));
	assert_true(r->permit);
	assert_string_equal(r->identity, "a");
	assert_int_equal(r->methods, METHOD_STOP | METHOD_WAIT);
	assert_int_equal(r->scope, SCOPE_OWN);
	assert_int_equal(r->line, 3);
	conf_free(conf);
}

/* Neither a good parse nor a bad one leaves anything to the next. */
static void
test_reload(void **state)
{
	struct conf *old, *new;

	(void)state;
	old = good("n = 4\nworkers $n\nsocket none\n"
		   "class \"x\" { pids max 7 }\n");
	bad("class \"x\" {\nworkers 2\n}",
	    ":2: unexpected \"workers\", expected }, cpu, memory, oom, pids, "
	    "io or stop");
	bad("workers $n\n",
	    ":1: macro \"$n\" is not defined, expected \"n = ...\" above");
	new = good("workers 3\nclass \"x\" { }\n");
	assert_int_equal(old->workers, 4);
	assert_null(old->socket);
	assert_int_equal(conf_class(old, "x")->pids_max, 7);
	assert_int_equal(new->workers, 3);
	assert_non_null(new->socket);
	assert_int_equal(conf_class(new, "x")->pids_max, 512);
	conf_free(old);
	assert_int_equal(new->workers, 3);
	conf_free(new);
	conf_free(NULL);
}

static void
test_macro_form(void **state)
{
	char name[80] = "";

	(void)state;
	assert_int_equal(conf_macro(""), -1);
	assert_int_equal(conf_macro("x"), -1);
	assert_int_equal(conf_macro("x="), -1);
	assert_int_equal(conf_macro("=x"), -1);
	assert_int_equal(conf_macro("1x=y"), -1);
	assert_int_equal(conf_macro("a-b=y"), -1);
	assert_int_equal(conf_macro("x=a\nb"), -1);
	memset(name, 'n', 65);
	memcpy(name + 65, "=1", 3);
	assert_int_equal(conf_macro(name), -1);
	assert_int_equal(conf_macro(name + 1), 0);
}

/* A macro of -D wins over the file's, in this parse and the next. */
static void
test_macro_wins(void **state)
{
	struct conf *conf;
	int i;

	(void)state;
	assert_int_equal(conf_macro("given=5"), 0);
	assert_int_equal(conf_macro("given=6"), 0);
	for (i = 0; i < 2; i++) {
		conf = good("given = 7\nworkers $given\n");
		assert_int_equal(conf->workers, 6);
		conf_free(conf);
	}
}

static void
test_mode(void **state)
{
	static const mode_t modes[] = { 0620, 0602, 0666 };
	char want[256];
	struct conf *conf;
	size_t i;

	(void)state;
	write_file(path, "workers 2\n");
	snprintf(want, sizeof(want),
	    "%s: must not be writable by group or others\n", path);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_string_equal(complaint(do_parse, &conf), want);
		assert_null(conf);
	}
	assert_int_equal(chmod(path, 0644), 0);
}

static void
test_owner(void **state)
{
	char want[256];
	struct conf *conf;

	(void)state;
	if (getuid() != 0)
		skip();
	write_file(part, "workers 2\n");
	assert_int_equal(chown(part, 65534, 65534), 0);
	snprintf(want, sizeof(want),
	    ":1: %s: must be owned by root or by whoever reads it", part);
	bad("include \"part\"\n", want);
	assert_int_equal(chown(part, 0, 0), 0);
	conf = good("include \"part\"\n");
	assert_int_equal(conf->workers, 2);
	conf_free(conf);
}

static void
do_resolve(void *conf)
{
	assert_int_equal(conf_resolve(conf), -1);
}

static void
test_users(void **state)
{
	struct conf *conf;

	(void)state;
	conf = good("frontend user 701\nrelay user 702:802\njob user nobody\n");
	assert_int_equal(conf_resolve(conf), 0);
	assert_int_equal(conf->front_user.uid, 701);
	assert_int_equal(conf->front_user.gid, 701);
	assert_int_equal(conf->relay_user.uid, 702);
	assert_int_equal(conf->relay_user.gid, 802);
	assert_int_equal(conf->job_user.uid, 65534);
	conf_free(conf);
}

static void
test_users_refused(void **state)
{
	struct conf *conf;
	char *text;

	(void)state;
	conf = good("frontend user 701\nrelay user _no_such\njob user root\n");
	text = complaint(do_resolve, conf);
	assert_non_null(strstr(text,
	    "relay user \"_no_such\": no such account, create it with: "
	    "useradd --system "));
	assert_non_null(strstr(text, "job user \"root\": is root's account"));
	conf_free(conf);

	conf = good("frontend user 65534\njob user nobody\nrelay user 702\n");
	text = complaint(do_resolve, conf);
	assert_non_null(
	    strstr(text, "frontend user and job user are the same account"));
	conf_free(conf);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	umask(022);
	snprintf(path, sizeof(path), "%s/thd.conf", dir);
	snprintf(part, sizeof(part), "%s/part", dir);
	snprintf(errors, sizeof(errors), "%s/errors", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(part);
	unlink(errors);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_class_default),
		cmocka_unit_test(test_class_values),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_macro_form),
		cmocka_unit_test(test_macro_wins),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_users_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
