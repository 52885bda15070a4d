/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/database_impl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int database_write_at(int fd, const void *bytes, size_t n, uint64_t pos)
{
	for (size_t at = 0; at < n;) {
		ssize_t done = pwrite(fd, (const uint8_t *)bytes + at, n - at, (off_t)(pos + at));

		if (!done) {
			return -EIO;
		}
		if (done < 0 && errno != EINTR) {
			return -errno;
		}
		at += done > 0 ? (size_t)done : 0;
	}
	return 0;
}

int database_read_at(int fd, void *ret, size_t n, uint64_t pos)
{
	for (size_t at = 0; at < n;) {
		ssize_t done = pread(fd, (uint8_t *)ret + at, n - at, (off_t)(pos + at));

		if (!done) {
			return -EIO;
		}
		if (done < 0 && errno != EINTR) {
			return -errno;
		}
		at += done > 0 ? (size_t)done : 0;
	}
	return 0;
}

void database_spots_begin(struct database_spots *s, int fd, uint64_t size)
{
	s->fd = fd;
	s->size = size;
	s->n = s->end = 0;
}

/* What the file has behind the first of those that are near. */
static int read_rest(struct database_spots *s)
{
	uint64_t left = s->size - s->pos;
	size_t n = left < sizeof(s->bytes) ? (size_t)left : sizeof(s->bytes);
	int r = database_read_at(s->fd, s->bytes + s->n, n - s->n, s->pos + s->n);

	s->n = r ? s->n : n;
	return r;
}

int database_spots_put(struct database_spots *s, const void *bytes, size_t n, uint64_t pos)
{
	bool near = s->n && pos >= s->pos && pos - s->pos <= sizeof(s->bytes) - n && pos + n <= s->size;
	int r = 0;

	if (near && pos - s->pos + n > s->n) {
		r = read_rest(s);
	} else if (!near) {
		r = database_spots_end(s);
		s->pos = pos;
		s->n = n;
	}
	if (!r) {
		memcpy(s->bytes + (pos - s->pos), bytes, n);
		s->end = (size_t)(pos - s->pos) + n > s->end ? (size_t)(pos - s->pos) + n : s->end;
	}
	return r;
}

int database_spots_end(struct database_spots *s)
{
	int r = s->end ? database_write_at(s->fd, s->bytes, s->end, s->pos) : 0;

	s->n = s->end = 0;
	return r;
}

void database_writer_begin(struct database_writer *w, int fd, uint64_t pos)
{
	*w = (struct database_writer){ .fd = fd, .pos = pos, .piece = malloc(DATABASE_PIECE) };
	w->error = w->piece ? 0 : -ENOMEM;
}

void database_writer_end(struct database_writer *w)
{
	free(w->piece);
	w->piece = NULL;
}

void database_flush(struct database_writer *w)
{
	if (!w->error) {
		w->error = database_write_at(w->fd, w->piece, w->n, w->pos);
	}
	w->pos += w->n;
	w->n = 0;
}

uint8_t *database_room(struct database_writer *w, size_t n)
{
	if (DATABASE_PIECE - w->n < n) {
		database_flush(w);
	}
	return w->piece + w->n;
}

void database_add(struct database_writer *w, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n && w->piece) {
		size_t part = n < DATABASE_PIECE ? n : DATABASE_PIECE;

		memcpy(database_room(w, part), at, part);
		w->n += part;
		at += part;
		n -= part;
	}
}

void database_add_from(struct database_writer *w, int fd, uint64_t pos, uint64_t end)
{
	while (pos < end && !w->error) {
		size_t left = DATABASE_PIECE - w->n, part = end - pos < left ? (size_t)(end - pos) : left;

		w->error = database_read_at(fd, w->piece + w->n, part, pos);
		w->n += part;
		pos += part;
		if (w->n == DATABASE_PIECE) {
			database_flush(w);
		}
	}
}
