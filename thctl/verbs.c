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

#include <string.h>

#include "verbs.h"

#define JOB_TEXT                                                               \
	"A job is named by its uuid, or in full: users/USER/jobs/UUID.\n"

const struct verb verbs[] = {
	{ "start", "[options] [--] COMMAND [ARGUMENT ...]",
	    "start a job and print its uuid",
	    "Starts COMMAND on the host of the daemon, in a control group of "
	    "its own and under\n"
	    "the limits of its class. COMMAND is a path, or a name that is "
	    "looked up in PATH;\n"
	    "no shell is in between. What follows COMMAND belongs to it. "
	    "Prints the uuid of\n"
	    "the job once the command has been executed.\n",
	    OPT_CONNECT | OPT_JSON | OPT_SPEC, 1, -1, verb_start },
	{ "run", "[options] [--] COMMAND [ARGUMENT ...]",
	    "start a job, show its output, exit with its code",
	    "As start and watch in one, and then exits with the exit code of "
	    "the job: 128+N if\n"
	    "signal N ended it, 124 if its time was up, 126 if COMMAND cannot "
	    "be executed, 127\n"
	    "if there is none, 125 if the daemon failed or the output was "
	    "cut.\n"
	    "\n"
	    "The first interrupt (Ctrl-C) stops the job, which has its grace "
	    "to end in; the\n"
	    "second leaves it alone and exits: it goes on, and watch shows "
	    "the rest.\n",
	    OPT_CONNECT | OPT_SPEC, 1, -1, verb_run },
	{ "stop", "[options] JOB ...", "stop jobs with all their processes",
	    "Sends the stop signal, waits for the grace of the job, and "
	    "kills what is left.\n"
	    "Returns when nothing of the job is left. A job that has ended is "
	    "left as it is.\n"
	    "Exits with 1 if one of several failed.\n"
	    "\n" JOB_TEXT,
	    OPT_CONNECT, 1, -1, verb_stop },
	{ "status", "[options] JOB ...", "print the state and usage of jobs",
	    "Prints the state of each job, what else is known about it, and "
	    "what it uses, under\n"
	    "the names that the kernel has for it. Exits with 1 if one of "
	    "several failed.\n"
	    "\n" JOB_TEXT,
	    OPT_CONNECT | OPT_JSON, 1, -1, verb_status },
	{ "watch", "[options] JOB", "show the output of a job and follow it",
	    "Writes the output of the job from its first byte on, as it was "
	    "written, and follows\n"
	    "it until the job ends. Exits with 0 at the end of the output, "
	    "with 125 if it was\n"
	    "cut before.\n"
	    "\n" JOB_TEXT,
	    OPT_CONNECT | OPT_WATCH, 1, 1, verb_watch },
	{ "wait", "[options] JOB ...", "wait for jobs to end",
	    "Waits until each job has ended, prints its state and exit code, "
	    "and exits with\n"
	    "that code; with the first that is not 0 if there are several. "
	    "Exits with 124 when\n"
	    "the time of --timeout is up: the jobs go on.\n"
	    "\n" JOB_TEXT,
	    OPT_CONNECT | OPT_JSON | OPT_TIMEOUT, 1, -1, verb_wait },
	{ "pki", "init DIR | issue DIR NAME [options]",
	    "make certificates, with an authority of your own",
	    "init makes the directory DIR with a certificate authority in it: "
	    "ca.pem and\n"
	    "ca-key.pem. issue makes DIR/NAME.pem and DIR/NAME-key.pem: with "
	    "--client for the\n"
	    "user NAME, with --server for a daemon. Nothing is ever "
	    "overwritten. Keep\n"
	    "ca-key.pem away from the hosts that use the certificates.\n",
	    OPT_ISSUE, 2, -1, verb_pki },
	{ "version", "[options]", "print the version",
	    "Prints the version of this program and the API that it "
	    "speaks.\n",
	    OPT_JSON, 0, 0, verb_version },
	{ "completion", "bash", "print the completion for a shell",
	    "To be evaluated by the shell: eval \"$(thctl completion "
	    "bash)\"\n",
	    0, 1, 1, verb_completion },
	{ "help", "[VERB]", "print this help, or that of a verb",
	    "Prints all verbs, or all about one.\n", 0, 0, 1, verb_help },
};
const size_t nverbs = sizeof(verbs) / sizeof(verbs[0]);

const struct verb *
verb_find(const char *name)
{
	size_t i;

	for (i = 0; i < nverbs; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int
least(int a, int b, int c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

#define NAME_MAX_LEN 16

/* How many letters to insert, drop or change to make one of the other. */
static int
distance(const char *a, const char *b)
{
	int row[NAME_MAX_LEN + 1];
	int diagonal, i, j, above, la = strlen(a), lb = strlen(b);

	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			row[j] = least(above + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

const char *
verb_nearest(const char *name)
{
	const char *best = NULL;
	int d, best_distance = 3;
	size_t i;

	if (strlen(name) > NAME_MAX_LEN)
		return NULL;
	for (i = 0; i < nverbs; i++) {
		d = distance(name, verbs[i].name);
		/* Half of the letters at least must be right. */
		if (d < best_distance && 2 * d <= (int)strlen(verbs[i].name)) {
			best_distance = d;
			best = verbs[i].name;
		}
	}
	return best;
}
