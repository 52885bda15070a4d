/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Users and the owner names that each of them has: nothing but strings and where they belong,
 * packed, for there may be millions. Users and names are numbered in the order of the
 * configuration; a user's names have consecutive numbers. */

#include "base/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USERS_NAME_MAX 64	/* bytes of a user name */

struct users_user {
	uint32_t text;		/* offset in the arena */
	uint32_t first_name;	/* up to the next user's first_name */
};

struct users {
	char *arena;
	size_t arena_len, arena_size;
	struct users_user *users;	/* n_users + 1 of them: the last one only ends the names */
	uint32_t *names;	/* their offsets in the arena */
	uint32_t n_users, n_names, users_size, names_size;
	struct table by_user, by_name;
};

/* A user name becomes part of a path and of log lines: 1 to USERS_NAME_MAX bytes, no leading dot, no
 * slash, blank or control character. */
bool users_good_user(const char *s, size_t n);

struct users *users_new(void);
struct users *users_free(struct users *u);

enum {
	USERS_E_BAD_USER = 1,	/* empty, too long, leading dot, a slash, NUL or blank */
	USERS_E_TWICE,		/* this user is there already */
	USERS_E_TAKEN,		/* the name is there already: *ret_user says whose */
};

/* Adds a user without names; those added next are his. */
int users_add(struct users *u, const char *user, size_t n);

/* Adds a canonical name to the user added last. */
int users_add_name(struct users *u, const char *name, size_t n, uint32_t *ret_user);

const char *users_user(const struct users *u, uint32_t user);
const char *users_name(const struct users *u, uint32_t name);

/* Whose it is. */
uint32_t users_owner(const struct users *u, uint32_t name);

/* About so many will be added, users and names each. */
void users_expect(struct users *u, uint32_t n);

/* No more are added soon: gives back the room that was kept for them. */
void users_fit(struct users *u);

/* TABLE_NONE when there is none. */
uint32_t users_find(const struct users *u, const char *user, size_t n);
uint32_t users_find_name(const struct users *u, const char *name, size_t n);

/* The same as users_find, fast for who is right: guess may be the user's number, or any. */
uint32_t users_find_near(const struct users *u, const char *user, uint32_t guess);

/* The user's names in a list, NULL at its end, which the caller frees; the strings stay ours. NULL: no
 * memory. */
const char **users_list_names(const struct users *u, uint32_t user);

static inline uint32_t users_n_names(const struct users *u, uint32_t user)
{
	return u->users[user + 1].first_name - u->users[user].first_name;
}
