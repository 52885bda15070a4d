/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What does the server have of our names, and what should it have? A transfer of the zone (AXFR, RFC 5936)
 * tells all at once; where it is not allowed, each name is asked for, many at a time over one connection. Only
 * what is signed counts, and a transfer only as a whole. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	UNKNOWN_SAID_MAX = 20,
	SLOT_BITS = 7, /* of a question's id; the others are random */
};
_Static_assert(RFC2136_WINDOW == 1 << SLOT_BITS, "");

struct found {
	uint32_t number;
	uint32_t ttl;
	struct ip ip;
};

struct question {
	struct message_sent sent;
	uint32_t number;
	bool open, is_serial;
};

struct rfc2136_listing {
	struct rfc2136_zone *z;
	struct found *found;
	size_t n_found, size_found;
	bool no_memory;
	unsigned n_soa;
	uint32_t serial;
	char unknown[NAME_SIZE]; /* the last one that nobody has */
	unsigned n_unknown;

	struct question *questions; /* RFC2136_WINDOW of them; NULL: it is a transfer */
	unsigned n_open;
	uint32_t next; /* the number to be asked for */
	bool next_v6, serial_asked, answered;
};

static bool is_in_zone(const struct rfc2136_zone *z, uint32_t number)
{
	const struct rfc2136 *p = z->p;
	uint32_t n_names = p->o.roster->users->n_names;

	return number < n_names ? p->zone_of[number] == z->number :
				  p->orphans[number - n_names].owned &&
					  p->orphans[number - n_names].zone == z->number;
}

static uint32_t n_numbers(const struct rfc2136 *p)
{
	return p->o.roster->users->n_names + p->n_orphans;
}

/* --- what nobody knows --- */

static bool says_unknown(const struct rfc2136_zone *z)
{
	return !z->p->remembers && !z->unknown_said;
}

static void say_unknown(struct rfc2136_listing *l, const char *name)
{
	if (l->n_unknown++ < UNKNOWN_SAID_MAX) {
		log_info(
			"%s: leaving what %s has in zone %s: nobody remembers whether we published it",
			l->z->p->o.is->name, name, l->z->name);
	}
}

static void end_unknown(struct rfc2136_listing *l)
{
	if (l->n_unknown > UNKNOWN_SAID_MAX) {
		log_info("%s: leaving what %u more names have in zone %s", l->z->p->o.is->name,
			 l->n_unknown - UNKNOWN_SAID_MAX, l->z->name);
	}
	l->z->unknown_said = true;
}

/* --- what is found --- */

static void add_found(struct rfc2136_listing *l, uint32_t number, const struct ip *ip,
		      uint32_t ttl)
{
	if (l->n_found == l->size_found) {
		size_t size = l->size_found ? 2 * l->size_found : 256;
		struct found *more = reallocarray(l->found, size, sizeof(*more));

		if (!more) {
			l->no_memory = true;
			return;
		}
		l->found = more;
		l->size_found = size;
	}
	l->found[l->n_found++] = (struct found){ .number = number, .ttl = ttl, .ip = *ip };
}

