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
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "front.h"
#include "listen.h"
#include "log.h"

/* A worker that dies is started again, each time a little later. */
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 5000
/* One that has lived so long has not died of its start. */
#define BACKOFF_RESET_SECONDS 60
/* So long a worker has to end when thd does. */
#define STOP_MS 1000
/* A reload that the workers do not answer is given up. */
#define RELOAD_SECONDS 10
/* A worker that is started again must be set up by then. */
#define SETUP_SECONDS 10

static struct front_config config;
static const struct conf *conf; /* in force */
static const struct conf *offered; /* during a reload */
static struct listeners listeners, offered_listeners;
static struct worker *workers;
static unsigned int nworkers;
static uint32_t generation; /* of the configuration in force */
static uint32_t last_generation; /* given to one */
static struct event *reload_ev;
static int ready_told, stopping;

static int worker_msg(struct chan *, struct imsg *, const void *, void *);
static void worker_end(struct chan *, enum chan_end, void *);
static void worker_drained(struct chan *, void *);
static void worker_exited(evutil_socket_t, short, void *);

static const struct chan_ops chan_ops = { worker_msg, NULL, worker_end,
	worker_drained };

const struct conf *
front_conf(void)
{
	return conf;
}

static time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

void
front_send(struct worker *w, enum msg_type type, uint32_t id, const void *msg)
{
	if (w->chan == NULL)
		return;
	if (chan_send(w->chan, type, id, msg, NULL, 0, 0) == -1 &&
	    errno != EPIPE)
		log_warn("frontend %u: send %s", w->number, msg_name(type));
	front_sent(w);
}

static void
worker_drained(struct chan *c, void *arg)
{
	struct worker *w = arg;

	chan_pause(c, 0);
	if (w->state == WORKER_LIVE)
		front_limit(w, 0);
	request_late(w);
}

/* -------------------------------------------------------- configuration */

static void
send_generation(struct worker *w, enum msg_type type)
{
	struct msg_cfg_gen msg;

	memset(&msg, 0, sizeof(msg));
	msg.generation = w->generation;
	front_send(w, type, 0, &msg);
}

/* End a reload for one worker. */
static void
reload_end_worker(struct worker *w, int commit)
{
	if (w->state == WORKER_LIVE && w->generation == last_generation)
		send_generation(w, commit ? MSG_CFG_COMMIT : MSG_CFG_ABORT);
	/* One that is about to agree to what is no longer in force. */
	if (w->state == WORKER_CONFIG && commit)
		(void)proc_kill(w->child.pidfd, SIGKILL);
}

static void
reload_end(int commit)
{
	unsigned int i;

	for (i = 0; i < nworkers; i++)
		reload_end_worker(&workers[i], commit);
	evtimer_del(reload_ev);
	if (commit) {
		generation = last_generation;
		listen_close(&listeners);
		TAILQ_CONCAT(&listeners, &offered_listeners, entry);
		conf = offered;
	} else {
		listen_close(&offered_listeners);
	}
	offered = NULL;
	config.reloaded(commit);
}

static void
reload_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_warnx("reload: a frontend did not answer, nothing has changed");
	reload_end(0);
}

/* Has every live worker agreed? One that is down gets it when it is up. */
static void
reload_check(void)
{
	unsigned int i;

	for (i = 0; i < nworkers; i++)
		if (workers[i].state == WORKER_LIVE && !workers[i].acked)
			return;
	reload_end(1);
}

static void
start_check(void)
{
	unsigned int i;

	if (ready_told)
		return;
	for (i = 0; i < nworkers; i++)
		if (workers[i].state != WORKER_LIVE)
			return;
	ready_told = 1;
	config.ready();
}

/* End a worker that has done nothing wrong, after a message. */
static int
give_up(struct worker *w)
{
	w->state = WORKER_DOWN;
	return -1;
}

/* The worker agrees to its first configuration, and serves from now on. */
static int
worker_live(struct worker *w)
{
	w->state = WORKER_LIVE;
	front_limit(w, 0);
	send_generation(w, MSG_CFG_COMMIT);
	start_check();
	config.live();
	/* A reload is under way: it takes part in it. */
	if (offered == NULL)
		return 0;
	w->acked = 0;
	if (front_send_config(w, offered, &offered_listeners,
		last_generation) == -1)
		return give_up(w);
	return 0;
}

static int
config_ack(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	const struct msg_cfg_ack *ack = data;

	(void)id;
	(void)m;
	/* One answer to each; one that was given up may still be answered. */
	if (ack->generation > w->generation ||
	    (ack->generation == w->generation && w->acked)) {
		log_warnx("frontend %u: protocol violation: CFG_ACK of what "
			  "it was not sent",
		    w->number);
		return -1;
	}
	if (ack->generation < w->generation)
		return 0;
	w->acked = 1;
	if (!ack->ok)
		log_warnx("frontend %u refuses the configuration: %s",
		    w->number, log_vis(ack->text));
	if (w->state == WORKER_CONFIG)
		return ack->ok ? worker_live(w) : give_up(w);
	if (offered == NULL)
		return 0;
	if (!ack->ok) {
		reload_end(0);
		return 0;
	}
	reload_check();
	return 0;
}

