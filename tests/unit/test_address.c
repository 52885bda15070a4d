/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What an address file says. The user has two names, a.example.com and *.example.com; want is
 * what each of them gets, with " | " between. */

#include "core/address.h"
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BOM "\xef\xbb\xbf"

static const char *const names[] = { "a.example.com", "*.example.com" };

static const struct accept_row {
	const char *name;
	const char *text;
	size_t n;
	const char *want; /* NULL: empty */
	unsigned max; /* 0: the default */
	const char *networks;
} accepted[] = {
	/* form */
	{ "one address", T("1.2.3.4\n"), "1.2.3.4 | 1.2.3.4" },
	{ "missing newline", T("1.2.3.4"), "1.2.3.4 | 1.2.3.4" },
	{ "one v6 address", T("2001:db8::7\n"), "2001:db8::7 | 2001:db8::7" },
	{ "both families", T("2001:db8::7\n1.2.3.4\n"),
	  "1.2.3.4, 2001:db8::7 | 1.2.3.4, 2001:db8::7" },
	{ "several of one family", T("5.6.7.8\n1.2.3.4\n"),
	  "1.2.3.4, 5.6.7.8 | 1.2.3.4, 5.6.7.8" },
	{ "several on one line", T("1.2.3.4 2001:db8::7\n"),
	  "1.2.3.4, 2001:db8::7 | 1.2.3.4, 2001:db8::7" },
	{ "several behind a name", T("a.example.com 1.2.3.4 5.6.7.8 2001:db8::7\n"),
	  "1.2.3.4, 5.6.7.8, 2001:db8::7 | " },
	{ "blanks and tabs", T(" \t1.2.3.4\t \n\n \t\n"), "1.2.3.4 | 1.2.3.4" },
	{ "tab behind a name", T("a.example.com\t1.2.3.4\n"), "1.2.3.4 | " },
	{ "CR", T("1.2.3.4\r\n\r\n2001:db8::7\r\n"),
	  "1.2.3.4, 2001:db8::7 | 1.2.3.4, 2001:db8::7" },
	{ "CR without newline", T("1.2.3.4\r"), "1.2.3.4 | 1.2.3.4" },
	{ "CR behind none", T("none\r\n"), " | " },
	{ "BOM", T(BOM "1.2.3.4\r\n"), "1.2.3.4 | 1.2.3.4" },
	{ "BOM and a name", T(BOM "a.example.com 1.2.3.4\n"), "1.2.3.4 | " },
	{ "BOM and a comment", T(BOM "# mine\n1.2.3.4\n"), "1.2.3.4 | 1.2.3.4" },
	{ "comment before", T("# my address: 9.9.9.9\n1.2.3.4\n"), "1.2.3.4 | 1.2.3.4" },
	{ "comment behind an address", T("1.2.3.4 # mine\n"), "1.2.3.4 | 1.2.3.4" },
	{ "comment behind a name's address", T("a.example.com 1.2.3.4 # mine\n"),
	  "1.2.3.4 | " },
	{ "comment behind none", T("none # gone\n"), " | " },
	{ "comment behind blanks", T("  # mine\n1.2.3.4\n"), "1.2.3.4 | 1.2.3.4" },
	{ "comment in another script", T("# \xc3\xa4 \xe4 \x80\n1.2.3.4\n"),
	  "1.2.3.4 | 1.2.3.4" },
	{ "comment without newline", T("1.2.3.4\n# mine"), "1.2.3.4 | 1.2.3.4" },
	{ "duplicates", T("1.2.3.4\n1.2.3.4\n1.2.3.4 1.2.3.4\n"), "1.2.3.4 | 1.2.3.4" },
	{ "duplicates in another spelling", T("2001:db8::7\n2001:DB8:0::07\n"),
	  "2001:db8::7 | 2001:db8::7" },
	{ "duplicates behind a name", T("a.example.com 1.2.3.4\nA.example.com. 1.2.3.4\n"),
	  "1.2.3.4 | " },

	/* names */
	{ "only one name", T("a.example.com 1.2.3.4\n"), "1.2.3.4 | " },
	{ "each name its own", T("a.example.com 1.2.3.4\n*.example.com 5.6.7.8\n"),
	  "1.2.3.4 | 5.6.7.8" },
	{ "a name in another case", T("A.Example.COM 1.2.3.4\n"), "1.2.3.4 | " },
	{ "a name with a trailing dot", T("a.example.com. 1.2.3.4\n"), "1.2.3.4 | " },
	{ "a name on several lines", T("a.example.com 1.2.3.4\na.example.com 5.6.7.8\n"),
	  "1.2.3.4, 5.6.7.8 | " },
	{ "a name's line replaces the others", T("1.2.3.4\na.example.com 5.6.7.8\n"),
	  "5.6.7.8 | 1.2.3.4" },
	{ "the order does not matter", T("a.example.com 5.6.7.8\n1.2.3.4\n"),
	  "5.6.7.8 | 1.2.3.4" },
	{ "replaces v4 only", T("1.2.3.4\n2001:db8::7\na.example.com 5.6.7.8\n"),
	  "5.6.7.8, 2001:db8::7 | 1.2.3.4, 2001:db8::7" },
	{ "replaces v6 only", T("1.2.3.4\n2001:db8::7\na.example.com 2001:db8::8\n"),
	  "1.2.3.4, 2001:db8::8 | 1.2.3.4, 2001:db8::7" },
	{ "replaces both families",
	  T("1.2.3.4\n2001:db8::7\na.example.com 5.6.7.8\na.example.com 2001:db8::8\n"),
	  "5.6.7.8, 2001:db8::8 | 1.2.3.4, 2001:db8::7" },
	{ "adds the family that is not there", T("1.2.3.4\na.example.com 2001:db8::8\n"),
	  "1.2.3.4, 2001:db8::8 | 1.2.3.4" },
	{ "replaces by the same address", T("1.2.3.4\n5.6.7.8\na.example.com 1.2.3.4\n"),
	  "1.2.3.4 | 1.2.3.4, 5.6.7.8" },

	/* none */
	{ "none", T("none\n"), " | " },
	{ "none without newline", T("none"), " | " },
	{ "none twice", T("none\nnone\n"), " | " },
	{ "a name none", T("a.example.com none\n"), " | " },
	{ "a name none beside addresses", T("1.2.3.4\na.example.com none\n"), " | 1.2.3.4" },
	{ "a name none withdraws both families", T("a.example.com none\n1.2.3.4 2001:db8::7\n"),
	  " | 1.2.3.4, 2001:db8::7" },
	{ "a name none beside another's address",
	  T("a.example.com none\n*.example.com 1.2.3.4\n"), " | 1.2.3.4" },
	{ "a name none twice", T("a.example.com none\nA.EXAMPLE.COM. none\n"), " | " },
	{ "every name none", T("a.example.com none\n*.example.com none\n"), " | " },
	{ "none beside a name none", T("none\na.example.com none\n"), " | " },

	/* asks for nothing */
	{ "empty: nothing", T(""), NULL },
	{ "empty: a newline", T("\n"), NULL },
	{ "empty: blanks", T(" \t\r\n \n"), NULL },
	{ "empty: comments", T("# 1.2.3.4\n  # none\n#\n"), NULL },
	{ "empty: a comment without newline", T("#"), NULL },
	{ "empty: a BOM", T(BOM), NULL },

	/* limits */
	{ "as many as allowed of both", T("1.1.1.1\n1.1.1.2\n2001:db8::1\n2001:db8::2\n"),
	  "1.1.1.1, 1.1.1.2, 2001:db8::1, 2001:db8::2 | 1.1.1.1, 1.1.1.2, 2001:db8::1, 2001:db8::2",
	  .max = 2 },
	{ "duplicates do not count", T("1.1.1.1\n1.1.1.2\n1.1.1.1\n1.1.1.2\n"),
	  "1.1.1.1, 1.1.1.2 | 1.1.1.1, 1.1.1.2", .max = 2 },
	{ "the limit is per name", T("1.1.1.1 1.1.1.2\na.example.com 1.1.1.3 1.1.1.4\n"),
	  "1.1.1.3, 1.1.1.4 | 1.1.1.1, 1.1.1.2", .max = 2 },
	{ "in networks", T("192.0.2.255\n"), "192.0.2.255 | 192.0.2.255",
	  .networks = "192.0.2.0/24" },
	{ "outside of refused networks", T("192.0.2.1\n"), "192.0.2.1 | 192.0.2.1",
	  .networks = "!10.0.0.0/8" },
	{ "private, without networks", T("10.0.0.1\n"), "10.0.0.1 | 10.0.0.1" },
};

