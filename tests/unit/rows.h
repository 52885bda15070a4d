/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A table of named rows becomes one cmocka test per row: each prints its own name, and one bad
 * row does not hide the next. The first member of a row's struct is its name. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A literal and its length; NULs inside of it count. */
#define T(literal) literal, sizeof(literal) - 1

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Runs check with *state pointing to each row in turn; returns how many failed. */
#define ROWS_RUN(rows, check) rows_run(#rows, (rows), N_OF(rows), sizeof((rows)[0]), (check))

static inline int rows_run(const char *group, const void *rows, size_t n, size_t size,
			   CMUnitTestFunction check)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	int failed;

	if (!tests)
		abort();
	for (size_t i = 0; i < n; i++) {
		const char *row = (const char *)rows + i * size;

		memcpy(&tests[i].name, row, sizeof(tests[i].name));
		tests[i].test_func = check;
		tests[i].initial_state = (void *)(uintptr_t)row;
	}
	failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

/* A copy of exactly n bytes without a NUL, so that the sanitizer sees who reads beyond them. */
static inline char *exact(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, text, n);
	return copy;
}

/* The same of a string, as core/text.h has it; of NULL, a text that is not given. */
#define EXACT_TEXT(s) \
	((s) ? (struct text){ exact((s), strlen(s)), strlen(s) } : (struct text){ 0 })
