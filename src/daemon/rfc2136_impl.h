/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the files of the output `rfc2136` share: rfc2136.c is the output and what it remembers, rfc2136_zone.c
 * one zone and its servers, rfc2136_list.c asks what is there, rfc2136_reconcile.c compares,
 * rfc2136_wild.c knows what wildcards answer, rfc2136_send.c sends what differs, and rfc2136_why.c has the words
 * for what servers answer. */

#include "base/buf.h"
#include "base/quota.h"
#include "base/table.h"
#include "core/message.h"
#include "core/tsig_key.h"
#include "daemon/changes.h"
#include "daemon/found.h"
#include "daemon/nameserver.h"
#include "daemon/output.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
	RFC2136_A = 1,
	RFC2136_AAAA = 2,
	RFC2136_BOTH = 3,
	RFC2136_OTHERS = 4, /* what is there was another user's, whose name this was before a reload or a restart */
	RFC2136_LATE = 8, /* more may be there than is found, as what was sent and not answered */
	RFC2136_SENT_SHIFT = 4, /* which of RFC2136_BOTH was sent and not answered yet, or refused until now */
};

#define RFC2136_NO_ZONE UINT16_MAX

enum {
	/* In one message: with a delete and an add for each, that is what 64 KiB have room for. A message
	 * costs BIND two fsyncs and Knot 10 ms, however much is in it. One is under way at a time: that gives
	 * 15,000 to 30,000 names a second with either. With eight, Knot does two to three times as much, but
	 * BIND half. */
	RFC2136_NAMES_MAX = 1000,
	RFC2136_WINDOW =
		128, /* questions that wait for their answers, where there is no transfer */
	RFC2136_REFUSED_MAX = 3, /* names refused in a row: it is not because of the name */
	RFC2136_ODD_MAX = 2,	 /* then the server does not count updates by its serial */
	RFC2136_REPLY_MS = 10 * 1000, /* how long a server may take over TCP */
	RFC2136_CLAIM_MS = 2000, /* and our own disk */
	/* For so long an update is in time (TSIG_FUDGE), if the server's clock is ahead by as much. */
	RFC2136_LATE_MS = 2 * 300 * 1000,
};

/* A name that had addresses from us, and is nobody's now. */
struct rfc2136_orphan {
	char *text;
	uint16_t zone;
	uint8_t owned; /* 0: it is gone */
	bool refused_said;
	bool doubted; /* the server has failed with it alone */
	bool late; /* RFC2136_LATE */
};

struct rfc2136 {
	struct output o;
	struct rfc2136_zone **zones;
	unsigned n_zones, n_to_attempt;
	uint16_t *zone_of; /* of each name */
	uint8_t *owned;	   /* of each name: which of its RRsets are or may be there, from us */
	struct rfc2136_orphan
		*orphans; /* by text, once a zone has begun; places do not change then */
	uint32_t n_orphans, orphans_size;
	bool stopping, orphans_sorted;
	bool begun;	/* it was told to publish */
	uint32_t n_left_said; /* names with records of ours, but in none of the zones */
	bool remembers; /* what was published before the start is known */
	bool was_stopped; /* and all of it: nothing was sent after that was written down */
	uint64_t late_ms; /* the end of RFC2136_LATE for all */
	struct quota ignored, refused, refused_counted; /* lines of the log */
	uv_timer_t timer; /* of the end */
};

/* What a zone does. A number stands for a name of the roster, or, above these, for an orphan. */
enum rfc2136_doing {
	RFC2136_NOTHING,
	RFC2136_TRANSFER,
	RFC2136_QUESTIONS,
	RFC2136_CLAIM, /* an update is to be sent once it is remembered that it was */
	RFC2136_UPDATE,
	RFC2136_SERIAL,
};

/* Why nothing can be published; the same kind is not said again. Negative: an errno. */
enum rfc2136_kind {
	RFC2136_FINE,
	RFC2136_KEY,
	RFC2136_SILENT,
	RFC2136_UNSIGNED,
	RFC2136_HANGS_UP,
	RFC2136_REPLY, /* plus what the reply says */
};

struct rfc2136_zone {
	struct rfc2136 *p;
	const char *name;
	unsigned number;
	uv_timer_t timer;

	bool ready; /* what is there has been compared since the server began to answer */
	enum rfc2136_doing doing;
	unsigned server, n_failed;     /* and how many in a row have */
	struct nameserver *nameserver; /* NULL: none was begun with */
	struct tsig_key key;

	struct changes pending;
	uint32_t *orphans, n_orphans;	    /* to be deleted */
	uint32_t n_refused_orphans, orphans_size; /* those that the server refused, at the end of the room */
	struct changes flying;		    /* in the message that is under way */
	uint8_t adds[RFC2136_NAMES_MAX]; /* of each of these, what it says of it */
	uint8_t deletes[RFC2136_NAMES_MAX]; /* and what it takes away */
	uint32_t flying_orphans[RFC2136_NAMES_MAX], n_flying_orphans;
	unsigned limit; /* names in a message */

