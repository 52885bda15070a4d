/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Opens and reads one address file of one user, and puts the watches along its way. The
 * administrator's part of the path is resolved as usual; below it everything is the user's and
 * taken for hostile: no link is followed, nothing is waited for, and what was opened is checked on
 * the descriptor. */

#include "base/buf.h"
#include "core/pattern.h"
#include "core/users.h"
#include "daemon/watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

struct mounts;

#define SOURCE_NO_ACCOUNT ((uid_t)-1)

/* What the levels that all users share are, at one moment: looked at once for many files. */
struct source_shared {
	int dir;	/* the last of them, opened with O_PATH, owned; -1: one is none, or an automount point */
	uint64_t mount;	/* its mount, as statx(2) numbers it */
	dev_t device;
	fsid_t file_system;
};

/* Watches that were added on the way, and are not noted yet. */
struct source_marks {
	unsigned n;
	struct {
		unsigned level;
		struct watch_mark mark;
	} list[PATTERN_COMPONENTS_MAX];
};

struct source_place {
	const struct pattern *pattern;
	unsigned pattern_number;
	uint32_t user;
	const char *user_name;
	uid_t account;		/* the user's, or SOURCE_NO_ACCOUNT */
	uid_t front_end;	/* whose files are trusted everywhere, or SOURCE_NO_ACCOUNT */
	size_t size_max;	/* bytes */
	struct watch *watch;	/* may be NULL: no watches wanted */
	struct source_marks *marks;	/* may be NULL: watches are noted at once */
	int inotify_fd;		/* of who is patient, instead of watch */
	bool patient;		/* may be kept waiting by a file system, for ever perhaps */
	const struct mounts *mounts;	/* NULL: who is not patient stays on the mount of the shared levels */
	bool autofs;		/* there are automount points */
	const struct source_shared *shared;	/* may be NULL: they are looked at for this file */
};

enum {
	SOURCE_E_SAME = 1,	/* as it was when its print was the one given */
	SOURCE_E_NO_FILE,	/* its directory is there, the file is not */
	SOURCE_E_NO_DIRECTORY,	/* something on the way is not there */
	SOURCE_E_CHANGING,	/* it changed while it was read */
	SOURCE_E_REFUSED,	/* why says what is wrong with it */
	SOURCE_E_MAY_WAIT,	/* it may lie on a file system that keeps us waiting, and was not touched */
};

struct source_file {
	struct timespec time;	/* last modified */
	uint64_t print;		/* of the file as it is: another content or file has another print;
				 * never 0 */
	struct buf text;
	bool quotable;		/* it is the user's own: its bytes may stand in the log */
	bool from_front_end;	/* it belongs to the front end's account */
	bool by_link;		/* the administrator has linked the user's directory to elsewhere; with every outcome */
	char why[256];
};

/* Puts watches on the directories that all users of the pattern share, and finds out whether one of
 * them is an automount point (which we never trigger). */
void source_watch_shared(const struct pattern *p, unsigned pattern_number, const struct mounts *mounts,
			 struct watch *watch);

/* Looks at the pattern's shared levels above the base directory. What it says is to be used at once: between that and
 * the files an automount point may come to be, which would be triggered. */
struct source_shared source_look_shared(const struct pattern *p);

/* Reads the file unless its print is `known`. Returns 0, SOURCE_E_*, or a negative errno, with why
 * telling what could not be opened. ret is zeroed or used before; the caller ends it with
 * buf_deinit(&ret->text). time and print are valid with 0, SAME, CHANGING and REFUSED, quotable and
 * from_front_end with 0. */
int source_read(const struct source_place *at, uint64_t known, struct source_file *ret);

/* Notes the watches that another thread added when it read the file. */
void source_note_marks(const struct source_place *at, const struct source_marks *marks);

/* The path of the user's file, for messages. ret has room for PATTERN_PATH_MAX. */
const char *source_path(const struct pattern *p, const char *user_name, char *ret);
