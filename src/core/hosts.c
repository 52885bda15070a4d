/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/hosts.h"

#include "core/put.h"
#include "core/text.h"

#include <string.h>

enum { LINE_MAX_IP = PUT_IP_MAX + 1 + NAME_TEXT_MAX + 1 };

void hosts_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl)
{
	size_t n_name = strlen(name), n = ip_set_n(set), n_ip;
	char *room = *name == '*' ? NULL : buf_room(b, n * LINE_MAX_IP), *at = room;

	(void)ttl; /* there is no place for it */
	if (!room) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *ip = ip_set_at(set, i, &n_ip);

		at = put_ip(at, ip, n_ip);
		*at++ = ' ';
		at = mempcpy(at, name, n_name);
		*at++ = '\n';
	}
	b->len += (size_t)(at - room);
}

bool hosts_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip)
{
	char canon[NAME_SIZE], printed[IP_TEXT_SIZE];
	struct text address, name;
	size_t n_name;
	struct ip ip;

	if (!text_split((struct text){ line, n }, ' ', &address, &name) ||
	    !ip_parse(address.at, address.n, &ip)) {
		return false;
	}
	(void)ip_print(ip.bytes, ip.n, printed);
	if (!text_is(address, printed) || name_canon(name.at, name.n, canon, &n_name) ||
	    !text_is(name, canon) || *canon == '*') {
		return false;
	}
	memcpy(ret_name, canon, n_name + 1);
	*ret_ip = ip;
	return true;
}
