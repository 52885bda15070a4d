/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/flood.h"

#include <string.h>

enum {
	BATCH_MIN = 512,	/* events: less than that we keep up with, whoever makes them */
	SHARE = 8,		/* one part in so many of a batch is much */
	BATCHES = 8,		/* so often within WINDOW_MS, and it is a flood */
	WINDOW_MS = 10 * 1000,
};

/* Whoever has more than one part in FLOOD_COUNTERS + 1 is left at the end, with at least what he has more. */
void flood_count(struct flood *f, int key)
{
	int free_one = -1;

	f->n_events++;
	for (int i = 0; i < FLOOD_COUNTERS; i++) {
		if (f->counters[i].key == key) {
			f->counters[i].n++;
			return;
		}
		free_one = f->counters[i].n ? free_one : i;
	}
	if (free_one >= 0) {
		f->counters[free_one].key = key;
		f->counters[free_one].n = 1;
		return;
	}
	for (int i = 0; i < FLOOD_COUNTERS; i++) {
		f->counters[i].n--;
	}
}

/* One more batch of his; in place of the one who was suspected first. Returns whether it is a flood. */
static int suspect(struct flood *f, int key, uint64_t now_ms)
{
	int at = 0;

	for (int i = 0; i < FLOOD_SUSPECTS; i++) {
		if (f->suspects[i].key == key && now_ms - f->suspects[i].since_ms < WINDOW_MS) {
			return ++f->suspects[i].n >= BATCHES;
		}
		at = f->suspects[i].key == key || f->suspects[i].since_ms < f->suspects[at].since_ms ? i : at;
	}
	f->suspects[at].key = key;
	f->suspects[at].n = 1;
	f->suspects[at].since_ms = now_ms;
	return 0;
}

int flood_end(struct flood *f, uint64_t now_ms)
{
	int found = 0;

	for (int i = 0; f->n_events >= BATCH_MIN && !found && i < FLOOD_COUNTERS; i++) {
		/* The counter may be too low by one part in FLOOD_COUNTERS + 1. */
		if (f->counters[i].n > f->n_events / SHARE - f->n_events / (FLOOD_COUNTERS + 1) &&
		    suspect(f, f->counters[i].key, now_ms)) {
			found = f->counters[i].key;
		}
	}
	memset(f->counters, 0, sizeof(f->counters));
	f->n_events = 0;
	return found;
}
