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

/*
 * The supervisor's side of one job, for tests of jobexec: start it, send it
 * a job, print what comes back, one line for each event.
 *
 *	STARTED
 *	FAILED stage=exec errno=2 detail=...
 *	EXIT status=0 oom=0 size=12
 *	LOG text
 *
 * and after the end (or at once, with -p) what is in the files and the cgroup.
 */

#include <sys/types.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exitrec.h"
#include "imsg.h"
#include "msg.h"
#include "outidx.h"
#include "proc.h"

#define UUID "00000000-0000-4000-8000-000000000000"

static int helper_fd;
static pid_t helper_pid;
static struct msg_exec_job job;
static struct msg_setup setup;
static const char *dir = ".", *base;
static int basefd, command_pidfd = -1;
static int kill_after = -1, term_after = -1, leave, only_print, go_after,
	   readers = 1;
static int notice[2];
static long notices;
static int after_output; /* -k and -t wait for output */
static double began;

static char block[4][MSG_ARGS_MAX];
static union {
	char buf[IMSG_MAX];
	long double align;
} in;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
add(struct wire_bytes *b, uint32_t *count, char *buf, const char *s)
{
	if (b->len + strlen(s) + 1 > MSG_ARGS_MAX)
		errx(2, "too many arguments");
	memcpy(buf + b->len, s, strlen(s) + 1);
	b->p = (uint8_t *)buf;
	b->len += strlen(s) + 1;
	++*count;
}

static const struct {
	const char *name;
	uint8_t controller;
	uint64_t *value;
} settings[] = {
	{ "cpu", CTL_CPU, &job.limits.cpu_quota },
	{ "period", CTL_CPU, &job.limits.cpu_period },
	{ "memory", CTL_MEMORY, &job.limits.memory_max },
	{ "high", CTL_MEMORY, &job.limits.memory_high },
	{ "swap", CTL_MEMORY, &job.limits.memory_swap_max },
	{ "pids", CTL_PIDS, &job.limits.pids_max },
	{ "rbps", CTL_IO, &job.limits.io_rbps },
	{ "wbps", CTL_IO, &job.limits.io_wbps },
	{ "riops", CTL_IO, &job.limits.io_riops },
	{ "wiops", CTL_IO, &job.limits.io_wiops },
};

static void
set_limit(const char *s)
{
	size_t i, len = strcspn(s, "=");

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strlen(settings[i].name) == len &&
		    strncmp(settings[i].name, s, len) == 0 && s[len] == '=') {
			job.controllers |= settings[i].controller;
			*settings[i].value = strtoull(s + len + 1, NULL, 0);
			return;
		}
	errx(2, "unknown limit %s", s);
}

static void
send_on(int fd, enum msg_type type, const void *msg, const int *fds, int nfds)
{
	static char buf[IMSG_MAX];
	ssize_t len;

	if ((len = msg_encode(type, msg, buf, sizeof(buf))) == -1)
		err(2, "encode %s", msg_name(type));
	if (imsg_send(fd, type, 0, buf, len, fds, nfds) == -1 && errno != EPIPE)
		err(2, "send %s", msg_name(type));
}

static void
send_msg(enum msg_type type, const void *msg, const int *fds, int nfds)
{
	send_on(helper_fd, type, msg, fds, nfds);
}

