/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/section.h"

#include "base/cleanup.h"
#include "core/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char START[] = " start dynamic dns entries";
static const char END[] = " end dynamic dns entries";

static bool is_marker(struct text l, char comment, const char *words)
{
	size_t n = strlen(words);

	if (l.n < 1 + n || *l.at != comment || memcmp(l.at + 1, words, n)) {
		return false;
	}
	for (size_t i = 1 + n; i < l.n; i++) {
		if (!memchr(" \t\r\n", l.at[i], 4)) {
			return false;
		}
	}
	return true;
}

int section_find(const char *text, size_t n, char comment, struct section *ret)
{
	struct text rest = { text, n }, l;
	unsigned n_starts = 0, n_ends = 0;
	struct section s = { 0 };

	while (text_next_line(&rest, &l)) {
		if (*l.at != comment) {
			continue;
		}
		if (is_marker(l, comment, START)) {
			n_starts++;
			s.begin = (size_t)(rest.at - text);
		} else if (is_marker(l, comment, END)) {
			n_ends++;
			s.end = (size_t)(l.at - text);
		}
	}
	if (!n_starts && !n_ends) {
		return SECTION_E_NO_MARKERS;
	}
	if (n_starts != 1) {
		return n_starts ? SECTION_E_TWO_STARTS : SECTION_E_NO_START;
	}
	if (n_ends != 1) {
		return n_ends ? SECTION_E_TWO_ENDS : SECTION_E_NO_END;
	}
	if (s.end < s.begin) {
		return SECTION_E_ORDER;
	}
	*ret = s;
	return 0;
}

const char *section_strerror(int outcome)
{
	static const char *const words[] = {
		[SECTION_E_NO_MARKERS] = "the lines 'start dynamic dns entries' and 'end dynamic dns entries' are missing",
		[SECTION_E_NO_START] = "the line 'start dynamic dns entries' is missing",
		[SECTION_E_NO_END] = "the line 'end dynamic dns entries' is missing",
		[SECTION_E_TWO_STARTS] = "the line 'start dynamic dns entries' stands there more than once",
		[SECTION_E_TWO_ENDS] = "the line 'end dynamic dns entries' stands there more than once",
		[SECTION_E_ORDER] = "'end dynamic dns entries' stands before 'start dynamic dns entries'",
	};

	return words[outcome];
}

static bool mentions(struct text l, const char *words)
{
	size_t n = strlen(words);

	for (size_t i = 0; i + n <= l.n; i++) {
		if (!strncasecmp(l.at + i, words, n)) {
			return true;
		}
	}
	return false;
}

unsigned section_lookalike(const char *text, size_t n, char comment)
{
	struct text rest = { text, n }, l;
	unsigned number = 0;

	while (text_next_line(&rest, &l)) {
		number++;
		/* without the blank in front */
		if ((mentions(l, START + 1) && !is_marker(l, comment, START)) ||
		    (mentions(l, END + 1) && !is_marker(l, comment, END))) {
			return number;
		}
	}
	return 0;
}

void section_replace(struct buf *b, const char *text, size_t n, const struct section *s,
		     const struct buf *body)
{
	buf_add(b, text, s->begin);
	buf_add(b, body->data, body->len);
	buf_add(b, text + s->end, n - s->end);
}

/* Without a section, everything is before it. */
static struct section section_or_none(const char *text, size_t n, char comment)
{
	struct section s;

	if (section_find(text, n, comment, &s)) {
		s = (struct section){ .begin = n, .end = n };
	}
	return s;
}

bool section_same_outside(const char *a, size_t n_a, const char *b, size_t n_b, char comment)
{
	struct section s_a = section_or_none(a, n_a, comment);
	struct section s_b = section_or_none(b, n_b, comment);

	return s_a.begin == s_b.begin && n_a - s_a.end == n_b - s_b.end &&
	       !memcmp(a, b, s_a.begin) && !memcmp(a + s_a.end, b + s_b.end, n_a - s_a.end);
}

