/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The section: found by its two markers, replaced, and everything else left alone. */

#include "core/section.h"
#include "rows.h"

#define START "# start dynamic dns entries\n"
#define END "# end dynamic dns entries\n"
#define OLD "+a.example.com:1.2.3.4:60\n"
#define NEW "+a.example.com:5.6.7.8:60\n"

static const struct find_row {
	const char *name;
	const char *text;
	size_t n;
	int want;
	const char *content; /* on success */
	unsigned lookalike;  /* a line */
} finds[] = {
	{ "empty section", T(START END), 0, "" },
	{ "with content", T(START OLD NEW END), 0, OLD NEW },
	{ "with text around", T(".example.com\n" START OLD END "=x.example.com:1.1.1.1\n"), 0,
	  OLD },
	{ "no newline at the end", T(START OLD "# end dynamic dns entries"), 0, OLD },
	{ "CRLF", T("# start dynamic dns entries\r\nx\r\n# end dynamic dns entries\r\n"), 0,
	  "x\r\n" },
	{ "CR at the end", T(START "# end dynamic dns entries\r"), 0, "" },
	{ "blanks follow",
	  T("# start dynamic dns entries \t\n" OLD "# end dynamic dns entries  \r\n"), 0, OLD },
	{ "content without our lines", T(START "# a note\n\n" END), 0, "# a note\n\n" },
	{ "the other comment sign inside", T(START "; end dynamic dns entries\n" END), 0,
	  "; end dynamic dns entries\n", 2 },
	{ "NULs before", T("\0\0\n" START OLD END), 0, OLD },
	{ "nothing", T(""), SECTION_E_NO_MARKERS, NULL },
	{ "no markers", T(OLD), SECTION_E_NO_MARKERS, NULL },
	{ "no start", T(OLD END), SECTION_E_NO_START, NULL },
	{ "no end", T(START OLD), SECTION_E_NO_END, NULL },
	{ "start without newline", T("# start dynamic dns entries"), SECTION_E_NO_END, NULL },
	{ "two starts", T(START START END), SECTION_E_TWO_STARTS, NULL },
	{ "two starts around the end", T(START END START), SECTION_E_TWO_STARTS, NULL },
	{ "two ends", T(START END END), SECTION_E_TWO_ENDS, NULL },
	{ "two ends around the start", T(END START END), SECTION_E_TWO_ENDS, NULL },
	{ "end before start", T(END START), SECTION_E_ORDER, NULL },
	{ "indented", T(" # start dynamic dns entries\n\t# end dynamic dns entries\n"),
	  SECTION_E_NO_MARKERS, NULL, 1 },
	{ "more on the line", T("# start dynamic dns entries here\n" END), SECTION_E_NO_START,
	  NULL, 1 },
	{ "a longer word", T("# start dynamic dns entriess\n" END), SECTION_E_NO_START, NULL, 1 },
	{ "cut short", T("# start dynamic dns entrie\n" END), SECTION_E_NO_START, NULL },
	{ "cut short at the end", T(START "# end dynamic dns entrie"), SECTION_E_NO_END, NULL },
	{ "in another line's middle", T("x# start dynamic dns entries\n" END),
	  SECTION_E_NO_START, NULL, 1 },
	{ "behind a BOM", T("\xef\xbb\xbf" START END), SECTION_E_NO_START, NULL, 1 },
	{ "indented, further down", T(START OLD "  # end dynamic dns entries\n"), SECTION_E_NO_END,
	  NULL, 3 },
	{ "no blank", T("#start dynamic dns entries\n" END), SECTION_E_NO_START, NULL, 1 },
	{ "upper case", T("# START DYNAMIC DNS ENTRIES\n" END), SECTION_E_NO_START, NULL, 1 },
	{ "another comment sign", T("; start dynamic dns entries\n" END), SECTION_E_NO_START,
	  NULL, 1 },
	{ "a NUL behind the marker", T("# start dynamic dns entries\0\n" END),
	  SECTION_E_NO_START, NULL, 1 },
};

