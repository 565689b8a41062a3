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

#ifndef TH_MSG_H
#define TH_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/*
 * The protocol between the processes: every message, what it carries, who
 * sends it to whom. The table in msg.c gives for each type its name, the
 * sides that may receive it, its fields with their limits, and the exact
 * number of descriptors.
 */

#define MSG_VERSION 4 /* raise with every change; checked at start-up */

/* The ends of channels. A type is allowed on a side or it is a violation. */
enum msg_side {
	SIDE_SUP_FRONT = 1 << 0, /* supervisor, channel to a frontend */
	SIDE_SUP_EXEC = 1 << 1, /* supervisor, channel to a jobexec */
	SIDE_FRONT = 1 << 2, /* frontend, channel to the supervisor */
	SIDE_EXEC = 1 << 3 /* jobexec, channel to the supervisor */
};

enum msg_type {
	MSG_NONE,

	/* Start-up, supervisor <-> each child. */
	MSG_SETUP,
	MSG_SETUP_DONE,
	MSG_LOG,

	/* Configuration, supervisor -> frontend; ACK comes back. */
	MSG_CFG_BEGIN,
	MSG_CFG_LISTEN,
	MSG_CFG_CERT,
	MSG_CFG_KEY,
	MSG_CFG_CA,
	MSG_CFG_END,
	MSG_CFG_ACK,
	MSG_CFG_COMMIT,
	MSG_CFG_ABORT,

	/* Connections. */
	MSG_PEER_UP,
	MSG_PEER_ACK,
	MSG_PEER_LOCAL,
	MSG_PEER_DOWN,

	/* Requests, frontend -> supervisor; the header's id is the request's. */
	MSG_JOB_START,
	MSG_JOB_STOP,
	MSG_JOB_STATUS,
	MSG_JOB_WAIT,
	MSG_JOB_OUTPUT,
	MSG_REQ_CANCEL,

	/* Replies, with the request's id. */
	MSG_RESULT,
	MSG_JOB_STARTED,
	MSG_JOB_INFO,
	MSG_OUT_OPEN,
	MSG_OUT_SHARE,

	/* Output sources. */
	MSG_OUT_EOF,
	MSG_OUT_CLOSE,

	/* Jobs, supervisor <-> jobexec. */
	MSG_EXEC_FORK,
	MSG_EXEC_READY,
	MSG_EXEC_JOB,
	MSG_EXEC_GO,
	MSG_EXEC_STARTED,
	MSG_EXEC_FAILED,
	MSG_EXEC_DISK,
	MSG_EXEC_EXIT,
	MSG_EXEC_WATCH,

	MSG_MAX
};

/* Numbers as in JobState of the API. */
enum job_state {
	JOB_STATE_NONE = 0,
	JOB_STATE_RUNNING = 1,
	JOB_STATE_FAILED = 2,
	JOB_STATE_COMPLETED = 3,
	JOB_STATE_STOPPED = 4
};

/* Why a job ended. job_reason_name() gives the API's word. */
enum job_reason {
	REASON_NONE,
	REASON_EXITED,
	REASON_SIGNAL,
	REASON_OOM,
	REASON_DEADLINE,
	REASON_STOPPED,
	REASON_OUTPUT,
	REASON_START_FAILED,
	REASON_LOST,
	REASON_MAX
};

/* The step at which a job's set-up failed. exec_stage_name() names it. */
enum exec_stage {
	STAGE_NONE,
	STAGE_HELPER, /* jobexec itself could not be started or died */
	STAGE_CGROUP, /* make the cgroup */
	STAGE_LIMITS, /* write and read back a limit */
	STAGE_PIPE, /* pipes for stdout and stderr */
	STAGE_CLONE, /* clone3 into cgroup and namespaces */
	STAGE_MOUNT, /* the job's view of the file system */
	STAGE_NETWORK, /* loopback */
	STAGE_HOSTNAME,
	STAGE_CREDENTIALS, /* groups, ids, capabilities, no_new_privs */
	STAGE_SECCOMP,
	STAGE_CHDIR, /* working directory */
	STAGE_EXEC, /* the command itself */
	STAGE_RELAY, /* the relay's own drop */
	STAGE_MAX
};

