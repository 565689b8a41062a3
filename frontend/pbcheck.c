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

#include <stddef.h>
#include <string.h>

#include "pbcheck.h"

/* How deep groups may nest in an unknown field. */
#define GROUP_DEPTH 16

#define WIRE_VARINT 0
#define WIRE_64BIT 1
#define WIRE_LENGTH 2
#define WIRE_GROUP 3
#define WIRE_END 4
#define WIRE_32BIT 5

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
};

struct value {
	uint64_t n;
	const uint8_t *p; /* of WIRE_LENGTH, n bytes */
};

struct entry {
	const char *key;
	const char *value;
};

static const int wire_of[] = {
	[PROTOBUF_C_TYPE_INT32] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_INT64] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_UINT32] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_UINT64] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_SINT32] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_SINT64] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_BOOL] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_ENUM] = WIRE_VARINT,
	[PROTOBUF_C_TYPE_FIXED64] = WIRE_64BIT,
	[PROTOBUF_C_TYPE_SFIXED64] = WIRE_64BIT,
	[PROTOBUF_C_TYPE_DOUBLE] = WIRE_64BIT,
	[PROTOBUF_C_TYPE_FIXED32] = WIRE_32BIT,
	[PROTOBUF_C_TYPE_SFIXED32] = WIRE_32BIT,
	[PROTOBUF_C_TYPE_FLOAT] = WIRE_32BIT,
	[PROTOBUF_C_TYPE_STRING] = WIRE_LENGTH,
	[PROTOBUF_C_TYPE_BYTES] = WIRE_LENGTH,
	[PROTOBUF_C_TYPE_MESSAGE] = WIRE_LENGTH,
};

static int
get_varint(struct cursor *c, uint64_t *n)
{
	unsigned int shift;
	uint8_t b;

	*n = 0;
	for (shift = 0; shift < 70; shift += 7) {
		if (c->p == c->end)
			return -1;
		b = *c->p++;
		/* The tenth byte has but one bit left. */
		if (shift == 63 && b > 1)
			return -1;
		*n |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0)
			return 0;
	}
	return -1;
}

static int
get_tag(struct cursor *c, uint32_t *number, int *wire)
{
	uint64_t tag;

	if (get_varint(c, &tag) == -1 || tag > UINT32_MAX || tag >> 3 == 0)
		return -1;
	*number = tag >> 3;
	*wire = tag & 7;
	return 0;
}

static int
take(struct cursor *c, size_t n)
{
	if ((size_t)(c->end - c->p) < n)
		return -1;
	c->p += n;
	return 0;
}

/* Little endian. */
static int
get_fixed(struct cursor *c, size_t size, uint64_t *n)
{
	const uint8_t *p = c->p;
	size_t i;

	if (take(c, size) == -1)
		return -1;
	for (i = 0; i < size; i++)
		*n |= (uint64_t)p[i] << 8 * i;
	return 0;
}

/* A value that is no group. */
static int
get_value(struct cursor *c, int wire, struct value *v)
{
	v->n = 0;
	v->p = c->p;
	switch (wire) {
	case WIRE_VARINT:
		return get_varint(c, &v->n);
	case WIRE_64BIT:
		return get_fixed(c, 8, &v->n);
	case WIRE_32BIT:
		return get_fixed(c, 4, &v->n);
	case WIRE_LENGTH:
		if (get_varint(c, &v->n) == -1)
			return -1;
		v->p = c->p;
		return v->n > SIZE_MAX ? -1 : take(c, v->n);
	default:
		return -1;
	}
}

/* Skip an unknown group whose start was just read. */
static int
skip_group(struct cursor *c, uint32_t number)
{
	uint32_t open[GROUP_DEPTH];
	struct value v;
	size_t depth = 0;
	int wire;

	open[depth++] = number;
	while (depth > 0) {
		if (get_tag(c, &number, &wire) == -1)
			return -1;
		if (wire == WIRE_GROUP) {
			if (depth == GROUP_DEPTH)
				return -1;
			open[depth++] = number;
		} else if (wire == WIRE_END) {
			if (open[--depth] != number)
				return -1;
		} else if (get_value(c, wire, &v) == -1) {
			return -1;
		}
	}
	return 0;
}

