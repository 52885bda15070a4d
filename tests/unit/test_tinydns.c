/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Lines of tinydns's data: what is written for a name, and that only such lines are read. */

#include "core/tinydns.h"
#include "render.h"

#define ZEROS "\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000"
#define AAAA7 "\\040\\001\\015\\270" ZEROS "\\000\\007" /* 2001:db8::7 */

static const struct render_row renders[] = {
	{ "nothing", "a.example.com", { NULL }, 60, "" },
	{ "A", "a.example.com", { "1.2.3.4" }, 60, "+a.example.com:1.2.3.4:60\n" },
	{ "AAAA", "a.example.com", { "2001:db8::7" }, 60, ":a.example.com:28:" AAAA7 ":60\n" },
	{ "A stands first",
	  "a.example.com",
	  { "2001:db8::7", "1.2.3.4" },
	  60,
	  "+a.example.com:1.2.3.4:60\n:a.example.com:28:" AAAA7 ":60\n" },
	{ "several",
	  "a.example.com",
	  { "5.6.7.8", "1.2.3.4" },
	  60,
	  "+a.example.com:1.2.3.4:60\n+a.example.com:5.6.7.8:60\n" },
	{ "bytes that are letters, colons, digits",
	  "a.example.com",
	  { "4142:3a5c:3031::a0a" },
	  60,
	  ":a.example.com:28:\\101\\102\\072\\134\\060\\061"
	  "\\000\\000\\000\\000\\000\\000\\000\\000\\012\\012:60\n" },
	{ "the highest bytes",
	  "a.example.com",
	  { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	  60,
	  ":a.example.com:28:\\377\\377\\377\\377\\377\\377\\377\\377"
	  "\\377\\377\\377\\377\\377\\377\\377\\377:60\n" },
	{ "a wildcard", "*.example.com", { "1.2.3.4" }, 60, "+*.example.com:1.2.3.4:60\n" },
	{ "TTL 0", "a.example.com", { "1.2.3.4" }, 0, "+a.example.com:1.2.3.4:0\n" },
	{ "the highest TTL (RFC 2181)",
	  "a.example.com",
	  { "1.2.3.4" },
	  2147483647,
	  "+a.example.com:1.2.3.4:2147483647\n" },
};

static void check_render(void **state)
{
	render_check(*state, tinydns_render, tinydns_parse);
}

static const struct foreign_row foreign[] = {
	{ "nothing", T("") },
	{ "a comment", T("# +a.example.com:1.2.3.4:60") },
	{ "no TTL", T("+a.example.com:1.2.3.4") },
	{ "an empty TTL", T("+a.example.com:1.2.3.4:") },
	{ "a TTL with a leading zero", T("+a.example.com:1.2.3.4:060") },
	{ "a TTL with a sign", T("+a.example.com:1.2.3.4:-60") },
	{ "a TTL that is none", T("+a.example.com:1.2.3.4:6x") },
	{ "a TTL beyond 32 bits", T("+a.example.com:1.2.3.4:4294967296") },
	{ "a timestamp", T("+a.example.com:1.2.3.4:60:400000003b5f5d2c") },
	{ "a field more", T("+a.example.com:1.2.3.4:60:") },
	{ "a blank behind", T("+a.example.com:1.2.3.4:60 ") },
	{ "a CR behind", T("+a.example.com:1.2.3.4:60\r") },
	{ "the newline", T("+a.example.com:1.2.3.4:60\n") },
	{ "a NUL behind", T("+a.example.com:1.2.3.4:60\0") },
	{ "a blank before", T(" +a.example.com:1.2.3.4:60") },
	{ "with PTR", T("=a.example.com:1.2.3.4:60") },
	{ "switched off", T("-a.example.com:1.2.3.4:60") },
	{ "no name", T("+:1.2.3.4:60") },
	{ "one label", T("+a:1.2.3.4:60") },
	{ "upper case", T("+A.example.com:1.2.3.4:60") },
	{ "a trailing dot", T("+a.example.com.:1.2.3.4:60") },
	{ "an escape in the name", T("+\\141.example.com:1.2.3.4:60") },
	{ "no address", T("+a.example.com::60") },
	{ "octet 999", T("+a.example.com:1.2.3.999:60") },
	{ "a leading zero", T("+a.example.com:1.2.3.04:60") },
	{ "v6 in an A line", T("+a.example.com:2001:db8::7:60") },
	{ "a 6 line", T("6a.example.com:20010db8000000000000000000000007:60") },
	{ "another type", T(":a.example.com:16:" AAAA7 ":60") },
	{ "type with a leading zero", T(":a.example.com:028:" AAAA7 ":60") },
	{ "15 bytes", T(":a.example.com:28:\\040\\001\\015\\270" ZEROS "\\007:60") },
	{ "17 bytes", T(":a.example.com:28:" AAAA7 "\\000:60") },
	{ "bytes without escape",
	  T(":a.example.com:28: \\001\\015\\270" ZEROS "\\000\\007:60") },
	{ "an octal 400", T(":a.example.com:28:\\400\\001\\015\\270" ZEROS "\\000\\007:60") },
	{ "an octal 8", T(":a.example.com:28:\\048\\001\\015\\270" ZEROS "\\000\\007:60") },
	{ "an escape cut short",
	  T(":a.example.com:28:\\040\\001\\015\\270" ZEROS "\\000\\07:60") },
	{ "cut in the middle of the bytes", T(":a.example.com:28:\\040\\001\\0") },
	{ "AAAA without TTL", T(":a.example.com:28:" AAAA7) },
	{ "AAAA with a field more", T(":a.example.com:28:" AAAA7 ":60:") },
};

static void check_foreign(void **state)
{
	foreign_check(*state, tinydns_parse);
}

int main(void)
{
	int failed = ROWS_RUN(renders, check_render);

	failed += ROWS_RUN(foreign, check_foreign);
	return failed != 0;
}
