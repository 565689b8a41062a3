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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <event2/event.h>

#include "cgroup.h"
#include "conf.h"
#include "front.h"
#include "job.h"
#include "kernel.h"
#include "listen.h"
#include "local.h"
#include "log.h"
#include "notify.h"
#include "paths.h"
#include "proc.h"
#include "store.h"

/* How long a request in flight may hold up the end. */
#define DRAIN_SECONDS 5
/* How often the end is looked for. */
#define DRAIN_STEP_MS 50
/* The frontends must be in their places by then. */
#define READY_SECONDS 30

static struct {
	int check; /* -n */
	int debug; /* -d */
	int verbose; /* -v */
	const char *path; /* -f */
} opts = { .path = CONF_DEFAULT };

static struct event_base *base;
static struct conf *conf, *next_conf;
static struct cgroup_base cgroup;
static char *empty_dir;
static int ready_fd = -1; /* tells the one who started us */
static struct event *drain_ev, *ready_ev;
static int drain_steps, stopping, exit_status;

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr, "usage: thd [-dnv] [-D macro=value] [-f file]\n");
	exit(2);
}

static void
parse_options(int argc, char *argv[])
{
	int ch;

	while ((ch = getopt(argc, argv, "D:df:nv")) != -1) {
		switch (ch) {
		case 'D':
			if (conf_macro(optarg) == -1) {
				fprintf(stderr,
				    "thd: -D %s: expected "
				    "macro=value\n",
				    optarg);
				exit(2);
			}
			break;
		case 'd':
			opts.debug = 1;
			break;
		case 'f':
			opts.path = optarg;
			break;
		case 'n':
			opts.check = 1;
			break;
		case 'v':
			opts.verbose++;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

/* The file is read again from "/", and its directory is hidden from jobs. */
static void
absolute_path(void)
{
	char *path, *cwd;

	if (opts.path[0] == '/')
		return;
	if ((cwd = getcwd(NULL, 0)) == NULL ||
	    asprintf(&path, "%s/%s", cwd, opts.path) == -1)
		fatal("%s", opts.path);
	free(cwd);
	opts.path = path;
}

/* ---------------------------------------------------------- in background */

/*
 * Without -d the command returns when the daemon is ready, or has failed:
 * the first process waits for one byte from the second.
 */
static void
to_background(void)
{
	int fds[2];
	char byte = 1;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		fatal("pipe");
	if ((pid = fork()) == -1)
		fatal("fork");
	if (pid != 0) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 1)
			byte = 1;
		_exit(byte);
	}
	close(fds[0]);
	ready_fd = fds[1];
	setsid();
	proc_quiet();
}

static void
tell_ready(void)
{
	char byte = 0;
	int fd;

	if (ready_fd == -1)
		return;
	if (write(ready_fd, &byte, 1) != 1)
		log_warn("tell that thd is ready");
	close(ready_fd);
	ready_fd = -1;
	/* From here on the log goes to syslog alone. */
	log_to_syslog();
	if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1) {
		(void)dup2(fd, STDIN_FILENO);
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
		if (fd > STDERR_FILENO)
			close(fd);
	}
}

/* --------------------------------------------------------------- start-up */

static void
harden(void)
{
	struct rlimit none = { 0, 0 };
	int fd;

	/* Descriptors 0 to 2 must be there, or sockets would become them. */
	while ((fd = open("/dev/null", O_RDWR)) != -1 && fd <= STDERR_FILENO)
		continue;
	if (fd != -1)
		close(fd);
	/* Whatever else we were started with is not for our children. */
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	umask(022);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	proc_raise_nofile();
	if (chdir("/") == -1)
		fatal("chdir /");
}

static int
check_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == -1 && errno != EEXIST) {
		log_warn("run directory %s: mkdir", path);
		return -1;
	}
	if (lstat(path, &st) == -1) {
		log_warn("run directory %s", path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0) {
		log_warnx("run directory %s: must be a directory of root's "
			  "that nobody else may write to",
		    path);
		return -1;
	}
	return 0;
}

/* The run directory, and in it the empty one the frontends live in. */
static int
make_run_dir(void)
{
	if (check_directory(conf->run_dir, 0755) == -1 ||
	    asprintf(&empty_dir, "%s/empty", conf->run_dir) == -1)
		return -1;
	return check_directory(empty_dir, 0555);
}

