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

static void inherit_patterns(struct roster *r, const struct roster *old)
{
	for (uint32_t user = 0; user < r->users->n_users; user++) {
		const char *text = users_user(r->users, user);
		uint32_t before = users_find(old->users, text, strlen(text));
		uint8_t in_force = before == TABLE_NONE ? ROSTER_NO_PATTERN :
							  old->state[before].pattern;

		if (in_force == ROSTER_NO_PATTERN) {
			continue;
		}
		r->state[user].pattern = in_force;
		for (unsigned i = 0; i < r->n_patterns; i++) {
			*roster_print(r, user, i) = i == in_force ? 0 : *roster_print(old, before, i);
		}
	}
}

void roster_inherit(struct roster *r, struct roster *old, bool same_patterns)
{
	if (same_patterns) {
		inherit_patterns(r, old);
	}
	for (uint32_t name = 0; name < r->users->n_names; name++) {
		const char *text = users_name(r->users, name);
		uint32_t user = r->users->names[name].user;
		uint32_t before = users_find_name(old->users, text, strlen(text));
		uint32_t user_before;

		if (before == TABLE_NONE) {
			continue;
		}
		user_before = old->users->names[before].user;
		if (strcmp(users_user(old->users, user_before), users_user(r->users, user)) != 0) {
			continue;
		}
		r->sets[name] = steal_ptr(&old->sets[before]);
		r->state[user].known = r->state[user].known || old->state[user_before].known;
		if (changes_has(&old->changed, before)) {	/* without memory only a line of the log is missing */
			(void)changes_note(&r->changed, name, NULL);
		}
	}
}