static void check_find(void **state)
{
	const struct find_row *row = *state;
	char *text = exact(row->text, row->n);
	struct section s = { 7, 7 };

	assert_int_equal(section_find(text, row->n, '#', &s), row->want);
	assert_int_equal(section_lookalike(text, row->n, '#'), row->lookalike);
	if (row->content) {
		assert_true(s.begin <= s.end && s.end < row->n);
		assert_int_equal(s.end - s.begin, strlen(row->content));
		assert_memory_equal(text + s.begin, row->content, s.end - s.begin);
		assert_memory_equal(text + s.end, "# end", 5);
	} else {
		assert_int_equal(s.begin, 7);
		assert_int_equal(s.end, 7);
	}
	free(text);
}

static const struct replace_row {
	const char *name;
	const char *text;
	size_t n;
	const char *body;
	const char *want;
	size_t n_want;
} replaces[] = {
	{ "into an empty section", T(START END), NEW, T(START NEW END) },
	{ "old lines go", T(START OLD OLD END), NEW, T(START NEW END) },
	{ "nothing instead", T(START OLD END "x\n"), "", T(START END "x\n") },
	{ "text around", T("a\n" START OLD END "b\n"), NEW, T("a\n" START NEW END "b\n") },
	{ "CRLF around",
	  T("a\r\n# start dynamic dns entries\r\n# end dynamic dns entries\r\nb\r\n"), NEW,
	  T("a\r\n# start dynamic dns entries\r\n" NEW "# end dynamic dns entries\r\nb\r\n") },
	{ "no newline at the end", T(START END "b"), NEW, T(START NEW END "b") },
	{ "no newline behind the marker", T(START "# end dynamic dns entries"), NEW,
	  T(START NEW "# end dynamic dns entries") },
	{ "NULs and other bytes", T("\0\xff\n" START OLD END "\0\r\r\n\n\x80"), NEW,
	  T("\0\xff\n" START NEW END "\0\r\r\n\n\x80") },
};

static void check_replace(void **state)
{
	const struct replace_row *row = *state;
	char *text = exact(row->text, row->n);
	struct buf body = { 0 }, b = { 0 };
	struct section s;

	assert_int_equal(section_find(text, row->n, '#', &s), 0);
	buf_adds(&body, row->body);
	buf_adds(&b, "before ");
	section_replace(&b, text, row->n, &s, &body);
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.len, 7 + row->n_want);
	assert_memory_equal(b.data, "before ", 7);
	assert_memory_equal(b.data + 7, row->want, row->n_want);
	assert_true(section_same_outside(text, row->n, b.data + 7, b.len - 7, '#'));
	buf_deinit(&body);
	buf_deinit(&b);
	free(text);
}

static const struct compare_row {
	const char *name;
	const char *a;
	size_t n_a;
	const char *b;
	size_t n_b;
	bool same; /* outside of the sections */
	bool within; /* a's lines in b */
} compares[] = {
	{ "the same", T("a\n" START OLD END "b\n"), T("a\n" START OLD END "b\n"), true, true },
	{ "another section", T("a\n" START OLD END "b\n"), T("a\n" START NEW NEW END "b\n"),
	  true, true },
	{ "an empty section", T("a\n" START OLD END), T("a\n" START END), true, true },
	{ "a line more behind", T(START OLD END "b\n"), T(START OLD END "b\nc\n"), false,
	  true },
	{ "a line less behind", T(START OLD END "b\nc\n"), T(START OLD END "b\n"), false,
	  false },
	{ "a line more before", T("a\n" START OLD END), T("x\na\n" START OLD END), false,
	  true },
	{ "a line less before", T("x\na\n" START OLD END), T("a\n" START OLD END), false,
	  false },
	{ "one byte differs", T(START OLD END "b1\n"), T(START OLD END "b2\n"), false, false },
	{ "a byte behind a NUL differs", T(START END "b\0001\n"), T(START END "b\0002\n"),
	  false, false },
	{ "a line is now inside", T("b\n" START END), T(START "b\n" END), false, false },
	{ "moved to the other side", T("b\n" START END), T(START END "b\n"), false, true },
	{ "another order", T(START END "b\nc\n"), T(START END "c\nb\n"), false, true },
	{ "a line twice, now once", T(START END "b\nb\n"), T(START END "b\n"), false, false },
	{ "a line once, now twice", T(START END "b\n"), T(START END "b\nc\nb\n"), false, true },
	{ "only one byte of a line", T(START END "b\n"), T(START END "bc\n"), false, false },
	{ "a blank behind the marker", T(START END), T("# start dynamic dns entries \n" END),
	  false, false },
	{ "no sections, the same", T("a\nb\n"), T("a\nb\n"), true, true },
	{ "no sections, another", T("a\nb\n"), T("a\n"), false, false },
	{ "nothing and nothing", T(""), T(""), true, true },
	{ "nothing and something", T(""), T("a\n"), false, true },
	{ "the section went", T(START OLD END "b\n"), T("b\n"), false, false },
	{ "the section came", T("b\n"), T(START OLD END "b\n"), false, true },
};

