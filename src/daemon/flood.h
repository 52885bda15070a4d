/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Which of many sources floods: events are counted in batches, with a handful of counters (Misra and Gries, 1982),
 * so that a million sources cost nothing. A source that has a good share of one large batch after another is
 * found; one that is merely busy, or one of many in a burst, is not. No clock but what is handed in. */

#include <stdint.h>

enum { FLOOD_COUNTERS = 8, FLOOD_SUSPECTS = 16 };

struct flood {		/* a zeroed one is ready */
	struct {
		int key;	/* 0: free */
		uint32_t n;
	} counters[FLOOD_COUNTERS];
	uint32_t n_events;	/* of this batch */
	struct {
		int key;
		unsigned n;	/* batches */
		uint64_t since_ms;
	} suspects[FLOOD_SUSPECTS];
};

/* An event of this source, which is not 0. */
void flood_count(struct flood *f, int key);

/* The end of a batch, and the begin of the next. Returns a source that floods; 0: none does, or none is found yet. */
int flood_end(struct flood *f, uint64_t now_ms);
