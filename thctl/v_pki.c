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
#include <string.h>

#include "pki.h"
#include "verbs.h"

static int
issue(const struct options *o, const char *dir, const char *name)
{
	struct pki_request req = { 0 };

	if (o->client == (o->nhosts > 0)) {
		warnx("pki issue: either --client or --server HOST is needed");
		return EXIT_USAGE;
	}
	req.name = name;
	req.hosts = o->hosts;
	req.nhosts = o->nhosts;
	req.client = o->client;
	req.days = o->days;
	return pki_issue(dir, &req);
}

/* Options may also stand between the operands and behind them. */
static int
collect(struct options *o, const struct operands *ops, const char **words,
    int max)
{
	const struct verb *verb = verb_find("pki");
	int i = 0, n, nwords = 0;

	while (i < ops->argc) {
		n = options_parse(o, verb, ops->argc - i, ops->argv + i);
		if (n == -1)
			return -1;
		i += n;
		if (i == ops->argc)
			break;
		if (nwords == max) {
			warnx("pki: %s is too much", safe(ops->argv[i]));
			return -1;
		}
		words[nwords++] = ops->argv[i++];
	}
	return nwords;
}

int
verb_pki(const struct options *given, const struct operands *ops)
{
	const struct verb *verb = verb_find("pki");
	static struct options o; /* as long as the program, with its lists */
	const char *words[3];
	int n;

	o = *given;
	if ((n = collect(&o, ops, words, 3)) == -1)
		return EXIT_USAGE;
	if (o.help) {
		help_verb(verb);
		return EXIT_OK;
	}
	if (n == 2 && strcmp(words[0], "init") == 0 && !o.client &&
	    o.nhosts == 0 && o.days == 0)
		return pki_init(words[1]);
	if (n == 3 && strcmp(words[0], "issue") == 0)
		return issue(&o, words[1], words[2]);
	warnx("usage: thctl pki %s", verb->synopsis);
	return EXIT_USAGE;
}
