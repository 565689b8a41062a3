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

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "client.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#define ERROR_INFO "google.rpc.ErrorInfo"

static int
hex(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* What is not a proper escape stays as it is: never lose the message. */
void
percent_decode(const uint8_t *in, size_t len, char *out, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < len && n + 1 < size; i++) {
		if (in[i] == '%' && i + 2 < len && hex(in[i + 1]) != -1 &&
		    hex(in[i + 2]) != -1) {
			out[n++] = hex(in[i + 1]) << 4 | hex(in[i + 2]);
			i += 2;
		} else {
			out[n++] = in[i];
		}
	}
	out[n] = '\0';
}

static void
error_info(const ProtobufCBinaryData *value, struct call_status *st)
{
	Google__Rpc__ErrorInfo *info;
	const char *key, *text;
	size_t i;

	info = google__rpc__error_info__unpack(NULL, value->len, value->data);
	if (info == NULL)
		return;
	strlcpy(st->reason, info->reason, sizeof(st->reason));
	for (i = 0; i < info->n_metadata; i++) {
		key = info->metadata[i]->key;
		text = info->metadata[i]->value;
		if (strcmp(key, "stage") == 0)
			strlcpy(st->stage, text, sizeof(st->stage));
		else if (strcmp(key, "errno") == 0)
			st->error = strtonum(text, 0, 4096, NULL);
		else if (strcmp(key, "name") == 0)
			strlcpy(st->job, text, sizeof(st->job));
	}
	google__rpc__error_info__free_unpacked(info, NULL);
}

static void
unpack(const uint8_t *data, size_t len, struct call_status *st)
{
	Google__Rpc__Status *status;
	const char *type;
	size_t i;

	status = google__rpc__status__unpack(NULL, len, data);
	if (status == NULL)
		return;
	for (i = 0; i < status->n_details; i++) {
		type = strrchr(status->details[i]->type_url, '/');
		if (type != NULL && strcmp(type + 1, ERROR_INFO) == 0)
			error_info(&status->details[i]->value, st);
	}
	google__rpc__status__free_unpacked(status, NULL);
}

void
details_decode(const uint8_t *text, size_t len, struct call_status *st)
{
	uint8_t in[8192 + 4], out[8192];
	size_t pad;
	int n;

	if (len > 8192)
		return;
	memcpy(in, text, len);
	while (len > 0 && in[len - 1] == '=')
		len--;
	for (pad = 0; (len + pad) % 4 != 0; pad++)
		in[len + pad] = '=';
	if ((n = EVP_DecodeBlock(out, in, len + pad)) < (int)pad)
		return;
	unpack(out, n - pad, st);
}
