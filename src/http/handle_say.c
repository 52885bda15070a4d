/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What is logged of requests: a line for each change and each refusal, within limits, and never a password
 * or a token. */

#include "http/handle_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/name.h"
#include "http/auth.h"

#include <string.h>

enum {
	PIECE_MIN =
		6, /* bytes that a word and a secret have in common, and it is not by chance */
	WHY_MAX = 1024, /* bytes of the daemon's reason */
	SAID_MS = 60 * 1000,
};

/* Lines of the log in SAID_MS: what one stranger or user does must not hide what others do. */
static const struct {
	unsigned by_one, by_all;
} said_max[N_SAID] = {
	[SAID_WRONG] = { 20, 300 },
	[SAID_REFUSED] = { 20, 300 },
	[SAID_CHANGED] = { 600, UINT32_MAX },
	[SAID_UNPUBLISHED] = { 20, 300 },
};

/* --- keys of strangers and users --- */

uint64_t handle_key(const struct handle *h, const void *bytes, size_t n)
{
	uint64_t key;

	_Static_assert(sizeof(key) == crypto_shorthash_BYTES, "a key is a hash");
	(void)crypto_shorthash((unsigned char *)&key, bytes, n, h->key);
	return key;
}

uint64_t handle_address_key(const struct job *j)
{
	return handle_key(j->h, j->peer.bytes, j->peer.n == 4 ? 4 : 8);
}

uint64_t handle_user_key(const struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user);

	return handle_key(j->h, user, strlen(user));
}

/* --- the log --- */

/* Whether something of the secret is in what would be shown. */
static bool tells(struct text shown, struct text secret)
{
	if (!shown.at || !secret.at || !shown.n || !secret.n) {
		return false;
	}
	if (memmem(secret.at, secret.n, shown.at, shown.n) ||
	    memmem(shown.at, shown.n, secret.at, secret.n)) {
		return true;
	}
	for (size_t i = 0; i + PIECE_MIN <= shown.n; i++) {
		if (memmem(secret.at, secret.n, shown.at + i, PIECE_MIN)) {
			return true;
		}
	}
	return false;
}

/* What the client wrote, as far as it can be a name or an address: what follows may be a password, where
 * an "&" is missing; and all of it may be one, or a piece of one, where an "&" is too many. */
static void add_quoted(struct buf *b, const struct job *j, struct text t)
{
	struct text shown = { t.at, 0 };

	while (shown.n < t.n && shown.n < QUOTE_MAX &&
	       !strchr("=&;? ", t.at[shown.n])) { /* strchr finds a NUL, too */
		shown.n++;
	}
	if (auth_is_token(j->h->auth, t) || auth_is_token(j->h->auth, shown) ||
	    tells(shown, j->r.password) || tells(shown, j->r.token)) {
		buf_adds(b, "(a password)");
		return;
	}
	buf_adds(b, "'");
	buf_add_escaped(b, shown.at, shown.n, QUOTE_MAX);
	buf_adds(b, shown.n < t.n ? "...'" : "'");
}

static bool take_quota(struct handle *h, struct quota *q, unsigned max)
{
	unsigned left_out;
	bool may = quota_take(q, uv_now(h->loop), max, SAID_MS, &left_out);

	if (left_out) {
		log_warning("%u more messages of this kind were left out", left_out);
	}
	return may;
}

/* Whether there may be one more line of this kind, of all strangers or users and of this one. */
static bool may_say(struct handle *h, enum said what, uint64_t who)
{
	return take_quota(h, &h->said_by[what][who % SAID_PLACES], said_max[what].by_one) &&
	       take_quota(h, &h->said[what], said_max[what].by_all);
}

/* A name that there is. What is none may be a piece of a password, where an "&" was not escaped. */
static void add_host(struct buf *b, const struct job *j, struct text host, const char *before)
{
	const struct users *users = j->g->conf.users;
	char name[NAME_SIZE];
	uint32_t found;
	size_t n;

	if (name_canon(host.at, host.n, name, &n)) {
		return;
	}
	found = users_find_name(users, name, n);
	if (found != TABLE_NONE) {
		buf_printf(b, "%s%s", before, users_name(users, found));
	}
}

