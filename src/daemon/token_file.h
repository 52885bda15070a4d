/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The tokens file on disk, for `dns-updater token': found, locked, read, and replaced whole. All
 * return 0, a negative errno, or TOKEN_FILE_E_*. */

#include "base/buf.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* token_file_find fills it; it is ended with token_file_deinit in any case. */
struct token_file {
	int dir, lock;		 /* -1: none */
	char name[NAME_MAX + 1]; /* in dir; no link */
	struct buf text;
	bool exists;
	uid_t uid; /* (uid_t)-1: whoever makes it */
	gid_t gid; /* (gid_t)-1: the same */
	mode_t mode;
	struct buf acl; /* as the kernel has it; empty: none */
};

enum {
	TOKEN_FILE_E_TYPE = 1, /* no regular file */
	TOKEN_FILE_E_GROUP,    /* it is in place, with another group */
	TOKEN_FILE_E_SYNC,     /* it is in place, but a power cut may undo it */
};

/* Finds the place where a link leads to. The file itself need not be there, its directory must. */
int token_file_find(const char *path, struct token_file *ret);
void token_file_deinit(struct token_file *f);

/* Waits until nobody else has the lock file beside it. Held until token_file_deinit. */
int token_file_lock(struct token_file *f);

/* Fills text, owner, mode and ACL. A file that is not there is empty, and has exists false. */
int token_file_read(struct token_file *f);

/* Puts these bytes in its place, with the owner, group, mode and ACL that f says. Who may not give a
 * file that was there back to its owner is refused; of a new one only the group may be missing. */
int token_file_replace(const struct token_file *f, const void *bytes, size_t n);