static int
check_controllers(void)
{
	unsigned int missing = CTL_ALL & ~cgroup.controllers;

	if (missing == 0)
		return 0;
	if (conf->limits == LIMITS_BEST_EFFORT) {
		log_notice("limits best-effort: no %s controller in %s, jobs "
			   "run without these limits",
		    cgroup_names(missing), cgroup.path);
		return 0;
	}
	log_warnx("%s: no %s controller for cgroup v2. Boot with "
		  "systemd.unified_cgroup_hierarchy=1 (and without "
		  "cgroup_no_v1 or cgroup_disable of these), or write "
		  "\"limits best-effort\" in thd.conf to run jobs without "
		  "these limits",
	    cgroup.path, cgroup_names(missing));
	return -1;
}

static int
open_cgroup(void)
{
	unsigned int left;

	if (cgroup_base_open(&cgroup, conf->cgroup) == -1 ||
	    check_controllers() == -1)
		return -1;
	if ((left = cgroup_sweep(&cgroup)) > 0)
		log_notice("%u jobs of an earlier thd still run below %s, "
			   "under their limits; this one does not know them",
		    left, cgroup.path);
	return 0;
}

/* ------------------------------------------------------------ the loop */

static void
write_pidfile(void)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/thd.pid", conf->run_dir);
	if ((f = fopen(path, "we")) == NULL) {
		log_warn("%s", path);
		return;
	}
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
}

static void
remove_pidfile(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/thd.pid", conf->run_dir);
	(void)unlink(path);
}

static void
on_ready(void)
{
	evtimer_del(ready_ev);
	if (local_open(base, conf) == -1) {
		exit_status = 1;
		event_base_loopbreak(base);
		return;
	}
	write_pidfile();
	log_notice("ready");
	notify_send("READY=1\nSTATUS=ready");
	tell_ready();
}

static void
on_failed(void)
{
	log_warnx("a frontend did not start");
	exit_status = 1;
	event_base_loopbreak(base);
}

static void
on_ready_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_warnx("the frontends did not start within %d seconds",
	    READY_SECONDS);
	exit_status = 1;
	event_base_loopbreak(base);
}

/* Keep the old text of a setting. Returns 1 if the new one is another. */
static int
keep_text(char **old, char **new)
{
	char *text = *new;
	int differs = strcmp(*old != NULL ? *old : "",
			  *new != NULL ? *new : "") != 0;

	*new = *old;
	*old = text;
	return differs;
}

static int
keep_user(struct conf_user *old, struct conf_user *new)
{
	int differs = old->uid != new->uid || old->gid != new->gid;

	(void)keep_text(&old->name, &new->name);
	new->uid = old->uid;
	new->gid = old->gid;
	return differs;
}

/* What a running daemon cannot change stays as it is, and that is said. */
static void
keep_fixed(struct conf *old, struct conf *new)
{
	int differs;

	differs = old->workers != new->workers || old->limits != new->limits;
	new->workers = old->workers;
	new->limits = old->limits;
	differs |= keep_text(&old->state_dir, &new->state_dir);
	differs |= keep_text(&old->run_dir, &new->run_dir);
	differs |= keep_text(&old->socket, &new->socket);
	differs |= keep_text(&old->cgroup, &new->cgroup);
	differs |= keep_user(&old->front_user, &new->front_user);
	differs |= keep_user(&old->relay_user, &new->relay_user);
	differs |= keep_user(&old->job_user, &new->job_user);
	if (differs)
		log_notice("reload: directories, local socket, cgroup, "
			   "workers, users and \"limits\" change with a "
			   "restart");
}

static void
on_reloaded(int committed)
{
	if (committed) {
		keep_fixed(conf, next_conf);
		conf_free(conf);
		conf = next_conf;
		job_set_conf(conf);
		log_notice("configuration reloaded");
	} else {
		log_warnx("reload refused, the old configuration stays");
		conf_free(next_conf);
	}
	next_conf = NULL;
	notify_send("READY=1\nSTATUS=ready");
}

