/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What does the server have of our names? A transfer of the zone (AXFR, RFC 5936) tells all at once; where it is
 * not allowed, or comes to no end, each name is asked for, many at a time over one connection. Only what is signed
 * counts, and a transfer only as a whole. */

#include "daemon/rfc2136_impl.h"

#include "core/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SLOT_BITS = 7,		      /* of a question's id; the others are random */
	TRANSFER_MS = 10 * 60 * 1000, /* then it has no end */
};
_Static_assert(RFC2136_WINDOW == 1 << SLOT_BITS, "");

struct question {
	struct message_sent sent;
	uint32_t number;
	bool open, is_serial;
};

struct rfc2136_listing {
	struct rfc2136_findings findings;
	uint64_t end_ms; /* of a transfer */
	unsigned n_soa;

	struct question *questions; /* RFC2136_WINDOW of them; NULL: it is a transfer */
	unsigned n_open;
	uint32_t next; /* the number to be asked for */
	bool next_v6, serial_asked, has_serial, answered;
};

/* A transfer is in the order of names, mostly: a name's records stand together. */
static void on_record(void *arg, const char *name, const struct ip *ip, uint32_t ttl)
{
	struct rfc2136_listing *l = arg;
	uint32_t number = rfc2136_find(l->findings.z->p, name);

	if (number != TABLE_NONE && rfc2136_is_in_zone(l->findings.z, number)) {
		rfc2136_add_found(&l->findings, number, ip, ttl);
	} else if (number == TABLE_NONE && rfc2136_says_unknown(l->findings.z) &&
		   strcmp(l->findings.unknown, name) != 0) {
		memcpy(l->findings.unknown, name, strlen(name) + 1);
		rfc2136_say_unknown(&l->findings, name);
	}
}

/* --- questions --- */

/* The next number that is to be asked for; false: there is none any more. */
static bool next_number(struct rfc2136_listing *l)
{
	uint32_t n = rfc2136_n_numbers(l->findings.z->p);

	while (l->next < n && !rfc2136_is_in_zone(l->findings.z, l->next)) {
		l->next++;
	}
	return l->next < n + l->findings.wild.n;
}

static const char *name_of(const struct rfc2136_listing *l, uint32_t number)
{
	uint32_t n = rfc2136_n_numbers(l->findings.z->p);

	return number < n ? rfc2136_name(l->findings.z->p, number) :
			    l->findings.wild.list[number - n].text;
}

static int ask(struct rfc2136_listing *l, struct question *q, const char *name,
	       enum message_type type)
{
	struct rfc2136_zone *z = l->findings.z;
	uint16_t id = rfc2136_zone_id(z);
	int r;

	id = (uint16_t)((unsigned)id << SLOT_BITS | (unsigned)(q - l->questions));
	buf_clear(&z->bytes);
	r = message_query(&z->bytes, id, name, type, &z->key, time(NULL), &q->sent);
	if (!r) {
		r = nameserver_send(z->nameserver, true, z->bytes.data, z->bytes.len);
	}
	return r;
}

/* The zone's serial first, then both types of each name, and of the wildcards above them. */
static int ask_next(struct rfc2136_listing *l, struct question *q)
{
	q->open = true;
	q->is_serial = !l->serial_asked;
	l->n_open++;
	if (q->is_serial) {
		l->serial_asked = true;
		return ask(l, q, l->findings.z->name, MESSAGE_SOA);
	}
	q->number = l->next;
	l->next += l->next_v6;
	l->next_v6 = !l->next_v6;
	return ask(l, q, name_of(l, q->number), l->next_v6 ? MESSAGE_A : MESSAGE_AAAA);
}

/* Goes on asking, or is done. */
static void go_on(struct rfc2136_zone *z)
{
	struct rfc2136_listing *l = z->listing;
	int r = 0;

	z->due_ms = uv_now(z->p->o.loop) + RFC2136_REPLY_MS;
	for (unsigned i = 0; !r && i < RFC2136_WINDOW && (!l->serial_asked || next_number(l));
	     i++) {
		if (!l->questions[i].open) {
			r = ask_next(l, &l->questions[i]);
		}
	}
	if (r) {
		rfc2136_zone_fail_errno(z, r);
	} else if (!l->n_open) {
		rfc2136_reconcile(z, &l->findings);
	}
}

/* What was asked before the connection was lost is asked once more. */
static void ask_again(struct rfc2136_zone *z)
{
	struct rfc2136_listing *l = z->listing;
	int r = 0;

	l->answered = false;
	for (unsigned i = 0; !r && i < RFC2136_WINDOW; i++) {
		struct question *q = &l->questions[i];

		if (q->open) {
			char name[NAME_SIZE];

			memcpy(name, q->sent.name, sizeof(name));
			r = ask(l, q, name, q->sent.type);
		}
	}
	if (r) {
		rfc2136_zone_fail_errno(z, r);
	}
}

static void begin_questions(struct rfc2136_zone *z)
{
	struct rfc2136_listing *l = z->listing;

	l->findings.found.n = 0;
	l->n_soa = 0;
	nameserver_hang_up(z->nameserver); /* the rest of the transfer */
	l->questions = calloc(RFC2136_WINDOW, sizeof(*l->questions));
	if (!l->questions || rfc2136_wild_gather(z, &l->findings.wild)) {
		rfc2136_zone_fail_errno(z, -ENOMEM);
		return;
	}
	z->doing = RFC2136_QUESTIONS;
	z->tcp = true;
	z->unsigned_reply = false;
	go_on(z);
}

