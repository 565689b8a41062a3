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

#ifndef TH_IMSG_H
#define TH_IMSG_H

#include <sys/types.h>

#include <stdint.h>

/*
 * Messages between the processes, in the manner of imsg: AF_UNIX
 * SOCK_SEQPACKET, so one datagram is one message with its descriptors.
 */

#define IMSG_MAX (160 * 1024) /* a whole message, header included */
#define IMSG_MAX_FDS 4

struct imsg_hdr {
	uint16_t type;
	uint16_t flags; /* 0 */
	uint32_t len; /* of the whole message */
	uint32_t id; /* pairs a reply with its request */
};

#define IMSG_MAX_DATA (IMSG_MAX - sizeof(struct imsg_hdr))

/*
 * A received message. data points into the caller's buffer. The descriptors
 * are close-on-exec and belong to the message until imsg_take_fd().
 */
struct imsg {
	struct imsg_hdr hdr;
	const uint8_t *data;
	size_t len; /* of data */
	int fds[IMSG_MAX_FDS];
	int nfds;
};

/*
 * Make a channel: two connected, non-blocking, close-on-exec ends.
 * Returns 0, or -1 with errno.
 */
int imsg_pair(int[2]);

/*
 * Send one message; never blocks, takes all or nothing. The descriptors
 * stay the caller's. Returns 0, or -1 with errno: EAGAIN if the socket is
 * full, EMSGSIZE, EPIPE, ...
 */
int imsg_send(int, uint16_t, uint32_t, const void *, size_t, const int *, int);

/* A message to be sent; nothing of it is kept. */
struct imsg_out {
	uint16_t type;
	uint32_t id;
	const void *data;
	size_t len;
	const int *fds;
	int nfds;
};

/*
 * Send several, at most IMSG_MANY, with one system call. Returns how many
 * the socket took, from the first on, or -1 with errno as imsg_send() if it
 * took none.
 */
#define IMSG_MANY 32
int imsg_send_many(int, const struct imsg_out *, int);

/*
 * Receive one message into buf, which holds IMSG_MAX bytes and is aligned as
 * malloc does. Returns 1, 0 at end of file, or -1 with errno: EAGAIN, or
 * EPROTO for a datagram that is no message (truncated, wrong length, too
 * many descriptors); its descriptors are closed.
 */
int imsg_recv(int, struct imsg *, void *);

/* Claim descriptor i, once; -1 if there is none. The caller closes it. */
int imsg_take_fd(struct imsg *, int);

/* Close the descriptors that nobody claimed. */
void imsg_free(struct imsg *);

#endif
