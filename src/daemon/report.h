/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What is known of a user, or of the whole, as text for people and as JSON (RFC 8259): values -> bytes.
 * Whatever bytes names and errors have, the text is one for a terminal, and the JSON is UTF-8. */

#include "daemon/publish.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All borrowed. */
struct report_user {
	const char *user;
	const char *const *names;
	struct ip_set *const *sets; /* of each name */
	size_t n_names;
	bool known;	     /* his addresses are known, be they none */
	bool settling;	     /* a file of his is being written */
	int64_t since_s;     /* since when he has them, seconds since 1970; 0: not known */
	const char *file;    /* the one in force; NULL: none */
	const char *door;    /* where his file is looked for, the first of n_doors; NULL: it is not told */
	unsigned n_doors;
	const char *refused; /* what is wrong with it, fit to be shown; NULL: nothing */
	const struct publish_state *outputs;
	size_t n_outputs;
};

struct report_whole {
	const struct publish_state *outputs;
	size_t n_outputs;
	uint32_t n_users, n_names;
	uint32_t n_without; /* users without an address */
	uint32_t n_refused; /* users whose file is refused */
};

/* now_s: times of the same day are told without it. */
void report_user_text(struct buf *to, const struct report_user *u, int64_t now_s);
void report_whole_text(struct buf *to, const struct report_whole *w, int64_t now_s);

/* One object, and a newline. */
void report_user_json(struct buf *to, const struct report_user *u);
void report_whole_json(struct buf *to, const struct report_whole *w);

/* What became of what the user wrote, as wait tells it (inquiry.h): WORD TEXT, without a newline. false:
 * that is not known yet. */
bool report_judge(struct buf *to, const struct report_user *u);
