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

#ifndef TH_THCTL_H
#define TH_THCTL_H

#include <stddef.h>
#include <stdint.h>

/* Exit codes, as thctl(8) lists them. */
#define EXIT_OK 0
#define EXIT_REFUSED 1 /* refused, failed or not found */
#define EXIT_USAGE 2
#define EXIT_DEADLINE 124
#define EXIT_DAEMON 125 /* no answer from the daemon, or output cut */
#define EXIT_NOEXEC 126
#define EXIT_NOTFOUND 127

#define API_PACKAGE "drrev.telehandler.foreman.v1alpha1"

/* Where the daemon is and how to prove who we are. */
struct settings {
	const char *server; /* HOST:PORT, unix:PATH */
	const char *cert;
	const char *key;
	const char *ca;
};

/* All that options can say; one struct for all verbs. */
struct options {
	struct settings set;
	int json;
	int quiet;
	int help;
	int version;
	const char **env; /* NAME=VALUE */
	size_t nenv;
	const char **labels; /* KEY=VALUE */
	size_t nlabels;
	const char *cwd;
	const char *class;
	const char *parent;
	int64_t grace_ms; /* -1: not given */
	int64_t timeout_ms; /* -1: not given */
	uint64_t offset;
	int no_follow;
	/* pki issue */
	int client;
	const char **hosts;
	size_t nhosts;
	unsigned int days;
};

/* Operands that are left after the options. */
struct operands {
	int argc;
	char **argv;
};

/*
 * settings.c: fill in what the flags left open, from the environment, the
 * file, the defaults. The texts stay until the next call. Ends the program
 * with EXIT_USAGE on a faulty file.
 */
void settings_complete(struct settings *);

/* A duration, "90s", "1m30s", "500ms", in milliseconds; -1 if it is none. */
int64_t parse_duration(const char *);

/* Text made safe for a terminal; one of four static buffers. */
const char *safe(const char *);

#endif
