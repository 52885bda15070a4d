/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A piece of somebody else's text: borrowed, without a NUL behind it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char *at; /* NULL: not given */
	size_t n;
};

#define TEXT_BLANKS " \t\r"

/* Without the blanks around it. */
struct text text_trim(struct text t);

/* Without a UTF-8 byte order mark in front, which says nothing. */
struct text text_skip_mark(struct text t);

/* Whether two strings are the same, or both NULL. */
bool text_same(const char *a, const char *b);

static inline bool text_begins(struct text t, const char *s)
{
	return strlen(s) <= t.n && !memcmp(t.at, s, strlen(s));
}

static inline bool text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && text_begins(t, s);
}

bool text_is_nocase(struct text t, const char *s); /* of ASCII */

/* Takes s off the beginning. false: it begins with something else. */
static inline bool text_skip(struct text *t, const char *s)
{
	bool begins = text_begins(*t, s);

	t->at += begins ? strlen(s) : 0;
	t->n -= begins ? strlen(s) : 0;
	return begins;
}

/* Takes the digits off the beginning. false: there are none, or they are more than max. */
bool text_take_number(struct text *t, uint64_t max, uint64_t *ret);

/* Whether it is a number of 32 bits as put_decimal writes it. */
bool text_is_decimal(struct text t);

/* Takes the next word off a list in which any number of the separators stand between two. false, and an
 * empty word: there is none. */
bool text_next_word(struct text *list, const char *separators, struct text *ret);

/* Takes what stands before the next separator off the list, be it empty. false: there is nothing left. A state and a
 * section have a million lines, so it is inline. */
static inline bool text_next_field(struct text *list, char separator, struct text *ret)
{
	const char *end;

	if (!list->n) {
		return false;
	}
	end = memchr(list->at, separator, list->n);
	ret->at = list->at;
	ret->n = end ? (size_t)(end - list->at) : list->n;
	list->at += ret->n + (end ? 1 : 0);
	list->n -= ret->n + (end ? 1 : 0);
	return true;
}

/* Takes the next line off, with its newline, which the last one may lack. false: there is nothing left. */
bool text_next_line(struct text *list, struct text *ret);
size_t text_count_lines(struct text t);

/* What stands before the first separator, and what behind. false: there is no separator. */
bool text_split(struct text t, char separator, struct text *ret_before, struct text *ret_behind);
