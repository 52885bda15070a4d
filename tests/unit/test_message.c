/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/message.h"
#include "golden_message.h"
#include "ips.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>

#define ZONE "dyn.example"
#define NAME "john.dyn.example"

static const struct tsig_key keys[] = {
	{ "key.test", "hmac-sha256", GOLDEN_SECRET },
	{ "key.test", "hmac-sha384", GOLDEN_SECRET },
	{ "key.test", "hmac-sha512", GOLDEN_SECRET },
	{ "key.dyn.example", "hmac-sha256", GOLDEN_SECRET },
};
#define KEY (&keys[0])

#define G(golden) (golden), sizeof(golden)

/* --- what is heard --- */

static void note(void *arg, const char *name, const struct ip *ip, uint32_t ttl)
{
	char text[IP_TEXT_SIZE];

	(void)ip_print(ip->bytes, ip->n, text);
	buf_printf(arg, "%s %s %u\n", name, text, ttl);
}

/* From a copy, so that the sanitizer sees who reads beyond it or writes into it. */
static int read_copy(struct message_sent *sent, const void *bytes, size_t n, struct buf *said,
		     struct message_reply *ret)
{
	char *copy = exact(bytes, n);
	int r = message_read(sent, (const uint8_t *)copy, n, GOLDEN_NOW, note, said, ret);

	assert_memory_equal(copy, bytes, n);
	free(copy);
	return r;
}

static struct message_sent ask(const char *name, enum message_type type,
			       const struct tsig_key *key)
{
	struct message_sent sent;
	struct buf b = { 0 };

	assert_int_equal(message_query(&b, GOLDEN_ID, name, type, key, GOLDEN_NOW, &sent), 0);
	buf_deinit(&b);
	return sent;
}

/* The update of golden_message.py. */
static struct message_sent send_update(struct buf *to, const struct tsig_key *key)
{
	struct ip_set *set = set_of("192.0.2.1 192.0.2.2 2001:db8::7");
	const struct message_change changes[] = { { NAME, set, true, true },
						  { ZONE, NULL, true, false } };
	struct message_sent sent;
	size_t n_used;

	assert_int_equal(message_update(to, GOLDEN_ID, ZONE, changes, 2, 60, MESSAGE_UDP_MAX, key,
					GOLDEN_NOW, &n_used, &sent),
			 0);
	assert_int_equal(n_used, 2);
	ip_set_free(set);
	return sent;
}

/* --- what is sent is byte for byte what dnspython sends --- */

static void same_query(void **state)
{
	static const struct {
		const struct tsig_key *key;
		const unsigned char *bytes;
		size_t n;
	} queries[] = {
		{ NULL, G(golden_query) },
		{ &keys[0], G(golden_query_256) },
		{ &keys[1], G(golden_query_384) },
		{ &keys[2], G(golden_query_512) },
	};
	struct message_sent sent;
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < N_OF(queries); i++) {
		buf_clear(&b);
		buf_adds(&b, "before");
		assert_int_equal(message_query(&b, GOLDEN_ID, NAME, MESSAGE_A, queries[i].key,
					       GOLDEN_NOW, &sent),
				 0);
		assert_int_equal(b.len, 6 + queries[i].n);
		assert_memory_equal(b.data + 6, queries[i].bytes, queries[i].n);
		assert_int_equal(message_id((const uint8_t *)b.data + 6), GOLDEN_ID);
	}
	buf_deinit(&b);
}

static void same_update(void **state)
{
	struct buf b = { 0 };

	(void)state;
	(void)send_update(&b, NULL);
	assert_int_equal(b.len, sizeof(golden_update));
	assert_memory_equal(b.data, golden_update, b.len);
	buf_clear(&b);
	(void)send_update(&b, KEY);
	assert_int_equal(b.len, sizeof(golden_update_256));
	assert_memory_equal(b.data, golden_update_256, b.len);
	buf_deinit(&b);
}

/* --- replies --- */

enum { UPDATE = -1 };

