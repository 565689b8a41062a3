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
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

/* What a unit of time is in milliseconds, largest first. */
static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
#define NUNITS (sizeof(units) / sizeof(units[0]))
#define DURATION_MAX (INT64_C(3650) * 86400000)

/* The number at the start of s, not over DURATION_MAX; -1 if none. */
static int64_t
leading_number(const char **s)
{
	int64_t n = 0;

	if (!isdigit((unsigned char)**s))
		return -1;
	for (; isdigit((unsigned char)**s); (*s)++) {
		n = n * 10 + (**s - '0');
		if (n > DURATION_MAX)
			return -1;
	}
	return n;
}

int64_t
parse_duration(const char *s)
{
	int64_t n, total = 0;
	size_t len, unit = 0;

	if (*s == '\0')
		return -1;
	while (*s != '\0') {
		if ((n = leading_number(&s)) == -1)
			return -1;
		len = strcspn(s, "0123456789");
		/* Each unit at most once, the larger before the smaller. */
		while (unit < NUNITS &&
		    (strlen(units[unit].name) != len ||
			strncmp(s, units[unit].name, len) != 0))
			unit++;
		if (unit == NUNITS || n > DURATION_MAX / units[unit].ms)
			return -1;
		total += n * units[unit++].ms;
		s += len;
	}
	return total > DURATION_MAX ? -1 : total;
}

unsigned int
options_of(const struct verb *verb)
{
	if (verb == NULL)
		return OPT_CONNECT | OPT_JSON | OPT_ALWAYS | OPT_GLOBAL;
	return verb->options | OPT_ALWAYS;
}

static const struct option_desc *
find_long(unsigned int groups, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < noptions; i++)
		if ((option_table[i].group & groups) != 0 &&
		    strlen(option_table[i].name) == len &&
		    strncmp(option_table[i].name, name, len) == 0)
			return &option_table[i];
	return NULL;
}

static const struct option_desc *
find_short(unsigned int groups, int letter)
{
	size_t i;

	for (i = 0; i < noptions; i++)
		if ((option_table[i].group & groups) != 0 &&
		    option_table[i].letter == letter)
			return &option_table[i];
	return NULL;
}

static int
unknown(const struct verb *verb, const char *word)
{
	warnx("unknown option %s (see thctl help%s%s)", safe(word),
	    verb == NULL ? "" : " ", verb == NULL ? "" : verb->name);
	return -1;
}

static int
store(struct options *o, const struct option_desc *d, const char *value)
{
	if (d->argument != NULL && value == NULL) {
		warnx("--%s needs an argument: %s", d->name, d->argument);
		return -1;
	}
	if (d->set(o, value) == 0)
		return 0;
	warnx("--%s: \"%s\" is not a good %s (%s)", d->name, safe(value),
	    d->argument, d->text);
	return -1;
}

/*
 * Each of these two takes the option in word, and next as its argument if it
 * needs one. They return the number of words taken, or -1 after a message.
 */
static int
take_long(struct options *o, const struct verb *verb, const char *word,
    const char *next)
{
	size_t len = strcspn(word + 2, "=");
	const struct option_desc *d;
	const char *value = NULL;

	if ((d = find_long(options_of(verb), word + 2, len)) == NULL)
		return unknown(verb, word);
	if (word[2 + len] == '=')
		value = word + 2 + len + 1;
	if (value != NULL && d->argument == NULL) {
		warnx("--%s takes no argument", d->name);
		return -1;
	}
	if (value != NULL || d->argument == NULL)
		return store(o, d, value) == -1 ? -1 : 1;
	return store(o, d, next) == -1 ? -1 : 2;
}

static int
take_short(struct options *o, const struct verb *verb, const char *word,
    const char *next)
{
	const struct option_desc *d;
	const char *p;

	for (p = word + 1; *p != '\0'; p++) {
		if ((d = find_short(options_of(verb), *p)) == NULL)
			return unknown(verb, word);
		if (d->argument != NULL && p[1] != '\0')
			return store(o, d, p + 1) == -1 ? -1 : 1;
		if (d->argument != NULL)
			return store(o, d, next) == -1 ? -1 : 2;
		if (store(o, d, NULL) == -1)
			return -1;
	}
	return 1;
}

int
options_parse(struct options *o, const struct verb *verb, int argc, char **argv)
{
	const char *next;
	int i, n;

	for (i = 0; i < argc; i += n) {
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			break;
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		next = i + 1 < argc ? argv[i + 1] : NULL;
		if (argv[i][1] == '-')
			n = take_long(o, verb, argv[i], next);
		else
			n = take_short(o, verb, argv[i], next);
		if (n == -1)
			return -1;
	}
	return i;
}
