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
 * SOCK_SEQPACKET. A datagram is one message with its descriptors, or several
 * without any, one after the other: the kernel's work for a datagram is more
 * than all else about a small message.
 */

#define IMSG_MAX (160 * 1024) /* a whole datagram, headers included */
#define IMSG_MAX_FDS 4
#define IMSG_MANY 32 /* messages in a datagram, at most */

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
	int lost; /* its descriptors are: there was no room for them */
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
 * Send several, at most IMSG_MANY, with as few system calls and datagrams as
 * it takes. Returns how many the socket took, from the first on, or -1 with
 * errno as imsg_send() if it took none.
 */
int imsg_send_many(int, const struct imsg_out *, int);

/* A datagram that is being taken apart. */
struct imsg_in {
	uint8_t *buf; /* the caller's, IMSG_MAX bytes */
	size_t len;
	size_t off; /* of the next message */
	unsigned int count; /* of messages before it */
	int fds[IMSG_MAX_FDS];
	int nfds;
	int lost; /* there was no room for its descriptors */
};

/*
 * Receive one datagram. Returns 1, 0 at end of file, or -1 with errno:
 * EAGAIN, or EPROTO for one that was truncated or has too many descriptors,
 * which are then closed.
 */
int imsg_read(int, struct imsg_in *);

/*
 * The next message of it. Returns 1, 0 when there is none left, or -1 with
 * EPROTO where there is no message (wrong length, too many of them,
 * descriptors with several); descriptors are closed then.
 */
int imsg_next(struct imsg_in *, struct imsg *);

/*
 * Receive a datagram of one message into buf, for those who expect no more.
 * Returns as imsg_read() does; also -1 with EMFILE and lost set, for a good
 * message whose descriptors this process has no room for.
 */
int imsg_recv(int, struct imsg *, void *);

/* Claim descriptor i, once; -1 if there is none. The caller closes it. */
int imsg_take_fd(struct imsg *, int);

/* Close the descriptors that nobody claimed. */
void imsg_free(struct imsg *);

#endif
