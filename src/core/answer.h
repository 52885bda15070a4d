/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What became of a request -> status and body of the answer, in the words of its dialect. Clients are
 * particular: one line for each host, in their order, and no newline at the end. */

#include "core/request.h"
#include "core/update.h"

struct answer {
	unsigned status; /* of HTTP */
	bool challenge;	 /* with WWW-Authenticate: some clients send a password only after it */
	unsigned retry_after_s; /* 0: not said */
	struct buf body;
};

enum answer_fault {
	ANSWER_BADAUTH,	 /* no secret, or not one of ours */
	ANSWER_ABUSE,	 /* the operator has blocked the account */
	ANSWER_BADAGENT, /* a method that is none of ours, or plain HTTP where it is refused */
	ANSWER_NUMHOST,	 /* too many hosts */
	ANSWER_TROUBLE,	 /* ours, or too much at once: the client should try again */
};

/* Both write all of ret, whose body the caller ends with buf_deinit; whether there was memory enough,
 * buf_error tells. */
void answer_fault(const struct request_dialect *d, enum answer_fault fault, struct answer *ret);
void answer_update(const struct request *r, const struct update *u, const struct users *users,
		   struct answer *ret);
