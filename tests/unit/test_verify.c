/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What is said of names whose server answers this or that. The server is in the test itself: plain sockets
 * that are looked after between two turns of the loop, and answers that each test chooses. */

#include "daemon/verify.h"

#include "base/buf.h"
#include "base/log.h"
#include "core/message.h"

#include "ips.h"
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <uv.h>

enum { TURNS_MAX = 100000, TURN_MS = 5000, NAMES_MAX = 100, NAME_NUMBER = 7 };

#define NAME "john.dyn.example.com"

/* --- the log --- */

static struct buf said;

/* In place of the one of base/log.c. Numbers that differ from run to run become N. */
void log_write(int priority, const char *format, ...)
{
	struct buf line = { 0 };
	va_list ap;

	buf_adds(&said, priority == LOG_ERR ? "error: " : "");
	va_start(ap, format);
	buf_vprintf(&line, format, ap);
	va_end(ap);
	for (const char *at = buf_str(&line); *at; at++) {
		bool is_time = !strncmp(at, ", after ", 8) && strstr(at, "ms");

		buf_add(&said, at, 1);
		if (is_time) {
			buf_adds(&said, " after N ms");
			break;
		}
	}
	buf_adds(&said, "\n");
	buf_deinit(&line);
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *at = buf_str(&said); (at = strstr(at, what)); at++) {
		n++;
	}
	return n;
}

/* --- the server --- */

struct reply {
	bool silent, truncated, no_authority, garbage;
	unsigned rcode;
	const char *ips[80]; /* of either family; those of the question's are sent */
};

/* What is answered to the n-th question of its kind, from 1 on. */
static const struct reply *(*answers)(bool v6, bool tcp, unsigned n);
static unsigned n_asked[2][2]; /* v6, tcp */
static char last_name[NAME_SIZE];
static bool closes; /* each connection after an answer */

static uv_loop_t loop;
static int udp = -1, listener = -1, peer = -1;
static struct conf_output output;

static size_t name_size(const uint8_t *at)
{
	size_t n = 0;

	last_name[0] = '\0';
	while (at[n]) {
		(void)snprintf(last_name +
				       strlen(last_name), /* names are as long as they may be */
			       sizeof(last_name) - strlen(last_name), "%s%.*s", n ? "." : "",
			       (int)at[n], (const char *)at + n + 1);
		n += 1 + at[n];
	}
	return n + 1;
}

static bool add_ip(struct buf *b, bool v6, const char *text)
{
	uint8_t record[12] = { 0xc0, 12, 0, v6 ? 28 : 1, 0, 1, 0, 0, 0, 60, 0, v6 ? 16 : 4 };
	uint8_t ip[16];

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, ip) != 1) {
		return false;
	}
	buf_add(b, record, sizeof(record));
	buf_add(b, ip, v6 ? 16 : 4);
	return true;
}

/* The answer to the n bytes at question; nothing: there is none. */
static void reply_to(struct buf *b, const uint8_t *question, size_t n, bool tcp)
{
	size_t n_name = name_size(question + 12);
	bool v6 = question[12 + n_name + 1] == 28;
	const struct reply *r = answers(v6, tcp, ++n_asked[v6][tcp]);
	uint8_t n_records = 0;

	assert_int_equal(n, 12 + n_name + 4);
	if (r->silent) {
		return;
	}
	buf_add(b, question, n);
	for (size_t i = 0; i < N_OF(r->ips) && r->ips[i]; i++) {
		n_records += add_ip(b, v6, r->ips[i]);
	}
	b->data[2] = (char)(0x80 | (r->no_authority ? 0 : 4) | (r->truncated ? 2 : 0));
	b->data[3] = (char)r->rcode;
	b->data[7] = (char)n_records;
	if (r->garbage) {
		buf_adds(b, "and more");
	}
}

