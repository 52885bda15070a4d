/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The configuration: every key's values, and every mistake with its line. */

#include "core/conf.h"
#include "rows.h"

#include <inttypes.h>
#include <stdio.h>

/* Gathers "FILE:LINE " for every mistake. */
static void gather(void *arg, const char *file, unsigned line, const char *what)
{
	struct buf *b = arg;

	assert_non_null(what);
	assert_true(strlen(what) > 0);
	assert_null(strchr(what, '\n'));
	buf_printf(b, "%s:%u ", file, line);
}

static const char *or_unset(const char *s)
{
	return s ? s : "(unset)";
}

/* All values as "|key=value|...|". */
static void show(struct buf *b, const struct conf *c)
{
	buf_printf(b, "|ttl=%u|n_patterns=%u|addresses_max=%u|n_networks=%zu|", c->ttl,
		   c->n_patterns, c->addresses_max, c->networks.n);
	buf_printf(b, "datafile=%s|makecommand=%s|log_tempfile=%s|", or_unset(c->datafile),
		   or_unset(c->makecommand), or_unset(c->log_tempfile));
	buf_printf(b, "users_file=%s|user=%s|state=%s|", or_unset(c->users_file),
		   or_unset(c->user), or_unset(c->state));
	buf_printf(b, "publish_interval=%" PRIu64 "|make_timeout=%" PRIu64 "|",
		   c->publish_interval_ms, c->make_timeout_ms);
	buf_printf(b, "rescan=%" PRIu64 "|missing_after=%" PRIu64 "|", c->rescan_ms,
		   c->missing_after_ms);
	buf_printf(b, "missing=%s|replace=%s|",
		   c->missing == CONF_MISSING_KEEP ? "keep" : "withdraw",
		   c->replace == CONF_REPLACE_EXCHANGE ? "exchange" : "rename");
	for (unsigned i = 0; i < c->n_patterns; i++)
		buf_printf(b, "pattern=%s|", c->patterns[i].text);
}

