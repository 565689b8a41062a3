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
#include <sys/resource.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "call.h"
#include "config.h"
#include "conn.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"
#include "proc.h"
#include "sandbox.h"
#include "tls.h"
#include "up.h"
#include "watch.h"

/* Descriptors that one worker may want: connections and outputs. */
#define WANT_FILES 32768

static uint8_t buf[IMSG_MAX] __attribute__((aligned(16)));

/*
 * Wait for SETUP, the first message. Its strings are good as long as the
 * buffer is not used again.
 */
static void
wait_for_setup(struct msg_setup *setup)
{
	union msg_any any;
	struct pollfd pfd;
	struct imsg im;
	const char *wrong;
	int r;

	pfd.fd = PROC_FD;
	pfd.events = POLLIN;
	while ((r = imsg_recv(PROC_FD, &im, buf)) == -1) {
		if (errno != EAGAIN)
			fatal("SETUP");
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			fatal("poll");
	}
	if (r == 0)
		exit(0);
	if ((wrong = msg_check(SIDE_FRONT, &im, &any)) != NULL)
		fatalx("SETUP: %s", wrong);
	if (im.hdr.type != MSG_SETUP || any.setup.version != MSG_VERSION)
		fatalx("the supervisor speaks another version");
	*setup = any.setup;
}

/*
 * The supervisor ends us by closing the channel; signals that a terminal or
 * a manager sends to the whole group are for it alone.
 */
static void
ignore_signals(void)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1,
		SIGUSR2 };
	size_t i;

	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], SIG_IGN);
}

static size_t
raise_files(void)
{
	struct rlimit rl = { WANT_FILES, WANT_FILES };

	if (setrlimit(RLIMIT_NOFILE, &rl) == 0)
		return WANT_FILES;
	return proc_raise_nofile();
}

static struct event_base *
new_base(void)
{
	struct event_config *cfg;
	struct event_base *base;

	if ((cfg = event_config_new()) == NULL)
		fatalx("no memory");
	/* Spares a system call each time writing begins and ends. */
	event_config_set_flag(cfg,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (base == NULL)
		fatalx("event_base_new");
	return base;
}

int
main(void)
{
	struct event_base *base;
	struct msg_setup setup;
	struct msg_setup_done done;
	size_t files;

	proc_check_channel("frontend");
	log_init("frontend", 0);
	log_to_sink(up_log);
	ignore_signals();
	wait_for_setup(&setup);
	log_setverbose(setup.verbose);

	tls_warm_up();
	base = new_base();
	files = raise_files();
	sandbox_enter(setup.uid, setup.gid, setup.chroot);

	up_init(base);
	conn_init(base);
	call_init(base);
	watch_init(base, files / 4);
	config_init(base, files);
	done.version = MSG_VERSION;
	if (up_send(MSG_SETUP_DONE, &done) == -1)
		fatal("SETUP_DONE");
	event_base_dispatch(base);
	return 0;
}
