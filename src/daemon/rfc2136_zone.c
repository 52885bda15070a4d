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
	TCP_SENDS = 2,	    /* servers close connections that are idle, just then perhaps */
	COMPARED_MAX = 6,   /* then a pause of 32 s each time */
	COMPARE_SHARE = 50, /* comparing takes one of so many parts of the time, at most */
	IGNORED_MS = 60 * 1000,
	KEY_FILE_MAX = 64 * 1024,
};

static void step(struct rfc2136_zone *z);

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
	if (z->tcp) {
		nameserver_stray(z->nameserver); /* which may have ended it all */
	}
}

/* --- failures --- */

static void end_doing(struct rfc2136_zone *z)
{
	z->listing = rfc2136_listing_free(z->listing);
	z->last_id = z->sent.id;
	z->given_up = false;
	z->doing = RFC2136_NOTHING;
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
	rfc2136_unanswered(z);
	(void)rfc2136_put_back(z); /* what is lost, the comparison finds */
	z->nameserver = nameserver_free(z->nameserver);
	z->ready = z->takes = z->lands = false;
	z->udp_silent = false; /* it may have been the machine */
	say_trouble(z, kind, why, is_last);
	buf_clear(&z->latest_why);
	buf_adds(&z->latest_why, why);
	if (is_last) {
		(void)output_pause_grow(&z->pause, uv_now(z->p->o.loop));
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
	} else if (error == -EPROTO) {
		fail_at_server(z, error, "sends what is no answer");
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
	z->n_said = 0;
	say_end_of_trouble(z);
	rfc2136_settle_refused(z);
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
	z->tcp = tcp || z->udp_silent;
	z->n_sent = 0;
	z->unsigned_reply = false;
	rfc2136_zone_resend(z);
}

static void send_claimed(struct rfc2136_zone *z)
{
	rfc2136_zone_send(z, RFC2136_UPDATE, z->bytes.len > MESSAGE_UDP_MAX);
}

void rfc2136_zone_send_update(struct rfc2136_zone *z, const struct buf *lines)
{
	if (!lines->len) {
		send_claimed(z);
		return;
	}
	z->doing = RFC2136_CLAIM;
	z->due_ms = uv_now(z->p->o.loop) + RFC2136_CLAIM_MS;
	z->claim = output_claim(&z->p->o, lines->data, lines->len);
	output_remember(&z->p->o);
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
	if (z->doing == RFC2136_CLAIM) { /* the disk does not keep users waiting */
		send_claimed(z);
	} else if (z->doing == RFC2136_TRANSFER && nameserver_is_connected(z->nameserver)) {
		rfc2136_listing_late(z);
	} else if (z->tcp) {
		fail_silent(z);
	} else if (z->n_sent < UDP_SENDS) {
		rfc2136_zone_resend(z);
	} else {
		z->udp_silent = true;
		repeat_over_tcp(z);
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

/* Whether the zone moved by other hands than ours, as far as its serial tells. RFC 1982: after our updates it
 * is a later one. Where it stayed the same, the server may have found nothing new in them, or have gone back by
 * as much: that is looked at once, until it moves. Most servers count updates by it, so that one too many is
 * somebody else's. */
static bool is_odd_step(struct rfc2136_zone *z, int32_t step)
{
	bool by_ours = (uint32_t)step == z->n_landed;
	bool odd;

	if (z->sweeping) {
		return step;
	}
	if (!step) {
		odd = z->n_landed && !z->same_serial;
		z->same_serial = true;
		return odd;
	}
	z->same_serial = false;
	odd = step < 0 || (!by_ours && z->n_odd < RFC2136_ODD_MAX);
	if (step > 0 && z->n_odd < RFC2136_ODD_MAX) {
		z->n_odd = by_ours ? 0 : z->n_odd + 1;
	}
	return odd;
}

/* At once; but where each comparison leads to the next, as with two servers behind one address, after pauses
 * that grow; and where several write to the zone, so that a transfer of it all does not follow the other. What
 * is due is not put off. */
static void compare_anew(struct rfc2136_zone *z)
{
	uint64_t now = uv_now(z->p->o.loop), at = z->rested_ms;

	if (z->compare_ms) {
		return;
	}
	if (z->n_compared) {
		uint64_t paused =
			now + ((uint64_t)OUTPUT_PAUSE_FIRST_MS << (z->n_compared - 1));

		at = paused > at ? paused : at;
	}
	if (at > now) {
		z->compare_ms = at;
	} else {
		z->ready = false;
	}
	z->n_compared += z->n_compared < COMPARED_MAX;
}

static void take_serial(struct rfc2136_zone *z, uint32_t serial)
{
	int32_t step = (int32_t)(serial - z->serial);
	bool is_odd = is_odd_step(z, step);

	if (is_odd && z->sweeping) {
		z->ready = false;
	} else if (is_odd) {
		compare_anew(z);
	} else if (step && !z->sweeping) {
		z->n_compared = 0;
	}
	if (!z->sweeping) {
		z->serial_due = false;
	}
	z->sweep_due = false;
	z->serial = serial;
	z->n_landed = 0;
}

/* --- replies --- */

static void take_success(struct rfc2136_zone *z, const struct message_reply *reply)
{
	enum rfc2136_doing doing = z->doing;

	end_doing(z);
	if (doing == RFC2136_UPDATE) {
		z->limit = z->limit * 2 > RFC2136_NAMES_MAX ? RFC2136_NAMES_MAX : z->limit * 2;
		z->n_landed++;
		z->takes = z->lands = true;
		rfc2136_land(z);
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
	/* The others are about the zone, the key or the clock, and the server. */
	bool by_name = reply->rcode != MESSAGE_NOTAUTH && reply->rcode != MESSAGE_NOTIMP;

	if (z->doing == RFC2136_UPDATE && by_name) {
		end_doing(z);
		rfc2136_refused(z, reply);
	} else {
		rfc2136_zone_fail_reply(z, reply);
	}
}

static void take_reply(struct rfc2136_zone *z, const uint8_t *bytes, size_t n, bool tcp)
{
	struct message_reply reply;
	int r = message_read(&z->sent, bytes, n, time(NULL), NULL, NULL, &reply);

	if (r) {
		if (tcp || message_id(bytes) != z->last_id) {
			rfc2136_zone_ignore(z, "an answer to what was asked");
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

/* Whether the server has something to reply to. */
static bool is_sent(const struct rfc2136_zone *z)
{
	return z->doing && z->doing != RFC2136_CLAIM;
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, bool tcp)
{
	struct rfc2136_zone *z = arg;

	if (tcp && z->given_up && message_id(bytes) == z->last_id) {
		z->given_up = false; /* once, for a server may go on with it */
	} else if (tcp && (!is_sent(z) || !z->tcp)) {
		nameserver_stray(z->nameserver);
	} else if (z->doing == RFC2136_UPDATE || z->doing == RFC2136_SERIAL) {
		take_reply(z, bytes, n, tcp);
	} else if (is_sent(z) && tcp) {
		rfc2136_listing_message(z, bytes, n);
	}
	step(z);
}

static void on_lost(void *arg, bool tcp, int error)
{
	struct rfc2136_zone *z = arg;

	if (!is_sent(z) || tcp != z->tcp) {
		return;
	}
	if (z->doing == RFC2136_TRANSFER || z->doing == RFC2136_QUESTIONS) {
		rfc2136_listing_lost(z, error);
	} else if (!tcp) { /* a firewall may say so, too, or anybody */
		z->udp_silent = true;
		repeat_over_tcp(z);
	} else if ((!error || error == -ECONNRESET) && z->n_sent < TCP_SENDS) {
		rfc2136_zone_resend(z);
	} else {
		rfc2136_zone_fail_errno(z, error);
	}
	step(z);
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
			buf_printf(&why, "the key '%s' %s", path, tsig_key_strerror(r));
			if (line) {
				buf_printf(&why, " (line %u)", line);
			}
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
	z->compared_from = uv_hrtime();
	rfc2136_listing_begin(z);
}

/* The comparison itself is a part of what it took, which the loop's clock does not know yet. */
void rfc2136_zone_ready(struct rfc2136_zone *z)
{
	uint64_t took_ms = (uv_hrtime() - z->compared_from) / 1000000;

	end_doing(z);
	z->rested_ms = uv_now(z->p->o.loop) + COMPARE_SHARE * took_ms;
	z->ready = true;
	z->compare_ms = 0;
	z->serial_due = false;
	z->n_landed = 0;
}

/* Nothing is left to be sent. false: nor to be done. */
static bool rest(struct rfc2136_zone *z)
{
	if (z->n_unsaid && !z->takes) {
		rfc2136_refuses_all(z);
		return true;
	}
	succeed(z);
	if (has_backlog(z)) {
		return true; /* a second chance */
	}
	rfc2136_count_refused(z);
	z->pause.ms = 0;
	rfc2136_attempted(z);
	if (z->serial_due || z->sweep_due) {
		ask_serial(z);
		return true;
	}
	return false;
}

static void on_timer(uv_timer_t *timer)
{
	struct rfc2136_zone *z = timer->data;
	uint64_t now = uv_now(z->p->o.loop);

	if (z->doing && now >= z->due_ms) {
		on_due(z);
	}
	if (rfc2136_any_refused(z) && now >= z->refused_ms) {
		rfc2136_try_refused_again(z);
	}
	step(z);
}

static void arm(struct rfc2136_zone *z)
{
	uint64_t now = uv_now(z->p->o.loop), at = UINT64_MAX;

	if (z->doing) {
		at = z->due_ms;
	} else if (!z->ready || has_backlog(z)) {
		at = z->pause.not_before_ms;
	} else if (z->compare_ms) {
		at = z->compare_ms;
	}
	if (rfc2136_any_refused(z) && z->refused_ms < at) {
		at = z->refused_ms;
	}
	if (at == UINT64_MAX || z->p->stopping) {
		(void)uv_timer_stop(&z->timer); /* neither can fail */
	} else {
		(void)uv_timer_start(&z->timer, on_timer, at > now ? at - now : 1, 0);
	}
}

/* Does what can be done now, and arms the timer for the rest. */
static void step(struct rfc2136_zone *z)
{
	if (z->p->stopping) {
		arm(z);
		rfc2136_look_stopped(z->p);
		return;
	}
	if (z->doing == RFC2136_SERIAL && !z->sweeping && has_backlog(z)) {
		end_doing(z); /* it is asked when these are done */
		z->given_up = z->tcp;
	}
	if (!z->doing && z->compare_ms && uv_now(z->p->o.loop) >= z->compare_ms) {
		z->compare_ms = 0;
		z->ready = false;
	}
	if (!z->doing && !z->ready && uv_now(z->p->o.loop) >= z->pause.not_before_ms) {
		begin(z);
	}
	while (!z->doing && z->ready) {
		if (has_backlog(z)) {
			rfc2136_send_changes(z);
		} else if (!rest(z)) {
			break;
		}
	}
	arm(z);
}

void rfc2136_zone_changed(struct rfc2136_zone *z, bool again)
{
	if (again) {
		z->sweep_due = z->has_serial;
		rfc2136_try_refused_again(z);
	}
	step(z);
}

void rfc2136_zone_claimed(struct rfc2136_zone *z, uint64_t upto)
{
	if (z->doing == RFC2136_CLAIM && z->claim <= upto) {
		send_claimed(z);
		step(z);
	}
}

void rfc2136_zone_hurry(struct rfc2136_zone *z)
{
	z->pause = (struct output_pause){ 0 };
	rfc2136_try_refused_again(z);
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
		r = changes_init(&z->doubted, o->roster->users->n_names);
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
	changes_deinit(&z->doubted);
	changes_deinit(&z->refused_said);
	free(z->orphans);
	buf_deinit(&z->bytes);
	buf_deinit(&z->refused_why);
	buf_deinit(&z->latest_why);
	explicit_bzero(&z->key, sizeof(z->key));
	uv_close((uv_handle_t *)&z->timer, on_closed);
	return NULL;
}
