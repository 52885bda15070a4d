/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Our section in a file that belongs to somebody else. It lies between two marker lines,
 *
 *	# start dynamic dns entries
 *	# end dynamic dns entries
 *
 * (blanks and a CR may follow on the line). All bytes outside of the section, the markers
 * included, are the administrator's and are never changed. */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct section {
	size_t begin;	/* first byte behind the start marker's line */
	size_t end;	/* first byte of the end marker's line */
};

enum {
	SECTION_E_NO_MARKERS = 1,
	SECTION_E_NO_START,
	SECTION_E_NO_END,
	SECTION_E_TWO_STARTS,
	SECTION_E_TWO_ENDS,
	SECTION_E_ORDER,	/* the end stands before the start */
};

/* comment is the sign that begins a comment line: '#' for tinydns. Returns 0 or SECTION_E_*. */
int section_find(const char *text, size_t n, char comment, struct section *ret);

const char *section_strerror(int outcome);

/* The number of the first line that was meant for a marker and is none, for what stands before it, another case or the
 * like; 0: there is none. */
unsigned section_lookalike(const char *text, size_t n, char comment);

/* Appends text to b with body in place of the section's content. */
void section_replace(struct buf *b, const char *text, size_t n, const struct section *s,
		     const struct buf *body);

/* Whether two texts are the same outside of their sections, markers included. A text whose section
 * is not to be found counts as a whole. */
bool section_same_outside(const char *a, size_t n_a, const char *b, size_t n_b, char comment);

/* Three texts, outside of their sections: `before` was changed to `late` by one writer and to `now` by
 * others. Appends to ret the lines that the one has added and that `now` lacks, each with a newline.
 * Returns 0, -ENOMEM, or SECTION_E_REMOVED when he has also taken lines away: then ret is of no use,
 * for nobody can say what is to be done with a line that one removed and others kept. */
enum { SECTION_E_REMOVED = 100 };
int section_added(struct buf *ret, const struct buf *before, const struct buf *late,
		  const struct buf *now, char comment);

/* Whether every line of a outside of its section stands outside of b's too, as often at least. On
 * 1: yes, 0: no, -ENOMEM. */
int section_within(const char *a, size_t n_a, const char *b, size_t n_b, char comment);