/* line 0: which line is told is not said; bytes NULL: nor what is shown; why NULL: nor the reason. */
static const struct refuse_row {
	const char *name;
	const char *text;
	size_t n;
	unsigned line;
	const char *bytes;
	size_t n_bytes;
	unsigned max;
	const char *networks;
	const char *why;
} refused[] = {
	/* no address */
	{ "a word", T("garbage\n"), 1, T("garbage"),
	  .why = "neither an address nor one of the user's names" },
	{ "octet 999", T("1.2.3.999\n"), 1, T("1.2.3.999"),
	  .why = "not an IPv4 address" },
	{ "leading zero", T("010.1.1.1\n"), 1, T("010.1.1.1") },
	{ "half an address", T("198.51.100.\n"), 1, T("198.51.100.") },
	{ "a prefix length", T("1.2.3.4/32\n"), 1, T("1.2.3.4/32"),
	  .why = "an address stands alone, without brackets, '/' or '%'" },
	{ "a comma", T("1.2.3.4, 5.6.7.8\n"), 1, T("1.2.3.4,") },
	{ "a zone", T("fe80::1%eth0\n"), 1, T("fe80::1%eth0"),
	  .why = "an address stands alone, without brackets, '/' or '%'" },
	{ "a port", T("1.2.3.4:53\n"), 1, T("1.2.3.4:53"),
	  .why = "neither an address nor one of the user's names" },
	{ "a name, a colon", T("a.example.com:1.2.3.4\n"), 1, T("a.example.com:1.2.3.4"),
	  .why = "neither an address nor one of the user's names" },
	{ "half an IPv6 address", T("2001:db8:\n"), 1, T("2001:db8:"), .why = "not an IPv6 address" },
	{ "brackets", T("[2001:db8::7]\n"), 1, T("[2001:db8::7]"),
	  .why = "an address stands alone, without brackets, '/' or '%'" },
	{ "without newline", T("1.2.3.999"), 1, T("1.2.3.999") },
	{ "without its CR", T("1.2.3.999\r\n"), 1, T("1.2.3.999") },
	{ "without its comment", T("1.2.3.999 # mine\n"), 1, T("1.2.3.999") },
	{ "behind a good address", T("1.2.3.4 garbage\n"), 1, T("garbage"),
	  .why = "not an address" },
	{ "behind a good line", T("1.2.3.4\ngarbage\n"), 2, T("garbage") },
	{ "before a good line", T("garbage\n1.2.3.4\n"), 1, T("garbage") },
	{ "blanks, comments, CR count as lines", T("# x\r\n\r\n \n1.2.3.4 # y\nbad\n"), 5,
	  T("bad") },
	{ "behind a BOM", T(BOM "1.2.3.4\nbad\n"), 2, T("bad") },
	{ "the first of two", T("1.2.3.4\nbad\nworse\n"), 2, T("bad") },
	{ "a BOM later", T("1.2.3.4\n" BOM "5.6.7.8\n"), 2, T(BOM "5.6.7.8") },
	{ "two BOMs", T(BOM BOM "1.2.3.4\n"), 1, T(BOM "1.2.3.4") },
	{ "a NUL behind an address", T("1.2.3.4\0\n"), 1, NULL, 0 },
	{ "NULs only", T("\0\0\0\0"), 1, NULL, 0 },
	{ "NULs behind a good line", T("1.2.3.4\n\0\0\0"), 2, NULL, 0 },
	{ "UTF-16, little endian",
	  T("\xff\xfe"
	    "1\0.\0002\0.\0003\0.\0004\0\n\0"),
	  1, NULL, 0 },
	{ "UTF-16, big endian", T("\xfe\xff\0001\0.\0002\0.\0003\0.\0004\0\n"), 1, NULL, 0 },
	{ "UTF-16, no BOM", T("1\0.\0002\0.\0003\0.\0004\0\n\0"), 1, NULL, 0 },
	{ "a no-break space", T("1.2.3.4\xc2\xa0\n"), 1, T("1.2.3.4\xc2\xa0") },

	/* names */
	{ "not his name", T("1.2.3.4\nb.example.org 5.6.7.8\n"), 2, T("b.example.org") },
	{ "not his name, none", T("b.example.org none\n"), 1, T("b.example.org"),
	  .why = "not a name of this user" },
	{ "his wildcard is no pattern", T("x.example.com 1.2.3.4\n"), 1, T("x.example.com") },
	{ "the parent of his name", T("example.com 1.2.3.4\n"), 1, T("example.com") },
	{ "his name is only the end", T("xa.example.com 1.2.3.4\n"), 1, T("xa.example.com") },
	{ "a bad name", T("a..example.com 1.2.3.4\n"), 1, T("a..example.com") },
	{ "two dots behind a name", T("a.example.com.. 1.2.3.4\n"), 1, T("a.example.com..") },
	{ "a name alone", T("a.example.com\n"), 1, NULL, 0 },
	{ "a name and a comment", T("a.example.com # 1.2.3.4\n"), 1, NULL, 0 },
	{ "a name behind the address", T("1.2.3.4 a.example.com\n"), 1, T("a.example.com"),
	  .why = "a name begins its line, before its addresses" },
	{ "two names", T("a.example.com *.example.com 1.2.3.4\n"), 1, T("*.example.com"),
	  .why = "a name begins its line, before its addresses" },
	{ "a bad address behind a name", T("a.example.com 1.2.3.999\n"), 1, T("1.2.3.999") },

	/* none */
	{ "none, then an address", T("none\n1.2.3.4\n"), 0, NULL, 0 },
	{ "an address, then none", T("1.2.3.4\nnone\n"), 0, NULL, 0 },
	{ "none and an address on a line", T("none 1.2.3.4\n"), 1, NULL, 0 },
	{ "an address and none on a line", T("1.2.3.4 none\n"), 1, NULL, 0 },
	{ "none beside v6", T("none\n2001:db8::7\n"), 0, NULL, 0 },
	{ "none beside a name's address", T("none\na.example.com 1.2.3.4\n"), 0, NULL, 0 },
	{ "a name's address beside none", T("a.example.com 1.2.3.4\nnone\n"), 0, NULL, 0 },
	{ "a name none, then its address", T("a.example.com none\na.example.com 1.2.3.4\n"), 0,
	  NULL, 0 },
	{ "a name's address, then none", T("a.example.com 1.2.3.4\na.example.com none\n"), 0,
	  NULL, 0 },
	{ "a name none, in another case", T("a.example.com none\nA.EXAMPLE.COM. 1.2.3.4\n"), 0,
	  NULL, 0 },
	{ "a name none beside its v6", T("a.example.com 2001:db8::7\na.example.com none\n"), 0,
	  NULL, 0 },
	{ "a name, none, an address", T("a.example.com none 1.2.3.4\n"), 1, NULL, 0 },
	{ "a name, an address, none", T("a.example.com 1.2.3.4 none\n"), 1, NULL, 0 },

	/* limits */
	{ "one v4 too many", T("1.1.1.1\n1.1.1.2\n1.1.1.3\n"), 0, NULL, 0, .max = 2 },
	{ "one v6 too many", T("2001:db8::1 2001:db8::2 2001:db8::3\n"), 0, NULL, 0, .max = 2 },
	{ "one too many for a name", T("1.1.1.1\na.example.com 1.1.1.2 1.1.1.3 1.1.1.4\n"), 0,
	  NULL, 0, .max = 2 },
	{ "the default's first refused",
	  T("9.0.0.1\n9.0.0.2\n9.0.0.3\n9.0.0.4\n9.0.0.5\n9.0.0.6\n9.0.0.7\n9.0.0.8\n9.0.0.9\n"),
	  0, NULL, 0 },
	{ "outside of networks", T("192.0.2.1\n192.0.3.0\n"), 2, T("192.0.3.0"),
	  .networks = "192.0.2.0/24" },
	{ "a refused network", T("10.0.0.1\n"), 1, T("10.0.0.1"), .networks = "!10.0.0.0/8" },
	{ "a refused network, behind a name", T("a.example.com 10.0.0.1\n"), 1, T("10.0.0.1"),
	  .networks = "!10.0.0.0/8" },
	{ "a family without a network", T("192.0.2.1\n2001:db8::7\n"), 2, T("2001:db8::7"),
	  .networks = "192.0.2.0/24" },

	/* never published, whatever networks says */
	{ "unspecified", T("0.0.0.0\n"), 1, T("0.0.0.0"), .networks = "0.0.0.0/0" },
	{ "loopback", T("127.0.0.1\n"), 1, T("127.0.0.1"), .networks = "127.0.0.0/8" },
	{ "link-local", T("169.254.1.1\n"), 1, T("169.254.1.1"), .networks = "169.254.0.0/16" },
	{ "multicast", T("224.0.0.1\n"), 1, T("224.0.0.1"), .networks = "0.0.0.0/0" },
	{ "broadcast", T("255.255.255.255\n"), 1, T("255.255.255.255"),
	  .networks = "0.0.0.0/0" },
	{ "class E", T("240.0.0.1\n"), 1, T("240.0.0.1"), .networks = "240.0.0.0/4" },
	{ "unspecified v6", T("::\n"), 1, T("::"), .networks = "::/0" },
	{ "loopback v6", T("::1\n"), 1, T("::1"), .networks = "::1" },
	{ "link-local v6", T("fe80::1\n"), 1, T("fe80::1"), .networks = "fe80::/10" },
	{ "multicast v6", T("ff02::1\n"), 1, T("ff02::1"), .networks = "::/0" },
	{ "v4-mapped", T("::ffff:1.2.3.4\n"), 1, T("::ffff:1.2.3.4"), .networks = "::/0" },
	{ "v4-compatible", T("::1.2.3.4\n"), 1, T("::1.2.3.4"), .networks = "::/0" },
	{ "special, without networks", T("1.2.3.4\n127.0.0.1\n"), 2, T("127.0.0.1") },
	{ "special, behind a name", T("a.example.com 127.0.0.1\n"), 1, T("127.0.0.1") },
};

