/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The exact bytes that clients compare. */

#include "exchange.h"

#define U "/nic/update?"
#define H1 U "hostname=host1.dyn.example&"
#define H12 U "hostname=host1.dyn.example,host2.dyn.example&"
#define V6 "2001:db8:ffff:12::a"
#define D1 "/nic/dyndns?hostname=YES&host_id="
#define DYNV6 "/api/update?token=T&hostname=host1.dyn.example"
#define PAGE(title, code)                                            \
	"<HTML><HEAD><TITLE>Update " title "</TITLE></HEAD><BODY>\n" \
	"return code: " code "\nerror code: " code "\n</BODY></HTML>"

static const struct exchange_row rows[] = {
	/* dyndns2 */
	{ "good", H1 "myip=192.0.2.10", "good 192.0.2.10" },
	{ "nochg", H1 "myip=198.51.100.1", "nochg 198.51.100.1" },
	{ "only the family that was sent", H1 "myip=2001:DB8::0010", "good 2001:db8::10" },
	{ "v4 first", H1 "myip=2001:db8::10,192.0.2.10", "good 192.0.2.10,2001:db8::10" },
	{ "No-IP", H1 "myipv6=2001:db8::10&myip=192.0.2.10", "good 192.0.2.10,2001:db8::10" },
	{ "several", H1 "myip=192.0.2.11,192.0.2.10", "good 192.0.2.11,192.0.2.10" },
	{ "peer", H1, "good 192.0.2.99" },
	{ "a prefix", H1 "myip=192.0.2.10,2001:db8:abcd:1200::/56",
	  "good 192.0.2.10,2001:db8:abcd:1212::a" },
	{ "a line for each host", H12 "myip=192.0.2.10", "good 192.0.2.10\ngood 192.0.2.10" },
	{ "in the order of the request",
	  U "hostname=host2.dyn.example,x.test,y,host1.dyn.example&myip=198.51.100.2",
	  "nochg 198.51.100.2\nnohost\nnotfqdn\ngood 198.51.100.2" },
	{ "removed", H1 "offline=YES", "good" },
	{ "removed, nothing there", U "offline=YES", "nochg", .user = "solo" },
	{ "preserve", H1 "myip=preserve", "nochg" },
	{ "a dummy", H1 "myip=127.0.0.1", "good 127.0.0.1" },
	{ "a dummy of v6", H1 "myip=127.0.0.1&myipv6=::1", "good 127.0.0.1,::1" },
	{ "dnserr", H1 "myip=<ipaddr>", "dnserr" },
	{ "nohost", U "hostname=solo.dyn.example", "nohost" },
	{ "notfqdn", U "myip=192.0.2.10", "notfqdn" },
	{ "verbose is not for this one", H1 "myip=192.0.2.10&verbose=true", "good 192.0.2.10" },

	/* deletions */
	{ "deleted", "/nic/delete?hostname=host1.dyn.example", "deleted A" },
	{ "deleted, v6", "/nic/delete?hostname=host1.dyn.example&myip=::1", "deleted AAAA" },
	{ "deleted, both", "/nic/delete?hostname=host1.dyn.example&offline=YES",
	  "deleted A AAAA" },
	{ "deleted, and not his", "/nic/delete?hostname=host1.dyn.example,x.test",
	  "deleted A\nnohost" },

	/* dyndns1 */
	{ "dyndns1", D1 "host1.dyn.example&myip=192.0.2.10", PAGE("Complete", "NOERROR") },
	{ "dyndns1, no change", D1 "host1.dyn.example&myip=198.51.100.1",
	  PAGE("Complete", "NOERROR") },
	{ "dyndns1, not his", D1 "x.test&myip=192.0.2.10", PAGE("Failed", "ERROR") },
	{ "dyndns1, one is not his", D1 "host1.dyn.example,x.test&myip=192.0.2.10",
	  PAGE("Failed", "ERROR") },

	/* DuckDNS */
	{ "OK", "/update?domains=host1&token=T&ip=192.0.2.10", "OK" },
	{ "OK, no change", "/update?domains=host1&token=T&ip=198.51.100.1", "OK" },
	{ "KO", "/update?domains=host3&token=T&ip=192.0.2.10", "KO" },
	{ "KO of two", "/update?domains=host1,host3&token=T&ip=192.0.2.10", "KO" },
	{ "verbose", "/update?domains=host1&token=T&ip=192.0.2.10&verbose=true",
	  "OK\n192.0.2.10\n" V6 "\nUPDATED" },
	{ "verbose, no change", "/update?domains=host1&token=T&ip=198.51.100.1&verbose=true",
	  "OK\n198.51.100.1\n" V6 "\nNOCHANGE" },
	{ "verbose, only v4", "/update?domains=host2&token=T&ip=192.0.2.10&verbose=true",
	  "OK\n192.0.2.10\n\nUPDATED" },
	{ "verbose, only v6", "/update?domains=solo&token=T&ipv6=2001:db8::10&verbose=true",
	  "OK\n\n2001:db8::10\nUPDATED", .user = "solo" },
	{ "verbose, cleared", "/update?domains=host1&token=T&clear=true&verbose=true",
	  "OK\n\n\nUPDATED" },
	{ "verbose, the first host",
	  "/update?domains=host2,host1&token=T&ip=198.51.100.2&verbose=true",
	  "OK\n198.51.100.2\n\nUPDATED" },
	{ "verbose, the first host of the last user",
	  "/update?domains=mail&token=T&ip=192.0.2.10&verbose=true",
	  "OK\n192.0.2.10\n\nUPDATED", .user = "dora" },
	{ "verbose, KO", "/update?domains=host3&token=T&ip=192.0.2.10&verbose=true", "KO" },

	/* dynv6 */
	{ "dynv6", DYNV6 "&ipv4=192.0.2.10", "addresses updated" },
	{ "dynv6, no change", DYNV6 "&ipv4=198.51.100.1", "addresses unchanged" },
	{ "dynv6, only another host's", DYNV6 "&ipv6=" V6 "&ipv6prefix=2001:db8:abcd::/64",
	  "addresses updated", .http = "interface_id = host2.dyn.example ::1\n" },
	{ "dynv6, a dummy", DYNV6 "&ipv4=127.0.0.1", "addresses unchanged" },
	{ "dynv6, not his", "/api/update?token=T&hostname=x.test&ipv4=192.0.2.10", "nohost" },
	{ "dynv6, dnserr", DYNV6 "&ipv4=x", "dnserr" },

	/* FreeDNS */
	{ "FreeDNS", "/u/T/?address=192.0.2.10", "Updated solo.dyn.example to 192.0.2.10",
	  .user = "solo" },
	{ "FreeDNS, no change", "/u/T/?address=198.51.100.9&hostname=www.one.example",
	  "No IP change detected for www.one.example with 198.51.100.9", .user = "dora" },
	{ "FreeDNS, all of them", "/dynamic/update.php?T&address=198.51.100.1",
	  "No IP change detected for host1.dyn.example with 198.51.100.1\n"
	  "Updated host2.dyn.example to 198.51.100.1" },
	{ "FreeDNS, both families", "/u/T/?myip=192.0.2.10,2001:db8::10",
	  "Updated solo.dyn.example to 192.0.2.10,2001:db8::10", .user = "solo" },
	{ "FreeDNS, not his", "/u/T/?hostname=x.test&address=192.0.2.10", "ERROR: nohost" },
	{ "FreeDNS, no address", "/u/T/?address=x", "ERROR: dnserr", .user = "solo" },
};

