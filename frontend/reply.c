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

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "grpc.h"
#include "pbwrite.h"
#include "reply.h"

/* Field numbers of telehandler.proto. */
enum {
	JOB_RESPONSE_NAME = 1,
	JOB_RESPONSE_UID = 2,
	JOB_RESPONSE_STATE = 3,

	STATUS_NAME = 1,
	STATUS_STATE = 2,
	STATUS_START_TIME = 3,
	STATUS_END_TIME = 4,
	STATUS_EXIT_CODE = 5,
	STATUS_OWNER = 16,
	STATUS_COMMAND = 17,
	STATUS_ARGS = 18,
	STATUS_LABELS = 19,
	STATUS_CLASS = 20,
	STATUS_LIMITS = 21,
	STATUS_LIMITS_MISSING = 22,
	STATUS_REASON = 23,
	STATUS_TERM_SIGNAL = 24,
	STATUS_OOM_KILLED = 25,
	STATUS_STOPPED_BY = 26,
	STATUS_OUTPUT_SIZE = 27,
	STATUS_OUTPUT_FIRST = 28,
	STATUS_OUTPUT_DROPPED = 29,
	STATUS_FAILED_STAGE = 30,
	STATUS_FAILED_ERRNO = 31,
	STATUS_STOPPING = 32,
	STATUS_WAITING_FOR_DISK = 33,
	STATUS_STATS = 40,

	ENTRY_KEY = 1,
	ENTRY_VALUE = 2,

	STAT_NAME = 1,
	STAT_VALUE = 2,

	OUTPUT_DATA = 1,
	OUTPUT_OFFSET = 16,
	OUTPUT_END = 19,
	OUTPUT_TOTAL = 20,
	OUTPUT_STATE = 21,
	OUTPUT_EXIT_CODE = 22,
	OUTPUT_REASON = 23
};

#define COUNT_SIZE 24 /* a number of 64 bits, or "max" */

/* Put the prefix into the room that was left for it. */
static uint8_t *
finish(struct pbw *w, size_t *len)
{
	uint8_t *buf;

	if ((buf = pbw_done(w, len)) != NULL)
		grpc_prefix(buf, *len - GRPC_PREFIX);
	return buf;
}

uint8_t *
reply_empty(size_t *len)
{
	struct pbw w;

	pbw_init(&w, GRPC_PREFIX);
	return finish(&w, len);
}

uint8_t *
reply_started(const struct msg_job_started *m, size_t *len)
{
	struct pbw w;

	pbw_init(&w, GRPC_PREFIX);
	pbw_string(&w, JOB_RESPONSE_NAME, m->name);
	pbw_string(&w, JOB_RESPONSE_UID, m->uid);
	pbw_uint(&w, JOB_RESPONSE_STATE, m->state);
	return finish(&w, len);
}

/* google.protobuf.Timestamp; 0 is "unset". */
static void
timestamp(struct pbw *w, uint32_t number, int64_t ns)
{
	int64_t nanos, seconds;
	size_t mark;

	if (ns == 0)
		return;
	seconds = ns / 1000000000;
	nanos = ns % 1000000000;
	if (nanos < 0) {
		seconds--;
		nanos += 1000000000;
	}
	mark = pbw_open(w, number);
	pbw_int(w, 1, seconds);
	pbw_int(w, 2, nanos);
	pbw_close(w, mark);
}

/* The next of a list of strings; what is not there is empty. */
static void
next_string(struct pbw *w, uint32_t number, struct wire_bytes *list)
{
	size_t n = strnlen((const char *)list->p, list->len);

	pbw_bytes(w, number, list->p, n);
	if (n < list->len)
		n++;
	list->p += n;
	list->len -= n;
}

static void
args(struct pbw *w, struct wire_bytes list, uint32_t count)
{
	while (count-- > 0 && list.len > 0)
		next_string(w, STATUS_ARGS, &list);
}

static void
labels(struct pbw *w, struct wire_bytes list, uint32_t count)
{
	size_t mark;

	for (; count > 1 && list.len > 0; count -= 2) {
		mark = pbw_open(w, STATUS_LABELS);
		next_string(w, ENTRY_KEY, &list);
		next_string(w, ENTRY_VALUE, &list);
		pbw_close(w, mark);
	}
}

static void
entry(struct pbw *w, uint32_t number, const char *key, const char *value)
{
	size_t mark;

	mark = pbw_open(w, number);
	pbw_string(w, ENTRY_KEY, key);
	pbw_string(w, ENTRY_VALUE, value);
	pbw_close(w, mark);
}

/* The kernel's word for a number. */
static const char *
count(uint64_t v, char buf[COUNT_SIZE])
{
	if (v == MSG_UNLIMITED)
		return "max";
	snprintf(buf, COUNT_SIZE, "%" PRIu64, v);
	return buf;
}

