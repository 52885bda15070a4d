/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* One zone and the servers that have it. Whenever it begins with a server, what is there is compared first
 * (rfc2136_reconcile.c); then changes are sent, one message at a time: what comes in the meantime goes with
 * the next. Whatever goes wrong with a server ends in rfc2136_zone_fail, and begins anew.
 *
 * A server that lost the zone and came back is noticed by the zone's serial, which is asked for at each end of
 * sending, and at each sweep.
 *
 * A reply is a success only if it is signed. An error may come unsigned, and from anybody: over UDP it only
 * leads to a repetition over TCP, and there to a pause. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "core/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	UDP_FIRST_MS = 1000, /* then twice that, and four times */
	UDP_SENDS = 3,
	TCP_SENDS = 2, /* servers close connections that are idle, just then perhaps */
	PAUSE_FIRST_MS = 1000,
	PAUSE_MAX_MS = 60 * 1000,
	REFUSED_MS = 5 * 60 * 1000,
	IGNORED_MS = 60 * 1000,
	KEY_FILE_MAX = 64 * 1024,
};

static void on_message(void *arg, const uint8_t *bytes, size_t n, bool tcp);
static void on_lost(void *arg, bool tcp, int error);

static bool has_backlog(const struct rfc2136_zone *z)
{
	return z->pending.n || z->n_orphans;
}

/* Unpredictable, and not that of the message before. */
uint16_t rfc2136_zone_id(struct rfc2136_zone *z)
{
	uint16_t id = z->last_id;

	/* Without randomness it is still not the one before. */
	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id) || id == z->last_id) {
		id = (uint16_t)(z->last_id + 1);
	}
	return id;
}

/* --- what is said --- */

static void say_end_of_trouble(struct rfc2136_zone *z)
{
	char room[NAMESERVER_TEXT_SIZE];

	if (z->said[z->server]) {
		log_info("publishing to %s, zone %s, at %s again", z->p->o.is->name, z->name,
			 rfc2136_server(z, room));
		z->said[z->server] = RFC2136_FINE;
	}
}

static const char *number_text(const struct rfc2136_zone *z, uint32_t number)
{
	const struct users *users = z->p->o.roster->users;

	return number < users->n_names ? users_name(users, number) :
					 z->p->orphans[number - users->n_names].text;
}

/* The server takes others, so it is about these names. */
static void say_refused(struct rfc2136_zone *z)
{
	for (unsigned i = 0; i < z->n_unsaid; i++) {
		uint32_t number = z->unsaid[i];
		bool is_name = number < z->p->o.roster->users->n_names;

		if (is_name && changes_has(&z->refused_said, number)) {
			continue;
		}
		log_error("unable to publish %s to %s: %s; trying again in %d s",
			  number_text(z, number), z->p->o.is->name, buf_str(&z->refused_why),
			  REFUSED_MS / 1000);
		output_note_error(&z->p->o, buf_str(&z->refused_why));
		if (is_name) { /* without memory it is said again */
			(void)changes_note(&z->refused_said, number, NULL);
		}
	}
	if (z->n_unsaid) {
		z->n_unsaid = 0;
		output_progress(&z->p->o);
	}
}

void rfc2136_zone_ignore(struct rfc2136_zone *z, const char *why)
{
	char room[NAMESERVER_TEXT_SIZE];
	unsigned left_out;

	if (quota_take(&z->p->ignored, uv_now(z->p->o.loop), 1, IGNORED_MS, &left_out)) {
		log_warning("%s: ignoring a reply of %s that is not %s", z->p->o.is->name,
			    rfc2136_server(z, room), why);
	}
	if (left_out) {
		log_warning("%s: ignored %u more such replies", z->p->o.is->name, left_out);
	}
}

/* --- failures --- */

/* What was under way, and perhaps is done, perhaps not. */
static int put_back(struct rfc2136_zone *z)
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

static void end_doing(struct rfc2136_zone *z)
{
	z->listing = rfc2136_listing_free(z->listing);
	z->last_id = z->sent.id;
	z->doing = RFC2136_NOTHING;
}

