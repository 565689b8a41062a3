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
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_build.h"
#include "conf_int.h"
#include "conf_lex.h"
#include "conf_val.h"
#include "log.h"

#define SOCKET_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* What one parse builds, and where it has seen what. */
static struct conf *conf;
static struct conf_class *class;
static struct lex_pos class_pos;
static struct lex_pos seen[KEY_COUNT];
static struct lex_pos seen_socket;
static struct lex_pos seen_default;
static struct lex_pos class_seen[CLASS_COUNT];

/* Note a setting's place; a second one is an error. */
static int
once(struct lex_pos *pos, const char *name)
{
	if (pos->file == NULL) {
		*pos = lex_pos();
		return 0;
	}
	lex_error("\"%s\" is already set at %s:%u", name, pos->file, pos->line);
	return -1;
}

/* The text is ours to free, here and below. */
static void
set_key(void *base, const struct val_key *key, struct lex_pos *pos, char *s)
{
	char why[1024];

	if (once(pos, key->name) == 0 &&
	    val_set(base, key, s, why, sizeof(why)) == -1)
		lex_error("%s: %s", key->name, why);
	free(s);
}

void
build_key(unsigned int id, char *s)
{
	set_key(conf, &conf_keys[id], &seen[id], s);
}

void
build_class_key(unsigned int id, char *s)
{
	set_key(class, &class_keys[id], &class_seen[id], s);
}

static int
parse_mode(const char *s, mode_t *mode)
{
	size_t len = strlen(s);

	if (len < 3 || len > 4 || strspn(s, "01234567") != len ||
	    (len == 4 && s[0] != '0'))
		return -1;
	*mode = strtoul(s, NULL, 8);
	return 0;
}

void
build_socket(char *path, char *mode)
{
	char why[1024];

	if (once(&seen_socket, "socket") == -1)
		goto done;
	if (path != NULL && strlen(path) >= SOCKET_SIZE)
		lex_error("socket: the path is too long, expected at most "
			  "%zu bytes",
		    SOCKET_SIZE - 1);
	else if (path != NULL &&
	    val_path(&conf->socket, path, why, sizeof(why)) == -1)
		lex_error("socket: %s", why);
	if (mode != NULL && parse_mode(mode, &conf->socket_mode) == -1)
		lex_error("socket: mode \"%s\" is not understood, expected "
			  "three octal digits such as 0660",
		    log_vis(mode));
done:
	free(path);
	free(mode);
}

/* Frees nothing; both are checked so that both errors are seen. */
static int
check_listen(const char *host, const char *port)
{
	const struct conf_listen *l;
	uint64_t n;
	int bad = 0;

	if (!conf_isaddress(host)) {
		lex_error(
		    "listen on: \"%s\" is not understood, expected an "
		    "IPv4 or IPv6 address such as 127.0.0.1, ::1, or 0.0.0.0 "
		    "and :: for all",
		    log_vis(host));
		bad = 1;
	}
	if (val_number(port, 1, 65535, &n) == -1) {
		lex_error("port: \"%s\" is not understood, expected a number "
			  "from 1 to 65535",
		    log_vis(port));
		bad = 1;
	}
	TAILQ_FOREACH(l, &conf->listens, entry) {
		if (strcmp(l->host, host) == 0 && strcmp(l->port, port) == 0) {
			lex_error("listen on %s port %s is there twice",
			    log_vis(host), log_vis(port));
			bad = 1;
		}
	}
	return bad;
}

void
build_listen(char *host, char *port)
{
	if (!check_listen(host, port) &&
	    conf_add_listen(conf, host, port, lex_pos().line) == -1)
		lex_error("%s", strerror(errno));
	free(host);
	free(port);
}

/* What frontend/identity.c finds in certificates, and local accounts. */
static int
isidentity(const char *s)
{
	const char *colon;

	if (strncmp(s, "uid:", 4) == 0)
		return val_isname(s + 4, 64, "._@-");
	colon = strchr(s, ':');
	if (colon == NULL)
		return val_isname(s, 64, "._@-");
	return colon != s && strncmp(colon, "://", 3) == 0 &&
	    colon[3] != '\0' && val_isname(s, 64, "._@-:/");
}

