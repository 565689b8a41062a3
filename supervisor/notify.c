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
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "log.h"
#include "notify.h"

#define USEC 1000000

static int notify_fd = -1;
static struct sockaddr_un manager;
static socklen_t manager_len;

static int
set_manager(const char *path)
{
	size_t n = strlen(path);

	manager.sun_family = AF_UNIX;
	if (n < 2 || n >= sizeof(manager.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(manager.sun_path, path, n);
	if (path[0] == '@')
		manager.sun_path[0] = '\0';
	manager_len = offsetof(struct sockaddr_un, sun_path) + n;
	return 0;
}

void
notify_init(void)
{
	const char *path;

	if ((path = getenv("NOTIFY_SOCKET")) == NULL)
		return;
	if (set_manager(path) == -1) {
		log_warnx("NOTIFY_SOCKET is not usable: %s", log_vis(path));
		return;
	}
	if ((notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		log_warn("NOTIFY_SOCKET %s", log_vis(path));
}

/* By address each time: the manager may bind its socket anew. */
void
notify_send(const char *text)
{
	if (notify_fd != -1 &&
	    sendto(notify_fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&manager, manager_len) == -1)
		log_warn("notify %s", text);
}

/* The number in a variable, or 0. */
static uint64_t
number(const char *name)
{
	const char *text = getenv(name);
	unsigned long long n;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' ? 0 : n;
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_send("WATCHDOG=1");
}

/* As sd_watchdog_enabled(3) has it: without WATCHDOG_PID it is ours too. */
void
notify_watchdog(struct event_base *base)
{
	uint64_t usec = number("WATCHDOG_USEC");
	struct timeval tv;
	struct event *ev;

	if (notify_fd == -1 || usec < 2 ||
	    (getenv("WATCHDOG_PID") != NULL &&
		number("WATCHDOG_PID") != (uint64_t)getpid()))
		return;
	tv.tv_sec = usec / 2 / USEC;
	tv.tv_usec = usec / 2 % USEC;
	ev = event_new(base, -1, EV_PERSIST, on_watchdog, NULL);
	if (ev == NULL || event_add(ev, &tv) == -1)
		fatalx("watchdog: out of memory");
}
