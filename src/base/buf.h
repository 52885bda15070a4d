/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Bytes that grow. A failed allocation is remembered: append freely, ask once at the end. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len, size;
	bool failed;
};

/* A zeroed struct buf is an empty one. */
void buf_deinit(struct buf *b);

/* Makes room for n more bytes and returns where they go; NULL when there is no memory. The
 * caller writes up to n bytes there and adds what it wrote to b->len. */
char *buf_room(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Appends bytes from outside in a form that is safe in a log line: printable ASCII as it is,
 * a backslash as \\, every other byte as \xNN; after max bytes of input it ends in "...". */
void buf_add_escaped(struct buf *b, const void *bytes, size_t n, size_t max);

/* 0, or -ENOMEM when anything since the start (or the last buf_clear) did not fit. */
int buf_error(const struct buf *b);

/* NUL behind the content (not counted in len); "" when there is no memory. */
const char *buf_str(struct buf *b);

/* Whether they hold the same bytes. */
bool buf_same(const struct buf *a, const struct buf *b);

/* Empty, with its memory kept. */
void buf_clear(struct buf *b);
