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
#include <sys/socket.h>

#include <arpa/inet.h>
#include <net/if.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_int.h"
#include "conf_val.h"
#include "log.h"

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT "6443"
#define DEFAULT_SOCKET "thd.sock" /* in the run directory */
#define DEFAULT_SOCKET_MODE 0666

const char *const conf_methods[] = { "start", "stop", "status", "watch", "wait",
	NULL };

static const unsigned int user_keys[] = { KEY_FRONT_USER, KEY_RELAY_USER,
	KEY_JOB_USER };

#define NUSERS (sizeof(user_keys) / sizeof(user_keys[0]))

static void
free_class(struct conf_class *c)
{
	val_free(c, class_keys, CLASS_COUNT);
	free(c->name);
	free(c);
}

static void
free_listen(struct conf_listen *l)
{
	free(l->host);
	free(l->port);
	free(l);
}

void
conf_free(struct conf *conf)
{
	struct conf_listen *l;
	struct conf_class *c;
	struct conf_rule *r;

	if (conf == NULL)
		return;
	while ((l = TAILQ_FIRST(&conf->listens)) != NULL) {
		TAILQ_REMOVE(&conf->listens, l, entry);
		free_listen(l);
	}
	while ((c = TAILQ_FIRST(&conf->classes)) != NULL) {
		TAILQ_REMOVE(&conf->classes, c, entry);
		free_class(c);
	}
	while ((r = TAILQ_FIRST(&conf->rules)) != NULL) {
		TAILQ_REMOVE(&conf->rules, r, entry);
		free(r->identity);
		free(r);
	}
	val_free(conf, conf_keys, KEY_COUNT);
	free(conf->socket);
	free(conf->path);
	free(conf);
}

struct conf *
conf_new(const char *path)
{
	struct conf *conf;
	struct conf_class *c;

	if ((conf = calloc(1, sizeof(*conf))) == NULL)
		return NULL;
	TAILQ_INIT(&conf->listens);
	TAILQ_INIT(&conf->classes);
	TAILQ_INIT(&conf->rules);
	conf->socket_mode = DEFAULT_SOCKET_MODE;
	if ((conf->path = strdup(path)) == NULL ||
	    val_defaults(conf, conf_keys, KEY_COUNT) == -1 ||
	    (c = conf_add_class(conf, "default")) == NULL ||
	    val_defaults(c, class_keys, CLASS_COUNT) == -1) {
		conf_free(conf);
		errno = ENOMEM;
		return NULL;
	}
	return conf;
}

