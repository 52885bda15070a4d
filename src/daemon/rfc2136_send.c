/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The changes of a zone: what goes into a message, what becomes of it, and names that the server does not
 * want. One that is refused (by BIND's update-policy, say) must not hold up the others: a message of several
 * is halved until it stands alone. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/users.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum {
	REFUSED_MS = 5 * 60 * 1000,
	SAID_MAX = 10, /* names in the log, in */
	SAID_MS = 60 * 1000,
};

int rfc2136_put_back(struct rfc2136_zone *z)
{
	int r = changes_move(&z->pending, &z->flying);

	if (r) {
		changes_clear(&z->flying); /* the comparison finds them again */
	}
	while (z->n_flying_orphans) { /* there they were taken from */
		z->orphans[z->n_orphans++] = z->flying_orphans[--z->n_flying_orphans];
	}
	return r;
}

/* It is not ours by what the server has refused. */
static void forget_sent(struct rfc2136_zone *z, const struct changes *of)
{
	bool any = false;

	for (uint32_t i = 0; i < of->n; i++) {
		uint8_t *owned = &z->p->owned[of->list[i].name];

		any = any || *owned >> RFC2136_SENT_SHIFT;
		*owned &= (uint8_t)~(RFC2136_BOTH << RFC2136_SENT_SHIFT);
	}
	if (any) {
		output_remember(&z->p->o);
	}
}

/* A comparison right behind it may see what was there before. */
void rfc2136_unanswered(struct rfc2136_zone *z)
{
	struct rfc2136 *p = z->p;

	for (uint32_t i = 0; i < z->flying.n; i++) {
		p->owned[z->flying.list[i].name] |= z->adds[i];
		rfc2136_unclear(p, z->flying.list[i].name);
	}
	forget_sent(z, &z->flying);
	forget_sent(z, &z->pending);
}

/* --- sending --- */

struct batch {
	struct message_change *changes;
	uint32_t n_names, n;
};

/* What goes into the next message, at most. Returns whether anything is in it to be sent. */
static bool gather(struct rfc2136_zone *z, struct batch *b)
{
	const struct roster *roster = z->p->o.roster;
	uint8_t any = 0;

	for (uint32_t i = 0; i < z->pending.n && b->n < z->limit; i++) {
		uint32_t name = z->pending.list[i].name;
		uint8_t has = rfc2136_types(roster->sets[name]), types;

		z->deletes[b->n] = rfc2136_is_known(z->p, name) ? z->p->owned[name] & (uint8_t)~has & RFC2136_BOTH : 0;
		types = has | z->deletes[b->n];
		b->changes[b->n++] = (struct message_change){
			.name = users_name(roster->users, name),
			.set = roster->sets[name],
			.v4 = types & RFC2136_A,
			.v6 = types & RFC2136_AAAA,
		};
		any |= types;
	}
	b->n_names = b->n;
	for (uint32_t i = 0; i < z->n_orphans && b->n < z->limit; i++) {
		const struct rfc2136_orphan *o =
			&z->p->orphans[z->orphans[z->n_orphans - 1 - i]];

		b->changes[b->n++] = (struct message_change){
			.name = o->text,
			.v4 = o->owned & RFC2136_A,
			.v6 = o->owned & RFC2136_AAAA,
		};
		any |= o->owned;
	}
	return any;
}

/* The first n of the batch are in the message: from now on they may be there. There is room. What is to be
 * remembered of it that was not yet goes to ret_news. */
static void take_off(struct rfc2136_zone *z, const struct batch *b, uint32_t n, struct buf *ret_news)
{
	uint32_t n_names = n < b->n_names ? n : b->n_names;

	for (uint32_t i = 0; i < n_names; i++) {
		struct change *c = &z->pending.list[i];
		uint8_t *owned = &z->p->owned[c->name];
		uint8_t news = rfc2136_types(z->p->o.roster->sets[c->name]);

		z->adds[i] = news;
		news &= (uint8_t)~(*owned | *owned >> RFC2136_SENT_SHIFT);
		*owned |= (uint8_t)(z->adds[i] << RFC2136_SENT_SHIFT);
		if (news) {
			rfc2136_print(ret_news, z->p, c->name);
		}
		(void)changes_note(&z->flying, c->name, steal_ptr(&c->was));
	}
	changes_take(&z->pending, n_names);
	for (uint32_t i = n_names; i < n; i++) {
		z->flying_orphans[z->n_flying_orphans++] = z->orphans[--z->n_orphans];
	}
}

static int build(struct rfc2136_zone *z, const struct batch *b, struct buf *ret_news)
{
	size_t used = 0;
	int r;

	r = changes_reserve(&z->flying, b->n_names);
	if (r) {
		return r;
	}
	buf_clear(&z->bytes);
	r = message_update(&z->bytes, rfc2136_zone_id(z), z->name, b->changes, b->n,
			   z->p->o.conf->ttl, MESSAGE_TCP_MAX, &z->key, time(NULL), &used,
			   &z->sent);
	if (!r) {
		rfc2136_print_begun(ret_news, z->p);
		take_off(z, b, (uint32_t)used, ret_news);
		r = buf_error(ret_news);
	}
	return r;
}

/* Changes that leave nothing to be done, as of a name that was never published and has no addresses, are done
 * without a message. */
void rfc2136_send_changes(struct rfc2136_zone *z)
{
	_cleanup_(free_ptr) struct message_change *changes = calloc(z->limit, sizeof(*changes));
	_cleanup_(buf_deinit) struct buf news = { 0 };
	struct batch b = { .changes = changes };
	int r = changes ? 0 : -ENOMEM;

	if (!r && !gather(z, &b)) {
		for (uint32_t i = 0; i < b.n_names; i++) {
			output_published(&z->p->o, &z->pending.list[i]);
		}
		changes_take(&z->pending, b.n_names);
		z->n_orphans -= b.n - b.n_names;
		output_progress(&z->p->o);
		return;
	}
	if (!r) {
		r = build(z, &b, &news);
	}
	if (r) {
		rfc2136_zone_fail_errno(z, r);
		return;
	}
	z->serial_due = true;
	rfc2136_zone_send_update(z, &news);
}

/* One that was sent before it, and not answered, may still come into force behind it. */
static uint8_t owned_once_landed(const struct rfc2136 *p, uint8_t owned, uint8_t adds, uint8_t deletes)
{
	if (rfc2136_is_late(p, owned & RFC2136_LATE)) {
		return (owned & (RFC2136_BOTH | RFC2136_OTHERS | RFC2136_LATE)) | adds;
	}
	return ((owned & (RFC2136_BOTH | RFC2136_OTHERS)) | adds) & (uint8_t)~deletes;
}

void rfc2136_land(struct rfc2136_zone *z)
{
	struct rfc2136 *p = z->p;
	bool news = z->n_flying_orphans;

	for (uint32_t i = 0; i < z->flying.n; i++) {
		const struct change *c = &z->flying.list[i];
		uint8_t *owned = &p->owned[c->name];

		news = news || (*owned & z->deletes[i]) || *owned >> RFC2136_SENT_SHIFT;
		changes_remove(&z->doubted, c->name);
		changes_remove(&z->refused_said, c->name);
		if (!changes_has(&z->pending, c->name)) { /* else there is something newer */
			if (p->o.roster->sets[c->name] || z->deletes[i]) {
				output_say_change(&p->o, c->name);
			}
			output_published(&p->o, c);
		}
		*owned = owned_once_landed(p, *owned, z->adds[i], z->deletes[i]);
	}
	changes_clear(&z->flying);
	while (z->n_flying_orphans) {
		struct rfc2136_orphan *o = &p->orphans[z->flying_orphans[--z->n_flying_orphans]];

		o->owned = rfc2136_is_late(p, o->late) ? o->owned : 0;
	}
	if (news) {
		output_remember(&p->o);
	}
	output_progress(&p->o);
}

/* --- names that the server does not want --- */

/* Once more, for the server may have begun to take what it refused before. false: it was that already. */
static bool give_second_chance(struct rfc2136_zone *z, uint32_t name)
{
	if (changes_has(&z->doubted, name) || changes_note(&z->doubted, name, NULL)) {
		return false;
	}
	changes_remove(&z->refused, name);
	return !changes_note(&z->pending, name, NULL); /* else the comparison finds it */
}

static void say_refused_name(struct rfc2136_zone *z, uint32_t number, bool is_name)
{
	uint32_t n_names = z->p->o.roster->users->n_names;
	unsigned left_out; /* of which z->n_left_out tells */

	if (is_name ? changes_has(&z->refused_said, number) : z->p->orphans[number - n_names].refused_said) {
		return;
	}
	if (quota_take(&z->p->refused, uv_now(z->p->o.loop), SAID_MAX, SAID_MS, &left_out)) {
		log_error("unable to publish %s to %s: %s; trying again in %d s",
			  rfc2136_name(z->p, number), z->p->o.is->name, buf_str(&z->refused_why),
			  REFUSED_MS / 1000);
	} else {
		z->n_left_out++;
	}
	output_note_error(&z->p->o, buf_str(&z->refused_why));
	if (is_name) { /* without memory it is said again */
		(void)changes_note(&z->refused_said, number, NULL);
	} else {
		z->p->orphans[number - n_names].refused_said = true;
	}
}

void rfc2136_count_refused(struct rfc2136_zone *z)
{
	unsigned left_out; /* z->n_left_out goes on counting */

	if (z->n_left_out && quota_take(&z->p->refused_counted, uv_now(z->p->o.loop), 1, SAID_MS, &left_out)) {
		log_error("unable to publish %u more name%s to %s, zone %s: %s; trying again in %d s",
			  (unsigned)z->n_left_out, z->n_left_out == 1 ? "" : "s", z->p->o.is->name, z->name, buf_str(&z->refused_why),
			  REFUSED_MS / 1000);
		z->n_left_out = 0;
	}
}

void rfc2136_settle_refused(struct rfc2136_zone *z)
{
	bool any = z->n_unsaid;

	for (unsigned i = 0; i < z->n_unsaid; i++) {
		uint32_t number = z->unsaid[i];
		bool is_name = number < z->p->o.roster->users->n_names;

		if (!is_name ||
		    (changes_has(&z->refused, number) && !give_second_chance(z, number))) {
			say_refused_name(z, number, is_name);
		}
	}
	z->n_unsaid = 0;
	if (any) {
		output_progress(&z->p->o);
	}
}

/* They are pending again, behind the others, which are tried first. */
void rfc2136_refuses_all(struct rfc2136_zone *z)
{
	for (unsigned i = 0; i < z->n_unsaid; i++) {
		if (z->unsaid[i] < z->p->o.roster->users->n_names) {
			changes_remove(&z->refused, z->unsaid[i]);
			/* What it had, and without memory the name, the comparison finds. */
			(void)changes_note(&z->pending, z->unsaid[i], NULL);
		}
	}
	z->n_unsaid = 0;
	rfc2136_zone_fail(z, z->refused_kind, buf_str(&z->refused_why));
}

/* One name alone was refused. */
static void set_aside(struct rfc2136_zone *z, const struct message_reply *reply)
{
	z->refused_kind = rfc2136_why(z, reply, &z->refused_why);
	if (!rfc2136_any_refused(z)) {
		z->refused_ms = uv_now(z->p->o.loop) + REFUSED_MS;
	}
	if (z->flying.n) {
		forget_sent(z, &z->flying);
		z->unsaid[z->n_unsaid++] = z->flying.list[0].name;
		(void)changes_move(&z->refused,
				   &z->flying); /* or the sweep has to find it again */
		changes_clear(&z->flying);
	} else {
		z->unsaid[z->n_unsaid++] =
			z->p->o.roster->users->n_names + z->flying_orphans[0];
		z->n_flying_orphans = 0;
		z->orphans[z->orphans_size - ++z->n_refused_orphans] = z->flying_orphans[0];
	}
	if (z->n_unsaid < RFC2136_REFUSED_MAX) {
		return;
	}
	if (z->takes) {
		rfc2136_settle_refused(z);
		return;
	}
	rfc2136_refuses_all(z);
}

/* For the second time, and others were taken meanwhile: so it does not pass. */
static bool fails_alone(struct rfc2136_zone *z)
{
	struct rfc2136_orphan *o = z->flying.n ? NULL : &z->p->orphans[z->flying_orphans[0]];
	bool again = o ? o->doubted : changes_has(&z->doubted, z->flying.list[0].name);

	if (o) {
		o->doubted = true;
	} else { /* without memory it counts as the first time again */
		(void)changes_note(&z->doubted, z->flying.list[0].name, NULL);
	}
	return again && z->lands;
}

/* Of several, any may be the reason: they are halved until it stands alone. */
void rfc2136_refused(struct rfc2136_zone *z, const struct message_reply *reply)
{
	uint32_t n = z->flying.n + z->n_flying_orphans;

	/* A secondary that hands updates on to its primary says so when that does not answer. */
	if (reply->rcode == MESSAGE_SERVFAIL || !reply->is_signed) {
		rfc2136_unanswered(z);
	}
	if (n > 1) {
		z->limit = n / 2;
		if (rfc2136_put_back(z)) {
			rfc2136_zone_fail_errno(z, -ENOMEM);
		}
	} else if (reply->rcode == MESSAGE_SERVFAIL && !fails_alone(z)) {
		rfc2136_zone_fail_reply(z, reply); /* that passes; the others are tried first */
	} else {
		set_aside(z, reply);
	}
}

void rfc2136_try_refused_again(struct rfc2136_zone *z)
{
	if (!rfc2136_any_refused(z)) {
		return;
	}
	(void)changes_move(&z->pending, &z->refused); /* without memory they stay where they are */
	while (z->n_refused_orphans) { /* from their place, or one behind it */
		z->orphans[z->n_orphans++] = z->orphans[z->orphans_size - z->n_refused_orphans--];
	}
	z->refused_ms = uv_now(z->p->o.loop) + REFUSED_MS;
}