/* Have one forked; the one that forks it is then of no use any more. */
static void
start_helper(const char *path)
{
	static const struct msg_empty empty;
	struct proc_child spawner;
	int pair[2], status;

	/* What it forked becomes our child when it has ended. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		err(2, "prctl");
	if (proc_spawn(path, &spawner) == -1)
		err(2, "%s", path);
	if (imsg_pair(pair) == -1)
		err(2, "socketpair");
	helper_fd = pair[0];
	send_on(spawner.fd, MSG_SETUP, &setup, NULL, 0);
	send_on(spawner.fd, MSG_EXEC_FORK, &empty, &pair[1], 1);
	close(pair[1]);
	(void)shutdown(spawner.fd, SHUT_WR);
	if (waitpid(spawner.pid, &status, 0) == -1 || status != 0)
		errx(2, "%s: status %d", path, status);
	close(spawner.fd);
}

/* Whose is it? */
static pid_t
pidfd_pid(int fd)
{
	char path[64], line[128];
	pid_t pid = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if ((f = fopen(path, "r")) == NULL)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "Pid:", 4) == 0)
			pid = atoi(line + 4);
	fclose(f);
	return pid;
}

static void
on_ready(int pidfd)
{
	if (pidfd == -1 || (helper_pid = pidfd_pid(pidfd)) == -1)
		errx(2, "EXEC_READY: no pidfd");
	close(pidfd);
	printf("HELPER pid=%d\n", (int)helper_pid);
}

static int
open_file(const char *name, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fd = open(path, flags | O_CLOEXEC, 0600)) == -1)
		err(2, "%s", path);
	return fd;
}

static void
send_job(void)
{
	static const struct msg_empty empty;
	int fds[4], pair[2], i;

	for (i = 0; i < 3; i++)
		fds[i] = open_file(i == 0 ? "output" :
			i == 1		  ? "index" :
					    "exit",
		    O_RDWR | O_CREAT | O_TRUNC);
	fds[3] = basefd;
	began = now();
	send_msg(MSG_EXEC_JOB, &job, fds, 4);
	if (go_after == 0)
		send_msg(MSG_EXEC_GO, &empty, NULL, 0);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	/* The first pair is read; the others are left to fill up or die. */
	for (i = 0; i < readers; i++) {
		if (imsg_pair(pair) == -1)
			err(2, "socketpair");
		send_msg(MSG_EXEC_WATCH, &empty, &pair[1], 1);
		close(pair[1]);
		if (i == 0)
			notice[0] = pair[0];
		else if (i % 2 == 0)
			close(pair[0]);
	}
}

static void
print_index(void)
{
	struct outidx_header h;
	struct outidx_record r;
	uint64_t size[3] = { 0, 0, 0 }, offset = 0;
	int fd, records = 0, good = 1;

	fd = open_file("index", O_RDONLY);
	if (read(fd, &h, sizeof(h)) != sizeof(h) ||
	    memcmp(h.magic, OUTIDX_MAGIC, 4) != 0 ||
	    h.version != OUTIDX_VERSION || h.first_kept != 0)
		good = 0;
	while (good && read(fd, &r, sizeof(r)) == sizeof(r)) {
		if (r.offset != offset || r.length == 0 || r.stream < 1 ||
		    r.stream > 2 || r.time_ns <= 0)
			good = 0;
		else
			size[r.stream] += r.length;
		offset += r.length;
		records++;
	}
	close(fd);
	printf("INDEX good=%d records=%d stdout=%" PRIu64 " stderr=%" PRIu64
	       "\n",
	    good, records, size[1], size[2]);
}

/* As the supervisor does: when the last process is gone. */
static void
remove_cgroup(void)
{
	int i;

	for (i = 0; i < 200; i++) {
		if (unlinkat(basefd, UUID, AT_REMOVEDIR) == 0 || errno != EBUSY)
			return;
		usleep(10000);
	}
	warn("remove the cgroup");
}

static void
print_files(void)
{
	struct exitrec rec;
	char path[4096];
	int fd;

	fd = open_file("exit", O_RDONLY);
	if (read(fd, &rec, sizeof(rec)) == sizeof(rec) && exitrec_valid(&rec))
		printf("RECORD status=%d flags=%u size=%" PRIu64 "\n",
		    rec.status, rec.flags, rec.output_size);
	else
		printf("RECORD none\n");
	close(fd);
	print_index();
	snprintf(path, sizeof(path), "%s/" UUID, base);
	printf("CGROUP %s\n", access(path, F_OK) == 0 ? "there" : "gone");
}