static struct conf_class *
find_class(const struct conf *conf, const char *name)
{
	struct conf_class *c;

	TAILQ_FOREACH(c, &conf->classes, entry) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

const struct conf_class *
conf_class(const struct conf *conf, const char *name)
{
	return find_class(conf, name);
}

struct conf_class *
conf_add_class(struct conf *conf, const char *name)
{
	const struct conf_class *def = TAILQ_FIRST(&conf->classes);
	struct conf_class *c;

	if ((c = find_class(conf, name)) != NULL)
		return c;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	if (def != NULL)
		*c = *def;
	if ((c->name = strdup(name)) == NULL) {
		free(c);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&conf->classes, c, entry);
	return c;
}

int
conf_add_listen(struct conf *conf, const char *host, const char *port,
    unsigned int line)
{
	struct conf_listen *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return -1;
	if ((l->host = strdup(host)) == NULL ||
	    (l->port = strdup(port)) == NULL) {
		free_listen(l);
		return -1;
	}
	l->line = line;
	TAILQ_INSERT_TAIL(&conf->listens, l, entry);
	return 0;
}

int
conf_isaddress(const char *host)
{
	char addr[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	struct in_addr in;
	const char *scope;
	size_t len;

	if (inet_pton(AF_INET, host, &in) == 1)
		return 1;
	len = strcspn(host, "%");
	scope = host + len;
	if (len >= sizeof(addr) ||
	    (*scope != '\0' && !val_isname(scope + 1, IF_NAMESIZE - 1, "._-")))
		return 0;
	memcpy(addr, host, len);
	addr[len] = '\0';
	return inet_pton(AF_INET6, addr, &in6) == 1;
}

int
conf_complete(struct conf *conf, int want_socket)
{
	if (TAILQ_EMPTY(&conf->listens) &&
	    conf_add_listen(conf, DEFAULT_HOST, DEFAULT_PORT, 0) == -1)
		return -1;
	if (want_socket &&
	    asprintf(&conf->socket, "%s/%s", conf->run_dir, DEFAULT_SOCKET) ==
		-1) {
		conf->socket = NULL;
		return -1;
	}
	return 0;
}

static const struct conf_user *
user_of(const struct conf *conf, unsigned int key)
{
	const void *p = (const char *)conf + conf_keys[key].off;

	return p;
}

int
conf_users_clash(const struct conf *conf, unsigned int *a, unsigned int *b)
{
	const struct conf_user *u, *v;
	size_t i, j;

	for (i = 0; i < NUSERS; i++) {
		for (j = i + 1; j < NUSERS; j++) {
			u = user_of(conf, user_keys[i]);
			v = user_of(conf, user_keys[j]);
			if (strcmp(u->name, v->name) != 0 &&
			    (u->uid == 0 || u->uid != v->uid))
				continue;
			*a = user_keys[i];
			*b = user_keys[j];
			return 1;
		}
	}
	return 0;
}

/* Look one account up. 0, or -1 with the message printed. */
static int
resolve(const char *path, const char *key, struct conf_user *user)
{
	const struct passwd *pw;

	if (user->name[0] >= '0' && user->name[0] <= '9')
		return 0;
	errno = 0;
	if ((pw = getpwnam(user->name)) == NULL) {
		if (errno != 0 && errno != ENOENT)
			log_plain("%s: %s \"%s\": %s", path, key, user->name,
			    strerror(errno));
		else
			log_plain("%s: %s \"%s\": no such account, "
				  "create it with: useradd --system "
				  "--no-create-home --home-dir /nonexistent "
				  "--shell /usr/sbin/nologin --user-group %s",
			    path, key, user->name, user->name);
		return -1;
	}
	if (pw->pw_uid == 0 || pw->pw_gid == 0) {
		log_plain("%s: %s \"%s\": is root's account or group, "
			  "expected one without privilege",
		    path, key, user->name);
		return -1;
	}
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	return 0;
}

int
conf_resolve(struct conf *conf)
{
	const char *path = log_vis(conf->path);
	struct conf_user *users[] = { &conf->front_user, &conf->relay_user,
		&conf->job_user };
	unsigned int a, b;
	size_t i;
	int rc = 0;

	for (i = 0; i < NUSERS; i++) {
		if (resolve(path, conf_keys[user_keys[i]].name, users[i]) == -1)
			rc = -1;
	}
	if (rc == 0 && conf_users_clash(conf, &a, &b)) {
		log_plain("%s: %s and %s are the same account, "
			  "expected different ones",
		    path, conf_keys[a].name, conf_keys[b].name);
		rc = -1;
	}
	return rc;
}

static void
print_keys(const void *base, const struct val_key *keys, size_t n,
    const char *indent, FILE *fp)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!val_isset(base, &keys[i]))
			continue;
		fprintf(fp, "%s%s ", indent, keys[i].name);
		val_print(base, &keys[i], fp);
		putc('\n', fp);
	}
}

static void
print_class(const struct conf_class *c, FILE *fp)
{
	/* The first two keys make one line. */
	_Static_assert(CLASS_CPU_QUOTA == 0 && CLASS_CPU_PERIOD == 1, "order");

	fprintf(fp, "class \"%s\" {\n\t%s ", c->name,
	    class_keys[CLASS_CPU_QUOTA].name);
	val_print(c, &class_keys[CLASS_CPU_QUOTA], fp);
	fputs(" period ", fp);
	val_print(c, &class_keys[CLASS_CPU_PERIOD], fp);
	putc('\n', fp);
	print_keys(c, class_keys + 2, CLASS_COUNT - 2, "\t", fp);
	fputs("}\n", fp);
}

static void
print_rule(const struct conf_rule *r, FILE *fp)
{
	unsigned int i;

	fputs(r->permit ? "permit " : "deny ", fp);
	if (r->identity == NULL)
		fputs("any ", fp);
	else
		fprintf(fp, "identity \"%s\" ", r->identity);
	if (r->methods != METHOD_ALL) {
		fputs("methods { ", fp);
		for (i = 0; conf_methods[i] != NULL; i++) {
			if (r->methods & (1U << i))
				fprintf(fp, "%s ", conf_methods[i]);
		}
		fputs("} ", fp);
	}
	fprintf(fp, "jobs %s\n", r->scope == SCOPE_OWN ? "own" : "any");
}

void
conf_print(const struct conf *conf, FILE *fp)
{
	const struct conf_listen *l;
	const struct conf_class *c;
	const struct conf_rule *r;

	TAILQ_FOREACH(l, &conf->listens, entry)
		fprintf(fp, "listen on %s port %s\n", l->host, l->port);
	fputs("socket ", fp);
	if (conf->socket != NULL) {
		val_quote(conf->socket, fp);
		fprintf(fp, " mode %04o\n", (unsigned int)conf->socket_mode);
	} else
		fputs("none\n", fp);
	print_keys(conf, conf_keys, KEY_COUNT, "", fp);
	TAILQ_FOREACH(c, &conf->classes, entry)
		print_class(c, fp);
	TAILQ_FOREACH(r, &conf->rules, entry)
		print_rule(r, fp);
}
