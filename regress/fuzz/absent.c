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

#include <fcntl.h>
#include <unistd.h>

#include "../../supervisor/cgroup.h"
#include "../../supervisor/conf.h"
#include "../../supervisor/disk.h"
#include "../../supervisor/listen.h"
#include "../../supervisor/store.h"

#include "fuzz.h"

/*
 * What the supervisor has of files, cgroups and listening sockets, for the
 * fuzzer of its request path: always there, and empty.
 */

static int
any_fd(void)
{
	static int null_fd = -1;

	if (null_fd == -1)
		MUST((null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1);
	return fcntl(null_fd, F_DUPFD_CLOEXEC, 0);
}

int
store_create(const char *uuid, struct store_files *f)
{
	(void)uuid;
	f->output = any_fd();
	f->index = any_fd();
	f->exit = any_fd();
	return 0;
}

void
store_files_close(struct store_files *f)
{
	close(f->output);
	close(f->index);
	close(f->exit);
}

int
store_read(const char *uuid, const char *name)
{
	(void)uuid;
	(void)name;
	return any_fd();
}

void
store_output(const char *uuid, struct store_output *out)
{
	(void)uuid;
	memset(out, 0, sizeof(*out));
}

int
store_put_stats(const char *uuid, const char *text)
{
	(void)uuid;
	(void)text;
	return 0;
}

void
store_get_stats(const char *uuid, char *buf, size_t size)
{
	(void)uuid;
	snprintf(buf, size, "cpu.stat.usage_usec 1\n");
}

int
store_remove(const char *uuid)
{
	(void)uuid;
	return 0;
}

int
cgroup_open(const struct cgroup_base *b, const char *uuid)
{
	(void)b;
	(void)uuid;
	return any_fd();
}

int
cgroup_kill(int fd)
{
	(void)fd;
	return 0;
}

int
cgroup_populated(int fd)
{
	(void)fd;
	return 0;
}

int
cgroup_remove(const struct cgroup_base *b, const char *uuid)
{
	(void)b;
	(void)uuid;
	return 0;
}

void
cgroup_stats(int fd, char *buf, size_t size)
{
	(void)fd;
	snprintf(buf, size, "cpu.stat.usage_usec 1\n");
}

uint32_t
disk_list(const uint8_t **p, uint32_t *len)
{
	*p = (const uint8_t *)"8:0";
	*len = 4;
	return 1;
}

int
listen_open(const struct conf *conf, const struct listeners *old,
    struct listeners *ls)
{
	(void)conf;
	(void)old;
	(void)ls;
	return 0;
}

void
listen_close(struct listeners *ls)
{
	(void)ls;
}

int
listen_tls_check(const struct conf *conf)
{
	(void)conf;
	return 0;
}

int
listen_tls_files(const struct conf *conf, int *fds)
{
	(void)conf;
	fds[0] = any_fd();
	fds[1] = any_fd();
	fds[2] = any_fd();
	return 0;
}
