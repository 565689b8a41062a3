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
#include <sys/vfs.h>

#include <linux/magic.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "limit.h"

#define REMOVE_TRIES 200
#define REMOVE_PAUSE_NS 5000000L

static int
is_cgroup2(int fd)
{
	struct statfs sfs;

	if (fstatfs(fd, &sfs) == -1)
		return 0;
	errno = ENOTSUP;
	return sfs.f_type == CGROUP2_SUPER_MAGIC;
}

static int
set_name(struct cgroup *c, const char *uuid)
{
	size_t len = strlen(uuid);

	if (len != MSG_UUID_LEN || strspn(uuid, "0123456789abcdef-") != len) {
		errno = EINVAL;
		return -1;
	}
	memcpy(c->name, uuid, len + 1);
	return 0;
}

int
cgroup_make(struct cgroup *c, const struct msg_exec_job *msg, struct fail *f)
{
	if (!is_cgroup2(c->base))
		return fail_set(f, STAGE_CGROUP, "the base directory");
	if (set_name(c, msg->uuid) == -1)
		return fail_set(f, STAGE_CGROUP, "the name");
	if (mkdirat(c->base, c->name, 0755) == -1)
		return fail_set(f, STAGE_CGROUP, "%s", c->name);
	c->made = 1;
	c->dir = openat(c->base, c->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir == -1)
		return fail_set(f, STAGE_CGROUP, "%s", c->name);
	if ((c->kill = openat(c->dir, "cgroup.kill", O_WRONLY | O_CLOEXEC)) ==
	    -1)
		return fail_set(f, STAGE_CGROUP, "cgroup.kill");
	c->memory = openat(c->dir, "memory.events", O_RDONLY | O_CLOEXEC);
	if (c->memory == -1 && errno != ENOENT)
		return fail_set(f, STAGE_CGROUP, "memory.events");
	return limit_apply(c->dir, msg, f);
}

int
cgroup_kill(const struct cgroup *c)
{
	if (c->kill == -1)
		return 0;
	return write(c->kill, "1", 1) == -1 ? -1 : 0;
}

int
cgroup_remove(struct cgroup *c)
{
	struct timespec pause = { 0, REMOVE_PAUSE_NS };
	int i;

	if (!c->made)
		return 0;
	for (i = 0; i < REMOVE_TRIES; i++) {
		if (unlinkat(c->base, c->name, AT_REMOVEDIR) == 0) {
			c->made = 0;
			return 0;
		}
		if (errno != EBUSY)
			return -1;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* The number behind a word at the start of a line, or 0. */
static unsigned long
counter(const char *text, const char *word)
{
	const char *p;
	size_t len = strlen(word);

	for (p = text; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, word, len) == 0 && p[len] == ' ')
			return strtoul(p + len + 1, NULL, 10);
	}
	return 0;
}

int
cgroup_oom_killed(const struct cgroup *c)
{
	char buf[512];
	ssize_t n;

	if (c->memory == -1)
		return 0;
	if ((n = pread(c->memory, buf, sizeof(buf) - 1, 0)) == -1)
		return 0;
	buf[n] = '\0';
	return counter(buf, "oom_kill") > 0 ||
	    counter(buf, "oom_group_kill") > 0;
}
