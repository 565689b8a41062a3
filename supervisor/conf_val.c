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
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_val.h"
#include "log.h"

#define PATH_LEN_MAX 1023
#define USER_LEN_MAX 32

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define TIB ((uint64_t)1 << 40)
#define SIZE_LIMIT (1024 * TIB)

#define MSEC ((uint64_t)1000)
#define SEC (1000 * MSEC)
#define MINUTE (60 * SEC)
#define HOUR (60 * MINUTE)

/* The kernel's own limit of pids. */
#define PIDS_LIMIT 4194304
#define CONN_LIMIT 65536

static const char *const limits_words[] = { [LIMITS_STRICT] = "strict",
	[LIMITS_BEST_EFFORT] = "best-effort",
	NULL };
static const char *const on_stop_words
    [] = { [ON_STOP_KEEP] = "keep", [ON_STOP_KILL] = "kill", NULL };
static const char *const bool_words[] = { "no", "yes", NULL };

#define CONF(member) .off = offsetof(struct conf, member)
#define CLASS(member) .off = offsetof(struct conf_class, member)
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define UNLIMITED(n) .can_unlimited = 1, .unlimited = (n)

const struct val_key conf_keys[KEY_COUNT] = {
	[KEY_STATE_DIR] = { "state directory", VAL_PATH, CONF(state_dir),
	    .def = "/var/lib/thd" },
	[KEY_RUN_DIR] = { "run directory", VAL_PATH, CONF(run_dir),
	    .def = "/run/thd" },
	[KEY_CERT] = { "certificate", VAL_PATH, CONF(cert),
	    .def = "/etc/thd/server.pem" },
	[KEY_KEY] = { "key", VAL_PATH, CONF(key),
	    .def = "/etc/thd/server-key.pem" },
	[KEY_CA] = { "ca", VAL_PATH, CONF(ca), .def = "/etc/thd/ca.pem" },
	[KEY_CGROUP] = { "cgroup", VAL_PATH, CONF(cgroup) },
	[KEY_FRONT_USER] = { "frontend user", VAL_USER, CONF(front_user),
	    .def = "_thfront" },
	[KEY_RELAY_USER] = { "relay user", VAL_USER, CONF(relay_user),
	    .def = "_threlay" },
	[KEY_JOB_USER] = { "job user", VAL_USER, CONF(job_user),
	    .def = "_thjob" },
	[KEY_LIMITS] = { "limits", VAL_WORD, CONF(limits),
	    .words = limits_words, .def = "strict" },
	[KEY_ON_STOP] = { "on stop", VAL_WORD, CONF(on_stop),
	    .words = on_stop_words, .def = "keep" },
	[KEY_WORKERS] = { "workers", VAL_UINT, CONF(workers), RANGE(1, 64),
	    .def = "1" },
	[KEY_MAX_CONNECTIONS] = { "max connections", VAL_UINT,
	    CONF(max_connections), RANGE(1, CONN_LIMIT), .def = "4096" },
	[KEY_MAX_PER_ADDRESS] = { "max connections per address", VAL_UINT,
	    CONF(max_per_address), RANGE(1, CONN_LIMIT), .def = "2048" },
	[KEY_MAX_PER_IDENTITY] = { "max connections per identity", VAL_UINT,
	    CONF(max_per_identity), RANGE(1, CONN_LIMIT), .def = "2048" },
	[KEY_MAX_HALF_OPEN] = { "max half-open", VAL_UINT, CONF(max_half_open),
	    RANGE(1, CONN_LIMIT), .def = "64" },
	[KEY_MAX_STREAMS] = { "max streams", VAL_UINT, CONF(max_streams),
	    RANGE(1, 1024), .def = "128" },
	[KEY_HANDSHAKE_TIMEOUT] = { "handshake timeout", VAL_SEC,
	    CONF(handshake_timeout), RANGE(1, 600), .def = "10s" },
};

