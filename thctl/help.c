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
#include <stdio.h>
#include <string.h>

#include "verbs.h"

#define COLUMN 26

static void
print_option(const struct option_desc *d)
{
	char left[64];
	int n;

	if (d->letter != 0)
		n = snprintf(left, sizeof(left), "  -%c, --%s", d->letter,
		    d->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", d->name);
	if (d->argument != NULL)
		n += snprintf(left + n, sizeof(left) - n, " %s", d->argument);
	if (n < COLUMN - 1)
		printf("%-*s%s\n", COLUMN, left, d->text);
	else
		printf("%s\n%*s%s\n", left, COLUMN, "", d->text);
}

static void
print_options(unsigned int groups)
{
	size_t i;

	for (i = 0; i < noptions; i++)
		if ((option_table[i].group & groups) != 0)
			print_option(&option_table[i]);
}

void
help_all(void)
{
	size_t i;

	printf("usage: thctl [options] VERB [options] [operand ...]\n"
	       "\n"
	       "Runs jobs on the host of a Telehandler daemon.\n"
	       "\n");
	for (i = 0; i < nverbs; i++)
		printf("  %-12s%s\n", verbs[i].name, verbs[i].summary);
	printf("\nOptions, before the verb or after it:\n");
	print_options(options_of(NULL));
	printf("\nThe environment has THCTL_SERVER, THCTL_CERT, THCTL_KEY and "
	       "THCTL_CA for the\n"
	       "first four, and ~/.config/thctl.conf lines as \"server "
	       "ADDRESS\". Without any, the\n"
	       "daemon of this host is asked through its socket.\n"
	       "\n"
	       "All about a verb: thctl help VERB\n");
}

void
help_verb(const struct verb *verb)
{
	printf("usage: thctl %s %s\n\n%s\nOptions:\n", verb->name,
	    verb->synopsis, verb->text);
	print_options(options_of(verb));
}

int
verb_help(const struct options *o, const struct operands *ops)
{
	const struct verb *verb;
	const char *near;

	(void)o;
	if (ops->argc == 0) {
		help_all();
		return EXIT_OK;
	}
	if ((verb = verb_find(ops->argv[0])) != NULL) {
		help_verb(verb);
		return EXIT_OK;
	}
	near = verb_nearest(ops->argv[0]);
	warnx("no verb %s%s%s%s", safe(ops->argv[0]),
	    near == NULL ? "" : ": did you mean ", near == NULL ? "" : near,
	    near == NULL ? "" : "?");
	return EXIT_USAGE;
}

/* The options of some groups as one list of words. */
static void
completion_words(unsigned int groups)
{
	size_t i;

	for (i = 0; i < noptions; i++) {
		if ((option_table[i].group & groups) == 0)
			continue;
		if (option_table[i].letter != 0)
			printf(" -%c", option_table[i].letter);
		printf(" --%s", option_table[i].name);
	}
}

static int
is_path(const struct option_desc *d)
{
	return d->argument != NULL &&
	    (strcmp(d->argument, "FILE") == 0 ||
		strcmp(d->argument, "DIR") == 0);
}

/* The patterns of the options whose argument is, or is not, a path. */
static void
completion_arguments(int path)
{
	const char *bar = "\t";
	size_t i;

	for (i = 0; i < noptions; i++) {
		if (option_table[i].argument == NULL ||
		    is_path(&option_table[i]) != path)
			continue;
		if (option_table[i].letter != 0) {
			printf("%s-%c", bar, option_table[i].letter);
			bar = "|";
		}
		printf("%s--%s", bar, option_table[i].name);
		bar = "|";
	}
	printf(")\n");
}

static void
completion_bash(void)
{
	size_t i;

	printf("_thctl()\n{\n"
	       "\tlocal cur prev verb words i\n"
	       "\tcur=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tprev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tverb= words=\n"
	       "\tcase $prev in\n");
	completion_arguments(1);
	printf("\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\t\treturn ;;\n");
	completion_arguments(0);
	printf("\t\tCOMPREPLY=()\n"
	       "\t\treturn ;;\n"
	       "\tesac\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tcase ${COMP_WORDS[i]} in\n"
	       "\t\t");
	for (i = 0; i < nverbs; i++)
		printf("%s%s", i == 0 ? "" : "|", verbs[i].name);
	printf(")\n"
	       "\t\t\tverb=${COMP_WORDS[i]}\n"
	       "\t\t\tbreak ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tcase $verb in\n"
	       "\t'') words='");
	for (i = 0; i < nverbs; i++)
		printf("%s%s", i == 0 ? "" : " ", verbs[i].name);
	completion_words(options_of(NULL));
	printf("' ;;\n");
	for (i = 0; i < nverbs; i++) {
		printf("\t%s) words='", verbs[i].name);
		completion_words(options_of(&verbs[i]));
		printf("' ;;\n");
	}
	printf("\tesac\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "}\n"
	       "complete -o default -F _thctl thctl\n");
}

int
verb_completion(const struct options *o, const struct operands *ops)
{
	(void)o;
	if (strcmp(ops->argv[0], "bash") != 0) {
		warnx("no completion for %s (there is one for bash)",
		    safe(ops->argv[0]));
		return EXIT_USAGE;
	}
	completion_bash();
	return EXIT_OK;
}
