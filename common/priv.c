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
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "priv.h"

static int
caps_clear(void)
{
	struct __user_cap_header_struct hdr;
	struct __user_cap_data_struct data[2];

	memset(&hdr, 0, sizeof(hdr));
	memset(data, 0, sizeof(data));
	hdr.version = _LINUX_CAPABILITY_VERSION_3;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
		return -1;
	return syscall(SYS_capset, &hdr, data);
}

int
priv_has_caps(void)
{
	struct __user_cap_header_struct hdr;
	struct __user_cap_data_struct d[2];

	memset(&hdr, 0, sizeof(hdr));
	memset(d, 0, sizeof(d));
	hdr.version = _LINUX_CAPABILITY_VERSION_3;
	if (syscall(SYS_capget, &hdr, d) == -1)
		return -1;
	return (d[0].effective | d[0].permitted | d[0].inheritable |
		   d[1].effective | d[1].permitted | d[1].inheritable) != 0;
}

int
priv_drop_bounding(void)
{
	int cap;

	for (cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			break;
	/* EINVAL is the first number the kernel does not know. */
	return cap > CAP_LAST_CAP || errno == EINVAL ? 0 : -1;
}

static int
ids_are(uid_t uid, gid_t gid)
{
	uid_t ru, eu, su;
	gid_t rg, eg, sg;

	if (getresuid(&ru, &eu, &su) == -1 || getresgid(&rg, &eg, &sg) == -1)
		return 0;
	return ru == uid && eu == uid && su == uid && rg == gid && eg == gid &&
	    sg == gid && getgroups(0, NULL) == 0;
}

int
priv_drop(uid_t uid, gid_t gid, const char **step)
{
	*step = "check of the ids";
	if (uid == 0 || gid == 0) {
		errno = EPERM;
		return -1;
	}
	*step = "setgroups";
	if (setgroups(0, NULL) == -1)
		return -1;
	*step = "setresgid";
	if (setresgid(gid, gid, gid) == -1)
		return -1;
	*step = "setresuid";
	if (setresuid(uid, uid, uid) == -1)
		return -1;
	*step = "capset";
	if (caps_clear() == -1)
		return -1;
	*step = "proof that root is gone";
	if (!ids_are(uid, gid) || priv_has_caps() != 0 || setuid(0) != -1 ||
	    setgid(0) != -1) {
		errno = EPERM;
		return -1;
	}
	return 0;
}