const struct val_key class_keys[CLASS_COUNT] = {
	/* The kernel refuses a quota or a period below a millisecond. */
	[CLASS_CPU_QUOTA] = { "cpu quota", VAL_USEC, CLASS(cpu_quota),
	    RANGE(MSEC, HOUR), UNLIMITED(0), .def = "100ms" },
	[CLASS_CPU_PERIOD] = { "cpu period", VAL_USEC, CLASS(cpu_period),
	    RANGE(MSEC, SEC), .def = "1s" },
	[CLASS_MEMORY_MAX] = { "memory max", VAL_SIZE, CLASS(memory_max),
	    RANGE(MIB, SIZE_LIMIT), UNLIMITED(0), .def = "512M" },
	[CLASS_MEMORY_HIGH] = { "memory high", VAL_SIZE, CLASS(memory_high),
	    RANGE(MIB, SIZE_LIMIT), UNLIMITED(0), .def = "384M" },
	[CLASS_MEMORY_SWAP] = { "memory swap", VAL_SIZE, CLASS(memory_swap_max),
	    RANGE(0, SIZE_LIMIT), UNLIMITED(UINT64_MAX), .def = "0" },
	[CLASS_OOM_GROUP] = { "oom group", VAL_WORD, CLASS(memory_oom_group),
	    .words = bool_words, .def = "yes" },
	/* A job is two processes: its init and the command. */
	[CLASS_PIDS_MAX] = { "pids max", VAL_U64, CLASS(pids_max),
	    RANGE(2, PIDS_LIMIT), UNLIMITED(0), .def = "512" },
	[CLASS_IO_READ] = { "io read", VAL_SIZE, CLASS(io_rbps),
	    RANGE(1, SIZE_LIMIT), UNLIMITED(0), .def = "80M" },
	[CLASS_IO_WRITE] = { "io write", VAL_SIZE, CLASS(io_wbps),
	    RANGE(1, SIZE_LIMIT), UNLIMITED(0), .def = "40M" },
	[CLASS_IO_READ_OPS] = { "io read-ops", VAL_U64, CLASS(io_riops),
	    RANGE(1, UINT32_MAX), UNLIMITED(0), .def = "1000" },
	[CLASS_IO_WRITE_OPS] = { "io write-ops", VAL_U64, CLASS(io_wiops),
	    RANGE(1, UINT32_MAX), UNLIMITED(0), .def = "1000" },
	[CLASS_STOP_GRACE] = { "stop grace", VAL_MSEC, CLASS(stop_grace_ms),
	    RANGE(0, 24 * HOUR / MSEC), .def = "10s" },
};

/* VAL_WORD goes through a pointer to unsigned int. */
_Static_assert(sizeof(enum conf_limits) == sizeof(unsigned int), "enum");
_Static_assert(sizeof(enum conf_on_stop) == sizeof(unsigned int), "enum");

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* Largest first: printing takes the first that divides the value. */
static const struct unit size_units[] = { { "T", TIB }, { "G", GIB },
	{ "M", MIB }, { "K", KIB }, { "", 1 }, { NULL, 0 } };
static const struct unit time_units[] = { { "h", HOUR }, { "m", MINUTE },
	{ "s", SEC }, { "ms", MSEC }, { "us", 1 }, { NULL, 0 } };
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };

/* How the number of a type is written, and one step of the kept value. */
static const struct {
	const char *what;
	const struct unit *units;
	uint64_t step;
	int wide; /* kept as uint64_t */
	const char *zero;
} numbers[] = {
	[VAL_UINT] = { "a number", no_units, 1, 0, "0" },
	[VAL_SEC] = { "a duration in whole seconds", time_units, SEC, 0, "0s" },
	[VAL_MSEC] = { "a duration in whole milliseconds", time_units, MSEC, 0,
	    "0s" },
	[VAL_USEC] = { "a duration", time_units, 1, 1, "0s" },
	[VAL_U64] = { "a number", no_units, 1, 1, "0" },
	[VAL_SIZE] = { "a size", size_units, 1, 1, "0" },
};

static void *
field(void *base, const struct val_key *key)
{
	return (char *)base + key->off;
}

static const void *
const_field(const void *base, const struct val_key *key)
{
	return (const char *)base + key->off;
}

static void
put_number(void *base, const struct val_key *key, uint64_t n)
{
	if (key->type != VAL_WORD && numbers[key->type].wide)
		*(uint64_t *)field(base, key) = n;
	else
		*(unsigned int *)field(base, key) = n;
}

