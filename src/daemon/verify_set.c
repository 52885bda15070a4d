/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/verify_impl.h"

#include <stdlib.h>
#include <string.h>

size_t verify_n_of(const struct ip_set *s, unsigned question)
{
	return !s ? 0 : question == VERIFY_V4 ? s->n_v4 : s->n_v6;
}

const uint8_t *verify_ip(const struct ip_set *s, unsigned question, size_t i)
{
	return question == VERIFY_V4 ? ip_set_v4(s, i) : ip_set_v6(s, i);
}

static int compare_v4(const void *a, const void *b)
{
	return memcmp(a, b, 4);
}

static int compare_v6(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

bool verify_has(const struct ip_set *s, unsigned question, const uint8_t *ip)
{
	size_t n = verify_n_of(s, question);

	return n && bsearch(ip, verify_ip(s, question, 0), n, question == VERIFY_V4 ? 4 : 16,
			    question == VERIFY_V4 ? compare_v4 : compare_v6);
}

bool verify_is_as_published(const struct verify_asked *a, unsigned question,
			    const struct ip_set *seen)
{
	for (size_t i = 0; i < verify_n_of(a->set, question); i++) {
		if (!verify_has(seen, question, verify_ip(a->set, question, i))) {
			return false;
		}
	}
	for (size_t i = 0; i < verify_n_of(a->was, question); i++) {
		const uint8_t *ip = verify_ip(a->was, question, i);

		if (verify_has(seen, question, ip) && !verify_has(a->set, question, ip)) {
			return false;
		}
	}
	return true;
}
