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

#ifndef TH_CONF_H
#define TH_CONF_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>
#include <stdio.h>

/*
 * The configuration, as thd.conf(5) describes it. One struct is one parse:
 * a reload parses a second one beside the first.
 */

enum conf_limits {
	LIMITS_STRICT,
	LIMITS_BEST_EFFORT
};

enum conf_on_stop {
	ON_STOP_KEEP,
	ON_STOP_KILL
};

/* Whose jobs a rule is about. */
enum rule_scope {
	SCOPE_OWN,
	SCOPE_ANY
};

/* Methods a rule can name, as bits. */
#define METHOD_START 0x01
#define METHOD_STOP 0x02
#define METHOD_STATUS 0x04
#define METHOD_WATCH 0x08
#define METHOD_WAIT 0x10
#define METHOD_ALL 0x1f

/* An account: a name from passwd(5), or a bare number. */
struct conf_user {
	char *name; /* as written */
	uid_t uid;
	gid_t gid;
};

struct conf_listen {
	TAILQ_ENTRY(conf_listen) entry;
	char *host; /* numeric address, as written */
	char *port;
	unsigned int line;
};
TAILQ_HEAD(conf_listens, conf_listen);

/*
 * permit | deny  identity | any  [methods { ... }]  jobs own | any
 * The last rule that matches decides; no match is a denial.
 */
struct conf_rule {
	TAILQ_ENTRY(conf_rule) entry;
	int permit;
	char *identity; /* NULL: any identity */
	unsigned int methods; /* METHOD_ bits */
	enum rule_scope scope;
	unsigned int line;
};
TAILQ_HEAD(conf_rules, conf_rule);

/* A class of limits. 0 is "no limit" except where said. */
struct conf_class {
	TAILQ_ENTRY(conf_class) entry;
	char *name;
	uint64_t cpu_quota; /* microseconds per period, at least 1000 */
	uint64_t cpu_period;
	uint64_t memory_max; /* bytes */
	uint64_t memory_high;
	uint64_t memory_swap_max; /* 0 is none; UINT64_MAX no limit */
	int memory_oom_group;
	uint64_t pids_max;
	uint64_t io_rbps;
	uint64_t io_wbps;
	uint64_t io_riops;
	uint64_t io_wiops;
	uint32_t stop_grace_ms;
};
TAILQ_HEAD(conf_classes, conf_class);

struct conf {
	char *path; /* the file it came from */
	struct conf_listens listens;
	struct conf_classes classes; /* always has "default" */
	struct conf_rules rules;
	char *socket; /* local socket, NULL: none */
	mode_t socket_mode;
	char *state_dir;
	char *run_dir;
	char *cert;
	char *key;
	char *ca;
	char *cgroup; /* base cgroup, NULL: found by itself */
	struct conf_user front_user;
	struct conf_user relay_user;
	struct conf_user job_user;
	enum conf_limits limits;
	enum conf_on_stop on_stop;
	unsigned int workers;
	unsigned int max_connections;
	unsigned int max_per_address;
	unsigned int max_per_identity;
	unsigned int max_half_open;
	unsigned int max_streams;
	unsigned int handshake_timeout; /* seconds */
};

/* CONF_DEFAULT is the file thd reads without -f. */
#define CONF_DEFAULT "/etc/thd/thd.conf"

/*
 * Parse a file. Every error is printed on standard error as
 * "file:line: text", all of them, not only the first. The file and what it
 * includes must be regular, owned by root or by the caller, and not writable
 * by group or world. Returns the configuration, to be freed with
 * conf_free(), or NULL.
 */
struct conf *conf_parse(const char *);

/*
 * Define a macro as -D does, "name=value"; it wins over the file's own.
 * Returns 0, or -1 if the text has no such form.
 */
int conf_macro(const char *);

/* Look the accounts up in passwd(5); message on stderr. 0 or -1. */
int conf_resolve(struct conf *);

/* Write it in a form that conf_parse() reads to the same configuration. */
void conf_print(const struct conf *, FILE *);

void conf_free(struct conf *);

/* The class of that name, or NULL. */
const struct conf_class *conf_class(const struct conf *, const char *);

#endif