static void grow_pause(struct rfc2136_zone *z)
{
	z->pause_ms = !z->pause_ms		     ? PAUSE_FIRST_MS :
		      z->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS :
						       z->pause_ms * 2;
	z->not_before_ms = uv_now(z->p->o.loop) + z->pause_ms;
}

static void say_trouble(struct rfc2136_zone *z, int kind, const char *why, bool is_last)
{
	output_note_error(&z->p->o, why);
	if (z->said[z->server] != kind) {
		log_error("unable to publish to %s, zone %s: %s; %s", z->p->o.is->name, z->name,
			  why, is_last ? "trying again" : "trying the next server");
	}
	z->said[z->server] = kind;
}

void rfc2136_zone_fail(struct rfc2136_zone *z, int kind, const char *why)
{
	unsigned n_servers = z->p->o.is->n_servers;
	bool is_last = ++z->n_failed >= n_servers || kind == RFC2136_KEY;

	end_doing(z);
	(void)put_back(z); /* what is lost, the comparison finds */
	z->nameserver = nameserver_free(z->nameserver);
	z->ready = false;
	say_trouble(z, kind, why, is_last);
	buf_clear(&z->latest_why);
	buf_adds(&z->latest_why, why);
	if (is_last) {
		grow_pause(z);
		z->n_failed = z->server = 0;
		z->failing = true;
		rfc2136_attempted(z);
	} else {
		z->server = (z->server + 1) % n_servers;
	}
	output_progress(&z->p->o);
}

void rfc2136_zone_fail_reply(struct rfc2136_zone *z, const struct message_reply *reply)
{
	_cleanup_(buf_deinit) struct buf why = { 0 };
	int kind = rfc2136_why(z, reply, &why);

	rfc2136_zone_fail(z, kind, buf_str(&why));
}

static void fail_at_server(struct rfc2136_zone *z, int kind, const char *what)
{
	_cleanup_(buf_deinit) struct buf why = { 0 };
	char room[NAMESERVER_TEXT_SIZE];

	buf_printf(&why, "%s %s", rfc2136_server(z, room), what);
	rfc2136_zone_fail(z, kind, buf_str(&why));
}

void rfc2136_zone_fail_errno(struct rfc2136_zone *z, int error)
{
	_cleanup_(buf_deinit) struct buf what = { 0 };

	if (error == -ENOMEM) {
		rfc2136_zone_fail(z, error, "out of memory");
	} else if (error) {
		buf_printf(&what, "cannot be reached: %s", strerror(-error));
		fail_at_server(z, error, buf_str(&what));
	} else {
		fail_at_server(z, RFC2136_HANGS_UP, "closes the connection without an answer");
	}
}

static void fail_silent(struct rfc2136_zone *z)
{
	if (z->unsigned_reply) {
		fail_at_server(z, RFC2136_UNSIGNED, "does not sign its replies with our key");
	} else {
		fail_at_server(z, RFC2136_SILENT, "does not answer");
	}
}

/* An update was acknowledged, or none is necessary. */
static void succeed(struct rfc2136_zone *z)
{
	z->n_failed = 0;
	say_end_of_trouble(z);
	say_refused(z);
	if (z->failing) {
		z->failing = false;
		output_progress(&z->p->o);
	}
}

/* --- a message and its reply --- */

void rfc2136_zone_resend(struct rfc2136_zone *z)
{
	int r = nameserver_send(z->nameserver, z->tcp, z->bytes.data, z->bytes.len);

	z->due_ms = uv_now(z->p->o.loop) +
		    (z->tcp ? RFC2136_REPLY_MS : (uint64_t)UDP_FIRST_MS << z->n_sent);
	z->n_sent++;
	if (r && z->tcp) {
		rfc2136_zone_fail_errno(z, r);
	}
	/* Over UDP it is as if it had been lost on the way. */
}

void rfc2136_zone_send(struct rfc2136_zone *z, enum rfc2136_doing doing, bool tcp)
{
	z->doing = doing;
	z->tcp = tcp;
	z->n_sent = 0;
	z->unsigned_reply = false;
	rfc2136_zone_resend(z);
}

static void repeat_over_tcp(struct rfc2136_zone *z)
{
	if (!z->tcp) {
		z->tcp = true;
		z->n_sent = 0;
		rfc2136_zone_resend(z);
	}
}