static void
on_exit_msg(const struct msg_exec_exit *m)
{
	printf("EXIT status=%d oom=%d size=%" PRIu64 "\n", m->status,
	    m->oom_killed, m->output_size);
	printf("USAGE ms=%.1f utime_us=%" PRIu64 " stime_us=%" PRIu64
	       " maxrss_kb=%" PRIu64 "\n",
	    (now() - began) * 1000, m->utime_us, m->stime_us, m->maxrss_kb);
}

static int
receive(void)
{
	struct imsg m;
	union msg_any any;
	const char *wrong;
	const struct msg_log *line = (const void *)&any;
	const struct msg_exec_failed *f = (const void *)&any;
	int r;

	if ((r = imsg_recv(helper_fd, &m, in.buf)) == -1)
		return errno == EAGAIN;
	if (r == 0)
		return 0;
	if ((wrong = msg_check(SIDE_SUP_EXEC, &m, &any)) != NULL)
		errx(2, "%s: %s", msg_name(m.hdr.type), wrong);
	switch (m.hdr.type) {
	case MSG_EXEC_READY:
		on_ready(imsg_take_fd(&m, 0));
		send_job();
		break;
	case MSG_LOG:
		printf("LOG %s\n", line->text);
		break;
	case MSG_EXEC_STARTED:
		command_pidfd = imsg_take_fd(&m, 0);
		printf("STARTED ms=%.2f\n", (now() - began) * 1000);
		if (leave)
			exit(0); /* as a supervisor that is killed */
		break;
	case MSG_EXEC_FAILED:
		printf("FAILED stage=%s errno=%s detail=%s\n",
		    exec_stage_name(f->stage), strerrorname_np(f->error),
		    f->detail);
		break;
	case MSG_EXEC_EXIT:
		on_exit_msg(&any.exec_exit);
		break;
	}
	fflush(stdout);
	imsg_free(&m);
	return 1;
}

static int
populated(void)
{
	char text[64] = "";
	int fd;

	if ((fd = openat(basefd, UUID "/cgroup.events", O_RDONLY)) == -1)
		return 0;
	if (read(fd, text, sizeof(text) - 1) == -1)
		warn("cgroup.events");
	close(fd);
	return strstr(text, "populated 1") != NULL;
}

/* Returns 0 while there is nothing to kill. */
static int
kill_cgroup(void)
{
	int fd;

	if (!populated() ||
	    (fd = openat(basefd, UUID "/cgroup.kill", O_WRONLY)) == -1)
		return 0;
	if (write(fd, "1", 1) != 1)
		warn("cgroup.kill");
	close(fd);
	return 1;
}

/*
 * When the clock, or the job's first output, says so: go, TERM to the
 * command, the end of all.
 */
static int
on_time(int elapsed)
{
	static const struct msg_empty empty;
	int next = 1000;

	if (go_after > 0 && elapsed >= go_after) {
		send_msg(MSG_EXEC_GO, &empty, NULL, 0);
		go_after = 0;
	}
	if (after_output && notices == 0)
		return 5;
	if (term_after >= 0 && elapsed >= term_after && command_pidfd != -1) {
		if (proc_kill(command_pidfd, SIGTERM) == -1)
			warn("TERM");
		term_after = -1;
	}
	if (kill_after >= 0 && elapsed >= kill_after && kill_cgroup())
		kill_after = -1;
	if (go_after > 0 || term_after >= 0 || kill_after >= 0)
		next = 5;
	return next;
}

