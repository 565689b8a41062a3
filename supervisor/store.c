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
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "msg.h"
#include "outidx.h"
#include "store.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int jobs_fd = -1;
static int lock_fd = -1;

static const char *const file_names[] = { "output", "index", "exit", "stats" };
#define NFILES (sizeof(file_names) / sizeof(file_names[0]))

/* Open a directory that only root may touch, making it if it is missing. */
static int
private_dir(int at, const char *name)
{
	struct stat st;
	int fd;

	if (mkdirat(at, name, 0700) == -1 && errno != EEXIST) {
		log_warn("state directory %s: mkdir", name);
		return -1;
	}
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode)) {
		log_warnx("state directory %s: is a symbolic link, name the "
			  "directory itself in thd.conf",
		    name);
		return -1;
	}
	if ((fd = openat(at, name, OPEN_DIR)) == -1 || fstat(fd, &st) == -1) {
		log_warn("state directory %s", name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		log_warnx("state directory %s: must belong to root and be "
			  "closed to others (chown root, chmod 700)",
		    name);
		close(fd);
		return -1;
	}
	return fd;
}

static int
take_lock(int dirfd, const char *path)
{
	lock_fd = openat(dirfd, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd == -1) {
		log_warn("%s/lock", path);
		return -1;
	}
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			log_warnx("%s: another thd runs on this state "
				  "directory; stop it, or name another one "
				  "in thd.conf",
			    path);
		else
			log_warn("%s/lock: flock", path);
		return -1;
	}
	return 0;
}

int
store_open(const char *path)
{
	int fd, r;

	if ((fd = private_dir(AT_FDCWD, path)) == -1)
		return -1;
	r = take_lock(fd, path);
	if (r == 0 && (jobs_fd = private_dir(fd, "jobs")) == -1)
		r = -1;
	close(fd);
	return r;
}

static int
job_dir(const char *uuid)
{
	return openat(jobs_fd, uuid, OPEN_DIR);
}

static int
create_file(int dirfd, const char *name)
{
	return openat(dirfd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void
store_files_close(struct store_files *f)
{
	if (f->output != -1)
		close(f->output);
	if (f->index != -1)
		close(f->index);
	if (f->exit != -1)
		close(f->exit);
	f->output = f->index = f->exit = -1;
}

int
store_create(const char *uuid, struct store_files *f)
{
	int fd, saved;

	f->output = f->index = f->exit = -1;
	if (mkdirat(jobs_fd, uuid, 0700) == -1)
		return -1;
	if ((fd = job_dir(uuid)) == -1)
		goto fail;
	f->output = create_file(fd, "output");
	f->index = create_file(fd, "index");
	f->exit = create_file(fd, "exit");
	saved = errno;
	close(fd);
	errno = saved;
	if (f->output != -1 && f->index != -1 && f->exit != -1)
		return 0;
fail:
	saved = errno;
	store_files_close(f);
	(void)store_remove(uuid);
	errno = saved;
	return -1;
}

int
store_read(const char *uuid, const char *name)
{
	int fd, dirfd, saved;

	if ((dirfd = job_dir(uuid)) == -1)
		return -1;
	/* Should it be no file of ours, a fifo would hold us up. */
	fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	saved = errno;
	close(dirfd);
	errno = saved;
	return fd;
}

/* The header of the index; zeros where none has been written yet. */
static void
index_header(int dirfd, struct outidx_header *h)
{
	int fd;

	memset(h, 0, sizeof(*h));
	fd = openat(dirfd, "index", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (pread(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h) ||
	    memcmp(h->magic, OUTIDX_MAGIC, sizeof(h->magic)) != 0)
		memset(h, 0, sizeof(*h));
	close(fd);
}

void
store_output(const char *uuid, struct store_output *out)
{
	struct outidx_header h;
	struct stat st;
	int dirfd;

	memset(out, 0, sizeof(*out));
	if ((dirfd = job_dir(uuid)) == -1)
		return;
	if (fstatat(dirfd, "output", &st, AT_SYMLINK_NOFOLLOW) == 0)
		out->size = st.st_size;
	index_header(dirfd, &h);
	out->first_kept = h.first_kept;
	close(dirfd);
}

int
store_put_stats(const char *uuid, const char *text)
{
	ssize_t n = -1;
	int fd, dirfd, saved;

	if ((dirfd = job_dir(uuid)) == -1)
		return -1;
	if ((fd = create_file(dirfd, "stats")) != -1) {
		n = write(fd, text, strlen(text));
		saved = errno;
		close(fd);
		errno = saved;
	}
	saved = errno;
	close(dirfd);
	errno = saved;
	return n == -1 ? -1 : 0;
}

void
store_get_stats(const char *uuid, char *buf, size_t size)
{
	ssize_t n;
	int fd;

	buf[0] = '\0';
	if ((fd = store_read(uuid, "stats")) == -1)
		return;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n == -1 ? 0 : n] = '\0';
}

int
store_remove(const char *uuid)
{
	size_t i;
	int fd;

	if ((fd = job_dir(uuid)) != -1) {
		for (i = 0; i < NFILES; i++)
			(void)unlinkat(fd, file_names[i], 0);
		close(fd);
	}
	return unlinkat(jobs_fd, uuid, AT_REMOVEDIR);
}