static void on_due(struct rfc2136_zone *z)
{
	if (z->tcp) {
		fail_silent(z);
	} else if (z->n_sent < UDP_SENDS) {
		rfc2136_zone_resend(z);
	} else {
		repeat_over_tcp(z);
	}
}

/* --- sending changes --- */

struct batch {
	struct message_change *changes;
	uint8_t *adds;
	uint32_t n_names, n;
};

/* What goes into the next message, at most. Returns whether anything is in it to be sent. */
static bool gather(struct rfc2136_zone *z, struct batch *b)
{
	const struct roster *roster = z->p->o.roster;
	uint8_t any = 0;

	for (uint32_t i = 0; i < z->pending.n && b->n < z->limit; i++) {
		uint32_t name = z->pending.list[i].name;
		uint8_t types = rfc2136_to_change(z->p, name, &z->deletes[b->n]);

		b->adds[b->n] = types & (uint8_t)~z->deletes[b->n];
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

/* The first n of the batch are in the message: from now on they may be there. There is room. */
static void take_off(struct rfc2136_zone *z, const struct batch *b, uint32_t n)
{
	uint32_t n_names = n < b->n_names ? n : b->n_names;
	bool news = false;

	for (uint32_t i = 0; i < n_names; i++) {
		struct change *c = &z->pending.list[i];
		uint8_t *owned = &z->p->owned[c->name];

		news = news || (b->adds[i] & ~*owned);
		*owned |= b->adds[i];
		(void)changes_note(&z->flying, c->name, steal_ptr(&c->was));
	}
	changes_take(&z->pending, n_names, NULL);
	for (uint32_t i = n_names; i < n; i++) {
		z->flying_orphans[z->n_flying_orphans++] = z->orphans[--z->n_orphans];
	}
	if (news) {
		z->p->o.handlers->remember(&z->p->o);
	}
}

/* The server has what flies. */
static void land(struct rfc2136_zone *z)
{
	struct rfc2136 *p = z->p;
	bool news = z->n_flying_orphans;

	for (uint32_t i = 0; i < z->flying.n; i++) {
		const struct change *c = &z->flying.list[i];

		news = news || (p->owned[c->name] & z->deletes[i]);
		changes_remove(&z->refused_said, c->name);
		if (!changes_has(&z->pending, c->name)) { /* else there is something newer */
			if (p->o.roster->sets[c->name] || z->deletes[i]) {
				output_say_change(&p->o, c->name);
			}
			output_published(&p->o, c);
		}
		p->owned[c->name] &= (uint8_t)~z->deletes[i];
	}
	changes_clear(&z->flying);
	while (z->n_flying_orphans) {
		p->orphans[z->flying_orphans[--z->n_flying_orphans]].owned = 0;
	}
	if (news) {
		p->o.handlers->remember(&p->o);
	}
	output_progress(&p->o);
}

static int build(struct rfc2136_zone *z, const struct batch *b)
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
		take_off(z, b, (uint32_t)used);
	}
	return r;
}

/* Changes that leave nothing to be done, as of a name that was never published and has no addresses, are done
 * without a message. */
static void send_changes(struct rfc2136_zone *z)
{
	_cleanup_(free_ptr) struct message_change *changes = calloc(z->limit, sizeof(*changes));
	_cleanup_(free_ptr) uint8_t *adds = calloc(z->limit, 1);
	struct batch b = { .changes = changes, .adds = adds };
	int r = changes && adds ? 0 : -ENOMEM;

	if (!r && !gather(z, &b)) {
		for (uint32_t i = 0; i < b.n_names; i++) {
			output_published(&z->p->o, &z->pending.list[i]);
		}
		changes_take(&z->pending, b.n_names, NULL);
		z->n_orphans -= b.n - b.n_names;
		output_progress(&z->p->o);
		return;
	}
	if (!r) {
		r = build(z, &b);
	}
	if (r) {
		rfc2136_zone_fail_errno(z, r);
		return;
	}
	z->serial_due = true;
	rfc2136_zone_send(z, RFC2136_UPDATE, z->bytes.len > MESSAGE_UDP_MAX);
}

