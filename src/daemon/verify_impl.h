/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What is known of names while they are being asked for: shared by verify.c, which says which and for how
 * long, verify_ask.c, which asks, verify_set.c, which compares, and verify_say.c, which puts it into words. */

#include "base/buf.h"
#include "base/quota.h"
#include "core/conf.h"
#include "core/message.h"
#include "core/name.h"
#include "daemon/nameserver.h"
#include "daemon/verify.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* The latest that a question has led to. */
struct verify_seen {
	enum verify_what {
		VERIFY_SILENCE,
		VERIFY_ERROR,	  /* it cannot be asked: error, a negative errno */
		VERIFY_TRUNCATED, /* by UDP; by TCP nothing came yet */
		VERIFY_GARBAGE,
		VERIFY_RCODE,
		VERIFY_NO_AUTHORITY,
		VERIFY_ADDRESSES, /* set, the answer's addresses of that family */
	} what;
	int error;
	unsigned rcode;
	struct ip_set *set;
};

enum { VERIFY_V4, VERIFY_V6, VERIFY_N_QUESTIONS };

struct verify_question {
	bool is_used, is_right;
	bool tcp;   /* the answer does not fit into UDP */
	bool waits; /* asked by TCP, where nothing gets lost without a word */
	struct message_sent
		sent; /* the same again and again: any answer will do, also a late one */
	struct verify_seen seen;
};

/* A name at one server. */
struct verify_check {
	struct verify_question questions[VERIFY_N_QUESTIONS];
	bool is_right;
	unsigned n_rounds;
	uint64_t due_ms; /* of the next round */
};

struct verify_asked {
	uint32_t number;
	char name[NAME_SIZE];
	struct ip_set *set, *was;
	uint64_t since_ms;
	bool rests; /* something newer was on its way at the time limit: nobody is asked */
	struct verify_check checks[]; /* one for each of the output's verify */
};

enum { VERIFY_AT_ONCE = 32 }; /* names */

struct verify_server {
	struct verify *verify;
	unsigned i;		/* in the output's verify, and the checks of each name */
	struct nameserver *way; /* NULL: not opened */
	bool fails;		/* the cause was said already */
};

struct verify {
	uv_timer_t timer;
	const struct conf_output *o;
	struct verify_handlers handlers;
	struct verify_server servers[CONF_SERVERS_MAX];
	struct verify_asked *asked[VERIFY_AT_ONCE]; /* NULL: a free place */
	unsigned n_asked;
	uint64_t due_ms; /* of the timer, while it is active */
	struct quota said;
	struct buf out;
};

/* --- verify.c --- */

uint64_t verify_now_ms(void);

/* The place is free, and the name is told. What is done about that may be anything, also verify_free. */
void verify_finish(struct verify *v, unsigned place, const char *why);

/* --- verify_ask.c --- */

/* Sends the questions to the i-th server that it has not answered rightly, and says when they are due again. */
void verify_ask_again(struct verify *v, struct verify_asked *a, unsigned i, uint64_t now);

/* What was sent to this server, by UDP or by TCP, is not going to be answered. error: why, or 0. */
void verify_lose_questions(struct verify_server *s, bool tcp, int error);

/* --- verify_set.c --- */

/* How many addresses of the question's family the set has, and the i-th. */
size_t verify_n_of(const struct ip_set *s, unsigned question);
const uint8_t *verify_ip(const struct ip_set *s, unsigned question, size_t i);
bool verify_has(const struct ip_set *s, unsigned question, const uint8_t *ip);

/* Whether all that are published are seen, and none that were before; others may be. */
bool verify_is_as_published(const struct verify_asked *a, unsigned question,
			    const struct ip_set *seen);

/* --- verify_say.c --- */

/* Appends "NAME is ADDRESSES at SERVER, after 4 ms". */
void verify_say_right(struct buf *b, const struct verify_asked *a, const char *server,
		      uint64_t took_ms);

/* Appends what is wrong with the name at the i-th server; with the cause that is likely, if it is wanted. */
void verify_say_wrong(struct buf *b, const struct conf_output *o, const struct verify_asked *a,
		      unsigned i, uint64_t took_ms, bool with_cause);
