/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Lines of hosts(5): what is written for a name, and that only such lines are read. */

#include "core/hosts.h"
#include "rows.h"

static const struct render_row {
	const char *name;
	const char *owner;
	const char *ips[3];
	const char *want;
} renders[] = {
	{ "nothing", "a.example.com", { NULL }, "" },
	{ "v4", "a.example.com", { "1.2.3.4" }, "1.2.3.4 a.example.com\n" },
	{ "v6", "a.example.com", { "2001:db8::7" }, "2001:db8::7 a.example.com\n" },
	{ "both, v4 first",
	  "a.example.com",
	  { "2001:db8::7", "203.0.113.255" },
	  "203.0.113.255 a.example.com\n2001:db8::7 a.example.com\n" },
	{ "several",
	  "a.example.com",
	  { "5.6.7.8", "1.2.3.4" },
	  "1.2.3.4 a.example.com\n5.6.7.8 a.example.com\n" },
	{ "a wildcard", "*.example.com", { "1.2.3.4" }, "" },
};

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, strlen(text), &ip));
	return ip;
}

/* What is rendered is read again, line by line. */
static void check_render(void **state)
{
	const struct render_row *row = *state;
	struct ip_set *set, *again;
	struct ip ips[3];
	struct buf b = { 0 };
	size_t n = 0;

	while (n < N_OF(row->ips) && row->ips[n]) {
		ips[n] = ip_of(row->ips[n]);
		n++;
	}
	assert_int_equal(ip_set_new(ips, n, 3, &set), 0);
	hosts_render(&b, row->owner, set, 60);
	assert_string_equal(buf_str(&b), row->want);

	n = 0;
	for (const char *line = b.data, *end = line + b.len; line < end;) {
		size_t len = strcspn(line, "\n");
		char *copy = exact(line, len), owner[NAME_SIZE];

		assert_true(hosts_parse(copy, len, owner, &ips[n++]));
		assert_string_equal(owner, row->owner);
		free(copy);
		line += len + 1;
	}
	assert_int_equal(ip_set_new(ips, n, 3, &again), 0);
	assert_true(ip_set_equal(*row->owner == '*' ? NULL : set, again));
	ip_set_free(set);
	ip_set_free(again);
	buf_deinit(&b);
}

static const struct foreign_row {
	const char *name;
	const char *line;
	size_t n;
} foreign[] = {
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
	const struct foreign_row *row = *state;
	char *line = exact(row->line, row->n), owner[NAME_SIZE];
	struct ip ip;

	assert_false(hosts_parse(line, row->n, owner, &ip));
	free(line);
}

int main(void)
{
	int failed = ROWS_RUN(renders, check_render);

	failed += ROWS_RUN(foreign, check_foreign);
	return failed != 0;
}