/* Controllers, as bits: which limits are to be applied. */
#define CTL_CPU 0x01
#define CTL_MEMORY 0x02
#define CTL_IO 0x04
#define CTL_PIDS 0x08
#define CTL_ALL 0x0f

/* Status codes of a RESULT: the canonical codes of gRPC. */
enum result_code {
	RES_OK = 0,
	RES_CANCELLED = 1,
	RES_UNKNOWN = 2,
	RES_INVALID_ARGUMENT = 3,
	RES_DEADLINE_EXCEEDED = 4,
	RES_NOT_FOUND = 5,
	RES_ALREADY_EXISTS = 6,
	RES_PERMISSION_DENIED = 7,
	RES_RESOURCE_EXHAUSTED = 8,
	RES_FAILED_PRECONDITION = 9,
	RES_ABORTED = 10,
	RES_OUT_OF_RANGE = 11,
	RES_UNIMPLEMENTED = 12,
	RES_INTERNAL = 13,
	RES_UNAVAILABLE = 14,
	RES_DATA_LOSS = 15,
	RES_UNAUTHENTICATED = 16
};

#define MSG_ARGS_MAX (128 * 1024) /* argv + env of a job, NULs included */
#define MSG_NAME_MAX 512 /* a resource name */
#define MSG_IDENTITY_MAX 64
#define MSG_TEXT_MAX 1024
#define MSG_PATH_MAX 4096
#define MSG_STATS_MAX (16 * 1024)
#define MSG_LABELS_MAX (8 * 1024) /* of a job, keys and values */
#define MSG_UUID_LEN 36
#define MSG_GRACE_UNSET UINT32_MAX

/* The limits of a job, as its class had them at the start. */
#define MSG_UNLIMITED UINT64_MAX
struct msg_limits {
	uint64_t cpu_quota; /* microseconds per cpu_period */
	uint64_t cpu_period;
	uint64_t memory_max; /* bytes */
	uint64_t memory_high;
	uint64_t memory_swap_max;
	uint8_t memory_oom_group;
	uint64_t pids_max;
	/* Per second, on each disk. */
	uint64_t io_rbps;
	uint64_t io_wbps;
	uint64_t io_riops;
	uint64_t io_wiops;
};

/*
 * SETUP: first message to every child. The child answers SETUP_DONE when it
 * is in its place: for a frontend, chrooted and dropped to uid and gid; for
 * the first jobexec, from which the others are forked, at once (each keeps
 * root until its job runs; uid and gid are those of the relay).
 */
struct msg_setup {
	uint32_t version;
	uint32_t uid;
	uint32_t gid;
	const char *chroot; /* frontend: an empty directory of root's */
	uint32_t worker; /* frontend: its number, from 0 */
	uint8_t verbose;
};

struct msg_setup_done {
	uint32_t version;
};

/* LOG: a line for the log; priority as in syslog(3). */
struct msg_log {
	uint8_t priority;
	const char *text;
};

/*
 * CFG_BEGIN .. CFG_END: a configuration under a generation number. Nothing
 * is used before CFG_COMMIT; CFG_ABORT forgets it. The child answers CFG_END
 * with CFG_ACK: ok 1, or 0 and why not.
 */
struct msg_cfg_begin {
	uint32_t generation;
	uint32_t max_connections;
	uint32_t max_per_address;
	uint32_t max_half_open; /* TLS handshakes under way */
	uint32_t max_streams; /* per connection */
	uint32_t handshake_timeout; /* seconds */
};

/* CFG_LISTEN: a listening socket (fd), shared by all workers. */
struct msg_cfg_listen {
	const char *address; /* for messages */
};

