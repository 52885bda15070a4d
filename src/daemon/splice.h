/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Our section of a file that an administrator edits by hand: brought up to date so that every
 * reader sees the old file or the new one, whole, and no line of anybody else's is ever lost.
 *
 * The new file is written beside the old one as .NAME.dnsu.part, linked as .NAME.dnsu.swap once
 * it is complete, and exchanged with the old one (renameat2(2), RENAME_EXCHANGE). What came out
 * is compared with what was read: a difference means that somebody got in between, the exchange is
 * reversed and all begins again. The displaced file goes only when nobody can still write to
 * it; until then it is .NAME.dnsu.late.N, and what is written to it late is merged.
 *
 * After a crash the two names tell how far it came: when .part is the same file as .swap, the
 * exchange did not happen; when it is the same as NAME, it did. */

#include "base/buf.h"
#include "core/section.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct splice;

/* What happened that somebody should read. */
typedef void splice_log_fn(void *arg, int priority, const char *message);

struct splice_options {
	const char *path;	/* may be a symbolic link: the file it points to is replaced */
	char comment;		/* the sign that begins a comment line, '#' */
	const char *compiled;	/* a file beside it whose appearance is counted: "data.cdb"; or NULL */
	bool is_zone;		/* a zone file: not everywhere may a section stand, and no line is brought to another place,
				 * for what it means depends on those before it */
	bool raises_serial;	/* of that zone: each version that we write gets a later one, which is no difference */
	bool hide_kept;		/* a file that is kept aside begins with a dot: others may read the directory */
	bool by_rename;		/* accept the window of a file system without RENAME_EXCHANGE */
	splice_log_fn *log;
	/* Closes the last descriptor of a file that has no name any more: if it is large, the kernel takes
	 * milliseconds to take its pages back. */
	void (*close)(void *arg, int fd);
	void *arg;
};

/* Copies the path; compiled must outlive it. Opens nothing yet. 0 or -ENOMEM. */
int splice_new(const struct splice_options *o, struct splice **ret);
struct splice *splice_free(struct splice *s);

enum {
	SPLICE_E_SAME = 1,	/* the file has this section already; nothing was written */
	SPLICE_E_SECTION,	/* the markers, or what a zone file asks for, are not as they should be;
				 * nothing was written */
	SPLICE_E_BUSY,		/* somebody is writing to the file just now: try again soon */
};

/* Opens the directory that the file really lies in, watches it, and clears away what a crash has
 * left. Done by splice_put itself when needed. 0 or a negative errno. */
int splice_open(struct splice *s);

/* Reads the section's present content. 0, SPLICE_E_SECTION or a negative errno. */
int splice_read_body(struct splice *s, struct buf *ret);

struct splice_put {
	const struct buf *body;		/* the section's new content */
	bool even_if_same;		/* write the file anew although it would stay the same */
	bool next_second;		/* the modification time gets a greater whole second */
	struct timespec not_before;	/* and is later than this by one tick */
	/* Called with the section's old content when the file is not as we left it, before it is
	 * replaced; NULL: nobody wants to know. */
	void (*foreign)(void *arg, const char *body, size_t n);
	/* Called with the text that the file has in the end, on 0 and SPLICE_E_SAME; the section in it is as
	 * it was before. NULL: nobody wants to know. */
	void (*settled)(void *arg, const char *text, size_t n, const struct section *section);
	void *arg;
};

/* Returns 0 when the new file is in place and durable, SPLICE_E_*, or a negative errno. After
 * anything but 0 and SPLICE_E_SAME, splice_trouble says what was wrong. */
int splice_put(struct splice *s, const struct splice_put *put);

/* "no line ...", "unable to write '...': No space left on device"; never NULL. */
const char *splice_trouble(struct splice *s);

/* After a failure: whether the new file is in place all the same, perhaps not durably. */
bool splice_in_place(const struct splice *s);

/* The inotify descriptor to wait on for splice_look; -1 before the first splice_open. */
int splice_fd(const struct splice *s);

/* Reads what the directory's watch tells, merges what was written late, and lets go of displaced
 * files whose time has come. The hints say what to look at: */
struct splice_seen {
	bool file;	/* the file is not as we left it (or cannot be found) */
	bool merged;	/* what somebody wrote late was brought into the file */
	unsigned n_compiled;	/* how often the compiled file was moved into place */
};
void splice_look(struct splice *s, struct splice_seen *ret);

/* Milliseconds until splice_look should be called although nothing happened; -1: not needed. */
int64_t splice_due_ms(const struct splice *s);

/* stat(2) of a file in the same directory. 0 or a negative errno. */
struct stat;
int splice_stat(const struct splice *s, const char *name, struct stat *ret);

/* Sets its modification time. 0 or a negative errno. */
int splice_set_time(const struct splice *s, const char *name, struct timespec time);

/* The serial of the file as it was written last, or found to be as it should be. false: none is known. */
bool splice_serial(const struct splice *s, uint32_t *ret);

/* The same of a former run: an older one that comes back is raised above it. */
void splice_remember_serial(struct splice *s, uint32_t serial);

/* The modification time of the file as we left it. -ENOENT: it was another one right afterwards. */
int splice_time(const struct splice *s, struct timespec *ret);

/* Whether the file is as we left it. */
bool splice_is_known(const struct splice *s);

/* The directory, with all links resolved, and the file's own name there. NULL before splice_open
 * succeeded. */
const char *splice_dir(const struct splice *s);
