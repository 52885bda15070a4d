/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/name.h"

#include <string.h>

/* By hand, for the locale must not have a say in it. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int check_label(const char *label, size_t n, bool first)
{
	if (!n) {
		return NAME_E_LABEL_EMPTY;
	}
	if (n == 1 && *label == '*') {
		return first ? 0 : NAME_E_WILDCARD;
	}
	for (size_t i = 0; i < n; i++) {
		if (label[i] == '*') {
			return NAME_E_WILDCARD;
		}
		if (!host_char(label[i])) {
			return NAME_E_CHAR;
		}
	}
	if (n > NAME_LABEL_MAX) {
		return NAME_E_LABEL_LONG;
	}
	if (label[0] == '-' || label[n - 1] == '-') {
		return NAME_E_HYPHEN;
	}
	return 0;
}

int name_canon(const char *text, size_t n, char *ret, size_t *ret_n)
{
	char name[NAME_SIZE];
	size_t begin = 0;
	int n_labels = 0;
	bool numeric = true;	/* the label so far */

	if (n && text[n - 1] == '.') {
		n--;
	}
	if (!n) {
		return NAME_E_EMPTY;
	}
	if (n > NAME_TEXT_MAX) {
		return NAME_E_LONG;
	}
	for (size_t i = 0; i <= n; i++) {
		int r;

		name[i] = i < n ? lower(text[i]) : '\0';
		if (i < n && name[i] != '.') {
			numeric = numeric && name[i] >= '0' && name[i] <= '9';
			continue;
		}
		r = check_label(name + begin, i - begin, !n_labels);
		if (r) {
			return r;
		}
		n_labels++;
		begin = i + 1;
		if (i < n) {
			numeric = true;
		}
	}
	if (n_labels < 2) {
		return NAME_E_SHORT;
	}
	if (numeric) {
		return NAME_E_NUMERIC;	/* RFC 1123 section 2.1 */
	}
	memcpy(ret, name, n + 1);
	*ret_n = n;
	return 0;
}

bool name_lies_in(const char *name, size_t n_name, const char *zone, size_t n_zone)
{
	if (n_name < n_zone || memcmp(name + n_name - n_zone, zone, n_zone) != 0) {
		return false;
	}
	return n_name == n_zone || name[n_name - n_zone - 1] == '.';
}

size_t name_put_wire(uint8_t *to, const char *name, size_t n)
{
	size_t label = 0;

	memcpy(to + 1, name, n);
	for (size_t i = 1; i <= n; i++) {
		if (to[i] == '.') {
			to[label] = (uint8_t)(i - label - 1);
			label = i;
		}
	}
	to[label] = (uint8_t)(n - label);
	to[n + 1] = 0;
	return n + 2;
}

const char *name_strerror(int outcome)
{
	static const char *const words[] = {
		[NAME_E_EMPTY] = "is empty",
		[NAME_E_LABEL_EMPTY] = "has an empty label",
		[NAME_E_LABEL_LONG] = "has a label of more than 63 characters",
		[NAME_E_LONG] = "has more than 253 characters",
		[NAME_E_CHAR] = ("has a character other than letters, digits, hyphens and underscores "
				 "(an internationalized name is written in its xn-- form)"),
		[NAME_E_HYPHEN] = "has a label that begins or ends with a hyphen",
		[NAME_E_WILDCARD] = "has an asterisk that is not the whole first label",
		[NAME_E_SHORT] = "has one label only; write the full name",
		[NAME_E_NUMERIC] = "ends in a number, as an address does",
	};

	return words[outcome];
}
