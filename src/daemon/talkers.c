/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/talkers.h"

#include "base/log.h"
#include "core/users.h"

enum {
	NEAR = 8,	/* a user's place is one of so many */
	SAID_MAX = 60, SAID_MS = 60 * 1000,	/* lines about one user, in so much time */
};

/* The user's place among those who were in the log; if he was not, that of who has said least. */
static struct talker *find(struct talkers *talkers, uint32_t user)
{
	struct talker *first = &talkers->list[user % TALKERS_MAX / NEAR * NEAR], *least = first;

	for (struct talker *t = first; t < first + NEAR; t++) {
		if (t->said.n && t->user == user) {
			return t;
		}
		least = t->said.n < least->said.n ? t : least;
	}
	return least;
}

static void end(struct talker *t, const struct users *users)
{
	if (t->said.n > SAID_MAX) {
		log_warning("%u more messages about user %s were left out", t->said.n - SAID_MAX,
			    users_user(users, t->user));
	}
	*t = (struct talker){ 0 };
}

void talkers_tell(struct talkers *talkers, const struct users *users, uint32_t user, uint64_t now_ms)
{
	struct talker *t = find(talkers, user);

	if (t->user == user && now_ms - t->said.since_ms >= SAID_MS) {
		end(t, users);
	}
}

void talkers_tell_all(struct talkers *talkers, const struct users *users)
{
	for (unsigned i = 0; i < TALKERS_MAX; i++) {
		end(&talkers->list[i], users);
	}
}

bool talkers_may_say(struct talkers *talkers, const struct users *users, uint32_t user, uint64_t now_ms)
{
	unsigned left_out;	/* those were told of */
	struct talker *t;

	talkers_tell(talkers, users, user, now_ms);
	t = find(talkers, user);
	if (t->user != user) {
		end(t, users);
		t->user = user;
	}
	return quota_take(&t->said, now_ms, SAID_MAX, SAID_MS, &left_out);
}
