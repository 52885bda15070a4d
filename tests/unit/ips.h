/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Addresses as rows have them. */

#include "core/ip.h"
#include "rows.h"

static inline struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, strlen(text), &ip));
	return ip;
}

/* Those between blanks; the caller frees the set. */
static inline struct ip_set *set_of(const char *text)
{
	struct ip ips[80];
	struct ip_set *set;
	size_t n = 0;

	while (*text) {
		size_t n_text = strcspn(text, " ");

		assert_true(ip_parse(text, n_text, &ips[n++]));
		text += n_text + strspn(text + n_text, " ");
	}
	assert_int_equal(ip_set_new(ips, n, IP_SET_EACH_MAX, &set), 0);
	return set;
}