/* CFG_CERT, CFG_KEY, CFG_CA: a PEM file, open for reading (fd). */
struct msg_cfg_file {
	const char *path; /* for messages */
};

/* CFG_END, CFG_COMMIT, CFG_ABORT. */
struct msg_cfg_gen {
	uint32_t generation;
};

struct msg_cfg_ack {
	uint32_t generation;
	uint8_t ok;
	const char *text;
};

/*
 * PEER_UP: a client is verified, and this is who it is. The connection id is
 * random and never 0. Requests may follow after PEER_ACK.
 */
struct msg_peer_up {
	uint64_t conn;
	const char *identity;
	struct wire_bytes fingerprint; /* SHA-256 of the certificate */
	int64_t not_after; /* seconds since 1970 */
};

/*
 * PEER_ACK; PEER_DOWN (from the frontend: the connection is closed; from the
 * supervisor: close it, it may not be); and PEER_LOCAL: an accepted unix
 * socket (fd), whose identity the supervisor knows.
 */
struct msg_peer {
	uint64_t conn;
};

/* JOB_START. Answer: JOB_STARTED or RESULT. */
struct msg_job_start {
	uint64_t conn;
	const char *parent;
	const char *command;
	uint32_t argc; /* arguments after the command */
	struct wire_bytes argv; /* wire_strings_check() */
	uint32_t envc;
	struct wire_bytes env; /* NAME=value each */
	const char *cwd;
	const char *class;
	uint32_t grace_ms; /* MSG_GRACE_UNSET: the class's */
	uint32_t labelc; /* keys and values in turn, so twice the labels */
	struct wire_bytes labels; /* wire_strings_check() */
};

/*
 * JOB_STOP (answer RESULT), JOB_STATUS, JOB_WAIT (answer JOB_INFO or RESULT;
 * WAIT answers when the job has ended), JOB_OUTPUT (answer OUT_OPEN,
 * OUT_SHARE or RESULT).
 */
struct msg_job_ref {
	uint64_t conn;
	const char *name;
};

/* REQ_CANCEL: nobody wants the answer to the request with this id. */
struct msg_cancel {
	uint64_t conn;
};

/* RESULT: code 0 is success. Reason is UPPER_SNAKE_CASE, for programs. */
struct msg_result {
	uint32_t code;
	const char *reason;
	const char *text;
	const char *field; /* the offending field of the request, or "" */
	const char *name; /* the job's name, where one was recorded */
	uint8_t stage; /* enum exec_stage */
	int32_t error; /* errno of that stage */
};

struct msg_job_started {
	const char *name;
	const char *uid;
	uint8_t state;
};

/* JOB_INFO: the record of a job. */
struct msg_job_info {
	const char *name;
	const char *owner;
	uint8_t state;
	uint8_t stopping;
	uint8_t disk_full; /* it waits for room on the disk */
	uint8_t reason;
	uint8_t oom_killed;
	uint8_t stage;
	uint8_t missing; /* CTL_ bits of limits not in force */
	int32_t error;
	int32_t exit_code;
	int32_t term_signal;
	int64_t start_ns; /* CLOCK_REALTIME */
	int64_t end_ns; /* 0 while it runs */
	uint64_t output_size;
	uint64_t output_first; /* offset of the first byte still kept */
	uint64_t output_dropped; /* bytes that are not kept any more */
	const char *command;
	uint32_t argc;
	struct wire_bytes argv;
	uint32_t labelc; /* as in JOB_START */
	struct wire_bytes labels;
	const char *class;
	struct msg_limits limits;
	const char *stopped_by;
	const char *stats; /* lines "name value\n" */
};

/*
 * OUT_OPEN: a new output source for this worker (fds: the output file, its
 * index, the worker's end of the notice pair). One byte arrives on the
 * notice pair for news; end of file there says nothing. OUT_SHARE: the
 * source with this number, which the worker has already. Each of the two is
 * one reference.
 */
