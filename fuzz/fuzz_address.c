/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* An address file. What is accepted may be published, and printed it reads the same. */

#include "core/address.h"
#include "fuzz.h"

enum { N_NAMES = 3, ADDRESSES_MAX = 4 };

static const char *const names[N_NAMES] = { "a.example.com", "b.example.com", "*.example.com" };

static void check_set(const struct ip_set *s)
{
	struct ip ips[2 * ADDRESSES_MAX], *end;

	CHECK(!s || (s->n_v4 <= ADDRESSES_MAX && s->n_v6 <= ADDRESSES_MAX));
	end = ip_set_copy(ips, s, true, true);
	for (const struct ip *ip = ips; ip < end; ip++) {
		CHECK(!ip_special(ip));
	}
}

static void check_printed(struct ip_set *const *sets, const struct address_rules *rules)
{
	struct ip_set *again[N_NAMES];
	struct address_error error;
	struct buf b = { 0 };

	address_print(&b, names, sets, N_NAMES);
	CHECK(!address_parse(b.data, b.len, names, N_NAMES, rules, again, &error));
	for (size_t i = 0; i < N_NAMES; i++) {
		check_set(sets[i]);
		CHECK(ip_set_equal(sets[i], again[i]));
		ip_set_free(again[i]);
	}
	buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct ip_nets all;
	const struct address_rules rules = { .addresses_max = ADDRESSES_MAX, .networks = &all };
	const char *text = (const char *)data;
	struct ip_set *sets[N_NAMES];
	struct address_error e;
	int r;

	r = address_parse(text, n, names, N_NAMES, &rules, sets, &e);
	if (r == ADDRESS_E_REFUSED) {
		CHECK(e.line && e.why);
		CHECK(!e.bytes || (e.bytes >= text && e.bytes + e.n_bytes <= text + n));
	}
	if (!r) {
		check_printed(sets, &rules);
	}
	for (size_t i = 0; !r && i < N_NAMES; i++) {
		ip_set_free(sets[i]);
	}
	return 0;
}
