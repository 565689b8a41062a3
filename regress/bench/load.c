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

/*
 * The load generator: one thread, much lighter than what it measures. Each
 * mode prints one line of KEY=VALUE with what it has counted and the CPU
 * time that it has used itself.
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "h2.h"

#define SERVICE "/drrev.telehandler.foreman.v1alpha1.ForemanService/"
#define PREFIX 5
#define REQUEST_MAX 4096
#define COMPLETED 3
#define SAMPLES_MAX 100000

struct request {
	uint8_t buf[REQUEST_MAX];
	size_t len;
};

static const char *address = "127.0.0.1", *port = "6443";
static const char *dir = ".", *identity = "tele-tester";
static SSL_CTX *ctx;
static double samples[SAMPLES_MAX];
static int nsamples;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	return ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
	    (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static double t0, cpu0;

static void
begin(void)
{
	cpu0 = cpu();
	t0 = now();
}

static void
report(const char *what, double count)
{
	printf("%s=%.0f seconds=%.6f client_cpu=%.6f\n", what, count,
	    now() - t0, cpu() - cpu0);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
quantile(double q)
{
	return samples[(int)(q * (nsamples - 1))];
}

static struct conn *
connection(void)
{
	return h2_open(ctx, address, port, 1);
}

/* -------------------------------------------------------------- protobuf */

/* Messages here are strings with field numbers below 16, and short. */
static void
put_string(struct request *r, int field, const char *s)
{
	size_t len = strlen(s);

	if (r->len == 0)
		r->len = PREFIX;
	if (len >= 16384 || r->len + len + 3 > sizeof(r->buf))
		errx(1, "too long a request");
	r->buf[r->len++] = field << 3 | 2;
	if (len >= 128) {
		r->buf[r->len++] = 0x80 | (len & 0x7f);
		len >>= 7;
	}
	r->buf[r->len++] = len;
	len = strlen(s);
	memcpy(r->buf + r->len, s, len);
	r->len += len;
	r->buf[0] = r->buf[1] = r->buf[2] = 0;
	r->buf[3] = (r->len - PREFIX) >> 8;
	r->buf[4] = r->len - PREFIX;
}

/* The name, first of an answer's fields. */
static void
get_name(const struct call *c, char *name, size_t size)
{
	const uint8_t *p = c->answer + PREFIX;

	if (c->len < PREFIX + 2 || p[0] != (1 << 3 | 2) || p[1] >= 128 ||
	    p[1] >= size || c->len < PREFIX + 2U + p[1])
		errx(1, "an answer without a name");
	memcpy(name, p + 2, p[1]);
	name[p[1]] = '\0';
}

/* The state, right after the name. */
static int
get_state(const struct call *c)
{
	const uint8_t *p = c->answer + PREFIX;

	if (c->len < PREFIX + 2 || c->len < PREFIX + 4U + p[1] ||
	    p[2 + p[1]] != 2 << 3)
		errx(1, "an answer without a state");
	return p[3 + p[1]];
}

/* ------------------------------------------------------------ start, wait */

struct job {
	struct call call;
	struct request wait;
	char name[128];
	double began;
};

static struct request start_request;
static int jobs_left, jobs_open;

static void job_started(struct call *);
static void job_ended(struct call *);

static void
job_start(struct conn *c, struct job *j)
{
	jobs_left--;
	jobs_open++;
	j->began = now();
	j->call.arg = j;
	j->call.done = job_started;
	h2_call(c, &j->call, SERVICE "StartJob", start_request.buf,
	    start_request.len);
}

static void
job_started(struct call *call)
{
	struct job *j = call->arg;

	get_name(call, j->name, sizeof(j->name));
	j->wait.len = 0;
	put_string(&j->wait, 1, j->name);
	call->done = job_ended;
	h2_call(call->conn, call, SERVICE "WaitJob", j->wait.buf, j->wait.len);
}

static void
job_ended(struct call *call)
{
	struct job *j = call->arg;

	if (get_state(call) != COMPLETED)
		errx(1, "%s: state %d", j->name, get_state(call));
	if (nsamples < SAMPLES_MAX)
		samples[nsamples++] = now() - j->began;
	jobs_open--;
	if (jobs_left > 0)
		job_start(call->conn, j);
}

static void
fill_start(char *argv[])
{
	int field = 2;

	for (; *argv != NULL; argv++, field = 3)
		put_string(&start_request, field, *argv);
	if (start_request.len == 0)
		errx(1, "no command");
}