/* The line stands in [dns-updater], as line 2. */
static const struct value_row {
	const char *name; /* the line */
	const char *want; /* NULL: a mistake */
} values[] = {
	/* the form of a line */
	{ "ttl=5", "ttl=5" },
	{ "  ttl  =\t5 ", "ttl=5" },
	{ "# ttl = 5", "ttl=60" },
	{ "; ttl = 5", "ttl=60" },
	{ "  # ttl = 5", "ttl=60" },
	{ "ttl", NULL },
	{ "ttl 5", NULL },
	{ "= 5", NULL },
	{ "tttl = 5", NULL },
	{ "tt = 5", NULL },
	{ "server = 192.0.2.53", NULL },
	{ "ttl = 5 # seconds", NULL },

	{ "ttl = 0", "ttl=0" },
	{ "ttl = 2147483647", "ttl=2147483647" },
	{ "ttl = 2147483648", NULL },
	{ "ttl = 4294967301", NULL },
	{ "ttl = 99999999999999999999999", NULL },
	{ "ttl = -1", NULL },
	{ "ttl = x", NULL },
	{ "ttl = 5x", NULL },
	{ "ttl = 5 5", NULL },
	{ "ttl =", NULL },

	{ "pathpattern = /home/%u/f", "pattern=/home/%u/f" },
	{ "pathpattern = /home/%u/f /var/%u", "pattern=/home/%u/f|pattern=/var/%u" },
	{ "pathpattern = /1/%u /2/%u /3/%u /4/%u /5/%u /6/%u /7/%u /8/%u", "n_patterns=8" },
	{ "pathpattern = /1/%u /2/%u /3/%u /4/%u /5/%u /6/%u /7/%u /8/%u /9/%u", NULL },
	{ "pathpattern = /home/john/f", NULL },
	{ "pathpattern = /home/%u/f /var/john", NULL },
	{ "pathpattern = home/%u/f", NULL },
	{ "pathpattern = /home/%h/%u", NULL },
	{ "pathpattern = /home/../%u", NULL },

	{ "datafile = /etc/sv/tinydns/root/data", "datafile=/etc/sv/tinydns/root/data" },
	{ "datafile = /a b", "datafile=/a b" },
	{ "datafile = data", NULL },
	{ "datafile =", NULL },
	{ "makecommand = make -C /etc/sv/tinydns/root",
	  "makecommand=make -C /etc/sv/tinydns/root" },
	{ "makecommand = a # b ; c = d, e  ", "makecommand=a # b ; c = d, e" },
	{ "makecommand = a \"b\" 'c' \\d", "makecommand=a \"b\" 'c' \\d" },
	{ "log_tempfile = /run/x/last", "log_tempfile=/run/x/last" },
	{ "log_tempfile = last", NULL },
	{ "users_file = /etc/users", "users_file=/etc/users" },
	{ "users_file = users", NULL },
	{ "user = dns", "user=dns" },
	{ "user =", NULL },
	{ "state = /var/x", "state=/var/x" },
	{ "state = x", NULL },

	{ "publish_interval = 500ms", "publish_interval=500" },
	{ "publish_interval = 1s", "publish_interval=1000" },
	{ "publish_interval = 5m", "publish_interval=300000" },
	{ "publish_interval = 1h", "publish_interval=3600000" },
	{ "publish_interval = 0", "publish_interval=0" },
	{ "publish_interval = 5", NULL },
	{ "publish_interval = s", NULL },
	{ "publish_interval = 1d", NULL },
	{ "publish_interval = 1sec", NULL },
	{ "publish_interval = -1s", NULL },
	{ "publish_interval = 1.5s", NULL },
	{ "publish_interval = 18446744073709551616ms", NULL },
	{ "publish_interval = 18446744073709552s", NULL },
	{ "publish_interval = 5124095576031h", NULL },
	{ "publish_interval =", NULL },
	{ "make_timeout = 2m", "make_timeout=120000" },
	{ "rescan = 2m", "rescan=120000" },
	{ "missing_after = 2s", "missing_after=2000" },
	{ "missing_after = 2", NULL },

	{ "missing = keep", "missing=keep" },
	{ "missing = withdraw", "missing=withdraw" },
	{ "missing = with", NULL },
	{ "missing =", NULL },
	{ "replace = exchange", "replace=exchange" },
	{ "replace = rename", "replace=rename" },
	{ "replace = copy", NULL },

	{ "addresses_max = 1", "addresses_max=1" },
	{ "addresses_max = 0", NULL },
	{ "addresses_max = 1024", "addresses_max=1024" },
	{ "addresses_max = 1025", NULL },

	{ "networks =", "n_networks=0" },
	{ "networks = 192.0.2.0/24", "n_networks=1" },
	{ "networks = 192.0.2.0/24, !10.0.0.0/8 2001:db8::/32", "n_networks=3" },
	{ "networks = 192.0.2.0/33", NULL },
	{ "networks = 10.0.0.1/8", NULL },
	{ "networks = 192.0.2.0/24, private", NULL },

	/* what holds without a line */
	{ "# no ttl", "ttl=60" },
	{ "# no user", "user=dns-updater" },
	{ "# no publish_interval", "publish_interval=1000" },
	{ "# no make_timeout", "make_timeout=300000" },
	{ "# no rescan", "rescan=300000" },
	{ "# no missing", "missing=keep" },
	{ "# no missing_after", "missing_after=60000" },
	{ "# no replace", "replace=exchange" },
	{ "# no addresses_max", "addresses_max=8" },
	{ "# no n_networks", "n_networks=0" },
	{ "# no state", "state=/var/lib/dns-updater/state" },
	{ "# no datafile", "datafile=(unset)" },
	{ "# no makecommand", "makecommand=(unset)" },
	{ "# no log_tempfile", "log_tempfile=(unset)" },
	{ "# no users_file", "users_file=(unset)" },
	{ "# no n_patterns", "n_patterns=0" },
};

