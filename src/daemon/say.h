/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* How much of the log changes may have. A line of each is what people look for, until there are thousands a second:
 * then the log would be what is waited for, and journald(8) and its relatives drop what they choose. So
 * there are at most so many lines in each second, and one that counts the rest. Errors and
 * warnings do not come here. A process has one log, and one of these. */

#include <stdbool.h>
#include <stdint.h>

enum say_what {
	SAY_REQUEST,	/* what a user asks for */
	SAY_UPDATE,	/* a record was published anew */
	SAY_REMOVE,	/* a record was taken away */
	SAY_FOUND,	/* a name server answers with it */
};

enum { SAY_PERIOD_MS = 1000 };

/* Lines a second; 0, and before: all. */
void say_limit(unsigned rate);

/* Whether such a line is to be written; if not, it is counted, and need not be made. */
bool say_may(enum say_what what, uint64_t now_ms);

/* How many lines were not written and are not told of yet. */
uint64_t say_n_left_out(void);

/* When their second is over, on the clock of say_may. */
uint64_t say_due_ms(void);

/* Tells of them: then, and at the end. */
void say_left_out(void);
