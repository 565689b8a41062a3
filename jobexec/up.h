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

#ifndef TH_UP_H
#define TH_UP_H

#include "imsg.h"
#include "msg.h"

/*
 * The channel to the supervisor, on PROC_FD. When the supervisor is gone the
 * job goes on: sending does nothing then.
 */

/* Log lines go up from now on. */
void up_init(void);

/* Is the supervisor there? */
int up_alive(void);

/* For poll(2): the descriptor, or -1 once the supervisor is gone. */
int up_fd(void);

/* Send a message; waits if the socket is full. */
void up_send(enum msg_type, const void *, const int *, int);

/*
 * Receive a message, checked and decoded. Strings and bytes in it point into
 * a buffer that the next call overwrites. Returns 1, or 0 if there is none
 * or the supervisor is gone.
 */
int up_recv(struct imsg *, union msg_any *);

/* Wait for the next message. The same, but 0 says that it is gone. */
int up_wait(struct imsg *, union msg_any *);

/* Give the channel up: the other side broke the protocol. */
void up_close(const char *);

/*
 * The last message has been sent: wait until the supervisor closes. To leave
 * with messages of its unread would reset the connection, and it might then
 * not see ours.
 */
void up_finish(void);

#endif
