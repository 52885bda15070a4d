/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/zonefile.h"

#include "core/put.h"
#include "core/text.h"

#include <string.h>

enum { LINE_MAX_IP = NAME_TEXT_MAX + 2 + PUT_DECIMAL_MAX + 9 + PUT_IP_MAX + 1 };

#define V4_WORDS "IN\tA\t"
#define V6_WORDS "IN\tAAAA\t"

void zonefile_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl)
{
	size_t n_name = strlen(name), n = ip_set_n(set), n_ip;
	char *room = buf_room(b, n * LINE_MAX_IP), *at = room;

	if (!room) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *ip = ip_set_at(set, i, &n_ip);

		at = mempcpy(at, name, n_name);
		at = mempcpy(at, ".\t", 2);
		at = put_decimal(at, ttl);
		*at++ = '\t';
		at = n_ip == 4 ? mempcpy(at, V4_WORDS, strlen(V4_WORDS)) :
				 mempcpy(at, V6_WORDS, strlen(V6_WORDS));
		at = put_ip(at, ip, n_ip);
		*at++ = '\n';
	}
	b->len += (size_t)(at - room);
}

bool zonefile_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip)
{
	struct text rest = { line, n }, owner, ttl;
	char name[NAME_SIZE], text[IP_TEXT_SIZE];
	struct ip ip;
	size_t n_name;
	uint8_t n_ip;

	/* A name may be given with a dot at its end or without: here it must have one. */
	if (!text_split(rest, '\t', &owner, &rest) || name_canon(owner.at, owner.n, name, &n_name) ||
	    n_name + 1 != owner.n || memcmp(name, owner.at, n_name)) {
		return false;
	}
	if (!text_split(rest, '\t', &ttl, &rest) || !text_is_decimal(ttl)) {
		return false;
	}
	n_ip = text_skip(&rest, V4_WORDS) ? 4 : text_skip(&rest, V6_WORDS) ? 16 : 0;
	if (!n_ip || !ip_parse(rest.at, rest.n, &ip) || ip.n != n_ip) {
		return false;
	}
	(void)ip_print(ip.bytes, ip.n, text);
	if (!text_is(rest, text)) {
		return false;
	}
	memcpy(ret_name, name, n_name + 1);
	*ret_ip = ip;
	return true;
}
