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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "disk.h"
#include "jobint.h"

#define ARG_MAX_LEN 131071 /* the kernel's MAX_ARG_STRLEN, less its NUL */
#define GRACE_MAX_MS (24U * 3600 * 1000)
#define HOSTNAME "sandbox"
#define LABELS_MAX 64
#define LABEL_KEY_MAX 63
#define LABEL_VALUE_MAX 256

/* A block of strings, each with its NUL, of a fixed size. */
struct block {
	uint8_t *p;
	size_t size;
	uint32_t len;
	uint32_t count;
};

static int
block_add(struct block *b, const char *s, size_t len)
{
	if (len + 1 > b->size - b->len)
		return -1;
	memcpy(b->p + b->len, s, len);
	b->p[b->len + len] = '\0';
	b->len += len + 1;
	b->count++;
	return 0;
}

static int
check_env(const struct job_spec *spec, struct job_error *err)
{
	const char *s = (const char *)spec->env.p, *eq;
	uint32_t i;

	for (i = 0; i < spec->envc; i++, s += strlen(s) + 1) {
		eq = strchr(s, '=');
		if (eq == NULL || eq == s) {
			job_error_set(err, RES_INVALID_ARGUMENT, "ENV", "env",
			    "env[%u] is not of the form NAME=value", i);
			return -1;
		}
	}
	return 0;
}

static int
check_arguments(const struct job_spec *spec, struct job_error *err)
{
	const char *s = (const char *)spec->argv.p;
	uint32_t i;
	size_t len;

	if (strlen(spec->command) + 1 + spec->argv.len + spec->env.len >
	    MSG_ARGS_MAX) {
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "ARGUMENTS_SIZE",
		    "args",
		    "command, arguments and environment are over the limit "
		    "of %d bytes",
		    MSG_ARGS_MAX);
		return -1;
	}
	for (i = 0; i < spec->argc; i++) {
		len = strlen(s);
		if (len > ARG_MAX_LEN) {
			job_error_set(err, RES_INVALID_ARGUMENT,
			    "ARGUMENT_SIZE", "args",
			    "args[%u] is over %d bytes", i, ARG_MAX_LEN);
			return -1;
		}
		s += len + 1;
	}
	return 0;
}

static int
bad_label(struct job_error *err, const char *why)
{
	job_error_set(err, RES_INVALID_ARGUMENT, "LABELS", "labels", "%s", why);
	return -1;
}

/* Keys are words for programs, values are free text. */
static int
check_labels(const struct job_spec *spec, struct job_error *err)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	const char *key = (const char *)spec->labels.p, *value;
	uint32_t i;
	size_t len;

	if (spec->labelc > 2 * LABELS_MAX)
		return bad_label(err, "there are more than 64 labels");
	for (i = 0; i < spec->labelc; i += 2) {
		len = strlen(key);
		if (len == 0 || len > LABEL_KEY_MAX ||
		    strspn(key, chars) != len)
			return bad_label(err,
			    "a label's key is 1 to 63 letters, digits and "
			    "\"._/-\"");
		value = key + len + 1;
		len = strlen(value);
		if (len > LABEL_VALUE_MAX)
			return bad_label(err,
			    "a label's value is at most 256 bytes");
		key = value + len + 1;
	}
	return 0;
}

int
job_spec_check(const struct job_spec *spec, struct job_error *err)
{
	if (spec->command[0] == '\0') {
		job_error_set(err, RES_INVALID_ARGUMENT, "COMMAND", "command",
		    "command is empty: name the program to run");
		return -1;
	}
	if (spec->cwd != NULL && spec->cwd[0] != '\0' && spec->cwd[0] != '/') {
		job_error_set(err, RES_INVALID_ARGUMENT, "WORKING_DIRECTORY",
		    "working_directory",
		    "working_directory is not an absolute path");
		return -1;
	}
	if (spec->grace_ms != MSG_GRACE_UNSET &&
	    spec->grace_ms > GRACE_MAX_MS) {
		job_error_set(err, RES_INVALID_ARGUMENT, "STOP_GRACE",
		    "stop_grace", "stop_grace is over 24 hours");
		return -1;
	}
	if (check_env(spec, err) == -1 || check_labels(spec, err) == -1)
		return -1;
	return check_arguments(spec, err);
}

