/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Who sent a request, and how, by the words of proxies. */

#include "core/ip.h"
#include "core/proxy.h"
#include "ips.h"

/* 192.0.2.0/24, 10.0.0.1, 2001:db8:1::/48 are ours. */
static const struct peer_row {
	const char *name;
	const char *connection;
	const char *x_forwarded_for, *forwarded;
	const char *want;
	const char *trusted; /* NULL: ours */
} peers[] = {
	{ "no header", "192.0.2.1", NULL, NULL, "192.0.2.1" },
	{ "an empty header", "192.0.2.1", "", "", "192.0.2.1" },
	{ "no proxies", "192.0.2.1", "198.51.100.7", NULL, "192.0.2.1", .trusted = "" },
	{ "refused within ours", "192.0.2.1", "198.51.100.7", NULL, "192.0.2.1",
	  .trusted = "192.0.2.0/24 !192.0.2.1" },
	{ "not our proxy", "203.0.113.1", "198.51.100.7", NULL, "203.0.113.1" },
	{ "our proxy", "192.0.2.1", "198.51.100.7", NULL, "198.51.100.7" },
	{ "our proxy, v6", "2001:db8:1::1", "2001:db8::7", NULL, "2001:db8::7" },
	{ "the last counts", "192.0.2.1", "198.51.100.6, 198.51.100.7", NULL, "198.51.100.7" },
	{ "two of our proxies", "192.0.2.1", "198.51.100.6,198.51.100.7,10.0.0.1", NULL,
	  "198.51.100.7" },
	{ "only our proxies", "192.0.2.1", "192.0.2.7, 10.0.0.1", NULL, "192.0.2.7" },
	{ "garbage", "192.0.2.1", "unknown", NULL, "192.0.2.1" },
	{ "garbage ends the search", "192.0.2.1", "198.51.100.7, unknown, 10.0.0.1", NULL,
	  "10.0.0.1" },
	{ "garbage further away", "192.0.2.1", "unknown, 198.51.100.7", NULL, "198.51.100.7" },
	{ "a comma at the end", "192.0.2.1", "198.51.100.7,", NULL, "192.0.2.1" },
	{ "a port", "192.0.2.1", "198.51.100.7:1234", NULL, "198.51.100.7" },
	{ "brackets", "192.0.2.1", "[2001:db8::7]", NULL, "2001:db8::7" },
	{ "brackets and a port", "192.0.2.1", "[2001:db8::7]:1234", NULL, "2001:db8::7" },
	{ "half of the brackets", "192.0.2.1", "[2001:db8::7", NULL, "192.0.2.1" },
	{ "v4-mapped", "192.0.2.1", "::ffff:198.51.100.7", NULL, "198.51.100.7" },
	{ "v4-mapped proxy in between", "192.0.2.1", "198.51.100.7, ::ffff:10.0.0.1", NULL,
	  "198.51.100.7" },
	{ "Forwarded", "192.0.2.1", NULL, "for=198.51.100.7", "198.51.100.7" },
	{ "Forwarded, more in it", "192.0.2.1", NULL,
	  "proto=https; For=198.51.100.7 ;by=10.0.0.1", "198.51.100.7" },
	{ "Forwarded, quoted", "192.0.2.1", NULL, "for=\"198.51.100.7:1234\"", "198.51.100.7" },
	{ "Forwarded, v6", "192.0.2.1", NULL, "for=\"[2001:db8::7]:1234\"", "2001:db8::7" },
	{ "Forwarded, a chain", "192.0.2.1", NULL,
	  "for=198.51.100.6, for=198.51.100.7;proto=http, for=10.0.0.1", "198.51.100.7" },
	{ "Forwarded, hidden", "192.0.2.1", NULL, "for=_hidden", "192.0.2.1" },
	{ "Forwarded without for", "192.0.2.1", NULL, "by=198.51.100.7", "192.0.2.1" },
	{ "Forwarded, an empty for", "192.0.2.1", NULL, "for=", "192.0.2.1" },
	{ "Forwarded, one quotation mark", "192.0.2.1", NULL, "for=\"198.51.100.7",
	  "192.0.2.1" },
	{ "Forwarded, not our proxy", "203.0.113.1", NULL, "for=198.51.100.7", "203.0.113.1" },
	{ "both headers", "192.0.2.1", "198.51.100.7", "for=198.51.100.7", "198.51.100.7" },
	{ "both, and one is the client's own", "192.0.2.1", "198.51.100.7", "for=198.51.100.8",
	  "192.0.2.1" },
};

static void check_peer(void **state)
{
	const struct peer_row *row = *state;
	const char *at = row->trusted ? row->trusted : "192.0.2.0/24 10.0.0.1 2001:db8:1::/48";
	struct text x = EXACT_TEXT(row->x_forwarded_for), f = EXACT_TEXT(row->forwarded);
	struct ip_nets trusted = { 0 };
	char text[IP_TEXT_SIZE];
	struct ip ip = ip_of(row->connection);

	for (; *at; at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' '))
		assert_int_equal(ip_nets_add(&trusted, at, strcspn(at, " ")), 0);
	ip = proxy_peer(&ip, &trusted, x, f);
	(void)ip_print(ip.bytes, ip.n, text);
	assert_string_equal(text, row->want);
	ip_nets_deinit(&trusted);
	free((char *)x.at);
	free((char *)f.at);
}

static const struct encrypted_row {
	const char *name;
	const char *x_forwarded_proto, *forwarded;
	bool want;
} encrypted[] = {
	{ "nothing said", NULL, NULL, false },
	{ "https", "https", NULL, true },
	{ "HTTPS and blanks", " HTTPS ", NULL, true },
	{ "http", "http", NULL, false },
	{ "the last proxy: https", "http, https", NULL, true },
	{ "the last proxy: http", "https,http", NULL, false },
	{ "only the beginning", "https2", NULL, false },
	{ "Forwarded: https", NULL, "for=192.0.2.1;proto=https", true },
	{ "Forwarded: quoted", NULL, "Proto=\"https\"", true },
	{ "Forwarded: http", NULL, "proto=http;for=192.0.2.1", false },
	{ "Forwarded: the last says nothing", NULL, "proto=https, for=192.0.2.1", false },
	{ "Forwarded: not said", NULL, "for=https", false },
	{ "both: https", "https", "proto=https", true },
	{ "both, and one is the client's own", "http", "proto=https", false },
	{ "or the other", "https", "proto=http", false },
};

static void check_encrypted(void **state)
{
	const struct encrypted_row *row = *state;
	struct text x = EXACT_TEXT(row->x_forwarded_proto), f = EXACT_TEXT(row->forwarded);

	assert_int_equal(proxy_was_encrypted(x, f), row->want);
	free((char *)x.at);
	free((char *)f.at);
}

int main(void)
{
	int failed = ROWS_RUN(peers, check_peer);

	failed += ROWS_RUN(encrypted, check_encrypted);
	return failed != 0;
}
