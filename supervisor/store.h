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

#ifndef TH_STORE_H
#define TH_STORE_H

#include <sys/types.h>

#include <stdint.h>

/*
 * The state directory: <state>/jobs/<uuid>/{output,index,exit,stats}, all of
 * it root's and closed to others.
 */

/* What a job writes to; close-on-exec. */
struct store_files {
	int output;
	int index;
	int exit;
};

/*
 * Open the directory, making it if need be, and lock it. A directory that
 * is not root's, or open to group or others, is refused. Returns 0, or -1
 * after a message.
 */
int store_open(const char *);

/*
 * Make the directory and the files of a new job. Returns 0 and descriptors
 * that are the caller's, or -1 with errno.
 */
int store_create(const char *, struct store_files *);
void store_files_close(struct store_files *);

/* Open "output", "index" or "stats" of a job for reading, anew. fd or -1. */
int store_read(const char *, const char *);

/* What there is of a job's output now. */
struct store_output {
	uint64_t size; /* bytes written in all */
	uint64_t first_kept; /* offset of the first that is still there */
};
void store_output(const char *, struct store_output *);

/*
 * Keep the final statistics, in a file that nobody else ever had open. Returns
 * 0, or -1 with errno.
 */
int store_put_stats(const char *, const char *);
/* Read them into the buffer; empty if there are none. */
void store_get_stats(const char *, char *, size_t);

/* Remove a job's directory with all in it. Returns 0, or -1 with errno. */
int store_remove(const char *);

#endif