static void check_value(void **state)
{
	const struct value_row *row = *state;
	struct buf text = { 0 }, mistakes = { 0 }, shown = { 0 };
	char *copy, want[256];
	struct conf c;

	buf_printf(&text, "[dns-updater]\n%s\n", row->name);
	copy = exact(text.data, text.len);
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(conf_parse(&c, "f", copy, text.len, gather, &mistakes),
			 row->want ? 0 : CONF_E_MISTAKES);
	if (row->want) {
		show(&shown, &c);
		(void)snprintf(want, sizeof(want), "|%s|", row->want); /* short literals */
		if (!strstr(buf_str(&shown), want))
			fail_msg("%s is not in %s", want, buf_str(&shown));
	} else {
		assert_string_equal(buf_str(&mistakes), "f:2 ");
	}
	conf_deinit(&c);
	buf_deinit(&text);
	buf_deinit(&mistakes);
	buf_deinit(&shown);
	free(copy);
}

#define FIRST "[dns-updater]\npathpattern = /home/%u/f\ndatafile = /d\nmakecommand = m\n"

/* mistakes as gather() writes them; users as "john: a.example.com b.example.com; anna: ...". */
static const struct text_row {
	const char *name;
	const char *text;
	size_t n;
	const char *users_file; /* its text, if any */
	const char *mistakes;
	const char *users; /* when there are no mistakes */
} texts[] = {
	{ "one user", T(FIRST "[users]\njohn = a.example.com\n"), NULL, "",
	  "john: a.example.com; " },
	{ "missing newline", T(FIRST "[users]\njohn = a.example.com"), NULL, "",
	  "john: a.example.com; " },
	{ "CRLF",
	  T("[dns-updater]\r\npathpattern = /%u\r\ndatafile = /d\r\nmakecommand = m\r\n\r\n"
	    "[users]\r\njohn = a.example.com\r\n"),
	  NULL, "", "john: a.example.com; " },
	{ "comments and blanks",
	  T("# x\n\n; y\n" FIRST " \n[users]\n # john = b.example.com\n"
	    "john = a.example.com\n\t; z\n"),
	  NULL, "", "john: a.example.com; " },
	{ "blanks around a section's name", T(FIRST " [users] \njohn = a.example.com\n"), NULL,
	  "", "john: a.example.com; " },
	{ "users first", T("[users]\njohn = a.example.com\n" FIRST), NULL, "",
	  "john: a.example.com; " },
	{ "names separated by commas",
	  T(FIRST "[users]\njohn = a.example.com, b.example.com,c.example.com\n"), NULL, "",
	  "john: a.example.com b.example.com c.example.com; " },
	{ "names separated by blanks",
	  T(FIRST "[users]\njohn = a.example.com\tb.example.com  c.example.com\n"), NULL, "",
	  "john: a.example.com b.example.com c.example.com; " },
	{ "names are made canonical", T(FIRST "[users]\njohn = A.Example.COM. *.example.com\n"),
	  NULL, "", "john: a.example.com *.example.com; " },
	{ "two users", T(FIRST "[users]\njohn = a.example.com\nanna = b.example.com\n"), NULL,
	  "", "john: a.example.com; anna: b.example.com; " },
	{ "users in a file", T(FIRST "users_file = /u\n"),
	  "# ours\n\njohn = a.example.com\r\nanna=b.example.com", "",
	  "john: a.example.com; anna: b.example.com; " },
	{ "users here and in a file",
	  T(FIRST "users_file = /u\n[users]\njohn = a.example.com\n"), "anna = b.example.com\n",
	  "", "john: a.example.com; anna: b.example.com; " },
	{ "a user named as a key", T(FIRST "[users]\nttl = a.example.com\n"), NULL, "",
	  "ttl: a.example.com; " },

	{ "a name of two users",
	  T(FIRST "[users]\njohn = a.example.com\nanna = b.example.com A.example.com.\n"), NULL,
	  "c:7 ", NULL },
	{ "a user twice", T(FIRST "[users]\njohn = a.example.com\njohn = b.example.com\n"),
	  NULL, "c:7 ", NULL },
	{ "a bad name", T(FIRST "[users]\njohn = a..example.com\n"), NULL, "c:6 ", NULL },
	{ "a name of one label", T(FIRST "[users]\njohn = localhost\n"), NULL, "c:6 ", NULL },
	{ "a bad name among good ones",
	  T(FIRST "[users]\njohn = a.example.com x:y.example.com\n"), NULL, "c:6 ", NULL },
	{ "two bad names", T(FIRST "[users]\njohn = a..example.com x:y.example.com\n"), NULL,
	  "c:6 c:6 ", NULL },
	{ "no names", T(FIRST "[users]\njohn =\n"), NULL, "c:6 ", NULL },
	{ "only commas", T(FIRST "[users]\njohn = , ,\n"), NULL, "c:6 ", NULL },
	{ "a bad user", T(FIRST "[users]\n.john = a.example.com\n"), NULL, "c:6 ", NULL },
	{ "a user with a slash", T(FIRST "[users]\n../john = a.example.com\n"), NULL, "c:6 ",
	  NULL },
	{ "no sign", T(FIRST "[users]\njohn a.example.com\n"), NULL, "c:6 ", NULL },
	{ "a mistake in the file", T(FIRST "users_file = /u\n"),
	  "john = a.example.com\nanna = b..example.com\n", "u:2 ", NULL },
	{ "a user here and in the file",
	  T(FIRST "users_file = /u\n[users]\njohn = a.example.com\n"), "john = b.example.com\n",
	  "u:1 ", NULL },
	{ "a name here and in the file",
	  T(FIRST "users_file = /u\n[users]\njohn = a.example.com\n"),
	  "\nanna = a.example.com\n", "u:2 ", NULL },

	{ "no pattern",
	  T("[dns-updater]\npathpattern =\ndatafile = /d\n[users]\njohn = a.example.com\n"),
	  NULL, "c:2 ", NULL },
	{ "a key twice", T(FIRST "ttl = 5\nttl = 5\n"), NULL, "c:6 ", NULL },
	{ "an unknown section", T(FIRST "[user]\n"), NULL, "c:5 ", NULL },
	{ "an output", T(FIRST "[output knot]\n"), NULL, "c:5 ", NULL },
	{ "a section without its end", T(FIRST "[users\n"), NULL, "c:5 ", NULL },
	{ "more behind a section", T(FIRST "[users] x\n"), NULL, "c:5 ", NULL },
	{ "a key before any section", T("ttl = 5\n" FIRST "[users]\njohn = a.example.com\n"),
	  NULL, "c:1 ", NULL },
	{ "a key of the first section in users",
	  T(FIRST "[users]\njohn = a.example.com\nttl = 5\n"), NULL, "c:7 ", NULL },
	{ "a NUL in a value",
	  T(FIRST "[users]\njohn = a.example.com\n[dns-updater]\nstate = /a\0b\n"), NULL,
	  "c:8 ", NULL },
	{ "all mistakes at once",
	  T(FIRST
	    "ttl = x\nfoo = 1\nmissing_after = 1m\nrescan = 1\n[users]\n.x = a.example.com\n"
	    "john = b..example.com\nanna = c.example.com\nbert = c.example.com\n"),
	  NULL, "c:5 c:6 c:8 c:10 c:11 c:13 ", NULL },
	{ "mistakes in both files", T(FIRST "ttl = x\nusers_file = /u\n"), "x\ny\n",
	  "c:5 u:1 u:2 ", NULL },
};

