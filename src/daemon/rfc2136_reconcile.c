/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What is there and what should be there. What is missing or different is sent; what is there and should not
 * be goes only if it is known to be ours. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	UNKNOWN_SAID_MAX = 20,
	FOUND_MAX = 64 * 1024, /* addresses that nobody published */
};

/* --- what nobody knows --- */

bool rfc2136_says_unknown(const struct rfc2136_zone *z)
{
	return !z->p->remembers && !z->unknown_said;
}

void rfc2136_say_unknown(struct rfc2136_findings *f, const char *name)
{
	if (f->n_unknown++ < UNKNOWN_SAID_MAX) {
		log_info(
			"%s: leaving what %s has in zone %s: nobody remembers whether we published it",
			f->z->p->o.is->name, name, f->z->name);
	}
}

static void end_unknown(struct rfc2136_findings *f)
{
	if (f->n_unknown > UNKNOWN_SAID_MAX) {
		log_info("%s: leaving what %u more names have in zone %s", f->z->p->o.is->name,
			 f->n_unknown - UNKNOWN_SAID_MAX, f->z->name);
	}
	f->z->unknown_said = true;
}

/* --- what was found --- */

void rfc2136_add_found(struct rfc2136_findings *f, uint32_t number, const struct ip *ip,
		       uint32_t ttl)
{
	const struct rfc2136 *p = f->z->p;

	/* Everything that can be there, and what else there may be; a server may send without end. */
	if (f->found.n >
	    FOUND_MAX + (size_t)rfc2136_n_numbers(p) * 2 * p->o.conf->addresses_max) {
		f->error = -EPROTO;
	} else if (found_add(&f->found, &(struct found){ .number = number, .ttl = ttl, .ip = *ip })) {
		f->error = -ENOMEM;
	}
}

/* --- the comparison --- */

/* What is there of one number. */
struct present {
	struct ip_set *set;
	uint8_t types, other_ttl;
	bool too_many; /* the set does not have all */
};

/* *i moves on. 0 or -ENOMEM; ret->set is the caller's. */
static int take_present(const struct rfc2136_findings *f, size_t *i, uint32_t number,
			struct present *ret)
{
	size_t first = *i;
	int r;

	*ret = (struct present){ 0 };
	r = found_next_set(&f->found, i, number, &ret->set);
	for (size_t j = first; j < *i; j++) {
		const struct found *at = &f->found.list[j];
		uint8_t type = at->ip.n == 4 ? RFC2136_A : RFC2136_AAAA;

		ret->types |= type;
		ret->other_ttl |= at->ttl != f->z->p->o.conf->ttl ? type : 0;
	}
	ret->too_many = r == IP_E_TOO_MANY;
	return r < 0 ? r : 0;
}

/* Whether the name is not as it should be. Notes what of it is ours. */
static bool differs(struct rfc2136_findings *f, uint32_t name, const struct present *is)
{
	struct rfc2136 *p = f->z->p;
	const struct ip_set *set = p->o.roster->sets[name];
	uint8_t wanted = rfc2136_types(set);
	uint8_t same = (ip_set_equal_v4(set, is->set) ? RFC2136_A : 0) |
		       (ip_set_equal_v6(set, is->set) ? RFC2136_AAAA : 0);
	uint8_t left = is->types & (uint8_t)~wanted, bad;

	if (!rfc2136_is_known(p, name)) {
		return false;
	}
	same = is->too_many ? 0 : same & (uint8_t)~is->other_ttl;
	same &= (uint8_t)~rfc2136_wild_types(f, users_name(p->o.roster->users, name), is->set);
	bad = (wanted & (uint8_t)~same) | (left & p->owned[name]);
	if ((left & ~p->owned[name]) && rfc2136_says_unknown(f->z)) {
		rfc2136_say_unknown(f, users_name(p->o.roster->users, name));
	}
	if (!rfc2136_is_late(p, p->owned[name] & RFC2136_LATE)) { /* what is gone is nobody's */
		p->owned[name] &= wanted | is->types | RFC2136_OTHERS;
	}
	p->owned[name] |= wanted & (uint8_t)~bad;
	return bad;
}

struct comparison {
	struct changes differ; /* with what is there now */
	uint32_t *orphans;     /* that are still there */
	uint32_t n_orphans, n_names;
	bool any_right; /* an address that is as it should be */
};

static int compare_orphan(struct rfc2136_findings *f, struct comparison *c, uint32_t index,
			  const struct present *is)
{
	struct rfc2136_orphan *o = &f->z->p->orphans[index];
	uint32_t *more;

	if (!rfc2136_is_late(f->z->p, o->late)) {
		o->owned &= is->types;
	}
	if (!(o->owned & is->types)) {
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

static int compare(struct rfc2136_findings *f, struct comparison *c)
{
	const struct rfc2136 *p = f->z->p;
	uint32_t n_names = p->o.roster->users->n_names;
	size_t i = 0;
	int r = f->error ? f->error : changes_init(&c->differ, n_names);

	found_sort(&f->found);
	r = r ? r : rfc2136_wild_take(f);
	for (uint32_t number = 0; !r && number < rfc2136_n_numbers(p); number++) {
		struct present is;

		if (!rfc2136_is_in_zone(f->z, number)) {
			continue;
		}
		r = take_present(f, &i, number, &is);
		if (r) {
			break;
		}
		if (number >= n_names) {
			r = compare_orphan(f, c, number - n_names, &is);
		} else if (differs(f, number, &is)) {
			r = changes_note(&c->differ, number, steal_ptr(&is.set));
		} else {
			c->any_right = c->any_right || p->o.roster->sets[number];
		}
		c->n_names += number < n_names;
		ip_set_free(is.set);
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
	z->n_orphans = z->orphans_size = c->n_orphans;
	z->n_refused_orphans = 0;
	return 0;
}

static void say_comparison(struct rfc2136_zone *z, uint32_t n_names)
{
	uint32_t n = z->pending.n + z->n_orphans;

	if (n && n != z->n_said) {
		log_info("%s: zone %s has %u difference%s of %u name%s; sending %s",
			 z->p->o.is->name, z->name, n, n == 1 ? "" : "s", n_names,
			 n_names == 1 ? "" : "s", n == 1 ? "it" : "them");
	} else if (!n && !z->listed) {
		log_info("%s: zone %s is as it should be", z->p->o.is->name, z->name);
	}
	z->n_said = n;
	z->listed = true;
}

void rfc2136_reconcile(struct rfc2136_zone *z, struct rfc2136_findings *f)
{
	struct comparison c = { 0 };
	int r;

	r = compare(f, &c);
	if (!r) {
		r = take_comparison(z, &c);
	}
	if (!r) {
		end_unknown(f);
		z->serial = f->serial;
		z->has_serial = true;
		z->takes = c.any_right;
		say_comparison(z, c.n_names);
		output_remember(&z->p->o);
		rfc2136_zone_ready(z);
		output_progress(&z->p->o);
	} else {
		rfc2136_zone_fail_errno(z, r);
	}
	changes_deinit(&c.differ);
	free(c.orphans);
}
