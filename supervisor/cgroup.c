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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "log.h"
#include "msg.h"

static const struct {
	unsigned int bit;
	const char *name;
} controllers[] = {
	{ CTL_CPU, "cpu" },
	{ CTL_IO, "io" },
	{ CTL_MEMORY, "memory" },
	{ CTL_PIDS, "pids" },
};
#define NCONTROLLERS (sizeof(controllers) / sizeof(controllers[0]))

static int
read_file(int dirfd, const char *name, char *buf, size_t size)
{
	ssize_t n;
	int fd;

	if ((fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n == -1)
		return -1;
	buf[n] = '\0';
	return 0;
}

static int
write_file(int dirfd, const char *name, const char *text)
{
	ssize_t n;
	int fd, saved;

	if ((fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC)) == -1)
		return -1;
	n = write(fd, text, strlen(text));
	saved = errno;
	close(fd);
	errno = saved;
	return n == -1 ? -1 : 0;
}

const char *
cgroup_names(unsigned int mask)
{
	static char buf[64];
	size_t i;

	buf[0] = '\0';
	for (i = 0; i < NCONTROLLERS; i++) {
		if ((mask & controllers[i].bit) == 0)
			continue;
		if (buf[0] != '\0')
			strlcat(buf, " ", sizeof(buf));
		strlcat(buf, controllers[i].name, sizeof(buf));
	}
	return buf;
}

/* The mount point of the cgroup2 file system, from /proc/self/mountinfo. */
static char *
find_mount(void)
{
	char *line = NULL, *found = NULL, *mnt, *sep, *save;
	size_t size = 0;
	FILE *f;
	int i;

	if ((f = fopen("/proc/self/mountinfo", "re")) == NULL)
		return NULL;
	while (found == NULL && getline(&line, &size, f) != -1) {
		if ((sep = strstr(line, " - ")) == NULL ||
		    strncmp(sep + 3, "cgroup2 ", 8) != 0)
			continue;
		mnt = strtok_r(line, " ", &save);
		for (i = 0; mnt != NULL && i < 4; i++)
			mnt = strtok_r(NULL, " ", &save);
		if (mnt != NULL)
			found = strdup(mnt);
	}
	free(line);
	fclose(f);
	return found;
}

static int
open_group(int dirfd, const char *path)
{
	struct statfs sfs;
	int fd;

	fd = openat(dirfd, path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstatfs(fd, &sfs) == -1 || sfs.f_type != CGROUP2_SUPER_MAGIC) {
		close(fd);
		errno = ENOTSUP;
		return -1;
	}
	return fd;
}

/* Which of our controllers does the list in that file name? */
static unsigned int
listed(int dirfd, const char *file)
{
	char buf[512], *word, *save;
	unsigned int mask = 0;
	size_t i;

	if (read_file(dirfd, file, buf, sizeof(buf)) == -1)
		return 0;
	for (word = strtok_r(buf, " \n", &save); word != NULL;
	     word = strtok_r(NULL, " \n", &save))
		for (i = 0; i < NCONTROLLERS; i++)
			if (strcmp(word, controllers[i].name) == 0)
				mask |= controllers[i].bit;
	return mask;
}

/* Hand the controllers down, one by one: each may be missing by itself. */
static unsigned int
enable(int dirfd)
{
	unsigned int have, on;
	char text[16];
	size_t i;

	have = listed(dirfd, "cgroup.controllers");
	on = listed(dirfd, "cgroup.subtree_control");
	for (i = 0; i < NCONTROLLERS; i++) {
		if ((have & ~on & controllers[i].bit) == 0)
			continue;
		snprintf(text, sizeof(text), "+%s", controllers[i].name);
		if (write_file(dirfd, "cgroup.subtree_control", text) == -1)
			log_warn("cgroup.subtree_control: %s", text);
	}
	return listed(dirfd, "cgroup.subtree_control");
}

