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
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

/* Append to a list that lives as long as the program. */
static int
append(const char ***list, size_t *n, const char *s)
{
	const char **p;

	if ((p = reallocarray(*list, *n + 1, sizeof(*p))) == NULL)
		err(EXIT_DAEMON, NULL);
	p[(*n)++] = s;
	*list = p;
	return 0;
}

static int
filled(const char **to, const char *value)
{
	if (*value == '\0')
		return -1;
	*to = value;
	return 0;
}

static int
set_server(struct options *o, const char *value)
{
	return filled(&o->set.server, value);
}

static int
set_cert(struct options *o, const char *value)
{
	return filled(&o->set.cert, value);
}

static int
set_key(struct options *o, const char *value)
{
	return filled(&o->set.key, value);
}

static int
set_ca(struct options *o, const char *value)
{
	return filled(&o->set.ca, value);
}

static int
set_json(struct options *o, const char *value)
{
	(void)value;
	o->json = 1;
	return 0;
}

static int
set_quiet(struct options *o, const char *value)
{
	(void)value;
	o->quiet = 1;
	return 0;
}

static int
set_help(struct options *o, const char *value)
{
	(void)value;
	o->help = 1;
	return 0;
}

static int
set_version(struct options *o, const char *value)
{
	(void)value;
	o->version = 1;
	return 0;
}

static int
set_env(struct options *o, const char *value)
{
	const char *eq = strchr(value, '=');

	if (eq == NULL || eq == value)
		return -1;
	return append(&o->env, &o->nenv, value);
}

static int
set_label(struct options *o, const char *value)
{
	const char *eq = strchr(value, '=');

	if (eq == NULL || eq == value)
		return -1;
	return append(&o->labels, &o->nlabels, value);
}

static int
set_cwd(struct options *o, const char *value)
{
	if (*value != '/')
		return -1;
	o->cwd = value;
	return 0;
}

static int
set_class(struct options *o, const char *value)
{
	return filled(&o->class, value);
}

static int
set_grace(struct options *o, const char *value)
{
	o->grace_ms = parse_duration(value);
	return o->grace_ms == -1 ? -1 : 0;
}

static int
set_parent(struct options *o, const char *value)
{
	return filled(&o->parent, value);
}

static int
set_offset(struct options *o, const char *value)
{
	const char *wrong;

	o->offset = strtonum(value, 0, INT64_MAX, &wrong);
	return wrong == NULL ? 0 : -1;
}

static int
set_no_follow(struct options *o, const char *value)
{
	(void)value;
	o->no_follow = 1;
	return 0;
}

static int
set_timeout(struct options *o, const char *value)
{
	o->timeout_ms = parse_duration(value);
	return o->timeout_ms == -1 ? -1 : 0;
}

static int
set_client(struct options *o, const char *value)
{
	(void)value;
	o->client = 1;
	return 0;
}

static int
set_host(struct options *o, const char *value)
{
	return *value == '\0' ? -1 : append(&o->hosts, &o->nhosts, value);
}

static int
set_days(struct options *o, const char *value)
{
	const char *wrong;

	o->days = strtonum(value, 1, 3650, &wrong);
	return wrong == NULL ? 0 : -1;
}

/* In the order in which the help shows them. */
const struct option_desc option_table[] = {
	{ 0, "env", "NAME=VALUE", OPT_SPEC,
	    "set a variable in the job's environment; may be repeated",
	    set_env },
	{ 0, "cwd", "DIR", OPT_SPEC,
	    "the job's working directory, an absolute path; / without it",
	    set_cwd },
	{ 0, "class", "NAME", OPT_SPEC,
	    "the class of limits; \"default\" without it", set_class },
	{ 0, "label", "KEY=VALUE", OPT_SPEC,
	    "a label, kept with the job and shown by status; may be repeated",
	    set_label },
	{ 0, "grace", "DURATION", OPT_SPEC,
	    "how long a stop waits before it kills; as its class says without "
	    "it",
	    set_grace },
	{ 0, "parent", "USER", OPT_SPEC,
	    "the owner of the job, as in its full name; yourself without it",
	    set_parent },
	{ 0, "offset", "N", OPT_WATCH, "begin at this byte of the output",
	    set_offset },
	{ 0, "no-follow", NULL, OPT_WATCH,
	    "end with what there is, also while the job runs", set_no_follow },
	{ 0, "timeout", "DURATION", OPT_TIMEOUT,
	    "give up after this time, with exit code 124", set_timeout },
	{ 0, "client", NULL, OPT_ISSUE, "a certificate for the user NAME",
	    set_client },
	{ 0, "server", "HOST", OPT_ISSUE,
	    "a certificate for a server of this name or address; may be "
	    "repeated",
	    set_host },
	{ 0, "days", "N", OPT_ISSUE, "valid for so many days; 365 without it",
	    set_days },
	{ 's', "server", "ADDRESS", OPT_CONNECT,
	    "where the daemon is: HOST:PORT or unix:PATH", set_server },
	{ 'c', "cert", "FILE", OPT_CONNECT, "your certificate", set_cert },
	{ 'k', "key", "FILE", OPT_CONNECT, "its key, readable by you alone",
	    set_key },
	{ 0, "ca", "FILE", OPT_CONNECT,
	    "the certificate of the authority that vouches for the daemon",
	    set_ca },
	{ 0, "json", NULL, OPT_JSON, "print JSON, one object on a line",
	    set_json },
	{ 'q', "quiet", NULL, OPT_ALWAYS, "print only what was asked for",
	    set_quiet },
	{ 'h', "help", NULL, OPT_ALWAYS, "print help and exit", set_help },
	{ 0, "version", NULL, OPT_GLOBAL, "print the version and exit",
	    set_version },
};
const size_t noptions = sizeof(option_table) / sizeof(option_table[0]);
