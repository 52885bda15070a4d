/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/text.h"

#include <string.h>
#include <strings.h>

static bool is_one_of(char c, const char *set)
{
	while (*set && *set != c) {	/* strchr costs more for so few */
		set++;
	}
	return *set;
}

struct text text_trim(struct text t)
{
	while (t.n && is_one_of(*t.at, TEXT_BLANKS)) {
		t.at++;
		t.n--;
	}
	while (t.n && is_one_of(t.at[t.n - 1], TEXT_BLANKS)) {
		t.n--;
	}
	return t;
}

struct text text_skip_mark(struct text t)
{
	static const char mark[] = "\xef\xbb\xbf";

	return text_begins(t, mark) ? (struct text){ t.at + strlen(mark), t.n - strlen(mark) } : t;
}

bool text_begins(struct text t, const char *s)
{
	return strlen(s) <= t.n && !memcmp(t.at, s, strlen(s));
}

bool text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && text_begins(t, s);
}

bool text_is_nocase(struct text t, const char *s)
{
	return t.n == strlen(s) && !strncasecmp(t.at, s, t.n);
}

bool text_next_word(struct text *list, const char *separators, struct text *ret)
{
	while (list->n && is_one_of(*list->at, separators)) {
		list->at++;
		list->n--;
	}
	ret->at = list->at;
	while (list->n && !is_one_of(*list->at, separators)) {
		list->at++;
		list->n--;
	}
	ret->n = (size_t)(list->at - ret->at);
	return ret->n;
}

bool text_next_field(struct text *list, char separator, struct text *ret)
{
	const char *end;

	if (!list->at || !list->n) {
		return false;
	}
	end = memchr(list->at, separator, list->n);
	ret->at = list->at;
	ret->n = end ? (size_t)(end - list->at) : list->n;
	list->at += ret->n + (end ? 1 : 0);
	list->n -= ret->n + (end ? 1 : 0);
	return true;
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}
