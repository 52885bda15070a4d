/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Owner names that may be published: host names of letters, digits, hyphens and underscores
 * (RFC 1123 section 2.1; the underscore as in RFC 8552), at least two labels, at most 253
 * characters, an asterisk only as the whole first label (RFC 4592). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_TEXT_MAX 253
#define NAME_LABEL_MAX 63
#define NAME_SIZE (NAME_TEXT_MAX + 1)
#define NAME_WIRE_MAX (NAME_TEXT_MAX + 2)

enum {
	NAME_E_EMPTY = 1,
	NAME_E_LABEL_EMPTY,	/* two dots in a row, or one at the start */
	NAME_E_LABEL_LONG,
	NAME_E_LONG,
	NAME_E_CHAR,		/* a byte that no host name has */
	NAME_E_HYPHEN,		/* a label that begins or ends with a hyphen */
	NAME_E_WILDCARD,	/* an asterisk elsewhere than as the first label */
	NAME_E_SHORT,		/* one label only */
	NAME_E_NUMERIC,		/* the last label is a number: it could be an address */
};

/* Checks the n bytes at text and writes the canonical form, NUL-terminated: lower case, no dot at
 * the end (one is allowed in text). ret has room for NAME_SIZE. Returns 0 or NAME_E_*. */
int name_canon(const char *text, size_t n, char *ret, size_t *ret_n);

/* Whether the canonical name is the zone itself or lies below it. */
bool name_lies_in(const char *name, size_t n_name, const char *zone, size_t n_zone);

/* Writes the n characters of a name (one at least, none of them a dot at the end) as they travel (RFC 1035 section
 * 3.1): a length before each label, a 0 behind the last. Returns how many bytes that is, n + 2. */
size_t name_put_wire(uint8_t *to, const char *name, size_t n);

/* What is wrong, to stand behind the name in a message. */
const char *name_strerror(int outcome);
