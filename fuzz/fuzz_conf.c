/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A configuration, and the same bytes as a users_file: it is refused if and only if a mistake was
 * reported, in one line of printable characters. */

#include "core/conf.h"
#include "fuzz.h"

#include <string.h>

static void count(void *arg, const char *file, unsigned line, const char *what)
{
	(void)file;
	(void)line;
	CHECK(*what);
	for (; *what; what++) {
		CHECK(*what >= ' ' && *what <= '~');
	}
	++*(unsigned *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	unsigned n_mistakes = 0;
	struct conf c, u;
	int r;

	CHECK(!conf_init(&c) && !conf_init(&u));
	r = conf_parse(&c, "c", text, n, count, &n_mistakes);
	CHECK(r == (n_mistakes ? CONF_E_MISTAKES : 0));
	if (!r) {
		r = conf_finish(&c, "c", count, &n_mistakes);
		CHECK(r == (n_mistakes ? CONF_E_MISTAKES : 0));
	}
	n_mistakes = 0;
	r = conf_parse_users(&u, "u", text, n, count, &n_mistakes);
	CHECK(r == (n_mistakes ? CONF_E_MISTAKES : 0));
	for (uint32_t i = 0; i < c.users->n_names; i++) {
		const char *name = users_name(c.users, i);

		CHECK(users_find_name(c.users, name, strlen(name)) == i);
	}
	conf_deinit(&c);
	conf_deinit(&u);
	return 0;
}
