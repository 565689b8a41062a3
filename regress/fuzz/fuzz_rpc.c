/* LINK: frontend/rpc.c frontend/pbcheck.c frontend/grpc.c common/wire.c common/msg.c */
/* LIBS: libprotobuf-c libnghttp2 libevent_core */
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

#include <protobuf-c/protobuf-c.h>

#include "drrev/telehandler/foreman/v1alpha1/telehandler.pb-c.h"

#include "call.h"
#include "conn.h"
#include "imsg.h"
#include "msg.h"
#include "reply.h"
#include "rpc.h"
#include "up.h"
#include "watch.h"

#include "fuzz.h"

/*
 * A request of each method, from its protobuf bytes to the message for the
 * supervisor: {method} and the bytes. What is accepted fits its message, and
 * protobuf-c unpacks it to the same within a bounded amount of memory.
 */

#define SERVICE "/drrev.telehandler.foreman.v1alpha1.ForemanService/"
#define START Drrev__Telehandler__Foreman__V1alpha1__StartJobRequest
#define START_DESC                                                             \
	drrev__telehandler__foreman__v1alpha1__start_job_request__descriptor

static const char *const paths[] = { SERVICE "StartJob", SERVICE "GetJobStatus",
	SERVICE "StopJob", SERVICE "WaitJob", SERVICE "WatchJobOutput",
	"/grpc.health.v1.Health/Check" };

/* What became of the request: exactly one of these. */
static unsigned int asked, refused;
static const uint8_t *request;
static size_t request_len;

static size_t budget; /* bytes that protobuf-c may still take */

static void *
budget_alloc(void *arg, size_t size)
{
	(void)arg;
	if (size > budget)
		return NULL;
	budget -= size;
	return malloc(size);
}

static void
budget_free(void *arg, void *p)
{
	(void)arg;
	free(p);
}

/* The same request by the other decoder, where that one can read it. */
static void
compare_start(const struct msg_job_start *m)
{
	ProtobufCAllocator allocator = { budget_alloc, budget_free, NULL };
	ProtobufCMessage *base;
	const START *start;
	const char *s = (const char *)m->argv.p;
	size_t i;

	/* Its own worst cases are 64 bytes and more for one of input. */
	budget = 4096 + 128 * request_len;
	base = protobuf_c_message_unpack(&START_DESC, &allocator, request_len,
	    request);
	if (base == NULL)
		return;
	start = (const START *)(const void *)base;
	MUST(strcmp(start->parent, m->parent) == 0);
	MUST(strcmp(start->command, m->command) == 0);
	MUST(strcmp(start->working_directory, m->cwd) == 0);
	MUST(strcmp(start->class_, m->class) == 0);
	MUST(start->n_args == m->argc && start->n_env == m->envc);
	for (i = 0; i < start->n_args; i++, s += strlen(s) + 1)
		MUST(strcmp(start->args[i], s) == 0);
	MUST(start->n_labels * 2 == m->labelc);
	s = (const char *)m->labels.p;
	for (i = 0; i < start->n_labels; i++) {
		MUST(strcmp(start->labels[i]->key, s) == 0);
		s += strlen(s) + 1;
		MUST(strcmp(start->labels[i]->value, s) == 0);
		s += strlen(s) + 1;
	}
	MUST((start->stop_grace != NULL) == (m->grace_ms != MSG_GRACE_UNSET));
	protobuf_c_message_free_unpacked(base, &allocator);
}

uint32_t
up_request(struct call *c, enum msg_type type, const void *msg)
{
	static uint8_t buf[IMSG_MAX_DATA];
	const struct msg_job_start *start = msg;
	union msg_any any;
	struct imsg m;
	ssize_t n;

	(void)c;
	asked++;
	MUST((n = msg_encode(type, msg, buf, sizeof(buf))) != -1);
	memset(&m, 0, sizeof(m));
	m.hdr.type = type;
	m.data = buf;
	m.len = n;
	MUST(msg_check(SIDE_SUP_FRONT, &m, &any) == NULL);
	if (type == MSG_JOB_START) {
		MUST(wire_strings_check(&start->argv, start->argc) == 0);
		MUST(wire_strings_check(&start->env, start->envc) == 0);
		MUST(start->grace_ms == MSG_GRACE_UNSET ||
		    start->grace_ms <= 24 * 3600 * 1000);
		compare_start(start);
	}
	return 1;
}

void
call_fail(struct call *c, uint32_t code, const char *reason, const char *text)
{
	(void)c;
	MUST(code != RES_OK && reason[0] != '\0' && text[0] != '\0');
	refused++;
}

void
call_bad_field(struct call *c, const char *field, const char *why)
{
	(void)c;
	MUST(field[0] != '\0' && why[0] != '\0');
	refused++;
}

struct watcher *
watch_new(struct call *c, const char *name, uint64_t offset, int no_follow)
{
	static char watcher;

	(void)c;
	(void)name;
	(void)offset;
	MUST(no_follow == 0 || no_follow == 1);
	return (struct watcher *)(void *)&watcher;
}

uint64_t
conn_id(const struct conn *c)
{
	(void)c;
	return 42;
}

/* The rest is about answers, which do not come here. */

void
call_reply(struct call *c, uint8_t *buf, size_t len)
{
	(void)c;
	(void)buf;
	(void)len;
	abort();
}

void
call_error(struct call *c, const struct status *st)
{
	(void)c;
	(void)st;
	abort();
}

void
watch_info(struct watcher *w, const struct msg_job_info *m)
{
	(void)w;
	(void)m;
	abort();
}

void
status_from_result(const struct msg_result *m, struct status *st)
{
	(void)m;
	(void)st;
	abort();
}

uint8_t *
reply_started(const struct msg_job_started *m, size_t *len)
{
	(void)m;
	(void)len;
	abort();
}

uint8_t *
reply_job(const struct msg_job_info *m, size_t *len)
{
	(void)m;
	(void)len;
	abort();
}

uint8_t *
reply_empty(size_t *len)
{
	(void)len;
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *path;
	struct call c;

	path = paths[input_u8(&in) % (sizeof(paths) / sizeof(paths[0]))];
	memset(&c, 0, sizeof(c));
	if ((c.rpc = rpc_find(path, strlen(path))) == NULL)
		return 0;
	request_len = c.in.len = in.left;
	request = c.in.buf = fuzz_copy(in.p, in.left);
	asked = refused = 0;
	rpc_dispatch(&c);
	MUST(asked + refused == 1);
	free(c.in.buf);
	return 0;
}
