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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thctl.h"

#define LOCAL "unix:/run/thd/thd.sock"
#define REMOTE "127.0.0.1:6443"
#define BLANKS " \t\r\n"

/* One table of the words, with where each is in the struct. */
static const struct word {
	const char *name; /* in the file */
	const char *env;
	size_t offset;
	int path;
} words[] = {
	{ "server", "THCTL_SERVER", offsetof(struct settings, server), 0 },
	{ "cert", "THCTL_CERT", offsetof(struct settings, cert), 1 },
	{ "key", "THCTL_KEY", offsetof(struct settings, key), 1 },
	{ "ca", "THCTL_CA", offsetof(struct settings, ca), 1 },
};
#define NWORDS (sizeof(words) / sizeof(words[0]))

static const char **
place(struct settings *set, const struct word *w)
{
	return (const char **)(void *)((char *)set + w->offset);
}

static void
fill(struct settings *set, const struct settings *from)
{
	struct settings copy = *from;
	size_t i;

	for (i = 0; i < NWORDS; i++)
		if (*place(set, &words[i]) == NULL)
			*place(set, &words[i]) = *place(&copy, &words[i]);
}

static void
from_env(struct settings *set)
{
	const char *value;
	size_t i;

	for (i = 0; i < NWORDS; i++)
		if ((value = getenv(words[i].env)) != NULL && *value != '\0')
			*place(set, &words[i]) = value;
}

/* A value of the file as a string of its own; "~/" is the home directory. */
static char *
expand(const struct word *w, const char *value)
{
	const char *home = getenv("HOME");
	char *s;
	int r;

	if (w->path && home != NULL && strncmp(value, "~/", 2) == 0)
		r = asprintf(&s, "%s/%s", home, value + 2);
	else
		r = asprintf(&s, "%s", value);
	if (r == -1)
		err(EXIT_DAEMON, NULL);
	return s;
}

static void
line_parse(struct settings *set, char *line, const char *path, unsigned int no)
{
	char *name, *value;
	const char **to;
	size_t i, len;

	name = line + strspn(line, BLANKS);
	if (*name == '\0' || *name == '#')
		return;
	value = name + strcspn(name, BLANKS);
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, BLANKS);
	len = strlen(value);
	while (len > 0 && strchr(BLANKS, value[len - 1]) != NULL)
		value[--len] = '\0';
	for (i = 0; i < NWORDS; i++)
		if (strcmp(words[i].name, name) == 0)
			break;
	if (i == NWORDS)
		errx(EXIT_USAGE,
		    "%s:%u: unknown word \"%s\" (there are "
		    "server, cert, key and ca)",
		    safe(path), no, safe(name));
	if (*value == '\0')
		errx(EXIT_USAGE, "%s:%u: %s without a value", safe(path), no,
		    name);
	to = place(set, &words[i]);
	if (*to != NULL)
		errx(EXIT_USAGE, "%s:%u: %s stands there twice", safe(path), no,
		    name);
	*to = expand(&words[i], value);
}

static char *
file_path(void)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	char *path;
	int r;

	/* A relative XDG_CONFIG_HOME is to be ignored. */
	if (config != NULL && *config == '/')
		r = asprintf(&path, "%s/thctl.conf", config);
	else if (home != NULL && *home != '\0')
		r = asprintf(&path, "%s/.config/thctl.conf", home);
	else
		return NULL;
	if (r == -1)
		err(EXIT_DAEMON, NULL);
	return path;
}

static void
from_file(struct settings *set)
{
	unsigned int no = 0;
	char *line = NULL, *path;
	size_t size = 0;
	FILE *f;

	if ((path = file_path()) == NULL)
		return;
	if ((f = fopen(path, "re")) != NULL) {
		while (getline(&line, &size, f) != -1)
			line_parse(set, line, path, ++no);
		if (ferror(f))
			err(EXIT_USAGE, "%s", safe(path));
		fclose(f);
		free(line);
	} else if (errno != ENOENT && errno != ENOTDIR) {
		err(EXIT_USAGE, "%s", safe(path));
	}
	free(path);
}

/* Values of the file are allocated. */
static void
forget(struct settings *set)
{
	size_t i;

	for (i = 0; i < NWORDS; i++) {
		free((void *)(uintptr_t)*place(set, &words[i]));
		*place(set, &words[i]) = NULL;
	}
}

void
settings_complete(struct settings *set)
{
	static struct settings file;
	struct settings env = { 0 };

	forget(&file);
	from_env(&env);
	from_file(&file);
	fill(set, &env);
	fill(set, &file);
	if (set->server != NULL)
		return;
	if (set->cert == NULL && set->key == NULL && set->ca == NULL)
		set->server = LOCAL;
	else
		set->server = REMOTE;
}
