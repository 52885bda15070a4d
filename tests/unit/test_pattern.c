/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Path patterns: taken apart, filled in, and recognised again. */

#include "core/pattern.h"
#include "rows.h"

#include <stdio.h>

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X200 X50 X50 X50 X50
#define X253 X200 X50 "xxx"
#define C4 "/a/b/c/d"
#define C28 C4 C4 C4 C4 C4 C4 C4

static const struct parse_row {
	const char *name;
	const char *text;
	int want;
	unsigned n, first_user, base; /* on success */
} parses[] = {
	{ "a home", "/home/%u/.dynamicdns", 0, 3, 1, 2 },
	{ "deeper in a home", "/home/%u/.config/dns/address", 0, 5, 1, 2 },
	{ "the file itself", "/var/lib/dns-updater/http/%u", 0, 5, 4, 4 },
	{ "the file's name holds it", "/srv/dns/%u.txt", 0, 3, 2, 2 },
	{ "in the root directory", "/%u", 0, 1, 0, 0 },
	{ "the first directory", "/%u/dns", 0, 2, 0, 1 },
	{ "twice", "/home/%u/dns/%u/address", 0, 5, 1, 2 },
	{ "twice, the file too", "/home/%u/dns/%u", 0, 4, 1, 2 },
	{ "part of a component", "/home/a-%u-b/f", 0, 3, 1, 2 },
	{ "a percent sign", "/100%%/%u", 0, 2, 1, 1 },
	{ "a percent sign, then u", "/%%u/%u/f", 0, 3, 1, 2 },
	{ "a percent sign before the user", "/%%%u/f", 0, 2, 0, 1 },
	{ "blanks", "/my homes/%u/f", 0, 3, 1, 2 },
	{ "three dots are a name", "/%u/...", 0, 2, 0, 1 },
	{ "as many components as allowed", C28 "/1/2/3/%u", 0, 32, 31, 31 },
	{ "one component too many", C28 "/1/2/3/4/%u", PATTERN_E_LONG, 0, 0, 0 },
	{ "nothing", "", PATTERN_E_RELATIVE, 0, 0, 0 },
	{ "relative", "home/%u/f", PATTERN_E_RELATIVE, 0, 0, 0 },
	{ "relative to the user", "%u/f", PATTERN_E_RELATIVE, 0, 0, 0 },
	{ "a tilde", "~%u/f", PATTERN_E_RELATIVE, 0, 0, 0 },
	{ "no user", "/home/john/f", PATTERN_E_NO_USER, 0, 0, 0 },
	{ "no user, but a percent sign and u", "/home/%%u/f", PATTERN_E_NO_USER, 0, 0, 0 },
	{ "twice in a component", "/home/%u%u/f", PATTERN_E_TWO_USERS, 0, 0, 0 },
	{ "twice in a component, apart", "/home/%u-%u/f", PATTERN_E_TWO_USERS, 0, 0, 0 },
	{ "another letter", "/home/%h/%u", PATTERN_E_PERCENT, 0, 0, 0 },
	{ "upper case", "/home/%U/f", PATTERN_E_PERCENT, 0, 0, 0 },
	{ "a percent sign at the end", "/home/%u/100%", PATTERN_E_PERCENT, 0, 0, 0 },
	{ "a percent sign ends a component", "/home/%u/%/f", PATTERN_E_PERCENT, 0, 0, 0 },
	{ "a dot", "/home/./%u", PATTERN_E_DOTS, 0, 0, 0 },
	{ "two dots", "/home/x/../%u", PATTERN_E_DOTS, 0, 0, 0 },
	{ "two dots behind the user", "/home/%u/../f", PATTERN_E_DOTS, 0, 0, 0 },
	{ "two dots at the end", "/home/%u/..", PATTERN_E_DOTS, 0, 0, 0 },
};

static void check_parse(void **state)
{
	const struct parse_row *row = *state;
	char *text = exact(row->text, strlen(row->text));
	struct pattern p = { 0 };

	assert_int_equal(pattern_parse(text, strlen(row->text), &p), row->want);
	if (!row->want) {
		assert_string_equal(p.text, row->text);
		assert_int_equal(p.n, row->n);
		assert_int_equal(p.first_user, row->first_user);
		assert_int_equal(p.base, row->base);
	}
	pattern_deinit(&p);
	free(text);
}

static const struct fill_row {
	const char *name;
	const char *text, *user;
	unsigned i;
	const char *component; /* NULL: too long */
	unsigned n;
	const char *path;
} fills[] = {
	{ "none at all", "/home/%u/.dynamicdns", "john", 0, "home", 0, "/" },
	{ "the first", "/home/%u/.dynamicdns", "john", 0, "home", 1, "/home" },
	{ "the user", "/home/%u/.dynamicdns", "john", 1, "john", 2, "/home/john" },
	{ "all", "/home/%u/.dynamicdns", "john", 2, ".dynamicdns", 3,
	  "/home/john/.dynamicdns" },
	{ "part of a component", "/srv/a-%u.txt", "john", 1, "a-john.txt", 2,
	  "/srv/a-john.txt" },
	{ "percent signs", "/%%u%%-%u%%/f", "john", 0, "%u%-john%", 2, "/%u%-john%/f" },
	{ "a user with a percent sign", "/%u/f", "%u", 0, "%u", 2, "/%u/f" },
	{ "longest file name", "/%u" X200 "/f", X50 "xxxxx", 0, X200 X50 "xxxxx", 1,
	  "/" X200 X50 "xxxxx" },
	{ "one byte longer", "/%u" X200 "/f", X50 "xxxxxx", 0, NULL, 0, "/" },
	{ "longest as configured", "/" X253 "xx/%u", "j", 0, X253 "xx", 2, "/" X253 "xx/j" },
};

