/* LINK: supervisor/front.c supervisor/frontconf.c supervisor/frontlimit.c supervisor/peer.c supervisor/request.c supervisor/source.c supervisor/exec.c supervisor/job.c supervisor/jobfsm.c supervisor/joblook.c supervisor/jobspec.c supervisor/name.c supervisor/auth.c supervisor/childlog.c common/chan.c common/imsg.c common/log.c common/msg.c common/wire.c regress/fuzz/absent.c */
/* LIBS: libevent_core */
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
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cgroup.h"
#include "disk.h"
#include "exec.h"
#include "front.h"
#include "listen.h"
#include "log.h"
#include "spawner.h"
#include "store.h"

#include "fuzz.h"

/*
 * The supervisor's whole request path, and the life of its jobs, with
 * children that send what the input says: messages of any type whose fields
 * are likely values, or raw bytes. Processes and the clock are replaced below,
 * files and cgroups in absent.c. When all children are gone, nothing may be
 * left.
 */

#define WORKERS 2
#define CHILDREN_MAX 64
#define FRONTEND "/frontend"

static struct event_base *base;
static int null_fd, baseline;

/* ------------------------------------------------------ a clock of ours */

static int64_t clock_ns = 1000000000LL * 1000000000;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	/* The fuzzer's own, and the date. */
	if (id == CLOCK_REALTIME)
		return syscall(SYS_clock_gettime, id, ts);
	ts->tv_sec = clock_ns / 1000000000;
	ts->tv_nsec = clock_ns % 1000000000;
	return 0;
}

/* Nothing happens while it waits, but time passes. */
int
epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	int n = syscall(SYS_epoll_wait, epfd, events, max, 0);

	if (n == 0 && timeout > 0)
		clock_ns += timeout * 1000000LL;
	return n;
}

/* ------------------------------------------------------------ processes */

/* The two ends of a pipe stand for a pidfd, which is the end to read. */
static struct child {
	int fd; /* the child's end of the channel, -1: gone */
	int front;
	int life; /* closed at its end */
	int pidfd; /* of a jobexec, until it has told, or -1 */
	ino_t ino; /* of the pipe */
} children[CHILDREN_MAX];

static ino_t
inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == -1 ? 0 : st.st_ino;
}

/* Returns the pidfd of a new child with that channel, or -1. */
static int
child_new(int fd, int front)
{
	struct child *c;
	int life[2];

	for (c = children; c < children + CHILDREN_MAX; c++)
		if (c->fd == -1)
			break;
	if (c == children + CHILDREN_MAX) {
		errno = EAGAIN;
		return -1;
	}
	MUST(pipe2(life, O_CLOEXEC | O_NONBLOCK) == 0);
	c->fd = fd;
	c->front = front;
	c->life = life[1];
	c->ino = inode(life[0]);
	c->pidfd = front ? -1 : life[0];
	return life[0];
}

int
proc_spawn(const char *path, struct proc_child *pc)
{
	int sv[2];

	MUST(strcmp(path, FRONTEND) == 0);
	if (imsg_pair(sv) == -1)
		return -1;
	if ((pc->pidfd = child_new(sv[1], 1)) == -1) {
		close(sv[0]);
		close(sv[1]);
		return -1;
	}
	pc->pid = 4711;
	pc->fd = sv[0];
	return 0;
}

int
spawner_start(const struct spawner_config *c)
{
	(void)c;
	return 0;
}

void
spawner_stop(void)
{
}

int
spawner_fork(int fd)
{
	if (child_new(fd, 0) != -1)
		return 0;
	close(fd);
	return -1;
}

static void
child_end(struct child *c)
{
	if (c->fd == -1)
		return;
	close(c->life);
	close(c->fd);
	if (c->pidfd != -1)
		close(c->pidfd);
	c->fd = c->pidfd = -1;
}

int
proc_kill(int pidfd, int sig)
{
	ino_t ino = inode(pidfd);
	struct child *c;

	for (c = children; sig == SIGKILL && c < children + CHILDREN_MAX; c++)
		if (c->fd != -1 && c->ino == ino)
			child_end(c);
	return 0;
}

