/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The mount table: no inotify event tells that a file system was mounted over a directory, and only the table
 * tells, without touching them, which file systems may keep whoever touches them waiting for somebody else: a
 * server, or a process of a user. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mounts;
struct uv_loop_s;

struct mount {
	uint64_t id;		/* as statx(2) tells it; the number of one that was unmounted is given again */
	const char *point, *type;
	uint64_t print;		/* of all that the table says of it */
	unsigned line;		/* of several mounts on one point, the last covers the others */
	enum { MOUNT_HERE, MOUNT_MAY_WAIT, MOUNT_AUTOFS } kind;
};

/* Reads /proc/self/mountinfo. 0 or a negative errno. */
int mounts_new(struct mounts **ret);
struct mounts *mounts_free(struct mounts *m);

/* From now on it is read after each change, and then changed is called. 0 or a negative errno. */
int mounts_watch(struct mounts *m, struct uv_loop_s *loop, void (*changed)(void *arg), void *arg);

/* What is said of a mount holds until the loop runs again. All are of the table as it was read last. */

/* The points where something was mounted, unmounted or changed between the last two readings, one by one from 0 on; NULL:
 * there are no more. Something was unmounted and mounted again where there are none. When it cannot be told, / is among
 * them. */
const char *mounts_news(const struct mounts *m, size_t i);

/* What is mounted exactly at this absolute path, covering the others; NULL: nothing. */
const struct mount *mounts_at(const struct mounts *m, const char *path);

/* Whether there is any file system that may wait, or any autofs. */
bool mounts_any_waits(const struct mounts *m);
bool mounts_any_autofs(const struct mounts *m);

/* NULL: there is none with this number. */
const struct mount *mounts_find(const struct mounts *m, uint64_t id);

/* The file system that may wait, if going to this absolute path leads to one; NULL: it does not, as far as the
 * table goes. Links among the first n_trusted components are followed, unless they lie on such a file system
 * themselves; further on nobody follows any. */
const struct mount *mounts_waits_for(const struct mounts *m, const char *path, unsigned n_trusted);

enum mounts_where {
	MOUNTS_ELSEWHERE,
	MOUNTS_ON_WAY,
	MOUNTS_BELOW,	/* its end */
};

/* Where a mount point lies, seen from the way to this absolute path, on which all links are followed. *ret_below, with
 * MOUNTS_BELOW: what follows the end in it, without the slash between. A way that is known in part only, for it leads into a
 * file system that may wait, has every point on it. */
enum mounts_where mounts_where(const struct mounts *m, const char *path, const char *point, const char **ret_below);
