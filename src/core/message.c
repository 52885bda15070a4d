/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The messages that are sent. They are written by hand: an update of 100,000 names so takes a
 * hundredth of what it takes with an object for each record. */

#include "core/message.h"

#include "core/tsig.h"

#include <assert.h>
#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

enum {
	POINTER = 0xc000, /* RFC 1035 section 4.1.4 */
	POINTER_MAX = 0x3fff,
	RECORD_N = 10,	  /* of a record without its name and data */
	TSIG_DATA_N = 16, /* of its data without algorithm and MAC */
};

/* Bytes are put at `at`; once they do not fit, nothing is. */
struct writer {
	uint8_t *begin, *at, *end;
	bool full;
};

static uint8_t *take(struct writer *w, size_t n)
{
	uint8_t *at = w->at;

	if (w->full || (size_t)(w->end - at) < n) {
		w->full = true;
		return NULL;
	}
	w->at += n;
	return at;
}

static void put16(struct writer *w, unsigned value)
{
	uint8_t *at = take(w, 2);

	if (at) {
		ldns_write_uint16(at, (uint16_t)value);
	}
}

static void put_name(struct writer *w, const char *name)
{
	uint8_t *at = take(w, strlen(name) + 2);

	if (at) {
		(void)name_put_wire(at, name, strlen(name));
	}
}

static void put_record(struct writer *w, unsigned type, unsigned class, uint32_t ttl,
		       const void *data, size_t n)
{
	uint8_t *at = take(w, RECORD_N + n);

	if (!at) {
		return;
	}
	ldns_write_uint16(at, (uint16_t)type);
	ldns_write_uint16(at + 2, (uint16_t) class);
	ldns_write_uint32(at + 4, ttl);
	ldns_write_uint16(at + 8, (uint16_t)n);
	if (n) {
		memcpy(at + RECORD_N, data, n);
	}
}

static void put_question(struct writer *w, uint16_t id, unsigned opcode, const char *name,
			 enum message_type type)
{
	uint8_t *at = take(w, LDNS_HEADER_SIZE);

	if (!at) {
		return;
	}
	memset(at, 0, LDNS_HEADER_SIZE);
	ldns_write_uint16(at, id);
	at[2] = (uint8_t)(opcode << LDNS_OPCODE_SHIFT);
	ldns_write_uint16(at + LDNS_QDCOUNT_OFF, 1);
	put_name(w, name);
	put16(w, type);
	put16(w, LDNS_RR_CLASS_IN);
}

/* --- the signature --- */

static size_t signature_size(const struct tsig_key *key)
{
	return !key ? 0 :
		      strlen(key->name) + 2 + RECORD_N + TSIG_ALGORITHM_WIRE_N + TSIG_DATA_N +
			       tsig_mac_size(key);
}

/* There is room for it. */
static void put_signature(struct writer *w, const struct tsig_key *key, time_t now,
			  struct message_sent *sent)
{
	const struct tsig t = { .time = (uint64_t)now,
				.fudge = TSIG_FUDGE,
				.original_id = sent->id };
	const struct tsig_message m = { .bytes = w->begin, .n = (size_t)(w->at - w->begin) };
	uint8_t data[TSIG_ALGORITHM_WIRE_N + TSIG_DATA_N + TSIG_MAC_MAX], *at = data;
	unsigned n = tsig_mac_size(key);

	tsig_mac(key, &m, &t, sent->mac);
	sent->n_mac = n;
	at += name_put_wire(at, key->algorithm, strlen(key->algorithm));
	ldns_write_uint64_as_uint48(at, t.time);
	ldns_write_uint16(at + 6, t.fudge);
	ldns_write_uint16(at + 8, (uint16_t)n);
	memcpy(at + 10, sent->mac, n);
	at += 10 + n;
	ldns_write_uint16(at, t.original_id);
	ldns_write_uint16(at + 2, t.error);
	ldns_write_uint16(at + 4, t.n_other);
	at += 6;
	put_name(w, key->name);
	put_record(w, LDNS_RR_TYPE_TSIG, LDNS_RR_CLASS_ANY, 0, data, (size_t)(at - data));
	assert(!w->full);
	ldns_write_uint16(w->begin + LDNS_ARCOUNT_OFF, 1);
}

/* Room for size_max bytes, of which the last are kept for the signature. 0, -ENOMEM or -EMSGSIZE. */
static int begin(struct buf *to, size_t size_max, const struct tsig_key *key,
		 struct writer *ret)
{
	size_t n = signature_size(key);
	char *room;

	if (size_max < n) {
		return -EMSGSIZE;
	}
	room = buf_room(to, size_max);
	if (!room) {
		return -ENOMEM;
	}
	*ret = (struct writer){ .begin = (uint8_t *)room,
				.at = (uint8_t *)room,
				.end = (uint8_t *)room + size_max - n };
	return 0;
}

static void end(struct buf *to, struct writer *w, const struct tsig_key *key, time_t now,
		struct message_sent *sent)
{
	w->end += signature_size(key);
	if (key) {
		sent->key = key;
		put_signature(w, key, now, sent);
	}
	to->len += (size_t)(w->at - w->begin);
}

static void remember(uint16_t id, const char *name, enum message_type type,
		     struct message_sent *ret)
{
	*ret = (struct message_sent){ .id = id, .type = type };
	memcpy(ret->name, name, strlen(name) + 1);
}

