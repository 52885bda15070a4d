/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Replies, which are hostile bytes. A message is walked through twice: once to its end, where the signature
 * is; and if that is good, once more for what it says. */

#include "core/message.h"

#include "core/tsig.h"

#include <ldns/ldns.h>
#include <sodium.h>
#include <string.h>

enum {
	RECORD_N = 10,	    /* of a record without its name and data */
	SOA_NUMBERS_N = 20, /* of its data, behind the two names */
	TSIG_FIXED_N = 10,  /* of its data, between algorithm and MAC */
	TSIG_END_N = 6,	    /* and from the MAC to the other data */
	POINTER = 0xc0,
	POINTER_TARGET = 0x3fff,
	POINTERS_MAX = LDNS_MAX_DOMAINLEN / 2,
};

struct reader {
	const uint8_t *bytes;
	size_t n, at;
};

/* A name without compression, as it came. */
struct wire_name {
	uint8_t n;
	uint8_t bytes[LDNS_MAX_DOMAINLEN];
};

enum section { ANSWER, AUTHORITY, ADDITIONAL, N_SECTIONS };

struct record {
	struct wire_name name;
	size_t begin; /* where it stands in the message */
	size_t data;  /* and its data, n_data bytes */
	uint16_t type, class, n_data;
	uint32_t ttl;
};

/* The record, and the MAC, which stays in the message. */
struct signature {
	struct wire_name key, algorithm;
	size_t begin;
	struct tsig tsig;
	const uint8_t *mac;
	uint16_t n_mac;
};

/* --- pieces of messages; false: garbage --- */

/* RFC 1035 section 4.1.4. ldns would follow thousands of pointers for each of thousands of names, which takes
 * a quarter of a second for one message. Here every pointer leads farther back, and there are no more of
 * them than a name can have labels. */
static bool read_name(struct reader *r, struct wire_name *ret)
{
	size_t at = r->at, end = 0, back = r->at;
	unsigned n = 0, n_pointers = 0, length;

	do {
		if (at >= r->n) {
			return false;
		}
		length = r->bytes[at];
		while (length >= POINTER) {
			if (r->n - at < 2 || ++n_pointers > POINTERS_MAX) {
				return false;
			}
			end = end ? end : at + 2;
			at = ldns_read_uint16(r->bytes + at) & (size_t)POINTER_TARGET;
			if (at >= back) {
				return false;
			}
			back = at;
			length = r->bytes[at];
		}
		if (length > LDNS_MAX_LABELLEN || length >= r->n - at ||
		    n + 1 + length > sizeof(ret->bytes)) {
			return false;
		}
		memcpy(ret->bytes + n, r->bytes + at, 1 + length);
		n += 1 + length;
		at += 1 + length;
	} while (length);
	ret->n = (uint8_t)n;
	r->at = end ? end : at;
	return true;
}

static bool has(const struct reader *r, size_t n)
{
	return n <= r->n - r->at;
}

static bool read_record(struct reader *r, struct record *ret)
{
	const uint8_t *fixed;

	ret->begin = r->at;
	if (!read_name(r, &ret->name) || !has(r, RECORD_N)) {
		return false;
	}
	fixed = r->bytes + r->at;
	ret->type = ldns_read_uint16(fixed);
	ret->class = ldns_read_uint16(fixed + 2);
	ret->ttl = ldns_read_uint32(fixed + 4);
	ret->n_data = ldns_read_uint16(fixed + 8);
	r->at += RECORD_N;
	if (!has(r, ret->n_data)) {
		return false;
	}
	ret->data = r->at;
	r->at += ret->n_data;
	return true;
}

/* A reader that ends where the record does. */
static struct reader data_of(const struct reader *r, const struct record *record)
{
	return (struct reader){ r->bytes, record->data + record->n_data, record->data };
}

static bool read_serial(const struct reader *message, const struct record *record, uint32_t *ret)
{
	struct reader r = data_of(message, record);
	struct wire_name name;

	bool has_names = read_name(&r, &name);	/* the server's, and who is responsible */

	has_names = has_names && read_name(&r, &name);
	if (!has_names || r.n - r.at != SOA_NUMBERS_N) {
		return false;
	}
	*ret = ldns_read_uint32(r.bytes + r.at);
	return true;
}

static uint64_t read48(const uint8_t *at)
{
	return (uint64_t)ldns_read_uint16(at) << 32 | ldns_read_uint32(at + 2);
}

/* RFC 8945 section 4.2. */
static bool read_signature(const struct reader *message, const struct record *record,
			   struct signature *ret)
{
	struct reader r = data_of(message, record);
	const uint8_t *at;