/* How many bytes the sequence that begins here has, or 0 if it is wrong. */
static size_t
utf8_sequence(const uint8_t *p, size_t left)
{
	uint32_t c, least;
	size_t i, n;

	if ((p[0] & 0xe0) == 0xc0) {
		n = 2;
		c = p[0] & 0x1f;
		least = 0x80;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3;
		c = p[0] & 0x0f;
		least = 0x800;
	} else if ((p[0] & 0xf8) == 0xf0) {
		n = 4;
		c = p[0] & 0x07;
		least = 0x10000;
	} else {
		return 0;
	}
	if (left < n)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

int
pb_utf8(const uint8_t *p, size_t len)
{
	size_t n;

	while (len > 0) {
		n = p[0] < 0x80 ? 1 : utf8_sequence(p, len);
		if (n == 0)
			return 0;
		p += n;
		len -= n;
	}
	return 1;
}

static void
append(struct pb_strings *s, const uint8_t *p, size_t len)
{
	s->count++;
	if (s->overflow || len >= s->size - s->len) {
		s->overflow = 1;
		return;
	}
	memcpy(s->buf + s->len, p, len);
	s->buf[s->len + len] = '\0';
	s->len += len + 1;
}

static enum pb_error
store_string(const ProtobufCFieldDescriptor *fd, const struct value *v,
    void *dst, struct pb_in *in)
{
	char *s;

	if (!pb_utf8(v->p, v->n))
		return PB_UTF8;
	if (v->n > 0 && memchr(v->p, '\0', v->n) != NULL) {
		if (in->field == NULL)
			in->field = fd->name;
		return PB_OK;
	}
	if (fd->label == PROTOBUF_C_LABEL_REPEATED) {
		append(dst, v->p, v->n);
		return PB_OK;
	}
	/* Tag and length are two bytes at least, so the NUL has its room. */
	if (v->n + 1 > in->size - in->used)
		return PB_MALFORMED;
	s = in->room + in->used;
	memcpy(s, v->p, v->n);
	s[v->n] = '\0';
	in->used += v->n + 1;
	memcpy(dst, &s, sizeof(s));
	return PB_OK;
}

/* An entry of map<string, string> is a message; what it lacks is "". */
static enum pb_error
store_entry(const ProtobufCFieldDescriptor *fd, const struct value *v,
    struct pb_strings *dst, struct pb_in *in)
{
	static const struct pb_map map[] = {
		{ 1, offsetof(struct entry, key), NULL, 0, 0 },
		{ 2, offsetof(struct entry, value), NULL, 0, 0 },
	};
	const char *before = in->field;
	struct entry e = { "", "" };
	enum pb_error r;

	r = pb_decode(fd->descriptor, map, 2, v->p, v->n, &e, in);
	if (r == PB_NUL && before == NULL)
		in->field = fd->name;
	if (r != PB_OK)
		return r;
	append(dst, (const uint8_t *)e.key, strlen(e.key));
	append(dst, (const uint8_t *)e.value, strlen(e.value));
	return PB_OK;
}

static enum pb_error
store(const ProtobufCFieldDescriptor *fd, const struct pb_map *m,
    const struct value *v, char *out, struct pb_in *in)
{
	int32_t i32 = (int32_t)v->n;
	int b = v->n != 0;
	void *dst = out + m->offset;

	switch (fd->type) {
	case PROTOBUF_C_TYPE_STRING:
		return store_string(fd, v, dst, in);
	case PROTOBUF_C_TYPE_MESSAGE:
		if (fd->label == PROTOBUF_C_LABEL_REPEATED)
			return store_entry(fd, v, dst, in);
		b = 1;
		memcpy(out + m->present, &b, sizeof(b));
		return pb_decode(fd->descriptor, m->sub, m->nsub, v->p, v->n,
		    dst, in);
	case PROTOBUF_C_TYPE_BOOL:
		memcpy(dst, &b, sizeof(b));
		return PB_OK;
	case PROTOBUF_C_TYPE_INT32:
		memcpy(dst, &i32, sizeof(i32));
		return PB_OK;
	default:
		memcpy(dst, &v->n, sizeof(v->n));
		return PB_OK;
	}
}

static const struct pb_map *
map_find(const struct pb_map *map, size_t n, uint32_t number)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (map[i].number == number)
			return &map[i];
	return NULL;
}

/* One field. */
static enum pb_error
decode_field(const ProtobufCMessageDescriptor *desc, const struct pb_map *map,
    size_t nmap, struct cursor *c, void *out, struct pb_in *in)
{
	const ProtobufCFieldDescriptor *fd;
	const struct pb_map *m;
	struct value v;
	uint32_t number;
	int wire;

	if (get_tag(c, &number, &wire) == -1)
		return PB_MALFORMED;
	fd = protobuf_c_message_descriptor_get_field(desc, number);
	m = map_find(map, nmap, number);
	if (fd == NULL || m == NULL) {
		if (wire == WIRE_GROUP ? skip_group(c, number) == -1 :
					 get_value(c, wire, &v) == -1)
			return PB_MALFORMED;
		return PB_OK;
	}
	if (wire != wire_of[fd->type] || get_value(c, wire, &v) == -1)
		return PB_MALFORMED;
	return store(fd, m, &v, out, in);
}

enum pb_error
pb_decode(const ProtobufCMessageDescriptor *desc, const struct pb_map *map,
    size_t nmap, const uint8_t *data, size_t len, void *out, struct pb_in *in)
{
	struct cursor c;
	enum pb_error e = PB_OK;

	if (len == 0)
		return PB_OK; /* and there may be no data */
	c.p = data;
	c.end = data + len;
	while (e == PB_OK && c.p < c.end)
		e = decode_field(desc, map, nmap, &c, out, in);
	if (e == PB_OK && in->field != NULL)
		return PB_NUL;
	return e;
}
