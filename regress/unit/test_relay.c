/* LINK: jobexec/relay.c jobexec/notice.c jobexec/fds.c jobexec/fail.c common/exitrec.c common/log.c */
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
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "creds.h"
#include "exitrec.h"
#include "notice.h"
#include "outidx.h"
#include "relay.h"
#include "up.h"

/*
 * The pump on real pipes and files, with system calls that fail on order.
 * A child in pid 1's place writes; the rest of jobexec is below.
 */

#define LINES 300

enum {
	CALL_SPLICE,
	CALL_PWRITE,
	CALL_POLL,
	CALL_SEND,
	NCALLS
};

/* Call number first, and every step-th after it, fails; a few times. */
static struct fault {
	int first, step, times;
	int error; /* errno, or 0: takes one byte */
} faults[NCALLS];
static int calls[NCALLS];
static int exit_fd = -1; /* its room is taken when it is made */
static int no_room; /* how often a call has said so */

static int
faulty(int call)
{
	struct fault *f = &faults[call];
	int n = ++calls[call] - f->first;

	if (f->times == 0 || n < 0 || (f->step != 0 && n % f->step != 0))
		return 0;
	f->times--;
	errno = f->error;
	no_room += errno == ENOSPC || errno == EDQUOT;
	return 1;
}

ssize_t
splice(int in, loff_t *inoff, int out, loff_t *outoff, size_t len,
    unsigned int flags)
{
	if (faulty(CALL_SPLICE)) {
		if (errno != 0)
			return -1;
		len = 1;
	}
	return syscall(SYS_splice, in, inoff, out, outoff, len, flags);
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t off)
{
	if (fd != exit_fd && faulty(CALL_PWRITE)) {
		if (errno != 0)
			return -1;
		len = 1;
	}
	return syscall(SYS_pwrite64, fd, buf, len, off);
}

int
poll(struct pollfd *pfds, nfds_t n, int timeout)
{
	struct timespec ts = { timeout / 1000, timeout % 1000 * 1000000L };

	if (faulty(CALL_POLL))
		return -1;
	return syscall(SYS_ppoll, pfds, n, timeout == -1 ? NULL : &ts, NULL, 0);
}

ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	if (faulty(CALL_SEND))
		return -1;
	return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

/* ------------------------------------------- the rest of jobexec */

static pid_t child;
static int killed;
static struct msg_exec_exit told;
static int told_full[2]; /* how often: room again, full */

int
cgroup_kill(const struct cgroup *c)
{
	(void)c;
	killed++;
	return kill(child, SIGKILL);
}

int
cgroup_oom_killed(const struct cgroup *c)
{
	(void)c;
	return 0;
}

int
launch_reap(struct launch *l, struct launch_end *end)
{
	if (waitpid(child, &end->status, 0) != child)
		return -1;
	close(l->init);
	l->init = -1;
	return 0;
}

int
creds_drop(uid_t uid, gid_t gid, const char **step)
{
	(void)uid;
	(void)gid;
	*step = "none";
	return 0;
}

int
bpf_load(const struct bpf_program *p)
{
	(void)p;
	return 0;
}

int
up_fd(void)
{
	return -1;
}

void
up_send(enum msg_type type, const void *msg, const int *fds, int nfds)
{
	(void)fds;
	(void)nfds;
	if (type == MSG_EXEC_DISK) {
		told_full[((const struct msg_exec_disk *)msg)->full]++;
		return;
	}
	assert_int_equal(type, MSG_EXEC_EXIT);
	told = *(const struct msg_exec_exit *)msg;
}

static void
on_message(void)
{
	fail_msg("there is no supervisor");
}

/* ------------------------------------------------------- the tests */

static struct cgroup cgroup;
static struct launch launch;
static struct relay relay;

static int
temp_file(void)
{
	char path[] = "/tmp/test_relay.XXXXXX";
	int fd;

	assert_int_not_equal(fd = mkstemp(path), -1);
	unlink(path);
	return fd;
}

static void
write_lines(int out, int err)
{
	char line[64];
	int i, n;

	for (i = 0; i < LINES; i++) {
		n = snprintf(line, sizeof(line), "line %d\n", i);
		if (write(i % 3 == 0 ? err : out, line, n) != n)
			_exit(1);
		if (i % 20 == 0)
			usleep(500);
	}
}

static void
start(void)
{
	struct fail f;
	int out[2], err[2];

	killed = 0;
	memset(calls, 0, sizeof(calls));
	relay.launch = &launch;
	relay.cgroup = &cgroup;
	relay.output = temp_file();
	relay.index = temp_file();
	relay.exitrec = exit_fd = temp_file();
	assert_int_equal(relay_files(&relay, &f), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(err), 0);
	assert_int_not_equal(child = fork(), -1);
	if (child == 0) {
		write_lines(out[1], err[1]);
		_exit(7);
	}
	close(out[1]);
	close(err[1]);
	launch.out = out[0];
	launch.err = err[0];
	launch.init = syscall(SYS_pidfd_open, child, 0);
	assert_int_not_equal(launch.init, -1);
}

