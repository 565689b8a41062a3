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
#include <sys/syscall.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bpf.h"
#include "cgroup.h"
#include "fail.h"
#include "filter.h"
#include "log.h"
#include "notice.h"
#include "prepare.h"
#include "proc.h"
#include "relay.h"
#include "launch.h"
#include "spawner.h"
#include "up.h"

/*
 * jobexec: one process for one job. It is forked ahead of its job from the
 * one that the supervisor started, sets the job up as root, then gives
 * everything up and relays the job's output.
 */

enum phase {
	PH_NEW = 1 << 0,
	PH_SPAWNER = 1 << 1, /* forks the others */
	PH_IDLE = 1 << 2, /* forked and ready, without a job */
	PH_STARTING = 1 << 3,
	PH_RUNNING = 1 << 4
};

static enum phase phase = PH_NEW;
static uid_t relay_uid;
static gid_t relay_gid;
static int go;

static struct cgroup cgroup = { -1, -1, -1, -1, "", 0 };
static struct launch job = { -1, -1, -1, -1, -1 };
static struct relay relay = { &job, &cgroup, -1, -1, -1 };
static struct bpf_program job_filter, relay_filter;

/* What preparing has come to; told when there is somebody to tell. */
static struct fail unprepared;

static void failed(const struct fail *) __attribute__((noreturn));

/*
 * The job could not be started. Leave nothing of it behind, say why, end.
 */
static void
failed(const struct fail *f)
{
	struct msg_exec_failed msg;
	struct launch_end end;

	if (cgroup_kill(&cgroup) == -1)
		log_warn("%s: cgroup.kill", cgroup.name);
	if (job.init != -1 && launch_reap(&job, &end) == -1)
		log_warn("%s: wait for pid 1", cgroup.name);
	if (cgroup_remove(&cgroup) == -1)
		log_warn("%s: remove the cgroup", cgroup.name);
	memset(&msg, 0, sizeof(msg));
	msg.stage = f->stage;
	msg.error = f->error;
	msg.detail = f->detail;
	up_send(MSG_EXEC_FAILED, &msg, NULL, 0);
	up_finish();
	_exit(0);
}

static int
on_setup(struct imsg *m, const union msg_any *any)
{
	struct msg_setup_done done;

	(void)m;
	log_setverbose(any->setup.verbose);
	relay_uid = any->setup.uid;
	relay_gid = any->setup.gid;
	memset(&done, 0, sizeof(done));
	done.version = MSG_VERSION;
	up_send(MSG_SETUP_DONE, &done, NULL, 0);
	phase = PH_SPAWNER;
	return any->setup.version == MSG_VERSION ? 0 : -1;
}

static int
on_fork(struct imsg *m, const union msg_any *any)
{
	(void)any;
	if (spawner_fork(imsg_take_fd(m, 0)) == 0)
		return 0;
	phase = PH_IDLE;
	if (unprepared.stage == STAGE_NONE)
		(void)prepare_own(&unprepared);
	spawner_ready();
	return 0;
}

/* No job is root, and the relay is neither root nor the job. */
static int
check_accounts(const struct msg_exec_job *msg, struct fail *f)
{
	if (msg->uid == 0 || msg->gid == 0 || msg->uid == UINT32_MAX ||
	    msg->gid == UINT32_MAX)
		return fail_with(f, STAGE_CREDENTIALS, EPERM,
		    "the job's account");
	if (relay_uid == 0 || relay_gid == 0 || relay_uid == msg->uid)
		return fail_with(f, STAGE_CREDENTIALS, EPERM,
		    "the relay's account");
	return 0;
}

static int
on_job(struct imsg *m, const union msg_any *any)
{
	const struct msg_exec_job *msg = &any->exec_job;
	struct fail f;

	relay.output = imsg_take_fd(m, 0);
	relay.index = imsg_take_fd(m, 1);
	relay.exitrec = imsg_take_fd(m, 2);
	cgroup.base = imsg_take_fd(m, 3);
	if (unprepared.stage != STAGE_NONE)
		failed(&unprepared);
	if (check_accounts(msg, &f) == -1 || relay_files(&relay, &f) == -1 ||
	    cgroup_make(&cgroup, msg, &f) == -1 ||
	    launch_start(&job, &cgroup, msg, &job_filter, &f) == -1)
		failed(&f);
	phase = PH_STARTING;
	return 0;
}