static void show_users(struct buf *b, const struct users *u)
{
	for (uint32_t i = 0; i < u->n_users; i++) {
		buf_printf(b, "%s:", users_user(u, i));
		for (uint32_t k = u->users[i].first_name; k < u->users[i + 1].first_name; k++)
			buf_printf(b, " %s", users_name(u, k));
		buf_adds(b, "; ");
	}
}

static void check_text(void **state)
{
	const struct text_row *row = *state;
	size_t n_file = row->users_file ? strlen(row->users_file) : 0;
	char *text = exact(row->text, row->n), *file = exact(row->users_file, n_file);
	struct buf mistakes = { 0 }, shown = { 0 };
	struct conf c;
	int r;

	assert_int_equal(conf_init(&c), 0);
	r = conf_parse(&c, "c", text, row->n, gather, &mistakes);
	if (row->users_file)
		r |= conf_parse_users(&c, "u", file, n_file, gather, &mistakes);
	if (!r)
		r = conf_finish(&c, "c", gather, &mistakes);
	assert_string_equal(buf_str(&mistakes), row->mistakes);
	assert_int_equal(r, row->users ? 0 : CONF_E_MISTAKES);
	if (row->users) {
		show_users(&shown, c.users);
		assert_string_equal(buf_str(&shown), row->users);
	}
	conf_deinit(&c);
	buf_deinit(&mistakes);
	buf_deinit(&shown);
	free(text);
	free(file);
}

