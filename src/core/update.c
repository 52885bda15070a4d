/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/update.h"

#include "core/name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What some firmwares send before the real address, to see that the service answers; not loopback and
 * the like, which are never published anyway. */
static const struct ip dummies[] = {
	{ 4, { 192, 168, 1, 1 } }, { 16, { 0xfd, 0, 0, 0x0d, [15] = 1 } }, /* fd00:d::1 */
};

static const char OTHER_FAMILY[] = "the address it comes from, which is of the other family";
static const char SPECIAL[] = "an address that is never published";
static const char TOO_MANY[] = "more addresses of one family than addresses_max allows";

/* What one family of one name may come to: what the request says, and a prefix before all it has. */
enum { FAMILY_MAX = REQUEST_IPS_MAX + IP_SET_EACH_MAX };

/* One family of one host, while it is worked out. */
struct work {
	struct ip ips[FAMILY_MAX]; /* to be set */
	size_t n;
	struct ip left_out[REQUEST_IPS_MAX]; /* dummies, which are acknowledged and not written */
	size_t n_left_out;
	const char *why;
};

struct context {
	const struct update_input *in;
	uint32_t first; /* of the user's names */
	struct update *u;
	uint32_t overrides[REQUEST_OVERRIDES_MAX]; /* the names they are of; TABLE_NONE */
	struct work v4, v6;
	struct ip scratch[2 * FAMILY_MAX];
};

static bool is_allowed(const struct update_input *in, uint32_t name)
{
	uint32_t first = in->users->users[in->user].first_name;

	return users_owner(in->users, name) == in->user &&
	       (!in->allowed || in->allowed[name - first]);
}

/* --- which hosts --- */

/* The only one of the user's names that begins with this label. */
static uint32_t find_label(const struct update_input *in, struct text t)
{
	uint32_t first = in->users->users[in->user].first_name, found = TABLE_NONE;

	for (uint32_t i = 0; i < users_n_names(in->users, in->user); i++) {
		const char *name = users_name(in->users, first + i);

		if (is_allowed(in, first + i) && !strncasecmp(name, t.at, t.n) &&
		    name[t.n] == '.') {
			if (found != TABLE_NONE) {
				return TABLE_NONE; /* which one is meant? */
			}
			found = first + i;
		}
	}
	return found;
}

static struct update_host find_host(const struct update_input *in, struct text t)
{
	struct update_host h = { .text = t, .name = TABLE_NONE, .outcome = UPDATE_NOHOST };
	char name[NAME_SIZE];
	size_t n;
	int e = name_canon(t.at, t.n, name, &n);

	if (!e) {
		h.name = users_find_name(in->users, name, n);
	} else if (e == NAME_E_SHORT && in->request->dialect->labels) {
		h.name = find_label(in, t);
	} else if (e == NAME_E_SHORT || e == NAME_E_EMPTY) {
		h.outcome = UPDATE_NOTFQDN;
	}
	if (h.name != TABLE_NONE && is_allowed(in, h.name)) {
		h.outcome = UPDATE_GOOD;
	} else {
		h.name = TABLE_NONE;
	}
	return h;
}

/* The request names no host: the user name may be one; or the secret is good for one only. */
static size_t find_default_hosts(const struct update_input *in, struct update_host *hosts)
{
	uint32_t first = in->users->users[in->user].first_name;
	struct update_host h;
	size_t n = 0;

	if (in->request->user.n) {
		h = find_host(in, in->request->user);
		if (h.name != TABLE_NONE) {
			hosts[0] = h;
			return 1;
		}
	}
	for (uint32_t i = 0; i < users_n_names(in->users, in->user); i++) {
		if (is_allowed(in, first + i)) {
			hosts[n++] = (struct update_host){ .name = first + i };
		}
	}
	if (n && (n == 1 || in->request->dialect->all_hosts)) {
		return n;
	}
	hosts[0] = (struct update_host){ .name = TABLE_NONE, .outcome = UPDATE_NOTFQDN };
	return 1;
}

static int find_hosts(const struct update_input *in, struct update *u)
{
	const struct request *r = in->request;
	size_t room = REQUEST_HOSTS_MAX + users_n_names(in->users, in->user);

	u->hosts = calloc(room, sizeof(*u->hosts));
	if (!u->hosts) {
		return -ENOMEM;
	}
	for (unsigned i = 0; i < r->n_hosts; i++) {
		u->hosts[u->n_hosts++] = find_host(in, r->hosts[i]);
	}
	if (!r->n_hosts) {
		u->n_hosts = find_default_hosts(in, u->hosts);
	}
	return 0;
}