static void
on_hup(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	if (next_conf != NULL || stopping) {
		log_warnx("reload: another one is under way");
		return;
	}
	notify_send("RELOADING=1");
	if ((next_conf = conf_parse(opts.path)) == NULL ||
	    conf_resolve(next_conf) == -1) {
		log_warnx("%s: errors, the old configuration stays", opts.path);
		conf_free(next_conf);
		next_conf = NULL;
		notify_send("READY=1\nSTATUS=reload refused");
		return;
	}
	if (front_reload(next_conf) == -1)
		on_reloaded(0);
}

static void
drain_step(evutil_socket_t fd, short what, void *arg)
{
	int busy = request_count() > 0;

	(void)fd;
	(void)what;
	(void)arg;
	if (conf->on_stop == ON_STOP_KILL)
		busy = job_count_active() > 0;
	else if (++drain_steps * DRAIN_STEP_MS >= DRAIN_SECONDS * 1000)
		busy = 0;
	if (!busy)
		event_base_loopbreak(base);
}

/* Requests in flight are given a little time, new ones are refused. */
static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	struct timeval tv = { 0, DRAIN_STEP_MS * 1000 };

	(void)sig;
	(void)what;
	(void)arg;
	if (stopping)
		return;
	stopping = 1;
	log_notice("stopping, %u jobs %s", job_count_active(),
	    conf->on_stop == ON_STOP_KILL ? "are stopped" : "go on");
	notify_send("STOPPING=1");
	local_close();
	request_drain();
	if (conf->on_stop == ON_STOP_KILL)
		job_stop_all("uid:root");
	event_add(drain_ev, &tv);
}

static void
add_signal(int sig, event_callback_fn fn)
{
	struct event *ev;

	ev = evsignal_new(base, sig, fn, NULL);
	if (ev == NULL || event_add(ev, NULL) == -1)
		fatalx("signal %d: cannot be handled", sig);
}

static void
init_loop(void)
{
	struct timeval tv = { READY_SECONDS, 0 };

	if ((base = event_base_new()) == NULL)
		fatalx("event loop: out of memory");
	signal(SIGPIPE, SIG_IGN);
	add_signal(SIGTERM, on_term);
	add_signal(SIGINT, on_term);
	add_signal(SIGHUP, on_hup);
	drain_ev = event_new(base, -1, EV_PERSIST, drain_step, NULL);
	ready_ev = evtimer_new(base, on_ready_timeout, NULL);
	if (drain_ev == NULL || ready_ev == NULL)
		fatalx("event loop: out of memory");
	evtimer_add(ready_ev, &tv);
	notify_watchdog(base);
}

static void
start(void)
{
	struct front_config fc;
	struct job_config jc;

	memset(&jc, 0, sizeof(jc));
	jc.base = base;
	jc.cgroup = &cgroup;
	jc.conf = conf;
	jc.jobexec = path_jobexec;
	if (job_init(&jc) == -1)
		exit(1);
	memset(&fc, 0, sizeof(fc));
	fc.base = base;
	fc.path = path_frontend;
	fc.chroot = empty_dir;
	fc.verbose = opts.verbose;
	fc.ready = on_ready;
	fc.live = local_wake;
	fc.failed = on_failed;
	fc.reloaded = on_reloaded;
	if (front_start(&fc, conf) == -1)
		exit(1);
}

int
main(int argc, char *argv[])
{
	int lacking;

	parse_options(argc, argv);
	log_init("thd", opts.verbose);
	log_to_stderr();
	if (!opts.check)
		absolute_path();
	if ((conf = conf_parse(opts.path)) == NULL)
		return 1;
	if (opts.check) {
		conf_print(conf, stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (geteuid() != 0)
		fatalx("must be started by root");
	if (conf_resolve(conf) == -1)
		return 1;
	harden();
	if (!opts.debug)
		to_background();
	notify_init();
	if (make_run_dir() == -1 || store_open(conf->state_dir) == -1)
		return 1;
	/* Both say what is missing, so that it need not be found in turns. */
	lacking = kernel_check();
	if (open_cgroup() == -1 || lacking == -1)
		return 1;
	init_loop();
	start();
	event_base_dispatch(base);
	front_stop();
	job_shutdown();
	local_close();
	remove_pidfile();
	if (exit_status == 0)
		log_notice("stopped");
	return exit_status;
}
