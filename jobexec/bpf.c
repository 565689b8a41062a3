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
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bpf.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "the system call tables are not made for this architecture"
#endif

/* Numbers of the x32 ABI, which has our architecture's name, start here. */
#define X32_BIT 0x40000000

#define LOAD(off) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define LOAD_ARG(n) LOAD(offsetof(struct seccomp_data, args[n]))
#define EQ(k, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f)
#define GE(k, t, f) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, k, t, f)
#define ANY_BIT(k, t, f) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, k, t, f)
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define RET_ERRNO(e) RET(SECCOMP_RET_ERRNO | (e))
#define ALLOW RET(SECCOMP_RET_ALLOW)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "LOAD_ARG takes the low half of an argument");

#define NEW_NAMESPACES                                                         \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const struct sock_filter on_unknown[] = { RET_ERRNO(ENOSYS) };
static const struct sock_filter on_refuse[] = { RET_ERRNO(EPERM) };
static const struct sock_filter on_kill[] = { RET(SECCOMP_RET_KILL_PROCESS) };
static const struct sock_filter on_allow[] = { ALLOW };

static const struct sock_filter on_clone[] = {
	LOAD_ARG(0),
	ANY_BIT(NEW_NAMESPACES, 0, 1),
	RET_ERRNO(EPERM),
	ALLOW,
};

static const struct sock_filter on_socket[] = {
	LOAD_ARG(0),
	EQ(AF_UNIX, 4, 0),
	EQ(AF_INET, 3, 0),
	EQ(AF_INET6, 2, 0),
	EQ(AF_NETLINK, 1, 0),
	RET_ERRNO(EAFNOSUPPORT),
	ALLOW,
};

#define PER_UNAME26 0x0020000

static const struct sock_filter on_personality[] = {
	LOAD_ARG(0),
	EQ(PER_LINUX, 5, 0),
	EQ(PER_LINUX32, 4, 0),
	EQ(PER_UNAME26, 3, 0),
	EQ(PER_UNAME26 | PER_LINUX32, 2, 0),
	EQ(0xffffffff, 1, 0), /* only asks */
	RET_ERRNO(EPERM),
	ALLOW,
};

static const struct sock_filter on_ioctl[] = {
	LOAD_ARG(1),
	EQ(TIOCSTI, 3, 0),
	EQ(TIOCLINUX, 2, 0),
	EQ(TIOCSETD, 1, 0),
	EQ(TIOCCONS, 0, 1),
	RET_ERRNO(EPERM),
	ALLOW,
};

#define NO_DEVICES(arg)                                                        \
	LOAD_ARG(arg), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT),            \
	    EQ(S_IFBLK, 1, 0), EQ(S_IFCHR, 0, 1), RET_ERRNO(EPERM), ALLOW

static const struct sock_filter on_mknod[] = { NO_DEVICES(1) };
static const struct sock_filter on_mknodat[] = { NO_DEVICES(2) };

#define BLOCK(a)                                                               \
	{                                                                      \
		a, sizeof(a) / sizeof((a)[0])                                  \
	}

/* What each verdict runs; every block ends the program. */
static const struct block {
	const struct sock_filter *insns;
	unsigned int len;
} blocks[V_MAX] = {
	[V_UNKNOWN] = BLOCK(on_unknown),
	[V_REFUSE] = BLOCK(on_refuse),
	[V_KILL] = BLOCK(on_kill),
	[V_ALLOW] = BLOCK(on_allow),
	[V_CLONE] = BLOCK(on_clone),
	[V_SOCKET] = BLOCK(on_socket),
	[V_PERSONALITY] = BLOCK(on_personality),
	[V_IOCTL] = BLOCK(on_ioctl),
	[V_MKNOD] = BLOCK(on_mknod),
	[V_MKNODAT] = BLOCK(on_mknodat),
};

