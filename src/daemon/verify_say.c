/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/verify_impl.h"

#include <string.h>

enum {
	SHOWN_MAX = 8
}; /* addresses of one family, of those that somebody else may have chosen */

static void say_time(struct buf *b, uint64_t ms)
{
	unsigned tenths = (unsigned)(ms / 100);

	if (ms < 1000) {
		buf_printf(b, "%u ms", (unsigned)ms);
	} else if (tenths < 100 && tenths % 10) {
		buf_printf(b, "%u.%u s", tenths / 10, tenths % 10);
	} else {
		buf_printf(b, "%u s", tenths / 10);
	}
}

void verify_say_right(struct buf *b, const struct verify_asked *a, const char *server,
		      uint64_t took_ms)
{
	buf_adds(b, a->name);
	if (a->set) {
		buf_adds(b, " is ");
		ip_set_print(b, a->set, ", ");
	} else {
		buf_adds(b, " has no address of ours");
	}
	buf_printf(b, " at %s, after ", server);
	say_time(b, took_ms);
}

/* The question that tells most of what is wrong. */
static const struct verify_question *worst(const struct verify_check *c)
{
	const struct verify_question *q = NULL;

	for (unsigned i = 0; i < VERIFY_N_QUESTIONS; i++) {
		const struct verify_question *other = &c->questions[i];

		if (other->is_used && !other->is_right &&
		    (!q || other->seen.what == VERIFY_ADDRESSES)) {
			q = other;
		}
	}
	return q;
}

/* Of both families, also the one that is right. */
static void say_seen(struct buf *b, const struct verify_check *c)
{
	const char *separator = "";

	for (unsigned i = 0; i < VERIFY_N_QUESTIONS; i++) {
		const struct ip_set *set = c->questions[i].seen.set;
		size_t n = verify_n_of(set, i), n_shown = n < SHOWN_MAX ? n : SHOWN_MAX;

		for (size_t k = 0; k < n_shown; k++) {
			buf_adds(b, separator);
			ip_add(b, verify_ip(set, i, k), i == VERIFY_V4 ? 4 : 16);
			separator = ", ";
		}
		if (n > n_shown) {
			buf_printf(b, " and %zu more", n - n_shown);
		}
	}
}

static bool has_any(const struct verify_check *c)
{
	return c->questions[VERIFY_V4].seen.set || c->questions[VERIFY_V6].seen.set;
}

/* Whether an address is there that should have gone. */
static bool has_old(const struct verify_asked *a, const struct verify_check *c)
{
	for (unsigned i = 0; i < VERIFY_N_QUESTIONS; i++) {
		for (size_t k = 0; k < verify_n_of(a->was, i); k++) {
			const uint8_t *ip = verify_ip(a->was, i, k);

			if (!verify_has(a->set, i, ip) &&
			    verify_has(c->questions[i].seen.set, i, ip)) {
				return true;
			}
		}
	}
	return false;
}

static void say_addresses(struct buf *b, const struct verify_asked *a,
			  const struct verify_check *c, const char *server)
{
	buf_adds(b, a->name);
	if (has_any(c)) {
		buf_adds(b, has_old(a, c) ? " is still " : " is ");
		say_seen(b, c);
	} else {
		buf_adds(b, " has no address");
	}
	buf_printf(b, " at %s", server);
}

static void say_error(struct buf *b, const struct verify_asked *a,
		      const struct verify_question *q, const char *server)
{
	if (q->tcp) {
		buf_printf(b,
			   "unable to ask %s by TCP for %s, whose answer does not fit into UDP",
			   server, a->name);
	} else {
		buf_printf(b, "unable to ask %s for %s", server, a->name);
	}
	buf_printf(b, ": %s", strerror(-q->seen.error));
}