/* --- names that the server does not want --- */

/* One name alone was refused. */
static void set_aside(struct rfc2136_zone *z, const struct message_reply *reply)
{
	int kind = rfc2136_why(z, reply, &z->refused_why);

	if (z->flying.n) {
		z->unsaid[z->n_unsaid++] = z->flying.list[0].name;
		if (!z->refused.n) {
			z->refused_ms = uv_now(z->p->o.loop) + REFUSED_MS;
		}
		(void)changes_move(&z->refused,
				   &z->flying); /* or the sweep has to find it again */
		changes_clear(&z->flying);
	} else {
		z->unsaid[z->n_unsaid++] =
			z->p->o.roster->users->n_names + z->flying_orphans[0];
		z->n_flying_orphans = 0; /* it is tried when things are compared next */
	}
	if (z->n_unsaid < RFC2136_REFUSED_MAX) {
		return;
	}
	for (unsigned i = 0; i < z->n_unsaid;
	     i++) { /* behind the others, which are tried first */
		if (z->unsaid[i] < z->p->o.roster->users->n_names) {
			changes_remove(&z->refused, z->unsaid[i]);
			(void)changes_note(&z->pending, z->unsaid[i],
					   NULL); /* it is compared again */
		}
	}
	z->n_unsaid = 0;
	rfc2136_zone_fail(z, kind, buf_str(&z->refused_why));
}

/* Of several, any may be the reason: they are halved until it stands alone. */
static void refused(struct rfc2136_zone *z, const struct message_reply *reply)
{
	uint32_t n = z->flying.n + z->n_flying_orphans;

	if (n > 1) {
		z->limit = n / 2;
		if (put_back(z)) {
			rfc2136_zone_fail_errno(z, -ENOMEM);
		}
	} else if (reply->rcode ==
		   MESSAGE_SERVFAIL) { /* that passes; the others are tried first */
		rfc2136_zone_fail_reply(z, reply);
	} else {
		set_aside(z, reply);
	}
}

static void try_refused_again(struct rfc2136_zone *z)
{
	if (z->refused.n) { /* without memory they stay where they are */
		(void)changes_move(&z->pending, &z->refused);
		z->refused_ms = uv_now(z->p->o.loop) + REFUSED_MS;
	}
}

/* --- the serial --- */

static void ask_serial(struct rfc2136_zone *z)
{
	int r;

	z->sweeping = !z->serial_due;
	buf_clear(&z->bytes);
	r = message_query(&z->bytes, rfc2136_zone_id(z), z->name, MESSAGE_SOA, &z->key,
			  time(NULL), &z->sent);
	if (r) {
		rfc2136_zone_fail_errno(z, r);
		return;
	}
	rfc2136_zone_send(z, RFC2136_SERIAL, false);
}

/* RFC 1982: after our changes the serial is a later one. Where it stayed the same, the server may have found
 * nothing new in them, or have gone back by as much: that is looked at once, until it moves. */
static void take_serial(struct rfc2136_zone *z, uint32_t serial)
{
	int32_t step = (int32_t)(serial - z->serial);
	bool compare = z->has_serial &&
		       (z->sweeping ? step != 0 : step < 0 || (!step && !z->same_serial));

	if (!z->sweeping) {
		z->same_serial = !step;
		z->serial_due = false;
	}
	z->sweep_due = false;
	z->serial = serial;
	z->has_serial = true;
	if (compare) {
		z->ready = false;
	}
}

/* --- replies --- */

static void take_success(struct rfc2136_zone *z, const struct message_reply *reply)
{
	enum rfc2136_doing doing = z->doing;

	end_doing(z);
	if (doing == RFC2136_UPDATE) {
		z->limit = z->limit * 2 > RFC2136_NAMES_MAX ? RFC2136_NAMES_MAX : z->limit * 2;
		land(z);
		succeed(z);
	} else if (reply->n_soa) {
		take_serial(z, reply->serial);
	} else { /* another may have it */
		rfc2136_zone_fail_reply(z, &(struct message_reply){ .rcode = MESSAGE_NOTAUTH,
								    .is_signed = true });
	}
}