	bool takes; /* some names, since it was begun with: what it refuses is about others */
	bool lands; /* an update was taken since then */
	/* The server takes others, but not these; who was refused once; of whom that was said. */
	struct changes refused, doubted, refused_said;
	uint32_t unsaid[RFC2136_REFUSED_MAX];
	unsigned n_unsaid;
	uint32_t n_left_out; /* of whom that was not said, for there were many */
	struct buf refused_why;
	int refused_kind;
	uint64_t refused_ms; /* when they are tried again */

	uint64_t claim; /* the number of RFC2136_CLAIM */
	struct buf bytes; /* the message that is under way; not of questions */
	struct message_sent sent;
	uint16_t last_id; /* of the one before: UDP answers what was sent twice, twice */
	bool given_up;	  /* it was a question, whose answer may still come over TCP */
	bool tcp, unsigned_reply;
	bool udp_silent; /* as long as all goes well: it answers over TCP only */
	unsigned n_sent;
	uint64_t due_ms;

	struct rfc2136_listing *listing;
	bool listed, unknown_said;
	uint32_t n_said; /* differences that were said since all was well */

	bool has_serial, serial_due, sweep_due, sweeping;
	bool same_serial;	   /* after a burst, once: this server does not raise it */
	uint32_t serial, n_landed; /* and how many updates were acknowledged since */
	unsigned n_odd;		   /* times in a row that it moved by another number */

	unsigned n_compared; /* times in a row that this led to a comparison */
	uint64_t compare_ms; /* when the next may begin; 0: none is due */
	uint64_t rested_ms;  /* and not before this, for the last has cost as much as it did */
	uint64_t compared_from; /* uv_hrtime(3) of its begin */

	struct output_pause pause;
	int said[CONF_SERVERS_MAX]; /* of each server, the kind of trouble that was said last */
	bool failing, attempted;    /* all servers have failed; latest_why says why */
	struct buf latest_why;
};

static inline const char *rfc2136_server(const struct rfc2136_zone *z,
					 char room[NAMESERVER_TEXT_SIZE])
{
	return nameserver_print(&z->p->o.is->servers[z->server], room);
}

/* --- rfc2136.c --- */

/* All zones have published once, or failed. */
void rfc2136_attempted(struct rfc2136_zone *z);

/* While it is being stopped: whether that is done. */
void rfc2136_look_stopped(struct rfc2136 *p);

/* The number of the name; TABLE_NONE: it is neither a name nor an orphan. */
uint32_t rfc2136_find(const struct rfc2136 *p, const char *name);

/* And back. */
const char *rfc2136_name(const struct rfc2136 *p, uint32_t number);

/* What is remembered of the number over a restart: a line, or none. */
void rfc2136_print(struct buf *to, const struct rfc2136 *p, uint32_t number);

/* That it is not all any more, before the first update is sent. */
void rfc2136_print_begun(struct buf *to, struct rfc2136 *p);

static inline uint32_t rfc2136_n_numbers(const struct rfc2136 *p)
{
	return p->o.roster->users->n_names + p->n_orphans;
}

/* Whether the number's name lies in this zone; an orphan that is gone lies in none. */
bool rfc2136_is_in_zone(const struct rfc2136_zone *z, uint32_t number);

void rfc2136_sort_orphans(struct rfc2136 *p);

static inline uint8_t rfc2136_types(const struct ip_set *set)
{
	return (set && set->n_v4 ? RFC2136_A : 0) | (set && set->n_v6 ? RFC2136_AAAA : 0);
}

/* That nothing is found of it does not say that nothing is there. */
void rfc2136_unclear(struct rfc2136 *p, uint32_t number);

/* Whether that is so, late being what is noted of it. */
bool rfc2136_is_late(const struct rfc2136 *p, bool late);

/* Whether it is known what the name is to have; if not, nothing is taken away. */
bool rfc2136_is_known(const struct rfc2136 *p, uint32_t name);

/* --- rfc2136_zone.c --- */

int rfc2136_zone_new(struct rfc2136 *p, const struct output *o, unsigned number,
		     struct rfc2136_zone **ret);
struct rfc2136_zone *rfc2136_zone_free(struct rfc2136_zone *z);

void rfc2136_zone_changed(struct rfc2136_zone *z, bool again);
void rfc2136_zone_claimed(struct rfc2136_zone *z, uint64_t upto);
void rfc2136_zone_hurry(struct rfc2136_zone *z);
void rfc2136_zone_stop(struct rfc2136_zone *z);

/* The update in z->bytes goes once lines, unless there are none, are remembered. */
void rfc2136_zone_send_update(struct rfc2136_zone *z, const struct buf *lines);