static void say_what(struct buf *b, const struct verify_asked *a, const struct verify_check *c,
		     const struct verify_question *q, const char *server)
{
	char rcode[16];

	switch (q->seen.what) {
	case VERIFY_SILENCE:
		buf_printf(b, "%s does not answer for %s", server, a->name);
		break;
	case VERIFY_ERROR:
		say_error(b, a, q, server);
		break;
	case VERIFY_TRUNCATED:
		buf_printf(
			b,
			"%s answers for %s with more than fits into UDP, and not at all by TCP",
			server, a->name);
		break;
	case VERIFY_GARBAGE:
		buf_printf(b, "%s answers for %s with what is no DNS message", server, a->name);
		break;
	case VERIFY_RCODE:
		buf_printf(b, "%s answers for %s with %s", server, a->name,
			   message_rcode_name(q->seen.rcode, rcode));
		break;
	case VERIFY_NO_AUTHORITY:
		buf_printf(b, "%s answers for %s without authority", server, a->name);
		break;
	case VERIFY_ADDRESSES:
		say_addresses(b, a, c, server);
		break;
	}
}

static void say_when(struct buf *b, const struct verify_asked *a, uint64_t took_ms)
{
	buf_adds(b, ", ");
	say_time(b, took_ms);
	if (a->set) {
		buf_adds(b, " after it was published as ");
		ip_set_print(b, a->set, ", ");
	} else {
		buf_adds(b, " after it was withdrawn");
	}
}

static void say_directory(struct buf *b, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash) {
		buf_adds(b, ".");
	} else {
		buf_add(b, file, slash == file ? 1 : (size_t)(slash - file));
	}
}

/* Why a server that answers has other addresses. */
static void say_way(struct buf *b, const struct conf_output *o, const char *server)
{
	switch (o->type) {
	case CONF_TINYDNS:
		buf_adds(b, ": is '");
		say_directory(b, o->file);
		buf_printf(b, "' the directory that tinydns serves, and %s its database?",
			   o->command ? "does the command make" :
					"what makes, without a command,");
		break;
	case CONF_ZONEFILE:
		buf_printf(b, ": %s that zone, and is '%s' the file that it is read from?",
			   o->command ? "did the command reload" :
					"what reloads, without a command,",
			   o->file);
		break;
	case CONF_HOSTS:
		buf_printf(b,
			   ": %s the server read its hosts anew, and is '%s' the file that "
			   "they are read from?",
			   o->command ? "did the command make" :
					"what makes, without a command,",
			   o->file);
		break;
	case CONF_RFC2136:
		buf_printf(b,
			   ": it answered the update with success but serves something else: is "
			   "%s the server that is updated, or a secondary that lags?",
			   server);
		break;
	case CONF_NO_TYPE:
		break;
	}
}

#define NOBODY_THERE ": does a name server listen there, and may we reach it?"

static void say_cause(struct buf *b, const struct conf_output *o, enum verify_what what,
		      const char *server)
{
	switch (what) {
	case VERIFY_SILENCE:
		if (o->type == CONF_TINYDNS) { /* which drops what is asked of other zones */
			buf_adds(b, ": does tinydns listen there, may we reach it, and has it a "
				    "zone for this name?");
			break;
		}
		buf_adds(b, NOBODY_THERE);
		break;
	case VERIFY_ERROR:
	case VERIFY_GARBAGE:
		buf_adds(b, NOBODY_THERE);
		break;
	case VERIFY_TRUNCATED:
		buf_adds(b, ": does it listen there for TCP, too?");
		break;
	case VERIFY_RCODE:
		if (o->type ==
		    CONF_HOSTS) { /* what resolvers say of names that they do not have */
			say_way(b, o, server);
		} else {
			buf_adds(b, ": does it serve that zone, and to us?");
		}
		break;
	case VERIFY_NO_AUTHORITY:
		buf_adds(b, ": does it serve that zone, or only look up what others serve?");
		break;
	case VERIFY_ADDRESSES:
		say_way(b, o, server);
		break;
	}
}

void verify_say_wrong(struct buf *b, const struct conf_output *o, const struct verify_asked *a,
		      unsigned i, uint64_t took_ms, bool with_cause)
{
	const struct verify_check *c = &a->checks[i];
	const struct verify_question *q = worst(c);
	char server[NAMESERVER_TEXT_SIZE];

	(void)nameserver_print(&o->verify[i], server);
	say_what(b, a, c, q, server);
	say_when(b, a, took_ms);
	if (with_cause) {
		say_cause(b, o, q->seen.what, server);
	}
}
