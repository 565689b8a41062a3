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

#ifndef TH_LOG_H
#define TH_LOG_H

#include <sys/cdefs.h>

#include <stdarg.h>
#include <syslog.h>

/*
 * Log lines, "process: text". They go to standard error, to syslog or, from
 * a child that has neither, to the supervisor. Text that came from outside
 * is passed through log_vis() first.
 */

typedef void (*log_sink)(int, const char *);

/* Name of the process, and how much: 0 notices and up, 1 info, 2 debug. */
void log_init(const char *, int);
void log_setverbose(int);
int log_getverbose(void);
/* Where lines go. log_to_sink's function gets the priority and the text. */
void log_to_stderr(void);
void log_to_syslog(void);
void log_to_sink(log_sink);

/* Write a line that another process made, under that process's name. */
void log_forward(int, const char *, const char *);
/* An error without the process's name before it: it begins with a file's. */
void log_plain(const char *, ...) __attribute__((format(printf, 1, 2)));

void log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *, ...) __attribute__((format(printf, 1, 2)));
/* log_warn adds strerror(errno), log_warnx does not. errno is kept. */
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));
/* Start-up and children only: log and exit(1). */
void fatal(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));
void fatalx(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Text made safe for a log line or a terminal by vis(3), cut at 256 bytes.
 * One of four static buffers: good until the fourth call after.
 */
const char *log_vis(const char *);
/* The same for a whole line of another process, which keeps its quotes. */
const char *log_vis_line(const char *);

#endif