static int
on_go(struct imsg *m, const union msg_any *any)
{
	(void)m;
	(void)any;
	if (go)
		return -1;
	go = 1;
	/* If pid 1 is dead, its report says so. */
	(void)launch_go(&job);
	return 0;
}

static int
on_watch(struct imsg *m, const union msg_any *any)
{
	(void)any;
	notice_add(imsg_take_fd(m, 0));
	return 0;
}

static const struct {
	enum msg_type type;
	unsigned int phases; /* in which it may come */
	int (*handler)(struct imsg *, const union msg_any *);
} handlers[] = {
	{ MSG_SETUP, PH_NEW, on_setup },
	{ MSG_EXEC_FORK, PH_SPAWNER, on_fork },
	{ MSG_EXEC_JOB, PH_IDLE, on_job },
	{ MSG_EXEC_GO, PH_STARTING, on_go },
	{ MSG_EXEC_WATCH, PH_STARTING | PH_RUNNING, on_watch },
};

static void
dispatch(struct imsg *m, const union msg_any *any)
{
	size_t i;
	int r = -1;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->hdr.type &&
		    (handlers[i].phases & phase) != 0)
			r = handlers[i].handler(m, any);
	imsg_free(m);
	if (r == -1)
		up_close("message out of order from the supervisor");
}

static void
read_messages(void)
{
	struct imsg m;
	union msg_any any;

	while (up_recv(&m, &any))
		dispatch(&m, &any);
}

/*
 * The command runs. The drop comes first, so that after EXEC_STARTED only
 * EXEC_EXIT can follow. The pidfd is of use to the supervisor alone.
 */
static void
drop_and_tell(int pidfd)
{
	struct msg_empty msg;
	struct fail f;

	memset(&msg, 0, sizeof(msg));
	if (relay_drop(&relay, pidfd, relay_uid, relay_gid, &relay_filter,
		&f) == -1)
		failed(&f);
	up_send(MSG_EXEC_STARTED, &msg, &pidfd, 1);
	close(pidfd);
}

/* From EXEC_JOB until the command runs, or does not. */
static void
start(void)
{
	struct pollfd pfds[2];
	struct fail f;
	int pidfd;

	do {
		read_messages();
		if (!up_alive()) {
			fail_with(&f, STAGE_HELPER, EPIPE, "no supervisor");
			failed(&f);
		}
		pfds[0].fd = up_fd();
		pfds[1].fd = job.report;
		pfds[0].events = pfds[1].events = POLLIN;
		pfds[1].revents = 0;
		(void)poll(pfds, 2, -1);
	} while (pfds[1].revents == 0);
	pidfd = launch_result(&job, &f);
	if (pidfd != -1 && !go) {
		close(pidfd);
		pidfd = fail_with(&f, STAGE_CLONE, ECHILD,
		    "pid 2 was killed before the command ran");
	}
	if (pidfd == -1)
		failed(&f);
	phase = PH_RUNNING;
	drop_and_tell(pidfd);
}

int
main(void)
{
	struct imsg m;
	union msg_any any;

	log_init("jobexec", 0);
	proc_check_channel("jobexec");
	up_init();
	if (prepare_all(&unprepared) == 0 &&
	    (filter_job(&job_filter) == -1 ||
		filter_relay(&relay_filter) == -1))
		fail_set(&unprepared, STAGE_SECCOMP, "filters");
	spawner_init();
	while ((phase & (PH_NEW | PH_SPAWNER)) != 0 && up_alive()) {
		spawner_wait();
		read_messages();
	}
	while (phase != PH_STARTING) {
		if (!up_wait(&m, &any))
			return 0;
		dispatch(&m, &any);
	}
	start();
	relay_run(&relay, read_messages);
	up_finish();
	/* Not by way of the library: the filter allows this and no more. */
	return syscall(SYS_exit_group, 0);
}