static void serve_udp(void)
{
	uint8_t question[512];
	struct sockaddr_in from;
	socklen_t n_from = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(udp, question, sizeof(question), 0, (struct sockaddr *)&from,
			     &n_from)) > 0) {
		struct buf b = { 0 };

		reply_to(&b, question, (size_t)n, false);
		if (b.len) {
			/* Who asked may be gone. */
			(void)sendto(udp, b.data, b.len, 0, (struct sockaddr *)&from, n_from);
		}
		buf_deinit(&b);
	}
}

static void hang_up(void)
{
	if (peer >= 0) {
		assert_int_equal(close(peer), 0);
	}
	peer = -1;
}

/* Questions come whole: they are short, and written at once. */
static void serve_tcp(void)
{
	uint8_t bytes[4096];
	ssize_t n;

	if (peer < 0) {
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	n = peer < 0 ? -1 : recv(peer, bytes, sizeof(bytes), 0);
	if (!n) {
		hang_up();
	}
	for (ssize_t at = 0; at + 2 < n;) {
		size_t size = (size_t)bytes[at] << 8 | bytes[at + 1];
		struct buf b = { 0 };
		uint8_t length[2];

		reply_to(&b, bytes + at + 2, size, true);
		length[0] = (uint8_t)(b.len >> 8);
		length[1] = (uint8_t)b.len;
		if (b.len) { /* what asks may be gone */
			(void)send(peer, length, 2, MSG_NOSIGNAL);
			(void)send(peer, b.data, b.len, MSG_NOSIGNAL);
		}
		buf_deinit(&b);
		at += 2 + (ssize_t)size;
		if (closes) {
			hang_up();
			break;
		}
	}
}

/* --- the loop --- */

static struct verify *v;

/* What became of the names. */
enum { VERIFY_YES, VERIFY_NO };

static struct {
	unsigned n, n_of[VERIFY_NO + 1], n_left_out;
	uint32_t last;
	char why[512];
} done;

static bool frees, asks_again, changes;
static bool asking;

static void publish_name(uint32_t number, const char *name, const char *set, const char *was)
{
	struct ip_set *s = set_of(set), *w = set_of(was);
	int r;

	asking = true;
	r = verify_name(v, number, name, s, w);
	assert_true(r == 0 || r == VERIFY_E_MANY);
	done.n_left_out += r == VERIFY_E_MANY;
	asking = false;
	ip_set_free(s);
	ip_set_free(w);
}

static void publish(const char *set, const char *was)
{
	publish_name(NAME_NUMBER, NAME, set, was);
}

static bool on_changes(void *arg, uint32_t number)
{
	(void)number;
	assert_ptr_equal(arg, &done);
	return changes;
}

static void on_done(void *arg, uint32_t number, const char *why)
{
	assert_ptr_equal(arg, &done);
	assert_false(asking);
	assert_non_null(v);
	done.n++;
	done.n_of[why ? VERIFY_NO : VERIFY_YES]++;
	done.last = number;
	(void)snprintf(done.why, sizeof(done.why), "%s", why ? why : ""); /* long enough */
	if (asks_again) {
		asks_again = false;
		publish("1.2.3.4", "");
	}
	if (frees) {
		v = verify_free(v);
	}
}

static void turn(void)
{
	struct pollfd fds[] = { { uv_backend_fd(&loop), POLLIN, 0 },
				{ udp, POLLIN, 0 },
				{ peer >= 0 ? peer : listener, POLLIN, 0 } };
	int timeout = uv_backend_timeout(&loop);

	/* Nothing, but a timer, may be what happens. */
	(void)poll(fds, N_OF(fds), timeout < 0 ? TURN_MS : timeout);
	serve_udp();
	serve_tcp();
	(void)uv_run(&loop, UV_RUN_NOWAIT); /* whether there are handles does not matter */
}

#define UNTIL(condition)                                    \
	do {                                                \
		for (unsigned n_ = 0; !(condition); n_++) { \
			assert_true(n_ < TURNS_MAX);        \
			turn();                             \
		}                                           \
	} while (0)

static void open_server(void)
{
	output = (struct conf_output){
		.name = "zone",
		.type = CONF_ZONEFILE,
		.file = "/etc/zones/dyn",
		.command = "reload",
		.n_verify = 1,
		.verify = { { .ip = { .n = 4, .bytes = { 127, 0, 0, 1 } },
			      .port = server_open(&udp, &listener) } },
		.verify_timeout_ms = 60000, /* longer than any test takes */
	};
}

static void close_server(void)
{
	hang_up();
	assert_int_equal(close(udp), 0);
	assert_int_equal(close(listener), 0);
	udp = listener = -1;
}

static int setup(void **state)
{
	const struct verify_handlers h = { on_done, on_changes, &done };

	(void)state;
	memset(&done, 0, sizeof(done));
	memset(n_asked, 0, sizeof(n_asked));
	frees = asks_again = changes = closes = false;
	open_server();
	return uv_loop_init(&loop) || verify_new(&loop, &output, &h, &v);
}

static int teardown(void **state)
{
	(void)state;
	v = verify_free(v);
	close_server();
	buf_deinit(&said);
	(void)uv_run(&loop,
		     UV_RUN_DEFAULT); /* until all are closed, which uv_loop_close tells */
	return uv_loop_close(&loop);
}

/* The log is this, with @ for the server. */
static void expect(const char *format)
{
	char wanted[2048], server[32], *to = wanted;

	(void)snprintf(server, sizeof(server), "127.0.0.1:%u", output.verify[0].port);
	for (const char *at = format; *at; at++) {
		if (*at == '@') {
			to += snprintf(to, 32, "%s", server);
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
	assert_string_equal(buf_str(&said), wanted);
}

/* The time limit passes at once, but not before there was an answer or a failure. */
static void wait_for_limit(unsigned n_rounds)
{
	UNTIL(n_asked[0][0] + n_asked[1][0] >= n_rounds);
	turn();
	turn();
	output.verify_timeout_ms = 1;
	UNTIL(done.n);
	for (char *at = buf_str(&said) ? said.data : NULL; (at = strstr(at, " ms after"));) {
		char *from = at;

		while (from[-1] >= '0' && from[-1] <= '9') {
			from--;
		}
		*from = 'N';
		memmove(from + 1, at, strlen(at) + 1);
		at = from + 3;
	}
	said.len = strlen(said.data);
}

/* --- right answers --- */

static const struct reply old = { .ips = { "1.2.3.3" } }, new = { .ips = { "1.2.3.4" } },
			  none = { 0 }, silent = { .silent = true };

static const struct reply *old_then_new(bool v6, bool tcp, unsigned n)
{
	(void)v6;
	(void)tcp;
	return n < 3 ? &old : &new;
}

static void test_old_then_new(void **state)
{
	(void)state;
	answers = old_then_new;
	publish("1.2.3.4", "1.2.3.3");
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
	assert_int_equal(done.last, NAME_NUMBER);
	assert_true(n_asked[0][0] >= 3);
	assert_int_equal(n_asked[1][0], 0); /* the other family is none of ours */
	expect("john.dyn.example.com is 1.2.3.4 at @, after N ms\n");
}

static const struct reply *both(bool v6, bool tcp, unsigned n)
{
	static const struct reply r = { .ips = { "192.0.2.1", "1.2.3.4", "2001:db8::7",
						 "2001:db8::1" } };

	(void)v6;
	(void)tcp;
	return n < 2 ? &silent : &r;
}

/* Addresses of the administrator's stand beside; the first questions got lost. */
static void test_beside(void **state)
{
	(void)state;
	answers = both;
	publish("2001:db8::7 1.2.3.4", "1.2.3.3");
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
	expect("john.dyn.example.com is 1.2.3.4, 2001:db8::7 at @, after N ms\n");
}

static const struct reply *old_then_none(bool v6, bool tcp, unsigned n)
{
	static const struct reply gone = { .rcode = MESSAGE_NXDOMAIN };

	(void)v6;
	(void)tcp;
	return n < 3 ? &old : &gone;
}

static void test_withdrawn(void **state)
{
	(void)state;
	answers = old_then_none;
	publish("", "1.2.3.3");
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
	assert_true(n_asked[0][0] >= 3);
	expect("john.dyn.example.com has no address of ours at @, after N ms\n");
}

static const struct reply *always_new(bool v6, bool tcp, unsigned n)
{
	(void)v6;
	(void)tcp;
	(void)n;
	return &new;
}

static const struct reply *always_old(bool v6, bool tcp, unsigned n)
{
	(void)v6;
	(void)tcp;
	(void)n;
	return &old;
}

static const struct reply *always_none(bool v6, bool tcp, unsigned n)
{
	(void)v6;
	(void)tcp;
	(void)n;
	return &none;
}

static const struct reply *always_silent(bool v6, bool tcp, unsigned n)
{
	(void)v6;
	(void)tcp;
	(void)n;
	return &silent;
}

static void test_never_had_any(void **state)
{
	(void)state;
	answers = always_none;
	publish("", "");
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
	assert_true(n_asked[0][0] && n_asked[1][0]);
}

static void test_wildcard(void **state)
{
	(void)state;
	answers = always_new;
	publish_name(1, "*.home.example.com", "1.2.3.4", "");
	UNTIL(done.n);
	assert_string_equal(last_name, "*.home.example.com");
	expect("*.home.example.com is 1.2.3.4 at @, after N ms\n");
}

static const struct reply *too_long(bool v6, bool tcp, unsigned n)
{
	static const struct reply truncated = { .truncated = true };

	(void)v6;
	return !tcp ? &truncated : n < 3 ? &old : &new;
}

static void test_truncated(void **state)
{
	(void)state;
	answers = too_long;
	publish("1.2.3.4", "1.2.3.3");
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
	assert_int_equal(n_asked[0][1], 3);
	expect("john.dyn.example.com is 1.2.3.4 at @, after N ms\n");
}

/* As it may, for the answer was all that was asked. */
static void test_server_closes(void **state)
{
	(void)state;
	closes = true;
	test_truncated(state);
}

static const struct reply *garbage_first(bool v6, bool tcp, unsigned n)
{
	static const struct reply garbage = { .garbage = true, .ips = { "1.2.3.4" } };

	(void)v6;
	(void)tcp;
	return n < 3 ? &garbage : &new;
}

static void test_garbage_first(void **state)
{
	(void)state;
	answers = garbage_first;
	publish("1.2.3.4", "");
	UNTIL(done.n);
	assert_true(n_asked[0][0] >= 3);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
}

/* The new set is what counts, and what was before the old one must have gone, too. */
static void test_anew(void **state)
{
	(void)state;
	answers = always_old;
	publish("1.2.3.4", "1.2.3.3");
	UNTIL(n_asked[0][0]);
	publish("1.2.3.5", "1.2.3.4");
	publish("", "1.2.3.5");
	UNTIL(n_asked[0][0] > 4);
	assert_int_equal(done.n, 0);
	answers = always_none;
	UNTIL(done.n);
	expect("john.dyn.example.com has no address of ours at @, after N ms\n");
}

/* --- wrong ones --- */

static const struct reply *half(bool v6, bool tcp, unsigned n)
{
	static const struct reply r = { .ips = { "1.2.3.4", "2001:db8::6" } };

	(void)v6;
	(void)tcp;
	(void)n;
	return &r;
}

static const struct reply *other(bool v6, bool tcp, unsigned n)
{
	static const struct reply r = { .ips = { "9.9.9.1", "9.9.9.2", "9.9.9.3", "9.9.9.4",
						 "9.9.9.5", "9.9.9.6", "9.9.9.7", "9.9.9.8",
						 "9.9.9.9" } };

	(void)v6;
	(void)tcp;
	(void)n;
	return &r;
}

static const struct reply *always_refused(bool v6, bool tcp, unsigned n)
{
	static const struct reply r = { .rcode = MESSAGE_REFUSED };

	(void)v6;
	(void)tcp;
	(void)n;
	return &r;
}

static const struct reply *never_authoritative(bool v6, bool tcp, unsigned n)
{
	static const struct reply r = { .no_authority = true, .ips = { "1.2.3.4" } };

	(void)v6;
	(void)tcp;
	(void)n;
	return &r;
}

static const struct reply *always_garbage(bool v6, bool tcp, unsigned n)
{
	static const struct reply r = { .garbage = true };

	(void)v6;
	(void)tcp;
	(void)n;
	return &r;
}

static const struct reply *not_by_tcp(bool v6, bool tcp, unsigned n)
{
	static const struct reply truncated = { .truncated = true };

	(void)v6;
	(void)n;
	return tcp ? &silent : &truncated;
}

struct wrong {
	const char *name;
	const struct reply *(*answers)(bool v6, bool tcp, unsigned n);
	enum conf_output_type type;
	const char *file, *command, *set, *was, *said;
};

static const struct wrong wrongs[] = {
	{ "old, tinydns", always_old, CONF_TINYDNS, "/etc/tinydns/root/data", "make", "1.2.3.4",
	  "1.2.3.3",
	  NAME
	  " is still 1.2.3.3 at @, N ms after it was published as 1.2.3.4: is "
	  "'/etc/tinydns/root' the directory that tinydns serves, and does the command make its "
	  "database?" },
	{ "old, tinydns without a command", always_old, CONF_TINYDNS, "/data", NULL, "1.2.3.4",
	  "1.2.3.3",
	  NAME
	  " is still 1.2.3.3 at @, N ms after it was published as 1.2.3.4: is '/' the "
	  "directory that tinydns serves, and what makes, without a command, its database?" },
	{ "old, zonefile", always_old, CONF_ZONEFILE, "/etc/zones/dyn", "reload", "1.2.3.4",
	  "1.2.3.3",
	  NAME
	  " is still 1.2.3.3 at @, N ms after it was published as 1.2.3.4: did the command "
	  "reload that zone, and is '/etc/zones/dyn' the file that it is read from?" },
	{ "none, hosts", always_none, CONF_HOSTS, "/etc/hosts.dyn", "reload", "1.2.3.4",
	  "1.2.3.3",
	  NAME
	  " has no address at @, N ms after it was published as 1.2.3.4: did the command make "
	  "the server read its hosts anew, and is '/etc/hosts.dyn' the file that they are read "
	  "from?" },
	{ "old, rfc2136", always_old, CONF_RFC2136, NULL, NULL, "1.2.3.4", "1.2.3.3",
	  NAME
	  " is still 1.2.3.3 at @, N ms after it was published as 1.2.3.4: it answered the "
	  "update with success but serves something else: is @ the server that is updated, or "
	  "a secondary that lags?" },
	{ "still there", always_old, CONF_NO_TYPE, NULL, NULL, "", "1.2.3.3",
	  NAME " is still 1.2.3.3 at @, N ms after it was withdrawn" },
	{ "one family of two", half, CONF_NO_TYPE, NULL, NULL, "1.2.3.4 2001:db8::7", "",
	  NAME " is 1.2.3.4, 2001:db8::6 at @, N ms after it was published as 1.2.3.4, "
	       "2001:db8::7" },
	{ "somebody else's", other, CONF_NO_TYPE, NULL, NULL, "1.2.3.4", "1.2.3.3",
	  NAME
	  " is 9.9.9.1, 9.9.9.2, 9.9.9.3, 9.9.9.4, 9.9.9.5, 9.9.9.6, 9.9.9.7, 9.9.9.8 and 1 "
	  "more at @, N ms after it was published as 1.2.3.4" },
	{ "refused, hosts", always_refused, CONF_HOSTS, "/etc/hosts.dyn", "reload", "1.2.3.4",
	  "",
	  "@ answers for " NAME
	  " with REFUSED, N ms after it was published as 1.2.3.4: did the "
	  "command make the server read its hosts anew, and is '/etc/hosts.dyn' the file that they "
	  "are read from?" },
	{ "silence", always_silent, CONF_ZONEFILE, "f", NULL, "1.2.3.4", "",
	  "@ does not answer for " NAME ", N ms after it was published as 1.2.3.4: does a name "
	  "server listen there, and may we reach it?" },
	{ "silence of tinydns", always_silent, CONF_TINYDNS, "/d/data", NULL, "1.2.3.4", "",
	  "@ does not answer for " NAME ", N ms after it was published as 1.2.3.4: does tinydns "
	  "listen there, may we reach it, and has it a zone for this name?" },
	{ "refused", always_refused, CONF_ZONEFILE, "f", NULL, "1.2.3.4", "",
	  "@ answers for " NAME
	  " with REFUSED, N ms after it was published as 1.2.3.4: does it "
	  "serve that zone, and to us?" },
	{ "no authority", never_authoritative, CONF_ZONEFILE, "f", NULL, "1.2.3.4", "",
	  "@ answers for " NAME
	  " without authority, N ms after it was published as 1.2.3.4: does it "
	  "serve that zone, or only look up what others serve?" },
	{ "garbage", always_garbage, CONF_ZONEFILE, "f", NULL, "1.2.3.4", "",
	  "@ answers for " NAME " with what is no DNS message, N ms after it was published as "
	  "1.2.3.4: does a name server listen there, and may we reach it?" },
	{ "not by TCP", not_by_tcp, CONF_ZONEFILE, "f", NULL, "1.2.3.4", "",
	  "@ answers for " NAME
	  " with more than fits into UDP, and not at all by TCP, N ms after it "
	  "was published as 1.2.3.4: does it listen there for TCP, too?" },
};

static void check_wrong(void **state)
{
	const struct wrong *row = *state;
	char line[1024];

	assert_int_equal(setup(NULL), 0);
	output.type = row->type;
	output.file = (char *)row->file; /* which is only read */
	output.command = (char *)row->command;
	answers = row->answers;
	publish(row->set, row->was);
	wait_for_limit(row->answers == not_by_tcp ? 1 : 2);
	assert_int_equal(done.n, 1);
	assert_int_equal(done.n_of[VERIFY_NO], 1);
	assert_true(strlen(done.why) > 40);
	(void)snprintf(line, sizeof(line), "error: %s\n", row->said); /* they are shorter */
	expect(line);
	assert_int_equal(teardown(NULL), 0);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	answers = always_new;
	server_refuse_udp(udp);
	publish("1.2.3.4", "");
	turn();
	turn();
	output.verify_timeout_ms = 1;
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_NO], 1);
	assert_int_equal(count(" for " NAME ": Connection refused, "), 1);
}

/* Resolvers that have nothing themselves say so in many ways. */
static void test_hosts(void **state)
{
	(void)state;
	output.type = CONF_HOSTS;
	answers = never_authoritative;
	publish("1.2.3.4", "");
	UNTIL(done.n == 1);
	answers = always_refused;
	publish("", "1.2.3.4");
	UNTIL(done.n == 2);
	assert_int_equal(done.n_of[VERIFY_YES], 2);
}

/* The second server is not there; the first is right. Then the cause was said, and is not again. */
static void test_two_servers(void **state)
{
	(void)state;
	output.verify[1] = output.verify[0];
	output.verify[1].ip.bytes[3] = 2; /* nothing listens at this one of the loopback's */
	output.n_verify = 2;
	answers = always_new;
	for (unsigned i = 1; i <= 2; i++) {
		output.verify_timeout_ms = 60000;
		publish("1.2.3.4", "");
		UNTIL(count(", after N ms\n") == i);
		assert_int_equal(done.n, i - 1);
		output.verify_timeout_ms = 1;
		UNTIL(done.n == i);
		assert_int_equal(done.n_of[VERIFY_NO], i);
		assert_int_equal(count("error: "), i);
		assert_int_equal(count("does a name server listen there"), 1);
		assert_non_null(strstr(done.why, "does a name server listen there"));
	}
}

static void test_right_again(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		answers = always_old;
		publish("1.2.3.4", "1.2.3.3");
		wait_for_limit(1);
		assert_int_equal(count("did the command reload"), i);
		answers = always_new;
		output.verify_timeout_ms = 60000;
		publish("1.2.3.4", "1.2.3.3");
		UNTIL(done.n_of[VERIFY_YES] == i);
		done.n = 0;
	}
}