struct answer {
	struct rfc2136_listing *l;
	const struct question *q;
};

static void on_answer(void *arg, const char *name, const struct ip *ip, uint32_t ttl)
{
	const struct answer *a = arg;

	/* Behind an alias stand the addresses of another name. */
	if (!a->q->is_serial && !strcmp(name, a->q->sent.name) &&
	    ip->n == (a->q->sent.type == MESSAGE_A ? 4 : 16)) {
		rfc2136_add_found(&a->l->findings, a->q->number, ip, ttl);
	}
}

/* The server has the zone, but not an answer for this name: a zone of its own below ours, perhaps, that is broken. */
static bool is_about_name(const struct rfc2136_listing *l, const struct question *q,
			  const struct message_reply *reply)
{
	return reply->is_signed && l->has_serial && !q->is_serial;
}

static void take_answer(struct rfc2136_zone *z, const uint8_t *bytes, size_t n)
{
	struct rfc2136_listing *l = z->listing;
	struct question *q = &l->questions[message_id(bytes) & (RFC2136_WINDOW - 1)];
	struct answer a = { .l = l, .q = q };
	struct message_reply reply;
	int r = q->open ? message_read(&q->sent, bytes, n, time(NULL), on_answer, &a, &reply) :
			  MESSAGE_E_OTHER;

	if (r || reply.truncated) {
		rfc2136_zone_ignore(z, "an answer to what was asked");
	} else if (reply.rcode && reply.rcode != MESSAGE_NXDOMAIN && !is_about_name(l, q, &reply)) {
		rfc2136_zone_fail_reply(z, &reply);
	} else if (!reply.is_signed) {
		z->unsigned_reply = true;
		rfc2136_zone_ignore(z, "signed by our key");
	} else if (q->is_serial && !reply.n_soa) {
		rfc2136_zone_fail_reply(z, &(struct message_reply){ .rcode = MESSAGE_NOTAUTH,
								    .is_signed = true });
	} else {
		if (q->is_serial) {
			l->findings.serial = reply.serial;
			l->has_serial = true;
		} else if (reply.rcode && reply.rcode != MESSAGE_NXDOMAIN) {
			rfc2136_unclear(z->p, q->number);
		}
		l->answered = true;
		q->open = false;
		l->n_open--;
		go_on(z);
	}
}

/* --- the transfer --- */

static void take_transfer(struct rfc2136_zone *z, const uint8_t *bytes, size_t n)
{
	struct rfc2136_listing *l = z->listing;
	struct message_reply reply;
	int r = message_read(&z->sent, bytes, n, time(NULL), on_record, l, &reply);

	if (l->findings.error) {
		rfc2136_zone_fail_errno(z, l->findings.error);
		return;
	}
	if (r && message_id(bytes) != z->sent.id) {
		nameserver_stray(z->nameserver); /* of something that was given up */
		return;
	}
	if (r || reply.rcode || !reply.is_signed || (!l->n_soa && !reply.n_soa)) {
		begin_questions(z);
		return;
	}
	if (!l->n_soa) {
		l->findings.serial = reply.serial;
	}
	l->n_soa += reply.n_soa;
	z->due_ms = uv_now(z->p->o.loop) + RFC2136_REPLY_MS;
	z->due_ms = z->due_ms < l->end_ms ? z->due_ms : l->end_ms;
	if (l->n_soa > 1) {
		rfc2136_reconcile(z, &l->findings);
	}
}

void rfc2136_listing_message(struct rfc2136_zone *z, const uint8_t *bytes, size_t n)
{
	if (z->doing == RFC2136_TRANSFER) {
		take_transfer(z, bytes, n);
	} else {
		take_answer(z, bytes, n);
	}
}

void rfc2136_listing_lost(struct rfc2136_zone *z, int error)
{
	bool by_server = !error || error == -ECONNRESET;
	bool cut = by_server || error == -EPROTO;

	if (z->doing == RFC2136_TRANSFER && by_server && z->n_sent == 1 && !z->sent.n_replies) {
		rfc2136_zone_resend(z); /* it has closed a connection that was idle, perhaps */
	} else if (z->doing == RFC2136_TRANSFER && cut) {
		begin_questions(z);
	} else if (z->doing == RFC2136_QUESTIONS && by_server && z->listing->answered) {
		ask_again(z);
	} else {
		rfc2136_zone_fail_errno(z, error);
	}
}

void rfc2136_listing_late(struct rfc2136_zone *z)
{
	begin_questions(z);
}

void rfc2136_listing_begin(struct rfc2136_zone *z)
{
	struct rfc2136_listing *l = calloc(1, sizeof(*l));
	int r = l ? 0 : -ENOMEM;

	rfc2136_sort_orphans(z->p);
	if (!r) {
		l->findings.z = z;
		l->end_ms = uv_now(z->p->o.loop) + TRANSFER_MS;
		z->listing = l;
		buf_clear(&z->bytes);
		r = message_query(&z->bytes, rfc2136_zone_id(z), z->name, MESSAGE_AXFR, &z->key,
				  time(NULL), &z->sent);
	}
	if (r) {
		rfc2136_zone_fail_errno(z, r);
		return;
	}
	rfc2136_zone_send(z, RFC2136_TRANSFER, true);
}

struct rfc2136_listing *rfc2136_listing_free(struct rfc2136_listing *l)
{
	if (l) {
		found_deinit(&l->findings.found);
		rfc2136_wild_deinit(&l->findings.wild);
		free(l->questions);
		free(l);
	}
	return NULL;
}
