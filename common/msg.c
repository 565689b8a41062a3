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
#include <string.h>

#include "imsg.h"
#include "msg.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* A field of the struct S in scope. */
#define U8(m)                                                                  \
	{                                                                      \
		WIRE_U8, offsetof(struct S, m), 0                              \
	}
#define U32(m)                                                                 \
	{                                                                      \
		WIRE_U32, offsetof(struct S, m), 0                             \
	}
#define I32(m)                                                                 \
	{                                                                      \
		WIRE_I32, offsetof(struct S, m), 0                             \
	}
#define U64(m)                                                                 \
	{                                                                      \
		WIRE_U64, offsetof(struct S, m), 0                             \
	}
#define I64(m)                                                                 \
	{                                                                      \
		WIRE_I64, offsetof(struct S, m), 0                             \
	}
#define STR(m, max)                                                            \
	{                                                                      \
		WIRE_STR, offsetof(struct S, m), max                           \
	}
#define BYTES(m, max)                                                          \
	{                                                                      \
		WIRE_BYTES, offsetof(struct S, m), max                         \
	}

/* A struct msg_limits within. */
#define LIMITS(m)                                                              \
	U64(m.cpu_quota), U64(m.cpu_period), U64(m.memory_max),                \
	    U64(m.memory_high), U64(m.memory_swap_max),                        \
	    U8(m.memory_oom_group), U64(m.pids_max), U64(m.io_rbps),           \
	    U64(m.io_wbps), U64(m.io_riops), U64(m.io_wiops)

#define COMMAND_MAX MSG_ARGS_MAX
#define CLASS_MAX 64
#define DISKS_MAX (16 * 1024)
#define DETAIL_MAX MSG_PATH_MAX

#define S msg_setup
static const struct wire_field f_setup[] = {
	U32(version),
	U32(uid),
	U32(gid),
	STR(chroot, MSG_PATH_MAX),
	U32(worker),
	U8(verbose),
};
#undef S

#define S msg_setup_done
static const struct wire_field f_setup_done[] = {
	U32(version),
};
#undef S

#define S msg_log
static const struct wire_field f_log[] = {
	U8(priority),
	STR(text, MSG_TEXT_MAX),
};
#undef S

#define S msg_cfg_begin
static const struct wire_field f_cfg_begin[] = {
	U32(generation),
	U32(max_connections),
	U32(max_per_address),
	U32(max_half_open),
	U32(max_streams),
	U32(handshake_timeout),
};
#undef S

#define S msg_cfg_listen
static const struct wire_field f_cfg_listen[] = {
	STR(address, MSG_TEXT_MAX),
};
#undef S

#define S msg_cfg_file
static const struct wire_field f_cfg_file[] = {
	STR(path, MSG_PATH_MAX),
};
#undef S

#define S msg_cfg_gen
static const struct wire_field f_cfg_gen[] = {
	U32(generation),
};
#undef S

#define S msg_cfg_ack
static const struct wire_field f_cfg_ack[] = {
	U32(generation),
	U8(ok),
	STR(text, MSG_TEXT_MAX),
};
#undef S

#define S msg_peer_up
static const struct wire_field f_peer_up[] = {
	U64(conn),
	STR(identity, MSG_IDENTITY_MAX),
	BYTES(fingerprint, 32),
	I64(not_after),
};
#undef S

#define S msg_peer
static const struct wire_field f_peer[] = {
	U64(conn),
};
#undef S

#define S msg_job_start
static const struct wire_field f_job_start[] = {
	U64(conn),
	STR(parent, MSG_NAME_MAX),
	STR(command, COMMAND_MAX),
	U32(argc),
	BYTES(argv, MSG_ARGS_MAX),
	U32(envc),
	BYTES(env, MSG_ARGS_MAX),
	STR(cwd, MSG_PATH_MAX),
	STR(class, CLASS_MAX),
	U32(grace_ms),
	U32(labelc),
	BYTES(labels, MSG_LABELS_MAX),
};
#undef S

#define S msg_job_ref
static const struct wire_field f_job_ref[] = {
	U64(conn),
	STR(name, MSG_NAME_MAX),
};
#undef S

#define S msg_cancel
static const struct wire_field f_cancel[] = {
	U64(conn),
};
#undef S

#define S msg_result
static const struct wire_field f_result[] = {
	U32(code),
	STR(reason, CLASS_MAX),
	STR(text, MSG_PATH_MAX + MSG_TEXT_MAX),
	STR(field, CLASS_MAX),
	STR(name, MSG_NAME_MAX),
	U8(stage),
	I32(error),
};
#undef S

#define S msg_job_started
static const struct wire_field f_job_started[] = {
	STR(name, MSG_NAME_MAX),
	STR(uid, MSG_UUID_LEN),
	U8(state),
};
#undef S

