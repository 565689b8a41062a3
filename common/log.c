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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <vis.h>

#include "log.h"

#define LINE_MAX_LEN 900

static const char *procname = "thd";
static int verbose;
static log_sink sink;
static enum {
	TO_STDERR,
	TO_SYSLOG,
	TO_SINK
} target;
static int with_level; /* stderr is the journal: "<3>" before each line */

void
log_init(const char *name, int v)
{
	procname = name;
	verbose = v;
}

void
log_setverbose(int v)
{
	verbose = v;
}

int
log_getverbose(void)
{
	return verbose;
}

/*
 * Is standard error the journal's? The variable may have been inherited by
 * one whose standard error is elsewhere, so it names the device and inode.
 */
static int
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	    st.st_ino == ino;
}

void
log_to_stderr(void)
{
	target = TO_STDERR;
	with_level = stderr_is_journal();
}

void
log_to_syslog(void)
{
	target = TO_SYSLOG;
	openlog("thd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
log_to_sink(log_sink fn)
{
	target = TO_SINK;
	sink = fn;
}

static void
put_line(int pri, const char *name, const char *sep, const char *text)
{
	char level[8] = "";

	if (target == TO_SYSLOG) {
		syslog(pri, "%s%s%s", name, sep, text);
		return;
	}
	if (with_level)
		snprintf(level, sizeof(level), "<%d>", pri);
	fprintf(stderr, "%s%s%s%s\n", level, name, sep, text);
}

void
log_forward(int pri, const char *name, const char *text)
{
	put_line(pri, name, ": ", text);
}

void
log_plain(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		return;
	put_line(LOG_ERR, "", "", text);
	free(text);
}

static void vlog(int pri, int err, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void
vlog(int pri, int err, const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	int n, saved = errno;

	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(line) && err != 0)
		snprintf(line + n, sizeof(line) - n, ": %s", strerror(err));
	if (target == TO_SINK)
		sink(pri, line);
	else
		log_forward(pri, procname, line);
	errno = saved;
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (verbose < 2)
		return;
	va_start(ap, fmt);
	vlog(LOG_DEBUG, 0, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	if (verbose < 1)
		return;
	va_start(ap, fmt);
	vlog(LOG_INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_notice(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_NOTICE, 0, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_WARNING, errno, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_WARNING, 0, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_ERR, errno, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_ERR, 0, fmt, ap);
	va_end(ap);
	exit(1);
}

/* Is it a name without anything that vis(3) would change? Most are. */
static int
is_plain(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
			(s[i] >= 'A' && s[i] <= 'Z') ||
			(s[i] >= '-' && s[i] <= ':') || s[i] == '_' ||
			s[i] == '@'))
			return 0;
	return 1;
}

const char *
log_vis(const char *s)
{
	static char bufs[4][4 * 256 + 1];
	static unsigned int next;
	char *buf = bufs[next++ % 4];
	size_t len = strnlen(s, 256);

	if (is_plain(s, len)) {
		memcpy(buf, s, len);
		buf[len] = '\0';
		return buf;
	}
	strnvisx(buf, sizeof(bufs[0]), s, len,
	    VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_DQ);
	return buf;
}

const char *
log_vis_line(const char *s)
{
	static char buf[4 * LINE_MAX_LEN + 1];

	strnvisx(buf, sizeof(buf), s, strnlen(s, LINE_MAX_LEN),
	    VIS_OCTAL | VIS_NL | VIS_TAB | VIS_NOSLASH);
	return buf;
}