/* --- addresses --- */

static bool same_ip(const struct ip *a, const struct ip *b)
{
	return a->n == b->n && !memcmp(a->bytes, b->bytes, a->n);
}

static void add(struct context *c, struct work *w, const struct ip *ip)
{
	if (ip_special(ip)) {
		w->why = SPECIAL;
		return;
	}
	if (!ip_nets_accept(&c->in->conf->networks, ip)) {
		w->why = "an address that the configured networks do not accept";
		return;
	}
	for (size_t i = 0; i < w->n; i++) {
		if (same_ip(&w->ips[i], ip)) {
			return;
		}
	}
	if (w->n < sizeof(w->ips) / sizeof(*w->ips)) {
		w->ips[w->n++] = *ip;
	}
}

static bool is_dummy(const struct context *c, const struct ip *ip)
{
	if (ip_special(ip)) {
		return true;
	}
	for (size_t i = 0; i < sizeof(dummies) / sizeof(*dummies); i++) {
		if (same_ip(ip, &dummies[i])) {
			return !ip_nets_accept(&c->in->conf->networks, ip);
		}
	}
	return false;
}

/* Only what the client has written down can be a dummy. */
static void add_sent(struct context *c, struct work *w, const struct ip *ip)
{
	if (!is_dummy(c, ip)) {
		add(c, w, ip);
	} else if (w->n_left_out < REQUEST_IPS_MAX) {
		w->left_out[w->n_left_out++] = *ip;
	}
}

/* The first bits of the prefix, the others of the identifier. false: there would be no identifier. */
static bool join(const struct ip *prefix, unsigned bits, const uint8_t *id, struct ip *ret)
{
	bool any = false;

	*ret = *prefix;
	for (unsigned bit = 0; bit < prefix->n * 8u; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8), *byte = &ret->bytes[bit / 8];

		if (bit >= bits) {
			*byte = (uint8_t)((*byte & ~mask) | (id[bit / 8] & mask));
			any = any || id[bit / 8] & mask;
		}
	}
	return any;
}

/* Below the prefix, what is configured for the name; or else, where no addresses stand beside the
 * prefix, what is behind the first bits of what it has now. */
static void add_below(struct context *c, struct work *w, uint32_t name, const struct ip *prefix,
		      unsigned bits)
{
	const uint8_t *id = prefix->n == 16 ? conf_interface_id(c->in->conf, name) : NULL;
	const struct ip_set *now = c->in->now[name - c->first];
	bool any = false;
	struct ip ip;

	if (id && join(prefix, bits, id, &ip)) {
		add(c, w, &ip);
		return;
	}
	if (w->n) { /* or each of these would be one more identifier the next time */
		return;
	}
	for (size_t i = 0; i < ip_set_n(now); i++) {
		size_t n;
		const uint8_t *bytes = ip_set_at(now, i, &n);

		if (n == prefix->n && join(prefix, bits, bytes, &ip)) {
			add(c, w, &ip);
			any = true;
		}
	}
	if (!any) {
		w->why = "a prefix, for a name that has neither an interface_id nor an address";
	}
}

static bool lan_prefix(const struct update_input *in, struct ip *ret)
{
	*ret = in->request->lan_prefix_peer ? in->peer : in->request->lan_prefix;
	return in->request->has_lan_prefix && ret->n == 16;
}

/* What one family of one host is to be. false: it stays as it is. */
static bool work_family(struct context *c, uint32_t name, const struct request_family *f,
			uint8_t n, struct work *w)
{
	const struct request *r = c->in->request;
	struct ip prefix;

	w->n = w->n_left_out = 0;
	w->why = NULL;
	if (r->use_peer && !c->in->peer.n) {
		w->why = "no address, and the proxy does not tell where it comes from";
		return false;
	}
	if (r->use_peer && c->in->peer.n == n) {
		add(c, w, &c->in->peer);
		return w->n;
	}
	if (n == 16 && f->wish <= WISH_KEEP && r->has_lan_prefix) {
		if (lan_prefix(c->in, &prefix)) {
			add_below(c, w, name, &prefix, r->lan_prefix_bits);
		} else {
			w->why = OTHER_FAMILY;
		}
		return w->n;
	}
	if (f->wish == WISH_REMOVE) {
		return true;
	}
	if (f->wish != WISH_SET) {
		return false;
	}
	for (unsigned i = 0; i < f->n; i++) {
		add_sent(c, w, &f->ips[i]);
	}
	if (f->peer && c->in->peer.n == n) {
		add(c, w, &c->in->peer);
	} else if (f->peer) {
		w->why = OTHER_FAMILY;
	}
	if (f->has_prefix) {
		add_below(c, w, name, &f->prefix, f->prefix_bits);
	}
	return w->n;
}

