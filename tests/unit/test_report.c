/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Status as text and as JSON, and what those who wait are told. */

#include "daemon/report.h"
#include "ips.h"

#define T0 INT64_C(1767225600) /* 2026-01-01 00:00:00 UTC */

static struct conf_output zone = { .name = "knot",
				   .type = CONF_RFC2136,
				   .n_servers = 2,
				   .servers = { { { 4, { 192, 0, 2, 53 } }, 53 },
						{ { 16, { 0x20, 1, 0x0d, 0xb8, [15] = 7 } },
						  5353 } } };
static struct conf_output file = { .name = "tinydns", .type = CONF_TINYDNS, .file = "/data" };
static struct conf_output verified = { .name = "tinydns", .type = CONF_TINYDNS, .file = "/data",
				       .n_verify = 1 };

#define FILE_OUTPUT(...) { .is = &file, __VA_ARGS__ }
#define ZONE_OUTPUT(...) { .is = &zone, __VA_ARGS__ }

static const char *const names[] = { "a.example.com", "longer.example.com" };

/* --- a user --- */

static const struct user_row {
	const char *name;
	struct report_user u; /* without sets, names and outputs */
	const char *sets[2];
	size_t n_names;
	struct publish_state outputs[2];
	size_t n_outputs;
	const char *text, *json; /* NULL: not looked at */
	const char *judged;	 /* NULL: it is not known yet */
} users[] = {
	{ "all is well",
	  { .user = "john", .known = true, .since_s = T0, .file = "/home/john/f" },
	  { "192.0.2.1 2001:db8::1" },
	  1,
	  { { .is = &verified, .where = PUBLISH_DONE, .published_s = T0 + 1,
	      .verified_s = T0 - 1 } },
	  1,
	  "user john: 192.0.2.1, 2001:db8::1 since 2026-01-01 00:00:00 UTC, from /home/john/f\n"
	  "  a.example.com  192.0.2.1, 2001:db8::1\n"
	  "  tinydns        published 00:00:01 UTC, verified 2025-12-31 23:59:59 UTC\n",
	  "{\"user\": \"john\", \"known\": true, \"settling\": false, "
	  "\"since\": \"2026-01-01T00:00:00Z\", \"file\": \"/home/john/f\", \"refused\": null, "
	  "\"names\": [{\"name\": \"a.example.com\", \"addresses\": [\"192.0.2.1\", \"2001:db8::1\"]}], "
	  "\"outputs\": [{\"name\": \"tinydns\", \"type\": \"tinydns\", \"place\": \"/data\", "
	  "\"state\": \"published\", \"waiting\": 0, \"why\": null, \"verifies\": true, "
	  "\"published\": \"2026-01-01T00:00:01Z\", \"verified\": \"2025-12-31T23:59:59Z\", "
	  "\"failed\": null, \"last_error\": null}]}\n",
	  "published published: a.example.com is 192.0.2.1, 2001:db8::1" },
	{ "two names that differ",
	  { .user = "john", .known = true },
	  { "192.0.2.1", "" },
	  2,
	  { FILE_OUTPUT(.where = PUBLISH_DONE), ZONE_OUTPUT(.where = PUBLISH_NOT_HERE) },
	  2,
	  "user john: as follows\n"
	  "  a.example.com       192.0.2.1\n"
	  "  longer.example.com  none\n"
	  "  tinydns             published\n"
	  "  knot                has none of these names\n",
	  NULL,
	  "published published: a.example.com is 192.0.2.1; longer.example.com is none" },
	{ "one fails, one is done",
	  { .user = "john", .known = true },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_DONE),
	    ZONE_OUTPUT(.where = PUBLISH_FAILS, .why = "no answer", .n_waiting = 1) },
	  2,
	  "user john: 192.0.2.1\n"
	  "  a.example.com  192.0.2.1\n"
	  "  tinydns        published\n"
	  "  knot           fails: no answer; trying again; 1 name waits\n",
	  NULL,
	  "partly published at tinydns; failed at knot: no answer; the daemon goes on trying" },
	{ "one fails, the other has nothing of him",
	  { .user = "john", .known = true },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_NOT_HERE),
	    ZONE_OUTPUT(.where = PUBLISH_FAILS, .why = "no\nanswer", .n_waiting = 1) },
	  2,
	  NULL,
	  NULL,
	  "failed failed at knot: no\\x0aanswer; the daemon goes on trying" },
	{ "no output has his names",
	  { .user = "john", .known = true },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_NOT_HERE), ZONE_OUTPUT(.where = PUBLISH_NOT_HERE) },
	  2,
	  NULL,
	  NULL,
	  "failed failed: no output has these names" },
	{ "both fail",
	  { .user = "john", .known = true },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_FAILS, .why = "x"),
	    ZONE_OUTPUT(.where = PUBLISH_FAILS, .why = "y") },
	  2,
	  NULL,
	  NULL,
	  "failed failed at tinydns: x; at knot: y; the daemon goes on trying" },
	{ "one fails, one is under way",
	  { .user = "john", .known = true },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_WAITS, .n_waiting = 3),
	    ZONE_OUTPUT(.where = PUBLISH_FAILS, .why = "y") },
	  2,
	  "user john: 192.0.2.1\n"
	  "  a.example.com  192.0.2.1\n"
	  "  tinydns        under way; 3 names wait\n"
	  "  knot           fails: y; trying again\n",
	  NULL,
	  NULL },
	{ "being written",
	  { .user = "john", .known = true, .settling = true },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  1,
	  NULL,
	  NULL,
	  NULL },
	{ "refused",
	  { .user = "john", .known = true, .file = "/f", .refused = "/f, line 1: bad" },
	  { "192.0.2.1" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_WAITS) },
	  1,
	  "user john: 192.0.2.1\n"
	  "  refused: /f, line 1: bad; the last addresses stay\n"
	  "  a.example.com  192.0.2.1\n"
	  "  tinydns        under way\n",
	  NULL,
	  "refused refused: /f, line 1: bad; the last addresses stay: 192.0.2.1" },
	{ "refused, of several",
	  { .user = "john", .known = true, .refused = "bad" },
	  { "192.0.2.1", "" },
	  2,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  1,
	  NULL,
	  NULL,
	  "refused refused: bad; the last addresses stay" },
	{ "refused, the first",
	  { .user = "john", .refused = "bad" },
	  { "" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  1,
	  "user john: nothing is known yet\n"
	  "  refused: bad; there are no last addresses\n"
	  "  a.example.com  none\n"
	  "  tinydns        published\n",
	  NULL,
	  "refused refused: bad; there are no last addresses" },
	{ "nothing is known",
	  { .user = "john" },
	  { "" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  1,
	  "user john: nothing is known yet\n"
	  "  a.example.com  none\n"
	  "  tinydns        published\n",
	  NULL,
	  "published nothing is to be published: there is no address file, or nothing in it" },
	{ "nothing is known, and where it is looked for",
	  { .user = "jhon", .door = "/home/jhon/.dynamicdns", .n_doors = 1 },
	  { "" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  1,
	  "user jhon: nothing is known yet; looked for is /home/jhon/.dynamicdns\n"
	  "  a.example.com  none\n"
	  "  tinydns        published\n",
	  NULL,
	  "published nothing is to be published: there is no address file, or nothing in it; "
	  "looked for is /home/jhon/.dynamicdns" },
	{ "nothing is known, of several places",
	  { .user = "jhon", .door = "/home/jhon/.dynamicdns", .n_doors = 2 },
	  { "" },
	  1,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  1,
	  "user jhon: nothing is known yet; looked for is /home/jhon/.dynamicdns and others\n"
	  "  a.example.com  none\n"
	  "  tinydns        published\n",
	  NULL,
	  "published nothing is to be published: there is no address file, or nothing in it; "
	  "looked for is /home/jhon/.dynamicdns and others" },
	{ "bytes of all kinds",
	  { .user = "j\"\\\x01\x7f\xc3\xa9\xff\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\xc3" },
	  { "" },
	  0,
	  { FILE_OUTPUT(.where = PUBLISH_DONE) },
	  0,
	  "user j\"\\\\\\x01\\x7f\\xc3\\xa9\\xff\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80\\xed\\xa0\\x80\\xc0\\x80"
	  "\\xf4\\x90\\x80\\x80\\xc3: nothing is known yet\n",
	  "{\"user\": \"j\\\"\\\\\\u0001\\u007f\xc3\xa9\\ufffd\xe2\x82\xac\xf0\x9f\x98\x80"
	  "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\", "
	  "\"known\": false, \"settling\": false, \"since\": null, \"file\": null, "
	  "\"refused\": null, \"names\": [], \"outputs\": []}\n",
	  "published nothing is to be published: there is no address file, or nothing in it" },
};

static void check_user(void **state)
{
	const struct user_row *row = *state;
	struct ip_set *sets[2] = { NULL, NULL };
	struct report_user u = row->u;
	struct buf b = { 0 };

	for (size_t i = 0; i < row->n_names; i++) {
		sets[i] = set_of(row->sets[i]);
	}
	u.names = names;
	u.sets = sets;
	u.n_names = row->n_names;
	u.outputs = row->outputs;
	u.n_outputs = row->n_outputs;
	if (row->text) {
		report_user_text(&b, &u, T0 + 100);
		assert_string_equal(buf_str(&b), row->text);
	}
	buf_clear(&b);
	if (row->json) {
		report_user_json(&b, &u);
		assert_string_equal(buf_str(&b), row->json);
	}
	buf_clear(&b);
	assert_int_equal(report_judge(&b, &u), row->judged != NULL);
	assert_string_equal(buf_str(&b), row->judged ? row->judged : "");
	buf_deinit(&b);
	for (size_t i = 0; i < row->n_names; i++) {
		ip_set_free(sets[i]);
	}
}

/* --- the whole --- */

static const struct whole_row {
	const char *name;
	struct report_whole w;
	struct publish_state outputs[2];
	const char *text;
} wholes[] = {
	{ "two outputs",
	  { .n_outputs = 2, .n_users = 3, .n_names = 4, .n_without = 1, .n_refused = 2 },
	  { FILE_OUTPUT(.where = PUBLISH_DONE, .published_s = T0),
	    ZONE_OUTPUT(.where = PUBLISH_FAILS, .why = "no answer", .n_waiting = 2,
			.published_s = T0 - 86400, .failed_s = T0 + 5,
			.last_error = "no answer") },
	  "tinydns  tinydns   /data\n"
	  "         published 00:00:00 UTC\n"
	  "knot     rfc2136   192.0.2.53:53, [2001:db8::7]:5353\n"
	  "         fails: no answer; trying again; 2 names wait\n"
	  "         last published 2025-12-31 00:00:00 UTC\n"
	  "         last failure 00:00:05 UTC: no answer\n"
	  "3 users, 4 names; 1 user without addresses, 2 refused files\n" },
	{ "one of each",
	  { .n_users = 1, .n_names = 1, .n_refused = 1 },
	  { { .is = NULL } },
	  "1 user, 1 name; 0 users without addresses, 1 refused file\n" },
};

static void check_whole(void **state)
{
	const struct whole_row *row = *state;
	struct report_whole w = row->w;
	struct buf b = { 0 };

	w.outputs = row->outputs;
	report_whole_text(&b, &w, T0 + 100);
	assert_string_equal(buf_str(&b), row->text);
	buf_deinit(&b);
}

int main(void)
{
	return ROWS_RUN(users, check_user) + ROWS_RUN(wholes, check_whole);
}
