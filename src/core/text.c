/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/text.h"

#include <string.h>
#include <strings.h>

/* A bit for each of the signs, none of which is a letter: strchr costs more for so few. */
static uint64_t bits_of(const char *signs)
{
	uint64_t bits = 0;

	for (; *signs; signs++) {
		bits |= UINT64_C(1) << *signs;
	}
	return bits;
}

static bool is_one_of(char c, uint64_t bits)
{
	return !(c & 0xc0) && bits >> c & 1;
}

struct text text_trim(struct text t)
{
	uint64_t blanks = bits_of(TEXT_BLANKS);

	while (t.n && is_one_of(*t.at, blanks)) {
		t.at++;
		t.n--;
	}
	while (t.n && is_one_of(t.at[t.n - 1], blanks)) {
		t.n--;
	}
	return t;
}

struct text text_skip_mark(struct text t)
{
	(void)text_skip(&t, "\xef\xbb\xbf");
	return t;
}

bool text_is_nocase(struct text t, const char *s)
{
	return t.n == strlen(s) && !strncasecmp(t.at, s, t.n);
}

bool text_take_number(struct text *t, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!t->n || *t->at < '0' || *t->at > '9') {
		return false;
	}
	while (t->n && *t->at >= '0' && *t->at <= '9') {
		value = value * 10 + (uint64_t)(*t->at - '0');
		if (value > max) {
			return false;
		}
		t->at++;
		t->n--;
	}
	*ret = value;
	return true;
}

bool text_is_decimal(struct text t)
{
	bool padded = t.n > 1 && *t.at == '0';
	uint64_t value;

	return !padded && text_take_number(&t, UINT32_MAX, &value) && !t.n;
}

bool text_next_word(struct text *list, const char *separators, struct text *ret)
{
	uint64_t bits = bits_of(separators);

	while (list->n && is_one_of(*list->at, bits)) {
		list->at++;
		list->n--;
	}
	ret->at = list->at;
	while (list->n && !is_one_of(*list->at, bits)) {
		list->at++;
		list->n--;
	}
	ret->n = (size_t)(list->at - ret->at);
	return ret->n;
}

bool text_next_line(struct text *list, struct text *ret)
{
	size_t n = list->n;

	if (!text_next_field(list, '\n', ret)) {
		return false;
	}
	ret->n = n - list->n;
	return true;
}

size_t text_count_lines(struct text t)
{
	struct text line;
	size_t n = 0;

	while (text_next_line(&t, &line)) {
		n++;
	}
	return n;
}

bool text_split(struct text t, char separator, struct text *ret_before, struct text *ret_behind)
{
	const char *at = t.n ? memchr(t.at, separator, t.n) : NULL;

	if (!at) {
		return false;
	}
	*ret_before = (struct text){ t.at, (size_t)(at - t.at) };
	*ret_behind = (struct text){ at + 1, t.n - ret_before->n - 1 };
	return true;
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}
