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

#ifndef TH_JOBINT_H
#define TH_JOBINT_H

#include "job.h"
#include "store.h"

/* The inside of the worker library: job.c, jobfsm.c, joblook.c, jobspec.c. */

struct event;
struct exec;

enum job_event {
	EV_STARTED,
	EV_FAILED,
	EV_EXIT,
	EV_GONE, /* jobexec is gone */
	EV_STOP,
	EV_TIMER, /* the phase's timer */
	EV_EMPTY, /* the group may have become empty */
	EV_MAX
};

/* What is only needed while the job lives. */
struct job_live {
	struct exec *exec; /* NULL once it is gone */
	int pidfd; /* of the command */
	int cgroup; /* directory of its group */
	int watch; /* inotify watch on cgroup.events, or -1 */
	int kills; /* how often the group was killed */
	int stuck; /* a kill has not emptied it in time */
	int disk_full; /* its output waits for room */
	int stop_wanted; /* StopJob came before it ran */
	struct event *timer;
	uint32_t grace_ms;
	struct job_waiters started;
	struct job_waiters ended;
	struct job_waiters stopped;
};

struct job {
	RB_ENTRY(job) entry;
	char uuid[MSG_UUID_LEN + 1];
	uint8_t phase; /* enum job_phase */
	uint8_t state; /* enum job_state, once ended */
	uint8_t reason; /* enum job_reason */
	uint8_t oom_killed;
	uint8_t stage; /* enum exec_stage, of a failed start */
	uint8_t missing; /* CTL_ bits */
	uint8_t exited; /* a wait status has come */
	int32_t error; /* errno of the stage */
	int32_t status; /* wait status */
	int64_t start_ns;
	int64_t end_ns;
	struct store_output output; /* once ended */
	char *stopped_by;
	char *detail; /* of a failed start */
	struct job_live *live; /* NULL once ended */
	/* In one block with the struct, in this order. */
	const char *owner;
	const char *class;
	const char *command;
	uint32_t argc;
	uint32_t argv_len;
	const uint8_t *argv;
	uint32_t labelc; /* keys and values in turn */
	uint32_t labels_len;
	const uint8_t *labels;
	struct msg_limits limits; /* as at the start */
};

extern struct job_config job_config;

/* jobfsm.c: an event has come for a job. */
void job_event(struct job *, enum job_event);
int job_fsm_init(void);
/* Start the phase's timer, in milliseconds; 0 stops it. */
void job_timer(struct job *, uint32_t);

/* job.c: run the waiters of a list; release what a live job needed. */
void job_run_waiters(struct job *, struct job_waiters *);
void job_live_free(struct job *);
int64_t job_now_ns(void);

/*
 * jobspec.c: fill in what jobexec is to do. The message points into the
 * spec, the job and static buffers. Returns 0, or -1 with the error.
 */
int job_exec_message(const struct job *, const struct job_spec *,
    struct msg_exec_job *, struct job_error *);
/*
 * joblook.c: what is read from files for a status; good until the next call,
 * and no older than this turn of the loop.
 */
struct job_look {
	struct store_output output;
	const char *stats; /* lines "name value\n" */
};
const struct job_look *job_look(const struct job *);

/* The limits of a class, in the form of messages. */
void job_limits(const struct conf_class *, struct msg_limits *);
/* Is the request one that can be run at all? 0, or -1 with the error. */
int job_spec_check(const struct job_spec *, struct job_error *);

void job_error_set(struct job_error *, enum result_code, const char *,
    const char *, const char *, ...) __attribute__((format(printf, 5, 6)));

#endif
