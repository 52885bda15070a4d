/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Who has which names, and which addresses each name has now. Users and names are numbered as in
 * struct users. */

#include "core/ip.h"
#include "core/users.h"
#include "core/users_diff.h"
#include "daemon/changes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ROSTER_NO_PATTERN 15

/* What the daemon remembers of a user beside his names. There may be a million of them. */
struct roster_user {
	uid_t account;		/* SOURCE_NO_ACCOUNT: none */
	uint32_t since;		/* seconds since 1970: when the file in force was modified that changed his
				 * addresses last; 0: not known */
	uint16_t missing;	/* a number for each time that his files were missing; 0: they are not */
	uint8_t pattern : 4;	/* the one whose file is in force, or ROSTER_NO_PATTERN */
	uint8_t last_written : 4;	/* of the patterns marked as written, the latest */
	uint8_t looks;		/* a bit for each pattern that wants to be looked at */
	uint8_t written;	/* of these, whose file was just written */
	uint8_t sure;		/* of these, for which nothing else is to be seen: its directory is watched */
	uint8_t settling;	/* a bit for each pattern that is to be looked at in a while */
	bool in_line : 1;	/* among those to be looked at, once */
	bool ahead : 1;		/* his files are being read by another thread, and were not looked at since */
	bool known : 1;		/* his addresses are known: from a file, or remembered */
	bool trouble_said : 1;	/* that his file cannot be opened */
	bool refused : 1;	/* the file that counts is; the last addresses stay */
	bool waited : 1;	/* somebody waits for what becomes of it */
	bool lent : 1;		/* he is new, and his names have what they had as somebody else's, until he is looked at;
				 * nor is it his where it is found after that, until something is known of him */
	bool last_look : 1;	/* of missing: if they are so still when they are read, that was for long enough */
};

_Static_assert(sizeof(struct roster_user) == 16, "it is one of a million");

struct roster {
	struct users *users;
	unsigned n_patterns;
	struct roster_user *state;	/* of each user */
	uint64_t *prints;		/* of each user and pattern: what was last taken; 0: nothing */
	struct ip_set **sets;		/* of each name */
	struct changes changed;		/* names whose change was not handed to the outputs yet */
};

/* Takes over users. NULL when there is no memory; users is the caller's still, then. */
struct roster *roster_new(struct users *users, unsigned n_patterns);
struct roster *roster_free(struct roster *r);

static inline uint64_t *roster_print(const struct roster *r, uint32_t user, unsigned pattern)
{
	return &r->prints[(size_t)user * r->n_patterns + pattern];
}

/* Gives the user's names these sets, which are taken over, and notes which names that changes.
 * Returns how many, or -ENOMEM, with the sets freed and nothing changed. */
int roster_put(struct roster *r, uint32_t user, struct ip_set **sets);

/* What a reload leaves as it is. */
enum roster_keep {
	ROSTER_KEEP_ADDRESSES,	/* what files have said */
	ROSTER_KEEP_PATTERNS,	/* and which of them is in force; it is read again, for what it says may mean something
				 * else now */
	ROSTER_KEEP_ALL,	/* and all that is known of who has the same names: nothing is read again */
};

/* A user who is in both rosters keeps the addresses of the names that are his in both, which are
 * moved out of old; one who is new is lent those of names that were somebody else's, for he may be the same under another
 * name; and what else keep says. What is under way for him is not kept, but, with all, which files were
 * just written. */
void roster_inherit(struct roster *r, struct roster *old, const struct users_diff *diff, enum roster_keep keep);

/* Whether any of the user's names has an address. */
bool roster_has_any(const struct roster *r, uint32_t user);