/* The unit's holder process must leave the group that gets subgroups. */
static int
move_holder(int basefd)
{
	char pids[4096], *pid, *save;
	int fd, r = 0;

	if (read_file(basefd, "cgroup.procs", pids, sizeof(pids)) == -1)
		return -1;
	if (pids[0] == '\0')
		return 0;
	if (mkdirat(basefd, "holder", 0755) == -1 && errno != EEXIST)
		return -1;
	if ((fd = open_group(basefd, "holder")) == -1)
		return -1;
	for (pid = strtok_r(pids, "\n", &save); pid != NULL;
	     pid = strtok_r(NULL, "\n", &save))
		if (write_file(fd, "cgroup.procs", pid) == -1)
			r = -1;
	close(fd);
	return r;
}

static char *
default_path(const char *mount)
{
	static const char unit[] = "system.slice/thd-jobs.service";
	char *path;

	if (asprintf(&path, "%s/%s", mount, unit) == -1)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return asprintf(&path, "%s/thd", mount) == -1 ? NULL : path;
}

static int
enable_parent(const char *path)
{
	char *parent, *slash;
	int fd;

	if ((parent = strdup(path)) == NULL)
		return -1;
	if ((slash = strrchr(parent, '/')) != NULL && slash != parent)
		*slash = '\0';
	fd = open_group(AT_FDCWD, parent);
	free(parent);
	if (fd == -1)
		return -1;
	enable(fd);
	close(fd);
	return 0;
}

static int
base_prepare(struct cgroup_base *base)
{
	if (enable_parent(base->path) == -1) {
		log_warn("cgroup %s: the parent is no cgroup v2 directory",
		    base->path);
		return -1;
	}
	if (mkdir(base->path, 0755) == -1 && errno != EEXIST) {
		log_warn("cgroup %s: mkdir", base->path);
		return -1;
	}
	if ((base->fd = open_group(AT_FDCWD, base->path)) == -1) {
		log_warn("cgroup %s", base->path);
		return -1;
	}
	if (move_holder(base->fd) == -1) {
		log_warn("cgroup %s: move the holder process", base->path);
		return -1;
	}
	base->controllers = enable(base->fd);
	return 0;
}

int
cgroup_base_open(struct cgroup_base *base, const char *path)
{
	char *mount = NULL;

	memset(base, 0, sizeof(*base));
	base->fd = -1;
	if (path != NULL) {
		base->path = strdup(path);
	} else {
		if ((mount = find_mount()) == NULL) {
			log_warnx("no cgroup v2 file system is mounted: mount "
				  "one (mount -t cgroup2 none /sys/fs/cgroup) "
				  "or boot with "
				  "systemd.unified_cgroup_hierarchy=1");
			return -1;
		}
		base->path = default_path(mount);
		free(mount);
	}
	if (base->path == NULL) {
		log_warn("cgroup");
		return -1;
	}
	if (base_prepare(base) == -1)
		return -1;
	if (faccessat(base->fd, "cgroup.kill", W_OK, 0) == -1) {
		log_warnx("cgroup %s has no cgroup.kill: Linux 5.14 or later "
			  "is needed",
		    base->path);
		return -1;
	}
	return 0;
}

unsigned int
cgroup_sweep(const struct cgroup_base *base)
{
	struct dirent *de;
	unsigned int left = 0;
	DIR *dir;
	int fd;

	if ((fd = openat(base->fd, ".", O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return 0;
	}
	while ((de = readdir(dir)) != NULL) {
		if (de->d_type != DT_DIR || strlen(de->d_name) != MSG_UUID_LEN)
			continue;
		if (cgroup_remove(base, de->d_name) == -1)
			left++;
	}
	closedir(dir);
	return left;
}

int
cgroup_open(const struct cgroup_base *base, const char *name)
{
	return open_group(base->fd, name);
}

int
cgroup_kill(int fd)
{
	return write_file(fd, "cgroup.kill", "1");
}

int
cgroup_populated(int fd)
{
	char buf[256], *p;

	if (read_file(fd, "cgroup.events", buf, sizeof(buf)) == -1)
		return -1;
	if ((p = strstr(buf, "populated ")) == NULL) {
		errno = EPROTO;
		return -1;
	}
	return p[strlen("populated ")] != '0';
}

int
cgroup_remove(const struct cgroup_base *base, const char *name)
{
	if (unlinkat(base->fd, name, AT_REMOVEDIR) == -1 && errno != ENOENT)
		return -1;
	return 0;
}