int
proc_reap(const struct proc_child *pc, int *status)
{
	(void)pc;
	*status = 0;
	return 1;
}

/* --------------------------------------------------------- configuration */

static struct conf conf = { .path = "/etc/thd/thd.conf",
	.state_dir = "/var/lib/thd",
	.run_dir = "/run/thd",
	.cert = "cert",
	.key = "key",
	.ca = "ca",
	.job_user = { "_thjob", 3, 3 },
	.workers = WORKERS,
	.max_connections = 4,
	.max_per_identity = 3 };
static struct conf_class class = { .name = "default", .stop_grace_ms = 100 };
static struct conf_rule rule = { .permit = 1, .methods = METHOD_ALL };

const struct conf_class *
conf_class(const struct conf *c, const char *name)
{
	(void)c;
	return strcmp(name, "default") == 0 ? &class : NULL;
}

static void
nothing(void)
{
}

static void
reloaded(int committed)
{
	(void)committed;
}

static void
failed(void)
{
	abort();
}

static void
sink(int pri, const char *text)
{
	(void)pri;
	(void)text;
}

/* ------------------------------------------------------------- messages */

static char last_job[MSG_NAME_MAX + 1] = "users/bob/jobs/"
					 "01234567-89ab-4cde-8f01-23456789abcd";

/* Learn the name of a job that runs. */
static void
note_job(const struct imsg *m)
{
	union msg_any any;
	const struct msg_job_started *s = (const void *)&any;

	if (m->hdr.type == MSG_JOB_STARTED &&
	    msg_check(SIDE_FRONT, m, &any) == NULL)
		strlcpy(last_job, s->name, sizeof(last_job));
}

static void
read_all(struct child *c)
{
	static uint8_t buf[IMSG_MAX];
	struct imsg_in in = { .buf = buf };
	struct imsg m;

	while (c->fd != -1 && imsg_read(c->fd, &in) == 1)
		while (imsg_next(&in, &m) == 1) {
			note_job(&m);
			imsg_free(&m);
		}
}

/* A likely value for a field. */
static void
fill(const struct wire_field *f, void *s, struct input *in)
{
	static const char *const words[] = { "", last_job, "users/bob", "bob",
		"users/-/jobs/01234567-89ab-4cde-8f01-23456789abcd", "default",
		"/bin/true", "uid:root" };
	static const uint8_t zeros[32];
	struct wire_bytes b = { zeros, 0 };
	uint8_t v = input_u8(in);
	uint64_t n = v == 255 ? UINT64_MAX : v;
	void *at = (char *)s + f->offset;

	switch (f->type) {
	case WIRE_STR:
		memcpy(at, &words[v % 8], sizeof(words[0]));
		break;
	case WIRE_BYTES:
		b.len = v % 33;
		memcpy(at, &b, sizeof(b));
		break;
	case WIRE_U8:
		memcpy(at, &n, 1);
		break;
	case WIRE_U16:
		memcpy(at, &n, 2);
		break;
	case WIRE_U32:
	case WIRE_I32:
		memcpy(at, &n, 4);
		break;
	default:
		/* A date is to be in the future, a connection is any number. */
		if (f->type == WIRE_I64)
			n *= 1000000000;
		memcpy(at, &n, 8);
		break;
	}
}

static void
send_message(struct child *c, struct input *in)
{
	static uint8_t buf[IMSG_MAX];
	const struct msg_desc *d;
	union msg_any any;
	uint8_t type = input_u8(in) % (MSG_MAX + 1), more = input_u8(in);
	ssize_t len;
	size_t i;
	int fds[4] = { null_fd, null_fd, null_fd, null_fd }, nfds;
	struct imsg_out both[2], out;

	if ((d = msg_desc(type)) != NULL && (more & 0x80) == 0) {
		memset(&any, 0, sizeof(any));
		for (i = 0; i < d->nfields; i++)
			fill(&d->fields[i], &any, in);
		if ((len = msg_encode(type, &any, buf, sizeof(buf))) == -1)
			return;
		nfds = d->nfds;
	} else {
		len = input_take(in, buf, more & 0x3f);
		nfds = more >> 4 & 3;
	}
	out.type = type;
	out.id = more & 7;
	out.data = buf;
	out.len = len;
	out.fds = fds;
	out.nfds = nfds;
	both[0] = both[1] = out;
	(void)imsg_send_many(c->fd, both, more & 0x40 ? 2 : 1);
}