static void take_error(struct rfc2136_zone *z, const struct message_reply *reply)
{
	bool by_name = reply->rcode == MESSAGE_REFUSED || reply->rcode == MESSAGE_NOTZONE ||
		       reply->rcode == MESSAGE_FORMERR || reply->rcode == MESSAGE_SERVFAIL;

	if (z->doing == RFC2136_UPDATE && by_name) {
		end_doing(z);
		refused(z, reply);
	} else {
		rfc2136_zone_fail_reply(z, reply);
	}
}

static void take_reply(struct rfc2136_zone *z, const uint8_t *bytes, size_t n, bool tcp)
{
	struct message_reply reply;
	int r = message_read(&z->sent, bytes, n, time(NULL), NULL, NULL, &reply);

	if (r < 0) {
		rfc2136_zone_fail_errno(z, r);
	} else if (r) {
		if (message_id(bytes) != z->last_id) {
			rfc2136_zone_ignore(z, "what was asked");
		}
	} else if (reply.truncated && (!reply.is_signed || z->doing == RFC2136_SERIAL)) {
		if (tcp) {
			rfc2136_zone_ignore(z, "whole");
		} else {
			repeat_over_tcp(z);
		}
	} else if (!reply.rcode && !reply.is_signed) {
		z->unsigned_reply = true;
		rfc2136_zone_ignore(z, "signed by our key");
	} else if (!reply.rcode) {
		take_success(z, &reply);
	} else if (!reply.is_signed && !tcp) {
		repeat_over_tcp(z);
	} else {
		take_error(z, &reply);
	}
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, bool tcp)
{
	struct rfc2136_zone *z = arg;

	if (z->doing == RFC2136_UPDATE || z->doing == RFC2136_SERIAL) {
		take_reply(z, bytes, n, tcp);
	} else if (z->doing && tcp) {
		rfc2136_listing_message(z, bytes, n);
	}
	rfc2136_zone_step(z);
}

static void on_lost(void *arg, bool tcp, int error)
{
	struct rfc2136_zone *z = arg;

	if (!z->doing || tcp != z->tcp) {
		return;
	}
	if (z->doing == RFC2136_TRANSFER || z->doing == RFC2136_QUESTIONS) {
		rfc2136_listing_lost(z, error);
	} else if (tcp && (!error || error == -ECONNRESET) && z->n_sent < TCP_SENDS) {
		rfc2136_zone_resend(z);
	} else {
		rfc2136_zone_fail_errno(z, error);
	}
	rfc2136_zone_step(z);
}

/* --- the clockwork --- */

static void wipe(struct buf *b)
{
	if (b->data) {
		explicit_bzero(b->data, b->len);
	}
	buf_deinit(b);
}

/* false: it failed, which is said. */
static bool read_key(struct rfc2136_zone *z)
{
	_cleanup_(wipe) struct buf text = { 0 };
	_cleanup_(buf_deinit) struct buf why = { 0 };
	const char *path = z->p->o.is->key;
	unsigned line = 0;
	int r = file_read(AT_FDCWD, path, KEY_FILE_MAX, &text);

	if (r) {
		buf_printf(&why, "unable to read the key '%s': %s", path, strerror(-r));
	} else {
		r = tsig_key_parse(text.data, text.len, &z->key, &line);
		if (r) {
			buf_printf(&why, "the key '%s', line %u: %s", path, line,
				   tsig_key_strerror(r));
		}
	}
	if (r) {
		rfc2136_zone_fail(z, RFC2136_KEY, buf_str(&why));
	}
	return !r;
}

/* With a server: what is there? */
static void begin(struct rfc2136_zone *z)
{
	const struct nameserver_handlers h = { .message = on_message,
					       .lost = on_lost,
					       .arg = z };
	int r = 0;

	if (!z->nameserver) {
		if (!read_key(z)) {
			return;
		}
		r = nameserver_new(z->p->o.loop, &z->p->o.is->servers[z->server], &h,
				   &z->nameserver);
	}
	if (r) {
		rfc2136_zone_fail_errno(z, r);
		return;
	}
	rfc2136_listing_begin(z);
}

void rfc2136_zone_ready(struct rfc2136_zone *z)
{
	end_doing(z);
	z->ready = true;
	z->serial_due = false;
}

