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

#ifndef TH_API_H
#define TH_API_H

#include <stdint.h>

#include "client.h"
#include "drrev/telehandler/foreman/v1alpha1/telehandler.pb-c.h"

/* The generated names, without their package. */
#define api_job_response Drrev__Telehandler__Foreman__V1alpha1__JobResponse
#define api_job_status Drrev__Telehandler__Foreman__V1alpha1__JobStatus
#define api_label                                                              \
	Drrev__Telehandler__Foreman__V1alpha1__StartJobRequest__LabelsEntry
#define api_label_init                                                         \
	drrev__telehandler__foreman__v1alpha1__start_job_request__labels_entry__init
#define api_job_output Drrev__Telehandler__Foreman__V1alpha1__JobOutput
#define api_start Drrev__Telehandler__Foreman__V1alpha1__StartJobRequest
#define api_stop Drrev__Telehandler__Foreman__V1alpha1__StopJobRequest
#define api_get Drrev__Telehandler__Foreman__V1alpha1__GetJobStatusRequest
#define api_wait Drrev__Telehandler__Foreman__V1alpha1__WaitJobRequest
#define api_watch Drrev__Telehandler__Foreman__V1alpha1__WatchJobOutputRequest
#define api_start_init                                                         \
	drrev__telehandler__foreman__v1alpha1__start_job_request__init
#define api_stop_init                                                          \
	drrev__telehandler__foreman__v1alpha1__stop_job_request__init
#define api_get_init                                                           \
	drrev__telehandler__foreman__v1alpha1__get_job_status_request__init
#define api_wait_init                                                          \
	drrev__telehandler__foreman__v1alpha1__wait_job_request__init
#define api_watch_init                                                         \
	drrev__telehandler__foreman__v1alpha1__watch_job_output_request__init
#define API_JOB_RESPONSE                                                       \
	(&drrev__telehandler__foreman__v1alpha1__job_response__descriptor)
#define API_JOB_STATUS                                                         \
	(&drrev__telehandler__foreman__v1alpha1__job_status__descriptor)
#define API_JOB_OUTPUT                                                         \
	(&drrev__telehandler__foreman__v1alpha1__job_output__descriptor)

/*
 * A call with one answer, run to its end; prepared by api_prepare(). The
 * answer is of the type given, NULL if the call failed or no type was given.
 * It belongs to the call: api_free().
 */
struct api_call {
	struct call call;
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *answer;
};

void api_prepare(struct api_call *, const ProtobufCMessageDescriptor *);
/* The same arguments as client_start(). Returns 0, or -1: see the status. */
int api_run(struct client *, struct api_call *, const char *,
    const ProtobufCMessage *, int64_t);
void api_free(struct api_call *);

/* Connect with the settings completed. NULL after a message. */
struct client *api_open(const struct options *);

/*
 * Print why a call about something failed, and what to do. Returns the exit
 * code for it.
 */
int api_failed(const char *, const struct call_status *);

/* Fill in the request to start what the operands say; api_start_free(). */
void api_start_fill(struct api_start *, const struct options *,
    const struct operands *);
void api_start_free(struct api_start *);

/* What a program that stands for a job exits with. */
struct job_end {
	const char *reason;
	int exit_code;
	const char *stage; /* that failed, or "" */
	int error; /* errno of it */
};
int job_exit_code(const struct job_end *);

/* The name of a state: JOB_STATE_RUNNING, and RUNNING. */
const char *api_state(int);
const char *api_state_short(int);

/* Text of a status for a person: what happened. */
const char *status_text(const struct call_status *);

#endif
