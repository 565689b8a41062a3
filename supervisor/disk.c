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

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"

#define SYS_BLOCK "/sys/block"
#define BLOCK_MAX (16 * 1024)

static char block[BLOCK_MAX];
static uint32_t block_len, count;
static time_t read_at = -1;

static int
attribute(const char *disk, const char *name, char *buf, size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/%s", disk, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static void
add_disk(const char *disk)
{
	char dev[32], size[32];
	size_t len;

	if (disk[0] == '.' || strncmp(disk, "loop", 4) == 0 ||
	    strncmp(disk, "ram", 3) == 0)
		return;
	if (attribute(disk, "size", size, sizeof(size)) == -1 ||
	    strcmp(size, "0") == 0 ||
	    attribute(disk, "dev", dev, sizeof(dev)) == -1)
		return;
	len = strlen(dev) + 1;
	if (block_len + len > sizeof(block))
		return;
	memcpy(block + block_len, dev, len);
	block_len += len;
	count++;
}

static void
scan(void)
{
	struct dirent *de;
	DIR *dir;

	block_len = count = 0;
	if ((dir = opendir(SYS_BLOCK)) == NULL)
		return;
	while ((de = readdir(dir)) != NULL)
		add_disk(de->d_name);
	closedir(dir);
}

uint32_t
disk_list(const uint8_t **p, uint32_t *len)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != read_at) {
		scan();
		read_at = now.tv_sec;
	}
	*p = (const uint8_t *)block;
	*len = block_len;
	return count;
}
