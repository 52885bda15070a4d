/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Counts failures by a key, and tells how long whoever has it must wait: the first few cost nothing,
 * each of the next doubles the time. The table has a fixed size: under a flood of keys, old ones are
 * forgotten. */

#include <stddef.h>
#include <stdint.h>

struct throttle;

struct throttle_rule {
	unsigned free; /* failures that cost nothing */
	uint64_t first_ms, max_ms;
	uint64_t halve_ms; /* after so long half of the failures are forgotten */
};

/* Keys are numbers from a keyed hash, so that nobody can choose who shares a place. */
struct throttle *throttle_new(const struct throttle_rule *rule);
struct throttle *throttle_free(struct throttle *t);

/* How long the key must still wait; 0: it need not. now_ms is of any clock that only goes forward. */
uint64_t throttle_wait_ms(const struct throttle *t, uint64_t key, uint64_t now_ms);

/* Notes a failure. Returns the wait that it costs, from now. */
uint64_t throttle_fail(struct throttle *t, uint64_t key, uint64_t now_ms);