/* The answers that make a frontend, or a jobexec, one that serves. */
static void
set_up(struct child *c)
{
	struct msg_setup_done done = { MSG_VERSION };
	struct msg_cfg_ack ack = { 1, 1, "" };
	uint8_t buf[64] = { 0 };
	ssize_t n;

	if (!c->front && c->pidfd != -1) {
		(void)imsg_send(c->fd, MSG_EXEC_READY, 0, buf, 1, &c->pidfd, 1);
		close(c->pidfd);
		c->pidfd = -1;
	}
	if (!c->front)
		return;
	n = msg_encode(MSG_SETUP_DONE, &done, buf, sizeof(buf));
	(void)imsg_send(c->fd, MSG_SETUP_DONE, 0, buf, n, NULL, 0);
	n = msg_encode(MSG_CFG_ACK, &ack, buf, sizeof(buf));
	(void)imsg_send(c->fd, MSG_CFG_ACK, 0, buf, n, NULL, 0);
}

static void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Let time pass until nothing is to be done for a minute. */
static void
settle(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		turns(4);
		clock_ns += 5000000000LL;
	}
	turns(4);
}

static void
set_up_all(void)
{
	int i;

	for (i = 0; i < CHILDREN_MAX; i++)
		if (children[i].fd != -1)
			set_up(&children[i]);
	turns(4);
	for (i = 0; i < CHILDREN_MAX; i++)
		read_all(&children[i]);
}

static int
lowest(void)
{
	int fd;

	MUST((fd = dup(null_fd)) != -1);
	close(fd);
	return fd;
}

static unsigned int
alive(void)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < CHILDREN_MAX; i++)
		n += children[i].fd != -1;
	return n;
}

/* Every child ends, and is started again; what is left is what there was. */
static void
all_gone(void)
{
	int i;

	for (i = 0; i < CHILDREN_MAX; i++)
		child_end(&children[i]);
	turns(8);
	MUST(request_count() == 0);
	MUST(job_count_active() == 0);
	settle();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct cgroup_base cgroup;
	struct front_config fc = { .path = FRONTEND,
		.chroot = "/run/thd/empty",
		.ready = nothing,
		.live = nothing,
		.failed = failed,
		.reloaded = reloaded };
	struct job_config jc = { .cgroup = &cgroup,
		.conf = &conf,
		.jobexec = "/jobexec" };
	int i;

	(void)argc;
	(void)argv;
	log_to_sink(sink);
	for (i = 0; i < CHILDREN_MAX; i++)
		children[i].fd = -1;
	MUST((null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1);
	cgroup.fd = null_fd;
	cgroup.path = "/nonexistent";
	TAILQ_INIT(&conf.listens);
	TAILQ_INIT(&conf.rules);
	TAILQ_INSERT_TAIL(&conf.rules, &rule, entry);
	MUST((base = event_base_new()) != NULL);
	fc.base = jc.base = base;
	MUST(job_init(&jc) == 0);
	MUST(front_start(&fc, &conf) == 0);
	turns(8);
	set_up_all();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct child *c;
	uint8_t op;

	set_up_all();
	while (in.left > 0) {
		op = input_u8(&in);
		c = &children[(op >> 3) % 16];
		if ((op & 7) == 6)
			clock_ns += (op + 1LL) * 100000000;
		else if ((op & 7) == 7)
			child_end(c);
		else if (c->fd != -1)
			send_message(c, &in);
		turns(op & 1 ? 2 : 0);
		if (op & 2)
			read_all(c);
	}
	turns(4);
	all_gone();
	if (baseline == 0)
		baseline = lowest() + 4 * alive();
	MUST(lowest() <= baseline);
	return 0;
}