int
build_rule(int permit, char *identity, unsigned int methods,
    enum rule_scope scope)
{
	struct conf_rule *r;

	if (identity != NULL && !isidentity(identity))
		lex_error("identity \"%s\" is not understood, expected 1 to "
			  "64 letters, digits and ._@- (or a URI, or uid: "
			  "and a local account)",
		    log_vis(identity));
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		lex_error("%s", strerror(errno));
		free(identity);
		return -1;
	}
	r->permit = permit;
	r->identity = identity;
	r->methods = methods;
	r->scope = scope;
	r->line = lex_pos().line;
	TAILQ_INSERT_TAIL(&conf->rules, r, entry);
	return 0;
}

unsigned int
build_method(char *word)
{
	unsigned int i, bit = 0;

	for (i = 0; conf_methods[i] != NULL && bit == 0; i++) {
		if (strcmp(word, conf_methods[i]) == 0)
			bit = 1U << i;
	}
	if (bit == 0)
		lex_error("method \"%s\" is not known, expected start, stop, "
			  "status, watch or wait",
		    log_vis(word));
	free(word);
	return bit;
}

/* Errors of the name: its class is filled all the same, for more errors. */
static void
check_class(const char *name)
{
	if (!val_isname(name, 64, "._-"))
		lex_error("class name \"%s\" is not understood, expected 1 to "
			  "64 letters, digits and ._-",
		    log_vis(name));
	if (strcmp(name, "default") == 0) {
		if (seen_default.file == NULL &&
		    TAILQ_NEXT(TAILQ_FIRST(&conf->classes), entry) != NULL)
			lex_error("class \"default\" must come before the "
				  "other classes, which start from its values");
		(void)once(&seen_default, "class default");
	} else if (conf_class(conf, name) != NULL)
		lex_error("class \"%s\" is defined twice", log_vis(name));
}

int
build_class(char *name)
{
	memset(class_seen, 0, sizeof(class_seen));
	class_pos = lex_pos();
	check_class(name);
	class = conf_add_class(conf, name);
	free(name);
	if (class == NULL) {
		lex_error("%s", strerror(errno));
		return -1;
	}
	return 0;
}

void
build_class_end(void)
{
	if (class->memory_max != 0 && class->memory_high > class->memory_max)
		lex_error_at(class_pos,
		    "class \"%s\": memory high is more "
		    "than memory max, expected at most that (or unlimited)",
		    log_vis(class->name));
	class = NULL;
}

int
build_begin(const char *path)
{
	memset(seen, 0, sizeof(seen));
	memset(&seen_socket, 0, sizeof(seen_socket));
	memset(&seen_default, 0, sizeof(seen_default));
	if ((conf = conf_new(path)) == NULL) {
		log_plain("%s: %s", log_vis(path), strerror(errno));
		return -1;
	}
	return 0;
}

void
build_finish(void)
{
	struct lex_pos pos;
	unsigned int a, b;

	if (conf_users_clash(conf, &a, &b)) {
		/* The defaults differ, so one of them is in the file. */
		pos = seen[b].file != NULL ? seen[b] : seen[a];
		lex_error_at(pos,
		    "%s and %s are the same account, expected "
		    "different ones",
		    conf_keys[a].name, conf_keys[b].name);
	}
	if (conf_complete(conf, seen_socket.file == NULL) == -1)
		lex_error("%s", strerror(errno));
	else if (conf->socket != NULL && strlen(conf->socket) >= SOCKET_SIZE)
		lex_error_at(seen[KEY_RUN_DIR],
		    "run directory: the path is too long for the local "
		    "socket in it, expected at most %zu bytes",
		    SOCKET_SIZE - 1 -
			(strlen(conf->socket) - strlen(conf->run_dir)));
}

struct conf *
build_end(int good)
{
	struct conf *built = conf;

	conf = NULL;
	class = NULL;
	if (good)
		return built;
	conf_free(built);
	return NULL;
}
