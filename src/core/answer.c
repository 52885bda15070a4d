/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/answer.h"

enum { RETRY_AFTER_S = 60 };

/* --- what went wrong with the whole request --- */

static const struct {
	unsigned status;
	const char *word;
	bool challenge;
} faults[] = {
	[ANSWER_BADAUTH] = { 401, "badauth", true },
	[ANSWER_ABUSE] = { 200, "abuse", false },
	[ANSWER_BADAGENT] = { 200, "badagent", false },
	[ANSWER_NUMHOST] = { 200, "numhost", false },
	/* The only answer that no client takes for the last word: "911" with status 200 makes some of
	 * them give up for ever. */
	[ANSWER_TROUBLE] = { 503, "911", false },
};

void answer_fault(const struct request_dialect *d, enum answer_fault fault, struct answer *ret)
{
	*ret = (struct answer){ .status = faults[fault].status,
				.challenge = faults[fault].challenge,
				.retry_after_s = fault == ANSWER_TROUBLE ? RETRY_AFTER_S : 0 };
	if (d->words == WORDS_DUCKDNS && fault != ANSWER_TROUBLE) {
		ret->status = 200; /* no password to be asked for */
		ret->challenge = false;
		buf_adds(&ret->body, "KO");
		return;
	}
	buf_adds(&ret->body, faults[fault].word);
}

/* --- what became of each host --- */

static bool succeeded(const struct update_host *h)
{
	return h->outcome == UPDATE_GOOD || h->outcome == UPDATE_NOCHG ||
	       h->outcome == UPDATE_DELETED;
}

static bool all_succeeded(const struct update *u)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		if (!succeeded(&u->hosts[i])) {
			return false;
		}
	}
	return true;
}

static bool any_good(const struct update *u)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		if (u->hosts[i].outcome == UPDATE_GOOD) {
			return true;
		}
	}
	return false;
}

static void add_echo(struct buf *b, const struct update_host *h)
{
	for (size_t i = 0; i < h->n_echo; i++) {
		buf_adds(b, i ? "," : "");
		ip_add(b, h->echo[i].bytes, h->echo[i].n);
	}
}

static void add_host(struct buf *b, const struct update_host *h)
{
	static const char *const words[] = {
		[UPDATE_GOOD] = "good",	      [UPDATE_NOCHG] = "nochg",
		[UPDATE_DELETED] = "deleted", [UPDATE_NOHOST] = "nohost",
		[UPDATE_NOTFQDN] = "notfqdn", [UPDATE_DNSERR] = "dnserr",
	};

	buf_adds(b, words[h->outcome]);
	if (h->outcome == UPDATE_DELETED) {
		buf_adds(b, h->v4 ? " A" : "");
		buf_adds(b, h->v6 ? " AAAA" : "");
	} else if (h->n_echo) { /* some clients read the address, and look for the blank */
		buf_adds(b, " ");
		add_echo(b, h);
	}
}

static void add_freedns_host(struct buf *b, const struct update_host *h,
			     const struct users *users)
{
	if (!succeeded(h)) {
		buf_adds(b, "ERROR: ");
		add_host(b, h);
		return;
	}
	buf_printf(b,
		   h->outcome == UPDATE_GOOD ? "Updated %s to " :
					       "No IP change detected for %s with ",
		   users_name(users, h->name));
	add_echo(b, h);
}

static void add_lines(struct buf *b, const struct request *r, const struct update *u,
		      const struct users *users)
{
	for (size_t i = 0; i < u->n_hosts; i++) {
		buf_adds(b, i ? "\n" : "");
		if (r->dialect->words == WORDS_FREEDNS) {
			add_freedns_host(b, &u->hosts[i], users);
		} else {
			add_host(b, &u->hosts[i]);
		}
	}
}

/* DuckDNS: OK, and where that is wanted what the first name has now. */
static void add_duckdns(struct buf *b, const struct request *r, const struct update *u,
			const struct users *users)
{
	bool fine = all_succeeded(u);
	const struct ip_set *now;

	buf_adds(b, fine ? "OK" : "KO");
	if (!fine || !r->verbose) {
		return;
	}
	now = u->sets[u->hosts[0].name -
		      users->users[users_owner(users, u->hosts[0].name)].first_name];
	buf_adds(b, "\n");
	if (now && now->n_v4) {
		ip_add(b, ip_set_v4(now, 0), 4);
	}
	buf_adds(b, "\n");
	if (now && now->n_v6) {
		ip_add(b, ip_set_v6(now, 0), 16);
	}
	buf_adds(b, any_good(u) ? "\nUPDATED" : "\nNOCHANGE");
}

/* The pages of 1999, as far as programs read them. */
static void add_dyndns1(struct buf *b, const struct update *u)
{
	const char *code = all_succeeded(u) ? "NOERROR" : "ERROR";

	buf_printf(b,
		   "<HTML><HEAD><TITLE>Update %s</TITLE></HEAD><BODY>\n"
		   "return code: %s\nerror code: %s\n</BODY></HTML>",
		   all_succeeded(u) ? "Complete" : "Failed", code, code);
}

void answer_update(const struct request *r, const struct update *u, const struct users *users,
		   struct answer *ret)
{
	enum request_words words = r->dialect->words;
	struct buf *b = &ret->body;

	*ret = (struct answer){ .status = 200 };
	if (words == WORDS_DUCKDNS) {
		add_duckdns(b, r, u, users);
	} else if (words == WORDS_DYNDNS1) {
		add_dyndns1(b, u);
	} else if (words == WORDS_DYNV6 && all_succeeded(u)) {
		buf_adds(b, u->changed ? "addresses updated" : "addresses unchanged");
	} else {
		add_lines(b, r, u, users);
	}
}