/* A transfer is in the order of names, mostly: a name's records stand together. */
static void on_record(void *arg, const char *name, const struct ip *ip, uint32_t ttl)
{
	struct rfc2136_listing *l = arg;
	uint32_t number = rfc2136_find(l->z->p, name);

	if (number != TABLE_NONE && is_in_zone(l->z, number)) {
		add_found(l, number, ip, ttl);
	} else if (number == TABLE_NONE && says_unknown(l->z) &&
		   strcmp(l->unknown, name) != 0) {
		memcpy(l->unknown, name, strlen(name) + 1);
		say_unknown(l, name);
	}
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* --- the comparison --- */

/* What is there of one number. */
struct present {
	struct ip_set *set;
	uint8_t types, other_ttl;
	bool too_many; /* the set does not have all */
};

/* *i moves on. 0 or -ENOMEM; ret->set is the caller's. */
static int take_present(const struct rfc2136_listing *l, size_t *i, uint32_t number,
			struct present *ret)
{
	_cleanup_(free_ptr) struct ip *ips = NULL;
	size_t first = *i, n;
	int r;

	*ret = (struct present){ 0 };
	while (*i < l->n_found && l->found[*i].number == number) {
		(*i)++;
	}
	n = *i - first;
	if (!n) {
		return 0;
	}
	ips = calloc(n, sizeof(*ips));
	if (!ips) {
		return -ENOMEM;
	}
	for (size_t j = 0; j < n; j++) {
		const struct found *f = &l->found[first + j];
		uint8_t type = f->ip.n == 4 ? RFC2136_A : RFC2136_AAAA;

		ips[j] = f->ip;
		ret->types |= type;
		ret->other_ttl |= f->ttl != l->z->p->o.conf->ttl ? type : 0;
	}
	r = ip_set_new(ips, n, IP_SET_EACH_MAX, &ret->set);
	ret->too_many = r == IP_E_TOO_MANY;
	return r < 0 ? r : 0;
}

/* Whether the name is not as it should be. Notes what of it is ours. */
static bool differs(struct rfc2136_listing *l, uint32_t name, const struct present *is)
{
	struct rfc2136 *p = l->z->p;
	const struct ip_set *set = p->o.roster->sets[name];
	uint8_t wanted =
		(set && set->n_v4 ? RFC2136_A : 0) | (set && set->n_v6 ? RFC2136_AAAA : 0);
	uint8_t same = (ip_set_equal_v4(set, is->set) ? RFC2136_A : 0) |
		       (ip_set_equal_v6(set, is->set) ? RFC2136_AAAA : 0);
	uint8_t left = is->types & (uint8_t)~wanted, bad;

	if (!set && !p->o.roster->state[p->o.roster->users->names[name].user].known) {
		return false;
	}
	same = is->too_many ? 0 : same & (uint8_t)~is->other_ttl;
	bad = (wanted & (uint8_t)~same) | (left & p->owned[name]);
	if ((left & ~p->owned[name]) && says_unknown(l->z)) {
		say_unknown(l, users_name(p->o.roster->users, name));
	}
	p->owned[name] &= wanted | is->types; /* what is gone is nobody's */
	p->owned[name] |= wanted & (uint8_t)~bad;
	return bad;
}

struct comparison {
	struct changes differ; /* with what is there now */
	uint32_t *orphans;     /* that are still there */
	uint32_t n_orphans, n_names;
};

static int compare_orphan(struct rfc2136_listing *l, struct comparison *c, uint32_t index,
			  const struct present *is)
{
	struct rfc2136_orphan *o = &l->z->p->orphans[index];
	uint32_t *more;

	o->owned &= is->types;
	if (!o->owned) {
		return 0;
	}
	if (!(c->n_orphans & (c->n_orphans - 1))) { /* room for the next power of two */
		more = reallocarray(c->orphans, c->n_orphans ? 2u * c->n_orphans : 1,
				    sizeof(*more));
		if (!more) {
			return -ENOMEM;
		}
		c->orphans = more;
	}
	c->orphans[c->n_orphans++] = index;
	return 0;
}

static int compare(struct rfc2136_listing *l, struct comparison *c)
{
	const struct rfc2136 *p = l->z->p;
	uint32_t n_names = p->o.roster->users->n_names;
	size_t i = 0;
	int r = l->no_memory ? -ENOMEM : changes_init(&c->differ, n_names);

	if (l->n_found) {
		qsort(l->found, l->n_found, sizeof(*l->found), compare_found);
	}
	for (uint32_t number = 0; !r && number < n_numbers(p); number++) {
		struct present is;

		if (!is_in_zone(l->z, number)) {
			continue;
		}
		r = take_present(l, &i, number, &is);
		if (r) {
			break;
		}
		if (number >= n_names) {
			r = compare_orphan(l, c, number - n_names, &is);
		} else if (differs(l, number, &is)) {
			r = changes_note(&c->differ, number, steal_ptr(&is.set));
		}
		c->n_names += number < n_names;
		free(is.set);
	}
	return r;
}

/* What waited and is there already is published. The others keep their place and what they had before; those
 * that the server refuses stay where they are. There is room. */
static int take_comparison(struct rfc2136_zone *z, struct comparison *c)
{
	struct changes waited = z->pending;
	int r = changes_init(&z->pending, z->p->o.roster->users->n_names);

	if (!r) {
		r = changes_reserve(&z->pending, c->differ.n);
	}
	if (r) {
		changes_deinit(&z->pending);
		z->pending = waited;
		return r;
	}
	for (uint32_t i = 0; i < waited.n; i++) {
		struct change *w = &waited.list[i];

		if (changes_has(&c->differ, w->name)) {
			(void)changes_note(&z->pending, w->name, steal_ptr(&w->was));
		} else {
			output_published(&z->p->o, w);
		}
	}
	for (uint32_t i = 0; i < c->differ.n; i++) {
		struct change *d = &c->differ.list[i];

		if (!changes_has(&z->refused, d->name)) {
			(void)changes_note(&z->pending, d->name, steal_ptr(&d->was));
		}
	}
	for (uint32_t i = z->refused.n; i--;) {
		if (!changes_has(&c->differ, z->refused.list[i].name)) {
			output_published(&z->p->o, &z->refused.list[i]);
			changes_remove(&z->refused, z->refused.list[i].name);
		}
	}
	changes_deinit(&waited);
	free(z->orphans);
	z->orphans = steal_ptr(&c->orphans);
	z->n_orphans = c->n_orphans;
	return 0;
}

static void say_comparison(struct rfc2136_zone *z, uint32_t n_names)
{
	uint32_t n = z->pending.n + z->n_orphans;

	if (n) {
		log_info("%s: zone %s has %u difference%s of %u name%s; sending %s",
			 z->p->o.is->name, z->name, n, n == 1 ? "" : "s", n_names,
			 n_names == 1 ? "" : "s", n == 1 ? "it" : "them");
	} else if (!z->listed) {
		log_info("%s: zone %s is as it should be", z->p->o.is->name, z->name);
	}
	z->listed = true;
}

static void finish(struct rfc2136_zone *z)
{
	struct rfc2136_listing *l = z->listing;
	struct comparison c = { 0 };
	int r;

	r = compare(l, &c);
	if (!r) {
		r = take_comparison(z, &c);
	}
	if (!r) {
		end_unknown(l);
		z->serial = l->serial;
		z->has_serial = true;
		say_comparison(z, c.n_names);
		z->p->o.handlers->remember(&z->p->o);
		rfc2136_zone_ready(z);
		output_progress(&z->p->o);
	} else {
		rfc2136_zone_fail_errno(z, r);
	}
	changes_deinit(&c.differ);
	free(c.orphans);
}

/* --- questions --- */

/* The next number that is to be asked for; false: there is none any more. */
static bool next_number(struct rfc2136_listing *l)
{
	while (l->next < n_numbers(l->z->p) && !is_in_zone(l->z, l->next)) {
		l->next++;
	}
	return l->next < n_numbers(l->z->p);
}

static int ask(struct rfc2136_listing *l, struct question *q, const char *name,
	       enum message_type type)
{
	struct rfc2136_zone *z = l->z;
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

static const char *number_text(const struct rfc2136 *p, uint32_t number)
{
	const struct users *users = p->o.roster->users;

	return number < users->n_names ? users_name(users, number) :
					 p->orphans[number - users->n_names].text;
}

/* The zone's serial first, then both types of each name. */
static int ask_next(struct rfc2136_listing *l, struct question *q)
{
	q->open = true;
	q->is_serial = !l->serial_asked;
	l->n_open++;
	if (q->is_serial) {
		l->serial_asked = true;
		return ask(l, q, l->z->name, MESSAGE_SOA);
	}
	q->number = l->next;
	l->next += l->next_v6;
	l->next_v6 = !l->next_v6;
	return ask(l, q, number_text(l->z->p, q->number),
		   l->next_v6 ? MESSAGE_A : MESSAGE_AAAA);
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
		finish(z);
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

	l->n_found = 0;
	l->n_soa = 0;
	nameserver_hang_up(z->nameserver); /* the rest of the transfer */
	l->questions = calloc(RFC2136_WINDOW, sizeof(*l->questions));
	if (!l->questions) {
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
		add_found(a->l, a->q->number, ip, ttl);
	}
}

static void take_answer(struct rfc2136_zone *z, const uint8_t *bytes, size_t n)
{
	struct rfc2136_listing *l = z->listing;
	struct question *q = &l->questions[message_id(bytes) & (RFC2136_WINDOW - 1)];
	struct answer a = { .l = l, .q = q };
	struct message_reply reply;
	int r = q->open ? message_read(&q->sent, bytes, n, time(NULL), on_answer, &a, &reply) :
			  MESSAGE_E_OTHER;

	if (r < 0) {
		rfc2136_zone_fail_errno(z, r);
	} else if (r || reply.truncated) {
		rfc2136_zone_ignore(z, "what was asked");
	} else if (reply.rcode && reply.rcode != MESSAGE_NXDOMAIN) {
		rfc2136_zone_fail_reply(z, &reply);
	} else if (!reply.is_signed) {
		z->unsigned_reply = true;
		rfc2136_zone_ignore(z, "signed by our key");
	} else if (q->is_serial && !reply.n_soa) {
		rfc2136_zone_fail_reply(z, &(struct message_reply){ .rcode = MESSAGE_NOTAUTH,
								    .is_signed = true });
	} else {
		l->serial = q->is_serial ? reply.serial : l->serial;
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

	if (r < 0 || l->no_memory) {
		rfc2136_zone_fail_errno(z, -ENOMEM);
		return;
	}
	if (r && message_id(bytes) != z->sent.id) {
		return; /* of something that was given up */
	}
	if (r || reply.rcode || !reply.is_signed || (!l->n_soa && !reply.n_soa)) {
		begin_questions(z);
		return;
	}
	if (!l->n_soa) {
		l->serial = reply.serial;
	}
	l->n_soa += reply.n_soa;
	z->due_ms = uv_now(z->p->o.loop) + RFC2136_REPLY_MS;
	if (l->n_soa > 1) {
		finish(z);
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

	if (z->doing == RFC2136_TRANSFER && by_server && z->n_sent == 1 && !z->sent.n_replies) {
		rfc2136_zone_resend(z); /* it has closed a connection that was idle, perhaps */
	} else if (z->doing == RFC2136_TRANSFER && by_server) {
		begin_questions(z);
	} else if (z->doing == RFC2136_QUESTIONS && by_server && z->listing->answered) {
		ask_again(z);
	} else {
		rfc2136_zone_fail_errno(z, error);
	}
}

void rfc2136_listing_begin(struct rfc2136_zone *z)
{
	struct rfc2136_listing *l = calloc(1, sizeof(*l));
	int r = l ? 0 : -ENOMEM;

	rfc2136_sort_orphans(z->p);
	if (!r) {
		l->z = z;
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
		free(l->found);
		free(l->questions);
		free(l);
	}
	return NULL;
}