struct msg_out_source {
	uint64_t source;
};

/* OUT_EOF: the output is complete; once per source. */
struct msg_out_eof {
	uint64_t source;
	uint64_t total;
	uint8_t state;
	uint8_t reason;
	int32_t exit_code;
};

/* OUT_CLOSE: the worker gives back this many references. */
struct msg_out_close {
	uint64_t source;
	uint32_t refs;
};

/*
 * EXEC_FORK: to the jobexec that was started first (fd: the channel of the
 * new one, which needs no SETUP). EXEC_READY: the new one is there (fd: its
 * pidfd); in its place comes EXEC_FAILED if it could not be forked.
 */

/*
 * EXEC_JOB: all about one job (fds: output, index, exit record, the cgroup
 * directory below which its own is made). EXEC_GO: run it. The answer to the
 * two is EXEC_STARTED (fd: pidfd of the command) or EXEC_FAILED; after
 * EXEC_STARTED comes EXEC_EXIT, when nothing of the job is left and its
 * output is in the file. Before it EXEC_DISK says whether the job waits for
 * room on the disk, at each change.
 */
struct msg_exec_job {
	const char *uuid; /* also the name of the cgroup */
	uint32_t uid; /* the job's, on the host */
	uint32_t gid;
	const char *user; /* for USER and LOGNAME */
	const char *command;
	uint32_t argc;
	struct wire_bytes argv;
	uint32_t envc;
	struct wire_bytes env; /* whole environment */
	const char *cwd;
	const char *hostname;
	/* Directories to hide from the job, wire_strings_check(). */
	uint32_t hidec;
	struct wire_bytes hide;
	/* Only limits whose controller is in the mask are applied. */
	uint8_t controllers;
	struct msg_limits limits;
	uint32_t diskc;
	struct wire_bytes disks; /* "major:minor" each */
};

struct msg_empty {
	uint8_t zero;
};

struct msg_exec_failed {
	uint8_t stage;
	int32_t error;
	const char *detail; /* what it was about: a path, a file */
};

struct msg_exec_disk {
	uint8_t full;
};

struct msg_exec_exit {
	int32_t status; /* wait status of the command, as in wait(2) */
	uint8_t oom_killed; /* memory.events counted a kill */
	int64_t end_ns;
	uint64_t output_size;
	uint64_t utime_us; /* resource usage of the whole job */
	uint64_t stime_us;
	uint64_t maxrss_kb;
};

/* What the table says of a type. */
struct msg_desc {
	const char *name;
	unsigned int sides; /* that may receive it */
	int nfds;
	size_t size; /* of the struct */
	const struct wire_field *fields;
	size_t nfields;
};

/* Room for any message's struct, aligned. */
union msg_any {
	struct msg_setup setup;
	struct msg_cfg_begin cfg_begin;
	struct msg_peer_up peer_up;
	struct msg_job_start job_start;
	struct msg_job_info job_info;
	struct msg_result result;
	struct msg_exec_job exec_job;
	struct msg_exec_exit exec_exit;
};

/* The entry of a type, or NULL if there is no such type. */
const struct msg_desc *msg_desc(unsigned int);
const char *msg_name(unsigned int);

/*
 * Encode the struct of a type. Returns the length, or -1 with errno as
 * wire_encode() does.
 */
ssize_t msg_encode(enum msg_type, const void *, void *, size_t);

struct imsg;
/*
 * The one check before any handler: is the type known, may this side
 * receive it, is the number of descriptors right, do the fields decode with
 * nothing left over. Returns NULL and fills in the union, or what is wrong.
 */
const char *msg_check(enum msg_side, const struct imsg *, union msg_any *);

const char *job_state_name(unsigned int); /* "RUNNING", ... */
const char *job_reason_name(unsigned int); /* "exited", ... or "" */
const char *exec_stage_name(unsigned int); /* "cgroup", ... or "" */

#endif
