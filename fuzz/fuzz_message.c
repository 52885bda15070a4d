/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A reply of a name server. The first byte chooses what was sent: the kind, signed or not, and
 * whether it is a later message of a transfer. The seeds are those of tests/unit/golden_message.py. */

#include "core/message.h"
#include "fuzz.h"

#include <string.h>

enum { ID = 0x1234, NOW = 1700000000, KIND = 7, SIGNED = 8, LATER = 16 };

static const struct tsig_key key = { "key.test", "hmac-sha256",
				     "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" };

static void send_query(const char *name, enum message_type type, const struct tsig_key *k,
		       struct message_sent *ret)
{
	struct buf b = { 0 };

	CHECK(!message_query(&b, ID, name, type, k, NOW, ret));
	buf_deinit(&b);
}

static void send_update(const struct tsig_key *k, struct message_sent *ret)
{
	static const struct message_change change = { "john.dyn.example", NULL, true, true };
	struct buf b = { 0 };
	size_t n_used;

	CHECK(!message_update(&b, ID, "dyn.example", &change, 1, 60, MESSAGE_UDP_MAX, k, NOW,
			      &n_used, ret));
	buf_deinit(&b);
}

static void check_record(void *arg, const char *name, const struct ip *ip, uint32_t ttl)
{
	char canonical[NAME_SIZE];
	size_t n;

	(void)ttl; /* any */
	++*(unsigned *)arg;
	CHECK(ip->n == 4 || ip->n == 16);
	CHECK(!name_canon(name, strlen(name), canonical, &n) && !strcmp(name, canonical));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct {
		const char *name;
		enum message_type type;
	} queries[] = { { "john.dyn.example", MESSAGE_A },
			{ "john.dyn.example", MESSAGE_AAAA },
			{ "dyn.example", MESSAGE_SOA },
			{ "dyn.example", MESSAGE_AXFR } };
	const struct tsig_key *k;
	struct message_sent sent;
	struct message_reply reply;
	unsigned kind, n_records = 0;
	char room[16];
	int r;

	if (!n) {
		return 0;
	}
	kind = *data & KIND;
	k = *data & SIGNED ? &key : NULL;
	if (kind < N_OF(queries)) {
		send_query(queries[kind].name, queries[kind].type, k, &sent);
		sent.n_replies = *data & LATER ? 1 : 0;
	} else {
		send_update(k, &sent);
	}
	r = message_read(&sent, data + 1, n - 1, NOW, check_record, &n_records, &reply);
	if (r) {
		CHECK(r == MESSAGE_E_GARBAGE || r == MESSAGE_E_OTHER);
		CHECK(!n_records);
		return 0;
	}
	CHECK(*message_rcode_name(reply.rcode, room));
	CHECK(k || !reply.is_signed);
	CHECK(!k || reply.is_signed || (!n_records && !reply.n_soa));
	return 0;
}