static struct ip_set untouched;

/* Parses a copy of the text that has exactly n bytes; *ret_error stays valid until *ret_text is
 * freed. */
static int parse(const char *text, size_t n, unsigned max, const char *networks,
		 struct ip_set **ret_sets, struct address_error *ret_error, char **ret_text)
{
	struct ip_nets nets = { 0 };
	struct address_rules rules = { .addresses_max = max ? max : 8, .networks = &nets };
	int r;

	if (networks)
		assert_int_equal(ip_nets_add(&nets, networks, strlen(networks)), 0);
	for (size_t i = 0; i < N_OF(names); i++)
		ret_sets[i] = &untouched;
	*ret_text = exact(text, n);
	r = address_parse(*ret_text, n, names, N_OF(names), &rules, ret_sets, ret_error);
	for (size_t i = 0; r && i < N_OF(names); i++)
		assert_ptr_equal(ret_sets[i], &untouched);
	ip_nets_deinit(&nets);
	return r;
}

static void check_accepted(void **state)
{
	const struct accept_row *row = *state;
	struct ip_set *sets[N_OF(names)];
	struct address_error error = { 0 };
	struct buf b = { 0 };
	char *text;
	int r;

	r = parse(row->text, row->n, row->max, row->networks, sets, &error, &text);
	if (r == ADDRESS_E_REFUSED)
		print_message("refused: line %u: %s\n", error.line, error.why);
	assert_int_equal(r, row->want ? 0 : ADDRESS_E_EMPTY);
	for (size_t i = 0; !r && i < N_OF(names); i++) {
		buf_adds(&b, i ? " | " : "");
		ip_set_print(&b, sets[i], ", ");
		ip_set_free(sets[i]);
	}
	assert_string_equal(buf_str(&b), row->want ? row->want : "");
	buf_deinit(&b);
	free(text);
}

