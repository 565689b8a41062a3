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

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "limit.h"

#define VALUE_MAX 160
#define IO_MAX_SIZE (64 * 1024)

enum limit_form {
	FORM_ZERO, /* always 0 */
	FORM_COUNT,
	FORM_BYTES, /* the kernel rounds down to whole pages */
	FORM_FLAG,
	FORM_CPU /* "quota period" */
};

#define AT(member) offsetof(struct msg_limits, member)

/* One value a file. Those without a controller are for every cgroup. */
static const struct limit {
	const char *file;
	uint8_t controller; /* CTL_ bit, 0 for none */
	enum limit_form form;
	size_t offset;
} limits[] = {
	{ "cgroup.max.descendants", 0, FORM_ZERO, 0 },
	{ "cpu.max", CTL_CPU, FORM_CPU, AT(cpu_quota) },
	{ "memory.high", CTL_MEMORY, FORM_BYTES, AT(memory_high) },
	{ "memory.max", CTL_MEMORY, FORM_BYTES, AT(memory_max) },
	{ "memory.swap.max", CTL_MEMORY, FORM_BYTES, AT(memory_swap_max) },
	{ "memory.oom.group", CTL_MEMORY, FORM_FLAG, AT(memory_oom_group) },
	{ "pids.max", CTL_PIDS, FORM_COUNT, AT(pids_max) },
};
#define NLIMITS (sizeof(limits) / sizeof(limits[0]))

/* The words of an io.max line. */
static const struct {
	const char *word;
	size_t offset;
} io_words[] = {
	{ "rbps", AT(io_rbps) },
	{ "wbps", AT(io_wbps) },
	{ "riops", AT(io_riops) },
	{ "wiops", AT(io_wiops) },
};
#define NIO_WORDS (sizeof(io_words) / sizeof(io_words[0]))

static uint64_t
member_u64(const struct msg_limits *v, size_t offset)
{
	uint64_t n;

	memcpy(&n, (const char *)v + offset, sizeof(n));
	return n;
}

static void
put_count(uint64_t v, char *buf, size_t size)
{
	if (v == UINT64_MAX)
		strlcpy(buf, "max", size);
	else
		snprintf(buf, size, "%" PRIu64, v);
}

void
limit_bytes(uint64_t v, char *buf, size_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	/* More pages than the kernel's counter holds is no limit to it. */
	if (v / page >= LONG_MAX / page)
		v = UINT64_MAX;
	else
		v -= v % page;
	put_count(v, buf, size);
}

static void
put_limit(const struct limit *l, const struct msg_limits *v, char *buf,
    size_t size)
{
	const char *member = (const char *)v + l->offset;
	char quota[32];

	switch (l->form) {
	case FORM_ZERO:
		strlcpy(buf, "0", size);
		break;
	case FORM_FLAG:
		strlcpy(buf, *(const uint8_t *)member ? "1" : "0", size);
		break;
	case FORM_COUNT:
		put_count(member_u64(v, l->offset), buf, size);
		break;
	case FORM_BYTES:
		limit_bytes(member_u64(v, l->offset), buf, size);
		break;
	case FORM_CPU:
		put_count(v->cpu_quota, quota, sizeof(quota));
		snprintf(buf, size, "%s %" PRIu64, quota, v->cpu_period);
		break;
	}
}

/* Read a file from its start into a string without the last newline. */
static int
read_back(int fd, char *buf, size_t size)
{
	ssize_t n;
	size_t len = 0;

	while ((n = pread(fd, buf + len, size - 1 - len, len)) > 0)
		len += n;
	if (n == -1)
		return -1;
	if (len == size - 1) {
		errno = EOVERFLOW;
		return -1;
	}
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return 0;
}

static int
apply_one(int dirfd, const struct limit *l, const struct msg_limits *v,
    struct fail *f)
{
	char want[VALUE_MAX], have[VALUE_MAX];
	int fd, r = -1;

