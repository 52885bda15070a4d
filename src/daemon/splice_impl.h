/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of splice.h share: splice.c (where the file is, what the watch tells, the section),
 * splice_write.c (the new file and the exchange), splice_late.c (displaced files), splice_zone.c (what
 * a zone file asks for beyond the markers). */

#include "daemon/splice.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum {
	LATE_ROOM = 256,		/* displaced files kept at any time */
	EDITING_MAX_MS = 5 * 1000,	/* nobody may hold us up for longer by keeping it open */
	ATTEMPTS = 20,			/* before somebody who always gets in between makes us wait */
	TICK_NS = 10 * 1000 * 1000,	/* the coarsest clock tick of file times, HZ=100 */
};

#define NAME_SIZE_FILE (NAME_MAX + 1)
#define LATE_NOTE_SIZE (2 * (1 + 16) + 1)	/* two numbers of 64 bits */

/* A displaced file that somebody may still write to. */
struct late {
	unsigned number;
	/* What stands behind the number in its name once all of it is accounted for: its size and time, as stat(2) has them.
	 * So it is told from an edit after a restart, too. */
	char note[LATE_NOTE_SIZE];
	struct buf text;	/* what is accounted for: what was read, without our section */
	int64_t born_ms;
	int64_t merged_ms;	/* first merge of what stands in it now; 0: none */
	int64_t look_ms;	/* look again at this time though nothing tells to; 0: no need */
	struct stat seen;	/* while it is like this, all is accounted for; st_ino 0: it has to be read */
	bool published_since;	/* the next publish has come */
};

struct splice {
	struct splice_options o;
	char *path, *dir_path, base[NAME_SIZE_FILE];
	bool recovered;		/* what a crash or a failure left is cleared away */
	bool unsettled;		/* the exchange was made, and what came out could not be dealt with */
	bool in_place;		/* the text of a write that failed is under the file's name all the same */
	bool dir_gone;		/* the directory is another one by now */
	bool insist;		/* take what was only added to meanwhile: it is merged */
	bool closing;		/* what need not be kept is not */
	bool has_serial;
	uint32_t serial;	/* of the file as we left it */
	bool owner_said, group_said, copy_said, lead_said, watch_said;
	int dir, inotify, wd;
	struct stat known;	/* the file as we left or last saw it; st_ino 0: not seen yet */
	int64_t editing_since_ms;	/* somebody has written to it and not closed it; 0: no */
	struct late late[LATE_ROOM];
	unsigned n_late, next_number;
	struct splice_seen seen;	/* since the last splice_look */
	struct buf trouble;
};

static inline bool splice_same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* --- splice.c --- */

int64_t splice_now_ms(void);	/* monotonic */

void splice_say(struct splice *s, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes what was wrong, for splice_trouble, and hands the outcome on; the second: "unable to WHAT 'NAME': WHY". */
int splice_wrong(struct splice *s, int outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));
int splice_fail(struct splice *s, int error, const char *what, const char *name);

/* Names beside the file, such as .data.dnsu.swap. ret has room for NAME_SIZE_FILE. */
const char *splice_beside(const struct splice *s, const char *suffix, char *ret);

/* Whether there is such a name in the directory. */
bool splice_has(const struct splice *s, const char *name);

/* Reads one file of the directory, whole. 0, -EAGAIN when it changed meanwhile, or another errno. */
int splice_read_whole(const struct splice *s, const char *name, struct buf *ret,
		      struct stat *ret_st);

/* The same of the file itself; -EAGAIN also while somebody is in the middle of writing to it. */
int splice_read_settled(struct splice *s, struct buf *ret, struct stat *ret_st);

/* Appends what of the text is outside of our section; if that is not to be found, all. */
void splice_outside(const struct splice *s, const struct buf *text, struct buf *ret);

/* --- splice_zone.c --- */

/* Whether the section must not stand where it does in the text. 0, SPLICE_E_SECTION or -ENOMEM. */
int splice_refuse(struct splice *s, const struct buf *text, const struct section *section);

/* Whether a's serial is the later one (RFC 1982). Where either has none: no. */
bool splice_is_later(const struct splice *s, const struct buf *a, const struct buf *b);

/* Whether the text has a serial from before the file as we left it. */
bool splice_is_behind(const struct splice *s, const struct buf *text);

/* Makes text, which is to be written, a later version than `above` and than the file as we left it.
 * 0, SPLICE_E_SECTION or -ENOMEM. */
int splice_raise(struct splice *s, struct buf *text, const struct buf *above);

/* Remembers what the file says now. */
void splice_note_serial(struct splice *s, const struct buf *text);

/* As section_same_outside, section_within and section_added, for two versions of the file; but a serial
 * is not a difference. In a file whose lines have an order, to add is SECTION_E_REMOVED. The first two: 1: yes, 0: no, -ENOMEM. */
int splice_same_outside(const struct splice *s, const struct buf *a, const struct buf *b);
int splice_within(const struct splice *s, const struct buf *a, const struct buf *b);
int splice_added(const struct splice *s, struct buf *ret, const struct buf *before,
		 const struct buf *late, const struct buf *now);

/* --- splice_write.c --- */

/* Puts the text new in the place of old, which is what was read, with stat old_st. 0 when it is in
 * place and durable; -EAGAIN: somebody got in between, and nothing is changed; or another errno. */
int splice_write_over(struct splice *s, const struct buf *old, const struct stat *old_st,
		      const struct buf *new, const struct splice_put *put);

/* --- splice_late.c --- */

const char *late_name(const struct splice *s, const struct late *l, char *ret);

/* Keeps the file of this name as a late one. accounted: the text that it had when it was read; what
 * it says beyond that is merged. Of our section nothing is kept, for it may be large. st: as it was when all of its text
 * was that; NULL: it may have more already. 0 or a negative errno. */
int late_add(struct splice *s, const char *name, const struct buf *accounted, const struct stat *st);

/* The same with a copy of a text, of a file that was out of sight for a moment and has come back: whoever read what
 * was there meanwhile may write that back over it. Without it (a full disk) such a one is believed. */
void late_add_copy(struct splice *s, const struct buf *text, const struct buf *accounted);

void late_forget(struct splice *s, unsigned i);

/* Whether somebody has the one of that name open for writing, as far as it can be told. */
bool late_is_open(const struct splice *s, const char *name);

/* Whether it is there and says more than what is accounted for, or may come to, as far as it can be told. */
bool late_may_have_edit(const struct splice *s, const struct late *l);

/* note: what stands behind the number in its name. Whether it is as it was when that was noted. */
bool late_is_noted(const char *note, const struct stat *st);

/* Lets the oldest go before their time when there are too many: somebody replaces the file more often
 * than anybody edits. */
void late_evict(struct splice *s);

/* Merges what was written late, and lets go of those whose time has come. */
void late_look_all(struct splice *s);

/* An administrator's text that cannot be merged stays under a name that he can see. */
void late_keep_and_tell(struct splice *s, const char *name);