/* jobs COUNT PARALLEL COMMAND...: from StartJob to the answer of WaitJob. */
static void
mode_jobs(char *argv[])
{
	int count = atoi(argv[0]), parallel = atoi(argv[1]);
	struct conn *c = connection();
	struct job *jobs;
	int i;

	fill_start(argv + 2);
	if ((jobs = calloc(parallel, sizeof(*jobs))) == NULL)
		err(1, NULL);
	h2_turn();
	begin();
	jobs_left = count;
	for (i = 0; i < parallel && jobs_left > 0; i++)
		job_start(c, &jobs[i]);
	while (jobs_open > 0)
		h2_turn();
	qsort(samples, nsamples, sizeof(samples[0]), by_value);
	printf("median=%.6f ", quantile(0.5));
	report("jobs", count);
	h2_close(c);
	free(jobs);
}

static void
call_done(struct call *call)
{
	*(int *)call->arg += 1;
}

/* spawn COUNT COMMAND...: only start them, and print their names. */
static void
mode_spawn(char *argv[])
{
	int i, count = atoi(argv[0]), done = 0;
	struct conn *c = connection();
	struct call call;
	char name[128];

	fill_start(argv + 1);
	memset(&call, 0, sizeof(call));
	call.done = call_done;
	call.arg = &done;
	for (i = 0; i < count; i++) {
		h2_call(c, &call, SERVICE "StartJob", start_request.buf,
		    start_request.len);
		while (done == i)
			h2_turn();
		get_name(&call, name, sizeof(name));
		puts(name);
	}
	h2_close(c);
}

/* ----------------------------------------------------------- unary calls */

static double calls_until;
static long calls_done, calls_open;
static const char *calls_path;
static struct request calls_request;

static void
calls_next(struct call *call)
{
	if (call->len < PREFIX)
		errx(1, "an empty answer");
	calls_done++;
	calls_open--;
	if (now() >= calls_until)
		return;
	calls_open++;
	h2_call(call->conn, call, calls_path, calls_request.buf,
	    calls_request.len);
}

/* calls PATH TEXT STREAMS SECONDS: the same call again and again. */
static void
mode_calls(char *argv[])
{
	int i, streams = atoi(argv[2]);
	struct conn *c = connection();
	struct call *calls;

	calls_path = argv[0];
	put_string(&calls_request, 1, argv[1]);
	if ((calls = calloc(streams, sizeof(*calls))) == NULL)
		err(1, NULL);
	h2_turn();
	begin();
	calls_until = t0 + atof(argv[3]);
	for (i = 0; i < streams; i++) {
		calls_open++;
		calls[i].done = calls_next;
		h2_call(c, &calls[i], calls_path, calls_request.buf,
		    calls_request.len);
	}
	while (calls_open > 0)
		h2_turn();
	report("calls", calls_done);
	h2_close(c);
	free(calls);
}

/* connect PATH TEXT COUNT: a new connection for each call, in turn. */
static void
mode_connect(char *argv[])
{
	int i, count = atoi(argv[2]), done = 0;
	struct request r;
	struct call call;
	struct conn *c;

	memset(&r, 0, sizeof(r));
	memset(&call, 0, sizeof(call));
	put_string(&r, 1, argv[1]);
	call.done = call_done;
	call.arg = &done;
	begin();
	for (i = 0; i < count; i++) {
		c = connection();
		h2_call(c, &call, argv[0], r.buf, r.len);
		while (done == i)
			h2_turn();
		h2_close(c);
	}
	report("connections", count);
}

/* ----------------------------------------------------------------- output */

static uint64_t watched;

static void
count_data(struct call *call, const uint8_t *p, size_t len)
{
	(void)call;
	(void)p;
	watched += len;
}

static struct conn **
connections(int count, int http2)
{
	struct conn **c;
	int i;

	if ((c = calloc(count, sizeof(struct conn *))) == NULL)
		err(1, NULL);
	for (i = 0; i < count; i++)
		c[i] = h2_open(ctx, address, port, http2);
	return c;
}

static struct call *
start_watches(struct conn **c, int count, const char *name,
    void (*data)(struct call *, const uint8_t *, size_t), int *done)
{
	static struct request r;
	struct call *calls;
	int i;

	if ((calls = calloc(count, sizeof(*calls))) == NULL)
		err(1, NULL);
	r.len = 0;
	put_string(&r, 1, name);
	for (i = 0; i < count; i++) {
		calls[i].data = data;
		calls[i].done = call_done;
		calls[i].arg = done;
		h2_call(c[i], &calls[i], SERVICE "WatchJobOutput", r.buf,
		    r.len);
	}
	return calls;
}

