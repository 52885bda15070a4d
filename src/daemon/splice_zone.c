/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/splice_impl.h"

#include "base/cleanup.h"
#include "core/zonefile.h"

#include <errno.h>

/* An editor that opened the file before our last publishes writes back a serial from before them. It
 * is not so far behind; whoever goes back farther means to. A date, or a time, is compared by where it goes on,
 * which is today: from a year ago it is merely old. */
#define BEHIND_MAX 100000

static bool read_serial(const struct splice *s, const struct buf *text, uint32_t *ret)
{
	struct zonefile_serial serial;

	if (!s->o.raises_serial || zonefile_find_serial(text->data, text->len, &serial)) {
		return false;
	}
	*ret = serial.value;
	return true;
}

int splice_refuse(struct splice *s, const struct buf *text, const struct section *section)
{
	size_t line;
	int r = s->o.is_zone ? zonefile_refuses(text->data, text->len, section, &line) : 0;

	return r ? splice_wrong(s, SPLICE_E_SECTION, "line %zu: %s", line, zonefile_strerror(r)) : 0;
}

bool splice_is_later(const struct splice *s, const struct buf *a, const struct buf *b)
{
	uint32_t of_a, of_b;

	return read_serial(s, a, &of_a) && read_serial(s, b, &of_b) &&
	       zonefile_is_later(of_a, of_b);
}

static time_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	return now.tv_sec;
}

static bool is_behind(const struct splice *s, uint32_t serial)
{
	uint32_t next;

	if (!s->has_serial || !zonefile_is_later(s->serial, serial)) {
		return false;
	}
	next = zonefile_next_serial(serial, now_s());
	return zonefile_is_later(next, s->serial) || s->serial - next < BEHIND_MAX - 1;
}

bool splice_is_behind(const struct splice *s, const struct buf *text)
{
	uint32_t serial;

	return read_serial(s, text, &serial) && is_behind(s, serial);
}

int splice_raise(struct splice *s, struct buf *text, const struct buf *above)
{
	uint32_t serial = 0;
	int r;

	if (!s->o.raises_serial) {
		return 0;
	}
	(void)read_serial(s, above, &serial); /* without one, there is none in text either */
	if (is_behind(s, serial)) {
		serial = s->serial;
	}
	r = zonefile_set_serial(text, zonefile_next_serial(serial, now_s()));
	return r > 0 ? splice_wrong(s, SPLICE_E_SECTION, "%s", zonefile_strerror(r)) : r;
}

void splice_note_serial(struct splice *s, const struct buf *text)
{
	s->has_serial = read_serial(s, text, &s->serial);
}

bool splice_serial(const struct splice *s, uint32_t *ret)
{
	*ret = s->serial;
	return s->has_serial;
}

void splice_remember_serial(struct splice *s, uint32_t serial)
{
	s->has_serial = s->o.raises_serial;
	s->serial = serial;
}

/* --- comparing --- */

/* What of the text is outside of the section, as it is to be compared; store holds it if need be. */
static int view(const struct splice *s, const struct buf *text, struct buf *store,
		const struct buf **ret)
{
	_cleanup_(buf_deinit) struct buf outside = { 0 };

	*ret = text;
	if (!s->o.raises_serial) {
		return 0;
	}
	splice_outside(s, text, &outside);
	zonefile_mask_serial(store, outside.data, outside.len);
	*ret = store;
	return buf_error(&outside) ? -ENOMEM : buf_error(store);
}

int splice_same_outside(const struct splice *s, const struct buf *a, const struct buf *b)
{
	_cleanup_(buf_deinit) struct buf store_a = { 0 }, store_b = { 0 };
	int r;

	r = view(s, a, &store_a, &a);
	if (!r) {
		r = view(s, b, &store_b, &b);
	}
	return r ? r : section_same_outside(a->data, a->len, b->data, b->len, s->o.comment);
}

int splice_within(const struct splice *s, const struct buf *a, const struct buf *b)
{
	_cleanup_(buf_deinit) struct buf store_a = { 0 }, store_b = { 0 };
	int r;

	r = view(s, a, &store_a, &a);
	if (!r) {
		r = view(s, b, &store_b, &b);
	}
	return r ? r : section_within(a->data, a->len, b->data, b->len, s->o.comment);
}

int splice_added(const struct splice *s, struct buf *ret, const struct buf *before,
		 const struct buf *late, const struct buf *now)
{
	_cleanup_(buf_deinit) struct buf store_before = { 0 }, store_late = { 0 },
					 store_now = { 0 };
	size_t n = ret->len;
	int r;

	r = view(s, before, &store_before, &before);
	if (!r) {
		r = view(s, late, &store_late, &late);
	}
	if (!r) {
		r = view(s, now, &store_now, &now);
	}
	if (!r) {
		r = section_added(ret, before, late, now, s->o.comment);
	}
	return !r && ret->len > n && s->o.is_zone ? SECTION_E_REMOVED : r;
}
