/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One kind of file: what is written for a name, and that only such lines are read. */

#include "core/name.h"
#include "ips.h"

struct render_row {
	const char *name;
	const char *owner;
	const char *ips[3];
	unsigned ttl;
	const char *want;
};

struct foreign_row {
	const char *name;
	const char *line;
	size_t n;
};

typedef void render_fn(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);
typedef bool parse_fn(const char *line, size_t n, char *ret_name, struct ip *ret_ip);

/* What is rendered is read again, line by line. */
static inline void render_check(const struct render_row *row, render_fn *render, parse_fn *parse)
{
	struct ip_set *set, *again;
	struct ip ips[3];
	struct buf b = { 0 };
	size_t n = 0;

	while (n < N_OF(row->ips) && row->ips[n]) {
		ips[n] = ip_of(row->ips[n]);
		n++;
	}
	assert_int_equal(ip_set_new(ips, n, 3, &set), 0);
	render(&b, row->owner, set, row->ttl);
	assert_string_equal(buf_str(&b), row->want);

	n = 0;
	for (const char *line = b.data, *end = line + b.len; line < end;) {
		size_t len = strcspn(line, "\n");
		char *copy = exact(line, len), owner[NAME_SIZE];

		assert_true(parse(copy, len, owner, &ips[n++]));
		assert_string_equal(owner, row->owner);
		free(copy);
		line += len + 1;
	}
	assert_int_equal(ip_set_new(ips, n, 3, &again), 0);
	assert_true(ip_set_equal(*row->want ? set : NULL, again));
	ip_set_free(set);
	ip_set_free(again);
	buf_deinit(&b);
}

static inline void foreign_check(const struct foreign_row *row, parse_fn *parse)
{
	char *line = exact(row->line, row->n), owner[NAME_SIZE];
	struct ip ip;

	assert_false(parse(line, row->n, owner, &ip));
	free(line);
}
