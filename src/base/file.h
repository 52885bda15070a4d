/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Whole files: read one, write one, replace one. All return 0 or a negative errno. */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stat;

/* Appends what can be read from fd to ret. -EFBIG when that is more than max bytes. */
int file_read_fd(int fd, size_t max, struct buf *ret);

/* The same of the file name in dir (AT_FDCWD: the current one). */
int file_read(int dir, const char *name, size_t max, struct buf *ret);

/* Writes all n bytes, however short the single writes are. */
int file_write_all(int fd, const void *bytes, size_t n);

/* Readers of name see the old bytes or the new ones, whole; with durable also after a power cut. The
 * temporary is name with ".tmp" behind it, or as tmp says. */
int file_replace_by(int dir, const char *name, const char *tmp, mode_t mode, const void *bytes,
		    size_t n, bool durable);
int file_replace(int dir, const char *name, mode_t mode, const void *bytes, size_t n, bool durable);

/* Whether two stats are of the same file with the same content, as far as stat can tell: device,
 * inode, size, modification time. */
bool file_same_stat(const struct stat *a, const struct stat *b);
