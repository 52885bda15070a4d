/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/accounts.h"

#include "daemon/source.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Single look-ups read /etc/passwd from its start each time: for many users one pass is cheaper,
	 * even over accounts that are none of ours. */
	SINGLE_MAX = 256,
};

static uid_t find_one(const char *name)
{
	const struct passwd *pw = getpwnam(name);

	return pw ? pw->pw_uid : SOURCE_NO_ACCOUNT;
}

static void find_listed(const struct users *users, uid_t *accounts)
{
	const struct passwd *pw;

	setpwent();
	while ((pw = getpwent())) {
		uint32_t user = users_find(users, pw->pw_name, strlen(pw->pw_name));

		if (user != TABLE_NONE) {
			accounts[user] = pw->pw_uid;
		}
	}
	endpwent();
}

int accounts_find(const struct users *users, const char *front_end, struct accounts *ret)
{
	uid_t *accounts = calloc(users->n_users + 1u, sizeof(*accounts));

	if (!accounts) {
		return -ENOMEM;
	}
	memset(accounts, 0xff, users->n_users * sizeof(*accounts));	/* all SOURCE_NO_ACCOUNT */
	if (users->n_users > SINGLE_MAX) {
		find_listed(users, accounts);
	}
	for (uint32_t i = 0; users->n_users <= SINGLE_MAX && i < users->n_users; i++) {
		accounts[i] = find_one(users_user(users, i));
	}
	*ret = (struct accounts){ accounts, find_one(front_end) };
	return 0;
}

void accounts_deinit(struct accounts *a)
{
	free(a->users);
	*a = (struct accounts){ 0 };
}