static const struct reply_row {
	const char *name;
	const unsigned char *bytes;
	size_t n;
	const char *asked;
	int type;		/* or UPDATE */
	const struct tsig_key *key;
	int outcome;
	struct message_reply reply;	/* truncated and authoritative are not looked at */
	const char *said;
} replies[] = {
	{ "A", G(golden_reply), NAME, MESSAGE_A,
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "AAAA", G(golden_reply_aaaa), NAME, MESSAGE_AAAA, .said = NAME " 2001:db8::7 60\n" },
	{ "SOA", G(golden_reply_soa), ZONE, MESSAGE_SOA,
	  .reply = { .serial = 2023111401, .n_soa = 1 }, .said = "" },
	{ "no such name", G(golden_reply_nxdomain), NAME, MESSAGE_A,
	  .reply = { .rcode = MESSAGE_NXDOMAIN }, .said = "" },
	{ "upper case", G(golden_reply_upper), NAME, MESSAGE_A,
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "records of others", G(golden_reply_others), NAME, MESSAGE_A,
	  .said = "other.dyn.example 192.0.2.3 60\n*.dyn.example 192.0.2.8 60\n" },
	{ "an extended rcode", G(golden_reply_badvers), NAME, MESSAGE_A, .reply = { .rcode = 16 },
	  .said = "" },
	{ "another name", G(golden_reply), "jane.dyn.example", MESSAGE_A, .outcome = MESSAGE_E_OTHER },
	{ "another type", G(golden_reply), NAME, MESSAGE_AAAA, .outcome = MESSAGE_E_OTHER },
	{ "another opcode", G(golden_update_reply), ZONE, MESSAGE_SOA, .outcome = MESSAGE_E_OTHER },
	{ "an update where a query was sent", G(golden_reply_soa), ZONE, UPDATE,
	  .outcome = MESSAGE_E_OTHER },
	{ "no reply", G(golden_query), NAME, MESSAGE_A, .outcome = MESSAGE_E_GARBAGE },
	{ "a header", golden_reply, 12, NAME, MESSAGE_A, .outcome = MESSAGE_E_GARBAGE },
	{ "half a header", golden_reply, 11, NAME, MESSAGE_A, .outcome = MESSAGE_E_GARBAGE },
	{ "nothing", golden_reply, 0, NAME, MESSAGE_A, .outcome = MESSAGE_E_GARBAGE },

	{ "SHA-256", G(golden_reply_256), NAME, MESSAGE_A, &keys[0],
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "SHA-384", G(golden_reply_384), NAME, MESSAGE_A, &keys[1],
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "SHA-512", G(golden_reply_512), NAME, MESSAGE_A, &keys[2],
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "signed, but it need not be", G(golden_reply_256), NAME, MESSAGE_A,
	  .reply = { .time_signed = GOLDEN_NOW },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "not signed", G(golden_reply), NAME, MESSAGE_A, KEY, .said = "" },
	{ "the serial is not signed", G(golden_reply_soa), ZONE, MESSAGE_SOA, KEY, .said = "" },
	{ "late", G(golden_reply_late), NAME, MESSAGE_A, KEY,
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW + 300 },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },
	{ "too late", G(golden_reply_too_late), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW + 301 }, .said = "" },
	{ "too early", G(golden_reply_too_early), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW - 301 }, .said = "" },
	{ "later than its own fudge", G(golden_reply_narrow), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW + 11 }, .said = "" },
	{ "later than ours", G(golden_reply_wide), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW + 301 }, .said = "" },
	{ "by another key", G(golden_reply_other_key), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW }, .said = "" },
	{ "with another secret", G(golden_reply_other_secret), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW }, .said = "" },
	{ "with another algorithm", G(golden_reply_other_algorithm), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW }, .said = "" },
	{ "with half a MAC", G(golden_reply_short_mac), NAME, MESSAGE_A, KEY,
	  .reply = { .time_signed = GOLDEN_NOW }, .said = "" },
	{ "a key in upper case", G(golden_reply_upper_key), NAME, MESSAGE_A, KEY,
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },

	{ "a key whose name is compressed", G(golden_reply_compressed_key), NAME, MESSAGE_A, &keys[3],
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW },
	  .said = NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" },

	{ "updated", G(golden_update_reply), ZONE, UPDATE, .said = "" },
	{ "updated, without a zone", G(golden_update_reply_empty), ZONE, UPDATE, .said = "" },
	{ "refused", G(golden_update_reply_refused), ZONE, UPDATE,
	  .reply = { .rcode = MESSAGE_REFUSED }, .said = "" },
	{ "updated and signed", G(golden_update_reply_256), ZONE, UPDATE, KEY,
	  .reply = { .is_signed = true, .time_signed = GOLDEN_NOW }, .said = "" },
	{ "BADKEY", G(golden_update_reply_badkey), ZONE, UPDATE, KEY,
	  .reply = { .rcode = MESSAGE_NOTAUTH, .tsig_error = MESSAGE_BADKEY }, .said = "" },
	{ "BADSIG", G(golden_update_reply_badsig), ZONE, UPDATE, KEY,
	  .reply = { .rcode = MESSAGE_NOTAUTH, .tsig_error = MESSAGE_BADSIG }, .said = "" },
	{ "BADTIME", G(golden_update_reply_badtime), ZONE, UPDATE, KEY,
	  .reply = { .rcode = MESSAGE_NOTAUTH, .tsig_error = MESSAGE_BADTIME, .is_signed = true,
		     .server_time = GOLDEN_NOW + 4000, .time_signed = GOLDEN_NOW },
	  .said = "" },
};