	if (record->class != LDNS_RR_CLASS_ANY || record->ttl) {
		return false;
	}
	ret->key = record->name;
	ret->begin = record->begin;
	if (!read_name(&r, &ret->algorithm) || !has(&r, TSIG_FIXED_N)) {
		return false;
	}
	at = r.bytes + r.at;
	ret->tsig.time = read48(at);
	ret->tsig.fudge = ldns_read_uint16(at + 6);
	ret->n_mac = ldns_read_uint16(at + 8);
	r.at += TSIG_FIXED_N;
	if (!has(&r, (size_t)ret->n_mac + TSIG_END_N)) {
		return false;
	}
	ret->mac = r.bytes + r.at;
	at = ret->mac + ret->n_mac;
	ret->tsig.original_id = ldns_read_uint16(at);
	ret->tsig.error = ldns_read_uint16(at + 2);
	ret->tsig.n_other = ldns_read_uint16(at + 4);
	ret->tsig.other = at + TSIG_END_N;
	r.at += (size_t)ret->n_mac + TSIG_END_N;
	return r.n - r.at == ret->tsig.n_other;
}

/* --- names --- */

/* The name as text, in its canonical form; false: it is none of ours. */
static bool name_text(const struct wire_name *name, char ret[NAME_SIZE])
{
	char text[LDNS_MAX_DOMAINLEN];
	size_t n = 0, n_canon;

	for (const uint8_t *at = name->bytes; *at; at += 1 + *at) {
		if (memchr(at + 1, '.', *at)) {
			return false; /* one within a label is not one between two */
		}
		memcpy(text + n, at + 1, *at);
		n += *at;
		text[n++] = '.';
	}
	return !name_canon(text, n, ret, &n_canon);
}

/* Whether it is this name, of lower case. */
static bool is_name(const struct wire_name *name, const char *wanted)
{
	uint8_t wire[NAME_WIRE_MAX];

	if (name->n != name_put_wire(wire, wanted, strlen(wanted))) {
		return false;
	}
	for (unsigned i = 0; i < name->n; i++) {
		uint8_t c = name->bytes[i];

		/* No length is mistaken for a letter: those are 63 at most. */
		if (wire[i] != (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c)) {
			return false;
		}
	}
	return true;
}

/* --- the first walk --- */

static bool is_later(const struct message_sent *sent)
{
	return sent->type == MESSAGE_AXFR && sent->n_replies;
}

/* The question, or the zone section. */
static int read_question(struct reader *r, const struct message_sent *sent)
{
	uint16_t n = LDNS_QDCOUNT(r->bytes);
	struct wire_name name;
	const uint8_t *at;

	if (!n && (sent->update || is_later(sent))) {
		return 0;
	}
	if (n != 1) {
		return MESSAGE_E_OTHER;
	}
	if (!read_name(r, &name) || !has(r, 4)) {
		return MESSAGE_E_GARBAGE;
	}
	at = r->bytes + r->at;
	r->at += 4;
	if (!is_name(&name, sent->name) || ldns_read_uint16(at) != sent->type ||
	    ldns_read_uint16(at + 2) != LDNS_RR_CLASS_IN) {
		return MESSAGE_E_OTHER;
	}
	return 0;
}

static int check_header(const struct message_sent *sent, const uint8_t *bytes, size_t n)
{
	if (n < LDNS_HEADER_SIZE || !LDNS_QR_WIRE(bytes)) {
		return MESSAGE_E_GARBAGE;
	}
	if (LDNS_ID_WIRE(bytes) != sent->id ||
	    LDNS_OPCODE_WIRE(bytes) !=
		    (sent->update ? LDNS_PACKET_UPDATE : LDNS_PACKET_QUERY)) {
		return MESSAGE_E_OTHER;
	}
	return 0;
}

static unsigned address_size(const struct record *record)
{
	if (record->class != LDNS_RR_CLASS_IN) {
		return 0;
	}
	return record->type == LDNS_RR_TYPE_A ? 4 : record->type == LDNS_RR_TYPE_AAAA ? 16 : 0;
}

static bool look_at_answer(const struct reader *message, const struct record *record,
			   const char *asked, struct message_reply *reply)
{
	unsigned size = address_size(record);
	uint32_t serial;

	if (size && record->n_data != size) {
		return false;
	}
	if (record->type != LDNS_RR_TYPE_SOA || record->class != LDNS_RR_CLASS_IN ||
	    !is_name(&record->name, asked)) {
		return true;
	}
	if (!read_serial(message, record, &serial)) {
		return false;
	}
	if (!reply->n_soa++) {
		reply->serial = serial;
	}
	return true;
}

/* What one record adds to the reply. is_last: it stands where a signature may. */
static bool look_at(const struct reader *message, const struct record *record,
		    enum section section, bool is_last, const char *asked,
		    struct message_reply *reply, struct signature *signature)
{
	if (record->type == LDNS_RR_TYPE_TSIG) {
		return is_last && read_signature(message, record, signature);
	}
	if (record->type == LDNS_RR_TYPE_OPT && section == ADDITIONAL) {
		reply->rcode |= record->ttl >> 24 << 4; /* RFC 6891 section 6.1.3 */
	}
	return section != ANSWER || look_at_answer(message, record, asked, reply);
}

