/* LINK: jobexec/bpf.c jobexec/filter.c */
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

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter.h"

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define EPERM_RET (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_RET (SECCOMP_RET_ERRNO | ENOSYS)

/* The instructions that the builder uses, run as the kernel would. */
static uint32_t
run(const struct bpf_program *p, const struct seccomp_data *data)
{
	const struct sock_filter *in;
	uint32_t a = 0;
	unsigned int pc = 0, steps;

	for (steps = 0; steps < BPF_LEN_MAX; steps++) {
		assert_true(pc < p->len);
		in = &p->insns[pc++];
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(in->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + in->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == in->k ? in->jt : in->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= in->k ? in->jt : in->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & in->k ? in->jt : in->jf;
			break;
		case BPF_RET | BPF_K:
			return in->k;
		default:
			fail_msg("instruction %#x", in->code);
		}
	}
	fail_msg("no end");
	return 0;
}

static uint32_t
call(const struct bpf_program *p, int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data data;

	memset(&data, 0, sizeof(data));
	data.arch = ARCH;
	data.nr = nr;
	data.args[0] = a0;
	data.args[1] = a1;
	data.args[2] = a2;
	return run(p, &data);
}

/* Whatever the table, the search finds exactly what is in it. */
static void
test_search(void **state)
{
	static const uint32_t want[] = {
		[V_UNKNOWN] = ENOSYS_RET,
		[V_REFUSE] = EPERM_RET,
		[V_KILL] = SECCOMP_RET_KILL_PROCESS,
		[V_ALLOW] = SECCOMP_RET_ALLOW,
	};
	struct bpf_program p;
	uint8_t map[BPF_NR_MAX];
	uint32_t seed = 1;
	int round, nr, built = 0;

	(void)state;
	for (round = 0; round < 200; round++) {
		memset(map, V_UNKNOWN, sizeof(map));
		for (nr = 0; nr < BPF_NR_MAX; nr++) {
			seed = seed * 1103515245 + 12345;
			/* Long ranges at first, ever shorter ones later. */
			if (nr > 0 && (seed >> 16) % 100 >= (uint32_t)round / 4)
				map[nr] = map[nr - 1];
			else
				map[nr] = (seed >> 8) % (V_ALLOW + 1);
		}
		if (bpf_build(&p, map, V_KILL) == -1) {
			assert_int_equal(errno, E2BIG);
			continue;
		}
		built++;
		for (nr = 0; nr < BPF_NR_MAX; nr++)
			assert_int_equal(call(&p, nr, 0, 0, 0), want[map[nr]]);
		assert_int_equal(call(&p, BPF_NR_MAX, 0, 0, 0),
		    SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(call(&p, 0x3fffffff, 0, 0, 0),
		    SECCOMP_RET_KILL_PROCESS);
	}
	assert_true(built > 100);
}

static void
test_too_big(void **state)
{
	struct bpf_program p;
	uint8_t map[BPF_NR_MAX];
	int nr;

	(void)state;
	for (nr = 0; nr < BPF_NR_MAX; nr++)
		map[nr] = nr % 2 ? V_ALLOW : V_REFUSE;
	assert_int_equal(bpf_build(&p, map, V_KILL), -1);
	assert_int_equal(errno, E2BIG);
}

static void
test_foreign(void **state)
{
	struct bpf_program p[2];
	struct seccomp_data data;
	int i;

	(void)state;
	assert_int_equal(filter_job(&p[0]), 0);
	assert_int_equal(filter_relay(&p[1]), 0);
	for (i = 0; i < 2; i++) {
		memset(&data, 0, sizeof(data));
		data.arch = AUDIT_ARCH_I386;
		data.nr = SYS_exit_group;
		assert_int_equal(run(&p[i], &data), SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(call(&p[i], 0x40000000 | SYS_exit_group, 0, 0,
				     0),
		    SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(call(&p[i], -1, 0, 0, 0),
		    SECCOMP_RET_KILL_PROCESS);
	}
}

static void
test_job(void **state)
{
	static const struct {
		int nr;
		uint64_t arg[3];
		uint32_t want;
	} t[] = {
		{ SYS_read, { 0 }, SECCOMP_RET_ALLOW },
		{ SYS_execve, { 0 }, SECCOMP_RET_ALLOW },
		{ SYS_mount, { 0 }, EPERM_RET },
		{ SYS_ptrace, { 0 }, EPERM_RET },
		{ SYS_clone3, { 0 }, ENOSYS_RET },
		{ 500, { 0 }, ENOSYS_RET },
		{ SYS_clone, { CLONE_VM | CLONE_THREAD }, SECCOMP_RET_ALLOW },
		{ SYS_clone, { CLONE_NEWUSER }, EPERM_RET },
		{ SYS_clone, { CLONE_NEWNS | CLONE_VM }, EPERM_RET },
		{ SYS_clone, { CLONE_NEWCGROUP }, EPERM_RET },
		{ SYS_clone, { 1ULL << 40 | CLONE_NEWNET }, EPERM_RET },
		{ SYS_socket, { AF_UNIX }, SECCOMP_RET_ALLOW },
		{ SYS_socket, { AF_NETLINK }, SECCOMP_RET_ALLOW },
		{ SYS_socket, { AF_PACKET }, SECCOMP_RET_ERRNO | EAFNOSUPPORT },
		{ SYS_socket, { 1ULL << 32 | AF_PACKET },
		    SECCOMP_RET_ERRNO | EAFNOSUPPORT },
		{ SYS_personality, { 0 }, SECCOMP_RET_ALLOW },
		{ SYS_personality, { 0x20008 }, SECCOMP_RET_ALLOW },
		{ SYS_personality, { 0x40000 }, EPERM_RET },
		{ SYS_ioctl, { 0, 0x5401 }, SECCOMP_RET_ALLOW },
		{ SYS_ioctl, { 0, 0x5412 }, EPERM_RET },
		{ SYS_ioctl, { 0, 1ULL << 32 | 0x5412 }, EPERM_RET },
		{ SYS_ioctl, { 0, 0x541c }, EPERM_RET },
		{ SYS_ioctl, { 0, 0x541d }, EPERM_RET },
		{ SYS_ioctl, { 0, 0x5423 }, EPERM_RET },
		{ SYS_mknodat, { 0, 0, 0010600 }, SECCOMP_RET_ALLOW },
		{ SYS_mknodat, { 0, 0, 0020600 }, EPERM_RET },
		{ SYS_mknodat, { 0, 0, 1ULL << 32 | 0060600 }, EPERM_RET },
	};
	struct bpf_program p;
	size_t i;

	(void)state;
	assert_int_equal(filter_job(&p), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(call(&p, t[i].nr, t[i].arg[0], t[i].arg[1],
				     t[i].arg[2]),
		    t[i].want);
}

/* What would let a taken-over relay out. */
static void
test_relay(void **state)
{
	static const int killed[] = { SYS_openat, SYS_execve, SYS_kill,
		SYS_tgkill, SYS_pidfd_send_signal, SYS_clone, SYS_clone3,
		SYS_socket, SYS_connect, SYS_ptrace, SYS_mmap, SYS_mprotect,
		SYS_fcntl, SYS_ioctl, SYS_prctl, SYS_unlinkat, SYS_setuid };
	struct bpf_program p;
	size_t i;

	(void)state;
	assert_int_equal(filter_relay(&p), 0);
	for (i = 0; i < sizeof(killed) / sizeof(killed[0]); i++)
		assert_int_equal(call(&p, killed[i], 0, 0, 0),
		    SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(call(&p, SYS_splice, 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(&p, SYS_restart_syscall, 0, 0, 0),
	    SECCOMP_RET_ALLOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
