/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A users_file. What is accepted, and printed, reads the same. */

#include "core/conf.h"
#include "fuzz.h"

#include <string.h>

static void count(void *arg, const char *file, unsigned line, const char *what)
{
	CHECK(*file && line && *what);
	++*(unsigned *)arg;
}

static void print(struct buf *b, const struct users *u)
{
	buf_adds(b,
		 "# users\n"); /* for at the very beginning a byte order mark is no part of a name */
	for (uint32_t i = 0; i < u->n_users; i++) {
		buf_printf(b, "%s =", users_user(u, i));
		for (uint32_t k = u->users[i].first_name; k < u->users[i + 1].first_name; k++) {
			buf_printf(b, " %s", users_name(u, k));
		}
		buf_adds(b, "\n");
	}
}

static void check_found(const struct users *u)
{
	for (uint32_t i = 0; i < u->n_users; i++) {
		const char *user = users_user(u, i);

		CHECK(users_good_user(user, strlen(user)));
		CHECK(users_find(u, user, strlen(user)) == i);
	}
	for (uint32_t i = 0; i < u->n_names; i++) {
		const char *name = users_name(u, i);

		CHECK(users_find_name(u, name, strlen(name)) == i);
		CHECK(users_owner(u, i) < u->n_users);
		CHECK(i - u->users[users_owner(u, i)].first_name < users_n_names(u, users_owner(u, i)));
	}
}

static void check_printed(const struct users *u)
{
	struct buf printed = { 0 }, again = { 0 };
	unsigned n_mistakes = 0;
	struct conf c;

	CHECK(!conf_init(&c));
	print(&printed, u);
	CHECK(!conf_parse_users(&c, "again", buf_str(&printed), printed.len, count,
				&n_mistakes));
	print(&again, c.users);
	CHECK(!n_mistakes && printed.len == again.len &&
	      !strcmp(buf_str(&printed), buf_str(&again)));
	buf_deinit(&printed);
	buf_deinit(&again);
	conf_deinit(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned n_mistakes = 0;
	struct conf c;
	int r;

	CHECK(!conf_init(&c));
	r = conf_parse_users(&c, "users", (const char *)data, n, count, &n_mistakes);
	CHECK(r == (n_mistakes ? CONF_E_MISTAKES : 0));
	check_found(c.users);
	if (!r) {
		check_printed(c.users);
	}
	conf_deinit(&c);
	return 0;
}
