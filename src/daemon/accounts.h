/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Which accounts own what. Looked up at start and reload only: the databases behind it may be slow
 * or, later, out of reach. */

#include "daemon/roster.h"

struct accounts_special {
	uid_t front_end;	/* whose files are trusted in every pattern; SOURCE_NO_ACCOUNT */
};

/* Fills in roster_user.account for all users, and the special ones: front_end is an account's name. */
void accounts_find(struct roster *r, const char *front_end, struct accounts_special *ret);
