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
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_macro.h"

#define MACRO_VALUE_MAX 1023

struct macro {
	TAILQ_ENTRY(macro) entry;
	char *name;
	char *value;
};
TAILQ_HEAD(macros, macro);

static struct macros fixed = TAILQ_HEAD_INITIALIZER(fixed);
static struct macros of_file = TAILQ_HEAD_INITIALIZER(of_file);

static struct macro *
find(struct macros *list, const char *name)
{
	struct macro *m;

	TAILQ_FOREACH(m, list, entry) {
		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

static void
release(struct macro *m)
{
	if (m == NULL)
		return;
	free(m->name);
	free(m->value);
	free(m);
}

int
macro_isnamechar(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

static int
isname(const char *name)
{
	size_t i;

	for (i = 0; macro_isnamechar((unsigned char)name[i]); i++)
		;
	return name[i] == '\0' && i > 0 && i <= MACRO_NAME_MAX &&
	    (name[0] < '0' || name[0] > '9');
}

/* The lexer relies on it that an expansion never ends a line. */
static int
isvalue(const char *value)
{
	size_t i;

	for (i = 0; value[i] != '\0'; i++) {
		if (((unsigned char)value[i] < ' ' && value[i] != '\t') ||
		    value[i] == 0x7f)
			return 0;
	}
	return i > 0 && i <= MACRO_VALUE_MAX;
}

static const char *
define(struct macros *list, const char *name, const char *value)
{
	struct macro *m, *old;

	if (!isname(name))
		return "expected a name of at most 64 letters, digits and _";
	if (!isvalue(value))
		return "expected a value of 1 to 1023 printable characters";
	if ((m = calloc(1, sizeof(*m))) == NULL ||
	    (m->name = strdup(name)) == NULL ||
	    (m->value = strdup(value)) == NULL) {
		release(m);
		return strerror(ENOMEM);
	}
	if ((old = find(list, name)) != NULL) {
		TAILQ_REMOVE(list, old, entry);
		release(old);
	}
	TAILQ_INSERT_TAIL(list, m, entry);
	return NULL;
}

const char *
macro_define(const char *name, const char *value)
{
	return define(&of_file, name, value);
}

const char *
macro_value(const char *name)
{
	struct macro *m;

	if ((m = find(&fixed, name)) == NULL)
		m = find(&of_file, name);
	return m != NULL ? m->value : NULL;
}

void
macro_forget(void)
{
	struct macro *m;

	while ((m = TAILQ_FIRST(&of_file)) != NULL) {
		TAILQ_REMOVE(&of_file, m, entry);
		release(m);
	}
}

int
conf_macro(const char *def)
{
	const char *eq, *why;
	char *name;

	if ((eq = strchr(def, '=')) == NULL ||
	    (name = strndup(def, eq - def)) == NULL)
		return -1;
	why = define(&fixed, name, eq + 1);
	free(name);
	return why == NULL ? 0 : -1;
}
