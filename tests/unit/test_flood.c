/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Who floods: found among many, and nobody else. */

#include "daemon/flood.h"
#include "rows.h"

#include <stdbool.h>

struct row {
	const char *name;
	unsigned n_batches, n_events;	/* events of each batch */
	unsigned n_floods;	/* sources that make n_each of them each: 1000, 1001, ... */
	unsigned n_each;
	unsigned gap_ms;	/* between batches */
	bool found;
};

static const struct row rows[] = {
	{ "one who makes all", 8, 512, 1, 512, 1, true },
	{ "seven batches", 7, 512, 1, 512, 1, false },
	{ "small batches", 100, 511, 1, 511, 1, false },
	{ "half of them", 8, 2000, 1, 1000, 1, true },
	{ "a fifth, among thousands", 8, 2000, 1, 400, 1, true },
	{ "a hundredth", 1000, 2000, 1, 20, 1, false },
	{ "all different", 1000, 2000, 0, 0, 1, false },
	{ "three at once", 8, 2000, 3, 600, 1, true },
	{ "now and then", 100, 2000, 1, 2000, 2000, false },
	{ "just often enough", 8, 2000, 1, 2000, 1400, true },
};

static void check(void **state)
{
	const struct row *row = *state;
	struct flood f = { 0 };
	uint64_t now = 1000000;
	int other = -2, found = 0;

	for (unsigned b = 0; b < row->n_batches; b++, now += row->gap_ms) {
		for (unsigned i = 0; i < row->n_events; i++) {
			unsigned flood = i % (row->n_floods ? row->n_floods : 1);
			bool is_flood = i / (row->n_floods ? row->n_floods : 1) < row->n_each;

			flood_count(&f, row->n_floods && is_flood ? 1000 + (int)flood : other--);
		}
		found = flood_end(&f, now);
		assert_true(!found || b + 1 == row->n_batches || found >= 1000);
	}
	assert_int_equal(found >= 1000, row->found);
	assert_true(found >= 0);	/* none of the others */
}

int main(void)
{
	return ROWS_RUN(rows, check);
}