int
front_reload(const struct conf *c)
{
	struct timeval tv = { RELOAD_SECONDS, 0 };
	unsigned int i;

	if (offered != NULL || !ready_told) {
		log_warnx("reload: another one is under way");
		return -1;
	}
	if (listen_open(c, &listeners, &offered_listeners) == -1)
		return -1;
	offered = c;
	last_generation++;
	evtimer_add(reload_ev, &tv);
	for (i = 0; i < nworkers; i++) {
		workers[i].acked = 0;
		if (workers[i].state == WORKER_LIVE &&
		    front_send_config(&workers[i], c, &offered_listeners,
			last_generation) == -1) {
			reload_end(0);
			return 0;
		}
	}
	reload_check();
	return 0;
}

/* ------------------------------------------------------------- dispatch */

static int
setup_done(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	const struct msg_setup_done *done = data;

	(void)id;
	(void)m;
	if (done->version != MSG_VERSION) {
		log_warnx("frontend %u speaks version %u of the protocol, not "
			  "%u: install thd and its helpers together",
		    w->number, done->version, MSG_VERSION);
		return -1;
	}
	w->state = WORKER_CONFIG;
	w->acked = 0;
	if (front_send_config(w, conf, &listeners, generation) == -1)
		return give_up(w);
	return 0;
}

static int
worker_log(struct worker *w, uint32_t id, const void *data, struct imsg *m)
{
	(void)id;
	(void)m;
	childlog_line(&w->log, "frontend", data);
	return 0;
}

#define IN(state) (1U << (state))
#define ANY (IN(WORKER_SETUP) | IN(WORKER_CONFIG) | IN(WORKER_LIVE))
#define LIVE IN(WORKER_LIVE)

/* Which message may come in which state of the worker, and who takes it. */
static const struct {
	unsigned int states;
	int (*fn)(struct worker *, uint32_t, const void *, struct imsg *);
} handlers[MSG_MAX] = {
	[MSG_LOG] = { ANY, worker_log },
	[MSG_SETUP_DONE] = { IN(WORKER_SETUP), setup_done },
	[MSG_CFG_ACK] = { IN(WORKER_CONFIG) | LIVE, config_ack },
	[MSG_PEER_UP] = { LIVE, peer_up },
	[MSG_PEER_DOWN] = { LIVE, peer_down },
	[MSG_JOB_START] = { LIVE, request_start },
	[MSG_JOB_STOP] = { LIVE, request_stop },
	[MSG_JOB_STATUS] = { LIVE, request_status },
	[MSG_JOB_WAIT] = { LIVE, request_wait },
	[MSG_JOB_OUTPUT] = { LIVE, request_output },
	[MSG_REQ_CANCEL] = { LIVE, request_cancel },
	[MSG_OUT_CLOSE] = { LIVE, source_close },
};

static int
worker_msg(struct chan *c, struct imsg *m, const void *msg, void *arg)
{
	struct worker *w = arg;

	(void)c;
	if (handlers[m->hdr.type].fn == NULL ||
	    (handlers[m->hdr.type].states & IN(w->state)) == 0) {
		log_warnx("frontend %u: protocol violation: %s is not allowed "
			  "now",
		    w->number, msg_name(m->hdr.type));
		return -1;
	}
	return handlers[m->hdr.type].fn(w, m->hdr.id, msg, m);
}

/* ------------------------------------------------------------- processes */

static int
worker_spawn(struct worker *w)
{
	struct msg_setup setup;

	if (proc_spawn(config.path, &w->child) == -1) {
		log_warn("%s", config.path);
		return -1;
	}
	w->chan = chan_new(config.base, w->child.fd, SIDE_SUP_FRONT, "frontend",
	    &chan_ops, w);
	w->exit_ev = event_new(config.base, w->child.pidfd, EV_READ,
	    worker_exited, w);
	if (w->chan == NULL || w->exit_ev == NULL ||
	    event_add(w->exit_ev, NULL) == -1)
		fatal("frontend: channel");
	w->state = WORKER_SETUP;
	w->started_at = monotonic();
	if (ready_told)
		front_limit(w, SETUP_SECONDS);
	memset(&setup, 0, sizeof(setup));
	setup.version = MSG_VERSION;
	setup.uid = conf->front_user.uid;
	setup.gid = conf->front_user.gid;
	setup.chroot = config.chroot;
	setup.worker = w->number;
	setup.verbose = config.verbose;
	front_send(w, MSG_SETUP, 0, &setup);
	return 0;
}

