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

#ifndef TH_VERBS_H
#define TH_VERBS_H

#include "thctl.h"

/*
 * The one table of verbs: the parser, `thctl help` and the completion all
 * come from it.
 */

/* Which options a verb takes, as bits of the option table. */
#define OPT_CONNECT 0x001 /* server, cert, key, ca */
#define OPT_JSON 0x002
#define OPT_SPEC 0x004 /* env, cwd, class, label, ... */
#define OPT_WATCH 0x008 /* offset, no-follow */
#define OPT_TIMEOUT 0x010
#define OPT_ISSUE 0x020 /* client, host, days */
#define OPT_ALWAYS 0x040 /* quiet, help */
#define OPT_GLOBAL 0x080 /* version: only before the verb */

struct verb {
	const char *name;
	const char *synopsis; /* after the name */
	const char *summary; /* one line */
	const char *text; /* paragraphs */
	unsigned int options; /* OPT_ bits, ALWAYS is understood */
	int min_operands;
	int max_operands; /* -1: any number */
	int (*run)(const struct options *, const struct operands *);
};

struct option_desc {
	int letter; /* short form, or 0 */
	const char *name; /* long form */
	const char *argument; /* its name, or NULL */
	unsigned int group; /* OPT_ bit */
	const char *text;
	/* Store the value; 0, or -1 if it is not acceptable. */
	int (*set)(struct options *, const char *);
};

extern const struct verb verbs[];
extern const size_t nverbs;
extern const struct option_desc option_table[];
extern const size_t noptions;

/* Find a verb; NULL if there is none of that name. */
const struct verb *verb_find(const char *);
/* The name of the verb nearest to a misspelt one, or NULL. */
const char *verb_nearest(const char *);

/*
 * Take options from the front of argv until the first operand, "--" or the
 * end. verb may be NULL: only those in groups CONNECT, JSON,
 * ALWAYS and GLOBAL.
 * Returns how many words were taken, or -1 after a message.
 */
int options_parse(struct options *, const struct verb *, int, char **);

/* The OPT_ bits of a verb, or of what stands before the verb for NULL. */
unsigned int options_of(const struct verb *);

/* help.c */
void help_all(void);
void help_verb(const struct verb *);
int verb_help(const struct options *, const struct operands *);
int verb_completion(const struct options *, const struct operands *);

/* jobs.c and run.c */
int verb_start(const struct options *, const struct operands *);
int verb_run(const struct options *, const struct operands *);
int verb_stop(const struct options *, const struct operands *);
int verb_status(const struct options *, const struct operands *);
int verb_watch(const struct options *, const struct operands *);
int verb_wait(const struct options *, const struct operands *);
int verb_version(const struct options *, const struct operands *);
int verb_pki(const struct options *, const struct operands *);

#endif
