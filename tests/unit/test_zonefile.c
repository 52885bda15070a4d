/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Master files: our lines, what forbids them to stand somewhere, and the serial. */

#include "core/zonefile.h"
#include "render.h"

#include <stdio.h>

#define OWNER "a.example.com"

static const struct render_row renders[] = {
	{ "nothing", OWNER, { NULL }, 60, "" },
	{ "A", OWNER, { "1.2.3.4" }, 60, OWNER ".\t60\tIN\tA\t1.2.3.4\n" },
	{ "AAAA", OWNER, { "2001:db8::7" }, 60, OWNER ".\t60\tIN\tAAAA\t2001:db8::7\n" },
	{ "A stands first",
	  OWNER,
	  { "2001:db8::7", "203.0.113.255" },
	  60,
	  OWNER ".\t60\tIN\tA\t203.0.113.255\n" OWNER ".\t60\tIN\tAAAA\t2001:db8::7\n" },
	{ "several",
	  OWNER,
	  { "5.6.7.8", "1.2.3.4" },
	  60,
	  OWNER ".\t60\tIN\tA\t1.2.3.4\n" OWNER ".\t60\tIN\tA\t5.6.7.8\n" },
	{ "a wildcard",
	  "*.example.com",
	  { "1.2.3.4" },
	  60,
	  "*.example.com.\t60\tIN\tA\t1.2.3.4\n" },
	{ "TTL 0", OWNER, { "1.2.3.4" }, 0, OWNER ".\t0\tIN\tA\t1.2.3.4\n" },
	{ "the highest TTL (RFC 2181)",
	  OWNER,
	  { "1.2.3.4" },
	  2147483647,
	  OWNER ".\t2147483647\tIN\tA\t1.2.3.4\n" },
};

static void check_render(void **state)
{
	render_check(*state, zonefile_render, zonefile_parse);
}

