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
	PROBES = 16,		/* of those who were not in that pass */
	ENTRY_MAX = 16384,	/* bytes */
};

/* getpwnam(3) would not tell whether there is no such account or nobody answers. */
static uid_t find_one(const char *name, int *error)
{
	struct passwd pw, *found = NULL;
	char text[ENTRY_MAX];
	int r = getpwnam_r(name, &pw, text, sizeof(text), &found);

	*error = r ? -r : *error;
	return found ? found->pw_uid : SOURCE_NO_ACCOUNT;
}

static void find_listed(const struct users *users, uid_t *accounts)
{
	const struct passwd *pw;

	setpwent();
	while ((pw = getpwent())) {
		uint32_t user = users_find(users, pw->pw_name, strlen(pw->pw_name));

		/* Of several with that name, the one that a look-up by name would find. */
		if (user != TABLE_NONE && accounts[user] == SOURCE_NO_ACCOUNT) {
			accounts[user] = pw->pw_uid;
		}
	}
	endpwent();
}

/* Looks up one in so many of those who were not found. Returns whether any was. Who does not answer is not asked again:
 * it may have taken him long. */
static bool find_unlisted(const struct users *users, uint32_t step, uid_t *accounts, int *error)
{
	uint32_t n = 0;
	bool any = false;

	for (uint32_t i = 0; i < users->n_users && !*error; i++) {
		if (accounts[i] == SOURCE_NO_ACCOUNT && n++ % step == 0) {
			accounts[i] = find_one(users_user(users, i), error);
			any = any || accounts[i] != SOURCE_NO_ACCOUNT;
		}
	}
	return any;
}

int accounts_find(const struct users *users, const char *front_end, struct accounts *ret)
{
	uid_t *accounts = reallocarray(NULL, users->n_users + 1u, sizeof(*accounts));
	bool many = users->n_users > SINGLE_MAX;
	uint32_t n_unlisted = 0;
	int error = 0;

	if (!accounts) {
		return -ENOMEM;
	}
	memset(accounts, 0xff, users->n_users * sizeof(*accounts));	/* all SOURCE_NO_ACCOUNT */
	if (many) {
		find_listed(users, accounts);
	}
	for (uint32_t i = 0; i < users->n_users; i++) {
		n_unlisted += accounts[i] == SOURCE_NO_ACCOUNT;
	}
	/* Not every database lists its accounts (sssd.conf(5), enumerate). If it has some that were not listed, all are
	 * asked for; of users who have no accounts at all, that would be for nothing. */
	if (!many || find_unlisted(users, n_unlisted / PROBES + 1, accounts, &error)) {
		(void)find_unlisted(users, 1, accounts, &error);
	}
	/* One database did not answer; another may know those who were not asked for any more. */
	if (error && !many) {
		find_listed(users, accounts);
	}
	*ret = (struct accounts){ .users = accounts, .front_end = find_one(front_end, &error) };
	ret->error = error;
	return 0;
}

void accounts_deinit(struct accounts *a)
{
	free(a->users);
	*a = (struct accounts){ 0 };
}
