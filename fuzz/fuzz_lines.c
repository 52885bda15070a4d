/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Lines as they stand in a section of tinydns's data, of a zone file and of hosts(5). What is read as a line of
 * ours would be written again, byte for byte. */

#include "core/hosts.h"
#include "core/tinydns.h"
#include "core/zonefile.h"
#include "fuzz.h"

#include <string.h>

static const struct {
	bool (*parse)(const char *line, size_t n, char *ret_name, struct ip *ret_ip);
	void (*render)(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);
	char before_ttl; /* 0: there is none in the line */
	bool ttl_is_last;
} formats[] = {
	{ tinydns_parse, tinydns_render, ':', true },
	{ zonefile_parse, zonefile_render, '\t', false },
	{ hosts_parse, hosts_render, 0, false },
};

/* Of a line that was taken apart, which therefore has one. */
static unsigned ttl_of(const struct buf *line, char before, bool is_last)
{
	const char *at = NULL;

	if (before) {
		at = is_last ? memrchr(line->data, before, line->len) :
			       memchr(line->data, before, line->len);
		CHECK(at);
	}
	return at ? (unsigned)strtoul(at + 1, NULL, 10) : 0;
}

static void check_line(const char *line, size_t n, size_t format)
{
	struct buf copy = { 0 }, again = { 0 };
	char name[NAME_SIZE];
	struct ip_set *set;
	struct ip ip;

	if (!formats[format].parse(line, n, name, &ip)) {
		return;
	}
	buf_add(&copy, line, n);
	(void)buf_str(&copy); /* for its NUL */
	CHECK(!ip_set_new(&ip, 1, 1, &set));
	formats[format].render(&again, name, set,
			       ttl_of(&copy, formats[format].before_ttl,
				      formats[format].ttl_is_last));
	CHECK(again.len == n + 1 && !memcmp(again.data, line, n) && again.data[n] == '\n');
	ip_set_free(set);
	buf_deinit(&copy);
	buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct text rest = { (const char *)data, n }, line;

	while (text_next_field(&rest, '\n', &line)) {
		for (size_t i = 0; i < N_OF(formats); i++) {
			check_line(line.at, line.n, i);
		}
	}
	return 0;
}