/* Both streams are whole, in order, where the index says. */
static void
check_output(void)
{
	static char data[LINES * 16], streams[3][LINES * 16];
	struct outidx_record rec;
	char *line, *save, want[32];
	size_t len[3] = { 0, 0, 0 };
	uint64_t size = 0;
	off_t off;
	int i, stream;

	memset(streams, 0, sizeof(streams));
	assert_true(pread(relay.output, data, sizeof(data), 0) > 0);
	for (off = sizeof(struct outidx_header);
	     pread(relay.index, &rec, sizeof(rec), off) == sizeof(rec);
	     off += sizeof(rec)) {
		assert_int_equal(rec.offset, size);
		assert_true(
		    rec.stream == OUTIDX_STDOUT || rec.stream == OUTIDX_STDERR);
		memcpy(streams[rec.stream] + len[rec.stream], data + rec.offset,
		    rec.length);
		len[rec.stream] += rec.length;
		size += rec.length;
	}
	assert_int_equal(size, told.output_size);
	assert_int_equal(lseek(relay.output, 0, SEEK_END), size);
	for (stream = 1; stream <= 2; stream++) {
		line = strtok_r(streams[stream], "\n", &save);
		for (i = 0; i < LINES; i++) {
			if ((i % 3 == 0) != (stream == OUTIDX_STDERR))
				continue;
			assert_non_null(line);
			snprintf(want, sizeof(want), "line %d", i);
			assert_string_equal(line, want);
			line = strtok_r(NULL, "\n", &save);
		}
		assert_null(line);
	}
}

static void
check_record(unsigned int flags)
{
	struct exitrec rec;

	assert_int_equal(pread(relay.exitrec, &rec, sizeof(rec), 0),
	    sizeof(rec));
	assert_int_equal(exitrec_valid(&rec), 1);
	assert_int_equal(rec.flags, flags);
	assert_int_equal(rec.status, told.status);
	assert_int_equal(rec.output_size, told.output_size);
	close(relay.output);
	close(relay.index);
	close(relay.exitrec);
}

static void
test_faults(void **state)
{
	/* For each: splice, pwrite, poll, send. Then nothing may be lost. */
	static const struct fault cases[][NCALLS] = {
		{ { 0 }, { 0 }, { 0 }, { 0 } },
		{ { 1, 2, 99, EINTR }, { 3, 2, 99, EINTR }, { 2, 3, 99, EINTR },
		    { 0 } },
		{ { 1, 1, 50, 0 }, { 0 }, { 0 }, { 0 } },
		{ { 0 }, { 3, 2, 999, 0 }, { 0 }, { 0 } },
		{ { 3, 1, 4, ENOSPC }, { 0 }, { 0 }, { 0 } },
		{ { 0 }, { 3, 1, 4, ENOSPC }, { 0 }, { 0 } },
		{ { 0 }, { 4, 7, 5, EDQUOT }, { 0 }, { 0 } },
		{ { 2, 5, 3, ENOSPC }, { 5, 5, 3, ENOSPC }, { 1, 2, 9, EINTR },
		    { 1, 2, 9, EAGAIN } },
	};
	int pair[2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(faults, 0, sizeof(faults));
		start();
		memcpy(faults, cases[i], sizeof(faults));
		memset(calls, 0, sizeof(calls));
		memset(told_full, 0, sizeof(told_full));
		no_room = 0;
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair),
		    0);
		notice_add(pair[1]);
		relay_run(&relay, on_message);
		assert_int_equal(told.status, 7 << 8);
		assert_int_equal(killed, 0);
		assert_int_equal(told_full[1] > 0, no_room > 0);
		assert_int_equal(told_full[0], told_full[1]);
		check_output();
		check_record(0);
		assert_true(recv(pair[0], &i, 0, MSG_DONTWAIT) == 0);
		close(pair[0]);
		notice_all(); /* forgets the other end */
	}
}

/* A file that fails otherwise ends the job, and says so. */
static void
test_broken_file(void **state)
{
	int call;

	(void)state;
	for (call = CALL_SPLICE; call <= CALL_PWRITE; call++) {
		memset(faults, 0, sizeof(faults));
		start();
		memset(calls, 0, sizeof(calls));
		faults[call].first = 2;
		faults[call].times = 1;
		faults[call].error = EIO;
		relay_run(&relay, on_message);
		assert_true(killed > 0);
		check_record(EXITREC_OUTPUT_LOST);
	}
}

static void
test_bad_files(void **state)
{
	struct fail f;
	int good, fd;

	(void)state;
	memset(faults, 0, sizeof(faults));
	good = temp_file();
	fd = temp_file();
	relay.output = relay.index = relay.exitrec = good;
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	relay.output = fd;
	assert_int_equal(relay_files(&relay, &f), -1);
	assert_int_equal(f.stage, STAGE_RELAY);
	assert_int_equal(f.error, EINVAL);
	assert_string_equal(f.detail, "output");
	close(fd);
	relay.output = good;
	assert_int_not_equal(fd = open("/dev/null", O_RDWR), -1);
	relay.exitrec = fd;
	assert_int_equal(relay_files(&relay, &f), -1);
	assert_string_equal(f.detail, "exit");
	close(fd);
	close(good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_broken_file),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