static void check_refused(void **state)
{
	const struct refuse_row *row = *state;
	struct ip_set *sets[N_OF(names)];
	struct address_error error = { 0 };
	char *text;

	assert_int_equal(parse(row->text, row->n, row->max, row->networks, sets, &error, &text),
			 ADDRESS_E_REFUSED);
	assert_non_null(error.why);
	if (row->why)
		assert_string_equal(error.why, row->why);
	assert_true(error.line > 0);
	if (row->line)
		assert_int_equal(error.line, row->line);
	if (error.bytes) {
		assert_true(error.bytes >= text);
		assert_true(error.bytes + error.n_bytes <= text + row->n);
	}
	if (row->bytes) {
		assert_non_null(error.bytes);
		assert_int_equal(error.n_bytes, row->n_bytes);
		assert_memory_equal(error.bytes, row->bytes, row->n_bytes);
	}
	free(text);
}

/* given is what each of the names has, as text with a "|" behind each; "-" is none. */
static const struct print_row {
	const char *name;
	const char *given;
	const char *want;
} printed[] = {
	{ "no names", "", "none\n" },
	{ "one name", "1.2.3.4|", "1.2.3.4\n" },
	{ "one name, both families", "2001:db8::7 1.2.3.4|", "1.2.3.4\n2001:db8::7\n" },
	{ "one name, several", "5.6.7.8 1.2.3.4|", "1.2.3.4\n5.6.7.8\n" },
	{ "one name, none", "-|", "none\n" },
	{ "two names, none", "-|-|", "none\n" },
	{ "two names alike", "1.2.3.4 2001:db8::7|2001:db8::7 1.2.3.4|",
	  "1.2.3.4\n2001:db8::7\n" },
	{ "only the first", "1.2.3.4 2001:db8::7|-|", "n0.example.com 1.2.3.4 2001:db8::7\n" },
	{ "only the second", "-|1.2.3.4|", "n1.example.com 1.2.3.4\n" },
	{ "v4 differs", "1.2.3.4 2001:db8::7|5.6.7.8 2001:db8::7|",
	  "2001:db8::7\nn0.example.com 1.2.3.4\nn1.example.com 5.6.7.8\n" },
	{ "v6 differs", "1.2.3.4 2001:db8::7|1.2.3.4 2001:db8::8|",
	  "1.2.3.4\nn0.example.com 2001:db8::7\nn1.example.com 2001:db8::8\n" },
	{ "both differ", "1.2.3.4 2001:db8::7|5.6.7.8|",
	  "n0.example.com 1.2.3.4 2001:db8::7\nn1.example.com 5.6.7.8\n" },
	{ "v6 of one only", "1.2.3.4|1.2.3.4 2001:db8::7|",
	  "1.2.3.4\nn1.example.com 2001:db8::7\n" },
	{ "a subset", "1.2.3.4|1.2.3.4 5.6.7.8|",
	  "n0.example.com 1.2.3.4\nn1.example.com 1.2.3.4 5.6.7.8\n" },
	{ "the last of three differs", "1.2.3.4|1.2.3.4|5.6.7.8|",
	  "n0.example.com 1.2.3.4\nn1.example.com 1.2.3.4\nn2.example.com 5.6.7.8\n" },
	{ "the last of three has none", "1.2.3.4|1.2.3.4|-|",
	  "n0.example.com 1.2.3.4\nn1.example.com 1.2.3.4\n" },
};

