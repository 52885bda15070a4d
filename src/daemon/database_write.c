/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/database_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int database_write_at(int fd, const void *bytes, size_t n, uint64_t pos)
{
	const uint8_t *at = bytes;

	while (n) {
		ssize_t done = pwrite(fd, at, n, (off_t)pos);

		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return done ? -errno : -EIO;
		}
		at += done;
		pos += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

int database_read_at(int fd, void *ret, size_t n, uint64_t pos)
{
	uint8_t *at = ret;

	while (n) {
		ssize_t done = pread(fd, at, n, (off_t)pos);

		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return done ? -errno : -EIO;
		}
		at += done;
		pos += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
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
