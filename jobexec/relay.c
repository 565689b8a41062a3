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
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "creds.h"
#include "exitrec.h"
#include "fds.h"
#include "log.h"
#include "notice.h"
#include "outidx.h"
#include "relay.h"
#include "up.h"

/*
 * One block for each stream in turn: large enough to be fast, small enough
 * that one stream does not keep the other waiting. Splicing moves the pages
 * from pipe to file, so there is no buffer, and what the disk does not take
 * stays in the pipe.
 */
#define BLOCK (256 * 1024)
#define NSTREAMS 2

/* How long to wait when the disk is full, milliseconds, doubling. */
#define FULL_FIRST 10
#define FULL_LAST 1000

struct stream {
	int *fd; /* -1 at the end */
	uint32_t id;
	int ready; /* poll(2) says so */
};

static struct stream streams[NSTREAMS];
static loff_t output_size;
static int output_lost;
static int full; /* the present wait, 0: there is room */
static int refused; /* in this turn a file had no room */

/* Records that are not in the index yet, and where they go. */
static struct outidx_record pending[NSTREAMS];
static size_t npending; /* bytes */
static off_t index_size;

static int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
write_at(int fd, const void *data, size_t len, off_t off)
{
	ssize_t n;

	while (len > 0) {
		if ((n = pwrite(fd, data, len, off)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		data = (const char *)data + n;
		len -= n;
		off += n;
	}
	return 0;
}

/* splice(2) does not append, and a device is no place for output. */
static int
is_plain_file(int fd)
{
	struct stat st;
	int flags;

	if (fstat(fd, &st) == -1 || (flags = fcntl(fd, F_GETFL)) == -1)
		return 0;
	errno = EINVAL;
	return S_ISREG(st.st_mode) && (flags & O_APPEND) == 0 &&
	    (flags & O_ACCMODE) != O_RDONLY;
}

int
relay_files(const struct relay *r, struct fail *f)
{
	static const struct exitrec none;
	struct outidx_header h;

	if (!is_plain_file(r->output))
		return fail_set(f, STAGE_RELAY, "output");
	if (!is_plain_file(r->index))
		return fail_set(f, STAGE_RELAY, "index");
	if (!is_plain_file(r->exitrec))
		return fail_set(f, STAGE_RELAY, "exit");
	memset(&h, 0, sizeof(h));
	memcpy(h.magic, OUTIDX_MAGIC, sizeof(h.magic));
	h.version = OUTIDX_VERSION;
	if (write_at(r->index, &h, sizeof(h), 0) == -1)
		return fail_set(f, STAGE_RELAY, "index");
	if (write_at(r->exitrec, &none, sizeof(none), 0) == -1)
		return fail_set(f, STAGE_RELAY, "exit");
	return 0;
}

int
relay_drop(const struct relay *r, int fd, uid_t uid, gid_t gid,
    const struct bpf_program *filter, struct fail *f)
{
	int keep[NOTICE_MAX + 16];
	const char *step;
	size_t n = 0;

	keep[n++] = STDIN_FILENO; /* the three are /dev/null */
	keep[n++] = STDOUT_FILENO;
	keep[n++] = STDERR_FILENO;
	keep[n++] = fd;
	keep[n++] = up_fd();
	keep[n++] = r->launch->out;
	keep[n++] = r->launch->err;
	keep[n++] = r->launch->sync;
	keep[n++] = r->launch->init;
	keep[n++] = r->cgroup->kill;
	keep[n++] = r->cgroup->memory;
	keep[n++] = r->output;
	keep[n++] = r->index;
	keep[n++] = r->exitrec;
	n += notice_fds(keep + n);
	if (dup2(STDOUT_FILENO, STDERR_FILENO) == -1 ||
	    fds_close_all_but(keep, n) == -1)
		return fail_set(f, STAGE_RELAY, "descriptors");
	if (creds_drop(uid, gid, &step) == -1)
		return fail_set(f, STAGE_RELAY, "%s", step);
	if (bpf_load(filter) == -1)
		return fail_set(f, STAGE_RELAY, "seccomp");
	return 0;
}

static void
give_up_output(const struct relay *r, const char *what)
{
	int i;

	log_warn("%s: %s cannot be written, the job is killed", r->cgroup->name,
	    what);
	output_lost = 1;
	npending = 0;
	for (i = 0; i < NSTREAMS; i++)
		fds_close(streams[i].fd);
	if (cgroup_kill(r->cgroup) == -1)
		log_warn("%s: cgroup.kill", r->cgroup->name);
}

/* A file did not take what it was given: wait for room, or give up. */
static void
not_written(const struct relay *r, const char *what)
{
	if (errno != ENOSPC && errno != EDQUOT) {
		give_up_output(r, what);
		return;
	}
	if (full == 0)
		log_warn("%s: %s, the job waits", r->cgroup->name, what);
	refused = 1;
}

/* The job's status is to show it. */
static void
tell_full(void)
{
	struct msg_exec_disk msg;

	memset(&msg, 0, sizeof(msg));
	msg.full = full != 0;
	up_send(MSG_EXEC_DISK, &msg, NULL, 0);
}

/* After a turn: how long to wait until the next, if there was no room. */
static void
set_full(const struct relay *r)
{
	int was = full != 0;

	if (refused) {
		full = full == 0 ? FULL_FIRST : full * 2;
		if (full > FULL_LAST)
			full = FULL_LAST;
	} else if (full != 0) {
		full = 0;
		if (!output_lost)
			log_notice("%s: there is room again", r->cgroup->name);
	}
	if (was != (full != 0))
		tell_full();
}

/* One block of one stream. Returns whether there may be more. */
static int
pump(const struct relay *r, struct stream *s)
{
	struct outidx_record *rec;
	loff_t off = output_size;
	ssize_t n;

	n = splice(*s->fd, NULL, r->output, &off, BLOCK,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n == -1) {
		if (errno == EINTR)
			return 1;
		if (errno != EAGAIN)
			not_written(r, "output");
		return 0;
	}
	if (n == 0) {
		fds_close(s->fd);
		return 0;
	}
	rec = &pending[npending / sizeof(*rec)];
	rec->offset = output_size;
	rec->time_ns = now_ns();
	rec->length = n;
	rec->stream = s->id;
	npending += sizeof(*rec);
	output_size += n;
	return 1;
}

/* Write the records that are pending. 0, or -1 if they still are. */
static int
flush_index(const struct relay *r)
{
	if (npending == 0)
		return 0;
	/* What a failed write has put there is written over the next time. */
	if (write_at(r->index, pending, npending, index_size) == -1) {
		not_written(r, "index");
		return -1;
	}
	index_size += npending;
	npending = 0;
	return 0;
}

/*
 * One block of each stream that is ready. Returns whether any may have more.
 */
static int
turn(const struct relay *r)
{
	int i, more = 0;

	refused = 0;
	if (flush_index(r) == 0) {
		for (i = 0; i < NSTREAMS && !refused; i++)
			if (*streams[i].fd != -1 && streams[i].ready)
				more |= pump(r, &streams[i]);
		if (npending > 0 && flush_index(r) == 0)
			notice_all();
	}
	set_full(r);
	return more;
}

enum {
	P_UP,
	P_INIT,
	P_STREAM,
	P_NOTICE = P_STREAM + NSTREAMS,
	P_MAX = P_NOTICE + NOTICE_MAX
};

/* Wait for something to do, and note which streams have output. */
static void
wait_for_work(const struct relay *r, struct pollfd *pfds)
{
	size_t n;
	int i;

	pfds[P_UP].fd = up_fd();
	pfds[P_UP].events = POLLIN;
	pfds[P_INIT].fd = r->launch->init;
	pfds[P_INIT].events = POLLIN;
	for (i = 0; i < NSTREAMS; i++) {
		pfds[P_STREAM + i].fd = full != 0 ? -1 : *streams[i].fd;
		pfds[P_STREAM + i].events = POLLIN;
	}
	n = notice_poll(pfds + P_NOTICE);
	if (poll(pfds, P_NOTICE + n, full != 0 ? full : -1) == -1) {
		/* Interrupted by a stop and continue: ask again. */
		memset(pfds, 0, P_MAX * sizeof(*pfds));
		return;
	}
	for (i = 0; i < NSTREAMS; i++)
		streams[i].ready = full != 0 || pfds[P_STREAM + i].revents != 0;
	notice_polled(pfds + P_NOTICE, n);
}

/*
 * All that wrote to the pipes is gone: take what is left in them. On a full
 * disk that can take long, and readers may still come.
 */
static void
drain(const struct relay *r, void (*on_message)(void))
{
	struct pollfd pfds[P_MAX];
	int i;

	for (;;) {
		for (i = 0; i < NSTREAMS; i++)
			streams[i].ready = 1;
		while (turn(r) && full == 0)
			;
		if (full == 0)
			return;
		wait_for_work(r, pfds);
		if (pfds[P_UP].revents != 0)
			on_message();
	}
}

static void
finish(const struct relay *r, const struct launch_end *end)
{
	struct msg_exec_exit msg;
	struct exitrec rec;

	memset(&msg, 0, sizeof(msg));
	msg.status = end->status;
	msg.oom_killed = cgroup_oom_killed(r->cgroup);
	msg.end_ns = now_ns();
	msg.output_size = output_size;
	msg.utime_us = end->utime_us;
	msg.stime_us = end->stime_us;
	msg.maxrss_kb = end->maxrss_kb;

	memset(&rec, 0, sizeof(rec));
	rec.status = msg.status;
	rec.flags = (msg.oom_killed ? EXITREC_OOM_KILLED : 0) |
	    (output_lost ? EXITREC_OUTPUT_LOST : 0);
	rec.end_ns = msg.end_ns;
	rec.output_size = msg.output_size;
	rec.utime_us = msg.utime_us;
	rec.stime_us = msg.stime_us;
	rec.maxrss_kb = msg.maxrss_kb;
	exitrec_seal(&rec);
	if (write_at(r->exitrec, &rec, sizeof(rec), 0) == -1)
		log_warn("%s: exit record", r->cgroup->name);
	notice_all();
	up_send(MSG_EXEC_EXIT, &msg, NULL, 0);
}

static void
begin(const struct relay *r)
{
	streams[0].fd = &r->launch->out;
	streams[0].id = OUTIDX_STDOUT;
	streams[1].fd = &r->launch->err;
	streams[1].id = OUTIDX_STDERR;
	output_size = 0;
	index_size = sizeof(struct outidx_header);
	output_lost = refused = full = 0;
	npending = 0;
}

void
relay_run(struct relay *r, void (*on_message)(void))
{
	struct pollfd pfds[P_MAX];
	struct launch_end end;

	begin(r);
	memset(&end, 0, sizeof(end));
	for (;;) {
		wait_for_work(r, pfds);
		if (pfds[P_UP].revents != 0)
			on_message();
		if (pfds[P_INIT].revents != 0)
			break;
		(void)turn(r);
	}
	if (launch_reap(r->launch, &end) == -1)
		log_warn("%s: wait for pid 1", r->cgroup->name);
	drain(r, on_message);
	finish(r, &end);
}
