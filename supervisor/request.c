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
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth.h"
#include "front.h"
#include "log.h"

/* How many of a frontend may wait for an answer. */
#define REQUESTS_MAX 65536

static int draining;
static unsigned int nrequests;

static int
request_cmp(const struct request *a, const struct request *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE_STATIC(request_tree, request, entry, request_cmp)

static const char *
method_name(unsigned int method)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} names[] = {
		{ METHOD_START, "start" },
		{ METHOD_STOP, "stop" },
		{ METHOD_STATUS, "status" },
		{ METHOD_WATCH, "watch" },
		{ METHOD_WAIT, "wait" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].bit == method)
			return names[i].name;
	return "?";
}

/* --------------------------------------------------------------- answers */

static void
result(struct worker *w, uint32_t id, enum result_code code, const char *reason,
    const char *field, const char *text)
{
	struct msg_result r;

	memset(&r, 0, sizeof(r));
	r.code = code;
	r.reason = reason;
	r.field = field;
	r.text = text;
	front_send(w, MSG_RESULT, id, &r);
}

static void
result_error(struct worker *w, uint32_t id, const struct job_error *err)
{
	result(w, id, err->code, err->reason, err->field, err->text);
}

static void
no_room(struct worker *w, uint32_t id)
{
	result(w, id, RES_RESOURCE_EXHAUSTED, "REQUESTS", NULL,
	    "too many requests wait for an answer");
}

static void
send_info(struct worker *w, uint32_t id, struct job *job)
{
	struct msg_job_info info;

	job_info(job, &info);
	front_send(w, MSG_JOB_INFO, id, &info);
}

/* -------------------------------------------------- who asks, about what */

/* One line for every decision; reading ones only when asked for. */
static void
audit(const struct peer *p, unsigned int method, const char *resource,
    int permitted)
{
	int reading = method != METHOD_START && method != METHOD_STOP;

	if (permitted && reading && log_getverbose() < 1)
		return;
	log_notice("audit: %s %s %s: %s, connection %016llx, certificate %s",
	    log_vis(p->identity), method_name(method), log_vis(resource),
	    permitted ? "permitted" : "denied", (unsigned long long)p->conn,
	    p->fingerprint[0] != '\0' ? p->fingerprint : "none");
}

/* Is the connection still one that may ask? If not, it has been answered. */
static int
peer_valid(struct worker *w, uint32_t id, const struct peer *p)
{
	if (p->not_after != 0 && p->not_after <= time(NULL)) {
		result(w, id, RES_UNAUTHENTICATED, "CERTIFICATE_EXPIRED", NULL,
		    "the certificate of this connection has expired");
		return 0;
	}
	if (draining) {
		result(w, id, RES_UNAVAILABLE, "DRAINING", NULL,
		    "the daemon is shutting down");
		return 0;
	}
	return 1;
}

static int
permitted(const struct peer *p, unsigned int method, const char *owner)
{
	return auth_permit(&front_conf()->rules, p->identity, method,
	    strcmp(owner, p->owner) == 0);
}

static void
deny(struct worker *w, uint32_t id, const struct peer *p, unsigned int method,
    const char *resource)
{
	audit(p, method, resource, 0);
	result(w, id, RES_PERMISSION_DENIED, "PERMISSION_DENIED", NULL,
	    "permission denied");
}

static void
not_found(struct worker *w, uint32_t id)
{
	result(w, id, RES_NOT_FOUND, "JOB_NOT_FOUND", NULL,
	    "there is no job of that name");
}

/*
 * The job a request is about, if the peer may do this with it. A name under
 * a user that is not the peer's to use is denied before any look-up; one
 * under users/- that may not be seen is the same as none. NULL: answered.
 */
static struct job *
authorize(struct worker *w, uint32_t id, const struct peer *p,
    unsigned int method, const char *text)
{
	struct job_name name;
	struct job *job;
	const char *why;

	if (!peer_valid(w, id, p))
		return NULL;
	if (name_parse_job(text, &name, &why) == -1) {
		result(w, id, RES_INVALID_ARGUMENT, "NAME", "name", why);
		return NULL;
	}
	/* Whoever may not use the method at all is told so. */
	if (!permitted(p, method,
		name_any_user(&name) ? p->owner : name.user)) {
		deny(w, id, p, method, text);
		return NULL;
	}
	job = job_find(name.uuid);
	if (job != NULL && name_any_user(&name) &&
	    !permitted(p, method, job_owner(job))) {
		audit(p, method, text, 0);
		job = NULL;
	} else if (job != NULL && !name_any_user(&name) &&
	    strcmp(job_owner(job), name.user) != 0) {
		job = NULL;
	}
	if (job == NULL) {
		not_found(w, id);
		return NULL;
	}
	audit(p, method, text, 1);
	return job;
}