#define S msg_job_info
static const struct wire_field f_job_info[] = {
	STR(name, MSG_NAME_MAX),
	STR(owner, MSG_NAME_MAX),
	U8(state),
	U8(stopping),
	U8(disk_full),
	U8(reason),
	U8(oom_killed),
	U8(stage),
	U8(missing),
	I32(error),
	I32(exit_code),
	I32(term_signal),
	I64(start_ns),
	I64(end_ns),
	U64(output_size),
	U64(output_first),
	U64(output_dropped),
	STR(command, COMMAND_MAX),
	U32(argc),
	BYTES(argv, MSG_ARGS_MAX),
	U32(labelc),
	BYTES(labels, MSG_LABELS_MAX),
	STR(class, CLASS_MAX),
	LIMITS(limits),
	STR(stopped_by, MSG_IDENTITY_MAX),
	STR(stats, MSG_STATS_MAX),
};
#undef S

#define S msg_out_source
static const struct wire_field f_out_source[] = {
	U64(source),
};
#undef S

#define S msg_out_eof
static const struct wire_field f_out_eof[] = {
	U64(source),
	U64(total),
	U8(state),
	U8(reason),
	I32(exit_code),
};
#undef S

#define S msg_out_close
static const struct wire_field f_out_close[] = {
	U64(source),
	U32(refs),
};
#undef S

#define S msg_exec_job
static const struct wire_field f_exec_job[] = {
	STR(uuid, MSG_UUID_LEN),
	U32(uid),
	U32(gid),
	STR(user, CLASS_MAX),
	STR(command, COMMAND_MAX),
	U32(argc),
	BYTES(argv, MSG_ARGS_MAX),
	U32(envc),
	BYTES(env, MSG_ARGS_MAX),
	STR(cwd, MSG_PATH_MAX),
	STR(hostname, CLASS_MAX),
	U32(hidec),
	BYTES(hide, DISKS_MAX),
	U8(controllers),
	LIMITS(limits),
	U32(diskc),
	BYTES(disks, DISKS_MAX),
};
#undef S

#define S msg_empty
static const struct wire_field f_empty[] = {
	U8(zero),
};
#undef S

#define S msg_exec_failed
static const struct wire_field f_exec_failed[] = {
	U8(stage),
	I32(error),
	STR(detail, DETAIL_MAX),
};
#undef S

#define S msg_exec_disk
static const struct wire_field f_exec_disk[] = {
	U8(full),
};
#undef S

#define S msg_exec_exit
static const struct wire_field f_exec_exit[] = {
	I32(status),
	U8(oom_killed),
	I64(end_ns),
	U64(output_size),
	U64(utime_us),
	U64(stime_us),
	U64(maxrss_kb),
};
#undef S

#define CHILDREN (SIDE_FRONT | SIDE_EXEC)
#define SUP (SIDE_SUP_FRONT | SIDE_SUP_EXEC)

