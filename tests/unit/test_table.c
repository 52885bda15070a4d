/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The index from strings to numbers: exact strings only, at any fill. */

#include "base/table.h"
#include "rows.h"

#include <stdio.h>

#define MANY 10000

static const char *const words[] = {
	"john", "joh", "John", "", "a.example.com", "*.example.com"
};

static const char *word_of(const void *owner, uint32_t id)
{
	return ((const char *const *)owner)[id];
}

static const struct row {
	const char *name;
	const char *text;
	size_t n;
	uint32_t want;
} found[] = {
	{ "the first", T("john"), 0 },
	{ "a prefix that is a string too", T("joh"), 1 },
	{ "case matters", T("John"), 2 },
	{ "the empty string", T(""), 3 },
	{ "the last", T("*.example.com"), 5 },
	{ "n ends the string", "johnny", 4, 0 },
	{ "a prefix only", T("jo"), TABLE_NONE },
	{ "longer than any", T("john.example.com"), TABLE_NONE },
	{ "other case", T("JOHN"), TABLE_NONE },
};

static void check_found(void **state)
{
	const struct row *row = *state;
	struct table t = { .string_of = word_of, .owner = words };
	char *text = exact(row->text, row->n);

	for (uint32_t i = 0; i < N_OF(words); i++)
		assert_int_equal(table_add(&t, i), 0);
	assert_int_equal(t.n, N_OF(words));
	assert_int_equal(table_find(&t, text, row->n), row->want);
	free(text);
	table_deinit(&t);
}

static const char *many_of(const void *owner, uint32_t id)
{
	return ((const char(*)[16])owner)[id];
}

static void many(void **state)
{
	static char strings[MANY][16];
	struct table t = { .string_of = many_of, .owner = strings };

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(strings[i], sizeof(strings[i]), "u%u", i); /* fits: %u < 10000 */
		assert_int_equal(table_find(&t, strings[i], strlen(strings[i])), TABLE_NONE);
		assert_int_equal(table_add(&t, i), 0);
	}
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(table_find(&t, strings[i], strlen(strings[i])), i);
	assert_int_equal(table_find(&t, "u10000", 6), TABLE_NONE);
	table_fit(&t);
	assert_in_range(t.size, MANY / 7 * 8, MANY / 7 * 8 + 24);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(table_find(&t, strings[i], strlen(strings[i])), i);
	table_deinit(&t);
}

/* Numbers far apart, in no order. */
static void any_numbers(void **state)
{
	static char strings[MANY][16];
	static const uint32_t ids[] = { 7, 0, 9999, 1, 4096, 4095, 3, 8191, 8192, 2, 16, 15, 5, 6, 31, 32, 33, 255 };
	struct table t = { .string_of = many_of, .owner = strings };

	(void)state;
	for (size_t i = 0; i < N_OF(ids); i++) {
		(void)snprintf(strings[ids[i]], sizeof(strings[0]), "n%u", (unsigned)ids[i]);
		assert_int_equal(table_add(&t, ids[i]), 0);
	}
	table_fit(&t);
	for (size_t i = 0; i < N_OF(ids); i++)
		assert_int_equal(table_find(&t, strings[ids[i]], strlen(strings[ids[i]])), ids[i]);
	table_deinit(&t);
}

/* Strings that count up are not beside each other: with one slot in eight free, most are found where they should be. */
static void spread(void **state)
{
	static char strings[MANY][16];
	struct table t = { .string_of = many_of, .owner = strings };
	uint32_t run = 0, longest = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(strings[i], sizeof(strings[i]), "u%07u", i);
		assert_int_equal(table_add(&t, i), 0);
	}
	table_fit(&t);
	for (uint32_t i = 0; i < t.size; i++) {
		run = t.slots[i] == TABLE_NONE ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	assert_in_range(longest, 1, 1000);
	table_deinit(&t);
}

/* Enough of them that every slot is met: what stands behind the NUL must count. */
static void nul_is_a_byte(void **state)
{
	static const char *const john[] = { "john" };
	struct table t = { .string_of = word_of, .owner = john };
	char text[] = "john\0x";

	(void)state;
	assert_int_equal(table_add(&t, 0), 0);
	for (int i = 0; i < 256; i++) {
		text[5] = (char)i;
		assert_int_equal(table_find(&t, text, 6), TABLE_NONE);
	}
	table_deinit(&t);
}

static void empty(void **state)
{
	struct table t = { .string_of = word_of, .owner = words };

	(void)state;
	assert_int_equal(table_find(&t, "john", 4), TABLE_NONE);
	assert_int_equal(table_find(&t, "", 0), TABLE_NONE);
	table_deinit(&t);
	table_deinit(&t);
}

int main(void)
{
	static const struct CMUnitTest table[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(many),
		cmocka_unit_test(any_numbers),
		cmocka_unit_test(spread),
		cmocka_unit_test(nul_is_a_byte),
	};
	int failed = cmocka_run_group_tests(table, NULL, NULL);

	failed += ROWS_RUN(found, check_found);
	return failed != 0;
}
