/* LINK: common/wire.c common/msg.c common/log.c */
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

#include <ctype.h>

#include "imsg.h"
#include "log.h"
#include "msg.h"

#include "fuzz.h"

/*
 * The one check before any handler, for every side and type, and the lists
 * of strings: {side, type, descriptors} and the payload.
 */

static void
check_string(const char *s, uint32_t max, const uint8_t *data, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	const char *vis;

	MUST(p >= data && p < data + len);
	MUST(p + strlen(s) < data + len);
	MUST(strlen(s) <= max);
	for (vis = log_vis(s); *vis != '\0'; vis++)
		MUST(isprint((unsigned char)*vis));
	for (vis = log_vis_line(s); *vis != '\0'; vis++)
		MUST(isprint((unsigned char)*vis));
}

static void
check_list(const struct wire_bytes *b)
{
	uint32_t n, i, count = 0;
	char **v;

	for (i = 0; i < b->len; i++)
		count += b->p[i] == '\0';
	for (n = count == 0 ? 0 : count - 1; n <= count + 1; n++) {
		v = wire_strings_split(b, n, 2);
		MUST((v != NULL) ==
		    (n == count && (b->len == 0 || b->p[b->len - 1] == '\0')));
		MUST((wire_strings_check(b, n) == 0) == (v != NULL));
		for (i = 0; v != NULL && i < n; i++)
			MUST((const uint8_t *)v[i + 2] + strlen(v[i + 2]) <
			    b->p + b->len);
		MUST(v == NULL || v[n + 2] == NULL);
		free(v);
	}
}

static void
check_field(const struct wire_field *f, const void *s, const uint8_t *data,
    size_t len)
{
	struct wire_bytes b;
	const char *text;

	if (f->type == WIRE_STR) {
		memcpy(&text, (const char *)s + f->offset, sizeof(text));
		check_string(text, f->max, data, len);
	} else if (f->type == WIRE_BYTES) {
		memcpy(&b, (const char *)s + f->offset, sizeof(b));
		MUST(b.len <= f->max);
		MUST(b.p >= data && b.p + b.len <= data + len);
		check_list(&b);
	}
}

/* What was accepted encodes to the same bytes again, and to nothing less. */
static void
check_same(const struct imsg *m, const void *any)
{
	static uint8_t again[IMSG_MAX];
	ssize_t n;

	n = msg_encode(m->hdr.type, any, again, sizeof(again));
	MUST(n == (ssize_t)m->len);
	MUST(memcmp(again, m->data, n) == 0);
	if (n > 0)
		MUST(msg_encode(m->hdr.type, any, again, n - 1) == -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const struct msg_desc *d;
	union msg_any any;
	struct imsg m;
	uint8_t *copy;
	unsigned int side;
	size_t i;

	memset(&m, 0, sizeof(m));
	side = 1U << input_u8(&in) % 4;
	m.hdr.type = input_u8(&in) % (MSG_MAX + 4);
	m.nfds = input_u8(&in) % (IMSG_MAX_FDS + 1);
	m.len = in.left;
	m.data = copy = fuzz_copy(in.p, in.left);
	d = msg_desc(m.hdr.type);
	if (msg_check(side, &m, &any) == NULL) {
		MUST(d != NULL && (d->sides & side) && d->nfds == m.nfds);
		for (i = 0; i < d->nfields; i++)
			check_field(&d->fields[i], &any, copy, m.len);
		check_same(&m, &any);
	}
	free(copy);
	return 0;
}
