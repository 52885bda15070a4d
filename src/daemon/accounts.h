/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Which accounts own what. Looked up at start and reload only: the databases behind it may be slow
 * or, later, out of reach. */

#include "core/users.h"

#include <sys/types.h>

struct accounts {
	uid_t *users;		/* of each, his account's number, or SOURCE_NO_ACCOUNT; owned */
	uid_t front_end;	/* whose files are trusted in every pattern; or SOURCE_NO_ACCOUNT */
	int error;		/* negative errno: a database failed, and who was not found may have an account */
};

/* Looks up the accounts of all users, and the one with the name front_end. In any thread, one at a time. 0, and the
 * caller ends ret with accounts_deinit, or -ENOMEM. */
int accounts_find(const struct users *users, const char *front_end, struct accounts *ret);
void accounts_deinit(struct accounts *a);
