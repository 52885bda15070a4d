/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Addresses as values. inet_pton(3) is the judge of what is an address. */

#include "core/ip.h"
#include "rows.h"

#include <arpa/inet.h>

static const struct text_row {
	const char *name;
	const char *text;
	size_t n;
	int family; /* 0: not an address */
	const char *canon;
} texts[] = {
	{ "v4", T("1.2.3.4"), 4, "1.2.3.4" },
	{ "v4 lowest", T("0.0.0.0"), 4, "0.0.0.0" },
	{ "v4 highest", T("255.255.255.255"), 4, "255.255.255.255" },
	{ "v4 ends after n bytes", "1.2.3.45", 7, 4, "1.2.3.4" },
	{ "v4 octet 256", T("1.2.3.256"), 0, NULL },
	{ "v4 octet 999", T("1.2.3.999"), 0, NULL },
	{ "v4 octet that wraps", T("1.2.3.4294967300"), 0, NULL },
	{ "v4 leading zero", T("010.1.1.1"), 0, NULL },
	{ "v4 two zeros", T("1.2.3.00"), 0, NULL },
	{ "v4 three octets", T("1.2.3"), 0, NULL },
	{ "v4 five octets", T("1.2.3.4.5"), 0, NULL },
	{ "v4 empty octet", T("1..3.4"), 0, NULL },
	{ "v4 dot at the end", T("1.2.3.4."), 0, NULL },
	{ "v4 dot at the start", T(".1.2.3.4"), 0, NULL },
	{ "v4 hexadecimal", T("0x1.2.3.4"), 0, NULL },
	{ "v4 as one number", T("16909060"), 0, NULL },
	{ "v4 with a sign", T("+1.2.3.4"), 0, NULL },
	{ "v4 blank before", T(" 1.2.3.4"), 0, NULL },
	{ "v4 blank behind", T("1.2.3.4 "), 0, NULL },
	{ "v4 newline behind", T("1.2.3.4\n"), 0, NULL },
	{ "v4 NUL behind", T("1.2.3.4\0"), 0, NULL },
	{ "v4 NUL and more behind", T("1.2.3.4\0.5"), 0, NULL },
	{ "v4 prefix length", T("1.2.3.4/32"), 0, NULL },
	{ "v4 port", T("1.2.3.4:53"), 0, NULL },
	{ "v6", T("2001:db8::7"), 16, "2001:db8::7" },
	{ "v6 is printed in lower case", T("2001:DB8::AB"), 16, "2001:db8::ab" },
	{ "v6 leading zeros go", T("2001:0db8::0007"), 16, "2001:db8::7" },
	{ "v6 unspecified", T("::"), 16, "::" },
	{ "v6 loopback", T("::1"), 16, "::1" },
	{ "v6 zeros at the end", T("1:0:0:0:0:0:0:0"), 16, "1::" },
	{ "v6 all groups", T("1:2:3:4:5:6:7:8"), 16, "1:2:3:4:5:6:7:8" },
	{ "v6 highest", T("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 16,
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "v6 one zero group is not shortened", T("2001:db8::1:1:1:1:1"), 16,
	  "2001:db8:0:1:1:1:1:1" },
	{ "v6 the longer run of zeros", T("2001:0:0:1:0:0:0:1"), 16, "2001:0:0:1::1" },
	{ "v6 the first of equal runs", T("2001:db8:0:0:1:0:0:1"), 16, "2001:db8::1:0:0:1" },
	{ "v6 with a dotted end", T("1:2:3:4:5:6:1.2.3.4"), 16, "1:2:3:4:5:6:102:304" },
	{ "v6 mapped", T("::ffff:1.2.3.4"), 16, "::ffff:1.2.3.4" },
	{ "v6 longest text", T("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"), 16,
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "v6 one more than the longest", T("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555"),
	  0, NULL },
	{ "v6 seven groups", T("1:2:3:4:5:6:7"), 0, NULL },
	{ "v6 nine groups", T("1:2:3:4:5:6:7:8:9"), 0, NULL },
	{ "v6 two double colons", T("1::2::3"), 0, NULL },
	{ "v6 three colons", T("2001:db8:::7"), 0, NULL },
	{ "v6 group of five", T("12345::"), 0, NULL },
	{ "v6 no hexadecimal", T("2001:db8::g"), 0, NULL },
	{ "v6 colon at the end", T("1:2:3:4:5:6:7:"), 0, NULL },
	{ "v6 colon at the start", T(":1:2:3:4:5:6:7"), 0, NULL },
	{ "v6 bad dotted end", T("::1.2.3.256"), 0, NULL },
	{ "v6 zone", T("fe80::1%eth0"), 0, NULL },
	{ "v6 brackets", T("[2001:db8::7]"), 0, NULL },
	{ "v6 prefix length", T("2001:db8::7/64"), 0, NULL },
	{ "nothing", T(""), 0, NULL },
	{ "a word", T("garbage"), 0, NULL },
	{ "a name", T("a.example.com"), 0, NULL },
	{ "none", T("none"), 0, NULL },
};

static void check_text(void **state)
{
	const struct text_row *row = *state;
	char *text = exact(row->text, row->n);
	char z[64], printed[IP_TEXT_SIZE];
	uint8_t bytes[16];
	struct ip ip = { .n = 99 };

	assert_int_equal(ip_parse(text, row->n, &ip), row->family != 0);
	if (row->family) {
		memcpy(z, text, row->n);
		z[row->n] = '\0';
		assert_int_equal(inet_pton(row->family == 4 ? AF_INET : AF_INET6, z, bytes), 1);
		assert_int_equal(ip.n, row->family);
		assert_memory_equal(ip.bytes, bytes, ip.n);
		assert_int_equal(ip_print(ip.bytes, ip.n, printed), strlen(row->canon));
		assert_string_equal(printed, row->canon);
	} else {
		assert_int_equal(ip.n, 99);
	}
	free(text);
}

/* The first and the last of each kind, and their neighbours. */
static const struct special_row {
	const char *name; /* the address */
	bool special;
} specials[] = {
	{ "0.0.0.0", true },
	{ "1.0.0.0", false },
	{ "10.0.0.1", false },
	{ "100.64.0.1", false },
	{ "126.255.255.255", false },
	{ "127.0.0.0", true },
	{ "127.255.255.255", true },
	{ "128.0.0.0", false },
	{ "169.253.255.255", false },
	{ "169.254.0.0", true },
	{ "169.254.255.255", true },
	{ "169.255.0.0", false },
	{ "192.168.1.1", false },
	{ "223.255.255.255", false },
	{ "224.0.0.0", true },
	{ "239.255.255.255", true },
	{ "240.0.0.0", true },
	{ "255.255.255.254", true },
	{ "255.255.255.255", true },
	{ "::", true },
	{ "::1", true },
	{ "::2", true }, /* v4-compatible from here */
	{ "::1.2.3.4", true },
	{ "::255.255.255.255", true },
	{ "::1:0:0", false },
	{ "::fffe:ffff:ffff", false },
	{ "::ffff:0.0.0.0", true },
	{ "::ffff:1.2.3.4", true },
	{ "::ffff:255.255.255.255", true },
	{ "::1:0:0:0", false },
	{ "64:ff9b::1.2.3.4", false },
	{ "2001:db8::7", false },
	{ "fd00::1", false },
	{ "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	{ "fe80::", true },
	{ "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
	{ "fec0::", false },
	{ "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	{ "ff00::", true },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
};

static void check_special(void **state)
{
	const struct special_row *row = *state;
	struct ip ip;

	assert_true(ip_parse(row->name, strlen(row->name), &ip));
	assert_int_equal(ip_special(&ip) != NULL, row->special);
}

/* Splits at blanks; returns how many. */
static size_t ips_of(const char *text, struct ip *ips, size_t max)
{
	size_t n = 0;

	for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		assert_true(n < max);
		assert_true(ip_parse(p, len, &ips[n++]));
		p += len;
	}
	return n;
}

static const struct set_row {
	const char *name;
	const char *ips;
	unsigned max_each;
	const char *want; /* NULL: too many */
} sets[] = {
	{ "none", "", 2, "" },
	{ "one v4", "1.2.3.4", 2, "1.2.3.4" },
	{ "one v6", "2001:db8::7", 2, "2001:db8::7" },
	{ "v4 stands first", "2001:db8::7 1.2.3.4", 2, "1.2.3.4, 2001:db8::7" },
	{ "sorted by value, not by text", "10.0.0.1 9.0.0.1", 2, "9.0.0.1, 10.0.0.1" },
	{ "v6 sorted by value", "2001:db8::10 2001:db8::9", 2, "2001:db8::9, 2001:db8::10" },
	{ "high bytes are not negative", "200.0.0.1 100.0.0.1", 2, "100.0.0.1, 200.0.0.1" },
	{ "duplicates go", "1.2.3.4 5.6.7.8 1.2.3.4", 2, "1.2.3.4, 5.6.7.8" },
	{ "v6 duplicates in other spelling go", "2001:db8::7 2001:DB8:0::7", 2, "2001:db8::7" },
	{ "as many as allowed of both", "1.1.1.1 1.1.1.2 2001:db8::1 2001:db8::2", 2,
	  "1.1.1.1, 1.1.1.2, 2001:db8::1, 2001:db8::2" },
	{ "one v4 too many", "1.1.1.1 1.1.1.2 1.1.1.3", 2, NULL },
	{ "one v6 too many", "2001:db8::1 2001:db8::2 2001:db8::3", 2, NULL },
	{ "duplicates do not count", "1.1.1.1 1.1.1.1 1.1.1.1", 1, "1.1.1.1" },
};

static void check_set(void **state)
{
	const struct set_row *row = *state;
	struct ip_set *untouched = (struct ip_set *)(uintptr_t)row, *set = untouched;
	struct buf b = { 0 };
	struct ip ips[8];
	size_t n = ips_of(row->ips, ips, N_OF(ips));

	if (!row->want) {
		assert_int_equal(ip_set_new(ips, n, row->max_each, &set), IP_E_TOO_MANY);
		assert_ptr_equal(set, untouched);
		return;
	}
	assert_int_equal(ip_set_new(ips, n, row->max_each, &set), 0);
	assert_int_equal(set == NULL, n == 0);
	ip_set_print(&b, set, ", ");
	assert_string_equal(buf_str(&b), row->want);
	buf_deinit(&b);
	ip_set_free(set);
}

static void largest_set(void **state)
{
	struct ip *ips = calloc(IP_SET_EACH_MAX + 1, sizeof(*ips));
	struct ip_set *set = NULL;

	(void)state;
	for (size_t i = 0; i <= IP_SET_EACH_MAX; i++) {
		ips[i].n = 16;
		ips[i].bytes[0] = 0x20;
		ips[i].bytes[14] = (uint8_t)(i >> 8);
		ips[i].bytes[15] = (uint8_t)i;
	}
	assert_int_equal(ip_set_new(ips, IP_SET_EACH_MAX + 1, IP_SET_EACH_MAX, &set),
			 IP_E_TOO_MANY);
	assert_int_equal(ip_set_new(ips, IP_SET_EACH_MAX, IP_SET_EACH_MAX, &set), 0);
	assert_int_equal(set->n_v6, IP_SET_EACH_MAX);
	assert_int_equal(ip_set_v6(set, IP_SET_EACH_MAX - 1)[14], (IP_SET_EACH_MAX - 1) >> 8);
	ip_set_free(set);
	free(ips);
}

static const struct equal_row {
	const char *name;
	const char *a, *b;
	bool all, v4, v6;
} equals[] = {
	{ "none and none", "", "", true, true, true },
	{ "the same", "1.1.1.1 2001:db8::1", "2001:db8::1 1.1.1.1", true, true, true },
	{ "none and v4", "", "1.1.1.1", false, false, true },
	{ "none and v6", "", "2001:db8::1", false, true, false },
	{ "another v4", "1.1.1.1 2001:db8::1", "1.1.1.2 2001:db8::1", false, false, true },
	{ "another v6", "1.1.1.1 2001:db8::1", "1.1.1.1 2001:db8::2", false, true, false },
	{ "one v4 more", "1.1.1.1", "1.1.1.1 1.1.1.2", false, false, true },
	{ "one v6 more, with v4", "1.1.1.1 2001:db8::1", "1.1.1.1 2001:db8::1 2001:db8::2",
	  false, true, false },
	{ "same v6, v4 on one side", "2001:db8::1", "1.1.1.1 2001:db8::1", false, false, true },
};

static void check_equal(void **state)
{
	const struct equal_row *row = *state;
	struct ip_set *a, *b;
	struct ip ips[4];

	assert_int_equal(ip_set_new(ips, ips_of(row->a, ips, 4), 4, &a), 0);
	assert_int_equal(ip_set_new(ips, ips_of(row->b, ips, 4), 4, &b), 0);
	assert_int_equal(ip_set_equal(a, b), row->all);
	assert_int_equal(ip_set_equal(b, a), row->all);
	assert_int_equal(ip_set_equal_v4(a, b), row->v4);
	assert_int_equal(ip_set_equal_v4(b, a), row->v4);
	assert_int_equal(ip_set_equal_v6(a, b), row->v6);
	assert_int_equal(ip_set_equal_v6(b, a), row->v6);
	ip_set_free(a);
	ip_set_free(b);
}

static void members(void **state)
{
	struct ip_set *set;
	struct ip ips[4];

	(void)state;
	assert_int_equal(
		ip_set_new(ips, ips_of("2001:db8::1 2.2.2.2 1.1.1.1", ips, 4), 4, &set), 0);
	assert_int_equal(set->n_v4, 2);
	assert_int_equal(set->n_v6, 1);
	assert_memory_equal(ip_set_v4(set, 0), "\1\1\1\1", 4);
	assert_memory_equal(ip_set_v4(set, 1), "\2\2\2\2", 4);
	assert_memory_equal(ip_set_v6(set, 0), "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	ip_set_free(set);
}

static const struct block_row {
	const char *name; /* the block */
	int want;
} blocks[] = {
	{ "10.0.0.0/8", 0 },
	{ "!10.0.0.0/8", 0 },
	{ "192.0.2.1", 0 },
	{ "!192.0.2.1", 0 },
	{ "192.0.2.1/32", 0 },
	{ "192.0.2.1/33", IP_NETS_E_SYNTAX },
	{ "0.0.0.0/0", 0 },
	{ "::/0", 0 },
	{ "2001:db8::7", 0 },
	{ "2001:db8::7/128", 0 },
	{ "2001:db8::7/129", IP_NETS_E_SYNTAX },
	{ "fc00::/7", 0 },
	{ "fd00::/7", IP_NETS_E_HOST_BITS },
	{ "10.0.0.1/8", IP_NETS_E_HOST_BITS },
	{ "!10.0.0.1/8", IP_NETS_E_HOST_BITS },
	{ "10.128.0.0/9", 0 },
	{ "10.128.0.0/8", IP_NETS_E_HOST_BITS },
	{ "192.0.2.1/31", IP_NETS_E_HOST_BITS },
	{ "192.0.2.2/31", 0 },
	{ "128.0.0.0/0", IP_NETS_E_HOST_BITS },
	{ "", IP_NETS_E_SYNTAX },
	{ "!", IP_NETS_E_SYNTAX },
	{ "!!10.0.0.0/8", IP_NETS_E_SYNTAX },
	{ "/8", IP_NETS_E_SYNTAX },
	{ "10/8", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/8x", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/x", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/-8", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/+8", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/ 8", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/8/8", IP_NETS_E_SYNTAX },
	{ "10.0.0.0/264", IP_NETS_E_SYNTAX }, /* 256 + 8 */
	{ "10.0.0.0/4294967304", IP_NETS_E_SYNTAX }, /* 2^32 + 8 */
	{ "10.0.0.0/255.0.0.0", IP_NETS_E_SYNTAX },
	{ "example.com", IP_NETS_E_SYNTAX },
};

static void check_block(void **state)
{
	const struct block_row *row = *state;
	char *text = exact(row->name, strlen(row->name));
	struct ip_nets nets = { 0 };

	assert_int_equal(ip_nets_add(&nets, text, strlen(row->name)), row->want);
	assert_int_equal(nets.n, row->want ? 0 : 1);
	ip_nets_deinit(&nets);
	free(text);
}

static const struct accept_row {
	const char *name;
	const char *blocks;
	const char *ip;
	bool accept;
} accepts[] = {
	{ "no blocks", "", "10.0.0.1", true },
	{ "no blocks, v6", "", "2001:db8::7", true },
	{ "first of a block", "10.0.0.0/9", "10.0.0.0", true },
	{ "last of a block", "10.0.0.0/9", "10.127.255.255", true },
	{ "the one behind a block", "10.0.0.0/9", "10.128.0.0", false },
	{ "the one before a block", "10.0.0.0/9", "9.255.255.255", false },
	{ "in the second of two", "10.0.0.0/8 192.0.2.0/24", "192.0.2.9", true },
	{ "refused block", "!10.0.0.0/8", "10.1.2.3", false },
	{ "outside of refusals only", "!10.0.0.0/8 !192.168.0.0/16", "192.0.2.1", true },
	{ "outside of refusals only, v6", "!10.0.0.0/8", "2001:db8::7", true },
	{ "outside of a mixed list", "!10.0.0.0/8 192.0.2.0/24", "198.51.100.1", false },
	{ "v6 with v4 blocks", "192.0.2.0/24", "2001:db8::7", false },
	{ "all of v4 holds no v6", "0.0.0.0/0", "2001:db8::7", false },
	{ "all of v6 holds no v4", "::/0", "1.2.3.4", false },
	{ "all of v6", "::/0", "2001:db8::7", true },
	{ "specific refusal first", "!10.1.0.0/16 10.0.0.0/8", "10.1.2.3", false },
	{ "specific refusal last", "10.0.0.0/8 !10.1.0.0/16", "10.1.2.3", false },
	{ "beside the specific refusal", "10.0.0.0/8 !10.1.0.0/16", "10.2.2.3", true },
	{ "specific acceptance first", "10.1.0.0/16 !10.0.0.0/8", "10.1.2.3", true },
	{ "specific acceptance last", "!10.0.0.0/8 10.1.0.0/16", "10.1.2.3", true },
	{ "three deep", "10.0.0.0/8 !10.1.0.0/16 10.1.2.3", "10.1.2.3", true },
	{ "one address", "192.0.2.1", "192.0.2.1", true },
	{ "beside one address", "192.0.2.1", "192.0.2.0", false },
	{ "v6 odd prefix, last", "2001:db8::/47", "2001:db8:1:ffff::", true },
	{ "v6 odd prefix, behind", "2001:db8::/47", "2001:db8:2::", false },
	{ "v6 last bit", "!2001:db8::6/127", "2001:db8::7", false },
	{ "v6 behind the last bit", "!2001:db8::6/127", "2001:db8::8", true },
};

static void check_accept(void **state)
{
	const struct accept_row *row = *state;
	struct ip_nets nets = { 0 };
	struct ip ip;

	for (const char *p = row->blocks; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		assert_int_equal(ip_nets_add(&nets, p, len), 0);
		p += len;
	}
	assert_true(ip_parse(row->ip, strlen(row->ip), &ip));
	assert_int_equal(ip_nets_accept(&nets, &ip), row->accept);
	ip_nets_deinit(&nets);
}

/* Nobody is trusted who is not named. */
static void named(void **state)
{
	struct ip_nets nets = { 0 };
	struct ip inside, outside;

	(void)state;
	assert_true(ip_parse(T("10.1.2.3"), &inside));
	assert_true(ip_parse(T("192.0.2.1"), &outside));
	assert_false(ip_nets_name(&nets, &inside));
	assert_int_equal(ip_nets_add(&nets, T("!10.1.0.0/16")), 0);
	assert_true(ip_nets_accept(&nets, &outside));
	assert_false(ip_nets_name(&nets, &outside));
	assert_int_equal(ip_nets_add(&nets, T("10.0.0.0/8")), 0);
	assert_false(ip_nets_name(&nets, &inside));
	assert_int_equal(ip_nets_add(&nets, T("10.1.2.3")), 0);
	assert_true(ip_nets_name(&nets, &inside));
	assert_false(ip_nets_name(&nets, &outside));
	ip_nets_deinit(&nets);
}

static void filter(void **state)
{
	struct ip ips[3];
	struct ip_nets nets = { 0 };
	struct ip_set *set;
	struct buf text = { 0 };

	(void)state;
	assert_true(ip_parse(T("192.168.1.1"), &ips[0]));
	assert_true(ip_parse(T("192.0.2.1"), &ips[1]));
	assert_true(ip_parse(T("2001:db8::7"), &ips[2]));
	assert_int_equal(ip_set_new(ips, 3, 8, &set), 0);
	assert_int_equal(ip_nets_add(&nets, T("!192.168.0.0/16")), 0);
	assert_int_equal(ip_set_filter(&set, &nets), 0);
	ip_set_print(&text, set, " ");
	assert_string_equal(buf_str(&text), "192.0.2.1 2001:db8::7");
	assert_int_equal(ip_nets_add(&nets, T("10.0.0.0/8")), 0);
	assert_int_equal(ip_set_filter(&set, &nets), 0);
	assert_null(set);
	assert_int_equal(ip_set_filter(&set, &nets), 0);
	assert_null(set);
	buf_deinit(&text);
	ip_nets_deinit(&nets);
}

static void join(void **state)
{
	struct ip ips[4];
	struct ip_set *a, *b, *both, *copy, *none;
	struct buf text = { 0 };

	(void)state;
	assert_true(ip_parse(T("192.0.2.2"), &ips[0]));
	assert_true(ip_parse(T("2001:db8::7"), &ips[1]));
	assert_true(ip_parse(T("192.0.2.1"), &ips[2]));
	assert_true(ip_parse(T("192.0.2.2"), &ips[3]));
	assert_int_equal(ip_set_new(ips, 2, 8, &a), 0);
	assert_int_equal(ip_set_new(ips + 2, 2, 8, &b), 0);
	assert_int_equal(ip_set_join(a, b, &both), 0);
	ip_set_print(&text, both, " ");
	assert_string_equal(buf_str(&text), "192.0.2.1 192.0.2.2 2001:db8::7");
	assert_int_equal(ip_set_join(NULL, a, &copy), 0);
	assert_ptr_not_equal(copy, a);
	assert_true(ip_set_equal(copy, a));
	assert_int_equal(ip_set_join(NULL, NULL, &none), 0);
	assert_null(none);
	ip_set_free(a);
	ip_set_free(b);
	ip_set_free(both);
	ip_set_free(copy);
	buf_deinit(&text);
}

/* Whatever groups are 0, and whatever has zeros in front: as inet_ntop(3) has it. */
static void printed_as_one(void **state)
{
	static const uint16_t values[] = { 0, 1, 0x20, 0x300, 0xffff, 0xabcd };

	(void)state;
	for (unsigned i = 0; i < 256 * N_OF(values); i++) {
		struct ip ip = { .n = i % 2 ? 16 : 4 };
		char want[IP_TEXT_SIZE];
		struct ip_set *set;
		struct buf text = { 0 };

		for (unsigned group = 0; group < 8; group++) {
			uint16_t value = i >> group & 1 ? values[(i / 256 + group) % N_OF(values)] : 0;

			ip.bytes[2 * group] = (uint8_t)(value >> 8);
			ip.bytes[2 * group + 1] = (uint8_t)value;
		}
		ip_print(ip.bytes, ip.n, want);
		assert_int_equal(ip_set_new(&ip, 1, 8, &set), 0);
		ip_set_print(&text, set, " ");
		assert_string_equal(buf_str(&text), want);
		ip_set_free(set);
		buf_deinit(&text);
	}
}

static const struct unmap_row {
	const char *name, *want;
} unmapped[] = {
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::ffff:0.0.0.0", "0.0.0.0" },
	{ "192.0.2.1", "192.0.2.1" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "::192.0.2.1", "::192.0.2.1" },
	{ "::fffe:c000:201", "::fffe:c000:201" },
	{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
	{ "::1:ffff:c000:201", "::1:ffff:c000:201" },
};

static void check_unmapped(void **state)
{
	const struct unmap_row *row = *state;
	static const uint8_t zero[12];
	char text[IP_TEXT_SIZE];
	struct ip ip;

	assert_true(ip_parse(row->name, strlen(row->name), &ip));
	ip_unmap(&ip);
	(void)ip_print(ip.bytes, ip.n, text);
	assert_string_equal(text, row->want);
	if (ip.n == 4) /* others compare all of the bytes */
		assert_memory_equal(ip.bytes + 4, zero, sizeof(zero));
}

int main(void)
{
	static const struct CMUnitTest ip[] = {
		cmocka_unit_test(named),
		cmocka_unit_test(filter),
		cmocka_unit_test(join),
		cmocka_unit_test(largest_set),
		cmocka_unit_test(members),
		cmocka_unit_test(printed_as_one),
	};
	int failed = cmocka_run_group_tests(ip, NULL, NULL);

	failed += ROWS_RUN(texts, check_text);
	failed += ROWS_RUN(specials, check_special);
	failed += ROWS_RUN(sets, check_set);
	failed += ROWS_RUN(equals, check_equal);
	failed += ROWS_RUN(blocks, check_block);
	failed += ROWS_RUN(accepts, check_accept);
	failed += ROWS_RUN(unmapped, check_unmapped);
	return failed != 0;
}
