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
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "proc.h"
#include "up.h"

#define REPLY_MAX 8192 /* the longest that we send, with room */

/* Pages that no message reaches cost nothing. */
static uint8_t buf[IMSG_MAX];
static struct imsg_in in = { .buf = buf };
static int gone;

static void
log_up(int priority, const char *text)
{
	struct msg_log msg;
	uint8_t line[MSG_TEXT_MAX + 16];
	ssize_t len;

	if (gone)
		return;
	msg.priority = priority;
	msg.text = text;
	/* Best effort: a line must not hold up the job's output. */
	if ((len = msg_encode(MSG_LOG, &msg, line, sizeof(line))) != -1)
		(void)imsg_send(PROC_FD, MSG_LOG, 0, line, len, NULL, 0);
}

void
up_init(void)
{
	log_to_sink(log_up);
}

int
up_alive(void)
{
	return !gone;
}

int
up_fd(void)
{
	return gone ? -1 : PROC_FD;
}

void
up_close(const char *why)
{
	if (gone)
		return;
	if (why != NULL)
		log_warnx("%s", why);
	gone = 1;
	close(PROC_FD);
}

static void
wait_for(short events)
{
	struct pollfd pfd;

	pfd.fd = PROC_FD;
	pfd.events = events;
	(void)poll(&pfd, 1, -1);
}

void
up_send(enum msg_type type, const void *msg, const int *fds, int nfds)
{
	uint8_t out[REPLY_MAX];
	ssize_t len;

	if ((len = msg_encode(type, msg, out, sizeof(out))) == -1) {
		log_warn("%s", msg_name(type));
		return;
	}
	while (
	    !gone && imsg_send(PROC_FD, type, 0, out, len, fds, nfds) == -1) {
		if (errno == EAGAIN)
			wait_for(POLLOUT);
		else
			up_close(NULL);
	}
}

/* Returns 1, 0 at the end, or -1 with errno. */
static int
next_message(struct imsg *m)
{
	int r;

	while ((r = imsg_next(&in, m)) == 0)
		if ((r = imsg_read(PROC_FD, &in)) != 1)
			return r;
	return r;
}

int
up_recv(struct imsg *m, union msg_any *any)
{
	const char *wrong;
	int r;

	if (gone)
		return 0;
	if ((r = next_message(m)) == -1) {
		if (errno != EAGAIN)
			up_close("message from the supervisor is none");
		return 0;
	}
	if (r == 0) {
		up_close(NULL);
		return 0;
	}
	if ((wrong = msg_check(SIDE_EXEC, m, any)) != NULL) {
		imsg_free(m);
		up_close(wrong);
		return 0;
	}
	return 1;
}

int
up_wait(struct imsg *m, union msg_any *any)
{
	while (!gone) {
		if (up_recv(m, any))
			return 1;
		if (!gone)
			wait_for(POLLIN);
	}
	return 0;
}

void
up_finish(void)
{
	struct imsg m;
	union msg_any any;

	if (gone)
		return;
	if (shutdown(PROC_FD, SHUT_WR) == -1)
		return;
	while (up_wait(&m, &any))
		imsg_free(&m);
}