static const struct sock_filter prologue[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	EQ(ARCH, 1, 0),
	RET(SECCOMP_RET_KILL_PROCESS),
	LOAD(offsetof(struct seccomp_data, nr)),
	GE(X32_BIT, 0, 1),
	RET(SECCOMP_RET_KILL_PROCESS),
};
#define NPROLOGUE (sizeof(prologue) / sizeof(prologue[0]))

/* A range starts here and goes to the next one's start. */
struct range {
	uint16_t start;
	uint8_t verdict;
};

struct builder {
	struct bpf_program *p;
	struct range ranges[BPF_NR_MAX + 1];
	unsigned int nranges;
	unsigned int entry[V_MAX]; /* where each verdict's block starts */
	unsigned int next; /* the next free place for a jump */
	int far; /* a jump did not fit */
};

static void
find_ranges(struct builder *b, const uint8_t *map, enum verdict rest)
{
	unsigned int nr, verdict;

	for (nr = 0; nr <= BPF_NR_MAX; nr++) {
		verdict = nr < BPF_NR_MAX ? map[nr] : rest;
		if (b->nranges > 0 &&
		    b->ranges[b->nranges - 1].verdict == verdict)
			continue;
		b->ranges[b->nranges].start = nr;
		b->ranges[b->nranges].verdict = verdict;
		b->nranges++;
	}
}

static int
put_block(struct bpf_program *p, const struct sock_filter *insns,
    unsigned int len)
{
	if (p->len + len > BPF_LEN_MAX) {
		errno = E2BIG;
		return -1;
	}
	memcpy(p->insns + p->len, insns, len * sizeof(*insns));
	p->len += len;
	return 0;
}

/* The blocks of the verdicts that are used go behind the search. */
static int
put_blocks(struct builder *b)
{
	unsigned int i, v;

	for (i = 0; i < b->nranges; i++) {
		v = b->ranges[i].verdict;
		if (b->entry[v] != 0)
			continue;
		b->entry[v] = b->p->len;
		if (put_block(b->p, blocks[v].insns, blocks[v].len) == -1)
			return -1;
	}
	return 0;
}

static uint8_t
distance(struct builder *b, unsigned int from, unsigned int to)
{
	if (to - from - 1 > UINT8_MAX)
		b->far = 1;
	return to - from - 1;
}

/*
 * Search in ranges[lo] to ranges[hi - 1], and return where: the block itself
 * if only one is left, else a jump in whose two ways the halves are. A jump
 * stands before what it leads to, since seccomp knows only forward ones.
 */
static unsigned int
put_search(struct builder *b, unsigned int lo, unsigned int hi)
{
	unsigned int at, mid, below, above;

	if (hi - lo == 1)
		return b->entry[b->ranges[lo].verdict];
	at = b->next++;
	mid = lo + (hi - lo) / 2;
	below = put_search(b, lo, mid);
	above = put_search(b, mid, hi);
	b->p->insns[at] = (struct sock_filter)GE(b->ranges[mid].start,
	    distance(b, at, above), distance(b, at, below));
	return at;
}

int
bpf_build(struct bpf_program *p, const uint8_t map[BPF_NR_MAX],
    enum verdict rest)
{
	struct builder b;

	memset(&b, 0, sizeof(b));
	b.p = p;
	p->len = 0;
	find_ranges(&b, map, rest);
	if (put_block(p, prologue, NPROLOGUE) == -1)
		return -1;
	/* As many jumps as there are borders between ranges. */
	if (b.nranges < 2 || b.nranges - 1 > BPF_LEN_MAX - NPROLOGUE)
		goto toobig;
	b.next = p->len;
	p->len += b.nranges - 1;
	if (put_blocks(&b) == -1)
		return -1;
	put_search(&b, 0, b.nranges);
	if (!b.far)
		return 0;
toobig:
	errno = E2BIG;
	return -1;
}

int
bpf_load(const struct bpf_program *p)
{
	struct sock_fprog prog;

	prog.len = p->len;
	prog.filter = (struct sock_filter *)(uintptr_t)p->insns;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}