static uint64_t
get_number(const void *base, const struct val_key *key)
{
	if (key->type != VAL_WORD && numbers[key->type].wide)
		return *(const uint64_t *)const_field(base, key);
	return *(const unsigned int *)const_field(base, key);
}

int
val_number(const char *s, uint64_t min, uint64_t max, uint64_t *n)
{
	size_t len;

	/* 19 digits cannot overflow. */
	len = strspn(s, "0123456789");
	if (len == 0 || len > 19 || s[len] != '\0')
		return -1;
	*n = strtoull(s, NULL, 10);
	return *n < min || *n > max ? -1 : 0;
}

int
val_isname(const char *s, size_t max, const char *extra)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		if (i == max)
			return 0;
		if ((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9'))
			continue;
		if (strchr(extra, s[i]) == NULL)
			return 0;
	}
	return i > 0;
}

static const char *
format_number(const struct val_key *key, uint64_t n, char *buf, size_t size)
{
	const struct unit *u;

	if (n == 0)
		return numbers[key->type].zero;
	n *= numbers[key->type].step;
	for (u = numbers[key->type].units; n % u->factor != 0; u++)
		;
	snprintf(buf, size, "%" PRIu64 "%s", n / u->factor, u->suffix);
	return buf;
}

/* A number with its suffix, in steps of the type. 0, or -1: no such form. */
static int
scan_number(const struct val_key *key, const char *s, uint64_t *n)
{
	const struct unit *u;
	char digits[20];
	size_t len;

	len = strspn(s, "0123456789");
	if (len >= sizeof(digits))
		return -1;
	memcpy(digits, s, len);
	digits[len] = '\0';
	if (val_number(digits, 0, UINT64_MAX, n) == -1)
		return -1;
	for (u = numbers[key->type].units; u->suffix != NULL; u++) {
		if (strcmp(s + len, u->suffix) == 0)
			break;
	}
	if (u->suffix == NULL)
		return -1;
	/* What does not fit is out of every range, not an odd number. */
	if (__builtin_mul_overflow(*n, u->factor, n))
		*n = UINT64_MAX - UINT64_MAX % numbers[key->type].step;
	if (*n % numbers[key->type].step != 0)
		return -1;
	*n /= numbers[key->type].step;
	return 0;
}

static int
set_number(void *base, const struct val_key *key, const char *s, char *why,
    size_t size)
{
	char lo[32], hi[32];
	const char *wrong = "is out of range";
	uint64_t n;

	if (key->can_unlimited && strcmp(s, "unlimited") == 0) {
		put_number(base, key, key->unlimited);
		return 0;
	}
	if (scan_number(key, s, &n) == 0) {
		if (n >= key->min && n <= key->max) {
			put_number(base, key, n);
			return 0;
		}
	} else
		wrong = "is not understood";
	snprintf(why, size, "\"%s\" %s, expected %s from %s to %s%s",
	    log_vis(s), wrong, numbers[key->type].what,
	    format_number(key, key->min, lo, sizeof(lo)),
	    format_number(key, key->max, hi, sizeof(hi)),
	    key->can_unlimited ? ", or unlimited" : "");
	return -1;
}

static int
set_word(void *base, const struct val_key *key, const char *s, char *why,
    size_t size)
{
	unsigned int i;

	for (i = 0; key->words[i] != NULL; i++) {
		if (strcmp(s, key->words[i]) == 0) {
			put_number(base, key, i);
			return 0;
		}
	}
	snprintf(why, size, "\"%s\" is not understood, expected %s or %s",
	    log_vis(s), key->words[0], key->words[1]);
	return -1;
}

int
val_path(char **dst, const char *s, char *why, size_t size)
{
	char *copy;

	if (s[0] != '/') {
		snprintf(why, size,
		    "\"%s\" is not an absolute path, "
		    "expected one that begins with /",
		    log_vis(s));
		return -1;
	}
	if (strlen(s) > PATH_LEN_MAX) {
		snprintf(why, size,
		    "the path is too long, "
		    "expected at most %d bytes",
		    PATH_LEN_MAX);
		return -1;
	}
	if ((copy = strdup(s)) == NULL) {
		snprintf(why, size, "%s", strerror(errno));
		return -1;
	}
	free(*dst);
	*dst = copy;
	return 0;
}

