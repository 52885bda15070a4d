/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Shared by handle.c (who it is, and what is done), handle_work.c (what he has now and is to have) and
 * handle_say.c (what of it is logged). */

#include "base/quota.h"
#include "core/answer.h"
#include "core/throttle.h"
#include "core/tokens.h"
#include "core/update.h"
#include "http/handle.h"

#include <sodium.h>
#include <uv.h>

enum {
	SAID_PLACES = 1024, /* strangers and users are told apart by a hash */
	QUOTE_MAX = 64,	    /* bytes from outside that one message shows */
};

/* Kinds of lines in the log, each with limits of its own. */
enum said { SAID_WRONG, SAID_REFUSED, SAID_CHANGED, SAID_UNPUBLISHED, N_SAID };

struct job {
	struct job *next, **link; /* of all, in the order in which they came */
	enum {
		JOB_ALONE,
		JOB_DELAYED,   /* it is answered later, at due_ms */
		JOB_WAITING,   /* for the same user's that is at work */
		JOB_AT_WORK,   /* one of each user */
		JOB_CONFIRMED, /* what it set is written, and the daemon is asked what becomes of it */
	} at;
	uint64_t who;	 /* of the last three: its user's key, for a reload numbers users anew */
	bool is_awaited; /* by others of the same user, perhaps */
	struct handle *h;
	struct generation *g;
	struct server_request *q;
	bool gone; /* it was given up: nobody waits any more, and q is none */
	struct ip peer;
	uint32_t user;
	bool *allowed;
	char label[TOKENS_LABEL_MAX + 1];
	struct ip_set **now; /* of each of his names */
	struct update u;
	uint64_t due_ms;
	bool unanswered; /* the daemon did not say what he has now */
	struct request r; /* last, for it is large, and nothing of it is there before it is parsed */
};

struct handle {
	uv_loop_t *loop;
	struct auth *auth;
	struct ask *ask;
	struct store *store;
	const char *socket;
	struct throttle claims, addresses, accounts;
	struct throttle strangers; /* accounts that there are not: nobody makes us forget one that there is by these */
	unsigned char key[crypto_shorthash_KEYBYTES];
	struct job *jobs, **last_job;
	unsigned n_delayed;
	uv_timer_t delay_timer;
	bool away; /* the daemon, and that is said */
	bool stopping;
	handle_idle_fn *idle;
	void *idle_arg;
	struct quota said[N_SAID], said_by[N_SAID][SAID_PLACES];
};

/* --- handle_say.c --- */

/* Keys for throttles and limits of the log. An IPv6 host has a whole network to come from. */
uint64_t handle_key(const struct handle *h, const void *bytes, size_t n);
uint64_t handle_address_key(const struct job *j);
uint64_t handle_user_key(const struct job *j);

/* The whole request is refused. */
void handle_say_refused(const struct job *j, enum said what, const char *why);
/* Names that were not given what was wanted, and addresses that were not taken. */
void handle_say_left_out(const struct job *j);
void handle_say_changed(const struct job *j);
/* What the request set is not published, as far as is known; word: what was answered. */
void handle_say_unpublished(const struct job *j, const char *what, struct text why,
			    const char *word);

/* --- handle_work.c --- */

/* How many requests may take their time: of one user, who waits for the daemon or the disk, beside the one at work; and of
 * those who guess, whose answers are held back. Nobody takes all connections. */
unsigned handle_share(const struct conf_http *http);

/* The job is known to be this user's: it is done after those of his that are there already. */
void handle_enter(struct job *j);
/* Nobody waits for it any more. Ends it, if it has not begun. */
void handle_forget(struct job *j);

/* Answers and ends a job. The answer is taken over. */
void handle_finish(struct job *j, struct answer *a);
void handle_finish_fault(struct job *j, enum answer_fault fault);
