/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One request of a row, applied to what its user has at the start: everything between the HTTP
 * server and the address file. */

#include "core/address.h"
#include "core/answer.h"
#include "core/conf.h"
#include "core/request.h"
#include "core/update.h"
#include "rows.h"

#include <stdio.h>

struct exchange_row {
	const char *name;
	const char *target;
	const char *want;
	const char *form, *authorization;
	const char *user;	   /* NULL: alice */
	const char *peer;	   /* NULL: 192.0.2.99; empty: not known */
	const char *allowed;	   /* a 1 or 0 for each of his names; NULL: all */
	const char *now;	   /* his address file; NULL: as below */
	const char *daemon, *http; /* more lines of the configuration */
};

enum { EXCHANGE_NAMES_MAX = 4 };

struct exchange {
	struct conf conf;
	uint32_t user, first;
	const char *names[EXCHANGE_NAMES_MAX];
	struct ip_set *now[EXCHANGE_NAMES_MAX];
	size_t n_names;
	struct request request;
	struct update update;
};

static const struct {
	const char *user, *now;
} exchange_users[] = {
	{ "alice", "host1.dyn.example 198.51.100.1 2001:db8:ffff:12::a\n"
		   "host2.dyn.example 198.51.100.2\n" },
	{ "solo", "none\n" },
	{ "bob@example.org", "none\n" },
	{ "dora", "198.51.100.9\n" },
};

static const char exchange_conf[] =
	"[users]\n"
	"alice = host1.dyn.example host2.dyn.example\n"
	"solo = solo.dyn.example\n"
	"bob@example.org = bob.dyn.example\n"
	"dora = www.one.example www.two.example mail.two.example *.two.example\n"
	"[dns-updater]\npathpattern = /home/%u/f\ndatafile = /d\n";

static inline void exchange_mistake(void *arg, const char *file, unsigned line,
				    const char *what)
{
	(void)arg;
	fail_msg("%s:%u: %s", file, line, what);
}

static inline void exchange_conf_init(struct conf *ret, const struct exchange_row *row)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s%s\n[http]\n%s\n", exchange_conf, row->daemon ? row->daemon : "",
		   row->http ? row->http : "");
	assert_int_equal(conf_init(ret), 0);
	assert_int_equal(conf_parse(ret, "c", b.data, b.len, exchange_mistake, NULL), 0);
	assert_int_equal(conf_finish(ret, "c", exchange_mistake, NULL), 0);
	buf_deinit(&b);
}

/* What he has at the start, which the limits of the row need not allow. */
static inline void exchange_now_init(struct exchange *x, const char *text)
{
	struct ip_nets all = { 0 };
	struct address_rules rules = { .addresses_max = IP_SET_EACH_MAX, .networks = &all };
	struct address_error error;
	const char *user = users_user(x->conf.users, x->user);

	for (size_t i = 0; !text; i++) {
		if (!strcmp(exchange_users[i].user, user))
			text = exchange_users[i].now;
	}
	x->first = x->conf.users->users[x->user].first_name;
	x->n_names = users_n_names(x->conf.users, x->user);
	for (size_t i = 0; i < x->n_names; i++)
		x->names[i] = users_name(x->conf.users, x->first + (uint32_t)i);
	assert_int_equal(address_parse(text, strlen(text), x->names, x->n_names, &rules, x->now,
				       &error),
			 0);
}

static inline struct text exchange_text(const char *s)
{
	return (struct text){ s, s ? strlen(s) : 0 };
}

static inline void exchange_init(struct exchange *x, const struct exchange_row *row)
{
	const char *user = row->user ? row->user : "alice";
	const char *peer = row->peer ? row->peer : "192.0.2.99";
	const struct request_input sent = { .target = exchange_text(row->target),
					    .form = exchange_text(row->form),
					    .authorization =
						    exchange_text(row->authorization) };
	bool allowed[EXCHANGE_NAMES_MAX] = { false };
	struct update_input in = { .request = &x->request, .conf = &x->conf, .now = x->now };

	*x = (struct exchange){ 0 };
	exchange_conf_init(&x->conf, row);
	x->user = users_find(x->conf.users, user, strlen(user));
	assert_int_not_equal(x->user, TABLE_NONE);
	exchange_now_init(x, row->now);
	assert_int_equal(request_parse(&sent, &x->request), 0);
	in.users = x->conf.users;
	in.user = x->user;
	assert_true(!*peer || ip_parse(peer, strlen(peer), &in.peer));
	for (size_t i = 0; row->allowed && row->allowed[i]; i++)
		allowed[i] = row->allowed[i] == '1';
	in.allowed = row->allowed ? allowed : NULL;
	assert_int_equal(update_apply(&in, &x->update), 0);
}

static inline void exchange_deinit(struct exchange *x)
{
	for (size_t i = 0; i < x->n_names; i++)
		ip_set_free(x->now[i]);
	update_deinit(&x->update);
	request_deinit(&x->request);
	conf_deinit(&x->conf);
}
