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
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "view.h"

#define NONE (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define EMPTY "/dev/shm" /* what hides directories is mounted here first */

/*
 * In this order: EMPTY is covered by the job's own /dev/shm once it has
 * hidden what it has to hide. The sizes are bounds for a job without a
 * memory limit; with one, the pages count there.
 */
struct fs {
	const char *type;
	const char *target;
	unsigned long flags;
	const char *options;
};

static const struct fs fs_first[] = {
	{ "tmpfs", "/tmp", MS_NOSUID | MS_NODEV,
	    "size=256m,nr_inodes=64k,mode=1777" },
	{ "tmpfs", "/var/tmp", MS_NOSUID | MS_NODEV,
	    "size=256m,nr_inodes=64k,mode=1777" },
	{ "tmpfs", "/run", MS_NOSUID | MS_NODEV | MS_NOEXEC,
	    "size=16m,nr_inodes=4k,mode=755" },
	{ "tmpfs", "/dev", MS_NOSUID | MS_NOEXEC,
	    "size=64k,nr_inodes=64,mode=755" },
};

static const struct fs fs_second[] = {
	{ "tmpfs", EMPTY, NONE | MS_RDONLY, "nr_blocks=1,nr_inodes=1,mode=0" },
	{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
	    "newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "proc", "/proc", NONE, "hidepid=2" },
	{ "sysfs", "/sys", NONE | MS_RDONLY, NULL },
	{ "cgroup2", "/sys/fs/cgroup", NONE | MS_RDONLY, NULL },
};

static const struct fs fs_last[] = {
	{ "tmpfs", "/dev/shm", NONE, "size=64m,nr_inodes=16k,mode=1777" },
};

static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

static const struct {
	const char *target, *path;
} dev_links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
	{ "pts/ptmx", "/dev/ptmx" },
};

/* What tells of the host, or acts on it. */
static const char *const masked_dirs[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
};

static const char *const masked_files[] = {
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/timer_list",
	"/proc/timer_stats",
};

static const char *const readonly[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Cut the tree off from the host's, both ways, and take every right to
 * change it or to gain by it, on all mounts that are there now.
 */
static int
restrict_host_tree(struct fail *f)
{
	struct mount_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
	    MOUNT_ATTR_NODEV;
	attr.propagation = MS_PRIVATE;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) ==
	    -1)
		return fail_set(f, STAGE_MOUNT, "host tree read-only");
	return 0;
}

static int
mount_fs(const struct fs *fs, size_t n, struct fail *f)
{
	for (; n > 0; n--, fs++)
		if (mount(fs->type, fs->target, fs->type, fs->flags,
			fs->options) == -1 &&
		    errno != ENOENT)
			return fail_set(f, STAGE_MOUNT, "%s", fs->target);
	return 0;
}

static int
fill_dev(struct fail *f)
{
	size_t i;

	for (i = 0; i < NELEM(devices); i++)
		if (mknod(devices[i].path, S_IFCHR | 0666,
			makedev(devices[i].major, devices[i].minor)) == -1)
			return fail_set(f, STAGE_MOUNT, "%s", devices[i].path);
	for (i = 0; i < NELEM(dev_links); i++)
		if (symlink(dev_links[i].target, dev_links[i].path) == -1)
			return fail_set(f, STAGE_MOUNT, "%s",
			    dev_links[i].path);
	if (mkdir("/dev/pts", 0755) == -1 || mkdir("/dev/shm", 0755) == -1)
		return fail_set(f, STAGE_MOUNT, "/dev");
	return 0;
}

/*
 * Cover files with the null device and directories with the empty one. To try
 * the wrong one first would work too, but costs the kernel a grace period.
 */
static int
mask_file(const char *path, struct fail *f)
{
	if (mount("/dev/null", path, NULL, MS_BIND, NULL) == -1 &&
	    errno != ENOENT)
		return fail_set(f, STAGE_MOUNT, "mask %s", path);
	return 0;
}

static int
mask_dir(const char *path, struct fail *f)
{
	if (mount(EMPTY, path, NULL, MS_BIND, NULL) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR)
		return mask_file(path, f);
	return fail_set(f, STAGE_MOUNT, "mask %s", path);
}

static int
mask_all(const struct msg_exec_job *msg, struct fail *f)
{
	const char *path = (const char *)msg->hide.p;
	uint32_t i;
	size_t j;

	for (j = 0; j < NELEM(masked_dirs); j++)
		if (mask_dir(masked_dirs[j], f) == -1)
			return -1;
	for (j = 0; j < NELEM(masked_files); j++)
		if (mask_file(masked_files[j], f) == -1)
			return -1;
	if (wire_strings_check(&msg->hide, msg->hidec) == -1)
		return fail_set(f, STAGE_MOUNT, "list of directories to hide");
	for (i = 0; i < msg->hidec; i++, path += strlen(path) + 1)
		if (mask_dir(path, f) == -1)
			return -1;
	return 0;
}

static int
make_readonly(const char *path, struct fail *f)
{
	if (mount(path, path, NULL, MS_BIND, NULL) == -1)
		return errno == ENOENT ?
		    0 :
		    fail_set(f, STAGE_MOUNT, "bind %s", path);
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | NONE,
		NULL) == -1)
		return fail_set(f, STAGE_MOUNT, "read-only %s", path);
	return 0;
}

int
view_make(const struct msg_exec_job *msg, struct fail *f)
{
	size_t i;

	if (restrict_host_tree(f) == -1 ||
	    mount_fs(fs_first, NELEM(fs_first), f) == -1 || fill_dev(f) == -1 ||
	    mount_fs(fs_second, NELEM(fs_second), f) == -1 ||
	    mask_all(msg, f) == -1)
		return -1;
	for (i = 0; i < NELEM(readonly); i++)
		if (make_readonly(readonly[i], f) == -1)
			return -1;
	return mount_fs(fs_last, NELEM(fs_last), f);
}
