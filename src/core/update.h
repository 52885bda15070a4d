/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A request, and what its user has now -> what he is to have, and what became of each host that was
 * named. What the request does not name stays as it is. dns-updater-http(8), REQUESTS. */

#include "core/conf.h"
#include "core/request.h"

#include <stdbool.h>
#include <stdint.h>

/* Whose request it is, as his secret proves, and what there is to go by. All borrowed. */
struct update_input {
	const struct request *request;
	const struct conf *conf;
	const struct users *users;
	uint32_t user;
	const bool *allowed;	   /* of each of his names; NULL: all */
	struct ip peer;		   /* the address the request comes from; n 0: not known */
	struct ip_set *const *now; /* of each of his names */
};

enum update_outcome {
	UPDATE_GOOD,
	UPDATE_NOCHG,
	UPDATE_DELETED,
	UPDATE_NOHOST,	/* not one of his names, or not for this secret */
	UPDATE_NOTFQDN, /* no host name at all */
	UPDATE_DNSERR,	/* nothing can be published of what was sent: why tells */
};

/* What became of one host of the request. */
struct update_host {
	struct text text; /* as sent; at is NULL when none was */
	uint32_t name;		  /* of struct users; TABLE_NONE */
	enum update_outcome outcome;
	const char *why; /* of DNSERR, and of addresses left out: for the log; or NULL */
	struct ip *echo; /* the addresses that the request set, IPv4 first */
	size_t n_echo;
	bool dummy;  /* GOOD, for the client wants to hear it; nothing is written */
	bool v4, v6; /* of DELETED: which */
};

struct update {
	struct update_host *hosts; /* in request order, at least one */
	size_t n_hosts;
	struct ip_set **sets; /* of each of the user's names */
	size_t n_sets;
	bool changed; /* sets are not what he has now */
	/* Hosts of "myipv6:host=" that are not his, or not for this secret: nothing is done for them. */
	struct text strangers[REQUEST_OVERRIDES_MAX];
	size_t n_strangers;
};

/* Returns 0, and the caller ends ret with update_deinit, or -ENOMEM. */
int update_apply(const struct update_input *in, struct update *ret);
void update_deinit(struct update *u);
