/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The words of a master file (RFC 1035 section 5.1), for zonefile_text.c: what is a comment, what
 * is quoted, and which lines the parentheses make one. */

#include "core/text.h"

struct zonefile_scan {
	const char *at, *end;
	size_t line; /* in which `at` stands; the caller sets it to that of the first byte */
	bool continuing; /* something of this line is taken already, or it goes on in parentheses */
	size_t depth;  /* of parentheses */
	size_t opened; /* the line of the outermost one */
	size_t quoted; /* the line of a quote that is never closed; 0: there is none */
};

enum zonefile_piece {
	ZONEFILE_END,	 /* of the text */
	ZONEFILE_LINE,	 /* the end of a line outside of parentheses */
	ZONEFILE_BLANK,	 /* a line begins with a blank: its record has the last owner */
	ZONEFILE_WORD,	 /* with its escapes */
	ZONEFILE_STRING, /* without its quotes, with its escapes */
};

/* Takes the next piece. The word is set with ZONEFILE_WORD and ZONEFILE_STRING only. */
enum zonefile_piece zonefile_scan(struct zonefile_scan *s, struct text *ret_word);

/* Goes on behind the end of the line. */
void zonefile_scan_rest(struct zonefile_scan *s);