/* Does the request set this variable (given with its '=') itself? */
static int
env_has(const struct job_spec *spec, const char *var)
{
	const char *s = (const char *)spec->env.p;
	size_t len = strchr(var, '=') + 1 - var;
	uint32_t i;

	for (i = 0; i < spec->envc; i++, s += strlen(s) + 1)
		if (strncmp(s, var, len) == 0)
			return 1;
	return 0;
}

/* The environment of a job: a few defaults, then what was asked for. */
static int
build_env(const struct job *job, const struct job_spec *spec, const char *user,
    struct block *b)
{
	char vars[6][MSG_NAME_MAX + 32];
	const char *s = (const char *)spec->env.p;
	uint32_t i;

	snprintf(vars[0], sizeof(vars[0]),
	    "PATH=/usr/local/sbin:/usr/local/bin:"
	    "/usr/sbin:/usr/bin:/sbin:/bin");
	snprintf(vars[1], sizeof(vars[1]), "HOME=/");
	snprintf(vars[2], sizeof(vars[2]), "USER=%s", user);
	snprintf(vars[3], sizeof(vars[3]), "LOGNAME=%s", user);
	snprintf(vars[4], sizeof(vars[4]), "LANG=C.UTF-8");
	snprintf(vars[5], sizeof(vars[5]), "TELEHANDLER_JOB=users/%s/jobs/%s",
	    job->owner, job->uuid);
	for (i = 0; i < 6; i++)
		if (!env_has(spec, vars[i]) &&
		    block_add(b, vars[i], strlen(vars[i])) == -1)
			return -1;
	for (i = 0; i < spec->envc; i++, s += strlen(s) + 1)
		if (block_add(b, s, strlen(s)) == -1)
			return -1;
	return 0;
}

/* The daemon's own directories are not for jobs to see. */
static int
build_hide(struct block *b)
{
	const struct conf *conf = job_config.conf;
	const char *slash = strrchr(conf->path, '/');

	if (block_add(b, conf->state_dir, strlen(conf->state_dir)) == -1 ||
	    block_add(b, conf->run_dir, strlen(conf->run_dir)) == -1)
		return -1;
	/* Never "/", nor a directory that is found by the caller's place. */
	if (conf->path[0] == '/' && slash != conf->path)
		return block_add(b, conf->path, slash - conf->path);
	return 0;
}

/* A class says 0 where there is no limit. */
static uint64_t
limit(uint64_t v)
{
	return v == 0 ? MSG_UNLIMITED : v;
}

void
job_limits(const struct conf_class *c, struct msg_limits *l)
{
	l->cpu_quota = limit(c->cpu_quota);
	l->cpu_period = c->cpu_period;
	l->memory_max = limit(c->memory_max);
	l->memory_high = limit(c->memory_high);
	l->memory_swap_max = c->memory_swap_max;
	l->memory_oom_group = c->memory_oom_group;
	l->pids_max = limit(c->pids_max);
	l->io_rbps = limit(c->io_rbps);
	l->io_wbps = limit(c->io_wbps);
	l->io_riops = limit(c->io_riops);
	l->io_wiops = limit(c->io_wiops);
}

int
job_exec_message(const struct job *job, const struct job_spec *spec,
    struct msg_exec_job *msg, struct job_error *err)
{
	static uint8_t env[MSG_ARGS_MAX], hide[16 * 1024];
	struct block envb = { env, sizeof(env), 0, 0 };
	struct block hideb = { hide, sizeof(hide), 0, 0 };
	const struct conf_user *user = &job_config.conf->job_user;

	memset(msg, 0, sizeof(*msg));
	if (build_env(job, spec, user->name, &envb) == -1 ||
	    build_hide(&hideb) == -1) {
		job_error_set(err, RES_RESOURCE_EXHAUSTED, "ARGUMENTS_SIZE",
		    "env", "the environment is too large");
		return -1;
	}
	msg->uuid = job->uuid;
	msg->uid = user->uid;
	msg->gid = user->gid;
	msg->user = user->name;
	msg->command = spec->command;
	msg->argc = spec->argc;
	msg->argv = spec->argv;
	msg->envc = envb.count;
	msg->env.p = envb.p;
	msg->env.len = envb.len;
	msg->cwd = spec->cwd != NULL && spec->cwd[0] != '\0' ? spec->cwd : "/";
	msg->hostname = HOSTNAME;
	msg->hidec = hideb.count;
	msg->hide.p = hideb.p;
	msg->hide.len = hideb.len;
	msg->controllers = job_config.cgroup->controllers;
	msg->limits = job->limits;
	msg->diskc = disk_list(&msg->disks.p, &msg->disks.len);
	return 0;
}