static struct message_sent sent_of(const struct reply_row *row)
{
	struct buf b = { 0 };
	struct message_sent sent;

	if (row->type != UPDATE) {
		return ask(row->asked, (enum message_type)row->type, row->key);
	}
	sent = send_update(&b, row->key);
	buf_deinit(&b);
	return sent;
}

static void assert_reply(const struct message_reply *a, const struct message_reply *b)
{
	assert_int_equal(a->rcode, b->rcode);
	assert_int_equal(a->tsig_error, b->tsig_error);
	assert_int_equal(a->is_signed, b->is_signed);
	assert_int_equal(a->server_time, b->server_time);
	assert_int_equal(a->time_signed, b->time_signed);
	assert_int_equal(a->serial, b->serial);
	assert_int_equal(a->n_soa, b->n_soa);
}

static void check_reply(void **state)
{
	const struct reply_row *row = *state;
	struct message_sent sent = sent_of(row);
	struct message_reply reply;
	struct buf said = { 0 };

	assert_int_equal(read_copy(&sent, row->bytes, row->n, &said, &reply), row->outcome);
	if (!row->outcome) {
		assert_reply(&reply, &row->reply);
		assert_string_equal(buf_str(&said), row->said);
	}
	buf_deinit(&said);
}

/* However the message is cut, or what stands behind it, and with another id. */
static void check_damage(void **state)
{
	const struct reply_row *row = *state;
	struct message_sent sent = sent_of(row);
	struct message_reply reply;
	struct buf said = { 0 };
	uint8_t longer[1024] = { 0 };

	if (row->outcome) {
		return;
	}
	for (size_t n = 0; n < row->n; n++) {
		assert_in_range(read_copy(&sent, row->bytes, n, &said, &reply), MESSAGE_E_GARBAGE,
				MESSAGE_E_OTHER);
	}
	memcpy(longer, row->bytes, row->n);
	assert_int_equal(read_copy(&sent, longer, row->n + 1, &said, &reply), MESSAGE_E_GARBAGE);
	sent.id++;
	assert_int_equal(read_copy(&sent, row->bytes, row->n, &said, &reply), MESSAGE_E_OTHER);
	assert_int_equal(said.len, 0);
	buf_deinit(&said);
}

/* Every bit of a signed reply counts, but for the case of the key's and the algorithm's letters: then it
 * says the same. */
static void check_bits(void **state)
{
	const struct reply_row *row = *state;
	struct message_sent sent = sent_of(row);
	unsigned n_same = 0;

	if (!row->reply.is_signed) {
		return;
	}
	for (size_t i = 0; i < row->n; i++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			struct message_reply reply = { 0 };
			struct buf said = { 0 };
			char *copy = exact((const char *)row->bytes, row->n);
			int r;

			copy[i] = (char)(copy[i] ^ flip);
			r = read_copy(&sent, copy, row->n, &said, &reply);
			if (!r && reply.is_signed) {
				assert_int_equal(flip, 0x20);
				assert_reply(&reply, &row->reply);
				assert_string_equal(buf_str(&said), row->said);
				n_same++;
			} else {
				assert_int_equal(said.len, 0);
			}
			buf_deinit(&said);
			free(copy);
		}
	}
	assert_in_range(n_same, strlen("key") + strlen("hmacsha"), strlen("keytest") + strlen("hmacsha"));
}

/* --- transfers --- */

