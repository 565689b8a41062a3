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

#ifndef TH_BPF_H
#define TH_BPF_H

#include <sys/types.h>

#include <linux/filter.h>

#include <stddef.h>
#include <stdint.h>

/*
 * A seccomp program from a verdict per system call. It checks the
 * architecture, then finds the call's verdict by binary search over the
 * ranges of numbers that share one: a short program loads several times
 * faster than a long one, and each job pays for that.
 */

enum verdict {
	V_UNKNOWN, /* ENOSYS, so that libraries fall back */
	V_REFUSE, /* EPERM */
	V_KILL, /* end the process */
	V_ALLOW,
	/* By the arguments, of which the kernel looks at 32 bits. */
	V_CLONE, /* no new namespaces */
	V_SOCKET, /* unix, inet, inet6, netlink */
	V_PERSONALITY, /* Linux, and with ADDR_NO_RANDOMIZE or the like */
	V_IOCTL, /* not those that push input to a terminal */
	V_MKNOD, /* no devices */
	V_MKNODAT,
	V_MAX
};

#define BPF_NR_MAX 512 /* above all numbers that we know */
#define BPF_LEN_MAX 256 /* jumps are of 8 bits */

struct bpf_program {
	struct sock_filter insns[BPF_LEN_MAX];
	unsigned short len;
};

/*
 * Build the program from the verdict of each number, and one for all numbers
 * past the table. Returns 0, or -1 with errno E2BIG.
 */
int bpf_build(struct bpf_program *, const uint8_t[BPF_NR_MAX], enum verdict);

/* Put it on this process, for good. no_new_privs must be on. 0 or -1. */
int bpf_load(const struct bpf_program *);

#endif