/* --- many --- */

static void publish_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "n%u.example.com", i); /* short */
		publish_name(100 + i, name, "1.2.3.4", "1.2.3.3");
	}
}

static void test_many(void **state)
{
	(void)state;
	answers = old_then_new;
	publish_many(NAMES_MAX);
	assert_int_equal(done.n, 0);
	assert_true(done.n_left_out >= NAMES_MAX / 2);
	UNTIL(done.n + done.n_left_out == NAMES_MAX);
	assert_true(done.n_of[VERIFY_YES] >= 16);
	assert_int_equal(count(" is 1.2.3.4 at "), done.n_of[VERIFY_YES]);
	publish_many(1);
	UNTIL(done.n + done.n_left_out == NAMES_MAX + 1);
}

static void test_many_wrong(void **state)
{
	(void)state;
	answers = always_old;
	publish_many(20);
	UNTIL(n_asked[0][0] > 40);
	output.verify_timeout_ms = 1;
	UNTIL(done.n == 20);
	assert_int_equal(done.n_of[VERIFY_NO], 20);
	assert_int_equal(count("error: "), 10);
	assert_int_equal(count("did the command reload"), 1);
}

/* --- the end, at any time --- */

static void test_free_asking(void **state)
{
	unsigned n;

	(void)state;
	answers = too_long;
	publish_many(NAMES_MAX);
	UNTIL(n_asked[0][1]);
	n = done.n;
	v = verify_free(v);
	turn();
	turn();
	assert_int_equal(done.n, n);
}