static int
set_path(void *base, const struct val_key *key, const char *s, char *why,
    size_t size)
{
	return val_path(field(base, key), s, why, size);
}

/* UID or UID:GID. Neither may be root's, nor (uid_t)-1, which is nobody. */
static int
scan_ids(const char *s, struct conf_user *user)
{
	char uid[16];
	const char *colon;
	uint64_t n, g;
	size_t len;

	colon = strchr(s, ':');
	len = colon == NULL ? strlen(s) : (size_t)(colon - s);
	if (len >= sizeof(uid))
		return -1;
	memcpy(uid, s, len);
	uid[len] = '\0';
	if (val_number(uid, 1, UINT32_MAX - 1, &n) == -1)
		return -1;
	g = n;
	if (colon != NULL && val_number(colon + 1, 1, UINT32_MAX - 1, &g) == -1)
		return -1;
	user->uid = n;
	user->gid = g;
	return 0;
}

static int
set_user(void *base, const struct val_key *key, const char *s, char *why,
    size_t size)
{
	struct conf_user *user = field(base, key), new;

	memset(&new, 0, sizeof(new));
	if (s[0] >= '0' && s[0] <= '9') {
		if (scan_ids(s, &new) == -1) {
			snprintf(why, size,
			    "\"%s\" is no usable account, "
			    "expected UID or UID:GID, each from 1 to %u",
			    log_vis(s), UINT32_MAX - 1);
			return -1;
		}
	} else if (s[0] == '-' || !val_isname(s, USER_LEN_MAX, "._-")) {
		snprintf(why, size,
		    "\"%s\" is no account name, "
		    "expected a name, UID or UID:GID",
		    log_vis(s));
		return -1;
	}
	if ((new.name = strdup(s)) == NULL) {
		snprintf(why, size, "%s", strerror(errno));
		return -1;
	}
	free(user->name);
	*user = new;
	return 0;
}

static int (*const setters[])(void *, const struct val_key *, const char *,
    char *, size_t) = {
	[VAL_PATH] = set_path,
	[VAL_USER] = set_user,
	[VAL_WORD] = set_word,
	[VAL_UINT] = set_number,
	[VAL_SEC] = set_number,
	[VAL_MSEC] = set_number,
	[VAL_USEC] = set_number,
	[VAL_U64] = set_number,
	[VAL_SIZE] = set_number,
};

int
val_set(void *base, const struct val_key *key, const char *s, char *why,
    size_t size)
{
	return setters[key->type](base, key, s, why, size);
}

int
val_isset(const void *base, const struct val_key *key)
{
	if (key->type != VAL_PATH)
		return 1;
	return *(char *const *)const_field(base, key) != NULL;
}

void
val_quote(const char *s, FILE *fp)
{
	putc('"', fp);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', fp);
		putc(*s, fp);
	}
	putc('"', fp);
}

void
val_print(const void *base, const struct val_key *key, FILE *fp)
{
	char buf[32];
	uint64_t n;

	switch (key->type) {
	case VAL_PATH:
		val_quote(*(char *const *)const_field(base, key), fp);
		return;
	case VAL_USER:
		fputs(((const struct conf_user *)const_field(base, key))->name,
		    fp);
		return;
	case VAL_WORD:
		fputs(key->words[get_number(base, key)], fp);
		return;
	default:
		break;
	}
	n = get_number(base, key);
	if (key->can_unlimited && n == key->unlimited)
		fputs("unlimited", fp);
	else
		fputs(format_number(key, n, buf, sizeof(buf)), fp);
}

int
val_defaults(void *base, const struct val_key *keys, size_t n)
{
	char why[512];
	size_t i;

	for (i = 0; i < n; i++) {
		if (keys[i].def != NULL &&
		    val_set(base, &keys[i], keys[i].def, why, sizeof(why)) ==
			-1)
			return -1;
	}
	return 0;
}

void
val_free(void *base, const struct val_key *keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (keys[i].type == VAL_PATH)
			free(*(char **)field(base, &keys[i]));
		else if (keys[i].type == VAL_USER)
			free(((struct conf_user *)field(base, &keys[i]))->name);
	}
}
