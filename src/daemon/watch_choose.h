/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Whether fanotify is taken, as `watch` says: with auto, where inotify's limit would not do, or the kernel's memory
 * would go for its watches. */

#include <stdint.h>

struct conf;
struct watch_fanotify;

/* The directories that inotify would have to watch: one for each user and level that is his own; those that all share do
 * not count. */
uint64_t watch_n_directories(const struct conf *conf);

/* fs.inotify.max_user_watches; UINT64_MAX: it cannot be told. */
uint64_t watch_limit(void);

/* To be done while the process still has the rights of the start. Which one it is, and why, goes to the log where it
 * is not inotify as everywhere. NULL: inotify alone. */
struct watch_fanotify *watch_choose(const struct conf *conf);