int message_query(struct buf *to, uint16_t id, const char *name, enum message_type type,
		  const struct tsig_key *key, time_t now, struct message_sent *ret_sent)
{
	struct message_sent sent;
	struct writer w;
	int r = begin(to, MESSAGE_UDP_MAX, key, &w);

	if (r) {
		return r;
	}
	remember(id, name, type, &sent);
	put_question(&w, id, LDNS_PACKET_QUERY, name, type);
	assert(!w.full); /* two names and a MAC need less */
	end(to, &w, key, now, &sent);
	*ret_sent = sent;
	return 0;
}

/* --- updates --- */

/* One change: the name, and where it stands in the message already. */
struct owner {
	const char *name;
	size_t n_prefix; /* characters of what stands before the zone, with the dot */
	bool in_zone;
	uint8_t *at; /* NULL: nowhere yet */
};

static struct owner owner_of(const char *name, const char *zone, size_t n_zone)
{
	size_t n = strlen(name);
	bool in_zone = name_lies_in(name, n, zone, n_zone);

	return (struct owner){ .name = name, .n_prefix = in_zone ? n - n_zone : 0, .in_zone = in_zone };
}

static void put_owner(struct writer *w, struct owner *o)
{
	uint8_t *at;

	if (o->at && o->at - w->begin <= POINTER_MAX) {
		put16(w, POINTER | (unsigned)(o->at - w->begin));
		return;
	}
	o->at = w->at;
	if (!o->in_zone) {
		put_name(w, o->name);
		return;
	}
	/* What stands before the zone, and a pointer to the zone's name, which stands behind the header. */
	at = take(w, o->n_prefix + 2);
	if (at && o->n_prefix) {
		(void)name_put_wire(at, o->name, o->n_prefix - 1);
	}
	if (at) {
		ldns_write_uint16(at + o->n_prefix, POINTER | LDNS_HEADER_SIZE);
	}
}

/* The records of one family: all deleted, these added (RFC 2136 sections 2.5.2 and 2.5.1). Returns how
 * many records that is. */
static unsigned put_set(struct writer *w, struct owner *o, unsigned type, uint32_t ttl,
			const uint8_t *ips, size_t n, size_t n_ip)
{
	put_owner(w, o);
	put_record(w, type, LDNS_RR_CLASS_ANY, 0, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		put_owner(w, o);
		put_record(w, type, LDNS_RR_CLASS_IN, ttl, ips + i * n_ip, n_ip);
	}
	return 1 + (unsigned)n;
}

static unsigned put_change(struct writer *w, const struct message_change *c, const char *zone,
			   size_t n_zone, uint32_t ttl)
{
	struct owner o = owner_of(c->name, zone, n_zone);
	unsigned n = 0;

	if (c->v4) {
		n += put_set(w, &o, LDNS_RR_TYPE_A, ttl, c->set ? ip_set_v4(c->set, 0) : NULL,
			     c->set ? c->set->n_v4 : 0, 4);
	}
	if (c->v6) {
		n += put_set(w, &o, LDNS_RR_TYPE_AAAA, ttl,
			     c->set ? ip_set_v6(c->set, 0) : NULL, c->set ? c->set->n_v6 : 0,
			     16);
	}
	return n;
}

/* Puts the changes that fit; returns how many. */
static size_t put_changes(struct writer *w, const char *zone,
			  const struct message_change *changes, size_t n, uint32_t ttl)
{
	size_t n_zone = strlen(zone), i;
	unsigned n_records = 0;

	for (i = 0; i < n; i++) {
		uint8_t *before = w->at;
		unsigned n_new = put_change(w, &changes[i], zone, n_zone, ttl);

		if (w->full) {
			w->at = before;
			w->full = false;
			break;
		}
		n_records += n_new;
	}
	/* There are no more than fit into the two bytes, for each takes 12 at least. */
	ldns_write_uint16(w->begin + LDNS_NSCOUNT_OFF, (uint16_t)n_records);
	return i;
}

int message_update(struct buf *to, uint16_t id, const char *zone,
		   const struct message_change *changes, size_t n, unsigned ttl,
		   size_t size_max, const struct tsig_key *key, time_t now, size_t *ret_used,
		   struct message_sent *ret_sent)
{
	struct message_sent sent;
	struct writer w;
	size_t n_used;
	int r;

	assert(n && size_max <= MESSAGE_TCP_MAX);
	r = begin(to, size_max, key, &w);
	if (r) {
		return r;
	}
	remember(id, zone, MESSAGE_SOA, &sent);
	sent.update = true;
	put_question(&w, id, LDNS_PACKET_UPDATE, zone, MESSAGE_SOA);
	if (w.full) {
		return -EMSGSIZE;
	}
	n_used = put_changes(&w, zone, changes, n, ttl);
	if (!n_used) {
		return -EMSGSIZE;
	}
	end(to, &w, key, now, &sent);
	*ret_used = n_used;
	*ret_sent = sent;
	return 0;
}

const char *message_rcode_name(unsigned rcode, char room[16])
{
	static const char *const names[] = {
		[0] = "NOERROR", [1] = "FORMERR",   [2] = "SERVFAIL", [3] = "NXDOMAIN",
		[4] = "NOTIMP",	 [5] = "REFUSED",   [6] = "YXDOMAIN", [7] = "YXRRSET",
		[8] = "NXRRSET", [9] = "NOTAUTH",   [10] = "NOTZONE", [16] = "BADSIG",
		[17] = "BADKEY", [18] = "BADTIME",  [19] = "BADMODE", [20] = "BADNAME",
		[21] = "BADALG", [22] = "BADTRUNC",
	};

	if (rcode < sizeof(names) / sizeof(*names) && names[rcode]) {
		return names[rcode];
	}
	(void)snprintf(room, 16, "RCODE %u", rcode & 0xffff); /* it has two bytes at most */
	return room;
}
