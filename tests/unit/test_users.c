/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Users and their names: what may be added, and that all of it is found again. */

#include "core/users.h"
#include "rows.h"

#include <stdio.h>

#define U10 "uuuuuuuuuu"
#define U64 U10 U10 U10 U10 U10 U10 "uuuu"
#define MANY 20000

static const struct row {
	const char *name;
	const char *user;
	size_t n;
	int want;
} added[] = {
	{ "one letter", T("j"), 0 },
	{ "another user", T("anna"), 0 },
	{ "dots, hyphens, digits", T("john.doe-2_x"), 0 },
	{ "case matters", T("John"), 0 },
	{ "the beginning of another", T("joh"), 0 },
	{ "n ends the name", "annabel", 4, 0 },
	{ "as long as allowed", T(U64), 0 },
	{ "one byte too long", T(U64 "u"), USERS_E_BAD_USER },
	{ "nothing", T(""), USERS_E_BAD_USER },
	{ "a leading dot", T(".john"), USERS_E_BAD_USER },
	{ "the parent directory", T(".."), USERS_E_BAD_USER },
	{ "a slash", T("a/b"), USERS_E_BAD_USER },
	{ "a slash at the start", T("/a"), USERS_E_BAD_USER },
	{ "a NUL", T("a\0b"), USERS_E_BAD_USER },
	{ "a NUL at the end", T("john\0"), USERS_E_BAD_USER },
	{ "a blank", T("a b"), USERS_E_BAD_USER },
	{ "a tab", T("a\t"), USERS_E_BAD_USER },
	{ "twice", T("john"), USERS_E_TWICE },
};

static struct users *john(void)
{
	struct users *u = users_new();
	uint32_t whose;

	assert_non_null(u);
	assert_int_equal(users_add(u, "john", 4), 0);
	assert_int_equal(users_add_name(u, "a.example.com", 13, &whose), 0);
	assert_int_equal(users_add_name(u, "b.example.com", 13, &whose), 0);
	return u;
}

static void check_added(void **state)
{
	const struct row *row = *state;
	char *text = exact(row->user, row->n);
	struct users *u = john();

	assert_int_equal(users_add(u, text, row->n), row->want);
	if (!row->want) {
		assert_int_equal(u->n_users, 2);
		assert_int_equal(users_find(u, text, row->n), 1);
		assert_int_equal(strlen(users_user(u, 1)), row->n);
		assert_memory_equal(users_user(u, 1), text, row->n);
		assert_int_equal(users_n_names(u, 1), 0);
	} else {
		assert_int_equal(u->n_users, 1);
	}
	assert_int_equal(users_find(u, "john", 4), 0);
	assert_int_equal(users_n_names(u, 0), 2);
	assert_null(users_free(u));
	free(text);
}

static void names_belong_to_the_last(void **state)
{
	struct users *u = john();
	uint32_t whose = 99;

	(void)state;
	assert_int_equal(users_add(u, "anna", 4), 0);
	assert_int_equal(users_add_name(u, "b.example.com", 13, &whose), USERS_E_TAKEN);
	assert_int_equal(whose, 0);
	assert_int_equal(users_add_name(u, "c.example.com/", 13, &whose), 0);
	assert_int_equal(users_add_name(u, "c.example.com", 13, &whose), USERS_E_TAKEN);
	assert_int_equal(whose, 1);

	assert_int_equal(u->n_names, 3);
	assert_int_equal(users_n_names(u, 0), 2);
	assert_int_equal(users_n_names(u, 1), 1);
	assert_int_equal(u->users[1].first_name, 2);
	assert_string_equal(users_name(u, 2), "c.example.com");
	assert_int_equal(users_owner(u, 1), 0);
	assert_int_equal(users_owner(u, 2), 1);
	assert_int_equal(users_find_name(u, "b.example.com", 13), 1);
	assert_int_equal(users_find_name(u, "c.example.com.", 13), 2);
	assert_int_equal(users_find_name(u, "john", 4), TABLE_NONE);
	assert_int_equal(users_find(u, "a.example.com", 13), TABLE_NONE);
	assert_int_equal(users_find(u, "ann", 3), TABLE_NONE);
	users_free(u);
}