/* watch COUNT NAME: so many watchers of one job, each to the end. */
static void
mode_watch(char *argv[])
{
	int count = atoi(argv[0]), done = 0;
	struct conn **c = connections(count, 1);
	struct call *calls;

	begin();
	calls = start_watches(c, count, argv[1], count_data, &done);
	while (done < count)
		h2_turn();
	report("bytes", watched);
	free(calls);
}

/* raw COUNT: so many connections that only receive, after one byte. */
static void
mode_raw(char *argv[])
{
	int i, ended = 0, count = atoi(argv[0]);
	struct conn **c = connections(count, 0);
	double bytes = 0;

	begin();
	for (i = 0; i < count; i++)
		h2_send_raw(c[i], "g", 1);
	while (ended < count) {
		h2_turn();
		while (ended < count && h2_ended(c[ended]))
			bytes += h2_received(c[ended++]);
	}
	report("bytes", bytes);
}

static void
ignore_data(struct call *call, const uint8_t *p, size_t len)
{
	(void)call;
	(void)p;
	(void)len;
}

/* hold COUNT NAME: watchers that have had their first bytes, until killed. */
static void
mode_hold(char *argv[])
{
	int i, count = atoi(argv[0]), done = 0, first = 0;
	struct conn **c = connections(count, 1);
	struct call *calls;

	calls = start_watches(c, count, argv[1], ignore_data, &done);
	while (first < count) {
		h2_turn();
		for (i = first = 0; i < count; i++)
			first += calls[i].bytes > 0;
	}
	printf("ready=%d\n", count);
	fflush(stdout);
	while (done < count)
		h2_turn();
}

/*
 * A line is the time at which it was written, in nanoseconds. Lines come
 * within gRPC messages, so look for their digits only. What was written before
 * we watched is no measure of anything.
 */
static void
line_data(struct call *call, const uint8_t *p, size_t len)
{
	static char line[32];
	static size_t used;
	static double since;
	double at = now(), written;

	(void)call;
	if (since == 0)
		since = at;
	for (; len > 0; p++, len--) {
		if (*p >= '0' && *p <= '9' && used < sizeof(line) - 1) {
			line[used++] = *p;
			continue;
		}
		line[used] = '\0';
		written = atof(line) / 1e9;
		if (*p == '\n' && used >= 10 && written >= since &&
		    nsamples < SAMPLES_MAX)
			samples[nsamples++] = at - written;
		used = 0;
	}
}

/* lines NAME: how long a line takes from the job to here. */
static void
mode_lines(char *argv[])
{
	struct conn **c = connections(1, 1);
	struct call *calls;
	int done = 0;

	begin();
	calls = start_watches(c, 1, argv[0], line_data, &done);
	while (done == 0)
		h2_turn();
	if (nsamples == 0)
		errx(1, "no line");
	qsort(samples, nsamples, sizeof(samples[0]), by_value);
	printf("median=%.6f p99=%.6f max=%.6f ", quantile(0.5), quantile(0.99),
	    quantile(1));
	report("lines", nsamples);
	free(calls);
}

static const struct {
	const char *name;
	int args;
	void (*run)(char **);
} modes[] = {
	{ "jobs", 3, mode_jobs },
	{ "spawn", 2, mode_spawn },
	{ "calls", 4, mode_calls },
	{ "connect", 3, mode_connect },
	{ "watch", 2, mode_watch },
	{ "raw", 1, mode_raw },
	{ "hold", 2, mode_hold },
	{ "lines", 1, mode_lines },
};

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr,
	    "usage: load [-p port] [-c certs] [-n identity] "
	    "mode [arg ...]\n");
	exit(2);
}

int
main(int argc, char *argv[])
{
	size_t i;
	int ch;

	while ((ch = getopt(argc, argv, "+p:c:n:")) != -1) {
		switch (ch) {
		case 'p':
			port = optarg;
			break;
		case 'c':
			dir = optarg;
			break;
		case 'n':
			identity = optarg;
			break;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	for (i = 0; argc > 0 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[0], modes[i].name) == 0 &&
		    argc > modes[i].args) {
			ctx = h2_context(dir, identity);
			modes[i].run(argv + 1);
			return 0;
		}
	usage();
}
