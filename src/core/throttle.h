/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Counts failures by a key, and tells how long whoever has it must wait: the first few cost nothing,
 * each of the next doubles the time. The table has a fixed size: under a flood of keys, old ones are
 * forgotten. */

#include <stdint.h>

enum { THROTTLE_BUCKETS = 1024, THROTTLE_WAYS = 8 };

struct throttle_rule {
	unsigned free; /* failures that cost nothing */
	uint64_t first_ms, max_ms;
	uint64_t halve_ms; /* after so long half of the failures are forgotten */
};

/* Zeroed but for its rule it is new. Keys are numbers from a keyed hash, so that nobody can choose who shares a place. */
struct throttle {
	struct throttle_rule rule;
	struct throttle_entry {
		uint64_t key, last_ms, until_ms;
		uint64_t since_ms; /* when n was last halved, or began */
		unsigned n;	   /* failures; 0: free */
	} entries[THROTTLE_BUCKETS][THROTTLE_WAYS];
};

/* How long the key must still wait; 0: it need not. now_ms is of any clock that only goes forward. */
uint64_t throttle_wait_ms(const struct throttle *t, uint64_t key, uint64_t now_ms);

/* Notes a failure. Returns the wait that it costs, from now. */
uint64_t throttle_fail(struct throttle *t, uint64_t key, uint64_t now_ms);