static void many(void **state)
{
	struct users *u = users_new();
	char text[64];
	uint32_t whose;
	int n;

	(void)state;
	assert_non_null(u);
	for (uint32_t i = 0; i < MANY; i++) {
		n = snprintf(text, sizeof(text), "user%u", i);
		assert_int_equal(users_add(u, text, (size_t)n), 0);
		for (uint32_t k = 0; k < i % 3; k++) {
			n = snprintf(text, sizeof(text), "n%u.user%u.example.com", k, i);
			assert_int_equal(users_add_name(u, text, (size_t)n, &whose), 0);
		}
	}
	assert_int_equal(u->n_users, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		n = snprintf(text, sizeof(text), "user%u", i);
		assert_int_equal(users_find(u, text, (size_t)n), i);
		assert_string_equal(users_user(u, i), text);
		assert_int_equal(users_n_names(u, i), i % 3);
		for (uint32_t k = 0; k < i % 3; k++) {
			n = snprintf(text, sizeof(text), "n%u.user%u.example.com", k, i);
			assert_int_equal(users_find_name(u, text, (size_t)n),
					 u->users[i].first_name + k);
			assert_string_equal(users_name(u, u->users[i].first_name + k), text);
			assert_int_equal(users_owner(u, u->users[i].first_name + k), i);
		}
	}
	users_free(u);
}

/* However unevenly names are given: none, many, or one each. */
static void owners(void **state)
{
	static const unsigned n_names[] = { 0, 0, 30, 1, 0, 1, 1, 7, 0, 0, 0, 200, 0 };
	const unsigned n_users = sizeof(n_names) / sizeof(*n_names);
	struct users *u = users_new();
	uint32_t name = 0, whose;

	(void)state;
	assert_non_null(u);
	for (unsigned i = 0; i < n_users; i++) {
		char text[32];

		assert_int_equal(users_add(u, text, (size_t)snprintf(text, sizeof(text), "u%u", i)), 0);
		for (unsigned k = 0; k < n_names[i]; k++) {
			assert_int_equal(users_add_name(u, text, (size_t)snprintf(text, sizeof(text), "n%u.u%u", k, i),
							&whose), 0);
		}
	}
	for (unsigned i = 0; i < n_users; i++) {
		for (unsigned k = 0; k < n_names[i]; k++) {
			assert_int_equal(users_owner(u, name++), i);
		}
	}
	assert_int_equal(name, u->n_names);
	users_free(u);
}

/* Fitted, it finds what it found, and more can be added. */
static void fits(void **state)
{
	struct users *u = users_new();
	uint32_t user;

	(void)state;
	assert_non_null(u);
	users_fit(u);
	for (unsigned i = 0; i < 100; i++) {
		char text[32];
		size_t n = (size_t)snprintf(text, sizeof(text), "u%u", i);

		assert_int_equal(users_add(u, text, n), 0);
		users_fit(u);
		assert_int_equal(users_add_name(u, text, n, &user), 0);
		users_fit(u);
		assert_int_equal(u->users_size, i + 2);
		assert_int_equal(u->names_size, i + 1);
		assert_int_equal(u->arena_size, u->arena_len);
	}
	assert_int_equal(users_find(u, "u0", 2), 0);
	assert_int_equal(users_find_name(u, "u99", 3), 99);
	assert_int_equal(users_n_names(u, 99), 1);
	users_free(u);
}

static void empty(void **state)
{
	struct users *u = users_new();

	(void)state;
	assert_non_null(u);
	assert_int_equal(u->n_users, 0);
	assert_int_equal(u->n_names, 0);
	assert_int_equal(users_find(u, "john", 4), TABLE_NONE);
	assert_int_equal(users_find_name(u, "a.example.com", 13), TABLE_NONE);
	assert_null(users_free(u));
	assert_null(users_free(NULL));
}

int main(void)
{
	static const struct CMUnitTest users[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(names_belong_to_the_last),
		cmocka_unit_test(many),
		cmocka_unit_test(owners),
		cmocka_unit_test(fits),
	};
	int failed = cmocka_run_group_tests(users, NULL, NULL);

	failed += ROWS_RUN(added, check_added);
	return failed != 0;
}