enum { PRINT_NAMES_MAX = 6 };

static const char *const print_names[PRINT_NAMES_MAX] = {
	"n0.example.com", "n1.example.com", "n2.example.com",
	"n3.example.com", "*.example.com",  "xn--n5.example.com",
};

static struct ip_set *read_set(const char *text, size_t n)
{
	struct ip ips[8];
	struct ip_set *set;
	size_t n_ips = 0;

	for (const char *at = text, *end; at < text + n; at = end + 1) {
		end = at + strcspn(at, " |");
		if (*at != '-')
			assert_true(ip_parse(at, (size_t)(end - at), &ips[n_ips++]));
	}
	assert_int_equal(ip_set_new(ips, n_ips, 8, &set), 0);
	return set;
}

static void check_printed(void **state)
{
	const struct print_row *row = *state;
	struct ip_set *sets[PRINT_NAMES_MAX] = { 0 };
	struct buf b = { 0 };
	size_t n_names = 0;

	for (const char *at = row->given; *at; at += strcspn(at, "|") + 1)
		sets[n_names++] = read_set(at, strcspn(at, "|"));
	buf_adds(&b, "# before\n"); /* it appends */
	address_print(&b, print_names, sets, n_names);
	assert_int_equal(strncmp(buf_str(&b), "# before\n", 9), 0);
	assert_string_equal(buf_str(&b) + 9, row->want);
	buf_deinit(&b);
	for (size_t i = 0; i < n_names; i++)
		ip_set_free(sets[i]);
}

