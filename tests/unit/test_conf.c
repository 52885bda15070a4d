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
	buf_printf(b, "datafile=%s|makecommand=%s|log_tempfile=%s|", or_unset(c->datafile.file),
		   or_unset(c->datafile.command), or_unset(c->log_tempfile));
	buf_printf(b, "users_file=%s|user=%s|state=%s|", or_unset(c->users_file),
		   or_unset(c->user), or_unset(c->state));
	buf_printf(b, "publish_interval=%" PRIu64 "|make_timeout=%" PRIu64 "|",
		   c->publish_interval_ms, c->make_timeout_ms);
	buf_printf(b, "rescan=%" PRIu64 "|missing_after=%" PRIu64 "|", c->rescan_ms,
		   c->missing_after_ms);
	buf_printf(b, "log_rate=%u|missing=%s|replace=%s|", c->log_rate,
		   c->missing == CONF_MISSING_KEEP ? "keep" : "withdraw",
		   c->replace == CONF_REPLACE_EXCHANGE ? "exchange" : "rename");
	buf_printf(b, "watch=%d|database=%s|", (int)c->watch, or_unset(c->datafile.database));
	for (unsigned i = 0; i < c->n_patterns; i++)
		buf_printf(b, "pattern=%s|", c->patterns[i].text);
}

