/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The output that sends UPDATEs (RFC 2136), signed by TSIG, to a name server that has the zones. Each zone goes
 * its own way (rfc2136_zone.c); here is what they have in common, and what is remembered over a restart: of
 * which names the addresses are, or may be, ours. Nothing else is ever taken away. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/name.h"
#include "core/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_TEXT " others"
#define LATE_TEXT " late"
/* Lines that are of no name: whether an update may be under way of which the others say nothing. */
#define STOPPED_TEXT "stopped"
#define BEGUN_TEXT "begun"

enum { STOP_MS = 2000 };

static const char *const types_text[] = {
	[RFC2136_A] = "a",
	[RFC2136_AAAA] = "aaaa",
	[RFC2136_A | RFC2136_AAAA] = "both",
};

static struct rfc2136 *rfc2136_of(struct output *o)
{
	return (struct rfc2136 *)o;
}

/* --- names --- */

bool rfc2136_is_known(const struct rfc2136 *p, uint32_t name)
{
	return p->o.roster->sets[name] || p->o.roster->state[users_owner(p->o.roster->users, name)].known ||
	       p->owned[name] & RFC2136_OTHERS;
}

static int compare_orphans(const void *a, const void *b)
{
	const struct rfc2136_orphan *x = a, *y = b;

	return strcmp(x->text, y->text);
}

/* State and claims may both have one: it is one, of which both are true. */
static void join_orphans(struct rfc2136 *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_orphans; i++) {
		if (n && !compare_orphans(&p->orphans[n - 1], &p->orphans[i])) {
			p->orphans[n - 1].owned |= p->orphans[i].owned;
			p->orphans[n - 1].late |= p->orphans[i].late;
			free(p->orphans[i].text);
		} else {
			p->orphans[n++] = p->orphans[i];
		}
	}
	p->n_orphans = n;
}

/* Once: afterwards none is added while zones know their places. */
void rfc2136_sort_orphans(struct rfc2136 *p)
{
	if (!p->orphans_sorted && p->n_orphans) {
		qsort(p->orphans, p->n_orphans, sizeof(*p->orphans), compare_orphans);
		join_orphans(p);
	}
	p->orphans_sorted = true;
}

uint32_t rfc2136_find(const struct rfc2136 *p, const char *name)
{
	const struct users *users = p->o.roster->users;
	const struct rfc2136_orphan key = { .text = (char *)name }; /* which is only read */
	uint32_t number = users_find_name(users, name, strlen(name));
	const struct rfc2136_orphan *o;

	if (number != TABLE_NONE || !p->n_orphans) {
		return number;
	}
	o = bsearch(&key, p->orphans, p->n_orphans, sizeof(*p->orphans), compare_orphans);
	return o ? users->n_names + (uint32_t)(o - p->orphans) : TABLE_NONE;
}

const char *rfc2136_name(const struct rfc2136 *p, uint32_t number)
{
	const struct users *users = p->o.roster->users;

	return number < users->n_names ? users_name(users, number) :
					 p->orphans[number - users->n_names].text;
}

/* What is under way may be there. */
static uint8_t owned_of(const struct rfc2136 *p, uint32_t number)
{
	uint32_t n_names = p->o.roster->users->n_names;
	uint8_t owned = number < n_names ? p->owned[number] : p->orphans[number - n_names].owned;

	return (owned | owned >> RFC2136_SENT_SHIFT) & RFC2136_BOTH;
}

void rfc2136_unclear(struct rfc2136 *p, uint32_t number)
{
	uint32_t n_names = p->o.roster->users->n_names;

	if (number < n_names) {
		p->owned[number] |= RFC2136_LATE;
	} else if (number - n_names < p->n_orphans) { /* else it is a wildcard above them */
		p->orphans[number - n_names].late = true;
	}
	p->late_ms = uv_now(p->o.loop) + RFC2136_LATE_MS;
}

bool rfc2136_is_late(const struct rfc2136 *p, bool late)
{
	return late && uv_now(p->o.loop) < p->late_ms;
}

