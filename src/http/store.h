/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The directory of the address files that we write. Each is replaced whole, and is on the disk before
 * anybody is told "good". */

#include "base/buf.h"
#include "core/pattern.h"

#include <stdbool.h>

struct store;
struct uv_loop_s;

/* The pattern's files must all lie in one directory, and be named after the user. Opens it; logs what
 * is wrong. *ret_directory, borrowed from the store, is its path. 0 or an exit status (service/start.h). */
int store_new(struct uv_loop_s *loop, const struct pattern *p, struct store **ret,
	      const char **ret_directory);
struct store *store_free(struct store *s);

/* The user's file as it is; a missing one has no bytes. 0 or a negative errno. */
int store_read(const struct store *s, const char *user, struct buf *ret);

/* Replaces it by these bytes, which are taken over, in another thread. done is called once, never
 * before this returns, with 0, a negative errno, or FILE_E_UNSYNCED. Two writes of one user must not overlap. 0 or
 * -ENOMEM, and done is not called. */
typedef void store_done_fn(void *arg, int error);
int store_write(struct store *s, const char *user, struct buf *bytes, store_done_fn *done,
		void *arg);

/* Whether a power cut may undo what was written, for the directory could not be flushed since. */
bool store_is_unsynced(const struct store *s);

/* Flushes it, as store_write does behind its file. */
int store_sync(struct store *s, store_done_fn *done, void *arg);
