/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The mount table: no inotify event tells that a file system was mounted over a directory. */

#include <stdbool.h>

struct mounts;
struct uv_loop_s;

/* changed is called after each change of /proc/self/mountinfo. 0 or a negative errno. */
int mounts_new(struct uv_loop_s *loop, void (*changed)(void *arg), void *arg, struct mounts **ret);
struct mounts *mounts_free(struct mounts *m);

/* Whether something is mounted exactly at this absolute path, as the table said last. */
bool mounts_has(const struct mounts *m, const char *path);