bool rfc2136_is_in_zone(const struct rfc2136_zone *z, uint32_t number)
{
	const struct rfc2136 *p = z->p;
	uint32_t n_names = p->o.roster->users->n_names;

	return number < n_names ? p->zone_of[number] == z->number :
				  p->orphans[number - n_names].owned &&
					  p->orphans[number - n_names].zone == z->number;
}

static uint16_t zone_of(const struct conf_output *is, const char *name)
{
	unsigned zone;

	return conf_output_covers(is, name, &zone) ? (uint16_t)zone : RFC2136_NO_ZONE;
}

static int add_orphan(struct rfc2136 *p, const char *text, uint8_t owned)
{
	struct rfc2136_orphan o = {
		.zone = zone_of(p->o.is, text),
		.owned = owned & RFC2136_BOTH,
		.late = owned & RFC2136_LATE,
	};

	if (p->n_orphans == p->orphans_size) {
		uint32_t size = p->orphans_size ? 2 * p->orphans_size : 16;
		struct rfc2136_orphan *more = reallocarray(p->orphans, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		p->orphans = more;
		p->orphans_size = size;
	}
	o.text = strdup(text);
	if (!o.text) {
		return -ENOMEM;
	}
	p->orphans[p->n_orphans++] = o;
	p->orphans_sorted = false;
	return 0;
}

/* It is ours: of the roster, or not any more. */
static int add_owned(struct rfc2136 *p, const char *text, uint8_t owned)
{
	uint32_t name = users_find_name(p->o.roster->users, text, strlen(text));

	if (name == TABLE_NONE) {
		return add_orphan(p, text, owned);
	}
	p->owned[name] |= owned;
	return 0;
}

/* --- the memory --- */

/* It may still come into force. */
static bool late_of(const struct rfc2136 *p, uint32_t number)
{
	uint32_t n_names = p->o.roster->users->n_names;
	bool is_name = number < n_names;

	return (is_name && p->owned[number] >> RFC2136_SENT_SHIFT) ||
	       rfc2136_is_late(p, is_name ? p->owned[number] & RFC2136_LATE : p->orphans[number - n_names].late);
}

/* It is to go although nothing is known of who has the name now, or will have it. */
static bool others_of(const struct rfc2136 *p, uint32_t number)
{
	const struct users *users = p->o.roster->users;

	return number >= users->n_names || (p->owned[number] & RFC2136_OTHERS &&
					    !p->o.roster->state[users_owner(users, number)].known);
}

void rfc2136_print(struct buf *to, const struct rfc2136 *p, uint32_t number)
{
	uint8_t owned = owned_of(p, number);

	if (owned) {
		buf_adds(to, " ");
		buf_adds(to, p->o.is->name);
		buf_adds(to, " ");
		buf_adds(to, rfc2136_name(p, number));
		buf_adds(to, " ");
		buf_adds(to, types_text[owned]);
		buf_adds(to, others_of(p, number) ? OTHERS_TEXT : "");
		buf_adds(to, late_of(p, number) ? LATE_TEXT "\n" : "\n");
	}
}

void rfc2136_print_begun(struct buf *to, struct rfc2136 *p)
{
	if (p->was_stopped) {
		buf_printf(to, " %s " BEGUN_TEXT "\n", p->o.is->name);
		p->was_stopped = false;
	}
}

static bool print_memory(struct output *o, uint32_t number, struct buf *to)
{
	struct rfc2136 *p = rfc2136_of(o);

	rfc2136_sort_orphans(p);	/* so that they keep their places until the last is printed */
	if (number == rfc2136_n_numbers(p) && p->stopping) {	/* and nothing more is sent */
		buf_printf(to, " %s " STOPPED_TEXT "\n", o->is->name);
		return true;
	}
	if (number >= rfc2136_n_numbers(p)) {
		return false;
	}
	rfc2136_print(to, p, number);
	return true;
}

/* Takes the word off the text's end. */
static bool take_end(const char *text, size_t *n, const char *word)
{
	size_t n_word = strlen(word);
	bool has = *n > n_word && !memcmp(text + *n - n_word, word, n_word);

	*n -= has ? n_word : 0;
	return has;
}

/* "NAME a", "NAME aaaa" or "NAME both", and behind it " others", " late" or both. */
static void take_memory(struct output *o, const char *text, size_t n)
{
	struct rfc2136 *p = rfc2136_of(o);
	bool late = take_end(text, &n, LATE_TEXT), others = take_end(text, &n, OTHERS_TEXT);
	const char *blank = memchr(text, ' ', n);
	size_t n_name = blank ? (size_t)(blank - text) : 0, n_canon;
	char name[NAME_SIZE];
	uint8_t owned = RFC2136_A | RFC2136_AAAA;

	if (text_is((struct text){ text, n }, STOPPED_TEXT) || text_is((struct text){ text, n }, BEGUN_TEXT)) {
		p->was_stopped = *text == *STOPPED_TEXT;
		return;
	}
	if (!blank || name_canon(text, n_name, name, &n_canon)) {
		return;
	}
	while (owned && (strlen(types_text[owned]) != n - n_name - 1 ||
			 memcmp(types_text[owned], blank + 1, n - n_name - 1) != 0)) {
		owned--;
	}
	if (!owned) {
		return;
	}
	p->remembers = true;
	if (late) {
		p->late_ms = uv_now(p->o.loop) + RFC2136_LATE_MS;
	}
	owned |= (late ? RFC2136_LATE : 0) | (others ? RFC2136_OTHERS : 0);
	(void)add_owned(p, name, owned); /* without memory it is left where it is */
}

static void pass(struct output *o, uint32_t name)
{
	rfc2136_of(o)->owned[name] |= RFC2136_OTHERS;
}

/* Who takes a zone out of the output may think that what is ours goes with it. */
static void say_left(struct rfc2136 *p)
{
	uint32_t n_names = p->o.roster->users->n_names, n = 0;
	const char *first = NULL;

	for (uint32_t i = 0; i < rfc2136_n_numbers(p); i++) {
		uint16_t zone = i < n_names ? p->zone_of[i] : p->orphans[i - n_names].zone;

		if (owned_of(p, i) && zone == RFC2136_NO_ZONE) {
			first = n++ ? first : rfc2136_name(p, i);
		}
	}
	if (n > p->n_left_said) {
		log_warning("%s: %s%s in none of its zones any more; what was published there stays", p->o.is->name, first,
			    n > 1 ? " and others are" : " is");
	}
	p->n_left_said = n;
}

/* --- publishing --- */

/* If we were killed, an update may have been under way that was about what was ours already. */
static void take_start(struct rfc2136 *p)
{
	for (uint32_t i = 0; !p->begun && !p->was_stopped && i < rfc2136_n_numbers(p); i++) {
		if (owned_of(p, i)) {
			rfc2136_unclear(p, i);
		}
	}
}

void rfc2136_attempted(struct rfc2136_zone *z)
{
	struct rfc2136 *p = z->p;

	if (!z->attempted) {
		z->attempted = true;
		if (!--p->n_to_attempt && !p->stopping) {
			output_attempted(&p->o);
		}
	}
}

static void changed(struct output *o, bool again)
{
	struct rfc2136 *p = rfc2136_of(o);

	take_start(p);
	if (!p->begun) {
		p->begun = true;
		say_left(p);
	}
	for (uint32_t i = 0; i < o->pending.n; i++) {
		struct change *c = &o->pending.list[i];
		uint16_t zone = p->zone_of[c->name];

		if (zone == RFC2136_NO_ZONE) {
			continue;
		}
		changes_remove(&p->zones[zone]->refused, c->name);
		if (changes_note(&p->zones[zone]->pending, c->name, steal_ptr(&c->was))) {
			p->zones[zone]->ready = false; /* the comparison finds it */
		}
	}
	changes_clear(&o->pending);
	for (unsigned i = 0; i < p->n_zones; i++) {
		rfc2136_zone_changed(p->zones[i], again);
	}
	if (again) {
		output_verify_again(o);
	}
}

static void claimed(struct output *o, uint64_t upto)
{
	struct rfc2136 *p = rfc2136_of(o);

	for (unsigned i = 0; i < p->n_zones; i++) {
		rfc2136_zone_claimed(p->zones[i], upto);
	}
}

static void hurry(struct output *o)
{
	struct rfc2136 *p = rfc2136_of(o);

	for (unsigned i = 0; i < p->n_zones; i++) {
		rfc2136_zone_hurry(p->zones[i]);
	}
}

/* --- the end --- */

static void on_stop_timer(uv_timer_t *timer)
{
	output_stopped(timer->data);
}

void rfc2136_look_stopped(struct rfc2136 *p)
{
	for (unsigned i = 0; i < p->n_zones; i++) {
		if (p->zones[i]->doing == RFC2136_UPDATE) {
			return;
		}
	}
	(void)uv_timer_stop(&p->timer); /* cannot fail */
	output_stopped(&p->o);
}

static void stop(struct output *o)
{
	struct rfc2136 *p = rfc2136_of(o);

	take_start(p);
	p->begun = p->stopping = true;
	output_remember(o);
	(void)uv_timer_start(&p->timer, on_stop_timer, STOP_MS, 0);
	for (unsigned i = 0; i < p->n_zones; i++) {
		rfc2136_zone_stop(p->zones[i]);
	}
	rfc2136_look_stopped(p);
}

/* --- what is known --- */

static enum publish_where where(struct output *o, uint32_t name, const char **ret_why)
{
	const struct rfc2136 *p = rfc2136_of(o);
	struct rfc2136_zone *z;

	if (p->zone_of[name] == RFC2136_NO_ZONE) {
		return PUBLISH_NOT_HERE;
	}
	z = p->zones[p->zone_of[name]];
	if (changes_has(&z->refused, name)) {
		*ret_why = buf_str(&z->refused_why);
		return PUBLISH_FAILS;
	}
	if (z->ready && !changes_has(&z->pending, name) && !changes_has(&z->flying, name)) {
		return PUBLISH_DONE;
	}
	if (z->failing) {
		*ret_why = buf_str(&z->latest_why);
		return PUBLISH_FAILS;
	}
	return PUBLISH_WAITS;
}

static enum publish_where whole(struct output *o, const char **ret_why, uint32_t *ret_waiting)
{
	struct rfc2136 *p = rfc2136_of(o);
	enum publish_where worst = PUBLISH_DONE;

	*ret_waiting = o->pending.n;
	for (unsigned i = 0; i < p->n_zones; i++) {
		struct rfc2136_zone *z = p->zones[i];

		*ret_waiting += z->pending.n + z->flying.n + z->refused.n + z->n_refused_orphans;
		if (z->failing || rfc2136_any_refused(z)) {
			*ret_why = buf_str(z->failing ? &z->latest_why : &z->refused_why);
			worst = PUBLISH_FAILS;
		} else if (!z->ready && worst == PUBLISH_DONE) {
			worst = PUBLISH_WAITS;
		}
	}
	return worst == PUBLISH_DONE && *ret_waiting ? PUBLISH_WAITS : worst;
}

/* --- making and replacing --- */

static void drop_tables(struct rfc2136 *p)
{
	for (unsigned i = 0; p->zones && i < p->n_zones; i++) {
		p->zones[i] = rfc2136_zone_free(p->zones[i]);
	}
	free(p->zones);
	free(p->zone_of);
	free(p->owned);
	for (uint32_t i = 0; i < p->n_orphans; i++) {
		free(p->orphans[i].text);
	}
	free(p->orphans);
}

/* All that has to do with names and zones, for p->o as it is; the zones are those of `of`. drop_tables in any
 * case. 0 or -ENOMEM. */
static int make_tables(struct rfc2136 *p, struct rfc2136 *of)
{
	const struct users *users = p->o.roster->users;
	int r = 0;

	p->n_zones = p->n_to_attempt = p->o.is->n_zones;
	p->zones = calloc(p->n_zones + 1u, sizeof(struct rfc2136_zone *));
	p->zone_of = calloc(users->n_names + 1u, sizeof(*p->zone_of));
	p->owned = calloc(users->n_names + 1u, 1);
	if (!p->zones || !p->zone_of || !p->owned) {
		return -ENOMEM;
	}
	for (unsigned i = 0; !r && i < p->n_zones; i++) {
		r = rfc2136_zone_new(of, &p->o, i, &p->zones[i]);
	}
	for (uint32_t name = 0; name < users->n_names; name++) {
		p->zone_of[name] = zone_of(p->o.is, users_name(users, name));
	}
	return r;
}

/* A name that is in both may be another user's by now. */
static bool is_others(const struct users *users, uint32_t name, const struct users *old,
		      uint32_t before)
{
	return strcmp(users_user(users, users_owner(users, name)),
		      users_user(old, users_owner(old, before))) != 0;
}

static int inherit_owned(struct rfc2136 *p, const struct rfc2136 *old,
			 const struct users *users)
{
	int r = 0;

	for (uint32_t name = 0; !r && name < users->n_names; name++) {
		const char *text = users_name(users, name);
		uint32_t now = users_find_name(p->o.roster->users, text, strlen(text));

		r = old->owned[name] ? add_owned(p, text, old->owned[name]) : 0;
		if (now != TABLE_NONE && is_others(p->o.roster->users, now, users, name)) {
			p->owned[now] |= RFC2136_OTHERS;
		}
	}
	for (uint32_t i = 0; !r && i < old->n_orphans; i++) {
		r = old->orphans[i].owned ?
			    add_owned(p, old->orphans[i].text,
				      old->orphans[i].owned | RFC2136_OTHERS |
					      (old->orphans[i].late ? RFC2136_LATE : 0)) :
			    0;
	}
	return r;
}

/* What it had not published is pending again; without memory the comparison finds it. */
static void inherit_zone(struct rfc2136 *p, const struct roster *old, struct rfc2136_zone *z)
{
	output_renumber(&p->o, old, &z->flying, &p->o.pending);
	output_renumber(&p->o, old, &z->pending, &p->o.pending);
	output_renumber(&p->o, old, &z->refused, &p->o.pending);
	for (unsigned i = 0; i < p->n_zones; i++) {
		if (!strcmp(p->zones[i]->name, z->name)) {
			p->zones[i]->unknown_said = z->unknown_said;
			p->zones[i]->listed = z->listed;
		}
	}
}

static int replace(struct output *o, const struct roster *old)
{
	struct rfc2136 *p = rfc2136_of(o);
	struct rfc2136 new = { .o = *o }, before = *p;
	int r = make_tables(&new, p);

	for (unsigned i = 0; i < p->n_zones; i++) {
		rfc2136_unanswered(p->zones[i]);
	}
	if (!r) {
		r = inherit_owned(&new, p, old->users);
	}
	if (r) {
		drop_tables(&new);
		return r;
	}
	p->zones = new.zones;
	p->n_zones = p->n_to_attempt = new.n_zones;
	p->zone_of = new.zone_of;
	p->owned = new.owned;
	p->orphans = new.orphans;
	p->n_orphans = new.n_orphans;
	p->orphans_size = new.orphans_size;
	p->orphans_sorted = false;
	for (unsigned i = 0; i < before.n_zones; i++) {
		inherit_zone(p, old, before.zones[i]);
	}
	drop_tables(&before);
	say_left(p);
	return 0;
}

static void closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void close_all(struct output *o)
{
	struct rfc2136 *p = rfc2136_of(o);

	drop_tables(p);
	output_deinit(o);
	uv_close((uv_handle_t *)&p->timer, closed);
}

static const struct output_class class_rfc2136 = {
	.changed = changed,
	.hurry = hurry,
	.stop = stop,
	.replace = replace,
	.where = where,
	.whole = whole,
	.print_memory = print_memory,
	.take_memory = take_memory,
	.pass = pass,
	.claimed = claimed,
	.free = close_all,
};

int rfc2136_new(struct uv_loop_s *loop, const struct conf *conf, const struct conf_output *is,
		struct roster *roster, struct publish *publish, struct output **ret)
{
	struct rfc2136 *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		return -ENOMEM;
	}
	(void)uv_timer_init(loop, &p->timer); /* cannot fail */
	p->timer.data = p;
	r = output_init(&p->o, &class_rfc2136, loop, conf, is, roster, publish);
	if (!r) {
		r = make_tables(p, p);
	}
	if (r) {
		close_all(&p->o);
		return r;
	}
	*ret = &p->o;
	return 0;
}