void handle_say_refused(const struct job *j, enum said what, const char *why)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	if (!may_say(j->h, what, handle_address_key(j))) {
		return;
	}
	ip_add(&b, j->peer.bytes, j->peer.n);
	if (j->user != TABLE_NONE) {
		buf_printf(&b, ": user %s", users_user(j->g->conf.users, j->user));
	} else if (j->r.user.n) { /* not shown: it may be a password, in the wrong field */
		buf_adds(&b, ": an unknown user");
	}
	for (unsigned i = 0; i < j->r.n_hosts; i++) {
		add_host(&b, j, j->r.hosts[i], i ? ", " : " for ");
	}
	log_warning("refusing %s: %s", buf_str(&b), why);
}

static void add_left_out(struct buf *b, const struct job *j, const struct update_host *h,
			 const char *why)
{
	buf_adds(b, b->len ? "; " : "");
	if (h->name != TABLE_NONE) {
		buf_printf(b, "%s: ", users_name(j->g->conf.users, h->name));
	} else if (h->text.at) {
		add_quoted(b, j, h->text);
		buf_adds(b, ": ");
	}
	buf_adds(b, why);
	if (j->r.bad.at && h->outcome == UPDATE_DNSERR) {
		buf_adds(b, ": ");
		add_quoted(b, j, j->r.bad);
	}
}

void handle_say_left_out(const struct job *j)
{
	static const char not_his[] = "not his name, or not this token's";
	_cleanup_(buf_deinit) struct buf list = { 0 }, peer = { 0 };
	bool refused = false;

	for (size_t i = 0; i < j->u.n_hosts; i++) {
		const struct update_host *h = &j->u.hosts[i];
		const char *why = h->outcome == UPDATE_NOHOST ?
					  not_his :
				  h->outcome == UPDATE_NOTFQDN ? "no host name" :
								 h->why;

		if (why) {
			add_left_out(&list, j, h, why);
		}
		refused = refused || (why && h->outcome != UPDATE_GOOD);
	}
	for (size_t i = 0; i < j->u.n_strangers; i++) {
		struct update_host h = { .text = j->u.strangers[i], .name = TABLE_NONE };

		add_left_out(&list, j, &h, not_his);
		refused = true;
	}
	if (list.len && may_say(j->h, SAID_REFUSED, handle_user_key(j))) {
		ip_add(&peer, j->peer.bytes, j->peer.n);
		log_warning("%s user %s from %s: %s", refused ? "refusing" : "leaving out, for",
			    users_user(j->g->conf.users, j->user), buf_str(&peer),
			    buf_str(&list));
	}
}

void handle_say_changed(const struct job *j)
{
	const struct users *users = j->g->conf.users;
	uint32_t first = users->users[j->user].first_name;
	_cleanup_(buf_deinit) struct buf b = { 0 };

	if (!may_say(j->h, SAID_CHANGED, handle_user_key(j))) {
		return;
	}
	for (uint32_t i = 0; i < j->u.n_sets; i++) {
		if (ip_set_equal(j->u.sets[i], j->now[i])) {
			continue;
		}
		buf_printf(&b, "%s%s to ", b.len ? "; " : "", users_name(users, first + i));
		ip_set_say(&b, j->u.sets[i]);
	}
	buf_adds(&b, " from ");
	ip_add(&b, j->peer.bytes, j->peer.n);
	if (*j->label) {
		buf_printf(&b, " (token %s)", j->label);
	}
	log_info("user %s sets %s", users_user(users, j->user), buf_str(&b));
}

void handle_say_unpublished(const struct job *j, const char *what, struct text why,
			    const char *word)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	if (!may_say(j->h, SAID_UNPUBLISHED, handle_user_key(j))) {
		return;
	}
	ip_add(&b, j->peer.bytes, j->peer.n);
	buf_printf(&b, " %s: ", what);
	buf_add_escaped(&b, why.at, why.n, WHY_MAX);
	log_warning("user %s: what was set from %s; the answer is %s",
		    users_user(j->g->conf.users, j->user), buf_str(&b), word);
}