static void check_compare(void **state)
{
	const struct compare_row *row = *state;
	char *a = exact(row->a, row->n_a), *b = exact(row->b, row->n_b);

	assert_int_equal(section_same_outside(a, row->n_a, b, row->n_b, '#'), row->same);
	assert_int_equal(section_same_outside(b, row->n_b, a, row->n_a, '#'), row->same);
	assert_int_equal(section_within(a, row->n_a, b, row->n_b, '#'), row->within);
	free(a);
	free(b);
}

/* What one writer has added to `before` in `late`, as far as `now` lacks it. */
static const struct added {
	const char *name, *before, *late, *now;
	int outcome;
	const char *added;
} adds[] = {
	{ "nothing was added", "a\nb\n", "a\nb\n", "a\nb\nc\n", 0, "" },
	{ "one line", "a\n", "a\nb\n", "a\n", 0, "b\n" },
	{ "one line, beside another's", "a\n", "a\nb\n", "a\nc\n", 0, "b\n" },
	{ "a line that is there already", "a\n", "a\nb\n", "b\na\n", 0, "" },
	{ "a second one of the same", "a\n", "a\na\n", "a\n", 0, "a\n" },
	{ "in the middle", "a\nc\n", "a\nb\nc\n", "a\nc\nd\n", 0, "b\n" },
	{ "without a newline at its end", "a\n", "a\nb", "a\n", 0, "b\n" },
	{ "what another removed stays away", "a\nb\n", "a\nb\nc\n", "a\n", 0, "c\n" },
	{ "a line was removed", "a\nb\n", "a\n", "a\nb\n", SECTION_E_REMOVED, NULL },
	{ "a line was changed", "a\nb\n", "a\nB\n", "a\nb\n", SECTION_E_REMOVED, NULL },
	{ "inside of the section does not count", "a\n" START "s\n" END, "a\n" START "t\n" END,
	  "a\n" START END, 0, "" },
	{ "into nothing", "", "a\n", "", 0, "a\n" },
	{ "the section came, too", "a\n", START "s\n" END "a\nb\n", "a\n", 0, "b\n" },
};

static void check_added(void **state)
{
	const struct added *row = *state;
	struct buf before = { 0 }, late = { 0 }, now = { 0 }, ret = { 0 };

	buf_adds(&before, row->before);
	buf_adds(&late, row->late);
	buf_adds(&now, row->now);
	assert_int_equal(section_added(&ret, &before, &late, &now, '#'), row->outcome);
	if (row->added) {
		assert_string_equal(buf_str(&ret), row->added);
	}
	buf_deinit(&before);
	buf_deinit(&late);
	buf_deinit(&now);
	buf_deinit(&ret);
}

static void other_comment_sign(void **state)
{
	static const char text[] =
		"; start dynamic dns entries\n" START "; end dynamic dns entries\n";
	struct section s;

	(void)state;
	assert_int_equal(section_find(text, sizeof(text) - 1, ';', &s), 0);
	assert_int_equal(s.end - s.begin, strlen(START));
}

static void every_outcome_has_words(void **state)
{
	(void)state;
	for (int i = SECTION_E_NO_MARKERS; i <= SECTION_E_ORDER; i++) {
		assert_non_null(section_strerror(i));
		for (int j = SECTION_E_NO_MARKERS; j < i; j++)
			assert_string_not_equal(section_strerror(i), section_strerror(j));
	}
}

int main(void)
{
	static const struct CMUnitTest section[] = {
		cmocka_unit_test(other_comment_sign),
		cmocka_unit_test(every_outcome_has_words),
	};
	int failed = cmocka_run_group_tests(section, NULL, NULL);

	failed += ROWS_RUN(finds, check_find);
	failed += ROWS_RUN(replaces, check_replace);
	failed += ROWS_RUN(compares, check_compare);
	failed += ROWS_RUN(adds, check_added);
	return failed != 0;
}
