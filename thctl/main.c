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

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "output.h"
#include "verbs.h"

/* No file of ours may get a number that is meant for a standard stream. */
static void
sanitise_fds(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
			err(EXIT_DAEMON, "/dev/null");
	} while (fd <= STDERR_FILENO);
	close(fd);
}

static int
unknown_verb(const char *name)
{
	const char *near = verb_nearest(name);

	if (near != NULL)
		warnx("no verb %s: did you mean %s?", safe(name), near);
	else
		warnx("no verb %s (see thctl help)", safe(name));
	return EXIT_USAGE;
}

static int
check_operands(const struct verb *verb, int n)
{
	if (n >= verb->min_operands &&
	    (verb->max_operands == -1 || n <= verb->max_operands))
		return 0;
	warnx("usage: thctl %s %s", verb->name, verb->synopsis);
	return -1;
}

static int
run_verb(struct options *o, int argc, char **argv)
{
	const struct verb *verb;
	struct operands ops;
	int n;

	if ((verb = verb_find(argv[0])) == NULL)
		return unknown_verb(argv[0]);
	if ((n = options_parse(o, verb, argc - 1, argv + 1)) == -1)
		return EXIT_USAGE;
	if (o->help) {
		help_verb(verb);
		return EXIT_OK;
	}
	ops.argc = argc - 1 - n;
	ops.argv = argv + 1 + n;
	if (check_operands(verb, ops.argc) == -1)
		return EXIT_USAGE;
	return verb->run(o, &ops);
}

static int
run_all(int argc, char **argv)
{
	/* Static, as its lists live as long as the program. */
	static struct options o = { .grace_ms = -1, .timeout_ms = -1 };
	struct operands none = { 0, NULL };
	int n;

	if ((n = options_parse(&o, NULL, argc - 1, argv + 1)) == -1)
		return EXIT_USAGE;
	if (o.version)
		return verb_version(&o, &none);
	if (n + 1 < argc)
		return run_verb(&o, argc - 1 - n, argv + 1 + n);
	if (o.help) {
		help_all();
		return EXIT_OK;
	}
	warnx("usage: thctl [options] VERB [operand ...] (see thctl help)");
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	sanitise_fds();
	/* A connection that goes away is an error to report, no death. */
	signal(SIGPIPE, SIG_IGN);
	return output_finish(run_all(argc, argv));
}
