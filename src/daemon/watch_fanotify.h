/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One fanotify(7) mark on each file system that has address files, instead of an inotify watch on each directory,
 * which costs the kernel 1.3 KB. The whole file system's events come, with the directory's handle and the name.
 * It takes CAP_SYS_ADMIN to begin, and nothing to go on; so it is opened at the start, and outlives each watch.
 *
 * A directory is known by a number, its key: a hash of file system and handle. Two may have the same one: then
 * somebody is looked at once too often. */

#include "core/pattern.h"

#include <stdint.h>
#include <sys/types.h>

struct watch_fanotify;
struct uv_loop_s;

/* Marks the file systems of the directories that all users of a pattern share; unmarked is called for each that cannot
 * be, when another can. -EPERM, -ENOSYS: it is not to be had here; or another negative errno. */
int watch_fanotify_open(const struct pattern *patterns, unsigned n_patterns,
			void (*unmarked)(const struct pattern *p, int error), struct watch_fanotify **ret);

/* A file system's mark goes when it is unmounted, without an event; mounted again, it is the same one, and has none. Forgets
 * the marks that are gone. Returns how many. No other thread may ask for a key meanwhile. */
unsigned watch_fanotify_forget_unmounted(struct watch_fanotify *f);

/* The memory goes when the loop, if there was one, has run once more. */
struct watch_fanotify *watch_fanotify_free(struct watch_fanotify *f);

/* None of them may aim elsewhere. */
struct watch_fanotify_handlers {
	/* In the directory of this key, mask (as of inotify(7)) happened to the name; "." is the directory. */
	void (*event)(void *arg, int key, uint32_t mask, const char *name);
	/* Behind what is read at once. */
	void (*end)(void *arg);
	/* Events were lost. */
	void (*lost)(void *arg);
	void *arg;
};

/* From now on, events go there. The first time, it is hung on the loop. 0 or a negative errno. */
int watch_fanotify_aim(struct watch_fanotify *f, struct uv_loop_s *loop, const struct watch_fanotify_handlers *h);

/* Hands on what the kernel has by now. */
void watch_fanotify_read(struct watch_fanotify *f);

/* The key, negative and never -1, of the directory of that name in dir_fd, or of dir_fd itself, where it is empty; on: the
 * file system that it lies on, or NULL. -EXDEV: that one is not marked. */
int watch_fanotify_key(const struct watch_fanotify *f, int dir_fd, const char *name, const fsid_t *on, int *ret_key);