/* Whether a line has its newline yet does not matter: something may have been appended since. */
static int compare(const void *x, const void *y)
{
	const struct text *a = x, *b = y;
	size_t n_a = a->n - (a->at[a->n - 1] == '\n'), n_b = b->n - (b->at[b->n - 1] == '\n');
	int r = memcmp(a->at, b->at, n_a < n_b ? n_a : n_b);

	return r ? r : (n_a > n_b) - (n_a < n_b);
}

static int sorted_outside(const char *text, size_t n, char comment, struct text **ret,
			  size_t *ret_n)
{
	struct section s = section_or_none(text, n, comment);
	struct text before = { text, s.begin }, behind = { text + s.end, n - s.end };
	struct text *lines = calloc(text_count_lines((struct text){ text, n }) + 1, sizeof(*lines));
	size_t n_lines = 0;

	if (!lines) {
		return -ENOMEM;
	}
	while (text_next_line(&before, &lines[n_lines]) || text_next_line(&behind, &lines[n_lines])) {
		n_lines++;
	}
	qsort(lines, n_lines, sizeof(*lines), compare);
	*ret = lines;
	*ret_n = n_lines;
	return 0;
}

int section_within(const char *a, size_t n_a, const char *b, size_t n_b, char comment)
{
	_cleanup_(free_ptr) struct text *in_a = NULL, *in_b = NULL;
	size_t lines_a = 0, lines_b = 0, i = 0, j = 0;
	int r;

	r = sorted_outside(a, n_a, comment, &in_a, &lines_a);
	if (!r) {
		r = sorted_outside(b, n_b, comment, &in_b, &lines_b);
	}
	while (!r && i < lines_a && j < lines_b) {
		int order = compare(&in_a[i], &in_b[j]);

		if (order < 0) {
			break;
		}
		i += !order;
		j++;
	}
	return r ? r : i == lines_a;
}

/* How many lines from *i on equal the given one; *i moves behind them, and behind lesser ones. */
static size_t count_equal(const struct text *lines, size_t n, size_t *i, const struct text *wanted)
{
	size_t count = 0;

	while (*i < n && compare(&lines[*i], wanted) < 0) {
		(*i)++;
	}
	while (*i < n && !compare(&lines[*i], wanted)) {
		(*i)++;
		count++;
	}
	return count;
}

int section_added(struct buf *ret, const struct buf *before, const struct buf *late,
		  const struct buf *now, char comment)
{
	_cleanup_(free_ptr) struct text *in_before = NULL, *in_late = NULL, *in_now = NULL;
	size_t n_before = 0, n_late = 0, n_now = 0, b = 0, l = 0, n = 0;
	int r;

	r = section_within(before->data, before->len, late->data, late->len, comment);
	if (r <= 0) {
		return r < 0 ? r : SECTION_E_REMOVED;
	}
	r = sorted_outside(before->data, before->len, comment, &in_before, &n_before);
	if (!r) {
		r = sorted_outside(late->data, late->len, comment, &in_late, &n_late);
	}
	if (!r) {
		r = sorted_outside(now->data, now->len, comment, &in_now, &n_now);
	}
	while (!r && l < n_late) {
		const struct text *line = &in_late[l];
		size_t count = count_equal(in_late, n_late, &l, line);
		size_t n_there = count_equal(in_now, n_now, &n, line);

		if (count == count_equal(in_before, n_before, &b, line)) {
			continue;	/* not his: whoever removed it from now may */
		}
		if (is_marker(*line, comment, START) || is_marker(*line, comment, END)) {
			continue;	/* where there was no section before; lines of their own they are not */
		}
		for (; n_there < count; n_there++) {
			buf_add(ret, line->at, line->n - (line->at[line->n - 1] == '\n'));
			buf_adds(ret, "\n");
		}
	}
	return r ? r : buf_error(ret);
}