static void
restart_later(struct worker *w)
{
	struct timeval tv;

	if (stopping)
		return;
	if (!ready_told) {
		config.failed();
		return;
	}
	if (monotonic() - w->started_at >= BACKOFF_RESET_SECONDS)
		w->backoff_ms = 0;
	w->backoff_ms = w->backoff_ms == 0 ? BACKOFF_FIRST_MS :
					     w->backoff_ms * 2;
	if (w->backoff_ms > BACKOFF_MAX_MS)
		w->backoff_ms = BACKOFF_MAX_MS;
	log_notice("frontend %u: starting it again in %u ms", w->number,
	    w->backoff_ms);
	tv.tv_sec = w->backoff_ms / 1000;
	tv.tv_usec = (w->backoff_ms % 1000) * 1000;
	evtimer_add(w->restart_ev, &tv);
}

static void
worker_restart(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (worker_spawn(w) == -1)
		restart_later(w);
}

/* Its process has ended after its channel; nothing but the status is left. */
static void
reap(evutil_socket_t fd, short what, void *arg)
{
	struct proc_child child;
	int status;

	(void)what;
	(void)arg;
	child.pidfd = fd;
	if (proc_reap(&child, &status) == 1) {
		if (WIFSIGNALED(status))
			log_warnx("frontend: killed by signal %d",
			    WTERMSIG(status));
		else if (WEXITSTATUS(status) != 0)
			log_warnx("frontend: exit status %d",
			    WEXITSTATUS(status));
	}
	close(fd);
}

static void
worker_exited(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	chan_hangup(w->chan);
}

/* All that hung on a worker goes with it: jobs do not. */
static void
worker_end(struct chan *c, enum chan_end why, void *arg)
{
	struct worker *w = arg;

	if (!stopping && w->state != WORKER_DOWN)
		log_warnx("frontend %u: ended%s", w->number,
		    why == CHAN_VIOLATION ? " for breaking the protocol" : "");
	(void)proc_kill(w->child.pidfd, SIGKILL);
	w->state = WORKER_DOWN;
	front_limit(w, 0);
	source_drop_worker(w);
	request_drop_worker(w);
	peer_drop_worker(w);
	chan_free(c);
	w->chan = NULL;
	event_free(w->exit_ev);
	event_base_once(config.base, w->child.pidfd, EV_READ, reap, NULL, NULL);
	if (offered != NULL)
		reload_check();
	restart_later(w);
}

int
front_start(const struct front_config *fc, const struct conf *c)
{
	struct worker *w;
	unsigned int i;

	config = *fc;
	conf = c;
	generation = last_generation = 1;
	TAILQ_INIT(&listeners);
	TAILQ_INIT(&offered_listeners);
	if (listen_tls_check(c) == -1 || listen_open(c, NULL, &listeners) == -1)
		return -1;
	nworkers = c->workers;
	workers = calloc(nworkers, sizeof(*workers));
	reload_ev = evtimer_new(config.base, reload_timeout, NULL);
	if (workers == NULL || reload_ev == NULL)
		fatal("frontends");
	for (i = 0; i < nworkers; i++) {
		w = &workers[i];
		w->number = i;
		RB_INIT(&w->requests);
		RB_INIT(&w->sources);
		TAILQ_INIT(&w->late);
		w->restart_ev = evtimer_new(config.base, worker_restart, w);
		if (w->restart_ev == NULL ||
		    front_limit_init(w, config.base) == -1)
			fatalx("frontends: out of memory");
		if (worker_spawn(w) == -1)
			return -1;
	}
	return 0;
}

struct worker *
front_any(void)
{
	static unsigned int next;
	unsigned int i;
	struct worker *w;

	for (i = 0; i < nworkers; i++) {
		w = &workers[next++ % nworkers];
		if (w->state == WORKER_LIVE)
			return w;
	}
	return NULL;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Wait until it is gone: it shares our listening sockets, and the next thd
 * wants these addresses.
 */
static void
worker_join(struct worker *w, int64_t deadline)
{
	struct pollfd pfd;
	int64_t left = deadline - now_ms();
	int status;

	pfd.fd = w->child.pidfd;
	pfd.events = POLLIN;
	if (poll(&pfd, 1, left > 0 ? left : 0) != 1) {
		log_warnx("frontend %u: does not end, killing it", w->number);
		(void)proc_kill(pfd.fd, SIGKILL);
		(void)poll(&pfd, 1, STOP_MS);
	}
	(void)proc_reap(&w->child, &status);
}

void
front_stop(void)
{
	int64_t deadline = now_ms() + STOP_MS;
	unsigned int i;

	stopping = 1;
	listen_close(&listeners);
	for (i = 0; i < nworkers; i++) {
		evtimer_del(workers[i].restart_ev);
		evtimer_del(workers[i].limit_ev);
		if ((workers[i].joining = workers[i].chan != NULL))
			chan_free(workers[i].chan);
		workers[i].chan = NULL;
	}
	/* All have been told: they have the time together. */
	for (i = 0; i < nworkers; i++)
		if (workers[i].joining)
			worker_join(&workers[i], deadline);
}