static void check_answer(void **state)
{
	const struct exchange_row *row = *state;
	struct answer a;
	struct exchange x;

	exchange_init(&x, row);
	answer_update(&x.request, &x.update, x.conf.users, &a);
	assert_int_equal(buf_error(&a.body), 0);
	assert_string_equal(buf_str(&a.body), row->want);
	assert_int_equal(strlen(row->want), a.body.len);
	assert_int_equal(a.status, 200);
	assert_false(a.challenge);
	assert_int_equal(a.retry_after_s, 0);
	buf_deinit(&a.body);
	exchange_deinit(&x);
}

static const struct fault_row {
	const char *name;
	const char *target;
	enum answer_fault fault;
	const char *body;
	unsigned status;
	bool challenge, retry;
} faults[] = {
	{ "badauth", U, ANSWER_BADAUTH, "badauth", 401, .challenge = true },
	{ "abuse", U, ANSWER_ABUSE, "abuse", 200 },
	{ "badagent", U, ANSWER_BADAGENT, "badagent", 200 },
	{ "numhost", U, ANSWER_NUMHOST, "numhost", 200 },
	{ "911", U, ANSWER_TROUBLE, "911", 503, .retry = true },
	{ "dyndns1: badauth", "/nic/dyndns", ANSWER_BADAUTH, "badauth", 401,
	  .challenge = true },
	{ "dynv6: badauth", DYNV6, ANSWER_BADAUTH, "badauth", 401, .challenge = true },
	{ "FreeDNS: badauth", "/u/T/", ANSWER_BADAUTH, "badauth", 401, .challenge = true },
	{ "DuckDNS: badauth", "/update?domains=x", ANSWER_BADAUTH, "KO", 200 },
	{ "DuckDNS: abuse", "/update?domains=x", ANSWER_ABUSE, "KO", 200 },
	{ "DuckDNS: numhost", "/update?domains=x", ANSWER_NUMHOST, "KO", 200 },
	{ "DuckDNS: 911", "/update?domains=x", ANSWER_TROUBLE, "911", 503, .retry = true },
};

static void check_fault(void **state)
{
	const struct fault_row *row = *state;
	struct request_input in = { .target = exchange_text(row->target) };
	struct request r;
	struct answer a;

	assert_int_equal(request_parse(&in, &r), 0);
	answer_fault(r.dialect, row->fault, &a);
	assert_string_equal(buf_str(&a.body), row->body);
	assert_int_equal(a.status, row->status);
	assert_int_equal(a.challenge, row->challenge);
	assert_int_equal(a.retry_after_s > 0, row->retry);
	buf_deinit(&a.body);
	request_deinit(&r);
}

int main(void)
{
	int failed = ROWS_RUN(rows, check_answer);

	failed += ROWS_RUN(faults, check_fault);
	return failed != 0;
}