/* The text of RFC 5952, which inet_ntop(3) writes, too. */
static const struct ip_row {
	const char *name; /* the text itself */
} ips[] = {
	{ "2001:db8::" },
	{ "2001:db8::1" },
	{ "2001:db8:0:1:1:1:1:1" },
	{ "2001:db8:0:1:0:0:0:1" },
	{ "2001:0:0:1::1" },
	{ "2001:db8::1:0:0:1" },
	{ "2001::1:0:0:0:1" },
	{ "1:2:3:4:5:6:7::" },
	{ "1:2:3:4:5:6::" },
	{ "::3:4:5:6:7:8" },
	{ "::1" },
	{ "::" },
	{ "::ffff:1.2.3.4" },
	{ "::1.2.3.4" },
	{ "64:ff9b::102:304" },
	{ "f:ff:fff:ffff:10:100:1000:0" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static void check_ip(void **state)
{
	const struct ip_row *row = *state;
	char text[IP_TEXT_SIZE], want[128];
	struct ip ip = ip_of(row->name);
	struct ip_set *set;
	struct buf b = { 0 };

	ip_print(ip.bytes, ip.n, text);
	(void)snprintf(want, sizeof(want), OWNER ".\t60\tIN\tAAAA\t%s\n", text);
	assert_int_equal(ip_set_new(&ip, 1, 1, &set), 0);
	zonefile_render(&b, OWNER, set, 60);
	assert_string_equal(buf_str(&b), want);
	ip_set_free(set);
	buf_deinit(&b);
}

static const struct foreign_row foreign[] = {
	{ "nothing", T("") },
	{ "a comment", T("; a.example.com.\t60\tIN\tA\t1.2.3.4") },
	{ "no owner", T("\t60\tIN\tA\t1.2.3.4") },
	{ "the root", T(".\t60\tIN\tA\t1.2.3.4") },
	{ "a relative name", T("a.example.com\t60\tIN\tA\t1.2.3.4") },
	{ "the origin", T("@\t60\tIN\tA\t1.2.3.4") },
	{ "two dots behind", T("a.example.com..\t60\tIN\tA\t1.2.3.4") },
	{ "one label", T("a.\t60\tIN\tA\t1.2.3.4") },
	{ "upper case", T("A.example.com.\t60\tIN\tA\t1.2.3.4") },
	{ "an escape in the name", T("\\097.example.com.\t60\tIN\tA\t1.2.3.4") },
	{ "no TTL", T("a.example.com.\tIN\tA\t1.2.3.4") },
	{ "an empty TTL", T("a.example.com.\t\tIN\tA\t1.2.3.4") },
	{ "a TTL with a leading zero", T("a.example.com.\t060\tIN\tA\t1.2.3.4") },
	{ "a TTL with a sign", T("a.example.com.\t-60\tIN\tA\t1.2.3.4") },
	{ "a TTL with a unit", T("a.example.com.\t1h\tIN\tA\t1.2.3.4") },
	{ "a TTL beyond 32 bits", T("a.example.com.\t4294967296\tIN\tA\t1.2.3.4") },
	{ "a TTL of 11 digits", T("a.example.com.\t10000000000\tIN\tA\t1.2.3.4") },
	{ "no class", T("a.example.com.\t60\tA\t1.2.3.4") },
	{ "another class", T("a.example.com.\t60\tCH\tA\t1.2.3.4") },
	{ "a class in lower case", T("a.example.com.\t60\tin\tA\t1.2.3.4") },
	{ "another type", T("a.example.com.\t60\tIN\tTXT\t1.2.3.4") },
	{ "blanks for tabs", T("a.example.com. 60 IN A 1.2.3.4") },
	{ "no address", T("a.example.com.\t60\tIN\tA\t") },
	{ "no address and no tab", T("a.example.com.\t60\tIN\tA") },
	{ "octet 256", T("a.example.com.\t60\tIN\tA\t1.2.3.256") },
	{ "a leading zero", T("a.example.com.\t60\tIN\tA\t1.2.3.04") },
	{ "v6 in an A record", T("a.example.com.\t60\tIN\tA\t2001:db8::7") },
	{ "v4 in an AAAA record", T("a.example.com.\t60\tIN\tAAAA\t1.2.3.4") },
	{ "v6 in capitals", T("a.example.com.\t60\tIN\tAAAA\t2001:DB8::7") },
	{ "v6 not as short as it can be", T("a.example.com.\t60\tIN\tAAAA\t2001:db8:0::7") },
	{ "a blank before", T(" a.example.com.\t60\tIN\tA\t1.2.3.4") },
	{ "a blank behind", T("a.example.com.\t60\tIN\tA\t1.2.3.4 ") },
	{ "a CR behind", T("a.example.com.\t60\tIN\tA\t1.2.3.4\r") },
	{ "the newline", T("a.example.com.\t60\tIN\tA\t1.2.3.4\n") },
	{ "a NUL behind", T("a.example.com.\t60\tIN\tA\t1.2.3.4\0") },
	{ "a comment behind", T("a.example.com.\t60\tIN\tA\t1.2.3.4;") },
	{ "a field more", T("a.example.com.\t60\tIN\tA\t1.2.3.4\t") },
};

static void check_foreign(void **state)
{
	foreign_check(*state, zonefile_parse);
}

#define MARKERS "; start dynamic dns entries\n(\"\n; end dynamic dns entries\n"

static const struct refuse_row {
	const char *name;
	const char *text;
	size_t n;
	int want;
	size_t line;
} refuses[] = {
	{ "alone", T(MARKERS), 0 },
	{ "at the end", T("@ IN SOA a b ( 1\n 2 3 4 5 )\n" MARKERS), 0 },
	{ "in parentheses", T("@ IN SOA a b ( 1\n" MARKERS "2 3 4 5 )\n"),
	  ZONEFILE_E_PARENTHESES, 1 },
	{ "the outermost is told", T("\n\na (\n(\n" MARKERS), ZONEFILE_E_PARENTHESES, 3 },
	{ "one of two is closed", T("a (\n(\n)\n" MARKERS), ZONEFILE_E_PARENTHESES, 1 },
	{ "both are closed", T("a (\n(\n))\n" MARKERS), 0 },
	{ "closed and opened again", T("a (\n)\nb (\n" MARKERS), ZONEFILE_E_PARENTHESES, 3 },
	{ "closed once too often", T("a )\nb (\n" MARKERS), ZONEFILE_E_PARENTHESES, 2 },
	{ "opened in a comment", T("a A 1.2.3.4 ; (\n" MARKERS), 0 },
	{ "opened in a string", T("a TXT \"(\"\n" MARKERS), 0 },
	{ "opened with an escape", T("a TXT \\(\n" MARKERS), 0 },
	{ "opened behind an escape", T("a TXT \\\\(\n" MARKERS), ZONEFILE_E_PARENTHESES, 1 },
	{ "opened behind an escape of digits", T("a TXT \\040(\n" MARKERS),
	  ZONEFILE_E_PARENTHESES, 1 },
	{ "closed in a comment", T("a TXT ( ; )\n" MARKERS), ZONEFILE_E_PARENTHESES, 1 },
	{ "closed in a string", T("a TXT ( \")\"\n" MARKERS), ZONEFILE_E_PARENTHESES, 1 },
	{ "a semicolon in a string", T("a TXT \"v=1; (\"\n" MARKERS), 0 },
	{ "in a string", T("\na TXT \"x\n" MARKERS "\"\n"), ZONEFILE_E_QUOTED, 2 },
	{ "in a string in parentheses", T("a TXT (\n\"x\n" MARKERS "\")\n"), ZONEFILE_E_QUOTED,
	  2 },
	{ "a string over two lines", T("a TXT \"x\ny\"\n" MARKERS), 0 },
	{ "a quote with an escape in a string", T("a TXT \"\\\"(\"\n" MARKERS), 0 },
	{ "a string that ends in an escaped escape", T("a TXT \"\\\\\" (\n" MARKERS),
	  ZONEFILE_E_PARENTHESES, 1 },
	{ "a quote with an escape", T("a TXT \\\"\n" MARKERS), 0 },
	{ "a backslash at the end of a line", T("a TXT \\\n(\n" MARKERS),
	  ZONEFILE_E_PARENTHESES, 2 },
	{ "a quote in a comment", T("; don\"t\n" MARKERS), 0 },
	{ "a name behind", T(MARKERS "a A 1.2.3.4\n\tA 1.2.3.5\n"), 0 },
	{ "a blank behind", T(MARKERS " A 1.2.3.4\n"), ZONEFILE_E_OWNER, 4 },
	{ "a tab behind", T("x\ny\n" MARKERS "\tA 1.2.3.4\n"), ZONEFILE_E_OWNER, 6 },
	{ "a blank, then a string", T(MARKERS " \"A\" 1.2.3.4\n"), ZONEFILE_E_OWNER, 4 },
	{ "blanks before nothing", T(MARKERS " \n\t\n \r\na A 1.2.3.4\n"), 0 },
	{ "blanks before a comment", T(MARKERS "  ; x\n ; y\na A 1.2.3.4\n"), 0 },
	{ "comments, then a blank", T(MARKERS "; x\n\n ; y\n A 1.2.3.4\n"), ZONEFILE_E_OWNER,
	  7 },
	{ "a directive, then a name", T(MARKERS "$TTL 1h\na A 1.2.3.4\n A 1.2.3.5\n"), 0 },
	{ "a directive, then a blank", T(MARKERS "$TTL 1h\n A 1.2.3.4\n"), ZONEFILE_E_OWNER,
	  5 },
	{ "a directive over lines, then a blank", T(MARKERS "$ORIGIN (\nx.\n)\n A 1.2.3.4\n"),
	  ZONEFILE_E_OWNER, 7 },
	{ "an escaped name like a directive", T(MARKERS "\\$x A 1.2.3.4\n A 1.2.3.4\n"), 0 },
	{ "a string like a directive", T(MARKERS "\"$x\" A 1.2.3.4\n A 1.2.3.4\n"), 0 },
	{ "a parenthesis before the name", T(MARKERS "( a A 1.2.3.4 )\n"), 0 },
	{ "a blank before a parenthesis", T(MARKERS " (\nA 1.2.3.4 )\n"), ZONEFILE_E_OWNER, 4 },
	{ "no newline at the end", T(MARKERS " A"), ZONEFILE_E_OWNER, 4 },
	{ "a blank at the very end", T(MARKERS " "), 0 },
};

static void check_refuses(void **state)
{
	const struct refuse_row *row = *state;
	char *text = exact(row->text, row->n);
	struct section s;
	size_t line = 0;

	assert_int_equal(section_find(text, row->n, ';', &s), 0);
	assert_int_equal(zonefile_refuses(text, row->n, &s, &line), row->want);
	assert_int_equal(line, row->line);
	free(text);
}

#define BIND                                                                                         \
	"$TTL 86400\n$ORIGIN example.com.\n@\tIN\tSOA\tns1.example.com. hostmaster.example.com. (\n" \
	"\t\t\t%s\t; serial\n\t\t\t3h ; refresh\n\t\t\t15m\n\t\t\t1w\n\t\t\t1h )\n\tNS\tns1\n"

/* %s stands for the serial. */
static const struct serial_row {
	const char *name;
	const char *text;
	int want;
} serials[] = {
	{ "as BIND's manual has it", BIND, 0 },
	{ "in one line", "example.com. 3600 IN SOA a. b. %s 1 2 3 4\n", 0 },
	{ "at the end of the file", "@ SOA a b %s", 0 },
	{ "lower case", "@ in soa a b %s 1 2 3 4\n", 0 },
	{ "mixed case", "@ In sOa a b %s 1 2 3 4\n", 0 },
	{ "without class and TTL", "@ SOA a b %s 1 2 3 4\n", 0 },
	{ "TTL, class", "@ 1h IN SOA a b %s 1 2 3 4\n", 0 },
	{ "class, TTL", "@ IN 1h30m SOA a b %s 1 2 3 4\n", 0 },
	{ "class by number", "@ CLASS1 SOA a b %s 1 2 3 4\n", 0 },
	{ "no owner", "$ORIGIN x.\n IN SOA a b %s 1 2 3 4\n", 0 },
	{ "tabs", "@\tIN\tSOA\ta\tb\t(\t%s\t1\t2\t3\t4\t)\n", 0 },
	{ "CRLF", "$TTL 1h\r\n@ IN SOA a b (\r\n\t%s\r\n\t1\r\n 2 3 4 )\r\n", 0 },
	{ "parentheses that touch", "@ IN SOA a b(%s 1 2 3 4)\n", 0 },
	{ "parentheses around it alone", "@ IN SOA a b (%s) 1 2 3 4\n", 0 },
	{ "parentheses from the first on", "( @ IN\nSOA a\nb\n%s 1 2 3 4 )\n", 0 },
	{ "comments within", "@ IN SOA a ( ; 1\nb;2\n;3 (\n%s;4\n 1 2 3 4 )\n", 0 },
	{ "an owner named SOA", "SOA IN SOA SOA SOA %s 1 2 3 4\n", 0 },
	{ "an owner named IN", "IN IN SOA a b %s 1 2 3 4\n", 0 },
	{ "behind a comment with one", "; @ IN SOA a b 1\n@ IN SOA a b %s 1 2 3 4\n", 0 },
	{ "behind a string with one", "a TXT \"\n@ IN SOA a b 1\n\"\n@ SOA a b %s 1 2 3 4\n",
	  0 },
	{ "behind a record that goes on", "a TXT (\n@ IN SOA a b 1 )\n@ SOA a b %s 1 2 3 4\n",
	  0 },
	{ "behind a TXT with the word", "a TXT SOA a b 1\n@ SOA a b %s 1 2 3 4\n", 0 },
	{ "behind a TXT without owner", "\tTXT SOA a b 1\n@ SOA a b %s 1 2 3 4\n", 0 },
	{ "behind a record SOA's owner has", "SOA A 1.2.3.4\n@ SOA a b %s 1 2 3 4\n", 0 },
	{ "behind a directive", "$INCLUDE SOA a b 1\n@ SOA a b %s 1 2 3 4\n", 0 },
	{ "behind an owner alone", "@\n@ SOA a b %s 1 2 3 4\n", 0 },
	{ "behind a blank line", " \n\n\t; x\n@ SOA a b %s 1 2 3 4\n", 0 },
	{ "the first of two", "@ SOA a b %s 1 2 3 4\n@ SOA a b 7 1 2 3 4\n", 0 },
	{ "an escape in the mailbox", "@ SOA a first\\.last.example.com. %s 1 2 3 4\n", 0 },
	{ "an escaped blank in the mailbox", "@ SOA a first\\ last %s 1 2 3 4\n", 0 },
	{ "an escaped semicolon in it", "@ SOA a b\\;c %s 1 2 3 4\n", 0 },
	{ "a quoted mailbox", "@ SOA a \"b c\" %s 1 2 3 4\n", 0 },
	{ "nothing", "", ZONEFILE_E_NO_SOA },
	{ "no SOA", "@ IN NS a\n", ZONEFILE_E_NO_SOA },
	{ "a quoted type", "@ IN \"SOA\" a b 1 1 2 3 4\n", ZONEFILE_E_NO_SOA },
	{ "a longer word", "@ IN SOAP a b 1 1 2 3 4\n", ZONEFILE_E_NO_SOA },
	{ "an escape in the type", "@ IN S\\OA a b 1 1 2 3 4\n", ZONEFILE_E_NO_SOA },
	{ "in a comment", "; @ IN SOA a b 1 1 2 3 4\n", ZONEFILE_E_NO_SOA },
	{ "SOA as owner", "SOA a b 1\n", ZONEFILE_E_NO_SOA },
	{ "in an open string", "\"\n@ IN SOA a b 1 1 2 3 4\n", ZONEFILE_E_NO_SOA },
	{ "no more than the type", "@ IN SOA", ZONEFILE_E_NO_NUMBER },
	{ "no serial", "@ IN SOA a b\n1 1 2 3 4\n", ZONEFILE_E_NO_NUMBER },
	{ "a template's word", "@ IN SOA a b @SERIAL@ 1 2 3 4\n", ZONEFILE_E_NO_NUMBER },
	{ "a letter behind", "@ IN SOA a b 1x 1 2 3 4\n", ZONEFILE_E_NO_NUMBER },
	{ "a sign", "@ IN SOA a b -1 1 2 3 4\n", ZONEFILE_E_NO_NUMBER },
	{ "an escape in the serial", "@ IN SOA a b \\049 1 2 3 4\n", ZONEFILE_E_NO_NUMBER },
	{ "a quoted serial", "@ IN SOA a b \"1\" 1 2 3 4\n", ZONEFILE_E_NO_NUMBER },
	{ "beyond 32 bits", "@ IN SOA a b 4294967296 1 2 3 4\n", ZONEFILE_E_RANGE },
	{ "beyond 64 bits", "@ IN SOA a b 18446744073709551617 1 2 3 4\n", ZONEFILE_E_RANGE },
};

static struct buf text_of(const char *format, const char *serial)
{
	const char *place = strstr(format, "%s");
	struct buf b = { 0 };

	buf_add(&b, format, place ? (size_t)(place - format) : strlen(format));
	if (place) {
		buf_adds(&b, serial);
		buf_adds(&b, place + 2);
	}
	return b;
}

static void assert_text(struct buf b, const char *format, const char *serial)
{
	struct buf want = text_of(format, serial);

	assert_string_equal(buf_str(&b), buf_str(&want));
	buf_deinit(&want);
}

static void check_serial(void **state)
{
	static const struct {
		const char *text;
		uint32_t value;
	} values[] = { { "0", 0 },
		       { "999", 999 },
		       { "0000000000007", 7 },
		       { "2026020199", 2026020199 },
		       { "4294967295", 4294967295 } };
	const struct serial_row *row = *state;

	for (size_t i = 0; i < N_OF(values); i++) {
		struct buf b = text_of(row->text, values[i].text), masked = { 0 };
		char *copy = exact(b.data, b.len);
		struct zonefile_serial s = { 0 };

		assert_int_equal(zonefile_find_serial(copy, b.len, &s), row->want);
		zonefile_mask_serial(&masked, copy, b.len);
		assert_text(masked, row->text, "0");
		if (row->want) {
			assert_int_equal(zonefile_set_serial(&b, 1), row->want);
			assert_text(b, row->text, "");
		} else {
			assert_int_equal(s.value, values[i].value);
			assert_int_equal(s.at, strstr(row->text, "%s") - row->text);
			assert_int_equal(s.n, strlen(values[i].text));
			assert_int_equal(zonefile_set_serial(&b, 1000), 0);
			assert_text(b, row->text, "1000");
			assert_int_equal(zonefile_set_serial(&b, 4294967295), 0);
			assert_text(b, row->text, "4294967295");
		}
		free(copy);
		buf_deinit(&b);
		buf_deinit(&masked);
	}
}

#define NOON 1770033600	 /* 2026-02-02 12:00 */
#define LATER 2032776000 /* 2034-06-01 12:00 */

static const struct next_row {
	const char *name;
	uint32_t serial;
	int64_t now;
	uint32_t want;
} nexts[] = {
	{ "0", 0, NOON, 1 },
	{ "1", 1, NOON, 2 },
	{ "one digit more", 999, NOON, 1000 },
	{ "the middle", 2147483647, NOON, 2147483648 },
	{ "the last", 4294967294, NOON, 4294967295 },
	{ "around, but not to 0", 4294967295, NOON, 1 },
	{ "yesterday", 2026020105, NOON, 2026020200 },
	{ "today, the first", 2026020200, NOON, 2026020201 },
	{ "today, the 99th", 2026020298, NOON, 2026020299 },
	{ "today, the 100th", 2026020299, NOON, 2026020300 },
	{ "tomorrow", 2026020300, NOON, 2026020301 },
	{ "the year after next", 2028020300, NOON, 2028020301 },
	{ "a date of long ago", 1996020400, NOON, 2026020200 },
	{ "a date of too long ago", 1990020400, NOON, 1990020401 },
	{ "the last of February", 2025022800, NOON, 2026020200 },
	{ "the day behind", 2025022900, NOON, 2025022901 },
	{ "a leap day", 2024022900, NOON, 2026020200 },
	{ "month 0", 2025000100, NOON, 2025000101 },
	{ "month 12", 2025123100, NOON, 2026020200 },
	{ "month 13", 2025130100, NOON, 2025130101 },
	{ "day 0", 2025010000, NOON, 2025010001 },
	{ "day 32", 2025013200, NOON, 2025013201 },
	{ "a date of eight digits", 20260201, NOON, 20260202 },
	{ "the year first, with two digits", 26020105, NOON, 26020106 },
	{ "the last second of a day", 2026020105, NOON + 43199, 2026020200 },
	{ "the first second of a day", 2026020105, NOON + 43200, 2026020300 },
	{ "seconds, a minute ago", NOON - 60, NOON, NOON },
	{ "seconds, a year ago", NOON - 31536000, NOON, NOON },
	{ "seconds, just now", NOON, NOON, NOON + 1 },
	{ "seconds, ahead", NOON + 60, NOON, NOON + 61 },
	{ "seconds of long ago", 830000000, NOON, NOON },
	{ "seconds of too long ago", 820000000, NOON, 820000001 },
	{ "no clock, a date", 2026020105, 0, 2026020106 },
	{ "no clock, seconds", NOON, 0, NOON + 1 },
	{ "before the clock", 1, -1, 2 },
	{ "the end of the clock", NOON, INT64_MAX, NOON + 1 },
	{ "both: seconds are nearer", 2032123100, LATER, LATER },
	{ "both: the date is nearer", 2034053100, LATER, 2034060100 },
	{ "seconds at their end", 4294967290, 4294967295, 4294967295 },
	{ "seconds beyond 32 bits", 4294967295, 4294967296, 1 },
	{ "a date beyond the seconds", 2199123100, 7258161600, 2200010100 },
};

static void check_next(void **state)
{
	const struct next_row *row = *state;
	uint32_t next = zonefile_next_serial(row->serial, (time_t)row->now);

	if ((time_t)row->now != row->now) {
		skip(); /* no such time on this machine */
	}
	assert_int_equal(next, row->want);
	assert_true(zonefile_is_later(next, row->serial));
}

static const struct later_row {
	const char *name;
	uint32_t a, b;
	bool want;
} laters[] = {
	{ "the same", 5, 5, false },
	{ "one more", 6, 5, true },
	{ "one less", 5, 6, false },
	{ "around", 0, 4294967295, true },
	{ "as far as it goes", 2147483652, 5, true },
	{ "one farther", 2147483653, 5, false },
};

static void check_later(void **state)
{
	const struct later_row *row = *state;

	assert_int_equal(zonefile_is_later(row->a, row->b), row->want);
}

int main(void)
{
	int failed = ROWS_RUN(renders, check_render);

	failed += ROWS_RUN(ips, check_ip);
	failed += ROWS_RUN(foreign, check_foreign);
	failed += ROWS_RUN(refuses, check_refuses);
	failed += ROWS_RUN(serials, check_serial);
	failed += ROWS_RUN(nexts, check_next);
	failed += ROWS_RUN(laters, check_later);
	return failed != 0;
}
