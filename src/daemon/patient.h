/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Address files on file systems that may keep their reader waiting, for ever perhaps (FUSE, NFS): processes of
 * their own read them, a few for each such file system, so that who waits for one waits alone. Not threads: a
 * process with a thread that waits for a file system cannot end, and its lock and its sockets stay. */

#include "daemon/ahead.h"

#include <stdbool.h>
#include <stdint.h>

struct mounts;
struct patient;
struct uv_loop_s;

/* What is to be looked at, of one user: bits of patterns, as in struct roster_user. */
struct patient_look {
	uint32_t user;
	uint8_t looks, written;
	bool again;		/* for an event may have been lost while it was read */
	uint64_t settled_print;
	uint64_t n_strays;	/* of the watch, when reading began */
};

struct patient_handlers {
	/* The patterns of the user that are to be read there, now: fills in their files' place and known.
	 * Returns a bit for each. */
	unsigned (*describe)(void *arg, struct patient_look *look, struct ahead_file *files);
	/* They were read. Those that were not have the outcome SOURCE_E_MAY_WAIT. */
	void (*read)(void *arg, const struct patient_look *look, const struct ahead_file *files);
	/* There has been no answer from the mount for so long; this user, and so many others, wait. Said once,
	 * until it answers. */
	void (*silent)(void *arg, uint64_t mount, uint64_t ms, uint32_t user, size_t n_others);
	void (*answers)(void *arg, uint64_t mount, uint64_t ms);
	/* No process could be had, or it ended: what it had to read is left to the next sweep. */
	void (*lost)(void *arg, uint64_t mount);
	/* The process that makes the others is gone: there will be no more of them. */
	void (*gone)(void *arg);
	void *arg;
};

/* Forks the process that the others are made by, before there is a loop or a thread. 0 or a negative errno. */
int patient_new(struct patient **ret);

/* 0 or a negative errno. */
int patient_attach(struct patient *p, struct uv_loop_s *loop, const struct patient_handlers *h);

/* NULL may be given; the loop must run once more. */
struct patient *patient_free(struct patient *p);

/* From now on there are so many users and patterns, and watches go to this descriptor of inotify, which is borrowed.
 * What is under way is forgotten. */
void patient_begin(struct patient *p, uint32_t n_users, unsigned n_patterns, int inotify_fd);

/* Has the user's files read, on this mount. What is asked for of one user is read one after the other, and what was
 * not begun yet is read once. 0 or a negative errno. */
int patient_ask(struct patient *p, uint64_t mount, const struct patient_look *look);

/* Forgets what is under way on mounts that are gone. */
void patient_forget(struct patient *p, const struct mounts *mounts);

/* Whether something of the user is under way. */
bool patient_has(const struct patient *p, uint32_t user);