#define ENTRY(type, sides, nfds, s)                                            \
	[MSG_##type] = { #type, sides, nfds, sizeof(struct msg_##s), f_##s,    \
		NELEM(f_##s) }

static const struct msg_desc table[MSG_MAX] = {
	ENTRY(SETUP, CHILDREN, 0, setup),
	ENTRY(SETUP_DONE, SUP, 0, setup_done),
	ENTRY(LOG, SUP, 0, log),

	ENTRY(CFG_BEGIN, SIDE_FRONT, 0, cfg_begin),
	ENTRY(CFG_LISTEN, SIDE_FRONT, 1, cfg_listen),
	ENTRY(CFG_CERT, SIDE_FRONT, 1, cfg_file),
	ENTRY(CFG_KEY, SIDE_FRONT, 1, cfg_file),
	ENTRY(CFG_CA, SIDE_FRONT, 1, cfg_file),
	ENTRY(CFG_END, SIDE_FRONT, 0, cfg_gen),
	ENTRY(CFG_ACK, SIDE_SUP_FRONT, 0, cfg_ack),
	ENTRY(CFG_COMMIT, SIDE_FRONT, 0, cfg_gen),
	ENTRY(CFG_ABORT, SIDE_FRONT, 0, cfg_gen),

	ENTRY(PEER_UP, SIDE_SUP_FRONT, 0, peer_up),
	ENTRY(PEER_ACK, SIDE_FRONT, 0, peer),
	ENTRY(PEER_LOCAL, SIDE_FRONT, 1, peer),
	ENTRY(PEER_DOWN, SIDE_SUP_FRONT | SIDE_FRONT, 0, peer),

	ENTRY(JOB_START, SIDE_SUP_FRONT, 0, job_start),
	ENTRY(JOB_STOP, SIDE_SUP_FRONT, 0, job_ref),
	ENTRY(JOB_STATUS, SIDE_SUP_FRONT, 0, job_ref),
	ENTRY(JOB_WAIT, SIDE_SUP_FRONT, 0, job_ref),
	ENTRY(JOB_OUTPUT, SIDE_SUP_FRONT, 0, job_ref),
	ENTRY(REQ_CANCEL, SIDE_SUP_FRONT, 0, cancel),

	ENTRY(RESULT, SIDE_FRONT, 0, result),
	ENTRY(JOB_STARTED, SIDE_FRONT, 0, job_started),
	ENTRY(JOB_INFO, SIDE_FRONT, 0, job_info),
	ENTRY(OUT_OPEN, SIDE_FRONT, 3, out_source),
	ENTRY(OUT_SHARE, SIDE_FRONT, 0, out_source),

	ENTRY(OUT_EOF, SIDE_FRONT, 0, out_eof),
	ENTRY(OUT_CLOSE, SIDE_SUP_FRONT, 0, out_close),

	ENTRY(EXEC_FORK, SIDE_EXEC, 1, empty),
	ENTRY(EXEC_READY, SIDE_SUP_EXEC, 1, empty),
	ENTRY(EXEC_JOB, SIDE_EXEC, 4, exec_job),
	ENTRY(EXEC_GO, SIDE_EXEC, 0, empty),
	ENTRY(EXEC_STARTED, SIDE_SUP_EXEC, 1, empty),
	ENTRY(EXEC_FAILED, SIDE_SUP_EXEC, 0, exec_failed),
	ENTRY(EXEC_DISK, SIDE_SUP_EXEC, 0, exec_disk),
	ENTRY(EXEC_EXIT, SIDE_SUP_EXEC, 0, exec_exit),
	ENTRY(EXEC_WATCH, SIDE_EXEC, 1, empty),
};

const struct msg_desc *
msg_desc(unsigned int type)
{
	if (type >= MSG_MAX || table[type].name == NULL)
		return NULL;
	return &table[type];
}

const char *
msg_name(unsigned int type)
{
	const struct msg_desc *d = msg_desc(type);

	return d == NULL ? "unknown message" : d->name;
}

ssize_t
msg_encode(enum msg_type type, const void *s, void *buf, size_t size)
{
	const struct msg_desc *d;

	if ((d = msg_desc(type)) == NULL) {
		errno = EINVAL;
		return -1;
	}
	return wire_encode(d->fields, d->nfields, s, buf, size);
}

const char *
msg_check(enum msg_side side, const struct imsg *m, union msg_any *any)
{
	const struct msg_desc *d;

	if ((d = msg_desc(m->hdr.type)) == NULL)
		return "unknown type";
	if ((d->sides & side) == 0)
		return "type not allowed on this channel";
	if (d->nfds != m->nfds && !m->lost)
		return "wrong number of descriptors";
	memset(any, 0, sizeof(*any));
	if (wire_decode(d->fields, d->nfields, any, m->data, m->len) == -1)
		return "malformed payload";
	return NULL;
}

static const char *
name_at(const char *const *names, size_t n, unsigned int i)
{
	return i < n && names[i] != NULL ? names[i] : "";
}

const char *
job_state_name(unsigned int state)
{
	static const char *const names[] = {
		[JOB_STATE_NONE] = "UNSPECIFIED",
		[JOB_STATE_RUNNING] = "RUNNING",
		[JOB_STATE_FAILED] = "FAILED",
		[JOB_STATE_COMPLETED] = "COMPLETED",
		[JOB_STATE_STOPPED] = "STOPPED",
	};

	return name_at(names, NELEM(names), state);
}

const char *
job_reason_name(unsigned int reason)
{
	static const char *const names[REASON_MAX] = {
		[REASON_EXITED] = "exited",
		[REASON_SIGNAL] = "signal",
		[REASON_OOM] = "oom",
		[REASON_DEADLINE] = "deadline",
		[REASON_STOPPED] = "stopped",
		[REASON_OUTPUT] = "output",
		[REASON_START_FAILED] = "start-failed",
		[REASON_LOST] = "lost",
	};

	return name_at(names, NELEM(names), reason);
}

const char *
exec_stage_name(unsigned int stage)
{
	static const char *const names[STAGE_MAX] = {
		[STAGE_HELPER] = "helper",
		[STAGE_CGROUP] = "cgroup",
		[STAGE_LIMITS] = "limits",
		[STAGE_PIPE] = "pipe",
		[STAGE_CLONE] = "clone",
		[STAGE_MOUNT] = "mount",
		[STAGE_NETWORK] = "network",
		[STAGE_HOSTNAME] = "hostname",
		[STAGE_CREDENTIALS] = "credentials",
		[STAGE_SECCOMP] = "seccomp",
		[STAGE_CHDIR] = "chdir",
		[STAGE_EXEC] = "exec",
		[STAGE_RELAY] = "relay",
	};

	return name_at(names, NELEM(names), stage);
}
