/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A master file. Its serial is raised, and nothing else is different then; our lines change neither
 * that, nor whether the section may stand there. */

#include "core/zonefile.h"
#include "fuzz.h"

#include <string.h>

enum { NOON = 1770033600 };

static void check_serial(struct buf *text)
{
	struct buf masked = { 0 }, again = { 0 };
	struct zonefile_serial old, new;
	uint32_t next;

	zonefile_mask_serial(&masked, text->data, text->len);
	if (zonefile_find_serial(text->data, text->len, &old)) {
		CHECK(masked.len == text->len && !memcmp(masked.data, text->data, text->len));
	} else {
		CHECK(old.n && old.at + old.n <= text->len);
		next = zonefile_next_serial(old.value, NOON);
		CHECK(next && zonefile_is_later(next, old.value));
		CHECK(!zonefile_set_serial(text, next));
		CHECK(!zonefile_find_serial(text->data, text->len, &new));
		CHECK(new.value == next &&new.at == old.at);
		zonefile_mask_serial(&again, text->data, text->len);
		CHECK(masked.len == again.len && !memcmp(masked.data, again.data, again.len));
	}
	buf_deinit(&masked);
	buf_deinit(&again);
}

/* The text with the body in its section, and what its serial is then. */
static int serial_with(struct buf *ret, const struct buf *text, const struct section *s,
		       const struct buf *body, uint32_t *ret_serial)
{
	struct zonefile_serial serial = { 0 };
	int r;

	section_replace(ret, text->data, text->len, s, body);
	r = zonefile_find_serial(ret->data, ret->len, &serial);
	*ret_serial = serial.value;
	return r;
}

static void check_section(const struct buf *text)
{
	struct buf nothing = { 0 }, body = { 0 }, without = { 0 }, with = { 0 };
	struct ip ip = { 4, { 1, 2, 3, 4 } };
	uint32_t serial_without, serial_with_it;
	int refused, r_without, r_with;
	struct ip_set *set;
	struct section s;
	size_t line = 0;

	if (section_find(text->data, text->len, ';', &s)) {
		return;
	}
	CHECK(!ip_set_new(&ip, 1, 1, &set));
	zonefile_render(&body, "a.example.com", set, 60);
	refused = zonefile_refuses(text->data, text->len, &s, &line);
	CHECK(refused ? line > 0 : !line);
	r_without = serial_with(&without, text, &s, &nothing, &serial_without);
	r_with = serial_with(&with, text, &s, &body, &serial_with_it);
	CHECK(refused || (r_without == r_with && serial_without == serial_with_it));
	CHECK(!section_find(with.data, with.len, ';', &s));
	CHECK(zonefile_refuses(with.data, with.len, &s, &line) == refused);
	ip_set_free(set);
	buf_deinit(&body);
	buf_deinit(&without);
	buf_deinit(&with);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = { 0 };

	buf_add(&text, data, n);
	if (text.len) {
		check_section(&text);
		check_serial(&text);
	}
	buf_deinit(&text);
	return 0;
}
