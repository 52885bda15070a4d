/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/splice_impl.h"

#include "base/cleanup.h"
#include "core/zonefile.h"

#include <errno.h>

/* An editor that opened the file before our last publishes writes back a serial from before them. It
 * is not so far behind; whoever goes back farther means to. */
#define BEHIND_MAX 100000

static bool read_serial(const struct splice *s, const struct buf *text, uint32_t *ret)
{
	return s->rules->serial && s->rules->serial(text, ret);
}

static int trouble(struct splice *s, const char *why)
{
	buf_clear(&s->trouble);
	buf_adds(&s->trouble, why);
	return SPLICE_E_SECTION;
}

int splice_refuse(struct splice *s, const struct buf *text, const struct section *section)
{
	_cleanup_(buf_deinit) struct buf why = { 0 };

	if (!s->rules->refuses || !s->rules->refuses(text, section, &why)) {
		return 0;
	}
	return trouble(s, buf_str(&why));
}

bool splice_is_later(const struct splice *s, const struct buf *a, const struct buf *b)
{
	uint32_t of_a, of_b;

	return read_serial(s, a, &of_a) && read_serial(s, b, &of_b) &&
	       zonefile_is_later(of_a, of_b);
}

static bool is_behind(const struct splice *s, uint32_t serial)
{
	return s->has_serial && zonefile_is_later(s->serial, serial) &&
	       s->serial - serial < BEHIND_MAX;
}

bool splice_is_behind(const struct splice *s, const struct buf *text)
{
	uint32_t serial;

	return s->rules->raise && read_serial(s, text, &serial) && is_behind(s, serial);
}

int splice_raise(struct splice *s, struct buf *text, const struct buf *above)
{
	uint32_t serial = 0;
	struct timespec now;
	const char *why;

	if (!s->rules->raise) {
		return 0;
	}
	(void)read_serial(s, above, &serial); /* without one, there is none in text either */
	if (is_behind(s, serial)) {
		serial = s->serial;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	why = s->rules->raise(text, serial, now.tv_sec);
	return why ? trouble(s, why) : buf_error(text);
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
	s->has_serial = s->rules->serial;
	s->serial = serial;
}

/* --- comparing --- */

/* What of the text is outside of the section, as it is to be compared; store holds it if need be. */
static int view(const struct splice *s, const struct buf *text, struct buf *store,
		const struct buf **ret)
{
	_cleanup_(buf_deinit) struct buf outside = { 0 };
	const struct buf nothing = { 0 };
	struct section section;

	*ret = text;
	if (!s->rules->mask) {
		return 0;
	}
	if (section_find(text->data, text->len, s->comment, &section)) {
		section = (struct section){ text->len, text->len };
	}
	section_replace(&outside, text->data, text->len, &section, &nothing);
	s->rules->mask(store, &outside);
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
	return r ? r : section_same_outside(a->data, a->len, b->data, b->len, s->comment);
}

int splice_within(const struct splice *s, const struct buf *a, const struct buf *b)
{
	_cleanup_(buf_deinit) struct buf store_a = { 0 }, store_b = { 0 };
	int r;

	r = view(s, a, &store_a, &a);
	if (!r) {
		r = view(s, b, &store_b, &b);
	}
	return r ? r : section_within(a->data, a->len, b->data, b->len, s->comment);
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
		r = section_added(ret, before, late, now, s->comment);
	}
	return !r && ret->len > n && s->rules->is_ordered ? SECTION_E_REMOVED : r;
}
