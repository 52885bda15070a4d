/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/verify_impl.h"

#include "base/cleanup.h"

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

static void add_ips(struct buf *ips, const struct ip_set *s)
{
	for (unsigned question = 0; question < VERIFY_N_QUESTIONS; question++) {
		for (size_t i = 0; i < verify_n_of(s, question); i++) {
			struct ip ip = { .n = question == VERIFY_V4 ? 4 : 16 };

			memcpy(ip.bytes, verify_ip(s, question, i), ip.n);
			buf_add(ips, &ip, sizeof(ip));
		}
	}
}

int verify_make_set(struct buf *ips, unsigned max_each, struct ip_set **ret)
{
	int r = buf_error(ips);

	if (r) {
		return r;
	}
	return ip_set_new((struct ip *)ips->data, ips->len / sizeof(struct ip), max_each, ret);
}

int verify_join(const struct ip_set *a, const struct ip_set *b, const struct ip_set *c,
		struct ip_set **ret)
{
	_cleanup_(buf_deinit) struct buf ips = { 0 };

	add_ips(&ips, a);
	add_ips(&ips, b);
	add_ips(&ips, c);
	return verify_make_set(&ips, IP_SET_EACH_MAX, ret);
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