/* Gives the name these families; with NULL for one, that stays. Returns 0, IP_E_TOO_MANY or -ENOMEM. */
static int put(struct context *c, uint32_t name, const struct work *v4, const struct work *v6)
{
	struct ip_set **there = &c->u->sets[name - c->first], *set;
	size_t n = 0;
	int r;

	for (size_t i = 0; v4 && i < v4->n; i++) {
		c->scratch[n++] = v4->ips[i];
	}
	for (size_t i = 0; v6 && i < v6->n; i++) {
		c->scratch[n++] = v6->ips[i];
	}
	n = (size_t)(ip_set_copy(c->scratch + n, *there, !v4, !v6) - c->scratch);
	r = ip_set_new(c->scratch, n, c->in->conf->addresses_max, &set);
	if (!r) {
		ip_set_free(*there);
		*there = set;
	}
	return r;
}

static int echo(struct update_host *h, const struct work *v4, const struct work *v6)
{
	const struct work *both[] = { v4, v6 };
	bool any = v4->n || v6->n;

	h->echo = calloc(v4->n + v6->n + v4->n_left_out + v6->n_left_out + 1, sizeof(*h->echo));
	if (!h->echo) {
		return -ENOMEM;
	}
	for (int i = 0; i < 2; i++) {
		const struct work *w = both[i];
		size_t n = any ? w->n : w->n_left_out;

		if (n) {
			memcpy(h->echo + h->n_echo, any ? w->ips : w->left_out,
			       n * sizeof(*h->echo));
		}
		h->n_echo += n;
	}
	return 0;
}

/* What the request says of this name's family. */
static const struct request_family *family_of(const struct context *c, uint32_t name,
					      bool is_v6)
{
	const struct request *r = c->in->request;

	for (unsigned i = 0; i < r->n_overrides; i++) {
		if (c->overrides[i] == name && r->overrides[i].is_v6 == is_v6) {
			return &r->overrides[i].family;
		}
	}
	return is_v6 ? &r->v6 : &r->v4;
}

static int apply_host(struct context *c, struct update_host *h)
{
	bool set_v4 = work_family(c, h->name, family_of(c, h->name, false), 4, &c->v4);
	bool set_v6 = work_family(c, h->name, family_of(c, h->name, true), 16, &c->v6);
	int e = 0;

	h->why = c->v4.why ? c->v4.why : c->v6.why;
	if (set_v4 || set_v6) {
		e = put(c, h->name, set_v4 ? &c->v4 : NULL, set_v6 ? &c->v6 : NULL);
	}
	if (e == IP_E_TOO_MANY) {
		h->why = TOO_MANY;
		h->outcome = UPDATE_DNSERR;
		return 0;
	}
	if (e) {
		return e;
	}
	if (!set_v4 && !set_v6 && h->why) {
		h->outcome = UPDATE_DNSERR;
		return 0;
	}
	h->dummy = !set_v4 && !set_v6 && (c->v4.n_left_out || c->v6.n_left_out);
	if (h->dummy) {
		h->why = SPECIAL;
	}
	return echo(h, &c->v4, &c->v6);
}

/* The families in which a deletion names an address, or comes from one. */
static int delete_host(struct context *c, struct update_host *h)
{
	const struct request *r = c->in->request;
	static const struct work none;
	int e;

	h->v4 = r->use_peer ? c->in->peer.n == 4 : r->v4.wish >= WISH_REMOVE;
	h->v6 = r->use_peer ? c->in->peer.n == 16 :
			      r->v6.wish >= WISH_REMOVE || r->has_lan_prefix;
	h->outcome = UPDATE_DELETED;
	e = put(c, h->name, h->v4 ? &none : NULL, h->v6 ? &none : NULL);
	if (e == IP_E_TOO_MANY) { /* the family that would stay */
		h->why = TOO_MANY;
		h->outcome = UPDATE_DNSERR;
		return 0;
	}
	return e;
}

static bool is_named(const struct update *u, uint32_t name)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		if (u->hosts[i].name == name) {
			return true;
		}
	}
	return false;
}

