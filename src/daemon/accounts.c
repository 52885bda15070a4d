/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/accounts.h"

#include "daemon/source.h"

#include <pwd.h>
#include <string.h>

/* Single look-ups read /etc/passwd from its start each time: for many users one pass is cheaper,
 * even over accounts that are none of ours. */
enum { SINGLE_MAX = 256 };

static uid_t find_one(const char *name)
{
	const struct passwd *pw = getpwnam(name);

	return pw ? pw->pw_uid : SOURCE_NO_ACCOUNT;
}

void accounts_find(struct roster *r, const char *front_end, struct accounts_special *ret)
{
	const struct users *users = r->users;
	const struct passwd *pw;

	ret->front_end = find_one(front_end);
	if (users->n_users <= SINGLE_MAX) {
		for (uint32_t i = 0; i < users->n_users; i++) {
			r->state[i].account = find_one(users_user(users, i));
		}
		return;
	}
	setpwent();
	while ((pw = getpwent())) {
		uint32_t user = users_find(users, pw->pw_name, strlen(pw->pw_name));

		if (user != TABLE_NONE) {
			r->state[user].account = pw->pw_uid;
		}
	}
	endpwent();
}
