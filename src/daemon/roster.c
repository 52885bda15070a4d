/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/roster.h"

#include "base/cleanup.h"
#include "daemon/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct roster *roster_new(struct users *users, unsigned n_patterns)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (!r) {
		return NULL;
	}
	r->n_patterns = n_patterns;
	/* One more of each, so that none is empty. */
	r->state = calloc(users->n_users + 1u, sizeof(*r->state));
	r->prints = calloc((size_t)users->n_users * n_patterns + 1, sizeof(*r->prints));
	r->sets = calloc(users->n_names + 1u, sizeof(struct ip_set *));
	if (!r->state || !r->prints || !r->sets || changes_init(&r->changed, users->n_names)) {
		return roster_free(r);
	}
	for (uint32_t i = 0; i < users->n_users; i++) {
		r->state[i].account = SOURCE_NO_ACCOUNT;
		r->state[i].pattern = ROSTER_NO_PATTERN;
	}
	r->users = users;
	return r;
}

struct roster *roster_free(struct roster *r)
{
	if (!r) {
		return NULL;
	}
	for (uint32_t i = 0; r->users && i < r->users->n_names; i++) {
		ip_set_free(r->sets[i]);
	}
	users_free(r->users);
	free(r->state);
	free(r->prints);
	free(r->sets);
	changes_deinit(&r->changed);
	free(r);
	return NULL;
}

int roster_put(struct roster *r, uint32_t user, struct ip_set **sets)
{
	uint32_t first = r->users->users[user].first_name, n = users_n_names(r->users, user);
	int n_changed = 0;

	if (changes_reserve(&r->changed, n)) {
		for (uint32_t i = 0; i < n; i++) {
			ip_set_free(sets[i]);
		}
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (ip_set_equal(r->sets[first + i], sets[i])) {
			ip_set_free(sets[i]);
			continue;
		}
		(void)changes_note(&r->changed, first + i, r->sets[first + i]);	/* there is room */
		r->sets[first + i] = sets[i];
		n_changed++;
	}
	r->state[user].known = true;
	return n_changed;
}

bool roster_has_any(const struct roster *r, uint32_t user)
{
	for (uint32_t i = 0; i < users_n_names(r->users, user); i++) {
		if (r->sets[r->users->users[user].first_name + i]) {
			return true;
		}
	}
	return false;
}

static void keep_pattern(struct roster *r, uint32_t user, const struct roster *old, uint32_t before)
{
	uint8_t in_force = old->state[before].pattern;

	r->state[user].pattern = in_force & 15u;
	for (unsigned i = 0; i < r->n_patterns && in_force != ROSTER_NO_PATTERN; i++) {
		*roster_print(r, user, i) = i == in_force ? 0 : *roster_print(old, before, i);
	}
}

/* The name's number, if it is this user's. */
static uint32_t find_his(const struct users *u, uint32_t user, const char *name)
{
	uint32_t found = users_find_name(u, name, strlen(name));

	return found != TABLE_NONE && users_owner(u, found) == user ? found : TABLE_NONE;
}

static void keep_addresses(struct roster *r, uint32_t user, struct roster *old, uint32_t before)
{
	uint32_t first = r->users->users[user].first_name;

	for (uint32_t i = 0; i < users_n_names(r->users, user); i++) {
		uint32_t name = find_his(old->users, before, users_name(r->users, first + i));

		if (name != TABLE_NONE) {
			r->sets[first + i] = steal_ptr(&old->sets[name]);
			r->state[user].known = old->state[before].known;
			r->state[user].lent = old->state[before].lent;
		}
	}
}

static void keep_all(struct roster *r, uint32_t user, struct roster *old, uint32_t before)
{
	struct roster_user *u = &r->state[user];
	uint32_t first = r->users->users[user].first_name, first_before = old->users->users[before].first_name;

	*u = old->state[before];
	u->account = SOURCE_NO_ACCOUNT;
	u->missing = 0;
	u->looks = u->written;	/* of several files, the one that was written last counts, whatever its time */
	u->sure = u->settling = 0;
	u->in_line = u->ahead = u->last_look = false;
	for (unsigned i = 0; i < r->n_patterns; i++) {
		*roster_print(r, user, i) = *roster_print(old, before, i);
	}
	for (uint32_t i = 0; i < users_n_names(r->users, user); i++) {
		r->sets[first + i] = steal_ptr(&old->sets[first_before + i]);
	}
}

/* Between the old user's end and the new one's file his names are not to vanish: resolvers would remember that. */
static void lend_addresses(struct roster *r, uint32_t user, struct roster *old)
{
	uint32_t first = r->users->users[user].first_name;

	for (uint32_t i = 0; i < users_n_names(r->users, user); i++) {
		const char *name = users_name(r->users, first + i);
		uint32_t before = users_find_name(old->users, name, strlen(name));

		if (before != TABLE_NONE && old->sets[before]) {
			r->sets[first + i] = steal_ptr(&old->sets[before]);
			r->state[user].lent = true;
		}
	}
}

/* Changes that were not handed on yet still are to be. */
static void keep_changed(struct roster *r, const struct roster *old, const struct users_diff *diff)
{
	for (uint32_t i = 0; i < old->changed.n; i++) {
		uint32_t before = old->changed.list[i].name, user = diff->now[users_owner(old->users, before)];
		uint32_t name = user == TABLE_NONE ? TABLE_NONE :
						     find_his(r->users, user, users_name(old->users, before));

		if (name != TABLE_NONE) {	/* without memory only a line of the log is missing */
			(void)changes_note(&r->changed, name, NULL);
		}
	}
}

void roster_inherit(struct roster *r, struct roster *old, const struct users_diff *diff, enum roster_keep keep)
{
	for (uint32_t user = 0; user < r->users->n_users; user++) {
		uint32_t before = diff->before[user];

		if (before == TABLE_NONE) {
			lend_addresses(r, user, old);
			continue;
		}
		if (keep == ROSTER_KEEP_ALL && diff->same[user]) {
			keep_all(r, user, old, before);
			continue;
		}
		if (keep >= ROSTER_KEEP_PATTERNS) {
			keep_pattern(r, user, old, before);
		}
		keep_addresses(r, user, old, before);
	}
	keep_changed(r, old, diff);
}
