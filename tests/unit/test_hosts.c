/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Lines of hosts(5): what is written for a name, and that only such lines are read. */

#include "core/hosts.h"
#include "render.h"

static const struct render_row renders[] = {
	{ "nothing", "a.example.com", { NULL }, 60, "" },
	{ "v4", "a.example.com", { "1.2.3.4" }, 60, "1.2.3.4 a.example.com\n" },
	{ "v6", "a.example.com", { "2001:db8::7" }, 60, "2001:db8::7 a.example.com\n" },
	{ "both, v4 first",
	  "a.example.com",
	  { "2001:db8::7", "203.0.113.255" },
	  60,
	  "203.0.113.255 a.example.com\n2001:db8::7 a.example.com\n" },
	{ "several",
	  "a.example.com",
	  { "5.6.7.8", "1.2.3.4" },
	  60,
	  "1.2.3.4 a.example.com\n5.6.7.8 a.example.com\n" },
	{ "a wildcard", "*.example.com", { "1.2.3.4" }, 60, "" },
};

static void check_render(void **state)
{
	render_check(*state, hosts_render, hosts_parse);
}

static const struct foreign_row foreign[] = {
	{ "nothing", T("") },
	{ "a comment", T("# 1.2.3.4 a.example.com") },
	{ "no name", T("1.2.3.4") },
	{ "an empty name", T("1.2.3.4 ") },
	{ "no address", T(" a.example.com") },
	{ "two names", T("1.2.3.4 a.example.com b.example.com") },
	{ "one label", T("1.2.3.4 a") },
	{ "a wildcard", T("1.2.3.4 *.example.com") },
	{ "upper case", T("1.2.3.4 A.example.com") },
	{ "a trailing dot", T("1.2.3.4 a.example.com.") },
	{ "a tab between", T("1.2.3.4\ta.example.com") },
	{ "two blanks between", T("1.2.3.4  a.example.com") },
	{ "a blank before", T(" 1.2.3.4 a.example.com") },
	{ "a blank behind", T("1.2.3.4 a.example.com ") },
	{ "a CR behind", T("1.2.3.4 a.example.com\r") },
	{ "the newline", T("1.2.3.4 a.example.com\n") },
	{ "a NUL behind", T("1.2.3.4 a.example.com\0") },
	{ "a comment behind", T("1.2.3.4 a.example.com # of anna") },
	{ "octet 256", T("1.2.3.256 a.example.com") },
	{ "a leading zero", T("1.2.3.04 a.example.com") },
	{ "v6 in capitals", T("2001:DB8::7 a.example.com") },
	{ "v6 not as short as it can be", T("2001:db8:0::7 a.example.com") },
	{ "v6 with a zone", T("fe80::1%eth0 a.example.com") },
};

static void check_foreign(void **state)
{
	foreign_check(*state, hosts_parse);
}

int main(void)
{
	int failed = ROWS_RUN(renders, check_render);

	failed += ROWS_RUN(foreign, check_foreign);
	return failed != 0;
}
