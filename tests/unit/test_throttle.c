/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/throttle.h"

#include "rows.h"

static const struct throttle_rule rule = {
	.free = 3, .first_ms = 1000, .max_ms = 5000, .halve_ms = 60000,
};

static struct throttle *throttle_new(const struct throttle_rule *of)
{
	static struct throttle t;

	memset(&t, 0, sizeof(t));
	t.rule = *of;
	return &t;
}

enum { KEY = 7 };

/* Each failure comes when the wait of the one before is over. */
static const struct {
	const char *name;
	unsigned n;	/* failures */
	uint64_t wait_ms;	/* that the last one costs */
} rows[] = {
	{ "the first costs nothing", 1, 0 },
	{ "nor does the last free one", 3, 0 },
	{ "the next one does", 4, 1000 },
	{ "then it is twice as long", 5, 2000 },
	{ "and again", 6, 4000 },
	{ "up to the most", 7, 5000 },
	{ "which it stays", 12, 5000 },
};

static void check(void **state)
{
	const __typeof__(rows[0]) *row = *state;
	struct throttle *t = throttle_new(&rule);
	uint64_t now = 1000000, wait = 0;

	for (unsigned i = 0; i < row->n; i++) {
		now += wait;
		assert_int_equal(throttle_wait_ms(t, KEY, now), 0);
		wait = throttle_fail(t, KEY, now);
	}
	assert_int_equal(wait, row->wait_ms);
	assert_int_equal(throttle_wait_ms(t, KEY, now), wait);
	assert_int_equal(throttle_wait_ms(t, KEY, now + wait), 0);
	assert_int_equal(throttle_wait_ms(t, KEY + 1024, now), 0);	/* in the same bucket */
}

static void forgets_half(void **state)
{
	struct throttle *t = throttle_new(&rule);
	uint64_t now = 1;

	(void)state;
	for (int i = 0; i < 6; i++) {
		(void)throttle_fail(t, KEY, now);
	}
	/* Six became three, and this is the fourth; two halvings later the next is the second. */
	assert_int_equal(throttle_fail(t, KEY, now + 60000), 1000);
	assert_int_equal(throttle_fail(t, KEY, now + 3 * 60000), 0);
}

/* A router with an old password, every five minutes: never in the way of its neighbours. */
static void slow_failures_are_free(void **state)
{
	const struct throttle_rule as_used = { .free = 10, .first_ms = 1000, .max_ms = 300000,
					       .halve_ms = 600000 };
	struct throttle *t = throttle_new(&as_used);

	(void)state;
	for (uint64_t i = 1; i < 10000; i++) {
		assert_int_equal(throttle_fail(t, KEY, i * 300000), 0);
	}
}

/* More keys than there is room for: the one that failed the longest ago is forgotten. */
static void full(void **state)
{
	struct throttle *t = throttle_new(&rule);
	uint64_t now = 1000;

	(void)state;
	for (uint64_t i = 0; i < 9; i++) {
		for (int n = 0; n < 4; n++) {
			(void)throttle_fail(t, KEY + i * 1024, now + i);
		}
	}
	assert_int_equal(throttle_wait_ms(t, KEY, now + 9), 0);
	for (uint64_t i = 1; i < 9; i++) {
		assert_int_not_equal(throttle_wait_ms(t, KEY + i * 1024, now + 9), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgets_half),
		cmocka_unit_test(slow_failures_are_free),
		cmocka_unit_test(full),
	};

	return ROWS_RUN(rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
