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

#ifndef TH_CLIENT_H
#define TH_CLIENT_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "thctl.h"

/*
 * A gRPC client on one connection. Nothing here blocks but client_step();
 * any number of calls may be under way.
 */

struct client;
struct call;

/* Status codes of gRPC that we look at. */
#define GRPC_OK 0
#define GRPC_CANCELLED 1
#define GRPC_UNKNOWN 2
#define GRPC_DEADLINE 4
#define GRPC_NOT_FOUND 5
#define GRPC_DENIED 7
#define GRPC_EXHAUSTED 8
#define GRPC_PRECONDITION 9
#define GRPC_UNIMPLEMENTED 12
#define GRPC_INTERNAL 13
#define GRPC_UNAVAILABLE 14
#define GRPC_DATA_LOSS 15
#define GRPC_UNAUTHENTICATED 16

/* How a call ended. */
struct call_status {
	int code;
	int local; /* made up here: the daemon has not answered */
	char message[1024];
	/* From the error details, empty or 0 if there were none. */
	char reason[64];
	char stage[32];
	char job[512]; /* the job's name */
	int error; /* errno */
};

struct call {
	/* Called with each message, valid during the call. 0 to go on. */
	int (*message)(struct call *, const uint8_t *, size_t);
	void *arg;
	int done;
	struct call_status status;

	/* The rest is the client's. */
	TAILQ_ENTRY(call) entry;
	int32_t stream;
	uint8_t *request;
	size_t request_len;
	size_t sent;
	uint8_t *buf;
	size_t len;
	size_t size;
	int http_status;
	int grpc_seen;
	int content_ok;
	unsigned int messages;
};

/*
 * Connect as the settings say, or print why not and what to do. Returns NULL
 * after the message.
 */
struct client *client_open(const struct settings *);
void client_close(struct client *);

/*
 * Start a call: method name and request. The call struct must stay until
 * done is set; timeout in milliseconds, or -1.
 */
void client_start(struct client *, struct call *, const char *,
    const ProtobufCMessage *, int64_t);
/* Nobody wants the rest of it. */
void client_cancel(struct client *, struct call *);

/*
 * Wait for something to happen, and deal with it. A signal that is not
 * blocked during the wait ends it. Returns 0, or -1 when the connection is
 * gone: every call is then done.
 */
int client_step(struct client *);

/* Run a call with one answer to its end. */
void client_finish(struct client *, struct call *);

/* Milliseconds that a server may take for each step up to its first bytes. */
#define SILENCE_MS 15000

/* CLOCK_MONOTONIC in milliseconds. */
int64_t now_ms(void);

/* transport.c: the bytes below. */
struct transport;
int transport_wait(int, short, int64_t);
struct transport *transport_open(const struct settings *);
void transport_close(struct transport *);
int transport_fd(const struct transport *);
/*
 * Read or write what is possible. Returns the count, 0 at end of file (read
 * only), or -1 with errno; EAGAIN, with the poll event wanted in *events.
 */
ssize_t transport_read(struct transport *, void *, size_t, short *);
ssize_t transport_write(struct transport *, const void *, size_t, short *);
/* Is there decrypted data that poll does not see? */
int transport_pending(const struct transport *);
/* Why the last operation failed, for a person. */
const char *transport_error(const struct transport *);
/* For the :authority. */
const char *transport_host(const struct transport *);

/* decode.c */
/* Decode grpc-message: percent-encoding, never more than size bytes. */
void percent_decode(const uint8_t *, size_t, char *, size_t);
/* grpc-status-details-bin, base64, into the status. */
void details_decode(const uint8_t *, size_t, struct call_status *);

#endif