/* xorshift32: the same numbers everywhere. */
static uint32_t next_number(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* Of few addresses, so that names often share them. */
static struct ip_set *random_set(uint32_t *x)
{
	struct ip ips[4];
	struct ip_set *set;
	size_t n = next_number(x) % 5;

	for (size_t i = 0; i < n; i++) {
		char text[IP_TEXT_SIZE];
		unsigned number = next_number(x);

		(void)snprintf(text, sizeof(text), number & 8 ? "192.0.2.%u" : "2001:db8::%u",
			       1 + (number >> 8) % 2); /* cannot be cut */
		assert_true(ip_parse(text, strlen(text), &ips[i]));
	}
	assert_int_equal(ip_set_new(ips, n, 4, &set), 0);
	return set;
}

static void printed_is_read_again(void **state)
{
	static const struct ip_nets all;
	const struct address_rules rules = { .addresses_max = 4, .networks = &all };
	struct ip_set *sets[PRINT_NAMES_MAX], *again[PRINT_NAMES_MAX];
	struct address_error error;
	struct buf b = { 0 };
	uint32_t x = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n_names = 1 + next_number(&x) % PRINT_NAMES_MAX;

		for (size_t i = 0; i < n_names; i++)
			sets[i] = random_set(&x);
		buf_clear(&b);
		address_print(&b, print_names, sets, n_names);
		assert_true(b.len <= address_size_max(n_names));
		assert_int_equal(address_parse(b.data, b.len, print_names, n_names, &rules,
					       again, &error),
				 0);
		for (size_t i = 0; i < n_names; i++) {
			if (!ip_set_equal(sets[i], again[i]))
				fail_msg("round %d, name %zu: %s", round, i, buf_str(&b));
			ip_set_free(sets[i]);
			ip_set_free(again[i]);
		}
	}
	buf_deinit(&b);
}