/* From within a handler, which here is called for a name that is right, or for one that is not. */
static void test_free_yes(void **state)
{
	(void)state;
	answers = too_long;
	frees = true;
	publish_many(10);
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_YES], 1);
	turn();
	assert_int_equal(done.n, 1);
}

static void test_free_no(void **state)
{
	(void)state;
	answers = always_old;
	frees = true;
	output.verify_timeout_ms = 1;
	publish_many(10);
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_NO], 1);
	turn();
	assert_int_equal(done.n, 1);
}

/* Something newer is on its way: nobody complains, and nobody asks until it is there or will not come. */
static void test_changes(void **state)
{
	unsigned n;

	(void)state;
	answers = always_old;
	changes = true;
	publish("1.2.3.4", "1.2.3.3");
	UNTIL(n_asked[0][0]);
	output.verify_timeout_ms = 1;
	for (int i = 0; i < 10; i++) {
		turn();
	}
	n = n_asked[0][0];
	turn();
	turn();
	assert_int_equal(n_asked[0][0], n);
	assert_int_equal(done.n, 0);
	changes = false;
	UNTIL(done.n);
	assert_int_equal(done.n_of[VERIFY_NO], 1);
}

/* Whoever is told may ask at once. */
static void test_ask_when_done(void **state)
{
	(void)state;
	answers = always_new;
	asks_again = true;
	publish("1.2.3.4", "1.2.3.3");
	UNTIL(done.n == 2);
	assert_int_equal(done.n_of[VERIFY_YES], 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_old_then_new),   TEST(test_beside),	      TEST(test_withdrawn),
		TEST(test_never_had_any),  TEST(test_wildcard),	      TEST(test_truncated),
		TEST(test_server_closes),  TEST(test_garbage_first),  TEST(test_anew),
		TEST(test_nobody_listens), TEST(test_hosts),	      TEST(test_two_servers),
		TEST(test_right_again),	   TEST(test_many),	      TEST(test_many_wrong),
		TEST(test_free_asking),	   TEST(test_free_yes),	      TEST(test_free_no),
		TEST(test_changes),
		TEST(test_ask_when_done),
	};
	int failed;

	(void)signal(SIGPIPE, SIG_IGN); /* as both programs do */
	failed = ROWS_RUN(wrongs, check_wrong);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