static void transfer(void **state)
{
	struct message_sent sent = ask(ZONE, MESSAGE_AXFR, KEY);
	struct message_reply reply;
	struct buf said = { 0 };

	(void)state;
	assert_int_equal(read_copy(&sent, G(golden_axfr_1), &said, &reply), 0);
	assert_true(reply.is_signed && reply.authoritative);
	assert_int_equal(reply.n_soa, 1);
	assert_int_equal(reply.serial, 2023111401);
	assert_int_equal(read_copy(&sent, G(golden_axfr_2), &said, &reply), 0);
	assert_true(reply.is_signed);
	assert_int_equal(reply.n_soa, 0);
	assert_int_equal(read_copy(&sent, G(golden_axfr_3), &said, &reply), 0);
	assert_true(reply.is_signed);
	assert_int_equal(reply.n_soa, 1);
	assert_int_equal(sent.n_replies, 3);
	assert_string_equal(buf_str(&said), NAME " 192.0.2.1 60\n" NAME " 192.0.2.2 60\n" NAME
						 " 2001:db8::7 60\n");
	buf_deinit(&said);
}

/* A message that is missing, twice there, or in the wrong place is not signed. */
static void transfer_order(void **state)
{
	static const struct {
		const unsigned char *bytes;
		size_t n;
		bool is_signed;
	} sequence[] = {
		{ G(golden_axfr_1), true }, { G(golden_axfr_3), false },
		{ G(golden_axfr_1), false }, { G(golden_axfr_2), true },
		{ G(golden_axfr_2), false }, { G(golden_axfr_3), true },
	};
	struct message_sent sent = ask(ZONE, MESSAGE_AXFR, KEY);
	struct message_reply reply;
	struct buf said = { 0 };

	(void)state;
	assert_int_equal(read_copy(&sent, G(golden_axfr_2), &said, &reply), MESSAGE_E_OTHER);
	for (size_t i = 0; i < N_OF(sequence); i++) {
		buf_clear(&said);
		assert_int_equal(read_copy(&sent, sequence[i].bytes, sequence[i].n, &said, &reply), 0);
		assert_int_equal(reply.is_signed, sequence[i].is_signed);
		assert_true(reply.is_signed || !said.len);
	}
	buf_deinit(&said);
}

/* --- replies that no tool makes: the header's counts, the question of "a.bc", and what follows --- */

#define REPLY(an, ar) "\x12\x34\x80\0\0\1\0" an "\0\0\0" ar
#define QUESTION "\1a\2bc\0\0\1\0\1"
#define RECORD(type) "\xc0\x0c\0" type "\0\1\0\0\0\1"
#define SIGNATURE(class, ttl) \
	"\1k\0\0\xfa\0" class "\0\0\0" ttl "\0\x13\1x\0" "\0\0\0\0\0\1" "\0\1" "\0\0\0\0\0\0\0\0"

