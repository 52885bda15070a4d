/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* One address, or one network. What we take inet_pton(3) takes, and the other way round, as the same bytes;
 * and an address file that holds nothing else says the same. */

#include "core/address.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>

enum { TEXT_MAX = 64 };

static bool libc_parse(const char *text, size_t n, struct ip *ret)
{
	char copy[TEXT_MAX + 1];

	if (n > TEXT_MAX || memchr(text, '\0', n)) {
		return false;
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	ret->n = inet_pton(AF_INET, copy, ret->bytes) == 1  ? 4 :
		 inet_pton(AF_INET6, copy, ret->bytes) == 1 ? 16 :
							      0;
	return ret->n;
}

static bool same(const struct ip *a, const struct ip *b)
{
	return a->n == b->n && !memcmp(a->bytes, b->bytes, a->n);
}

static void check_printed(const struct ip *ip)
{
	char text[IP_TEXT_SIZE], again_text[IP_TEXT_SIZE];
	size_t n = ip_print(ip->bytes, ip->n, text);
	struct ip again;

	CHECK(n == strlen(text));
	CHECK(libc_parse(text, n, &again) && same(ip, &again));
	CHECK(ip_parse(text, n, &again) && same(ip, &again));
	CHECK(ip_print(again.bytes, again.n, again_text) == n && !strcmp(text, again_text));
}

static void check_file(const char *text, size_t n, const struct ip *ip)
{
	static const char *const names[] = { "a.example.com" };
	static const struct ip_nets all;
	const struct address_rules rules = { .addresses_max = 1, .networks = &all };
	struct ip_set *set;
	struct address_error e;
	int r = address_parse(text, n, names, 1, &rules, &set, &e);

	CHECK(!r == (ip && !ip_special(ip)));
	if (!r) {
		CHECK(ip->n == 4 ? set->n_v4 == 1 && !set->n_v6 : !set->n_v4 && set->n_v6 == 1);
		CHECK(!memcmp(set->bytes, ip->bytes, ip->n));
		ip_set_free(set);
	}
}

static void check_network(const char *text, size_t n)
{
	struct ip_nets nets = { 0 };

	if (!ip_nets_add(&nets, text, n)) {
		CHECK(nets.n == 1 && nets.nets->prefix <= 8 * nets.nets->ip.n);
		CHECK(ip_nets_accept(&nets, &nets.nets->ip) == !nets.nets->refuse);
	} else {
		CHECK(!nets.n);
	}
	ip_nets_deinit(&nets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char signs[] = "0123456789abcdefABCDEF:.%";
	const char *text = (const char *)data;
	struct ip ours = { 0 }, theirs = { 0 };
	bool is_ours = ip_parse(text, n, &ours);
	bool only_signs = n > 0;

	CHECK(is_ours == libc_parse(text, n, &theirs));
	CHECK(!is_ours || same(&ours, &theirs));
	if (is_ours) {
		check_printed(&ours);
	}
	for (size_t i = 0; i < n; i++) {
		only_signs = only_signs && text[i] && strchr(signs, text[i]);
	}
	if (only_signs) {
		check_file(text, n, is_ours ? &ours : NULL);
	}
	check_network(text, n);
	return 0;
}
