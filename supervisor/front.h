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

#ifndef TH_FRONT_H
#define TH_FRONT_H

#include <sys/types.h>
#include <sys/queue.h>

#include <time.h>

#include "childlog.h"
#include "chan.h"
#include "conf.h"
#include "job.h"
#include "proc.h"
#include "rbtree.h"

/*
 * The frontend workers as the supervisor sees them: their processes and
 * configuration (front.c), who is connected (peer.c), what they ask for
 * (request.c) and the output they read (source.c).
 */

enum worker_state {
	WORKER_DOWN,
	WORKER_SETUP, /* started, SETUP sent */
	WORKER_CONFIG, /* has answered SETUP, configuration sent */
	WORKER_LIVE,
	WORKER_STATES
};

/* A verified client, or a local one. */
struct peer {
	RB_ENTRY(peer) entry;
	uint64_t conn;
	struct worker *worker;
	char identity[MSG_IDENTITY_MAX + 1];
	char owner[NAME_USER_MAX + 1]; /* the identity, encoded */
	char fingerprint[65]; /* hex, empty for a local one */
	int64_t not_after; /* seconds since 1970, 0: never ends */
};
RB_HEAD(peer_tree, peer);

/* A request that is not answered yet. */
struct request {
	RB_ENTRY(request) entry;
	uint32_t id;
	uint64_t conn;
	struct worker *worker;
	struct job *job;
	struct job_waiter waiter;
	TAILQ_ENTRY(request) late;
	int is_late;
};
RB_HEAD(request_tree, request);
TAILQ_HEAD(late_requests, request);

/* The output of a job, read by a worker. */
struct source {
	RB_ENTRY(source) entry; /* by id */
	TAILQ_ENTRY(source) list; /* of all sources */
	uint64_t id;
	struct worker *worker;
	struct job *job;
	uint32_t refs;
	struct job_waiter waiter; /* for the end */
};
RB_HEAD(source_tree, source);

struct worker {
	unsigned int number;
	enum worker_state state;
	struct proc_child child;
	struct chan *chan;
	struct event *restart_ev;
	struct event *limit_ev; /* it must be set up, or read, by then */
	struct event *exit_ev; /* its process has ended */
	struct childlog log;
	time_t started_at; /* CLOCK_MONOTONIC */
	unsigned int backoff_ms;
	uint32_t generation; /* of the configuration it was sent last */
	int acked; /* has agreed to the offered one */
	int joining; /* thd ends, and it has been told */
	unsigned int npeers;
	unsigned int nrequests;
	struct request_tree requests;
	struct late_requests late; /* answered when it has read others */
	struct source_tree sources;
};

struct front_config {
	struct event_base *base;
	const char *path; /* of the frontend program */
	const char *chroot; /* empty directory */
	int verbose;
	/* All workers have taken the first configuration. */
	void (*ready)(void);
	/* One has taken the configuration, at any time. */
	void (*live)(void);
	/* One could not, at start-up; the reason was logged. */
	void (*failed)(void);
	/* The end of a reload: 1 committed, 0 refused. */
	void (*reloaded)(int);
};

/*
 * Open what the configuration names (listening sockets, TLS files) and start
 * the workers. Returns 0, or -1 after messages.
 */
int front_start(const struct front_config *, const struct conf *);

/*
 * Offer a new configuration to all workers; `reloaded` tells. Returns 0, or
 * -1 after a message if it could not even be offered.
 */
int front_reload(const struct conf *);
/* The configuration in force. */
const struct conf *front_conf(void);

/* Close the listening sockets and end the workers. */
void front_stop(void);

/* A live worker for a local client, or NULL. */
struct worker *front_any(void);

void front_send(struct worker *, enum msg_type, uint32_t, const void *);

/*
 * frontconf.c: send a configuration, under a generation number. Returns 0,
 * or -1 after a message.
 */
struct listeners;
int front_send_config(struct worker *, const struct conf *,
    const struct listeners *, uint32_t);

/* frontlimit.c */
int front_limit_init(struct worker *, struct event_base *);
/* Kill it in that many seconds, or with 0 no more. */
void front_limit(struct worker *, unsigned int);
/* To be called when something was sent, but for front_send(). */
void front_sent(struct worker *);

/* peer.c */
int peer_up(struct worker *, uint32_t, const void *, struct imsg *);
int peer_down(struct worker *, uint32_t, const void *, struct imsg *);
/* A local client; returns its connection id, or 0. */
uint64_t peer_local(struct worker *, const char *);
struct peer *peer_find(struct worker *, uint64_t);
void peer_drop_worker(struct worker *);

/* request.c */
int request_start(struct worker *, uint32_t, const void *, struct imsg *);
int request_stop(struct worker *, uint32_t, const void *, struct imsg *);
int request_status(struct worker *, uint32_t, const void *, struct imsg *);
int request_wait(struct worker *, uint32_t, const void *, struct imsg *);
int request_output(struct worker *, uint32_t, const void *, struct imsg *);
int request_cancel(struct worker *, uint32_t, const void *, struct imsg *);
void request_drop_conn(struct worker *, uint64_t);
void request_drop_worker(struct worker *);
/* It reads again: answer what had to wait for that. */
void request_late(struct worker *);
unsigned int request_count(void);
/* Refuse new requests: the daemon is on its way out. */
void request_drain(void);

/* source.c */
int source_open(struct worker *, uint32_t, struct job *);
int source_close(struct worker *, uint32_t, const void *, struct imsg *);
void source_drop_worker(struct worker *);

#endif
