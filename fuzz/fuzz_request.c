/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A router's request and what comes of it. The input is lines: the target, Authorization,
 * X-Forwarded-For; all that follows is the form, and Forwarded. */

#include "core/address.h"
#include "core/answer.h"
#include "core/conf.h"
#include "core/proxy.h"
#include "core/request.h"
#include "core/update.h"
#include "fuzz.h"

#include <string.h>

enum { N_NAMES = 4, NOT_ALLOWED = 2 };

static const char conf_text[] =
	"[users]\n"
	"alice = host1.dyn.example host2.dyn.example host3.dyn.example host1.two.example\n"
	"solo = solo.dyn.example\n"
	"[dns-updater]\npathpattern = /%u\ndatafile = /d\naddresses_max = 4\n"
	"networks = !10.0.0.0/8 !192.168.0.0/16 !2001:db8:bad::/48\n"
	"[http]\ntrusted_proxies = 192.0.2.0/24\n"
	"interface_id = host2.dyn.example ::1:2:3:4, host3.dyn.example ::5:6:7:8\n";

static const char now_text[] = "host1.dyn.example 198.51.100.1 2001:db8:ffff:12::a\n"
			       "host2.dyn.example 198.51.100.2\n"
			       "host3.dyn.example 198.51.100.3 2001:db8:ffff:12::c\n"
			       "host1.two.example 2001:db8:1::1 2001:db8:1::2\n";

static const bool allowed[N_NAMES] = { true, true, false, true }; /* NOT_ALLOWED is not */

/* The same for every input. */
static struct {
	struct conf conf;
	const char *names[N_NAMES];
	struct ip_set *now[N_NAMES];
} world;

static void report(void *arg, const char *file, unsigned line, const char *what)
{
	CHECK(arg && file && line && what); /* never so: there are no mistakes */
}

static void read_sets(const char *text, size_t n, struct ip_set **ret_sets)
{
	const struct address_rules rules = { .addresses_max = world.conf.addresses_max,
					     .networks = &world.conf.networks };
	struct address_error error;

	CHECK(!address_parse(text, n, world.names, N_NAMES, &rules, ret_sets, &error));
}

static void make_world(void)
{
	if (world.conf.users) {
		return;
	}
	CHECK(!conf_init(&world.conf));
	CHECK(!conf_parse(&world.conf, "", conf_text, strlen(conf_text), report, NULL));
	CHECK(!conf_finish(&world.conf, "", report, NULL));
	for (uint32_t i = 0; i < N_NAMES; i++) {
		world.names[i] = users_name(world.conf.users, i);
	}
	read_sets(now_text, strlen(now_text), world.now);
}

static struct text take_line(const char **at, const char *end)
{
	const char *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
	struct text t = { *at, (size_t)((newline ? newline : end) - *at) };

	*at = newline ? newline + 1 : end;
	return t;
}

/* Printed and read again they are the same: so each is allowed, and publishable. */
static void check_sets(struct ip_set *const *sets)
{
	struct ip_set *again[N_NAMES];
	struct buf b = { 0 };

	address_print(&b, world.names, sets, N_NAMES);
	read_sets(b.data, b.len, again);
	for (size_t i = 0; i < N_NAMES; i++) {
		CHECK(ip_set_equal(sets[i], again[i]));
		ip_set_free(again[i]);
	}
	CHECK(ip_set_equal(sets[NOT_ALLOWED], world.now[NOT_ALLOWED]));
	buf_deinit(&b);
}

static bool has(const struct ip_set *s, const struct ip *ip)
{
	size_t n = !s ? 0 : ip->n == 4 ? s->n_v4 : s->n_v6;

	for (size_t i = 0; i < n; i++) {
		if (!memcmp(ip->n == 4 ? ip_set_v4(s, i) : ip_set_v6(s, i), ip->bytes, ip->n)) {
			return true;
		}
	}
	return false;
}

/* What is told as set is set; only what is never published is told without. */
static void check_echo(const struct update *u)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		const struct update_host *h = &u->hosts[i];

		CHECK(h->name < N_NAMES || h->outcome == UPDATE_NOHOST ||
		      h->outcome == UPDATE_NOTFQDN);
		CHECK(h->outcome != UPDATE_DNSERR || h->why);
		for (size_t k = 0; k < h->n_echo; k++) {
			CHECK(has(u->sets[h->name], &h->echo[k]) || ip_special(&h->echo[k]) ||
			      !ip_nets_accept(&world.conf.networks, &h->echo[k]));
		}
	}
}

static void check_body(const struct buf *b)
{
	CHECK(!buf_error(b) && b->len);
	CHECK(!memchr(b->data, '\0', b->len) && !memchr(b->data, '\r', b->len));
	CHECK(b->data[b->len - 1] != '\n');
}

static void check_answers(const struct request *r, const struct update *u)
{
	struct answer a;

	answer_update(r, u, world.conf.users, &a);
	check_body(&a.body);
	buf_deinit(&a.body);
	for (int fault = ANSWER_BADAUTH; fault <= ANSWER_TROUBLE; fault++) {
		answer_fault(r->dialect, (enum answer_fault)fault, &a);
		check_body(&a.body);
		buf_deinit(&a.body);
	}
}

/* Whoever sends it once more has nothing to change. */
static void check_again(const struct update_input *in, const struct update *u)
{
	struct update_input in_again = *in;
	struct update again;

	in_again.now = u->sets;
	CHECK(!update_apply(&in_again, &again));
	CHECK(!again.changed);
	update_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct ip proxy = { 4, { 192, 0, 2, 1 } };
	const char *at = (const char *)data, *end = at + n;
	struct text x_forwarded_for;
	struct request_input sent;
	struct update_input in = { .allowed = allowed, .now = world.now };
	struct request r;
	struct update u;

	make_world();
	sent.target = take_line(&at, end);
	sent.authorization = take_line(&at, end);
	x_forwarded_for = take_line(&at, end);
	sent.form = (struct text){ at, (size_t)(end - at) };
	CHECK(!request_parse(&sent, &r));
	in.request = &r;
	in.conf = &world.conf;
	in.users = world.conf.users;
	in.peer = proxy_peer(&proxy, &world.conf.http.trusted_proxies, x_forwarded_for,
			     sent.form);
	(void)proxy_was_encrypted(x_forwarded_for, sent.form); /* only that it ends */
	CHECK(!update_apply(&in, &u));
	check_sets(u.sets);
	check_echo(&u);
	check_answers(&r, &u);
	check_again(&in, &u);
	update_deinit(&u);
	request_deinit(&r);
	return 0;
}
