/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The bytes of tinydns's database: what of it is the administrator's, a whole file, and single addresses in
 * one. */

#include "daemon/database_impl.h"

#include "base/cleanup.h"
#include "core/tinydns_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	COUNT_MAX = 14,		/* of one family; more are not told */
	RECORD_GUESS = 64,	/* bytes of a name's record beside the name: two families, a little air */
};

uint8_t database_count(const struct ip_set *set)
{
	unsigned n_v4 = set ? set->n_v4 : 0, n_v6 = set ? set->n_v6 : 0;

	return n_v4 > COUNT_MAX || n_v6 > COUNT_MAX ? DATABASE_MANY : (uint8_t)(n_v4 | n_v6 << 4);
}

/* --- the administrator's part --- */

void database_rest_deinit(struct database_rest *r)
{
	buf_deinit(&r->before);
	buf_deinit(&r->behind);
	free(r->serials);
	*r = (struct database_rest){ 0 };
}

static int add_serial(struct database_rest *r, size_t offset, bool behind)
{
	struct database_serial *more = reallocarray(r->serials, r->n_serials + 1, sizeof(*more));

	if (!more) {
		return -ENOMEM;
	}
	r->serials = more;
	r->serials[r->n_serials++] = (struct database_serial){ offset, behind };
	return 0;
}

int database_rest_read(const struct buf *cdb, uint32_t default_serial, const uint8_t *mark, size_t n_mark,
		       struct database_rest *ret)
{
	const uint8_t *image = (const uint8_t *)cdb->data;
	size_t pos = CDB_HEADER, end, serial_at;
	bool behind = false;
	uint32_t serial;
	int r = 0;

	*ret = (struct database_rest){ 0 };
	if (!cdb_records_end(image, cdb->len, &end)) {
		return DATABASE_E_FORMAT;
	}
	while (!r && pos < end) {
		struct buf *part = behind ? &ret->behind : &ret->before;
		size_t begin = pos;
		struct cdb_record record;

		if (!cdb_next(image, end, &pos, &record)) {
			r = DATABASE_E_FORMAT;
		} else if (!behind && record.n_key == n_mark && !memcmp(record.key, mark, n_mark)) {
			behind = true;
		} else {
			if (tinydns_record_serial(&record, &serial_at, &serial) && serial == default_serial) {
				r = add_serial(ret, part->len + (size_t)(record.data - image) - begin + serial_at,
					       behind);
			}
			buf_add(part, image + begin, pos - begin);
			ret->n_records++;
		}
	}
	r = r ? r : !behind ? DATABASE_E_FORMAT : buf_error(&ret->before) ? -ENOMEM : buf_error(&ret->behind);
	if (r) {
		database_rest_deinit(ret);
	}
	return r;
}

/* --- a whole file --- */

struct writer {
	struct database_writer out;
	struct cdb_entry *entries;
	uint32_t n_entries, size_entries;
};

static void add_entry(struct writer *w, uint32_t hash, uint64_t pos)
{
	if (w->n_entries == w->size_entries) {
		uint32_t size = w->size_entries ? w->size_entries + w->size_entries / 2 : 1024;
		struct cdb_entry *more = reallocarray(w->entries, size, sizeof(*more));

		if (!more) {
			w->out.error = w->out.error ? w->out.error : -ENOMEM;
			return;
		}
		w->entries = more;
		w->size_entries = size;
	}
	w->entries[w->n_entries++] = (struct cdb_entry){ hash, (uint32_t)pos };
}

/* Records that are there as bytes. */
static void put_rest(struct writer *w, const struct buf *records)
{
	const uint8_t *bytes = (const uint8_t *)records->data;
	uint64_t base = database_here(&w->out);
	size_t pos = 0, begin = 0;
	struct cdb_record r;

	while (pos < records->len && cdb_next(bytes, records->len, &pos, &r)) {
		add_entry(w, cdb_hash(r.key, r.n_key), base + begin);
		begin = pos;
	}
	database_add(&w->out, bytes, records->len);
}

static void put_name(struct writer *w, const char *name, const struct ip_set *set, uint32_t ttl)
{
	for (size_t i = 0, n; i < ip_set_n(set); i++) {
		const uint8_t *ip = ip_set_at(set, i, &n);
		uint8_t *to = database_room(&w->out, TINYDNS_RECORD_MAX);
		uint32_t hash;

		add_entry(w, 0, database_here(&w->out));
		w->out.n += tinydns_record(to, name, ip, n, ttl, &hash);
		if (!w->out.error) {
			w->entries[w->n_entries - 1].hash = hash;
		}
	}
}

static void put_names(struct writer *w, const struct database_content *c, struct database_shape *s)
{
	for (uint32_t name = 0; !w->out.error && name < s->n_names; name++) {
		const struct ip_set *set = database_set(c, name);

		s->positions[name] = set ? (uint32_t)database_here(&w->out) : 0;
		s->counts[name] = database_count(set);
		if (set) {
			put_name(w, users_name(c->users, name), set, c->ttl);
		}
	}
}

