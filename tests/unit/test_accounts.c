/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Which accounts are found, in databases that list them and in such that do not: these functions take the place of
 * libc's. */

#include "daemon/accounts.h"

#include "daemon/source.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

#include "rows.h"

static struct database {
	bool lists;
	uint32_t first, n;	/* of users u0, u1 ..., who have accounts 1000, 1001 ... */
	bool twice;		/* and behind all of these others of the same names, which no look-up by name finds */
	bool fails;		/* it does not answer who asks for a name */
	uint32_t at;		/* of getpwent */
	unsigned n_asked;
} db;

static struct passwd *account(uint32_t i)
{
	static struct passwd pw;
	static char name[32];

	(void)snprintf(name, sizeof(name), "u%u", (unsigned)i);
	pw = (struct passwd){ .pw_name = name, .pw_uid = 1000 + i };
	return &pw;
}

int getpwnam_r(const char *name, struct passwd *ret, char *text, size_t n_text, struct passwd **found)
{
	unsigned i;

	(void)text;
	(void)n_text;
	db.n_asked++;
	*found = NULL;
	if (!db.fails && sscanf(name, "u%u", &i) == 1 && i - db.first < db.n) {
		*ret = *account(i);
		*found = ret;
	}
	return db.fails ? ETIMEDOUT : 0;
}

void setpwent(void)
{
	db.at = 0;
}

struct passwd *getpwent(void)
{
	struct passwd *pw = NULL;

	if (db.lists && db.at < (db.twice ? 2 : 1) * db.n) {
		pw = account(db.first + db.at % db.n);
		pw->pw_uid += db.at++ < db.n ? 0 : 1000000;
	}
	return pw;
}

void endpwent(void)
{
}

static const struct row {
	const char *name;
	uint32_t n_users;
	struct database db;
	unsigned asked_max;	/* names, with the front end's */
} rows[] = {
	{ "few, listed", 3, { true, 0, 3, false }, 4 },
	{ "few, not listed", 3, { false, 0, 3, false }, 4 },
	{ "many, listed", 1000, { true, 0, 1000, false }, 1 },
	{ "many, listed twice", 1000, { true, 0, 1000, true }, 1 },
	{ "many, not listed", 1000, { false, 0, 1000, false }, 1017 },
	{ "many, half of them not listed", 1000, { false, 500, 500, false }, 1017 },
	{ "many, of whom most have none", 100000, { true, 0, 1000, false }, 17 },
	{ "many, of whom none has one", 100000, { true, 0, 0, false }, 17 },
	{ "one more than few, not listed", 257, { false, 0, 257, false }, 274 },
	{ "few, of two databases one answers, by its list", 3, { true, 1, 2, .fails = true }, 2 },
	{ "few, nobody answers", 3, { false, 0, 0, .fails = true }, 2 },
	{ "many, listed, then nobody answers", 1000, { true, 0, 500, .fails = true }, 2 },
};

static void check(void **state)
{
	const struct row *row = *state;
	struct users *users = users_new();
	struct accounts a;

	db = row->db;
	for (uint32_t i = 0; i < row->n_users; i++) {
		const struct passwd *pw = account(i);

		assert_int_equal(users_add(users, pw->pw_name, strlen(pw->pw_name)), 0);
	}
	assert_int_equal(accounts_find(users, "http", &a), 0);
	assert_true(a.front_end == SOURCE_NO_ACCOUNT);
	assert_int_equal(a.error, row->db.fails ? -ETIMEDOUT : 0);
	for (uint32_t i = 0; i < row->n_users; i++) {
		bool has = i - row->db.first < row->db.n;

		assert_true(a.users[i] == (has ? 1000 + i : SOURCE_NO_ACCOUNT));
	}
	assert_in_range(db.n_asked, 1, row->asked_max);
	accounts_deinit(&a);
	users_free(users);
}

int main(void)
{
	return ROWS_RUN(rows, check);
}