static const struct odd_row {
	const char *name, *bytes;
	size_t n;
	int outcome;
	const char *said;
} odd[] = {
	{ "as it should be", T(REPLY("\1", "\0") QUESTION RECORD("\1") "\0\4\1\2\3\4"), 0,
	  "a.bc 1.2.3.4 1\n" },
	{ "an A of three bytes", T(REPLY("\1", "\0") QUESTION RECORD("\1") "\0\3\1\2\3"),
	  MESSAGE_E_GARBAGE },
	{ "an A of five bytes", T(REPLY("\1", "\0") QUESTION RECORD("\1") "\0\5\1\2\3\4\5"),
	  MESSAGE_E_GARBAGE },
	{ "an AAAA of four bytes", T(REPLY("\1", "\0") QUESTION RECORD("\x1c") "\0\4\1\2\3\4"),
	  MESSAGE_E_GARBAGE },
	{ "data beyond the end", T(REPLY("\1", "\0") QUESTION RECORD("\1") "\0\4\1\2\3"),
	  MESSAGE_E_GARBAGE },
	{ "an unknown type without data", T(REPLY("\1", "\0") QUESTION RECORD("\xf0") "\0\0"), 0, "" },
	{ "a SOA without data", T(REPLY("\1", "\0") QUESTION RECORD("\6") "\0\0"),
	  MESSAGE_E_GARBAGE },
	{ "a SOA one byte too long",
	  T(REPLY("\1", "\0") QUESTION RECORD("\6") "\0\x17\0\0" "12345678901234567890x"),
	  MESSAGE_E_GARBAGE },
	{ "a name that points to itself",
	  T(REPLY("\1", "\0") QUESTION "\xc0\x16\0\1\0\1\0\0\0\1\0\4\1\2\3\4"), MESSAGE_E_GARBAGE },
	{ "a name that points beyond the end",
	  T(REPLY("\1", "\0") QUESTION "\xff\xff\0\1\0\1\0\0\0\1\0\4\1\2\3\4"), MESSAGE_E_GARBAGE },
	{ "a label of an unknown kind",
	  T(REPLY("\1", "\0") QUESTION "\x41z\0\0\1\0\1\0\0\0\1\0\4\1\2\3\4"), MESSAGE_E_GARBAGE },
	{ "two questions", T("\x12\x34\x80\0\0\2\0\0\0\0\0\0" QUESTION QUESTION), MESSAGE_E_OTHER },
	{ "no question", T("\x12\x34\x80\0\0\0\0\0\0\0\0\0"), MESSAGE_E_OTHER },
	{ "another class", T("\x12\x34\x80\0\0\1\0\0\0\0\0\0\1a\2bc\0\0\1\0\3"), MESSAGE_E_OTHER },
	{ "fewer records than it says", T(REPLY("\2", "\0") QUESTION RECORD("\1") "\0\4\1\2\3\4"),
	  MESSAGE_E_GARBAGE },
	{ "a signature", T(REPLY("\0", "\1") QUESTION SIGNATURE("\xff", "\0")), 0, "" },
	{ "a signature of another class", T(REPLY("\0", "\1") QUESTION SIGNATURE("\1", "\0")),
	  MESSAGE_E_GARBAGE },
	{ "a signature with a time to live", T(REPLY("\0", "\1") QUESTION SIGNATURE("\xff", "\1")),
	  MESSAGE_E_GARBAGE },
	{ "two signatures",
	  T(REPLY("\0", "\2") QUESTION SIGNATURE("\xff", "\0") SIGNATURE("\xff", "\0")),
	  MESSAGE_E_GARBAGE },
	{ "a signature among the answers", T(REPLY("\1", "\0") QUESTION SIGNATURE("\xff", "\0")),
	  MESSAGE_E_GARBAGE },
	{ "a signature without data",
	  T(REPLY("\0", "\1") QUESTION "\1k\0\0\xfa\0\xff\0\0\0\0\0\0"), MESSAGE_E_GARBAGE },
};

static void check_odd(void **state)
{
	static const struct tsig_key other = { "k", "hmac-sha256", GOLDEN_SECRET };
	const struct odd_row *row = *state;
	struct message_sent sent = ask("a.bc", MESSAGE_A, NULL);
	struct message_reply reply;
	struct buf said = { 0 };

	assert_int_equal(read_copy(&sent, row->bytes, row->n, &said, &reply), row->outcome);
	assert_string_equal(buf_str(&said), row->said ? row->said : "");
	sent = ask("a.bc", MESSAGE_A, &other);
	buf_clear(&said);
	assert_int_equal(read_copy(&sent, row->bytes, row->n, &said, &reply), row->outcome);
	assert_true(row->outcome || !reply.is_signed);
	assert_int_equal(said.len, 0);
	buf_deinit(&said);
}

/* --- ldns takes apart what was built --- */

static void assert_update(const struct buf *b, const struct tsig_key *key, unsigned n_records)
{
	ldns_pkt *p = NULL;
	char name[NAME_SIZE + 1];

	assert_int_equal(ldns_wire2pkt(&p, (const uint8_t *)b->data, b->len), LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_get_opcode(p), LDNS_PACKET_UPDATE);
	assert_int_equal(ldns_pkt_nscount(p), n_records);
	(void)snprintf(name, sizeof(name), "%s.", key->name);
	assert_true(ldns_pkt_tsig_verify(p, (const uint8_t *)b->data, b->len, name, key->secret, NULL));
	for (size_t i = 0; i < n_records; i++) {
		char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_authority(p), i)));

		assert_non_null(strstr(owner, ".dyn.example."));
		free(owner);
	}
	ldns_pkt_free(p);
}

enum { N_MANY = 5000 };

/* Many changes go into messages of the size that is allowed, all of them, once. */
static void many_changes(void **state)
{
	static char names[N_MANY][32];
	static struct message_change changes[N_MANY];
	static const size_t sizes[] = { 220, 512, MESSAGE_UDP_MAX, 20000, MESSAGE_TCP_MAX };
	struct ip_set *set = set_of("192.0.2.1 2001:db8::7");
	struct message_sent sent;
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < N_MANY; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "user%zu.dyn.example", i);
		changes[i] = (struct message_change){ names[i], set, true, true };
	}
	for (size_t k = 0; k < N_OF(sizes); k++) {
		for (size_t at = 0, n_used; at < N_MANY; at += n_used) {
			buf_clear(&b);
			assert_int_equal(message_update(&b, 7, ZONE, changes + at, N_MANY - at, 60,
							sizes[k], &keys[2 * (k % 2)], GOLDEN_NOW,
							&n_used, &sent),
					 0);
			assert_in_range(n_used, 1, N_MANY - at);
			assert_in_range(b.len, at + n_used < N_MANY ? sizes[k] - 100 : 0, sizes[k]);
			assert_update(&b, sent.key, 4 * (unsigned)n_used);
		}
	}
	buf_deinit(&b);
	ip_set_free(set);
}

