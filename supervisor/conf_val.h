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

#ifndef TH_CONF_VAL_H
#define TH_CONF_VAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The keys of thd.conf that hold one value, as tables: what the value looks
 * like, where it is kept, its range and what is shipped. Reading, printing
 * and the defaults all walk these tables.
 */

enum val_type {
	VAL_PATH, /* char *, absolute; NULL: not set */
	VAL_USER, /* struct conf_user */
	VAL_WORD, /* unsigned int, an index into words */
	VAL_UINT, /* unsigned int */
	VAL_SEC, /* unsigned int, a duration */
	VAL_MSEC, /* the same */
	VAL_USEC, /* uint64_t, a duration */
	VAL_U64, /* uint64_t */
	VAL_SIZE /* uint64_t, bytes */
};

struct val_key {
	const char *name; /* as it is written in the file */
	enum val_type type;
	size_t off; /* in struct conf or struct conf_class */
	uint64_t min;
	uint64_t max;
	int can_unlimited; /* does it take "unlimited"? */
	uint64_t unlimited; /* what that is kept as */
	const char *const *words; /* VAL_WORD; NULL ends them */
	const char *def; /* in the language of the file; NULL: not set */
};

/* Keys of struct conf. */
enum {
	KEY_STATE_DIR,
	KEY_RUN_DIR,
	KEY_CERT,
	KEY_KEY,
	KEY_CA,
	KEY_CGROUP,
	KEY_FRONT_USER,
	KEY_RELAY_USER,
	KEY_JOB_USER,
	KEY_LIMITS,
	KEY_ON_STOP,
	KEY_WORKERS,
	KEY_MAX_CONNECTIONS,
	KEY_MAX_PER_ADDRESS,
	KEY_MAX_PER_IDENTITY,
	KEY_MAX_HALF_OPEN,
	KEY_MAX_STREAMS,
	KEY_HANDSHAKE_TIMEOUT,
	KEY_COUNT
};

/* Keys of struct conf_class. */
enum {
	CLASS_CPU_QUOTA,
	CLASS_CPU_PERIOD,
	CLASS_MEMORY_MAX,
	CLASS_MEMORY_HIGH,
	CLASS_MEMORY_SWAP,
	CLASS_OOM_GROUP,
	CLASS_PIDS_MAX,
	CLASS_IO_READ,
	CLASS_IO_WRITE,
	CLASS_IO_READ_OPS,
	CLASS_IO_WRITE_OPS,
	CLASS_STOP_GRACE,
	CLASS_COUNT
};

extern const struct val_key conf_keys[KEY_COUNT];
extern const struct val_key class_keys[CLASS_COUNT];

/*
 * Set the key from its text in the struct at base. Returns 0, or -1 with
 * what is wrong and what is expected in the buffer; nothing is changed then.
 */
int val_set(void *, const struct val_key *, const char *, char *, size_t);

/* Print the value so that val_set() reads it back. */
void val_print(const void *, const struct val_key *, FILE *);

/* Is there anything to print? */
int val_isset(const void *, const struct val_key *);

/* Set n keys to their defaults; 0, or -1 if memory is short. */
int val_defaults(void *, const struct val_key *, size_t);

/* Free what the n keys hold. */
void val_free(void *, const struct val_key *, size_t);

/* A decimal number of digits alone, min to max. 0 or -1. */
int val_number(const char *, uint64_t, uint64_t, uint64_t *);

/* Copy an absolute path. 0, or -1 with the reason in the buffer. */
int val_path(char **, const char *, char *, size_t);

/* Is it 1 to max bytes of letters, digits and the extra characters? */
int val_isname(const char *, size_t, const char *);

/* Print in double quotes, with what the lexer needs escaped. */
void val_quote(const char *, FILE *);

#endif
