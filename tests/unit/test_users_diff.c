/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "rows.h"

#include "core/users_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists are written as "john:a,b anna:c". What is wanted, for each user of the new list: his place in the old one, "-" when
 * he is new, and "!" behind it when his names are others; then the number of changes. */
struct diff_row {
	const char *title, *old, *new, *want;
};

static const struct diff_row diffs[] = {
	{ "nobody", "", "", "0" },
	{ "the same", "john:a,b anna:c", "john:a,b anna:c", "0 1 0" },
	{ "only the order of users", "john:a anna:c paul:d", "paul:d john:a anna:c", "2 0 1 0" },
	{ "the first ones", "", "john:a anna:c", "- - 2" },
	{ "all gone", "john:a anna:c", "", "2" },
	{ "added at the end", "john:a", "john:a anna:c", "0 - 1" },
	{ "added at the beginning", "john:a jane:b", "anna:c john:a jane:b", "- 0 1 1" },
	{ "gone from the middle", "john:a anna:c paul:d", "john:a paul:d", "0 2 1" },
	{ "renamed", "john:a anna:c paul:d", "john:a ann:c paul:d", "0 - 2 2" },
	{ "begins like another", "john:a", "joh:a", "- 2" },
	{ "one more name", "john:a anna:c", "john:a,b anna:c", "0! 1 1" },
	{ "one name less", "john:a,b anna:c", "john:a anna:c", "0! 1 1" },
	{ "no name any more", "john:a", "john", "0! 1" },
	{ "never a name", "john", "john", "0 0" },
	{ "another name", "john:a", "john:b", "0! 1" },
	{ "only the order of names", "john:a,b", "john:b,a", "0! 1" },
	{ "a name that moves", "john:a,b anna:c", "john:a anna:b,c", "0! 1! 2" },
	{ "a name, and its user takes another", "john:a anna:b", "john:b anna:a", "0! 1! 2" },
	{ "one for one", "john:a", "anna:a", "- 2" },
};

static struct users *users_of(const char *text)
{
	struct users *u = users_new();
	char copy[128], *at_user, *at_name;
	uint32_t whose;

	assert_non_null(u);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *user = strtok_r(copy, " ", &at_user); user; user = strtok_r(NULL, " ", &at_user)) {
		char *name = strtok_r(user, ":,", &at_name);

		assert_int_equal(users_add(u, name, strlen(name)), 0);
		while ((name = strtok_r(NULL, ":,", &at_name))) {
			assert_int_equal(users_add_name(u, name, strlen(name), &whose), 0);
		}
	}
	return u;
}

static void check_diff(void **state)
{
	const struct diff_row *row = *state;
	struct users *old = users_of(row->old), *new = users_of(row->new);
	struct users_diff d;
	char got[128] = "";
	int n = 0;

	assert_int_equal(users_diff_init(&d, old, new), 0);
	for (uint32_t i = 0; i < new->n_users; i++) {
		const char *mark = d.same[i] || d.before[i] == TABLE_NONE ? "" : "!";

		if (d.before[i] == TABLE_NONE) {
			n += snprintf(got + n, sizeof(got) - (size_t)n, "- ");
			assert_false(d.same[i]);
			continue;
		}
		n += snprintf(got + n, sizeof(got) - (size_t)n, "%u%s ", d.before[i], mark);
		assert_int_equal(d.now[d.before[i]], i);
	}
	for (uint32_t i = 0; i < old->n_users; i++) {
		const char *text = users_user(old, i);

		assert_int_equal(d.now[i], users_find(new, text, strlen(text)));
	}
	(void)snprintf(got + n, sizeof(got) - (size_t)n, "%u", d.n_changed);
	assert_string_equal(got, row->want);
	users_diff_deinit(&d);
	users_free(old);
	users_free(new);
}

static void near(void **state)
{
	struct users *u = users_of("john:a anna:b paul:c");

	(void)state;
	for (uint32_t guess = 0; guess < 5; guess++) {
		assert_int_equal(users_find_near(u, "anna", guess), 1);
		assert_int_equal(users_find_near(u, "ann", guess), TABLE_NONE);
	}
	assert_int_equal(users_find_near(u, "paul", TABLE_NONE), 2);
	users_free(u);
}

int main(void)
{
	static const struct CMUnitTest others[] = { cmocka_unit_test(near) };
	int failed = cmocka_run_group_tests(others, NULL, NULL);

	failed += ROWS_RUN(diffs, check_diff);
	return failed != 0;
}
