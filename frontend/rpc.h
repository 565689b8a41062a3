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

#ifndef TH_FRONT_RPC_H
#define TH_FRONT_RPC_H

#include <sys/types.h>

struct call;
struct msg_job_info;
struct msg_job_started;
struct msg_result;
struct rpc;

/* The methods of the API. NULL unless the path is exactly that of one. */
const struct rpc *rpc_find(const char *, size_t);

/* The request is complete: check it and ask the supervisor. */
void rpc_dispatch(struct call *);

/* What the supervisor answered. */
void rpc_started(struct call *, const struct msg_job_started *);
void rpc_info(struct call *, const struct msg_job_info *);
void rpc_result(struct call *, const struct msg_result *);

#endif