/* Nothing is left to be sent. */
static void rest(struct rfc2136_zone *z)
{
	z->pause_ms = 0;
	succeed(z);
	rfc2136_attempted(z);
	if (z->serial_due || z->sweep_due) {
		ask_serial(z);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct rfc2136_zone *z = timer->data;
	uint64_t now = uv_now(z->p->o.loop);

	if (z->doing && now >= z->due_ms) {
		on_due(z);
	}
	if (z->refused.n && now >= z->refused_ms) {
		try_refused_again(z);
	}
	rfc2136_zone_step(z);
}

static void arm(struct rfc2136_zone *z)
{
	uint64_t now = uv_now(z->p->o.loop), at = UINT64_MAX;

	if (z->doing) {
		at = z->due_ms;
	} else if (!z->ready || has_backlog(z)) {
		at = z->not_before_ms;
	}
	if (z->refused.n && z->refused_ms < at) {
		at = z->refused_ms;
	}
	if (at == UINT64_MAX || z->p->stopping) {
		(void)uv_timer_stop(&z->timer); /* neither can fail */
	} else {
		(void)uv_timer_start(&z->timer, on_timer, at > now ? at - now : 1, 0);
	}
}

void rfc2136_zone_step(struct rfc2136_zone *z)
{
	if (z->p->stopping) {
		arm(z);
		rfc2136_look_stopped(z->p);
		return;
	}
	if (z->doing == RFC2136_SERIAL && !z->sweeping && has_backlog(z)) {
		end_doing(z); /* it is asked when these are done */
	}
	if (!z->doing && uv_now(z->p->o.loop) >= z->not_before_ms) {
		if (!z->ready) {
			begin(z);
		}
		while (z->ready && !z->doing && has_backlog(z)) {
			send_changes(z);
		}
		if (z->ready && !z->doing) {
			rest(z);
		}
	}
	arm(z);
}

void rfc2136_zone_changed(struct rfc2136_zone *z, bool again)
{
	if (again) {
		z->sweep_due = z->has_serial;
		try_refused_again(z);
	}
	rfc2136_zone_step(z);
}

void rfc2136_zone_hurry(struct rfc2136_zone *z)
{
	z->pause_ms = z->not_before_ms = 0;
	try_refused_again(z);
}

/* An update that is under way may still be answered. */
void rfc2136_zone_stop(struct rfc2136_zone *z)
{
	if (z->doing != RFC2136_UPDATE) {
		end_doing(z);
	}
	arm(z);
}

int rfc2136_zone_new(struct rfc2136 *p, const struct output *o, unsigned number,
		     struct rfc2136_zone **ret)
{
	struct rfc2136_zone *z = calloc(1, sizeof(*z));
	int r;

	if (!z) {
		return -ENOMEM;
	}
	z->p = p;
	z->name = o->is->zones[number];
	z->number = number;
	z->limit = RFC2136_NAMES_MAX;
	(void)uv_timer_init(o->loop, &z->timer); /* cannot fail */
	z->timer.data = z;
	r = changes_init(&z->pending, o->roster->users->n_names);
	if (!r) {
		r = changes_init(&z->flying, o->roster->users->n_names);
	}
	if (!r) {
		r = changes_init(&z->refused, o->roster->users->n_names);
	}
	if (!r) {
		r = changes_init(&z->refused_said, o->roster->users->n_names);
	}
	if (r) {
		rfc2136_zone_free(z);
		return r;
	}
	*ret = z;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct rfc2136_zone *rfc2136_zone_free(struct rfc2136_zone *z)
{
	if (!z) {
		return NULL;
	}
	z->nameserver = nameserver_free(z->nameserver);
	z->listing = rfc2136_listing_free(z->listing);
	changes_deinit(&z->pending);
	changes_deinit(&z->flying);
	changes_deinit(&z->refused);
	changes_deinit(&z->refused_said);
	free(z->orphans);
	buf_deinit(&z->bytes);
	buf_deinit(&z->refused_why);
	buf_deinit(&z->latest_why);
	explicit_bzero(&z->key, sizeof(z->key));
	uv_close((uv_handle_t *)&z->timer, on_closed);
	return NULL;
}