static void lines_of_keys(void **state)
{
	static const char text[] =
		FIRST "# a comment\nuser = u\nstate = /s\nlog_tempfile = /l\n"
		      "users_file = /u\n";
	struct buf mistakes = { 0 };
	struct conf c;

	(void)state;
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(c.datafile_line, 0);
	assert_int_equal(conf_parse(&c, "f", text, sizeof(text) - 1, gather, &mistakes), 0);
	assert_int_equal(c.pathpattern_line, 2);
	assert_int_equal(c.datafile_line, 3);
	assert_int_equal(c.makecommand_line, 4);
	assert_int_equal(c.user_line, 6);
	assert_int_equal(c.state_line, 7);
	assert_int_equal(c.log_tempfile_line, 8);
	assert_int_equal(c.users_file_line, 9);
	conf_deinit(&c);
	buf_deinit(&mistakes);
}

static void pathpattern_is_required(void **state)
{
	static const char text[] = "[dns-updater]\ndatafile = /d\nmakecommand = m\n"
				   "[users]\njohn = a.example.com\n";
	struct buf mistakes = { 0 };
	struct conf c;

	(void)state;
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(conf_parse(&c, "f", text, sizeof(text) - 1, gather, &mistakes), 0);
	assert_int_equal(conf_finish(&c, "f", gather, &mistakes), CONF_E_MISTAKES);
	assert_true(mistakes.len > 0);
	conf_deinit(&c);
	buf_deinit(&mistakes);
}

static void long_lines_are_whole(void **state)
{
	struct buf text = { 0 }, mistakes = { 0 };
	struct conf c;

	(void)state;
	buf_adds(&text, FIRST "[users]\njohn =");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, " n%d.example.com,", i);
	buf_adds(&text, "\nanna = last.example.com\n");
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(conf_parse(&c, "f", text.data, text.len, gather, &mistakes), 0);
	assert_int_equal(users_n_names(c.users, 0), 5000);
	assert_string_equal(users_name(c.users, 4999), "n4999.example.com");
	assert_int_equal(users_find(c.users, "anna", 4), 1);
	conf_deinit(&c);
	buf_deinit(&text);
	buf_deinit(&mistakes);
}

int main(void)
{
	static const struct CMUnitTest conf[] = {
		cmocka_unit_test(lines_of_keys),
		cmocka_unit_test(pathpattern_is_required),
		cmocka_unit_test(long_lines_are_whole),
	};
	int failed = cmocka_run_group_tests(conf, NULL, NULL);

	failed += ROWS_RUN(values, check_value);
	failed += ROWS_RUN(texts, check_text);
	return failed != 0;
}