/* Hosts that stand in such a parameter only; they have no line in the answer. */
static int apply_overrides(struct context *c)
{
	const struct request *r = c->in->request;
	int e = 0;

	for (unsigned i = 0; e >= 0 && i < r->n_overrides; i++) {
		const struct request_override *o = &r->overrides[i];
		struct work *w = o->is_v6 ? &c->v6 : &c->v4;
		uint32_t name = c->overrides[i];

		if (name != TABLE_NONE && !is_named(c->u, name) &&
		    work_family(c, name, &o->family, o->is_v6 ? 16 : 4, w)) {
			e = put(c, name, o->is_v6 ? NULL : w, o->is_v6 ? w : NULL);
		}
	}
	return e < 0 ? e : 0;
}

static bool any_host(const struct update *u)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		if (u->hosts[i].name != TABLE_NONE) {
			return true;
		}
	}
	return false;
}

/* A new prefix is that of every host behind it, named or not; but who hears only of mistakes has
 * changed nothing. */
static int apply_lan_prefix(struct context *c)
{
	struct ip prefix;

	if (!lan_prefix(c->in, &prefix)) {
		return 0;
	}
	for (uint32_t i = 0; i < c->u->n_sets; i++) {
		uint32_t name = c->first + i;
		bool done = !is_allowed(c->in, name) || is_named(c->u, name) ||
			    !conf_interface_id(c->in->conf, name);
		int e;

		c->v6.n = c->v6.n_left_out = 0;
		if (!done) {
			add_below(c, &c->v6, name, &prefix, c->in->request->lan_prefix_bits);
		}
		e = c->v6.n ? put(c, name, NULL, &c->v6) : 0;
		if (e < 0) {
			return e;
		}
	}
	return 0;
}

/* --- the whole --- */

static int copy_sets(const struct update_input *in, struct update *u)
{
	u->n_sets = users_n_names(in->users, in->user);
	u->sets = calloc(u->n_sets + 1, sizeof(*u->sets));
	if (!u->sets) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < u->n_sets; i++) {
		if (ip_set_join(in->now[i], NULL, &u->sets[i])) {
			return -ENOMEM;
		}
	}
	return 0;
}

/* What is already so needs no change; and a request is one change, whichever host it is of. */
static void compare(struct context *c)
{
	for (size_t i = 0; i < c->u->n_sets; i++) {
		c->u->changed = c->u->changed || !ip_set_equal(c->u->sets[i], c->in->now[i]);
	}
	for (size_t i = 0; i < c->u->n_hosts; i++) {
		struct update_host *h = &c->u->hosts[i];

		if (h->outcome == UPDATE_GOOD && !h->dummy &&
		    ip_set_equal(c->u->sets[h->name - c->first],
				 c->in->now[h->name - c->first])) {
			h->outcome = UPDATE_NOCHG;
		}
	}
}

static int apply_all(struct context *c)
{
	bool deletes = c->in->request->dialect->action == REQUEST_DELETE;
	int e = 0;

	for (size_t i = 0; !e && i < c->u->n_hosts; i++) {
		struct update_host *h = &c->u->hosts[i];

		if (h->name == TABLE_NONE) {
			continue;
		}
		if (c->in->request->bad.at) { /* all of it, or nothing */
			h->outcome = UPDATE_DNSERR;
			h->why = "what is not an address";
		} else {
			e = deletes ? delete_host(c, h) : apply_host(c, h);
		}
	}
	if (!e && !c->in->request->bad.at && !deletes && any_host(c->u)) {
		e = apply_lan_prefix(c);
		if (!e) {
			e = apply_overrides(c);
		}
	}
	return e;
}

int update_apply(const struct update_input *in, struct update *ret)
{
	struct update u = { 0 };
	struct context c; /* large: it is written as far as it is used */
	int e = find_hosts(in, &u);

	if (!e) {
		e = copy_sets(in, &u);
	}
	if (!e) {
		c.in = in;
		c.u = &u;
		c.first = in->users->users[in->user].first_name;
		memset(c.overrides, 0xff, sizeof(c.overrides)); /* all TABLE_NONE */
		for (unsigned i = 0; i < in->request->n_overrides; i++) {
			struct text host = in->request->overrides[i].host;

			c.overrides[i] = find_host(in, host).name;
			if (c.overrides[i] == TABLE_NONE) {
				u.strangers[u.n_strangers++] = host;
			}
		}
		e = apply_all(&c);
	}
	if (e) {
		update_deinit(&u);
		return e;
	}
	compare(&c);
	*ret = u;
	return 0;
}

void update_deinit(struct update *u)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		free(u->hosts[i].echo);
	}
	for (size_t i = 0; u->sets && i < u->n_sets; i++) {
		ip_set_free(u->sets[i]);
	}
	free(u->hosts);
	free(u->sets);
	*u = (struct update){ 0 };
}
