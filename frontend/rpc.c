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

#include <stddef.h>
#include <string.h>

#include "drrev/telehandler/foreman/v1alpha1/telehandler.pb-c.h"

#include "call.h"
#include "conn.h"
#include "msg.h"
#include "pbcheck.h"
#include "reply.h"
#include "rpc.h"
#include "up.h"
#include "watch.h"

#define SERVICE "/drrev.telehandler.foreman.v1alpha1.ForemanService/"
#define DESC(name) drrev__telehandler__foreman__v1alpha1__##name##__descriptor

#define CLASS_MAX 64
#define GRACE_MAX (24 * 3600) /* seconds */

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* What any request may hold. */
struct request {
	const char *name;
	const char *parent;
	const char *command;
	const char *cwd;
	const char *class;
	struct pb_strings args;
	struct pb_strings env;
	struct pb_strings labels;
	int has_grace;
	struct {
		int64_t seconds;
		int32_t nanos;
	} grace;
	uint64_t start_offset;
	int no_follow;
};

struct rpc {
	const char *path;
	const ProtobufCMessageDescriptor *desc;
	const struct pb_map *map;
	size_t nmap;
	void (*send)(struct call *, const struct request *);
	enum msg_type type; /* for send_ref() */
};

#define MAP(number, member)                                                    \
	{                                                                      \
		number, offsetof(struct request, member), NULL, 0, 0           \
	}

static const struct pb_map grace_map[] = {
	{ 1,
	    offsetof(struct request, grace.seconds) -
		offsetof(struct request, grace),
	    NULL, 0, 0 },
	{ 2,
	    offsetof(struct request, grace.nanos) -
		offsetof(struct request, grace),
	    NULL, 0, 0 },
};

static const struct pb_map start_map[] = {
	MAP(1, parent),
	MAP(2, command),
	MAP(3, args),
	MAP(16, env),
	MAP(17, cwd),
	MAP(18, class),
	MAP(28, labels),
	{ 25, offsetof(struct request, grace), grace_map, NELEM(grace_map),
	    offsetof(struct request, has_grace) },
};

static const struct pb_map ref_map[] = {
	MAP(1, name),
};

static const struct pb_map watch_map[] = {
	MAP(1, name),
	MAP(16, start_offset),
	MAP(18, no_follow),
};

static void send_start(struct call *, const struct request *);
static void send_ref(struct call *, const struct request *);
static void send_watch(struct call *, const struct request *);

#define RPC(name, desc, map, send, type)                                       \
	{                                                                      \
		SERVICE name, &DESC(desc), map, NELEM(map), send, type         \
	}

static const struct rpc rpcs[] = {
	RPC("GetJobStatus", get_job_status_request, ref_map, send_ref,
	    MSG_JOB_STATUS),
	RPC("StartJob", start_job_request, start_map, send_start,
	    MSG_JOB_START),
	RPC("StopJob", stop_job_request, ref_map, send_ref, MSG_JOB_STOP),
	RPC("WaitJob", wait_job_request, ref_map, send_ref, MSG_JOB_WAIT),
	RPC("WatchJobOutput", watch_job_output_request, watch_map, send_watch,
	    MSG_JOB_OUTPUT),
};

const struct rpc *
rpc_find(const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < NELEM(rpcs); i++)
		if (len == strlen(rpcs[i].path) &&
		    memcmp(path, rpcs[i].path, len) == 0)
			return &rpcs[i];
	return NULL;
}

/* Ask the supervisor on behalf of the call. */
static void
ask(struct call *c, enum msg_type type, const void *msg)
{
	if ((c->request = up_request(c, type, msg)) == 0)
		call_fail(c, RES_UNAVAILABLE, "BUSY",
		    "the server cannot take the request now");
}

static int
too_long(struct call *c, const char *field, const char *s, size_t max)
{
	if (strlen(s) <= max)
		return 0;
	call_bad_field(c, field, "too long");
	return 1;
}

/* Returns -1 and ends the call if it is out of range. */
static int
grace(struct call *c, const struct request *r, uint32_t *ms)
{
	*ms = MSG_GRACE_UNSET;
	if (!r->has_grace)
		return 0;
	if (r->grace.seconds < 0 || r->grace.nanos < 0 ||
	    r->grace.nanos > 999999999 || r->grace.seconds > GRACE_MAX ||
	    (r->grace.seconds == GRACE_MAX && r->grace.nanos > 0)) {
		call_bad_field(c, "stop_grace",
		    "must be between 0 and 24 hours");
		return -1;
	}
	*ms = r->grace.seconds * 1000 + r->grace.nanos / 1000000;
	return 0;
}

