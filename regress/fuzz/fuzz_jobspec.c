/* LINK: supervisor/jobspec.c common/wire.c common/msg.c */
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

#include <stdarg.h>

#include "cgroup.h"
#include "disk.h"
#include "imsg.h"
#include "jobint.h"

#include "fuzz.h"

/*
 * What a client asks to run, from the JOB_START that a frontend sends to the
 * EXEC_JOB that jobexec gets. The payload is that of JOB_START.
 */

struct job_config job_config;
static struct cgroup_base cgroup = { .controllers = CTL_ALL };
static struct conf conf = { .path = "/etc/thd/thd.conf",
	.state_dir = "/var/lib/thd",
	.run_dir = "/run/thd",
	.job_user = { "_thjob", 64301, 64301 } };
static const struct conf_class class = { .name = "default" };

void
job_error_set(struct job_error *err, enum result_code code, const char *reason,
    const char *field, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->reason = reason;
	err->field = field;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
}

uint32_t
disk_list(const uint8_t **p, uint32_t *len)
{
	static const uint8_t disks[] = "254:0\0"
				       "8:16";

	*p = disks;
	*len = sizeof(disks);
	return 2;
}

static void
check_exec(const struct msg_exec_job *msg, const struct job_spec *spec)
{
	static uint8_t buf[IMSG_MAX_DATA], *copy;
	union msg_any any;
	struct imsg m;
	ssize_t n;
	uint32_t i;
	const char *s = (const char *)msg->env.p;

	MUST(msg->argc == spec->argc && msg->envc >= spec->envc);
	MUST(wire_strings_check(&msg->argv, msg->argc) == 0);
	MUST(wire_strings_check(&msg->env, msg->envc) == 0);
	MUST(wire_strings_check(&msg->hide, msg->hidec) == 0);
	MUST(msg->cwd[0] == '/' && msg->command[0] != '\0');
	for (i = 0; i < msg->envc; i++, s += strlen(s) + 1)
		MUST(strchr(s, '=') != NULL && s[0] != '=');
	MUST((n = msg_encode(MSG_EXEC_JOB, msg, buf, sizeof(buf))) != -1);
	memset(&m, 0, sizeof(m));
	m.hdr.type = MSG_EXEC_JOB;
	m.nfds = 4;
	m.data = copy = fuzz_copy(buf, n);
	m.len = n;
	MUST(msg_check(SIDE_EXEC, &m, &any) == NULL);
	free(copy);
}

static void
check_start(const struct msg_job_start *msg)
{
	static struct job job = { .uuid = "00000000-0000-4000-8000-"
					  "000000000000",
		.owner = "tele-tester" };
	struct msg_exec_job exec;
	struct job_error err;
	struct job_spec spec;

	memset(&spec, 0, sizeof(spec));
	memset(&err, 0, sizeof(err));
	spec.owner = job.owner;
	spec.class = &class;
	spec.command = msg->command;
	spec.argc = msg->argc;
	spec.argv = msg->argv;
	spec.labelc = msg->labelc;
	spec.labels = msg->labels;
	spec.envc = msg->envc;
	spec.env = msg->env;
	spec.cwd = msg->cwd;
	spec.grace_ms = msg->grace_ms;
	if (job_spec_check(&spec, &err) == 0 &&
	    job_exec_message(&job, &spec, &exec, &err) == 0) {
		check_exec(&exec, &spec);
		return;
	}
	/* A refusal says why, in words for the client. */
	MUST(err.code == RES_INVALID_ARGUMENT ||
	    err.code == RES_RESOURCE_EXHAUSTED);
	MUST(err.reason != NULL && err.field != NULL && err.text[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msg_job_start *start;
	union msg_any any;
	struct imsg m;
	uint8_t *copy = fuzz_copy(data, size);

	job_config.conf = &conf;
	job_config.cgroup = &cgroup;
	memset(&m, 0, sizeof(m));
	m.hdr.type = MSG_JOB_START;
	m.data = copy;
	m.len = size;
	if (msg_check(SIDE_SUP_FRONT, &m, &any) == NULL) {
		start = &any.job_start;
		if (wire_strings_check(&start->argv, start->argc) == 0 &&
		    wire_strings_check(&start->env, start->envc) == 0 &&
		    wire_strings_check(&start->labels, start->labelc) == 0 &&
		    start->labelc % 2 == 0)
			check_start(start);
	}
	free(copy);
	return 0;
}
