/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Our section in somebody else's file; and three versions of that file, which stand in the input with
 * a byte 0x1e between. A new section leaves all that is outside of it, and lines that were added once
 * are not added again. */

#include "core/section.h"
#include "fuzz.h"

#include <string.h>

enum { SEPARATOR = 0x1e };

static struct buf take_text(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *stop = *at < end ? memchr(*at, SEPARATOR, (size_t)(end - *at)) : NULL;
	struct buf b = { 0 };

	stop = stop ? stop : end;
	buf_add(&b, *at, (size_t)(stop - *at));
	*at = stop < end ? stop + 1 : end;
	return b;
}

static void check_replaced(const struct buf *text)
{
	struct buf body = { 0 }, b = { 0 };
	struct section s;

	if (!section_find(text->data, text->len, '#', &s)) {
		CHECK(s.begin <= s.end && s.end <= text->len);
		buf_adds(&body, "+a.example.com:1.2.3.4:60\n");
		section_replace(&b, text->data, text->len, &s, &body);
		CHECK(section_same_outside(text->data, text->len, b.data, b.len, '#'));
		CHECK(!section_find(b.data, b.len, '#', &s));
		CHECK(s.end - s.begin == body.len);
		CHECK(!memcmp(b.data + s.begin, body.data, body.len));
	}
	CHECK(section_within(text->data, text->len, text->data, text->len, '#') == 1);
	buf_deinit(&body);
	buf_deinit(&b);
}

static void check_added(const struct buf *before, const struct buf *late, struct buf *now)
{
	struct buf added = { 0 }, again = { 0 };
	struct section s;
	int r;

	r = section_added(&added, before, late, now, '#');
	CHECK(!r || r == SECTION_E_REMOVED);
	if (!r && !section_find(late->data, late->len, '#', &s) &&
	    !section_find(now->data, now->len, '#', &s)) {
		if (now->data[now->len - 1] != '\n') {
			buf_adds(now, "\n");
		}
		buf_add(now, added.data, added.len);
		CHECK(!section_added(&again, before, late, now, '#'));
		CHECK(!again.len);
	}
	buf_deinit(&added);
	buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *at = data;
	struct buf before = take_text(&at, data + n);
	struct buf late = take_text(&at, data + n);
	struct buf now = take_text(&at, data + n);

	check_replaced(&before);
	check_added(&before, &late, &now);
	buf_deinit(&before);
	buf_deinit(&late);
	buf_deinit(&now);
	return 0;
}