static void
limits(struct pbw *w, const struct msg_limits *l)
{
	char buf[4 * COUNT_SIZE + 32], n[4][COUNT_SIZE];

	snprintf(buf, sizeof(buf), "%s %" PRIu64, count(l->cpu_quota, n[0]),
	    l->cpu_period);
	entry(w, STATUS_LIMITS, "cpu.max", buf);
	entry(w, STATUS_LIMITS, "memory.max", count(l->memory_max, n[0]));
	entry(w, STATUS_LIMITS, "memory.high", count(l->memory_high, n[0]));
	entry(w, STATUS_LIMITS, "memory.swap.max",
	    count(l->memory_swap_max, n[0]));
	entry(w, STATUS_LIMITS, "memory.oom.group",
	    l->memory_oom_group ? "1" : "0");
	entry(w, STATUS_LIMITS, "pids.max", count(l->pids_max, n[0]));
	snprintf(buf, sizeof(buf), "rbps=%s wbps=%s riops=%s wiops=%s",
	    count(l->io_rbps, n[0]), count(l->io_wbps, n[1]),
	    count(l->io_riops, n[2]), count(l->io_wiops, n[3]));
	entry(w, STATUS_LIMITS, "io.max", buf);
}

static void
limits_missing(struct pbw *w, uint8_t missing)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} controllers[] = {
		{ CTL_CPU, "cpu" },
		{ CTL_MEMORY, "memory" },
		{ CTL_IO, "io" },
		{ CTL_PIDS, "pids" },
	};
	size_t i;

	for (i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (missing & controllers[i].bit)
			pbw_string(w, STATUS_LIMITS_MISSING,
			    controllers[i].name);
}

/* Lines "name value\n". */
static void
stats(struct pbw *w, const char *s)
{
	const char *nl, *space;
	size_t mark;

	for (; (nl = strchr(s, '\n')) != NULL; s = nl + 1) {
		if ((space = memchr(s, ' ', nl - s)) == NULL)
			continue;
		mark = pbw_open(w, STATUS_STATS);
		pbw_bytes(w, STAT_NAME, s, space - s);
		pbw_bytes(w, STAT_VALUE, space + 1, nl - space - 1);
		pbw_close(w, mark);
	}
}

uint8_t *
reply_job(const struct msg_job_info *m, size_t *len)
{
	struct pbw w;

	pbw_init(&w, GRPC_PREFIX);
	pbw_string(&w, STATUS_NAME, m->name);
	pbw_uint(&w, STATUS_STATE, m->state);
	timestamp(&w, STATUS_START_TIME, m->start_ns);
	timestamp(&w, STATUS_END_TIME, m->end_ns);
	pbw_int(&w, STATUS_EXIT_CODE, m->exit_code);
	pbw_string(&w, STATUS_OWNER, m->owner);
	pbw_string(&w, STATUS_COMMAND, m->command);
	args(&w, m->argv, m->argc);
	labels(&w, m->labels, m->labelc);
	pbw_string(&w, STATUS_CLASS, m->class);
	limits(&w, &m->limits);
	limits_missing(&w, m->missing);
	pbw_string(&w, STATUS_REASON, job_reason_name(m->reason));
	pbw_int(&w, STATUS_TERM_SIGNAL, m->term_signal);
	pbw_uint(&w, STATUS_OOM_KILLED, m->oom_killed != 0);
	pbw_string(&w, STATUS_STOPPED_BY, m->stopped_by);
	pbw_uint(&w, STATUS_OUTPUT_SIZE, m->output_size);
	pbw_uint(&w, STATUS_OUTPUT_FIRST, m->output_first);
	pbw_uint(&w, STATUS_OUTPUT_DROPPED, m->output_dropped);
	pbw_string(&w, STATUS_FAILED_STAGE, exec_stage_name(m->stage));
	pbw_int(&w, STATUS_FAILED_ERRNO, m->error);
	pbw_uint(&w, STATUS_STOPPING, m->stopping != 0);
	pbw_uint(&w, STATUS_WAITING_FOR_DISK, m->disk_full != 0);
	stats(&w, m->stats);
	return finish(&w, len);
}

uint8_t *
reply_end(const struct watch_end *e, size_t *len)
{
	struct pbw w;

	pbw_init(&w, GRPC_PREFIX);
	pbw_uint(&w, OUTPUT_OFFSET, e->offset);
	pbw_uint(&w, OUTPUT_END, 1);
	pbw_uint(&w, OUTPUT_TOTAL, e->total);
	pbw_uint(&w, OUTPUT_STATE, e->state);
	pbw_int(&w, OUTPUT_EXIT_CODE, e->exit_code);
	pbw_string(&w, OUTPUT_REASON, job_reason_name(e->reason));
	return finish(&w, len);
}

size_t
reply_output_head(uint8_t head[REPLY_HEAD_MAX], uint64_t offset, size_t len)
{
	uint8_t *p = head + GRPC_PREFIX;

	if (offset != 0) {
		p += pb_varint(p, PB_TAG(OUTPUT_OFFSET, PB_VARINT));
		p += pb_varint(p, offset);
	}
	p += pb_varint(p, PB_TAG(OUTPUT_DATA, PB_LENGTH));
	p += pb_varint(p, len);
	grpc_prefix(head, p - head - GRPC_PREFIX + len);
	return p - head;
}
