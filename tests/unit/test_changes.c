/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What has changed and what it was before: noted once, in order, moved and taken. */

#include "daemon/changes.h"
#include "rows.h"

#include <stdlib.h>

enum { N_NAMES = 100 };

static struct ip_set *set(uint8_t last)
{
	struct ip ip = { .n = 4, .bytes = { 192, 0, 2, last } };
	struct ip_set *ret;

	assert_int_equal(ip_set_new(&ip, 1, 8, &ret), 0);
	return ret;
}

static uint8_t last_of(const struct ip_set *s)
{
	return ip_set_v4(s, 0)[3];
}

static void noted_once(void **state)
{
	struct changes c;

	(void)state;
	assert_int_equal(changes_init(&c, N_NAMES), 0);
	assert_false(changes_has(&c, 7));
	assert_int_equal(changes_note(&c, 7, set(1)), 0);
	assert_int_equal(changes_note(&c, 7, set(2)), 0);
	assert_int_equal(changes_note(&c, 6, NULL), 0);
	assert_true(changes_has(&c, 7));
	assert_false(changes_has(&c, 8));
	assert_int_equal(c.n, 2);
	assert_int_equal(c.list[0].name, 7);
	assert_int_equal(last_of(c.list[0].was), 1);	/* what it was first */
	assert_null(c.list[1].was);
	changes_deinit(&c);
}

static void copied(void **state)
{
	struct ip_set *was = set(9);
	struct changes c;

	(void)state;
	assert_int_equal(changes_init(&c, N_NAMES), 0);
	assert_int_equal(changes_note_copy(&c, 99, was), 0);
	assert_int_equal(changes_note_copy(&c, 98, NULL), 0);
	ip_set_free(was);
	assert_int_equal(last_of(c.list[0].was), 9);
	assert_null(c.list[1].was);
	changes_deinit(&c);
}

/* Very many at once leave no room behind, however they go. */
static void gives_room_back(void **state)
{
	enum { MANY = 100000 };
	struct changes c, to;

	(void)state;
	assert_int_equal(changes_init(&c, MANY), 0);
	assert_int_equal(changes_init(&to, MANY), 0);
	for (int way = 0; way < 3; way++) {
		for (uint32_t i = 0; i < MANY; i++) {
			assert_int_equal(changes_note(&c, i, NULL), 0);
		}
		if (way == 0) {
			assert_int_equal(changes_move(&to, &c), 0);
			changes_clear(&to);
		} else if (way == 1) {
			changes_take(&c, MANY);
		}
		for (uint32_t i = 0; way == 2 && i < MANY; i++) {
			changes_remove(&c, i);
		}
		assert_int_equal(c.n, 0);
		assert_true(c.size < MANY);
		assert_true(to.size < MANY);
	}
	assert_int_equal(changes_note(&c, 5, set(1)), 0);
	assert_int_equal(last_of(c.list[0].was), 1);
	changes_deinit(&c);
	changes_deinit(&to);
}

static void taken_in_order(void **state)
{
	struct changes c;

	(void)state;
	assert_int_equal(changes_init(&c, N_NAMES), 0);
	for (uint8_t i = 0; i < 5; i++) {
		assert_int_equal(changes_note(&c, i, set(i)), 0);
	}
	changes_take(&c, 3);
	for (uint8_t i = 0; i < 3; i++) {
		assert_false(changes_has(&c, i));
	}
	assert_int_equal(c.n, 2);
	assert_true(changes_has(&c, 3));
	changes_remove(&c, 3);
	changes_remove(&c, 50);		/* not in */
	assert_false(changes_has(&c, 3));
	assert_int_equal(c.n, 1);
	assert_int_equal(c.list[0].name, 4);
	changes_clear(&c);
	assert_int_equal(c.n, 0);
	assert_false(changes_has(&c, 4));
	changes_deinit(&c);
}

static void moved_to_the_end(void **state)
{
	struct changes to, from;

	(void)state;
	assert_int_equal(changes_init(&to, N_NAMES), 0);
	assert_int_equal(changes_init(&from, N_NAMES), 0);
	assert_int_equal(changes_note(&to, 5, set(1)), 0);
	assert_int_equal(changes_note(&from, 4, set(2)), 0);
	assert_int_equal(changes_note(&from, 5, set(3)), 0);
	assert_int_equal(changes_note(&from, 6, set(4)), 0);
	assert_int_equal(changes_move(&to, &from), 0);
	assert_int_equal(from.n, 0);
	for (uint32_t i = 0; i < N_NAMES; i++) {
		assert_false(changes_has(&from, i));
		assert_int_equal(changes_has(&to, i), i >= 4 && i <= 6);
	}
	assert_int_equal(to.n, 3);
	assert_int_equal(last_of(to.list[0].was), 1);	/* the older one */
	assert_int_equal(to.list[1].name, 4);
	assert_int_equal(to.list[2].name, 6);
	changes_deinit(&to);
	changes_deinit(&from);
	changes_deinit(&from);		/* a zeroed one */
}

static void taken_out_in_any_order(void **state)
{
	static const uint32_t order[] = { 0, 1, 2, 9, 8, 3, 7, 4, 6, 5 };
	struct changes c;

	(void)state;
	assert_int_equal(changes_init(&c, N_NAMES), 0);
	for (uint8_t i = 0; i < 10; i++) {
		assert_int_equal(changes_note(&c, i, set(i)), 0);
	}
	for (unsigned i = 0; i < 10; i++) {
		struct ip_set *was = changes_take_was(&c, order[i]);

		assert_int_equal(last_of(was), order[i]);
		assert_null(changes_take_was(&c, order[i]));	/* it is ours */
		ip_set_free(was);
		changes_remove(&c, order[i]);
		assert_null(changes_take_was(&c, order[i]));
		assert_int_equal(c.n, 9 - i);
		for (unsigned j = 0; j < 10; j++) {
			assert_int_equal(changes_has(&c, order[j]), j > i);
		}
	}
	changes_deinit(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noted_once),
		cmocka_unit_test(copied),
		cmocka_unit_test(taken_in_order),
		cmocka_unit_test(gives_room_back),
		cmocka_unit_test(moved_to_the_end),
		cmocka_unit_test(taken_out_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
