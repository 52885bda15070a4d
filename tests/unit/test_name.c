/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Owner names: the canonical form, and what is refused and why. */

#include "core/name.h"
#include "rows.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define A63 A60 "aaa"
#define A64 A63 "a"
#define A253 A63 "." A63 "." A63 "." A60 "a" /* 3 * 64 + 61 */

static const struct row {
	const char *name;
	const char *text;
	size_t n;
	int want;
	const char *canon; /* on success */
} names[] = {
	{ "two labels", T("example.com"), 0, "example.com" },
	{ "upper case is folded", T("John.Dyn.EXAMPLE.com"), 0, "john.dyn.example.com" },
	{ "a trailing dot goes", T("example.com."), 0, "example.com" },
	{ "digits, hyphens, underscores", T("_a-1.0-b_.x"), 0, "_a-1.0-b_.x" },
	{ "two hyphens in a row", T("xn--bcher-kva.example"), 0, "xn--bcher-kva.example" },
	{ "short labels", T("a.b"), 0, "a.b" },
	{ "a wildcard", T("*.example.com"), 0, "*.example.com" },
	{ "n ends the name", "example.com:80", 11, 0, "example.com" },
	{ "label of 63", T(A63 ".com"), 0, A63 ".com" },
	{ "label of 64", T(A64 ".com"), NAME_E_LABEL_LONG, NULL },
	{ "last label of 64", T("a." A64), NAME_E_LABEL_LONG, NULL },
	{ "name of 253", T(A253), 0, A253 },
	{ "name of 253 with a trailing dot", T(A253 "."), 0, A253 },
	{ "name of 254", T(A253 "a"), NAME_E_LONG, NULL },
	{ "name of 254 with a trailing dot", T(A253 "a."), NAME_E_LONG, NULL },
	{ "nothing", T(""), NAME_E_EMPTY, NULL },
	{ "two dots in a row", T("a..example.com"), NAME_E_LABEL_EMPTY, NULL },
	{ "a dot at the start", T(".example.com"), NAME_E_LABEL_EMPTY, NULL },
	{ "two dots at the end", T("example.com.."), NAME_E_LABEL_EMPTY, NULL },
	{ "one label", T("localhost"), NAME_E_SHORT, NULL },
	{ "an address", T("1.2.3.4"), NAME_E_NUMERIC, NULL },
	{ "a number at the end", T("host.example.53"), NAME_E_NUMERIC, NULL },
	{ "numbers before the end", T("1.2.3.4.example"), 0, "1.2.3.4.example" },
	{ "a last label with a letter", T("1.2.3.4a"), 0, "1.2.3.4a" },
	{ "one label and a dot", T("localhost."), NAME_E_SHORT, NULL },
	{ "a label begins with a hyphen", T("-a.example.com"), NAME_E_HYPHEN, NULL },
	{ "a label ends with a hyphen", T("a-.example.com"), NAME_E_HYPHEN, NULL },
	{ "the last label ends with a hyphen", T("example.com-"), NAME_E_HYPHEN, NULL },
	{ "the last label begins with one", T("example.-com"), NAME_E_HYPHEN, NULL },
	{ "only a hyphen", T("-.example.com"), NAME_E_HYPHEN, NULL },
	{ "an asterisk in the middle", T("a.*.example.com"), NAME_E_WILDCARD, NULL },
	{ "an asterisk with more", T("*a.example.com"), NAME_E_WILDCARD, NULL },
	{ "an asterisk after more", T("a*.example.com"), NAME_E_WILDCARD, NULL },
	{ "two asterisks", T("*.*.example.com"), NAME_E_WILDCARD, NULL },
	{ "a blank", T("a b.example.com"), NAME_E_CHAR, NULL },
	{ "a colon, tinydns's separator", T("a:b.example.com"), NAME_E_CHAR, NULL },
	{ "a backslash", T("a\\052.example.com"), NAME_E_CHAR, NULL },
	{ "a newline at the end", T("example.com\n"), NAME_E_CHAR, NULL },
	{ "a slash", T("0/25.example.com"), NAME_E_CHAR, NULL },
	{ "a plus", T("+a.example.com"), NAME_E_CHAR, NULL },
	{ "a NUL", T("a\0.example.com"), NAME_E_CHAR, NULL },
	{ "UTF-8",
	  T("b\xc3\xbc"
	    "cher.example"),
	  NAME_E_CHAR, NULL },
	{ "the byte before a digit", T("a/.com"), NAME_E_CHAR, NULL },
	{ "the byte before A", T("a@.com"), NAME_E_CHAR, NULL },
	{ "the byte after Z", T("a[.com"), NAME_E_CHAR, NULL },
	{ "the byte before a", T("a`.com"), NAME_E_CHAR, NULL },
	{ "the byte after z", T("a{.com"), NAME_E_CHAR, NULL },
};

static void check_name(void **state)
{
	const struct row *row = *state;
	char *text = exact(row->text, row->n);
	char *ret = malloc(NAME_SIZE);
	size_t ret_n = 999;

	assert_int_equal(name_canon(text, row->n, ret, &ret_n), row->want);
	if (row->canon) {
		assert_string_equal(ret, row->canon);
		assert_int_equal(ret_n, strlen(row->canon));
	} else {
		assert_int_equal(ret_n, 999);
	}
	free(ret);
	free(text);
}

static void only_refusals(void **state)
{
	static const char *const texts[] = { ".", "..", "*", "*.", "-", "_" };
	char ret[NAME_SIZE];
	size_t n;

	(void)state;
	for (size_t i = 0; i < N_OF(texts); i++)
		assert_int_not_equal(name_canon(texts[i], strlen(texts[i]), ret, &n), 0);
}

static void canonical_stays(void **state)
{
	char once[NAME_SIZE], twice[NAME_SIZE];
	size_t n;

	(void)state;
	for (size_t i = 0; i < N_OF(names); i++) {
		if (name_canon(names[i].text, names[i].n, once, &n))
			continue;
		assert_int_equal(name_canon(once, n, twice, &n), 0);
		assert_string_equal(once, twice);
	}
}

static void every_outcome_has_words(void **state)
{
	(void)state;
	for (int i = NAME_E_EMPTY; i <= NAME_E_SHORT; i++) {
		assert_non_null(name_strerror(i));
		assert_true(strlen(name_strerror(i)) > 0);
		for (int j = NAME_E_EMPTY; j < i; j++)
			assert_string_not_equal(name_strerror(i), name_strerror(j));
	}
}

int main(void)
{
	static const struct CMUnitTest name[] = {
		cmocka_unit_test(only_refusals),
		cmocka_unit_test(canonical_stays),
		cmocka_unit_test(every_outcome_has_words),
	};
	int failed = cmocka_run_group_tests(name, NULL, NULL);

	failed += ROWS_RUN(names, check_name);
	return failed != 0;
}
