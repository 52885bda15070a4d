/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What reading an address file (source.c) and the way to it (source_open.c) share. */

#include "daemon/source.h"

/* What is to be known of a directory on the way. */
struct directory {
	uid_t owner;
	uint64_t mount;
	dev_t device;
};

/* Both put the reason into f->why. Returns error, a negative errno. */
int source_fail(struct source_file *f, int error, const char *path);

/* Returns SOURCE_E_REFUSED. */
int source_refuse(struct source_file *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Opens the file, with watches on the way, and tells what fstat(2) says of it, and the directory that it lies in. ret_fd is
 * the caller's with 0; else SOURCE_E_*, but for SAME, or a negative errno, as source_read returns them. */
int source_open(const struct source_place *at, struct source_file *f, struct stat *ret, struct directory *ret_dir, int *ret_fd);