/* The values of [http], as above. */
static void show_http(struct buf *b, const struct conf *c)
{
	static const char *const plain[] = { "refuse", "allow", "by address" };
	const struct conf_http *h = &c->http;
	char text[IP_TEXT_SIZE];

	buf_printf(b, "|user=%s|tokens=%s|certificate=%s|key=%s|plain_http=%s|",
		   or_unset(h->user), or_unset(h->tokens), or_unset(h->certificate),
		   or_unset(h->key), plain[h->plain]);
	buf_printf(b, "connections_max=%u|connections_per_address=%u|", h->connections_max,
		   h->connections_per_address);
	buf_printf(b,
		   "request_size_max=%u|headers_max=%u|request_timeout=%" PRIu64
		   "|publish_timeout=%" PRIu64 "|",
		   h->request_size_max, h->headers_max, h->request_timeout_ms,
		   h->publish_timeout_ms);
	buf_printf(b, "addresses=%u|n_listeners=%u|n_trusted=%zu|", h->addresses,
		   h->n_listeners, h->trusted_proxies.n);
	for (unsigned i = 0; i < h->n_listeners; i++) {
		const struct conf_listener *l = &h->listeners[i];

		(void)ip_print(l->ip.bytes, l->ip.n, text);
		buf_printf(b, "%s %u %s|", text, l->port, l->tls ? "tls" : plain[l->plain]);
	}
	for (uint32_t i = 0; i < c->users->n_names; i++) {
		const uint8_t *id = conf_interface_id(c, i);

		if (id) {
			(void)ip_print(id, 16, text);
			buf_printf(b, "%s %s|", users_name(c->users, i), text);
		}
	}
	for (size_t i = 0; i < h->n_abuse; i++)
		buf_printf(b, "abuse=%s|", h->abuse[i]);
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
	{ "log_rate = 0", "log_rate=0" },
	{ "log_rate = 1000000", "log_rate=1000000" },
	{ "log_rate = 1000001", NULL },
	{ "log_rate = 5/s", NULL },
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
	{ "watch = auto", "watch=0" },
	{ "watch = inotify", "watch=1" },
	{ "watch = fanotify", "watch=2" },
	{ "watch = dnotify", NULL },
	{ "database = /d/data.cdb", "database=/d/data.cdb" },
	{ "database = data.cdb", NULL },

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
	{ "# no watch", "watch=0" },
	{ "# no database", "database=(unset)" },
	{ "# no addresses_max", "addresses_max=8" },
	{ "# no n_networks", "n_networks=0" },
	{ "# no state", "state=/var/lib/dns-updater/state" },
	{ "# no datafile", "datafile=(unset)" },
	{ "# no makecommand", "makecommand=(unset)" },
	{ "# no log_tempfile", "log_tempfile=(unset)" },
	{ "# no log_rate", "log_rate=100" },
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
	{ "an output without an end", T(FIRST "[output knot\n"), NULL, "c:5 ", NULL },
	{ "more behind an output", T(FIRST "[output knot] x\n"), NULL, "c:5 ", NULL },
	{ "outputs", T(FIRST "[outputs knot]\n"), NULL, "c:5 ", NULL },
	{ "an output in a users_file", T(FIRST "users_file = /u\n"), "[output knot]\n", "u:1 ",
	  NULL },
	{ "neither datafile nor an output",
	  T("[dns-updater]\npathpattern = /%u\n[users]\njohn = a.example.com\n"), NULL, "c:0 ",
	  NULL },
	{ "database without datafile",
	  T("[dns-updater]\npathpattern = /%u\ndatabase = /c\n[users]\njohn = a.example.com\n"
	    "[output x]\ntype = hosts\nfile = /h\n"),
	  NULL, "c:3 ", NULL },
	{ "a database that is the data file",
	  T(FIRST "database = /d\n[users]\njohn = a.example.com\n"), NULL, "c:5 ", NULL },
	{ "a database that another output has",
	  T(FIRST "database = /c\n[users]\njohn = a.example.com\n[output x]\ntype = tinydns\n"
		  "file = /e\ndatabase = /c\n"),
	  NULL, "c:11 ", NULL },
	{ "a database of another type",
	  T(FIRST "[users]\njohn = a.example.com\n[output x]\ntype = hosts\nfile = /h\n"
		  "database = /c\n"),
	  NULL, "c:10 ", NULL },
	{ "makecommand, verify and verify_timeout without datafile",
	  T("[dns-updater]\npathpattern = /%u\nmakecommand = m\nverify = 192.0.2.53\n"
	    "verify_timeout = 5s\n[users]\njohn = a.example.com\n[output x]\ntype = hosts\n"
	    "file = /h\n"),
	  NULL, "c:3 c:4 c:5 ", NULL },
	{ "datafile and an output", T(FIRST "[output x]\ntype = hosts\nfile = /h\n[users]\n"
				     "john = a.example.com\n"),
	  NULL, "", "john: a.example.com; " },
	{ "an output of datafile's name",
	  T(FIRST "[output tinydns]\ntype = hosts\nfile = /h\n[users]\n"
		  "john = a.example.com\n"),
	  NULL, "c:5 ", NULL },
	{ "an output with datafile's file",
	  T(FIRST "[output x]\ntype = hosts\nfile = /d\n[users]\njohn = a.example.com\n"),
	  NULL, "c:7 ", NULL },
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

#define TLS "certificate = /c\nkey = /k\n"

/* In [http], from line 7 on, of a configuration with the patterns /home/%u/f and /var/%u and the names
 * a.example.com and b.example.com. */
static const struct http_row {
	const char *name;     /* the lines */
	const char *want;     /* NULL: mistakes */
	const char *mistakes; /* NULL: in the first line, or none */
} https[] = {
	{ "listen = 192.0.2.1:80", "192.0.2.1 80 refuse" },
	{ "listen = [2001:db8::1]:80", "2001:db8::1 80 refuse" },
	{ "listen = [::]:65535", ":: 65535 refuse" },
	{ "listen = 0.0.0.0:0", "0.0.0.0 0 refuse" },
	{ "listen = 192.0.2.1:80 192.0.2.2:80,[::1]:8245",
	  "192.0.2.1 80 refuse|192.0.2.2 80 refuse|::1 8245 allow" },
	{ "listen = 192.0.2.1:80\nlisten = 192.0.2.2:80",
	  "192.0.2.1 80 refuse|192.0.2.2 80 refuse" },
	{ "listen = 192.0.2.1:65536", NULL },
	{ "listen = 192.0.2.1", NULL },
	{ "listen = 192.0.2.1:", NULL },
	{ "listen = 192.0.2.1:80x", NULL },
	{ "listen = 192.0.2.1:-1", NULL },
	{ "listen = :80", NULL },
	{ "listen = 80", NULL },
	{ "listen = ::1:80", NULL },
	{ "listen = 2001:db8::1", NULL },
	{ "listen = [2001:db8::1]", NULL },
	{ "listen = [2001:db8::1:80", NULL },
	{ "listen = [192.0.2.1]:80", NULL },
	{ "listen = []:80", NULL },
	{ "listen = localhost:80", NULL },
	{ "listen = *:80", NULL },
	{ "listen =", NULL },
	{ "listen = 192.0.2.1:80 x 192.0.2.2:80 y", NULL, "c:7 c:7 " },
	{ "listen = 192.0.2.1:1 192.0.2.1:2 192.0.2.1:3 192.0.2.1:4 192.0.2.1:5 192.0.2.1:6 "
	  "192.0.2.1:7 192.0.2.1:8\nlisten_tls = 192.0.2.1:9 192.0.2.1:10 192.0.2.1:11 192.0.2.1:12 "
	  "192.0.2.1:13 192.0.2.1:14 192.0.2.1:15 192.0.2.1:16\n" TLS,
	  "n_listeners=16" },
	{ "listen = 192.0.2.1:1 192.0.2.1:2 192.0.2.1:3 192.0.2.1:4 192.0.2.1:5 192.0.2.1:6 "
	  "192.0.2.1:7 192.0.2.1:8 192.0.2.1:9\nlisten = 192.0.2.1:10 192.0.2.1:11 192.0.2.1:12 "
	  "192.0.2.1:13 192.0.2.1:14 192.0.2.1:15 192.0.2.1:16 192.0.2.1:17",
	  NULL, "c:8 " },

	/* whether plain HTTP is taken */
	{ "listen = 192.0.2.1:80 allow", "192.0.2.1 80 allow" },
	{ "listen = 127.0.0.1:80", "127.0.0.1 80 allow" },
	{ "listen = 127.255.255.254:80", "127.255.255.254 80 allow" },
	{ "listen = 126.0.0.1:80", "126.0.0.1 80 refuse" },
	{ "listen = [::1]:80", "::1 80 allow" },
	{ "listen = [::2]:80", "::2 80 refuse" },
	{ "listen = [::ffff:127.0.0.1]:80", "::ffff:127.0.0.1 80 refuse" },
	{ "listen = 127.0.0.1:80 refuse", "127.0.0.1 80 refuse" },
	{ "listen = 192.0.2.1:80 allow 192.0.2.2:80",
	  "192.0.2.1 80 allow|192.0.2.2 80 refuse" },
	{ "listen = 192.0.2.1:80 192.0.2.2:80 allow",
	  "192.0.2.1 80 refuse|192.0.2.2 80 allow" },
	{ "plain_http = allow\nlisten = 192.0.2.1:80", "192.0.2.1 80 allow" },
	{ "listen = 192.0.2.1:80\nplain_http = allow", "192.0.2.1 80 allow" },
	{ "plain_http = refuse\nlisten = 127.0.0.1:80", "127.0.0.1 80 refuse" },
	{ "plain_http = allow\nlisten = 192.0.2.1:80 refuse 192.0.2.2:80",
	  "192.0.2.1 80 refuse|192.0.2.2 80 allow" },
	{ "listen = allow 192.0.2.1:80", NULL },
	{ "listen = 192.0.2.1:80\nlisten = allow", NULL, "c:8 " },
	{ "listen = 192.0.2.1:80 maybe", NULL },
	{ "plain_http = maybe", NULL },
	{ "plain_http = by address", NULL },
	{ "plain_http = allow\nplain_http = allow", NULL, "c:8 " },

	/* TLS */
	{ "listen_tls = 192.0.2.1:443\n" TLS, "192.0.2.1 443 tls|" },
	{ TLS "listen_tls = [2001:db8::1]:443, 192.0.2.1:443",
	  "2001:db8::1 443 tls|192.0.2.1 443 tls|" },
	{ "listen_tls = 192.0.2.1:443 allow\n" TLS, NULL },
	{ "listen_tls = 192.0.2.1:443", NULL },
	{ "listen_tls = 192.0.2.1:443\ncertificate = /c", NULL },
	{ "listen_tls = 192.0.2.1:443\nkey = /k", NULL },
	{ "listen = 192.0.2.1:80\nlisten_tls = 192.0.2.1:443 192.0.2.2:443", NULL, "c:8 c:8 " },
	{ TLS, "certificate=/c|key=/k" },
	{ "certificate = c", NULL },
	{ "key = k", NULL },
	{ "certificate =", NULL },

	/* names and their identifiers */
	{ "interface_id = a.example.com ::1:2:3:4", "a.example.com ::1:2:3:4|" },
	{ "interface_id = b.example.com ::2, a.example.com ::1",
	  "a.example.com ::1|b.example.com ::2|" },
	{ "interface_id = b.example.com ::2\ninterface_id = a.example.com ::1",
	  "a.example.com ::1|b.example.com ::2|" },
	{ "interface_id = A.Example.COM. ::1", "a.example.com ::1|" },
	{ "interface_id = a.example.com 2001:db8::1", NULL },
	{ "interface_id = a.example.com 0:0:1::1", NULL },
	{ "interface_id = a.example.com ::12:0:0:0:1", "a.example.com ::12:0:0:0:1|" },
	{ "interface_id =", "n_listeners=0" },
	{ "interface_id = a.example.com", NULL },
	{ "interface_id = a.example.com ::", NULL },
	{ "interface_id = a.example.com 1:2:3:4", NULL },
	{ "interface_id = a.example.com 192.0.2.1", NULL },
	{ "interface_id = a.example.com ::1/64", NULL },
	{ "interface_id = ::1 a.example.com", NULL },
	{ "interface_id = a ::1", NULL },
	{ "interface_id = c.example.com ::1", NULL },
	{ "interface_id = a.example.com ::1 a.example.com ::1", NULL },
	{ "interface_id = a.example.com ::1\ninterface_id = b.example.com ::2\n"
	  "interface_id = A.example.com ::3",
	  NULL, "c:9 " },
	{ "interface_id = c.example.com ::1\ninterface_id = d.example.com ::1", NULL,
	  "c:7 c:8 " },

	{ "trusted_proxies = 192.0.2.1, 2001:db8::/32", "n_trusted=2" },
	{ "trusted_proxies = 192.0.2.1\ntrusted_proxies = 192.0.2.2", "n_trusted=2" },
	{ "trusted_proxies =", "n_trusted=0" },
	{ "trusted_proxies = proxy", NULL },
	{ "trusted_proxies = 192.0.2.1/24", NULL },
	{ "abuse = john", "abuse=john" },
	{ "abuse = john\nabuse = john", "abuse=john|abuse=john" },
	{ "abuse = john anna", NULL },
	{ "user = root", NULL },
	{ "abuse =", "n_listeners=0" },

	{ "addresses = /home/%u/f", "addresses=0" },
	{ "addresses = /var/%u", "addresses=1" },
	{ "addresses = /var/%u/", NULL },
	{ "addresses = /else/%u", NULL },
	{ "addresses =", NULL },
	{ "user = web", "user=web" },
	{ "tokens = /t", "tokens=/t" },
	{ "tokens = t", NULL },

	{ "connections_max = 1", "connections_max=1" },
	{ "connections_max = 0", NULL },
	{ "connections_max = 1000000", "connections_max=1000000" },
	{ "connections_max = 1000001", NULL },
	{ "connections_per_address = 1", "connections_per_address=1" },
	{ "connections_per_address = 0", NULL },
	{ "connections_per_address = 1000000", "connections_per_address=1000000" },
	{ "connections_per_address = 1000001", NULL },
	{ "request_size_max = 4096", "request_size_max=4096" },
	{ "request_size_max = 4095", NULL },
	{ "request_size_max = 1048576", "request_size_max=1048576" },
	{ "request_size_max = 1048577", NULL },
	{ "headers_max = 8", "headers_max=8" },
	{ "headers_max = 7", NULL },
	{ "headers_max = 1000", "headers_max=1000" },
	{ "headers_max = 1001", NULL },
	{ "request_timeout = 100ms", "request_timeout=100" },
	{ "request_timeout = 99ms", NULL },
	{ "request_timeout = 1h", "request_timeout=3600000" },
	{ "request_timeout = 3601s", NULL },
	{ "request_timeout = 5", NULL },
	{ "publish_timeout = 0", "publish_timeout=0" },
	{ "publish_timeout = 9999ms", "publish_timeout=9999" },
	{ "publish_timeout = 10s", NULL },
	{ "publish_timeout = 10s\nrequest_timeout = 11s", "publish_timeout=10000" },
	{ "publish_timeout = 2s\nrequest_timeout = 2s", NULL },
	{ "request_timeout = 1s", "request_timeout=1000|publish_timeout=5000" },
	{ "publish_timeout = 5", NULL },
	{ "ttl = 5", NULL },
	{ "listen_udp = 192.0.2.1:53", NULL },

	/* what holds without a line */
	{ "# no plain_http", "plain_http=by address" },
	{ "# no certificate", "certificate=(unset)|key=(unset)" },
	{ "# no user", "user=dns-updater-http" },
	{ "# no tokens", "tokens=/etc/dns-updater/tokens" },
	{ "# no addresses", "addresses=1" },
	{ "# no connections", "connections_max=4096|connections_per_address=32" },
	{ "# no limits", "request_size_max=32768|headers_max=64|request_timeout=10000" },
};

/* All outputs, each as "|name=...|...|". */
static void show_outputs(struct buf *b, const struct conf *c)
{
	static const char *const types[] = { "tinydns", "zonefile", "hosts", "rfc2136", "none" };
	char text[IP_TEXT_SIZE];

	buf_printf(b, "|n=%u", c->n_outputs);
	for (unsigned i = 0; i < c->n_outputs; i++) {
		const struct conf_output *o = &c->outputs[i];

		buf_printf(b, "|name=%s|line=%u|type=%s|file=%s|command=%s|serial=%s|key=%s|",
			   o->name, o->line, types[o->type], or_unset(o->file),
			   or_unset(o->command),
			   o->serial == CONF_SERIAL_RAISE ? "raise" : "keep", or_unset(o->key));
		for (unsigned k = 0; k < o->n_servers; k++) {
			(void)ip_print(o->servers[k].ip.bytes, o->servers[k].ip.n, text);
			buf_printf(b, "server=%s %u|", text, o->servers[k].port);
		}
		for (unsigned k = 0; k < o->n_zones; k++)
			buf_printf(b, "zone=%s|", o->zones[k]);
		for (unsigned k = 0; k < o->n_verify; k++) {
			(void)ip_print(o->verify[k].ip.bytes, o->verify[k].ip.n, text);
			buf_printf(b, "verify=%s %u|", text, o->verify[k].port);
		}
		buf_printf(b, "n_servers=%u|n_zones=%u|n_verify=%u|verify_timeout=%" PRIu64 "|",
			   o->n_servers, o->n_zones, o->n_verify, o->verify_timeout_ms);
	}
}

#define HOSTS "[output h]\ntype = hosts\nfile = /h\n"
#define ZONE "[output z]\ntype = zonefile\nfile = /z\n"
#define UPDATE "[output u]\ntype = rfc2136\nserver = 192.0.2.53\nzone = example.com\nkey = /k\n"
#define EIGHT \
	"192.0.2.1 192.0.2.2, 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8"
#define FOUR(n) \
	"[output " n "a]\ntype = hosts\nfile = /" n "a\n[output " n \
	"b]\ntype = hosts\nfile = /" n "b\n" \
	"[output " n "c]\ntype = hosts\nfile = /" n "c\n[output " n \
	"d]\ntype = hosts\nfile = /" n "d\n"
#define FIFTEEN \
	FOUR("1") FOUR("2") FOUR("3") \
	"[output x]\ntype = hosts\nfile = /x\n[output y]\ntype = hosts\nfile = /y\n" \
	"[output z]\ntype = hosts\nfile = /z\n"

/* From line 5 on, of a configuration without datafile. */
static const struct output_row {
	const char *name; /* the lines */
	const char *want; /* NULL: mistakes */
	const char *mistakes;
} outputs[] = {
	/* the heading */
	{ HOSTS, "n=1|name=h|line=5|type=hosts|file=/h|command=(unset)|" },
	{ "[output  h\t]\ntype = hosts\nfile = /h", "name=h|line=5|" },
	{ "[output a-Z_0.9]\ntype = hosts\nfile = /h", "name=a-Z_0.9|" },
	{ "[output abcdefghijklmnopqrstuvwxyzabcdef]\ntype = hosts\nfile = /h",
	  "name=abcdefghijklmnopqrstuvwxyzabcdef|" },
	{ "[output abcdefghijklmnopqrstuvwxyzabcdefg]\ntype = hosts\nfile = /h", NULL,
	  "c:5 c:0 " },
	{ "[output]\ntype = hosts\nfile = /h", NULL, "c:5 c:0 " },
	{ "[output ]\ntype = hosts\nfile = /h", NULL, "c:5 c:0 " },
	{ "[output a/b]\ntype = hosts\nfile = /h", NULL, "c:5 c:0 " },
	{ "[output a b]\ntype = hosts\nfile = /h", NULL, "c:5 c:0 " },
	{ "[output \xc3\xa4]\ntype = hosts\nfile = /h", NULL, "c:5 c:0 " },
	{ HOSTS "[output h]\ntype = hosts\nfile = /i", NULL, "c:8 " },
	{ HOSTS "[output h]\ntype = hots\nfile = /i", NULL, "c:8 c:9 " },
	{ HOSTS "[output H]\ntype = hosts\nfile = /i", "n=2|" },
	{ "[output tinydns]\ntype = tinydns\nfile = /d\ncommand = m",
	  "name=tinydns|line=5|type=tinydns|file=/d|command=m|" },
	{ FIFTEEN HOSTS, "n=16|" },
	{ FIFTEEN HOSTS "[output i]\ntype = hosts\nfile = /i", NULL, "c:53 " },
	{ FIFTEEN "[dns-updater]\ndatafile = /d", "n=16|name=tinydns|line=51|" },
	{ FIFTEEN HOSTS "[dns-updater]\ndatafile = /d", NULL, "c:54 " },

	/* its keys */
	{ "[output z]\nserial = keep\nfile = /z\ntype = zonefile",
	  "type=zonefile|file=/z|command=(unset)|serial=keep|" },
	{ ZONE "serial = raise", "serial=raise|" },
	{ ZONE "serial = lower", NULL, "c:8 " },
	{ ZONE "command = rndc reload # x", "command=rndc reload # x|" },
	{ ZONE "command =", NULL, "c:8 " },
	{ "[output t]\ntype = bind\nfile = /t", NULL, "c:6 " },
	{ "[output t]\ntype =\nfile = /t", NULL, "c:6 " },
	{ "[output t]\nfile = /t", NULL, "c:5 " },
	{ "[output t]", NULL, "c:5 " },
	{ "[output t]\ntype = tinydns", NULL, "c:5 " },
	{ "[output t]\ntype = hosts\nfile = t", NULL, "c:7 " },
	{ HOSTS "file = /h", NULL, "c:8 " },
	{ HOSTS "ttl = 5", NULL, "c:8 " },
	{ HOSTS "datafile = /d", NULL, "c:8 " },
	{ HOSTS "[dns-updater]\nfile = /d", NULL, "c:9 " },
	{ HOSTS ZONE "[output t]\ntype = tinydns\nfile = /d", "n=3|name=h|" },
	{ HOSTS "[output i]\ntype = hosts\nfile = /h", NULL, "c:10 " },
	{ HOSTS "[output i]\ntype = hosts\nfile = /h/", "n=2|" },

	/* what does not belong to its type */
	{ HOSTS "serial = keep", NULL, "c:8 " },
	{ "[output t]\ntype = tinydns\nfile = /d\nserial = keep", NULL, "c:8 " },
	{ HOSTS "server = 192.0.2.53", NULL, "c:8 " },
	{ HOSTS "zone = example.com", "zone=example.com|" },
	{ HOSTS "key = /k", NULL, "c:8 " },
	{ ZONE "server = 192.0.2.53\nzone = example.com\nkey = /k", NULL, "c:8 c:10 " },
	{ UPDATE "file = /f\ncommand = m\nserial = keep", NULL, "c:10 c:11 c:12 " },
	{ "[output h]\nserver = 192.0.2.53\nfile = /h\ntype = hosts", NULL, "c:6 " },

	/* rfc2136 */
	{ UPDATE, "type=rfc2136|file=(unset)|command=(unset)|serial=raise|key=/k|"
		  "server=192.0.2.53 53|zone=example.com|n_servers=1|n_zones=1|n_verify=0|"
		  "verify_timeout=5000|" },
	{ "[output u]\ntype = rfc2136", NULL, "c:5 c:5 c:5 " },
	{ "[output u]\ntype = rfc2136\nzone = example.com\nkey = /k", NULL, "c:5 " },
	{ "[output u]\ntype = rfc2136\nserver = 192.0.2.53\nkey = /k", NULL, "c:5 " },
	{ "[output u]\ntype = rfc2136\nserver = 192.0.2.53\nzone = example.com", NULL,
	  "c:5 " },
	{ UPDATE "key = /k", NULL, "c:10 " },
	{ "[output u]\ntype = rfc2136\nserver = 192.0.2.53\nzone = example.com\nkey = k", NULL,
	  "c:9 " },
	{ UPDATE "server = 192.0.2.54:5353 2001:db8::53, [2001:db8::54]:5353",
	  "server=192.0.2.53 53|server=192.0.2.54 5353|server=2001:db8::53 53|"
	  "server=2001:db8::54 5353|zone=example.com|n_servers=4|" },
	{ UPDATE "server = 192.0.2.54:1 192.0.2.55:65535",
	  "server=192.0.2.54 1|server=192.0.2.55 65535|" },
	{ UPDATE "server = 2001:db8::53:5353", "server=2001:db8::53:5353 53|" },
	{ UPDATE "server = 192.0.2.54:0", NULL, "c:10 " },
	{ UPDATE "server = 192.0.2.54:65536", NULL, "c:10 " },
	{ UPDATE "server = 192.0.2.54:", NULL, "c:10 " },
	{ UPDATE "server = 192.0.2.54:x", NULL, "c:10 " },
	{ UPDATE "server = 192.0.2.999", NULL, "c:10 " },
	{ UPDATE "server = [2001:db8::53]:", NULL, "c:10 " },
	{ UPDATE "server = [2001:db8::53]", NULL, "c:10 " },
	{ UPDATE "server = [2001:db8::53", NULL, "c:10 " },
	{ UPDATE "server = [192.0.2.54]:53", NULL, "c:10 " },
	{ UPDATE "server = ns.example.com", NULL, "c:10 " },
	{ UPDATE "server = localhost:53", NULL, "c:10 " },
	{ UPDATE "server = x 192.0.2.54 y", NULL, "c:10 c:10 " },
	{ UPDATE "server =", NULL, "c:10 " },
	{ "[output u]\ntype = rfc2136\nzone = example.com\nkey = /k\nserver = " EIGHT,
	  "n_servers=8|" },
	{ "[output u]\ntype = rfc2136\nzone = example.com\nkey = /k\nserver = " EIGHT
	  "\nserver = 192.0.2.9",
	  NULL, "c:10 " },
	{ UPDATE "zone = A.Example.COM., b.example.org\nzone = 2.0.192.in-addr.arpa",
	  "zone=example.com|zone=a.example.com|zone=b.example.org|zone=2.0.192.in-addr.arpa|"
	  "n_servers=1|n_zones=4|" },
	{ UPDATE "zone = _a.example.com", "zone=_a.example.com|" },
	{ UPDATE "zone = com", NULL, "c:10 " },
	{ UPDATE "zone = .", NULL, "c:10 " },
	{ UPDATE "zone = *.example.com", NULL, "c:10 " },
	{ UPDATE "zone = a..example.com", NULL, "c:10 " },
	{ UPDATE "zone = a.example.com A.example.com.", NULL, "c:10 " },
	{ UPDATE "zone = EXAMPLE.com", NULL, "c:10 " },
	{ UPDATE "zone =", NULL, "c:10 " },
	{ UPDATE "[output v]\ntype = rfc2136\nserver = 192.0.2.54\nzone = example.com\nkey = /k",
	  "n=2|" },

	/* who is asked */
	{ HOSTS "verify = 192.0.2.54 [2001:db8::54]:5353\nverify = 192.0.2.55",
	  "verify=192.0.2.54 53|verify=2001:db8::54 5353|verify=192.0.2.55 53|" },
	{ HOSTS "verify = " EIGHT, "n_verify=8|" },
	{ HOSTS "verify = " EIGHT " 192.0.2.9", NULL, "c:8 " },
	{ HOSTS "verify = ns.example.com", NULL, "c:8 " },
	{ HOSTS "verify =", NULL, "c:8 " },
	{ UPDATE "verify = 192.0.2.54", "verify=192.0.2.54 53|" },
	{ HOSTS "verify_timeout = 100ms", "verify_timeout=100|" },
	{ HOSTS "verify_timeout = 99ms", NULL, "c:8 " },
	{ HOSTS "verify_timeout = 1h", "verify_timeout=3600000|" },
	{ HOSTS "verify_timeout = 3601s", NULL, "c:8 " },
	{ HOSTS "verify_timeout = 1s\nverify_timeout = 1s", NULL, "c:9 " },
	{ HOSTS "verify_timeout = 1s\n[output i]\ntype = hosts\nfile = /i\nverify_timeout = 2s",
	  "n_verify=0|verify_timeout=1000||name=i|line=9|type=hosts|file=/i|command=(unset)|"
	  "serial=raise|key=(unset)|n_servers=0|n_zones=0|n_verify=0|verify_timeout=2000|" },

	/* datafile is the first output */
	{ "[dns-updater]\ndatafile = /d",
	  "n=1|name=tinydns|line=6|type=tinydns|file=/d|command=(unset)|serial=raise|"
	  "key=(unset)|n_servers=0|n_zones=0|n_verify=0|verify_timeout=5000|" },
	{ HOSTS "[dns-updater]\nmakecommand = m\ndatafile = /d",
	  "n=2|name=tinydns|line=10|type=tinydns|file=/d|command=m|" },
	{ "[dns-updater]\ndatafile = /d\nverify = 192.0.2.54\nverify = 192.0.2.55\n"
	  "verify_timeout = 1s\n" HOSTS,
	  "verify=192.0.2.54 53|verify=192.0.2.55 53|n_servers=0|n_zones=0|n_verify=2|"
	  "verify_timeout=1000||name=h|" },
	{ "[dns-updater]\ndatafile = /d\nverify = " EIGHT "\nverify = 192.0.2.9", NULL,
	  "c:8 " },
	{ "[dns-updater]\ndatafile = /d\nverify_timeout = 99ms", NULL, "c:7 " },
	{ "[dns-updater]\ndatafile = d", NULL, "c:6 " },
	{ "[dns-updater]\nmakecommand = m\n" HOSTS, NULL, "c:6 " },
	{ "[dns-updater]\ndatafile = /d\n[output tinydns]\ntype = tinydns\nfile = /e", NULL,
	  "c:7 " },
	{ "", NULL, "c:0 " },
};

static void check_output(void **state)
{
	static const char first[] = "[dns-updater]\npathpattern = /%u\n"
				    "[users]\njohn = a.example.com *.example.com\n";
	const struct output_row *row = *state;
	struct buf text = { 0 }, mistakes = { 0 }, shown = { 0 };
	struct conf c;
	char *copy;
	int r;

	buf_adds(&text, first);
	buf_adds(&text, row->name);
	copy = exact(text.data, text.len);
	assert_int_equal(conf_init(&c), 0);
	r = conf_parse(&c, "c", copy, text.len, gather, &mistakes);
	r |= conf_finish(&c, "c", gather, &mistakes); /* as load.c does, and says nothing twice */
	assert_string_equal(buf_str(&mistakes), row->want ? "" : row->mistakes);
	assert_int_equal(r, row->want ? 0 : CONF_E_MISTAKES);
	show_outputs(&shown, &c);
	if (row->want && !strstr(buf_str(&shown), row->want))
		fail_msg("%s is not in %s", row->want, buf_str(&shown));
	conf_deinit(&c);
	buf_deinit(&text);
	buf_deinit(&mistakes);
	buf_deinit(&shown);
	free(copy);
}

/* Of rfc2136 with the zones example.com, dyn.example.com and example.org. */
static const struct covers_row {
	const char *name;
	int zone; /* -1: in none */
} covered[] = {
	{ "a.example.com", 0 },
	{ "a.b.example.com", 0 },
	{ "example.com", 0 },
	{ "*.example.com", 0 },
	{ "dyn.example.com", 1 },
	{ "a.dyn.example.com", 1 },
	{ "*.dyn.example.com", 1 },
	{ "xdyn.example.com", 0 },
	{ "a.example.org", 2 },
	{ "xexample.com", -1 },
	{ "a.xexample.com", -1 },
	{ "a.example.net", -1 },
	{ "example.com.net", -1 },
	{ "xample.com", -1 },
	{ "le.com", -1 },
};

static void check_covers(void **state)
{
	static char zone_0[] = "example.com", zone_1[] = "dyn.example.com",
		    zone_2[] = "example.org";
	char *zones[] = { zone_0, zone_1, zone_2 };
	char *turned[] = { zone_2, zone_1, zone_0 };
	const struct covers_row *row = *state;
	struct conf_output o = { .type = CONF_RFC2136, .zones = zones, .n_zones = 3 };
	unsigned zone = 77;

	assert_int_equal(conf_output_covers(&o, row->name, &zone), row->zone >= 0);
	assert_int_equal(zone, row->zone >= 0 ? row->zone : 77);
	o.zones = turned;
	zone = 75;
	assert_int_equal(conf_output_covers(&o, row->name, &zone), row->zone >= 0);
	assert_int_equal(zone, row->zone >= 0 ? 2 - row->zone : 75);
	o.n_zones = 0;
	assert_false(conf_output_covers(&o, row->name, &zone));
	o.type = CONF_HOSTS;
	assert_int_equal(conf_output_covers(&o, row->name, &zone), *row->name != '*');
	o.type = CONF_TINYDNS;
	assert_true(conf_output_covers(&o, row->name, &zone));
	o.type = CONF_ZONEFILE;
	assert_true(conf_output_covers(&o, row->name, &zone));
	o.n_zones = 3;
	assert_int_equal(conf_output_covers(&o, row->name, &zone), row->zone >= 0);
}

static void check_http(void **state)
{
	static const char first[] = "[dns-updater]\npathpattern = /home/%u/f /var/%u\n"
				    "datafile = /d\n[users]\n"
				    "john = a.example.com b.example.com\n[http]\n";
	const struct http_row *row = *state;
	struct buf text = { 0 }, mistakes = { 0 }, shown = { 0 };
	struct conf c;
	char *copy;
	int r;

	buf_adds(&text, first);
	buf_adds(&text, row->name);
	copy = exact(text.data, text.len);
	assert_int_equal(conf_init(&c), 0);
	r = conf_parse(&c, "c", copy, text.len, gather, &mistakes);
	if (!r)
		r = conf_finish(&c, "c", gather, &mistakes);
	assert_string_equal(buf_str(&mistakes), row->mistakes ? row->mistakes :
						row->want     ? "" :
								"c:7 ");
	assert_int_equal(r, row->want ? 0 : CONF_E_MISTAKES);
	assert_true(c.http.is_set);
	show_http(&shown, &c);
	if (row->want && !strstr(buf_str(&shown), row->want))
		fail_msg("%s is not in %s", row->want, buf_str(&shown));
	conf_deinit(&c);
	buf_deinit(&text);
	buf_deinit(&mistakes);
	buf_deinit(&shown);
	free(copy);
}

static void http_is_optional(void **state)
{
	static const char text[] = FIRST "[users]\njohn = a.example.com\n";
	struct buf mistakes = { 0 };
	struct conf c;

	(void)state;
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(conf_parse(&c, "f", text, sizeof(text) - 1, gather, &mistakes), 0);
	assert_int_equal(conf_finish(&c, "f", gather, &mistakes), 0);
	assert_false(c.http.is_set);
	assert_null(conf_interface_id(&c, 0));
	conf_deinit(&c);
}

static void plain_by_address(void **state)
{
	const struct ip local = { 4, { 127, 0, 0, 1 } }, other = { 4, { 192, 0, 2, 1 } };
	struct conf c;

	(void)state;
	assert_int_equal(conf_init(&c), 0);
	assert_int_equal(conf_plain_at(&c, &local), CONF_PLAIN_ALLOW);
	assert_int_equal(conf_plain_at(&c, &other), CONF_PLAIN_REFUSE);
	c.http.plain = CONF_PLAIN_ALLOW;
	assert_int_equal(conf_plain_at(&c, &other), CONF_PLAIN_ALLOW);
	c.http.plain = CONF_PLAIN_REFUSE;
	assert_int_equal(conf_plain_at(&c, &local), CONF_PLAIN_REFUSE);
	conf_deinit(&c);
}

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
	assert_int_equal(c.datafile.file_line, 0);
	assert_int_equal(conf_parse(&c, "f", text, sizeof(text) - 1, gather, &mistakes), 0);
	assert_int_equal(c.pathpattern_line, 2);
	assert_int_equal(c.datafile.file_line, 3);
	assert_int_equal(c.datafile.command_line, 4);
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
		cmocka_unit_test(http_is_optional),
		cmocka_unit_test(plain_by_address),
	};
	int failed = cmocka_run_group_tests(conf, NULL, NULL);

	failed += ROWS_RUN(values, check_value);
	failed += ROWS_RUN(texts, check_text);
	failed += ROWS_RUN(https, check_http);
	failed += ROWS_RUN(outputs, check_output);
	failed += ROWS_RUN(covered, check_covers);
	return failed != 0;
}
