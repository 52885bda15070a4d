/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tinydns.h"

#include "core/put.h"

#include <string.h>

enum {
	TTL_TEXT_MAX = PUT_DECIMAL_MAX,
	LINE_MAX_V4 = 1 + NAME_TEXT_MAX + 1 + 15 + 1 + TTL_TEXT_MAX + 1,
	LINE_MAX_V6 = 1 + NAME_TEXT_MAX + 4 + 16 * 4 + 1 + TTL_TEXT_MAX + 1,
};

/* As tinydns-data takes any byte: octal, three digits. */
static char *put_octal_v6(char *at, const uint8_t *bytes)
{
	for (int i = 0; i < 16; i++) {
		*at++ = '\\';
		*at++ = (char)('0' + (bytes[i] >> 6));
		*at++ = (char)('0' + (bytes[i] >> 3 & 7));
		*at++ = (char)('0' + (bytes[i] & 7));
	}
	return at;
}

void tinydns_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl)
{
	size_t n_name = strlen(name), n_v4 = set ? set->n_v4 : 0, n_v6 = set ? set->n_v6 : 0;
	char *room = buf_room(b, n_v4 * LINE_MAX_V4 + n_v6 * LINE_MAX_V6), *at = room;

	if (!room) {
		return;
	}
	for (size_t i = 0; i < n_v4 + n_v6; i++) {
		if (i < n_v4) {
			*at++ = '+';
			at = put_text(at, name, n_name);
			*at++ = ':';
			at = put_ip(at, ip_set_v4(set, i), 4);
		} else {
			*at++ = ':';
			at = put_text(at, name, n_name);
			at = put_text(at, ":28:", 4);
			at = put_octal_v6(at, ip_set_v6(set, i - n_v4));
		}
		*at++ = ':';
		at = put_decimal(at, ttl);
		*at++ = '\n';
	}
	b->len += (size_t)(at - room);
}

static bool parse_v6(const char *text, size_t n, struct ip *ret)
{
	if (n != 64) {
		return false;
	}
	for (int i = 0; i < 16; i++) {
		const char *o = text + 4 * i;

		if (o[0] != '\\' || o[1] < '0' || o[1] > '3' || o[2] < '0' || o[2] > '7' ||
		    o[3] < '0' || o[3] > '7') {
			return false;
		}
		ret->bytes[i] = (uint8_t)((o[1] - '0') << 6 | (o[2] - '0') << 3 | (o[3] - '0'));
	}
	ret->n = 16;
	return true;
}

static bool is_ttl(const char *text, size_t n)
{
	uint64_t value = 0;

	if (!n || n > TTL_TEXT_MAX || (n > 1 && *text == '0')) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	return value <= UINT32_MAX;
}

bool tinydns_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip)
{
	const char *field, *ttl, *end = line + n;
	char name[NAME_SIZE];
	struct ip ip = { 0 };
	size_t n_name;

	if (!n || (*line != '+' && *line != ':')) {
		return false;
	}
	field = memchr(line + 1, ':', n - 1);
	if (!field || name_canon(line + 1, (size_t)(field - line - 1), name, &n_name) ||
	    n_name != (size_t)(field - line - 1) || memcmp(name, line + 1, n_name)) {
		return false;
	}
	field++;
	if (*line == ':') {
		if (end - field < 3 || memcmp(field, "28:", 3)) {
			return false;
		}
		field += 3;
	}
	ttl = memchr(field, ':', (size_t)(end - field));
	if (!ttl || !is_ttl(ttl + 1, (size_t)(end - ttl - 1))) {
		return false;
	}
	if (*line == '+' ? !ip_parse(field, (size_t)(ttl - field), &ip) || ip.n != 4 :
			   !parse_v6(field, (size_t)(ttl - field), &ip)) {
		return false;
	}
	memcpy(ret_name, name, n_name + 1);
	*ret_ip = ip;
	return true;
}