/* The largest set that a name can have, and names of the greatest length, in and out of the zone. */
static void largest_change(void **state)
{
	static const char *const label = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789a";
	struct ip *ips = calloc((size_t)2 * IP_SET_EACH_MAX, sizeof(*ips));
	struct message_change change = { .v4 = true, .v6 = true };
	char name[NAME_SIZE];
	struct message_sent sent;
	struct ip_set *set;
	struct buf b = { 0 };
	size_t n_used = 7;

	(void)state;
	assert_non_null(ips);
	for (unsigned i = 0; i < 2 * IP_SET_EACH_MAX; i++) {
		ips[i] = (struct ip){ i % 2 ? 4 : 16, { 32, (uint8_t)(i >> 8), (uint8_t)i } };
	}
	assert_int_equal(ip_set_new(ips, (size_t)2 * IP_SET_EACH_MAX, IP_SET_EACH_MAX, &set), 0);
	(void)snprintf(name, sizeof(name), "%s.%s.%s.%.49s.dyn.example", label, label, label, label);
	assert_int_equal(strlen(name), NAME_TEXT_MAX);
	change.name = name;
	change.set = set;
	assert_int_equal(message_update(&b, 7, ZONE, &change, 1, 60, MESSAGE_TCP_MAX, KEY, GOLDEN_NOW,
					&n_used, &sent),
			 0);
	assert_int_equal(n_used, 1);
	assert_update(&b, KEY, 2 * IP_SET_EACH_MAX + 2);
	buf_clear(&b);
	assert_int_equal(message_update(&b, 7, "other.example", &change, 1, 60, MESSAGE_TCP_MAX, KEY,
					GOLDEN_NOW, &n_used, &sent),
			 0);
	assert_update(&b, KEY, 2 * IP_SET_EACH_MAX + 2);
	buf_clear(&b);
	assert_int_equal(message_update(&b, 7, name, &change, 1, 60, MESSAGE_TCP_MAX, KEY, GOLDEN_NOW,
					&n_used, &sent),
			 0);
	assert_update(&b, KEY, 2 * IP_SET_EACH_MAX + 2);
	buf_clear(&b);
	for (size_t size = 0; size < 400; size += 13) {
		assert_int_equal(message_update(&b, 7, ZONE, &change, 1, 60, size, KEY, GOLDEN_NOW,
						&n_used, &sent),
				 -EMSGSIZE);
		assert_int_equal(b.len, 0);
	}
	buf_deinit(&b);
	ip_set_free(set);
	free(ips);
}

static void rcodes(void **state)
{
	char room[16];

	(void)state;
	assert_string_equal(message_rcode_name(MESSAGE_NOERROR, room), "NOERROR");
	assert_string_equal(message_rcode_name(MESSAGE_REFUSED, room), "REFUSED");
	assert_string_equal(message_rcode_name(MESSAGE_BADTRUNC, room), "BADTRUNC");
	assert_string_equal(message_rcode_name(11, room), "RCODE 11");
	assert_string_equal(message_rcode_name(23, room), "RCODE 23");
	assert_string_equal(message_rcode_name(65535, room), "RCODE 65535");
}

int main(void)
{
	static const struct CMUnitTest message[] = {
		cmocka_unit_test(same_query),	  cmocka_unit_test(same_update),
		cmocka_unit_test(transfer),	  cmocka_unit_test(transfer_order),
		cmocka_unit_test(many_changes),	  cmocka_unit_test(largest_change),
		cmocka_unit_test(rcodes),
	};
	int failed = cmocka_run_group_tests(message, NULL, NULL);

	failed += ROWS_RUN(replies, check_reply);
	failed += ROWS_RUN(replies, check_damage);
	failed += ROWS_RUN(replies, check_bits);
	failed += ROWS_RUN(odd, check_odd);
	return failed != 0;
}
