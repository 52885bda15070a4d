/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/users_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_names(const struct users *a, uint32_t user_a, const struct users *b, uint32_t user_b)
{
	uint32_t first_a = a->users[user_a].first_name, first_b = b->users[user_b].first_name;
	uint32_t n = users_n_names(a, user_a);
	bool same = n == users_n_names(b, user_b);

	for (uint32_t i = 0; same && i < n; i++) {
		same = !strcmp(users_name(a, first_a + i), users_name(b, first_b + i));
	}
	return same;
}

static void compare(struct users_diff *d, const struct users *old, const struct users *new)
{
	uint32_t next = 0, n_found = 0;

	for (uint32_t user = 0; user < new->n_users; user++) {
		uint32_t before = users_find_near(old, users_user(new, user), next);

		d->before[user] = before;
		d->same[user] = before != TABLE_NONE && same_names(old, before, new, user);
		d->n_changed += !d->same[user];
		if (before != TABLE_NONE) {
			d->now[before] = user;
			next = before + 1;
			n_found++;
		}
	}
	d->n_changed += old->n_users - n_found;
}

int users_diff_init(struct users_diff *ret, const struct users *old, const struct users *new)
{
	struct users_diff d = {
		/* One more of each, so that none is empty. */
		.before = calloc(new->n_users + 1u, sizeof(*d.before)),
		.now = calloc(old->n_users + 1u, sizeof(*d.now)),
		.same = calloc(new->n_users + 1u, sizeof(*d.same)),
	};

	if (!d.before || !d.now || !d.same) {
		users_diff_deinit(&d);
		return -ENOMEM;
	}
	memset(d.now, 0xff, old->n_users * sizeof(*d.now));	/* all TABLE_NONE */
	compare(&d, old, new);
	*ret = d;
	return 0;
}

void users_diff_deinit(struct users_diff *d)
{
	free(d->before);
	free(d->now);
	free(d->same);
	*d = (struct users_diff){ 0 };
}
