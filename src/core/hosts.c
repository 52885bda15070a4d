/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/hosts.h"

#include "core/put.h"

#include <string.h>

enum { LINE_MAX_IP = PUT_IP_MAX + 1 + NAME_TEXT_MAX + 1 };

void hosts_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl)
{
	size_t n_name = strlen(name), n_v4 = set ? set->n_v4 : 0,
	       n = set ? n_v4 + set->n_v6 : 0;
	char *room = *name == '*' ? NULL : buf_room(b, n * LINE_MAX_IP), *at = room;

	(void)ttl; /* there is no place for it */
	if (!room) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		at = i < n_v4 ? put_ip(at, ip_set_v4(set, i), 4) :
				put_ip(at, ip_set_v6(set, i - n_v4), 16);
		*at++ = ' ';
		at = put_text(at, name, n_name);
		*at++ = '\n';
	}
	b->len += (size_t)(at - room);
}

bool hosts_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip)
{
	const char *blank = memchr(line, ' ', n);
	char name[NAME_SIZE], text[IP_TEXT_SIZE];
	size_t n_name, n_ip;
	struct ip ip;

	if (!blank) {
		return false;
	}
	n_ip = (size_t)(blank - line);
	if (!ip_parse(line, n_ip, &ip) || ip_print(ip.bytes, ip.n, text) != n_ip ||
	    memcmp(text, line, n_ip)) {
		return false;
	}
	n -= n_ip + 1;
	if (name_canon(blank + 1, n, name, &n_name) || n_name != n || *name == '*' ||
	    memcmp(name, blank + 1, n)) {
		return false;
	}
	memcpy(ret_name, name, n_name + 1);
	*ret_ip = ip;
	return true;
}
