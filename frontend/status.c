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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "grpc.h"
#include "msg.h"
#include "pbcheck.h"
#include "pbwrite.h"
#include "status.h"

#define DOMAIN "telehandler"
#define TYPE_PREFIX "type.googleapis.com/google.rpc."

/*
 * Clients bound the trailers they take at 8 KiB in all, so the text is cut
 * where it goes in twice: once percent-encoded, once in the details.
 */
#define TEXT_MAX 1024
#define MESSAGE_MAX (2 * 1024)
#define DETAILS_MAX 3000 /* before base64 */

/* Copy, cut at a character, and make valid UTF-8 of what is none. */
static void
copy_text(char *dst, size_t size, const char *src)
{
	size_t i, len;

	len = strlcpy(dst, src, size);
	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)src[len] & 0xc0) == 0x80)
			len--;
		dst[len] = '\0';
	}
	if (pb_utf8((const uint8_t *)dst, len))
		return;
	for (i = 0; i < len; i++)
		if ((unsigned char)dst[i] >= 0x80)
			dst[i] = '?';
}

/* An entry of ErrorInfo.metadata, a map<string, string>. */
static void
metadata(struct pbw *w, const char *key, const char *value)
{
	size_t entry;

	if (value == NULL || value[0] == '\0')
		return;
	entry = pbw_open(w, 3);
	pbw_string(w, 1, key);
	pbw_string(w, 2, value);
	pbw_close(w, entry);
}

static void
error_info(struct pbw *w, const struct status *st)
{
	char number[16] = "";
	size_t any, value;

	if (st->error != 0)
		snprintf(number, sizeof(number), "%d", st->error);
	any = pbw_open(w, 3);
	pbw_string(w, 1, TYPE_PREFIX "ErrorInfo");
	value = pbw_open(w, 2);
	pbw_string(w, 1, st->reason);
	pbw_string(w, 2, DOMAIN);
	metadata(w, "name", st->name);
	metadata(w, "stage", st->stage);
	metadata(w, "errno", number);
	pbw_close(w, value);
	pbw_close(w, any);
}

static void
bad_request(struct pbw *w, const struct status *st, const char *text)
{
	size_t any, value, violation;

	if (st->field == NULL || st->field[0] == '\0')
		return;
	any = pbw_open(w, 3);
	pbw_string(w, 1, TYPE_PREFIX "BadRequest");
	value = pbw_open(w, 2);
	violation = pbw_open(w, 1);
	pbw_string(w, 1, st->field);
	pbw_string(w, 2, text);
	pbw_close(w, violation);
	pbw_close(w, value);
	pbw_close(w, any);
}

uint8_t *
status_details(const struct status *st, size_t *len)
{
	struct pbw w;
	char text[TEXT_MAX];

	copy_text(text, sizeof(text), st->text == NULL ? "" : st->text);
	pbw_init(&w, 0);
	pbw_int(&w, 1, st->code);
	pbw_string(&w, 2, text);
	error_info(&w, st);
	bad_request(&w, st, text);
	return pbw_done(&w, len);
}

void
header_set(nghttp2_nv *nv, const char *name, const char *value)
{
	nv->name = (uint8_t *)(uintptr_t)name;
	nv->namelen = strlen(name);
	nv->value = (uint8_t *)(uintptr_t)value;
	nv->valuelen = strlen(value);
	nv->flags = NGHTTP2_NV_FLAG_NONE;
}

/* Base64 without padding, as binary metadata are to be sent. */
static int
details_header(const struct status *st, nghttp2_nv *nv)
{
	static char value[DETAILS_MAX / 3 * 4 + 8];
	uint8_t *bin;
	size_t len;
	int n;

	if (st->reason == NULL || st->reason[0] == '\0' ||
	    (bin = status_details(st, &len)) == NULL)
		return 0;
	if (len > DETAILS_MAX) {
		free(bin);
		return 0;
	}
	n = EVP_EncodeBlock((unsigned char *)value, bin, len);
	free(bin);
	while (n > 0 && value[n - 1] == '=')
		value[--n] = '\0';
	header_set(nv, "grpc-status-details-bin", value);
	return 1;
}

size_t
status_headers(const struct status *st, nghttp2_nv nv[STATUS_HEADERS])
{
	static char code[12], message[MESSAGE_MAX];
	char text[TEXT_MAX];
	size_t n = 0;

	snprintf(code, sizeof(code), "%u", st->code);
	header_set(&nv[n++], "grpc-status", code);
	if (st->text != NULL && st->text[0] != '\0') {
		copy_text(text, sizeof(text), st->text);
		grpc_percent(message, sizeof(message), text);
		header_set(&nv[n++], "grpc-message", message);
	}
	if (st->offer_encodings)
		header_set(&nv[n++], "grpc-accept-encoding", "identity");
	n += details_header(st, &nv[n]);
	return n;
}

void
status_from_result(const struct msg_result *r, struct status *st)
{
	memset(st, 0, sizeof(*st));
	st->code = r->code <= RES_UNAUTHENTICATED ? r->code : RES_UNKNOWN;
	st->text = r->text;
	st->reason = r->reason;
	st->field = r->field;
	st->name = r->name;
	st->stage = exec_stage_name(r->stage);
	st->error = r->error;
}
