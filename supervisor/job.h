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

#ifndef TH_JOB_H
#define TH_JOB_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "conf.h"
#include "msg.h"
#include "name.h"
#include "rbtree.h"

/*
 * The worker library: start, stop, status and output of jobs, with nothing
 * of networks or clients in it. It lives in a libevent loop; whatever takes
 * time is answered through a waiter.
 */

struct event_base;
struct job;

/* A phase of a job's life; the API's state is job_state(). */
enum job_phase {
	PHASE_SETUP, /* jobexec prepares it */
	PHASE_RUNNING,
	PHASE_STOPPING, /* signal sent, or killed, not yet ended */
	PHASE_DRAINING, /* the command ended; its group is being emptied */
	PHASE_ENDED,
	PHASE_MAX
};

TAILQ_HEAD(job_waiters, job_waiter);

/* Tells when a job has come to a point. Owned by the caller. */
struct job_waiter {
	TAILQ_ENTRY(job_waiter) entry;
	/* Called once; may free the waiter. */
	void (*fn)(struct job *, struct job_waiter *);
	struct job_waiters *list; /* on which it waits, or NULL */
};

/* Why a start was refused at once, or how one failed. */
struct job_error {
	enum result_code code;
	const char *reason; /* UPPER_SNAKE_CASE */
	const char *field; /* or NULL */
	char text[MSG_TEXT_MAX];
};

/* What to run. The strings are copied. */
struct job_spec {
	const char *owner; /* encoded user */
	const char *command;
	uint32_t argc;
	struct wire_bytes argv;
	uint32_t envc;
	struct wire_bytes env;
	uint32_t labelc; /* keys and values in turn; the last of a key wins */
	struct wire_bytes labels;
	const char *cwd; /* "" or NULL: / */
	const struct conf_class *class;
	uint32_t grace_ms; /* MSG_GRACE_UNSET: the class's */
};

/* How the module is set up; the pointers must stay good. */
struct job_config {
	struct event_base *base;
	const struct cgroup_base *cgroup;
	const struct conf *conf; /* accounts, directories to hide */
	const char *jobexec; /* path of the program */
};

/* Start the module. Returns 0, or -1 after a message. */
int job_init(const struct job_config *);
/* After a reload. */
void job_set_conf(const struct conf *);
/* Give up what was prepared ahead; jobs go on. */
void job_shutdown(void);

/*
 * Start a job. The waiter is called when it runs or has failed to start
 * (job_state() tells). Returns the job, or NULL with the error filled in and
 * the waiter not called.
 */
struct job *job_start(const struct job_spec *, struct job_waiter *,
    struct job_error *);

/* Find a job by uuid, lower case; NULL if there is none. */
struct job *job_find(const char *);

/*
 * Stop a job on behalf of an identity: signal, grace, kill. Does nothing to
 * one that has ended or is being stopped already. job_wait() tells when.
 */
void job_stop(struct job *, const char *);

/* Call the waiter when the job has ended; at once if it has. */
void job_wait(struct job *, struct job_waiter *);
/*
 * As job_wait(), and also when a kill has not emptied the group in 30
 * seconds (job_ended() is then 0).
 */
void job_wait_stopped(struct job *, struct job_waiter *);
/* Why one that was killed has not ended by then. */
const char *job_stuck(const struct job *);
/* Forget a waiter that has not been called. */
void job_unwait(struct job_waiter *);

int job_ended(const struct job *);
enum job_state job_state(const struct job *);
const char *job_owner(const struct job *);
const char *job_uuid(const struct job *);

/* users/{user}/jobs/{uuid}; size MSG_NAME_MAX + 1 is enough. */
void job_name(const struct job *, char *, size_t);

/*
 * Fill in the record. The strings point into the job and into static
 * buffers: good until the next call.
 */
void job_info(const struct job *, struct msg_job_info *);
/* What a start that failed should tell its client. */
void job_failure(const struct job *, struct job_error *);

/* Open the output and its index for reading, each anew. 0, or -1 errno. */
int job_open_output(const struct job *, int *, int *);
/*
 * Give jobexec one end of a notice pair; it is closed here in any case. On a
 * job that has ended nothing will come.
 */
void job_announce_to(struct job *, int);

/* How many jobs have not ended. */
unsigned int job_count_active(void);
/* Stop every job, for `on stop kill`. */
void job_stop_all(const char *);

#endif
