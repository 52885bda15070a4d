/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tinydns.h"

#include "core/put.h"
#include "core/text.h"

#include <string.h>

enum {
	LINE_MAX_V4 = 1 + NAME_TEXT_MAX + 1 + 15 + 1 + PUT_DECIMAL_MAX + 1,
	LINE_MAX_V6 = 1 + NAME_TEXT_MAX + 4 + 16 * 4 + 1 + PUT_DECIMAL_MAX + 1,
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
			at = mempcpy(at, name, n_name);
			*at++ = ':';
			at = put_ip(at, ip_set_v4(set, i), 4);
		} else {
			*at++ = ':';
			at = mempcpy(at, name, n_name);
			at = mempcpy(at, ":28:", 4);
			at = put_octal_v6(at, ip_set_v6(set, i - n_v4));
		}
		*at++ = ':';
		at = put_decimal(at, ttl);
		*at++ = '\n';
	}
	b->len += (size_t)(at - room);
}

static bool parse_v6(struct text t, struct ip *ret)
{
	if (t.n != 64) {
		return false;
	}
	for (int i = 0; i < 16; i++) {
		const char *o = t.at + 4 * i;

		if (o[0] != '\\' || o[1] < '0' || o[1] > '3' || o[2] < '0' || o[2] > '7' ||
		    o[3] < '0' || o[3] > '7') {
			return false;
		}
		ret->bytes[i] = (uint8_t)((o[1] - '0') << 6 | (o[2] - '0') << 3 | (o[3] - '0'));
	}
	ret->n = 16;
	return true;
}

bool tinydns_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip)
{
	struct text rest = { line, n }, owner, address, ttl;
	bool is_v4 = text_skip(&rest, "+");
	struct ip ip = { 0 };
	char name[NAME_SIZE];
	size_t n_name;

	if ((!is_v4 && !text_skip(&rest, ":")) || !text_split(rest, ':', &owner, &rest) ||
	    name_canon(owner.at, owner.n, name, &n_name) || !text_is(owner, name)) {
		return false;
	}
	if ((!is_v4 && !text_skip(&rest, "28:")) || !text_split(rest, ':', &address, &ttl) ||
	    !text_is_decimal(ttl)) {
		return false;
	}
	if (is_v4 ? !ip_parse(address.at, address.n, &ip) || ip.n != 4 : !parse_v6(address, &ip)) {
		return false;
	}
	memcpy(ret_name, name, n_name + 1);
	*ret_ip = ip;
	return true;
}
