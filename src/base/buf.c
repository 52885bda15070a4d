/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_deinit(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

char *buf_room(struct buf *b, size_t n)
{
	size_t size = b->size ? b->size : 256;
	char *data;

	if (b->failed) {
		return NULL;
	}
	if (b->data && n <= b->size - b->len) {
		return b->data + b->len;
	}
	while (size - b->len < n) {
		if (size > SIZE_MAX / 2) {
			b->failed = true;
			return NULL;
		}
		size *= 2;
	}
	data = realloc(b->data, size);
	if (!data) {
		b->failed = true;
		return NULL;
	}
	b->data = data;
	b->size = size;
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *room = buf_room(b, n);

	if (room && n) {
		memcpy(room, bytes, n);
		b->len += n;
	}
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *format, va_list ap)
{
	va_list again;
	char *room;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0) {
		b->failed = true;
		return;
	}
	room = buf_room(b, (size_t)n + 1);
	if (room) {
		(void)vsnprintf(room, (size_t)n + 1, format, ap); /* measured just now */
		b->len += (size_t)n;
	}
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vprintf(b, format, ap);
	va_end(ap);
}

void buf_add_escaped(struct buf *b, const void *bytes, size_t n, size_t max)
{
	const unsigned char *p = bytes;
	size_t shown = n < max ? n : max;

	for (size_t i = 0; i < shown; i++) {
		if (p[i] == '\\') {
			buf_add(b, "\\\\", 2);
		} else if (p[i] < ' ' || p[i] > '~') {
			buf_printf(b, "\\x%02x", p[i]);
		} else {
			buf_add(b, p + i, 1);
		}
	}
	if (n > max) {
		buf_adds(b, "...");
	}
}

int buf_error(const struct buf *b)
{
	return b->failed ? -ENOMEM : 0;
}

const char *buf_str(struct buf *b)
{
	char *end = buf_room(b, 1);

	if (!end) {
		return "";
	}
	*end = '\0';
	return b->data;
}

bool buf_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}