/* A frontend asks only on connections it has; anything else is a lie. */
static struct peer *
request_peer(struct worker *w, uint64_t conn, const char *what)
{
	struct peer *p;

	if ((p = peer_find(w, conn)) == NULL)
		log_warnx("frontend %u: protocol violation: %s on a "
			  "connection that is not there",
		    w->number, what);
	return p;
}

/* ------------------------------------------------------ pending requests */

static struct request *
request_new(struct worker *w, uint32_t id, uint64_t conn,
    void (*fn)(struct job *, struct job_waiter *))
{
	struct request *r;

	if (w->nrequests >= REQUESTS_MAX || (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->id = id;
	r->conn = conn;
	r->worker = w;
	r->waiter.fn = fn;
	RB_INSERT(request_tree, &w->requests, r);
	w->nrequests++;
	nrequests++;
	return r;
}

static int
request_outstanding(struct worker *w, uint32_t id)
{
	struct request key;

	key.id = id;
	if (RB_FIND(request_tree, &w->requests, &key) == NULL)
		return 0;
	log_warnx("frontend %u: protocol violation: request id %u is "
		  "outstanding",
	    w->number, id);
	return 1;
}

static struct request *
request_of(struct job_waiter *waiter)
{
	return (struct request *)(void *)((char *)waiter -
	    offsetof(struct request, waiter));
}

static void
request_free(struct request *r)
{
	job_unwait(&r->waiter);
	if (r->is_late)
		TAILQ_REMOVE(&r->worker->late, r, late);
	RB_REMOVE(request_tree, &r->worker->requests, r);
	r->worker->nrequests--;
	nrequests--;
	free(r);
}

/* ----------------------------------------------------------------- start */

static void
answer_failed_start(struct worker *w, uint32_t id, struct job *job)
{
	char name[MSG_NAME_MAX + 1];
	struct msg_job_info info;
	struct msg_result r;
	struct job_error err;

	job_failure(job, &err);
	job_info(job, &info);
	job_name(job, name, sizeof(name));
	memset(&r, 0, sizeof(r));
	r.code = err.code;
	r.reason = err.reason;
	r.text = err.text;
	r.name = name;
	r.stage = info.stage;
	r.error = info.error;
	front_send(w, MSG_RESULT, id, &r);
}

static void
start_done(struct job *job, struct job_waiter *waiter)
{
	struct request *r = request_of(waiter);
	char name[MSG_NAME_MAX + 1];
	struct msg_job_started msg;

	if (job_ended(job)) {
		answer_failed_start(r->worker, r->id, job);
	} else {
		job_name(job, name, sizeof(name));
		memset(&msg, 0, sizeof(msg));
		msg.name = name;
		msg.uid = job_uuid(job);
		msg.state = job_state(job);
		front_send(r->worker, MSG_JOB_STARTED, r->id, &msg);
	}
	request_free(r);
}

/* What is to run and for whom, from the message. 0, or -1: answered. */
static int
start_spec(struct worker *w, uint32_t id, const struct peer *p,
    const struct msg_job_start *msg, struct job_name *name,
    struct job_spec *spec)
{
	const char *why;

	memset(spec, 0, sizeof(*spec));
	spec->owner = p->owner;
	if (msg->parent[0] != '\0') {
		if (name_parse_parent(msg->parent, name, &why) == -1) {
			result(w, id, RES_INVALID_ARGUMENT, "PARENT", "parent",
			    why);
			return -1;
		}
		spec->owner = name->user;
	}
	if (!permitted(p, METHOD_START, spec->owner)) {
		deny(w, id, p, METHOD_START, msg->parent);
		return -1;
	}
	spec->class = conf_class(front_conf(),
	    msg->class[0] != '\0' ? msg->class : "default");
	if (spec->class == NULL) {
		result(w, id, RES_INVALID_ARGUMENT, "CLASS", "class",
		    "there is no class of that name");
		return -1;
	}
	spec->command = msg->command;
	spec->argc = msg->argc;
	spec->argv = msg->argv;
	spec->envc = msg->envc;
	spec->env = msg->env;
	spec->labelc = msg->labelc;
	spec->labels = msg->labels;
	spec->cwd = msg->cwd;
	spec->grace_ms = msg->grace_ms;
	return 0;
}

int
request_start(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	const struct msg_job_start *msg = data;
	struct job_error err;
	struct job_name name;
	struct job_spec spec;
	struct request *r;
	struct peer *p;
	struct job *job;

	(void)m;
	if ((p = request_peer(w, msg->conn, "JOB_START")) == NULL ||
	    request_outstanding(w, id))
		return -1;
	if (wire_strings_check(&msg->argv, msg->argc) == -1 ||
	    wire_strings_check(&msg->env, msg->envc) == -1 ||
	    wire_strings_check(&msg->labels, msg->labelc) == -1 ||
	    msg->labelc % 2 != 0) {
		log_warnx("frontend %u: protocol violation: JOB_START: "
			  "malformed list",
		    w->number);
		return -1;
	}
	if (!peer_valid(w, id, p) ||
	    start_spec(w, id, p, msg, &name, &spec) == -1)
		return 0;
	if ((r = request_new(w, id, msg->conn, start_done)) == NULL) {
		no_room(w, id);
		return 0;
	}
	if ((job = job_start(&spec, &r->waiter, &err)) == NULL) {
		request_free(r);
		result_error(w, id, &err);
		return 0;
	}
	r->job = job;
	audit(p, METHOD_START, job_uuid(job), 1);
	return 0;
}

/* ------------------------------------------------- stop, status and wait */

static struct job *
request_job(struct worker *w, uint32_t id, const struct msg_job_ref *ref,
    unsigned int method, struct peer **p, int *violation)
{
	*violation = 1;
	if ((*p = request_peer(w, ref->conn, method_name(method))) == NULL ||
	    request_outstanding(w, id))
		return NULL;
	*violation = 0;
	return authorize(w, id, *p, method, ref->name);
}

static void
stop_done(struct job *job, struct job_waiter *waiter)
{
	struct request *r = request_of(waiter);

	if (job_ended(job))
		result(r->worker, r->id, RES_OK, NULL, NULL, NULL);
	else
		result(r->worker, r->id, RES_DEADLINE_EXCEEDED, "STUCK", NULL,
		    job_stuck(job));
	request_free(r);
}

/*
 * Thousands may wait for one job, and its record can be long: all at once
 * they would be more than a channel's queue takes.
 */
static void
wait_done(struct job *job, struct job_waiter *waiter)
{
	struct request *r = request_of(waiter);

	if (chan_congested(r->worker->chan)) {
		TAILQ_INSERT_TAIL(&r->worker->late, r, late);
		r->is_late = 1;
		return;
	}
	send_info(r->worker, r->id, job);
	request_free(r);
}

void
request_late(struct worker *w)
{
	struct request *r;

	while (
	    (r = TAILQ_FIRST(&w->late)) != NULL && !chan_congested(w->chan)) {
		send_info(w, r->id, r->job);
		request_free(r);
	}
}

/* Ask for news of the job, to be answered by fn when it comes. */
static void
answer_later(struct worker *w, uint32_t id, uint64_t conn, struct job *job,
    void (*fn)(struct job *, struct job_waiter *),
    void (*wait)(struct job *, struct job_waiter *))
{
	struct request *r;

	if ((r = request_new(w, id, conn, fn)) == NULL) {
		no_room(w, id);
		return;
	}
	r->job = job;
	wait(job, &r->waiter);
}

int
request_stop(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	const struct msg_job_ref *ref = data;
	struct peer *p;
	struct job *job;
	int violation;

	(void)m;
	job = request_job(w, id, ref, METHOD_STOP, &p, &violation);
	if (job == NULL)
		return violation ? -1 : 0;
	job_stop(job, p->identity);
	answer_later(w, id, ref->conn, job, stop_done, job_wait_stopped);
	return 0;
}

int
request_wait(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	const struct msg_job_ref *ref = data;
	struct peer *p;
	struct job *job;
	int violation;

	(void)m;
	job = request_job(w, id, ref, METHOD_WAIT, &p, &violation);
	if (job == NULL)
		return violation ? -1 : 0;
	answer_later(w, id, ref->conn, job, wait_done, job_wait);
	return 0;
}

int
request_status(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	struct peer *p;
	struct job *job;
	int violation;

	(void)m;
	job = request_job(w, id, data, METHOD_STATUS, &p, &violation);
	if (job == NULL)
		return violation ? -1 : 0;
	send_info(w, id, job);
	return 0;
}

int
request_output(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	struct peer *p;
	struct job *job;
	int violation;

	(void)m;
	job = request_job(w, id, data, METHOD_WATCH, &p, &violation);
	if (job == NULL)
		return violation ? -1 : 0;
	if (source_open(w, id, job) == -1) {
		log_warn("job %s: open the output", job_uuid(job));
		result(w, id, RES_RESOURCE_EXHAUSTED, "OUTPUT_FILE", NULL,
		    "the output file cannot be opened now");
	}
	return 0;
}

/* ---------------------------------------------------------------- the end */

int
request_cancel(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	struct request key, *r;

	(void)data;
	(void)m;
	key.id = id;
	/* It may have been answered while the cancellation was on its way. */
	if ((r = RB_FIND(request_tree, &w->requests, &key)) != NULL)
		request_free(r);
	return 0;
}

void
request_drop_conn(struct worker *w, uint64_t conn)
{
	struct request *r, *next;

	RB_FOREACH_SAFE(r, request_tree, &w->requests, next)
		if (r->conn == conn)
			request_free(r);
}

void
request_drop_worker(struct worker *w)
{
	struct request *r;

	while ((r = RB_ROOT(&w->requests)) != NULL)
		request_free(r);
}

unsigned int
request_count(void)
{
	return nrequests;
}

void
request_drain(void)
{
	draining = 1;
}
