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

#include "api.h"

#define STATE_PREFIX "JOB_STATE_"

static int
on_answer(struct call *call, const uint8_t *data, size_t len)
{
	struct api_call *ac = call->arg;

	if (ac->type == NULL)
		return 0;
	if (ac->answer != NULL)
		return -1;
	ac->answer = protobuf_c_message_unpack(ac->type, NULL, len, data);
	return ac->answer == NULL ? -1 : 0;
}

void
api_prepare(struct api_call *ac, const ProtobufCMessageDescriptor *type)
{
	memset(ac, 0, sizeof(*ac));
	ac->type = type;
	ac->call.message = on_answer;
	ac->call.arg = ac;
}

void
api_free(struct api_call *ac)
{
	if (ac->answer != NULL)
		protobuf_c_message_free_unpacked(ac->answer, NULL);
	ac->answer = NULL;
}

int
api_run(struct client *c, struct api_call *ac, const char *method,
    const ProtobufCMessage *request, int64_t timeout)
{
	client_start(c, &ac->call, method, request, timeout);
	client_finish(c, &ac->call);
	if (ac->call.status.code == GRPC_OK)
		return 0;
	api_free(ac);
	return -1;
}

struct client *
api_open(const struct options *o)
{
	struct settings set = o->set;

	settings_complete(&set);
	return client_open(&set);
}

const char *
status_text(const struct call_status *st)
{
	static const char *const names[] = { "OK", "cancelled", "unknown error",
		"invalid argument", "deadline exceeded", "not found",
		"already exists", "permission denied", "resource exhausted",
		"failed precondition", "aborted", "out of range",
		"unimplemented", "internal error", "unavailable", "data loss",
		"unauthenticated" };

	if (st->message[0] != '\0')
		return safe(st->message);
	if (st->code >= 0 &&
	    (size_t)st->code < sizeof(names) / sizeof(names[0]))
		return names[st->code];
	return "unknown error";
}

/* What the codes come to, and what the user can do about them. */
static const struct {
	int code;
	int exit_code;
	const char *hint;
} codes[] = {
	{ GRPC_CANCELLED, EXIT_DAEMON, NULL },
	{ GRPC_UNKNOWN, EXIT_DAEMON, NULL },
	{ GRPC_NOT_FOUND, EXIT_REFUSED, "is the uuid right, and the user?" },
	{ GRPC_DENIED, EXIT_REFUSED,
	    "see the rules in thd.conf, and your certificate" },
	{ GRPC_EXHAUSTED, EXIT_REFUSED, NULL },
	{ GRPC_UNIMPLEMENTED, EXIT_REFUSED,
	    "is the daemon of an older "
	    "version?" },
	{ GRPC_INTERNAL, EXIT_DAEMON, "the log of the daemon may say more" },
	{ GRPC_UNAVAILABLE, EXIT_DAEMON,
	    "try again, or ask the log of the "
	    "daemon" },
	{ GRPC_DATA_LOSS, EXIT_DAEMON, NULL },
	{ GRPC_UNAUTHENTICATED, EXIT_REFUSED,
	    "give a certificate with --cert and --key" },
};

int
api_failed(const char *what, const struct call_status *st)
{
	int code = st->local ? EXIT_DAEMON : EXIT_REFUSED;
	const char *hint = NULL;
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code != st->code)
			continue;
		hint = codes[i].hint;
		if (!st->local)
			code = codes[i].exit_code;
	}
	if (hint != NULL)
		warnx("%s: %s (%s)", safe(what), status_text(st), hint);
	else
		warnx("%s: %s", safe(what), status_text(st));
	return code;
}

/* The name of an owner; empty, the caller, for none. */
static char *
owner(const char *user)
{
	const char *prefix = "users/";
	char *s;

	if (user == NULL || strncmp(user, prefix, strlen(prefix)) == 0)
		prefix = "";
	if (asprintf(&s, "%s%s", prefix, user == NULL ? "" : user) == -1)
		err(EXIT_DAEMON, NULL);
	return s;
}

static char *
unconst(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void *
allocate(size_t n, size_t size)
{
	void *p;

	if ((p = calloc(n, size)) == NULL)
		err(EXIT_DAEMON, NULL);
	return p;
}

/* One after the other, each "KEY=VALUE" apart at its first "=". */
static void
fill_labels(struct api_start *req, const struct options *o)
{
	struct api_label *entries;
	char *key;
	size_t i;

	if ((req->n_labels = o->nlabels) == 0)
		return;
	req->labels = allocate(o->nlabels, sizeof(*req->labels));
	entries = allocate(o->nlabels, sizeof(*entries));
	for (i = 0; i < o->nlabels; i++) {
		if ((key = strdup(o->labels[i])) == NULL)
			err(EXIT_DAEMON, NULL);
		api_label_init(&entries[i]);
		entries[i].key = key;
		entries[i].value = strchr(key, '=') + 1;
		entries[i].value[-1] = '\0';
		req->labels[i] = &entries[i];
	}
}

static void
free_labels(struct api_start *req)
{
	size_t i;

	if (req->n_labels == 0)
		return;
	for (i = 0; i < req->n_labels; i++)
		free(req->labels[i]->key);
	free(req->labels[0]);
	free(req->labels);
	req->n_labels = 0;
}

void
api_start_fill(struct api_start *req, const struct options *o,
    const struct operands *ops)
{
	static Google__Protobuf__Duration grace =
	    GOOGLE__PROTOBUF__DURATION__INIT;

	/* These two are allocated. */
	req->parent = owner(o->parent);
	fill_labels(req, o);
	req->command = ops->argv[0];
	req->args = ops->argv + 1;
	req->n_args = ops->argc - 1;
	req->env = (char **)(uintptr_t)o->env;
	req->n_env = o->nenv;
	if (o->cwd != NULL)
		req->working_directory = unconst(o->cwd);
	if (o->class != NULL)
		req->class_ = unconst(o->class);
	if (o->grace_ms != -1) {
		grace.seconds = o->grace_ms / 1000;
		grace.nanos = (o->grace_ms % 1000) * 1000000;
		req->stop_grace = &grace;
	}
}

void
api_start_free(struct api_start *req)
{
	free(req->parent);
	req->parent = NULL;
	free_labels(req);
}

int
job_exit_code(const struct job_end *end)
{
	if (strcmp(end->reason, "deadline") == 0)
		return EXIT_DEADLINE;
	if (strcmp(end->reason, "lost") == 0)
		return EXIT_DAEMON;
	if (strcmp(end->stage, "exec") == 0)
		return end->error == ENOENT ? EXIT_NOTFOUND : EXIT_NOEXEC;
	if (strcmp(end->reason, "start-failed") == 0)
		return EXIT_DAEMON;
	return end->exit_code;
}

const char *
api_state(int state)
{
	const ProtobufCEnumValue *v;

	v = protobuf_c_enum_descriptor_get_value(
	    &drrev__telehandler__foreman__v1alpha1__job_state__descriptor,
	    state);
	return v == NULL ? STATE_PREFIX "UNSPECIFIED" : v->name;
}

const char *
api_state_short(int state)
{
	return api_state(state) + strlen(STATE_PREFIX);
}
