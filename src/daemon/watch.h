/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* inotify, or fanotify -> "look at this user again". A hint, never the truth: events get lost, queues overflow,
 * file systems are mounted over. Watches are on directories only, one for each, however many users
 * and patterns need it; names are matched exactly. What lies on a file system that fanotify has marked
 * (watch_fanotify.h) needs none.
 *
 * A directory of a single user in which there is no end of events is not watched for a while, so that the others
 * are; each such while is longer than the last.
 *
 * A directory of a pattern is named by its level: the directory that its first `level` components
 * lead to, 0 being the root. Levels up to pattern.first_user are the same for all users. */

#include "core/pattern.h"
#include "core/users.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/vfs.h>

#define WATCH_SHARED UINT32_MAX	/* instead of a user, for a level that all users share */

struct watch;
struct watch_fanotify;
struct uv_loop_s;

/* None of them may free the watch. */
struct watch_handlers {
	/* This user's file of this pattern should be looked at. written: it was just closed after
	 * writing, or moved into place; else anything may have happened. */
	void (*look)(void *arg, uint32_t user, unsigned pattern, bool written);
	/* Everything should be looked at: something shared has changed. */
	void (*look_all)(void *arg);
	/* The same, for events were lost: that may come often. */
	void (*lost)(void *arg);
	/* The user's directory is not watched for so long. */
	void (*flooded)(void *arg, uint32_t user, unsigned pattern, uint64_t pause_ms);
	/* This user's directory, and perhaps others, are on a file system that fanotify has not
	 * marked, so that inotify serves; said once. */
	void (*unmarked)(void *arg, uint32_t user);
	/* The limit of watches is reached; said once. */
	void (*limit)(void *arg);
	void *arg;
};

/* Users, the texts of the patterns (at most CONF_PATTERNS_MAX), the loop and fanotify (NULL: inotify alone) are
 * borrowed and must outlive the watch; of several watches, fanotify serves the one that was made last. 0 or a
 * negative errno. */
int watch_new(struct uv_loop_s *loop, const struct users *users, const struct pattern *patterns,
	      unsigned n_patterns, struct watch_fanotify *fanotify, const struct watch_handlers *h,
	      struct watch **ret);

/* The users have other numbers now: who was number i is number now[i]; TABLE_NONE: he is gone, and so are his watches.
 * The patterns are the same, their texts are others. users, which is borrowed, replaces the one before, which is
 * still there. 0, or -ENOMEM with nothing changed. No handler is called. */
int watch_renumber(struct watch *w, const struct users *users, const struct pattern *patterns, const uint32_t *now);

/* The memory goes when the loop has run once more; no handler is called after this. */
struct watch *watch_free(struct watch *w);

/* Calls the handlers for all events that the kernel has by now, without waiting for the loop. Not to be
 * called by a handler. */
void watch_read(struct watch *w);

/* Watches the directory that dir_fd is open on (O_PATH suffices) as this level of the pattern. The
 * directory that was watched as this before is let go. Without a watch, for want of memory or at the
 * limit, the sweep serves. */
void watch_dir(struct watch *w, int dir_fd, unsigned pattern, unsigned level, uint32_t user);

/* What watch_add has done, for watch_note. */
struct watch_mark {
	int key, error;
	unsigned unmarked;	/* 1: fanotify has no mark there; no bool, for it comes from other processes, too */
};

/* watch_dir in two halves, for who reads files in another thread. watch_add may be called by any thread. The loop's
 * thread hands the mark to watch_note, before it acts on what was read since. */
void watch_add(const struct watch *w, int dir_fd, unsigned pattern, unsigned level, struct watch_mark *ret);
void watch_note(struct watch *w, const struct watch_mark *mark, unsigned pattern, unsigned level, uint32_t user);

/* watch_add for the directory of that name in dir_fd, which nobody has opened: no link is followed, and no file system
 * asked. on: the one that it lies on, as statfs(2) tells it; NULL, and no name: dir_fd's own. false: fanotify has not marked that one. */
bool watch_add_named(const struct watch *w, int dir_fd, const char *name, const fsid_t *on, struct watch_mark *ret);

/* The first half for who has no watch but its descriptor of inotify: in another process. has_file: of the directory that
 * the file itself lies in. */
void watch_add_inotify(int inotify_fd, int dir_fd, bool has_file, struct watch_mark *ret);

/* Valid as long as the watch is. */
int watch_inotify_fd(const struct watch *w);

/* The patterns, a bit for each, on whose way to this user's file every directory of his own is watched. */
unsigned watch_complete(const struct watch *w, uint32_t user);

/* How many events have come of directories that were not noted. When it has not changed from before watch_add to
 * watch_note, no event between the two was lost. */
uint64_t watch_n_strays(const struct watch *w);