/* The message in z->bytes goes, and a reply is waited for. */
void rfc2136_zone_send(struct rfc2136_zone *z, enum rfc2136_doing doing, bool tcp);

void rfc2136_zone_resend(struct rfc2136_zone *z);

/* Nothing can be done with this server now: the next one, or a pause. */
void rfc2136_zone_fail(struct rfc2136_zone *z, int kind, const char *why);
void rfc2136_zone_fail_reply(struct rfc2136_zone *z, const struct message_reply *reply);
void rfc2136_zone_fail_errno(struct rfc2136_zone *z, int error);

/* It was something that is no answer to us; we go on waiting. */
void rfc2136_zone_ignore(struct rfc2136_zone *z, const char *why);

/* What is there was compared; what differs is pending. */
void rfc2136_zone_ready(struct rfc2136_zone *z);

uint16_t rfc2136_zone_id(struct rfc2136_zone *z);

/* Whether the server does not want some of what would be sent. */
static inline bool rfc2136_any_refused(const struct rfc2136_zone *z)
{
	return z->refused.n || z->n_refused_orphans;
}

/* --- rfc2136_send.c --- */

/* Sends what is pending, as much as fits into a message; or finds that nothing of it need be sent. */
void rfc2136_send_changes(struct rfc2136_zone *z);

/* The server has what flies. */
void rfc2136_land(struct rfc2136_zone *z);

/* What flies is pending again: perhaps it is done, perhaps not. -ENOMEM: not all of it, and only a comparison
 * finds the rest. */
int rfc2136_put_back(struct rfc2136_zone *z);

/* Nobody knows what becomes of what flies: it may be there, or will be. */
void rfc2136_unanswered(struct rfc2136_zone *z);

/* The server does not want what flies. */
void rfc2136_refused(struct rfc2136_zone *z, const struct message_reply *reply);

/* The server takes others, so what it refused was about the names. */
void rfc2136_settle_refused(struct rfc2136_zone *z);

/* How many there were that the log does not name. */
void rfc2136_count_refused(struct rfc2136_zone *z);

/* It was not: nothing has shown that it takes any. */
void rfc2136_refuses_all(struct rfc2136_zone *z);

void rfc2136_try_refused_again(struct rfc2136_zone *z);

/* --- rfc2136_list.c --- */

void rfc2136_listing_begin(struct rfc2136_zone *z);
struct rfc2136_listing *rfc2136_listing_free(struct rfc2136_listing *l);
void rfc2136_listing_message(struct rfc2136_zone *z, const uint8_t *bytes, size_t n);
void rfc2136_listing_lost(struct rfc2136_zone *z, int error);

/* The transfer comes to no end, or not at all; but the server is there. */
void rfc2136_listing_late(struct rfc2136_zone *z);

/* --- rfc2136_wild.c --- */

struct rfc2136_wildcard {
	char *text;
	struct ip_set *set;
};

/* Those that can be above the zone's names; a zeroed one is empty. It stays where it is. */
struct rfc2136_wildcards {
	struct rfc2136_wildcard *list; /* the i-th is asked for under the number rfc2136_n_numbers + i */
	uint32_t n, size;
	struct table index;
};

/* --- rfc2136_reconcile.c --- */

struct rfc2136_findings {
	struct rfc2136_zone *z;
	struct found_list found; /* of our names, and of the wildcards */
	struct rfc2136_wildcards wild; /* of a transfer, none: it has what is there, not what is answered */
	int error; /* a negative errno: not all of it was */
	uint32_t serial;
	char unknown[NAME_SIZE]; /* the last one that nobody has */
	unsigned n_unknown;
};

/* 0 or -ENOMEM; rfc2136_wild_deinit in any case. */
int rfc2136_wild_gather(struct rfc2136_zone *z, struct rfc2136_wildcards *w);
void rfc2136_wild_deinit(struct rfc2136_wildcards *w);

/* What was found, which is sorted, makes their sets. 0 or -ENOMEM. */
int rfc2136_wild_take(struct rfc2136_findings *f);

/* The types of which the name may have nothing, though the set was answered. */
uint8_t rfc2136_wild_types(const struct rfc2136_findings *f, const char *name, const struct ip_set *set);

void rfc2136_add_found(struct rfc2136_findings *f, uint32_t number, const struct ip *ip,
		       uint32_t ttl);

/* Whether names are said that have addresses which may be ours or not, and such a name. */
bool rfc2136_says_unknown(const struct rfc2136_zone *z);
void rfc2136_say_unknown(struct rfc2136_findings *f, const char *name);

/* All was found: the zone is ready, or has failed. */
void rfc2136_reconcile(struct rfc2136_zone *z, struct rfc2136_findings *f);

/* --- rfc2136_why.c --- */

/* What a reply means that is no success, with the server's name; and its kind. */
int rfc2136_why(const struct rfc2136_zone *z, const struct message_reply *reply,
		struct buf *ret);