static void
loop(void)
{
	struct pollfd pfds[2];
	char buf[64];
	int timeout = 5;

	notice[0] = -1;
	for (;;) {
		pfds[0].fd = helper_fd;
		pfds[1].fd = notice[0];
		pfds[0].events = pfds[1].events = POLLIN;
		if (poll(pfds, 2, timeout) == -1)
			err(2, "poll");
		if (pfds[1].revents & POLLIN)
			while (
			    recv(notice[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
				if (notices++ == 0 && after_output)
					began = now();
		if (pfds[0].revents != 0 && !receive())
			return;
		timeout = on_time((now() - began) * 1000);
	}
}

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr,
	    "usage: execclient -x jobexec -b cgroup [-d dir] [-u uid] [-g gid]\n"
	    "\t[-r relay-id] [-C cwd] [-H hide]... [-e NAME=value]...\n"
	    "\t[-l limit=n]... [-D disk]... [-G] [-k ms] [-t ms] [-s ms]\n"
	    "\t[-w readers] [-o] [-q] [-p] command [arg ...]\n");
	exit(2);
}

static void
defaults(void)
{
	setup.version = MSG_VERSION;
	setup.uid = setup.gid = 64001;
	setup.verbose = 2;
	job.uuid = UUID;
	job.uid = job.gid = 64002;
	job.user = "_thjob";
	job.cwd = "/";
	job.hostname = "sandbox";
	job.limits.cpu_quota = job.limits.pids_max = MSG_UNLIMITED;
	job.limits.memory_max = job.limits.memory_high = MSG_UNLIMITED;
	job.limits.io_rbps = job.limits.io_wbps = MSG_UNLIMITED;
	job.limits.io_riops = job.limits.io_wiops = MSG_UNLIMITED;
	job.limits.cpu_period = 100000;
}

/* Returns where the command is; the helper goes to *path. */
static int
parse(int argc, char *argv[], const char **path)
{
	int ch;

	while ((ch = getopt(argc, argv,
		    "+x:b:d:u:g:r:C:H:e:l:D:Gk:t:w:s:opq")) != -1) {
		switch (ch) {
		case 'x':
			*path = optarg;
			break;
		case 'b':
			base = optarg;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'u':
			job.uid = strtoul(optarg, NULL, 10);
			break;
		case 'g':
			job.gid = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			setup.uid = setup.gid = strtoul(optarg, NULL, 10);
			break;
		case 'C':
			job.cwd = optarg;
			break;
		case 'H':
			add(&job.hide, &job.hidec, block[2], optarg);
			break;
		case 'e':
			add(&job.env, &job.envc, block[1], optarg);
			break;
		case 'l':
			set_limit(optarg);
			break;
		case 'D':
			add(&job.disks, &job.diskc, block[3], optarg);
			break;
		case 'G':
			job.limits.memory_oom_group = 1;
			break;
		case 'k':
			kill_after = atoi(optarg);
			break;
		case 't':
			term_after = atoi(optarg);
			break;
		case 'w':
			readers = atoi(optarg);
			break;
		case 's':
			go_after = atoi(optarg);
			break;
		case 'o':
			after_output = 1;
			break;
		case 'q':
			leave = 1;
			break;
		case 'p':
			only_print = 1;
			break;
		default:
			usage();
		}
	}
	return optind;
}

int
main(int argc, char *argv[])
{
	const char *path = NULL;
	int i, status;

	defaults();
	i = parse(argc, argv, &path);
	if (base != NULL && only_print) {
		print_files();
		return 0;
	}
	if (i >= argc || path == NULL || base == NULL)
		usage();
	job.command = argv[i++];
	for (; i < argc; i++)
		add(&job.argv, &job.argc, block[0], argv[i]);
	if ((basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(2, "%s", base);
	began = now();
	start_helper(path);
	loop();
	close(helper_fd);
	if (waitpid(helper_pid, &status, 0) == -1)
		err(2, "waitpid");
	printf("HELPER status=%d\n", status);
	/* A reader may be behind: what is queued counts too. */
	printf("NOTICES %s\n", notices > 0 ? "some" : "none");
	print_files();
	remove_cgroup();
	return 0;
}