/* Here only what the message cannot carry; the supervisor judges the rest. */
static void
send_start(struct call *c, const struct request *r)
{
	struct msg_job_start m;

	memset(&m, 0, sizeof(m));
	if (r->args.overflow || r->env.overflow ||
	    strlen(r->command) + 1 + r->args.len + r->env.len > MSG_ARGS_MAX) {
		call_fail(c, RES_RESOURCE_EXHAUSTED, "ARGUMENTS_TOO_LARGE",
		    "arguments and environment are larger than 128 KiB");
		return;
	}
	if (r->labels.overflow) {
		call_fail(c, RES_RESOURCE_EXHAUSTED, "LABELS_TOO_LARGE",
		    "the labels are larger than 8 KiB");
		return;
	}
	if (too_long(c, "parent", r->parent, MSG_NAME_MAX) ||
	    too_long(c, "working_directory", r->cwd, MSG_PATH_MAX) ||
	    too_long(c, "class", r->class, CLASS_MAX) ||
	    grace(c, r, &m.grace_ms) == -1)
		return;
	m.conn = conn_id(c->conn);
	m.parent = r->parent;
	m.command = r->command;
	m.argc = r->args.count;
	m.argv.p = (const uint8_t *)r->args.buf;
	m.argv.len = r->args.len;
	m.envc = r->env.count;
	m.env.p = (const uint8_t *)r->env.buf;
	m.env.len = r->env.len;
	m.labelc = r->labels.count;
	m.labels.p = (const uint8_t *)r->labels.buf;
	m.labels.len = r->labels.len;
	m.cwd = r->cwd;
	m.class = r->class;
	ask(c, MSG_JOB_START, &m);
}

static void
send_ref(struct call *c, const struct request *r)
{
	struct msg_job_ref m;

	if (too_long(c, "name", r->name, MSG_NAME_MAX))
		return;
	m.conn = conn_id(c->conn);
	m.name = r->name;
	ask(c, c->rpc->type, &m);
}

static void
send_watch(struct call *c, const struct request *r)
{
	if (too_long(c, "name", r->name, MSG_NAME_MAX))
		return;
	if ((c->watcher = watch_new(c, r->name, r->start_offset,
		 r->no_follow)) == NULL) {
		call_fail(c, RES_RESOURCE_EXHAUSTED, "NO_MEMORY",
		    "the server is short of memory");
		return;
	}
	send_ref(c, r);
}

/* Room for the strings of one request; used and done before the next. */
static char room[GRPC_REQUEST_MAX];
static char args_room[MSG_ARGS_MAX];
static char env_room[MSG_ARGS_MAX];
static char labels_room[MSG_LABELS_MAX];

static void
request_init(struct request *r)
{
	memset(r, 0, sizeof(*r));
	r->name = r->parent = r->command = r->cwd = r->class = "";
	r->args.buf = args_room;
	r->args.size = sizeof(args_room);
	r->env.buf = env_room;
	r->env.size = sizeof(env_room);
	r->labels.buf = labels_room;
	r->labels.size = sizeof(labels_room);
}

void
rpc_dispatch(struct call *c)
{
	const struct rpc *rpc = c->rpc;
	struct request r;
	struct pb_in in;

	request_init(&r);
	memset(&in, 0, sizeof(in));
	in.room = room;
	in.size = sizeof(room);
	switch (pb_decode(rpc->desc, rpc->map, rpc->nmap, c->in.buf, c->in.len,
	    &r, &in)) {
	case PB_OK:
		rpc->send(c, &r);
		break;
	case PB_NUL:
		call_bad_field(c, in.field, "must not contain a NUL byte");
		break;
	case PB_UTF8:
		call_fail(c, RES_INTERNAL, "BAD_MESSAGE",
		    "a string in the request is not valid UTF-8");
		break;
	case PB_MALFORMED:
		call_fail(c, RES_INTERNAL, "BAD_MESSAGE",
		    "the request is not a valid protobuf message");
		break;
	}
}

void
rpc_started(struct call *c, const struct msg_job_started *m)
{
	uint8_t *buf;
	size_t len = 0;

	buf = reply_started(m, &len);
	call_reply(c, buf, len);
}

void
rpc_info(struct call *c, const struct msg_job_info *m)
{
	uint8_t *buf;
	size_t len = 0;

	if (c->watcher != NULL) {
		watch_info(c->watcher, m);
		return;
	}
	buf = reply_job(m, &len);
	call_reply(c, buf, len);
}

void
rpc_result(struct call *c, const struct msg_result *m)
{
	struct status st;
	uint8_t *buf;
	size_t len = 0;

	if (m->code == RES_OK && c->rpc->type == MSG_JOB_STOP) {
		buf = reply_empty(&len);
		call_reply(c, buf, len);
		return;
	}
	status_from_result(m, &st);
	if (c->state == CALL_REPLY) {
		/* A watch under way: the strings would not live. */
		call_fail(c, st.code, "JOB_UNAVAILABLE",
		    "the state of the job is not to be had any more");
		return;
	}
	if (st.code == RES_OK)
		st.code = RES_INTERNAL;
	call_error(c, &st);
}
