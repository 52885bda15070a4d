/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/zonefile_scan.h"

#include <string.h>

/* A newline is the end of a line even behind a backslash. */
static enum zonefile_piece take_word(struct zonefile_scan *s, struct text *ret)
{
	const char *begin = s->at;

	while (s->at < s->end && !memchr(" \t\r\n;()\"", *s->at, 8)) {
		s->at += *s->at == '\\' && s->end - s->at > 1 && s->at[1] != '\n' ? 2 : 1;
	}
	*ret = (struct text){ begin, (size_t)(s->at - begin) };
	return ZONEFILE_WORD;
}

/* Some name servers let a string go on in the next line, so we do. */
static enum zonefile_piece take_string(struct zonefile_scan *s, struct text *ret)
{
	const char *begin = ++s->at;
	size_t line = s->line;

	while (s->at < s->end && *s->at != '"') {
		if (*s->at == '\\' && s->end - s->at > 1) {
			s->at++;
		}
		s->line += *s->at++ == '\n';
	}
	if (s->at == s->end) {
		s->quoted = line;
		return ZONEFILE_END;
	}
	*ret = (struct text){ begin, (size_t)(s->at++ - begin) };
	return ZONEFILE_STRING;
}

static void skip_comment(struct zonefile_scan *s)
{
	const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at));

	s->at = newline ? newline : s->end;
}

enum zonefile_piece zonefile_scan(struct zonefile_scan *s, struct text *ret_word)
{
	while (s->at < s->end) {
		bool first = !s->continuing;

		s->continuing = true;
		switch (*s->at) {
		case ' ':
		case '\t':
			s->at++;
			if (first) {
				return ZONEFILE_BLANK;
			}
			break;
		case '\r':
			s->at++;
			break;
		case ';':
			skip_comment(s);
			break;
		case '\n':
			s->at++;
			s->line++;
			if (!s->depth) {
				s->continuing = false;
				return ZONEFILE_LINE;
			}
			break;
		case '(':
			s->at++;
			s->opened = s->depth++ ? s->opened : s->line;
			break;
		case ')':
			s->at++;
			s->depth -= s->depth > 0;
			break;
		case '"':
			return take_string(s, ret_word);
		default:
			return take_word(s, ret_word);
		}
	}
	return ZONEFILE_END;
}

void zonefile_scan_rest(struct zonefile_scan *s)
{
	enum zonefile_piece piece;
	struct text word;

	do {
		piece = zonefile_scan(s, &word);
	} while (piece != ZONEFILE_LINE && piece != ZONEFILE_END);
}
