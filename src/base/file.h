/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Whole files: read one, write one, replace one. All return 0 or a negative errno. */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stat;
struct timespec;

/* Appends what can be read from fd to ret. -EFBIG when that is more than max bytes. */
int file_read_fd(int fd, size_t max, struct buf *ret);

/* The same of the file name in dir (AT_FDCWD: the current one). */
int file_read(int dir, const char *name, size_t max, struct buf *ret);

/* Writes all n bytes, however short the single writes are. */
int file_write_all(int fd, const void *bytes, size_t n);

/* Readers of name see the old bytes or the new ones, whole. The temporary is name with ".tmp" behind it. */
int file_replace(int dir, const char *name, mode_t mode, const void *bytes, size_t n);

/* The same, also after a power cut once it has returned 0; tmp is the temporary's name. FILE_E_UNSYNCED: it
 * is replaced, but a power cut may still undo that. */
enum { FILE_E_UNSYNCED = 1 };
int file_replace_durably(int dir, const char *name, const char *tmp, mode_t mode,
			 const void *bytes, size_t n);

/* The same in steps, for what is not in memory as a whole: between them the caller writes to *ret_fd, which is
 * file_end's to close, also when it fails; then tmp is gone. */
int file_begin(int dir, const char *tmp, mode_t mode, int *ret_fd);
int file_end(int dir, const char *tmp, const char *name, int *fd);

/* Whether path is top itself, or below it, by their letters: both are absolute, without links or "..". */
bool file_is_below(const char *path, const char *top);

/* Whether a is the later of two times of files. */
bool file_is_later(const struct timespec *a, const struct timespec *b);

/* Whether two stats are of the same file with the same content, as far as stat can tell: device,
 * inode, size, modification time. */
bool file_same_stat(const struct stat *a, const struct stat *b);

/* The same, and nothing else of the file has changed either: its owner, mode, or links. */
bool file_same_state(const struct stat *a, const struct stat *b);
