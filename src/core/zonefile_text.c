/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/put.h"
#include "core/zonefile.h"
#include "core/zonefile_scan.h"

#include <string.h>

const char *zonefile_strerror(int outcome)
{
	static const char *const words[] = {
		[ZONEFILE_E_PARENTHESES] =
			"the section stands inside of the parentheses that open here; "
			"move it behind them",
		[ZONEFILE_E_QUOTED] =
			"the section stands in the quoted string that begins here; "
			"close the quotes before it",
		[ZONEFILE_E_OWNER] =
			"this record behind the section begins with a blank, so it would belong to "
			"the section's last name; write its own name there",
		[ZONEFILE_E_NO_SOA] = "no SOA record whose serial could be raised",
		[ZONEFILE_E_NO_NUMBER] = "the serial of the SOA record is not a number",
		[ZONEFILE_E_RANGE] = "the serial of the SOA record is greater than 4294967295",
	};

	return words[outcome];
}

/* The line, counted from `line`, of a record that has its owner from the line before; 0: the first
 * record has an owner. Directives have none, and do not change it. */
static size_t find_ownerless(const char *text, size_t n, size_t line)
{
	struct zonefile_scan s = { .at = text, .end = text + n, .line = line };
	struct text word;

	for (;;) {
		enum zonefile_piece piece = zonefile_scan(&s, &word);
		bool blank = piece == ZONEFILE_BLANK;

		line = s.line;
		if (blank) {
			piece = zonefile_scan(&s, &word);
		}
		if (piece == ZONEFILE_END) {
			return 0;
		}
		if (piece == ZONEFILE_LINE) {
			continue;
		}
		if (blank || piece == ZONEFILE_STRING || *word.at != '$') {
			return blank ? line : 0;
		}
		zonefile_scan_rest(&s);
	}
}

int zonefile_refuses(const char *text, size_t n, const struct section *section,
		     size_t *ret_line)
{
	struct zonefile_scan s = { .at = text, .end = text + section->begin, .line = 1 };
	size_t line;

	while (s.at < s.end) {
		zonefile_scan_rest(&s);
	}
	if (s.quoted) {
		*ret_line = s.quoted;
		return ZONEFILE_E_QUOTED;
	}
	if (s.depth) {
		*ret_line = s.opened;
		return ZONEFILE_E_PARENTHESES;
	}
	line = find_ownerless(text + section->end, n - section->end,
			      1 + text_count_lines((struct text){ text, section->end }));
	if (line) {
		*ret_line = line;
		return ZONEFILE_E_OWNER;
	}
	return 0;
}

/* --- the serial --- */

/* What may stand between owner and type, in any order (RFC 1035 section 5.1). No type begins with a
 * digit. */
static bool is_ttl_or_class(struct text t)
{
	static const char *const classes[] = { "IN", "CH", "CHAOS", "HS", "HESIOD", "CS" };
	struct text begin = { t.at, t.n < 5 ? t.n : 5 };

	if ((*t.at >= '0' && *t.at <= '9') || text_is_nocase(begin, "CLASS")) {
		return true;
	}
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (text_is_nocase(t, classes[i])) {
			return true;
		}
	}
	return false;
}

/* Goes through the file to behind the type of the first SOA record. */
static bool find_soa(struct zonefile_scan *s)
{
	enum zonefile_piece piece;
	struct text word = { 0 };

	while ((piece = zonefile_scan(s, &word)) != ZONEFILE_END) {
		if (piece == ZONEFILE_LINE) {
			continue;
		}
		if (piece == ZONEFILE_WORD && *word.at == '$') {
			zonefile_scan_rest(s);
			continue;
		}
		do {
			piece = zonefile_scan(s, &word);
		} while (piece == ZONEFILE_WORD && is_ttl_or_class(word));
		if (piece == ZONEFILE_WORD && text_is_nocase(word, "SOA")) {
			return true;
		}
		if (piece == ZONEFILE_WORD || piece == ZONEFILE_STRING) {
			zonefile_scan_rest(s);
		}
	}
	return false;
}

static int parse_serial(struct text t, uint32_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < t.n; i++) {
		if (t.at[i] < '0' || t.at[i] > '9') {
			return ZONEFILE_E_NO_NUMBER;
		}
	}
	for (size_t i = 0; i < t.n && value <= UINT32_MAX; i++) {
		value = value * 10 + (uint64_t)(t.at[i] - '0');
	}
	if (value > UINT32_MAX) {
		return ZONEFILE_E_RANGE;
	}
	*ret = (uint32_t)value;
	return 0;
}

int zonefile_find_serial(const char *text, size_t n, struct zonefile_serial *ret)
{
	struct zonefile_scan s = { .at = text, .end = text + n, .line = 1 };
	enum zonefile_piece piece = ZONEFILE_END;
	struct text word = { 0 };
	uint32_t value;
	int r;

	if (!find_soa(&s)) {
		return ZONEFILE_E_NO_SOA;
	}
	for (int i = 0; i < 3; i++) { /* the primary's name, the mailbox, the serial */
		piece = zonefile_scan(&s, &word);
		if (piece != ZONEFILE_WORD && (i == 2 || piece != ZONEFILE_STRING)) {
			return ZONEFILE_E_NO_NUMBER;
		}
	}
	r = parse_serial(word, &value);
	if (r) {
		return r;
	}
	*ret = (struct zonefile_serial){ (size_t)(word.at - text), word.n, value };
	return 0;
}

int zonefile_set_serial(struct buf *text, uint32_t value)
{
	struct zonefile_serial serial;
	char digits[PUT_DECIMAL_MAX];
	size_t n = (size_t)(put_decimal(digits, value) - digits);
	char *at;
	int r;

	r = zonefile_find_serial(text->data, text->len, &serial);
	if (r) {
		return r;
	}
	if (n > serial.n && !buf_room(text, n - serial.n)) {
		return buf_error(text);
	}
	at = text->data + serial.at;
	memmove(at + n, at + serial.n, text->len - serial.at - serial.n);
	memcpy(at, digits, n);
	text->len = text->len - serial.n + n;
	return 0;
}

void zonefile_mask_serial(struct buf *ret, const char *text, size_t n)
{
	struct zonefile_serial serial;

	if (zonefile_find_serial(text, n, &serial)) {
		buf_add(ret, text, n);
		return;
	}
	buf_add(ret, text, serial.at);
	buf_adds(ret, "0");
	buf_add(ret, text + serial.at + serial.n, n - serial.at - serial.n);
}