/* And, at last, the header. */
static int put_tables(struct writer *w)
{
	_cleanup_(free_ptr) struct cdb_entry *sorted = calloc(w->n_entries + 1u, sizeof(*sorted));
	_cleanup_(free_ptr) uint8_t *table = NULL;
	uint32_t start[CDB_TABLES + 1], largest = 0;
	uint8_t header[CDB_HEADER];

	if (!sorted) {
		return -ENOMEM;
	}
	cdb_sort(w->entries, w->n_entries, sorted, start);
	for (unsigned i = 0; i < CDB_TABLES; i++) {
		uint32_t n = start[i + 1] - start[i];

		largest = n > largest ? n : largest;
	}
	table = malloc((size_t)largest * CDB_SLOTS_PER_RECORD * CDB_SLOT + 1);
	if (!table) {
		return -ENOMEM;
	}
	for (unsigned i = 0; i < CDB_TABLES; i++) {
		uint32_t n = start[i + 1] - start[i];

		cdb_put32(header + (size_t)i * 8, (uint32_t)database_here(&w->out));
		cdb_put32(header + (size_t)i * 8 + 4, CDB_SLOTS_PER_RECORD * n);
		cdb_table(sorted + start[i], n, table);
		database_add(&w->out, table, (size_t)n * CDB_SLOTS_PER_RECORD * CDB_SLOT);
	}
	database_flush(&w->out);
	return w->out.error ? w->out.error : database_write_at(w->out.fd, header, sizeof(header), 0);
}

static int make_shape(struct database_shape *s, const struct database_content *c)
{
	if (!s->positions || s->n_names != c->users->n_names) {
		database_shape_deinit(s);
		s->n_names = c->users->n_names;
		s->positions = calloc(s->n_names + 1u, sizeof(*s->positions));
		s->counts = calloc(s->n_names + 1u, 1);
	}
	s->ttl = c->ttl;
	return s->positions && s->counts ? 0 : -ENOMEM;
}

void database_shape_deinit(struct database_shape *s)
{
	free(s->positions);
	free(s->counts);
	*s = (struct database_shape){ 0 };
}

/* Blocks that are there already are not looked for at the rename, when readers wait; that is worth half of the
 * time with large files. What is too much is given back; what cannot be had may not be needed. */
static void reserve(int fd, const struct database_content *c, const struct database_rest *rest)
{
	size_t size = CDB_HEADER + rest->before.len + rest->behind.len + c->users->arena_len +
		      (size_t)c->users->n_names * RECORD_GUESS +
		      (size_t)rest->n_records * CDB_SLOTS_PER_RECORD * CDB_SLOT;

	(void)!fallocate(fd, 0, 0, (off_t)size);	/* writing tells */
}

int database_build(int fd, const struct database_content *c, const struct database_rest *rest, uint32_t serial,
		   struct database_shape *s)
{
	struct writer w = { 0 };

	database_writer_begin(&w.out, fd, CDB_HEADER);
	w.out.error = w.out.error ? w.out.error : make_shape(s, c);
	reserve(fd, c, rest);
	put_rest(&w, &rest->before);
	put_names(&w, c, s);
	s->behind = (size_t)database_here(&w.out);
	put_rest(&w, &rest->behind);
	if (!w.out.error && database_here(&w.out) + (uint64_t)w.n_entries * CDB_SLOTS_PER_RECORD * CDB_SLOT > UINT32_MAX) {
		w.out.error = -EFBIG;	/* positions have 32 bits */
	}
	if (!w.out.error) {
		w.out.error = put_tables(&w);
	}
	s->size = (size_t)database_here(&w.out);
	if (!w.out.error && ftruncate(fd, (off_t)s->size) < 0) {
		w.out.error = -errno;
	}
	if (!w.out.error) {
		w.out.error = database_patch_serials(fd, rest, s, serial);
	}
	free(w.entries);
	database_writer_end(&w.out);
	return w.out.error;
}

/* --- single values --- */

int database_patch(struct database_spots *to, const struct database_content *c, const struct database_shape *s,
		   uint32_t name)
{
	const struct ip_set *set = c->sets[name];
	size_t n_key = tinydns_key_size(users_name(c->users, name));
	uint64_t record = s->positions[name];
	int r = 0;

	/* Another output's has no place here. */
	for (size_t i = 0, n; !r && record && i < ip_set_n(set); i++) {
		const uint8_t *ip = ip_set_at(set, i, &n);

		r = database_spots_put(to, ip, n, record + tinydns_record_address(n_key));
		record += tinydns_record_size(n_key, n);
	}
	return r;
}

int database_patch_serials(int fd, const struct database_rest *rest, const struct database_shape *s,
			   uint32_t serial)
{
	const uint8_t bytes[4] = { (uint8_t)(serial >> 24), (uint8_t)(serial >> 16), (uint8_t)(serial >> 8),
				   (uint8_t)serial };
	int r = 0;

	for (size_t i = 0; !r && i < rest->n_serials; i++) {
		const struct database_serial *at = &rest->serials[i];

		r = database_write_at(fd, bytes, sizeof(bytes), (at->behind ? s->behind : CDB_HEADER) + at->offset);
	}
	return r;
}
