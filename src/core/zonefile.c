/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/zonefile.h"

#include "core/put.h"

#include <string.h>

enum { LINE_MAX_IP = NAME_TEXT_MAX + 2 + PUT_DECIMAL_MAX + 9 + PUT_IP_MAX + 1 };

#define V4_WORDS "\tIN\tA\t"
#define V6_WORDS "\tIN\tAAAA\t"

void zonefile_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl)
{
	size_t n_name = strlen(name), n_v4 = set ? set->n_v4 : 0,
	       n = set ? n_v4 + set->n_v6 : 0;
	char *room = buf_room(b, n * LINE_MAX_IP), *at = room;

	if (!room) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		at = put_text(at, name, n_name);
		at = put_text(at, ".\t", 2);
		at = put_decimal(at, ttl);
		if (i < n_v4) {
			at = put_text(at, V4_WORDS, strlen(V4_WORDS));
			at = put_ip(at, ip_set_v4(set, i), 4);
		} else {
			at = put_text(at, V6_WORDS, strlen(V6_WORDS));
			at = put_ip(at, ip_set_v6(set, i - n_v4), 16);
		}
		*at++ = '\n';
	}
	b->len += (size_t)(at - room);
}

static bool take(const char **at, const char *end, const char *words)
{
	size_t n = strlen(words);

	if ((size_t)(end - *at) < n || memcmp(*at, words, n)) {
		return false;
	}
	*at += n;
	return true;
}

static bool take_ttl(const char **at, const char *end)
{
	const char *begin = *at;
	uint64_t value = 0;

	while (*at < end && **at >= '0' && **at <= '9' && *at - begin < PUT_DECIMAL_MAX) {
		value = value * 10 + (uint64_t)(*(*at)++ - '0');
	}
	return *at > begin && (*begin != '0' || *at == begin + 1) && value <= UINT32_MAX;
}

bool zonefile_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip)
{
	const char *end = line + n, *at = memchr(line, '\t', n);
	char name[NAME_SIZE], text[IP_TEXT_SIZE];
	struct ip ip;
	size_t n_name;
	uint8_t n_ip;

	/* A name may be given with a dot at its end or without: here it must have one. */
	if (!at || at == line || name_canon(line, (size_t)(at - line), name, &n_name) ||
	    n_name + 1 != (size_t)(at - line) || memcmp(name, line, n_name)) {
		return false;
	}
	at++;
	if (!take_ttl(&at, end)) {
		return false;
	}
	n_ip = take(&at, end, V4_WORDS) ? 4 : take(&at, end, V6_WORDS) ? 16 : 0;
	n = (size_t)(end - at);
	if (!n_ip || !ip_parse(at, n, &ip) || ip.n != n_ip ||
	    ip_print(ip.bytes, ip.n, text) != n || memcmp(text, at, n)) {
		return false;
	}
	memcpy(ret_name, name, n_name + 1);
	*ret_ip = ip;
	return true;
}