	put_limit(l, v, want, sizeof(want));
	if ((fd = openat(dirfd, l->file, O_RDWR | O_CLOEXEC)) == -1)
		return fail_set(f, STAGE_LIMITS, "%s", l->file);
	if (write(fd, want, strlen(want)) == -1 ||
	    read_back(fd, have, sizeof(have)) == -1) {
		fail_set(f, STAGE_LIMITS, "%s", l->file);
	} else if (strcmp(want, have) != 0) {
		errno = EIO;
		fail_set(f, STAGE_LIMITS, "%s: wrote %s, reads %s", l->file,
		    want, have);
	} else {
		r = 0;
	}
	close(fd);
	return r;
}

/* The next word of a line, and how long it is; 0 at the end. */
static size_t
next_word(const char **s)
{
	*s += strspn(*s, " ");
	return strcspn(*s, " \n");
}

static int
line_has(const char *line, const char *word, size_t len)
{
	size_t n;

	for (; (n = next_word(&line)) > 0; line += n)
		if (n == len && strncmp(line, word, len) == 0)
			return 1;
	return 0;
}

int
limit_io_holds(const char *text, const char *want)
{
	const char *line, *eol;
	size_t dev = strcspn(want, " "), n;

	for (line = text; *line != '\0'; line = *eol == '\0' ? eol : eol + 1) {
		eol = line + strcspn(line, "\n");
		if (strncmp(line, want, dev) != 0 || line[dev] != ' ')
			continue;
		for (; (n = next_word(&want)) > 0; want += n)
			if (!line_has(line, want, n))
				return 0;
		return 1;
	}
	return 0;
}

static void
put_io(const struct msg_limits *v, const char *disk, char *buf, size_t size)
{
	char value[32];
	size_t i, len;

	strlcpy(buf, disk, size);
	for (i = 0; i < NIO_WORDS; i++) {
		put_count(member_u64(v, io_words[i].offset), value,
		    sizeof(value));
		len = strlen(buf);
		snprintf(buf + len, size - len, " %s=%s", io_words[i].word,
		    value);
	}
}

/* One disk. The kernel takes one line a write. */
static int
apply_disk(int fd, const struct msg_limits *v, const char *disk, struct fail *f)
{
	static char have[IO_MAX_SIZE];
	char want[VALUE_MAX];

	put_io(v, disk, want, sizeof(want));
	if (write(fd, want, strlen(want)) == -1) {
		/* It was taken out since the supervisor looked. */
		if (errno == ENODEV)
			return 0;
		return fail_set(f, STAGE_LIMITS, "io.max: %s", want);
	}
	if (read_back(fd, have, sizeof(have)) == -1)
		return fail_set(f, STAGE_LIMITS, "io.max");
	if (!limit_io_holds(have, want)) {
		errno = EIO;
		return fail_set(f, STAGE_LIMITS,
		    "io.max: wrote %s, which does not read back", want);
	}
	return 0;
}

static int
io_limited(const struct msg_limits *v)
{
	size_t i;

	for (i = 0; i < NIO_WORDS; i++)
		if (member_u64(v, io_words[i].offset) != MSG_UNLIMITED)
			return 1;
	return 0;
}

static int
apply_io(int dirfd, const struct msg_exec_job *msg, struct fail *f)
{
	const char *disk = (const char *)msg->disks.p;
	uint32_t i;
	int fd, r = 0;

	if (wire_strings_check(&msg->disks, msg->diskc) == -1)
		return fail_set(f, STAGE_LIMITS, "list of disks");
	if (msg->diskc == 0 || !io_limited(&msg->limits))
		return 0;
	if ((fd = openat(dirfd, "io.max", O_RDWR | O_CLOEXEC)) == -1)
		return fail_set(f, STAGE_LIMITS, "io.max");
	for (i = 0; r == 0 && i < msg->diskc; i++, disk += strlen(disk) + 1)
		r = apply_disk(fd, &msg->limits, disk, f);
	close(fd);
	return r;
}

int
limit_apply(int dirfd, const struct msg_exec_job *msg, struct fail *f)
{
	const struct limit *l;
	size_t i;

	for (i = 0; i < NLIMITS; i++) {
		l = &limits[i];
		if (l->controller != 0 &&
		    (msg->controllers & l->controller) == 0)
			continue;
		if (apply_one(dirfd, l, &msg->limits, f) == -1)
			return -1;
	}
	if (msg->controllers & CTL_IO)
		return apply_io(dirfd, msg, f);
	return 0;
}