/* Of a user with many names, the time that a file takes with lines for 3000 of them. */
static clock_t time_of(const char *const *many, size_t n, size_t first)
{
	static const struct ip_nets all;
	const struct address_rules rules = { .addresses_max = 4, .networks = &all };
	struct ip_set **sets = calloc(n, sizeof(*sets));
	struct address_error error;
	struct buf b = { 0 };
	clock_t began;

	assert_non_null(sets);
	for (size_t i = 0; i < 3000; i++)
		buf_printf(&b, "%s 192.0.2.1\n", many[first + i]);
	began = clock();
	assert_int_equal(address_parse(b.data, b.len, many, n, &rules, sets, &error), 0);
	began = clock() - began;
	for (size_t i = 0; i < n; i++) {
		if (ip_set_n(sets[i]) != (i >= first && i < first + 3000))
			fail_msg("name %zu has %zu", i, ip_set_n(sets[i]));
		ip_set_free(sets[i]);
	}
	buf_clear(&b);
	buf_adds(&b, "n1.example.com 192.0.2.1\nn.example.com 192.0.2.1\n");
	assert_int_equal(address_parse(b.data, b.len, many, n, &rules, sets, &error), ADDRESS_E_REFUSED);
	assert_int_equal(error.line, 2);
	buf_deinit(&b);
	free(sets);
	return began;
}

static void a_name_costs_the_same_wherever_it_stands(void **state)
{
	enum { N = 60000 };
	static char texts[N][24];
	static const char *many[N];
	clock_t at_the_begin, at_the_end;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "n%u.example.com", i); /* cannot be cut */
		many[i] = texts[i];
	}
	at_the_begin = time_of(many, N, 0);
	at_the_end = time_of(many, N, N - 3000);
	if (at_the_end > 5 * at_the_begin)
		fail_msg("%ld against %ld", (long)at_the_end, (long)at_the_begin);
}

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(address_size_max(0), 4096);
	assert_int_equal(address_size_max(8), 4096);
	assert_int_equal(address_size_max(9), 9 * 512);
	assert_int_equal(address_size_max(128), 65536);
	assert_int_equal(address_size_max(129), 65536);
	assert_int_equal(address_size_max(SIZE_MAX), 65536);
}

int main(void)
{
	static const struct CMUnitTest whole[] = {
		cmocka_unit_test(printed_is_read_again),
		cmocka_unit_test(a_name_costs_the_same_wherever_it_stands),
		cmocka_unit_test(sizes),
	};
	int failed = cmocka_run_group_tests(whole, NULL, NULL);

	failed += ROWS_RUN(accepted, check_accepted);
	failed += ROWS_RUN(refused, check_refused);
	failed += ROWS_RUN(printed, check_printed);
	return failed != 0;
}