/* Reads all to the end. The signature's mac stays NULL when there is none. */
static bool walk(struct reader *r, const char *asked, struct message_reply *reply,
		 struct signature *signature)
{
	const unsigned n_records[N_SECTIONS] = { LDNS_ANCOUNT(r->bytes), LDNS_NSCOUNT(r->bytes),
						 LDNS_ARCOUNT(r->bytes) };
	struct record record;

	for (enum section s = ANSWER; s < N_SECTIONS; s++) {
		for (unsigned i = 0; i < n_records[s]; i++) {
			bool is_last = s == ADDITIONAL && i + 1 == n_records[s];

			if (!read_record(r, &record) ||
			    !look_at(r, &record, s, is_last, asked, reply, signature)) {
				return false;
			}
		}
	}
	return r->at == r->n;
}

/* --- the signature --- */

static bool is_in_time(const struct tsig *t, time_t now)
{
	uint64_t difference =
		t->time > (uint64_t)now ? t->time - (uint64_t)now : (uint64_t)now - t->time;

	return difference <= (t->fudge < TSIG_FUDGE ? t->fudge : TSIG_FUDGE);
}

/* RFC 8945 sections 5.2 and 5.3. */
static bool verify(struct message_sent *sent, const struct reader *message, const struct signature *s, time_t now)
{
	const struct tsig_key *key = sent->key;
	const struct tsig_message m = {
		.bytes = message->bytes,
		.n = s->begin,
		.n_additional = (uint16_t)(LDNS_ARCOUNT(message->bytes) - 1),
		.mac_before = sent->mac,
		.n_mac_before = sent->n_mac,
		.timers_only = is_later(sent),
	};
	uint8_t mac[TSIG_MAC_MAX];

	if (!is_name(&s->key, key->name) || !is_name(&s->algorithm, key->algorithm) ||
	    s->n_mac != tsig_mac_size(key)) {
		return false;
	}
	tsig_mac(key, &m, &s->tsig, mac);
	if (sodium_memcmp(mac, s->mac, s->n_mac) != 0 || !is_in_time(&s->tsig, now)) {
		return false;
	}
	if (sent->type == MESSAGE_AXFR) {
		memcpy(sent->mac, mac, s->n_mac);
	}
	return true;
}

static void tell_signature(const struct signature *s, struct message_reply *reply)
{
	reply->tsig_error = s->tsig.error;
	reply->time_signed = (int64_t)s->tsig.time;
	if (s->tsig.error == MESSAGE_BADTIME && s->tsig.n_other == 6) {
		reply->server_time = (int64_t)read48(s->tsig.other);
	}
}

/* --- the second walk --- */

/* They have been read once already: none is garbage. */
static void hand_on(struct reader r, message_record_fn *record_fn, void *arg)
{
	struct record record;
	char name[NAME_SIZE];

	for (unsigned n = LDNS_ANCOUNT(r.bytes); n && read_record(&r, &record); n--) {
		if (address_size(&record) && name_text(&record.name, name)) {
			struct ip ip = { .n = (uint8_t)record.n_data };

			memcpy(ip.bytes, r.bytes + record.data, record.n_data);
			record_fn(arg, name, &ip, record.ttl);
		}
	}
}

int message_read(struct message_sent *sent, const uint8_t *bytes, size_t n, time_t now,
		 message_record_fn *record, void *arg, struct message_reply *ret)
{
	struct reader r = { bytes, n, LDNS_HEADER_SIZE }, answers;
	struct signature signature = { .mac = NULL };
	struct message_reply reply = { 0 };
	int outcome = check_header(sent, bytes, n);

	outcome = outcome ? outcome : read_question(&r, sent);
	if (outcome) {
		return outcome;
	}
	answers = r;
	reply.rcode = LDNS_RCODE_WIRE(bytes);
	reply.truncated = LDNS_TC_WIRE(bytes) != 0;
	reply.authoritative = LDNS_AA_WIRE(bytes) != 0;
	if (!walk(&r, sent->name, &reply, &signature)) {
		return MESSAGE_E_GARBAGE;
	}
	if (signature.mac) {
		tell_signature(&signature, &reply);
	}
	reply.is_signed = signature.mac && sent->key && verify(sent, &r, &signature, now);
	if (sent->key && !reply.is_signed) {
		reply.n_soa = reply.serial = 0;
	} else if (record) {
		hand_on(answers, record, arg);
	}
	sent->n_replies += sent->type == MESSAGE_AXFR;
	*ret = reply;
	return 0;
}