static void check_fill(void **state)
{
	const struct fill_row *row = *state;
	char *component = malloc(256), *path = malloc(PATTERN_PATH_MAX);
	struct pattern p = { 0 };

	assert_int_equal(pattern_parse(row->text, strlen(row->text), &p), 0);
	assert_int_equal(pattern_component(&p, row->i, row->user, component),
			 row->component != NULL);
	if (row->component)
		assert_string_equal(component, row->component);
	assert_true(pattern_path(&p, row->n, row->user, path));
	assert_string_equal(path, row->path);
	pattern_deinit(&p);
	free(component);
	free(path);
}

/* 32 components of 128 bytes each, slash included, for a user of 27: one byte too long. */
static void longest_path(void **state)
{
	char text[PATTERN_PATH_MAX], *path = malloc(PATTERN_PATH_MAX);
	struct pattern p = { 0 };
	size_t n = 0;

	(void)state;
	for (int i = 0; i < PATTERN_COMPONENTS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "/%%u%s", X50 X50);
	assert_int_equal(pattern_parse(text, n, &p), 0);
	assert_false(pattern_path(&p, 32, "123456789012345678901234567", path));
	assert_true(pattern_path(&p, 31, "123456789012345678901234567", path));
	assert_int_equal(strlen(path), 31 * 128);
	pattern_deinit(&p);
	assert_int_equal(pattern_parse(text, n - 1, &p), 0);
	assert_true(pattern_path(&p, 32, "123456789012345678901234567", path));
	assert_int_equal(strlen(path), PATTERN_PATH_MAX - 1);
	pattern_deinit(&p);
	free(path);
}

static void too_long(void **state)
{
	char text[PATTERN_PATH_MAX + 2];
	struct pattern p = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "/%u", 3);
	for (size_t i = 200; i < sizeof(text); i += 200)
		text[i] = '/';
	assert_int_equal(pattern_parse(text, sizeof(text), &p), PATTERN_E_LONG);
	pattern_deinit(&p);
}

static const struct match_row {
	const char *name;
	const char *text; /* the component asked for is the first */
	const char *file;
	bool match;
	const char *user;
} matches[] = {
	{ "the user", "/%u/f", "john", true, "john" },
	{ "another name", "/home/%u/f", "home", true, NULL },
	{ "not that name", "/home/%u/f", "hom", false, NULL },
	{ "longer than that name", "/home/%u/f", "homes", false, NULL },
	{ "case matters", "/home/%u/f", "Home", false, NULL },
	{ "no name", "/home/%u/f", "", false, NULL },
	{ "text around", "/a-%u.txt", "a-john.txt", true, "john" },
	{ "not the text before", "/a-%u.txt", "b-john.txt", false, NULL },
	{ "not the text behind", "/a-%u.txt", "a-john.tx", false, NULL },
	{ "more behind", "/a-%u.txt", "a-john.txt~", false, NULL },
	{ "text behind twice", "/%u.txt", "john.txt.txt", true, "john.txt" },
	{ "no user in the middle", "/a-%u.txt", "a-.txt", false, NULL },
	{ "before and behind overlap", "/a-%u-a", "a-a", false, NULL },
	{ "empty name, user wanted", "/%u", "", false, NULL },
	{ "a percent sign", "/100%%/%u", "100%", true, NULL },
	{ "a percent sign is no wildcard", "/100%%/%u", "100%%", false, NULL },
	{ "a percent sign before the user", "/%%%u/f", "%john", true, "john" },
	{ "percent sign and u", "/%%u/%u", "%u", true, NULL },
	{ "percent sign and u is not a user", "/%%u/%u", "john", false, NULL },
};

static void check_match(void **state)
{
	const struct match_row *row = *state;
	const char *user = row->name;
	struct pattern p = { 0 };
	size_t n = 99;

	assert_int_equal(pattern_parse(row->text, strlen(row->text), &p), 0);
	assert_int_equal(pattern_match(&p, 0, row->file, &user, &n), row->match);
	if (row->user) {
		assert_true(user >= row->file && user <= row->file + strlen(row->file));
		assert_int_equal(n, strlen(row->user));
		assert_memory_equal(user, row->user, n);
	} else if (row->match) {
		assert_null(user);
	}
	pattern_deinit(&p);
}

static void every_outcome_has_words(void **state)
{
	(void)state;
	for (int i = PATTERN_E_RELATIVE; i <= PATTERN_E_LONG; i++) {
		assert_non_null(pattern_strerror(i));
		for (int j = PATTERN_E_RELATIVE; j < i; j++)
			assert_string_not_equal(pattern_strerror(i), pattern_strerror(j));
	}
}

int main(void)
{
	static const struct CMUnitTest pattern[] = {
		cmocka_unit_test(longest_path),
		cmocka_unit_test(too_long),
		cmocka_unit_test(every_outcome_has_words),
	};
	int failed = cmocka_run_group_tests(pattern, NULL, NULL);

	failed += ROWS_RUN(parses, check_parse);
	failed += ROWS_RUN(fills, check_fill);
	failed += ROWS_RUN(matches, check_match);
	return failed != 0;
}
