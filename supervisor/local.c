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
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "front.h"
#include "local.h"
#include "log.h"

#define BACKLOG 128
#define ACCEPT_PAUSE_SECONDS 1

static int local_fd = -1;
static char *local_path;
static struct event *accept_ev, *pause_ev;

/* uid:NAME of the process at the other end, from the kernel. */
static int
identify(int fd, char *identity, size_t size)
{
	struct passwd *pw;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -1;
	if (cred.uid == 0)
		snprintf(identity, size, "uid:root");
	else if ((pw = getpwuid(cred.uid)) != NULL &&
	    strlen(pw->pw_name) + 4 < size)
		snprintf(identity, size, "uid:%s", pw->pw_name);
	else
		snprintf(identity, size, "uid:%u", (unsigned int)cred.uid);
	return 0;
}

static void
hand_over(struct worker *w, int fd)
{
	char identity[MSG_IDENTITY_MAX + 1];
	struct msg_peer msg;

	memset(&msg, 0, sizeof(msg));
	if (identify(fd, identity, sizeof(identity)) == -1 ||
	    !name_identity_ok(identity) ||
	    (msg.conn = peer_local(w, identity)) == 0) {
		close(fd);
		return;
	}
	log_info("connection %016llx: %s, local", (unsigned long long)msg.conn,
	    log_vis(identity));
	(void)chan_send(w->chan, MSG_PEER_LOCAL, 0, &msg, &fd, 1,
	    CHAN_CLOSE_FDS);
	front_sent(w);
}

static void
local_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_add(accept_ev, NULL);
}

void
local_wake(void)
{
	if (accept_ev != NULL)
		event_add(accept_ev, NULL);
}

static void
local_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct timeval tv = { ACCEPT_PAUSE_SECONDS, 0 };
	struct worker *w;
	int fd;

	(void)what;
	(void)arg;
	/* Who comes while there is no frontend waits for local_wake(). */
	if ((w = front_any()) == NULL) {
		event_del(accept_ev);
		return;
	}
	fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd != -1) {
		hand_over(w, fd);
		return;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == ENOBUFS) {
		log_warn("local socket: accept");
		event_del(accept_ev);
		evtimer_add(pause_ev, &tv);
	}
}

/* Nobody behind it any more? Then it is in the way. */
static int
remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, r;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		 0)) == -1)
		return -1;
	r = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	close(fd);
	if (r == 0 || errno == EAGAIN) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlink(sun->sun_path);
}

static int
bind_local(const struct conf *conf)
{
	struct sockaddr_un sun;
	mode_t old;
	int r;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, conf->socket, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (remove_stale(&sun) == -1)
		return -1;
	old = umask(0777 & ~conf->socket_mode);
	r = bind(local_fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(old);
	if (r == -1)
		return -1;
	local_path = strdup(conf->socket);
	return listen(local_fd, BACKLOG);
}

int
local_open(struct event_base *base, const struct conf *conf)
{
	if (conf->socket == NULL)
		return 0;
	local_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (local_fd == -1 || bind_local(conf) == -1) {
		log_warn("local socket %s", conf->socket);
		return -1;
	}
	accept_ev = event_new(base, local_fd, EV_READ | EV_PERSIST,
	    local_accept, NULL);
	pause_ev = evtimer_new(base, local_resume, NULL);
	if (accept_ev == NULL || pause_ev == NULL ||
	    event_add(accept_ev, NULL) == -1) {
		log_warnx("local socket: out of memory");
		return -1;
	}
	return 0;
}

void
local_close(void)
{
	if (local_fd == -1)
		return;
	if (accept_ev != NULL) {
		event_free(accept_ev);
		event_free(pause_ev);
		accept_ev = pause_ev = NULL;
	}
	close(local_fd);
	local_fd = -1;
	if (local_path != NULL)
		(void)unlink(local_path);
}
