/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One HTTP request of a router -> what it asks for. The dialects of the clients differ in a few
 * words and paths only; a table has them. Meaning and spellings: dns-updater-http(8), REQUESTS. */

#include "core/ip.h"
#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	REQUEST_HOSTS_MAX = 20, /* more: too_many_hosts, as dyn.com has it */
	REQUEST_OVERRIDES_MAX = 8,
	REQUEST_IPS_MAX = 64,	/* of each family */
};

/* How a dialect says what happened; core/answer. */
enum request_words {
	WORDS_DYNDNS2,
	WORDS_DYNDNS1,
	WORDS_DUCKDNS,
	WORDS_DYNV6,
	WORDS_FREEDNS,
};

struct request_dialect {
	const char *name;
	const char *path;  /* NULL: any other */
	bool rest;	   /* the path goes on: with a secret in it */
	const char *needs; /* only with this parameter */
	enum { REQUEST_UPDATE, REQUEST_DELETE, REQUEST_MYIP } action;
	enum request_words words;
	bool keyless_is_token; /* an item without "=" is a token, not a host name */
	bool labels;	       /* a host may be named by its first label */
	bool all_hosts;	       /* no host named: all that the secret is good for */
};

/* What is to become of one family of addresses. In order of strength: of two wishes with equal
 * rights the later in this list counts. */
enum request_wish { WISH_NOTHING, WISH_KEEP, WISH_REMOVE, WISH_SET };

struct request_family {
	enum request_wish wish;
	bool peer; /* WISH_SET: to the address that the request comes from */
	struct ip ips[REQUEST_IPS_MAX]; /* WISH_SET: to these */
	unsigned n;
	bool has_prefix; /* WISH_SET: to what this prefix makes of the present ones */
	struct ip prefix;
	unsigned prefix_bits;
};

/* "myipv6:host=": the same of one host only, named elsewhere or not. */
struct request_override {
	struct text host;
	bool is_v6;
	struct request_family family;
};

struct request {
	const struct request_dialect *dialect;
	struct text user, password, token;
	struct text hosts[REQUEST_HOSTS_MAX];
	unsigned n_hosts;
	bool too_many_hosts;
	struct request_family v4, v6;
	struct request_override overrides[REQUEST_OVERRIDES_MAX];
	unsigned n_overrides;
	/* The prefix of a whole network, for every name with an interface identifier. */
	bool has_lan_prefix, lan_prefix_peer;
	struct ip lan_prefix;
	unsigned lan_prefix_bits;
	bool use_peer; /* no word about addresses: the peer's own, in its own family */
	bool verbose;
	struct text bad; /* an address that is none; NULL: all are */
	char *arena;		 /* what the texts point into */
	size_t arena_len;
};

struct request_input {
	struct text target;	   /* of the request line, as sent */
	struct text form;	   /* an urlencoded body */
	struct text authorization; /* the header's value */
};

/* Whatever the bytes are, they mean something; what is not understood is left out. Returns 0, and the
 * caller ends ret with request_deinit, or -ENOMEM. It is large: nothing else is made first and copied, so
 * ret is written in any case. */
int request_parse(const struct request_input *in, struct request *ret);
void request_deinit(struct request *r);
