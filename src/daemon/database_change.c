/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A few names get other records: of all others only the positions change. That is much less than a whole image,
 * whose records and hash tables are made anew: what lies between the places is copied, and a table that none of
 * the names is in stays what it was, for its records keep their order. */

#include "daemon/database_impl.h"

#include "core/tinydns_record.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* One name's place. */
struct place {
	uint32_t name, hash;
	uint32_t pos, end;	/* of its records, in the old file; the same: it has none */
	uint32_t new_pos;
	uint32_t moves;		/* what stands behind it, and before the next place: by so much, modulo 2^32 */
	uint32_t n_new;		/* records */
	uint32_t new_size;	/* bytes, of all of them */
};

struct change {
	const struct database_content *content;
	struct database_shape *shape;
	int old;
	uint32_t old_end;	/* of the old file's records */
	uint8_t header[CDB_HEADER];
	struct place places[DATABASE_CHANGES_MAX];
	unsigned n;
	uint8_t *table, *new_table;
	struct cdb_entry *entries;
	size_t largest;		/* slots of the old file's largest table */
};

/* Where the records of the next name that has any begin. */
static uint32_t next_position(const struct database_shape *s, uint32_t name)
{
	for (uint32_t i = name + 1; i < s->n_names; i++) {
		if (s->positions[i]) {
			return s->positions[i];
		}
	}
	return (uint32_t)s->behind;
}

static int compare_names(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void find_places(struct change *ch, const uint32_t *names, unsigned n)
{
	uint32_t sorted[DATABASE_CHANGES_MAX], moves = 0;

	for (unsigned i = 0; i < n; i++) {
		sorted[i] = names[i];
	}
	qsort(sorted, n, sizeof(*sorted), compare_names);
	for (unsigned i = 0; i < n; i++) {
		struct place *p = &ch->places[i];
		const struct ip_set *set = database_set(ch->content, sorted[i]);
		const char *name = users_name(ch->content->users, sorted[i]);
		size_t n_key = tinydns_key_size(name);

		p->name = sorted[i];
		p->hash = tinydns_key_hash(name);
		p->end = next_position(ch->shape, p->name);
		p->pos = ch->shape->positions[p->name] ? ch->shape->positions[p->name] : p->end;
		p->new_pos = p->pos + moves;
		p->n_new = (uint32_t)ip_set_n(set);
		p->new_size = set ? (uint32_t)(set->n_v4 * tinydns_record_size(n_key, 4) +
					       set->n_v6 * tinydns_record_size(n_key, 16)) : 0;
		moves += p->new_size - (p->end - p->pos);
		p->moves = moves;
	}
	ch->n = n;
}

/* Where the old record stands now; 0: it is gone. */
static uint32_t moved(const struct change *ch, uint32_t pos)
{
	int i = (int)ch->n - 1;

	while (i >= 0 && ch->places[i].pos > pos) {
		i--;
	}
	return i < 0 ? pos : pos < ch->places[i].end ? 0 : pos + ch->places[i].moves;
}

/* --- records --- */

static void put_place(const struct change *ch, const struct place *p, struct database_writer *w)
{
	const struct ip_set *set = database_set(ch->content, p->name);
	const char *name = users_name(ch->content->users, p->name);

	for (size_t i = 0, n; i < p->n_new; i++) {
		const uint8_t *ip = ip_set_at(set, i, &n);
		uint8_t *to = database_room(w, TINYDNS_RECORD_MAX);
		uint32_t hash;

		w->n += tinydns_record(to, name, ip, n, ch->content->ttl, &hash);
	}
}

static void put_records(const struct change *ch, uint64_t pos, struct database_writer *w)
{
	for (unsigned i = 0; i < ch->n; i++) {
		const struct place *p = &ch->places[i];

		database_add_from(w, ch->old, pos, p->pos);
		put_place(ch, p, w);
		pos = p->end;
	}
	database_add_from(w, ch->old, pos, ch->old_end);
}

/* --- tables --- */

static uint32_t table_at(const struct change *ch, unsigned i)
{
	return cdb_get32(ch->header + (size_t)i * 8);
}

static uint32_t table_slots(const struct change *ch, unsigned i)
{
	return cdb_get32(ch->header + (size_t)i * 8 + 4);
}

static int compare_positions(const void *a, const void *b)
{
	const struct cdb_entry *x = a, *y = b;

	return (x->pos > y->pos) - (x->pos < y->pos);
}

/* A table that some of the names are in, or were. Returns how many entries it has. */
static uint32_t make_table(struct change *ch, unsigned number)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < table_slots(ch, number); i++) {
		const uint8_t *slot = ch->table + (size_t)i * CDB_SLOT;
		uint32_t pos = cdb_get32(slot + 4), now = pos ? moved(ch, pos) : 0;

		if (now) {
			ch->entries[n++] = (struct cdb_entry){ cdb_get32(slot), now };
		}
	}
	for (unsigned i = 0; i < ch->n; i++) {
		const struct place *p = &ch->places[i];
		size_t n_key = tinydns_key_size(users_name(ch->content->users, p->name));
		const struct ip_set *set = database_set(ch->content, p->name);
		uint32_t pos = p->new_pos;

		for (uint32_t k = 0; p->hash % CDB_TABLES == number && k < p->n_new; k++) {
			ch->entries[n++] = (struct cdb_entry){ p->hash, pos };
			pos += (uint32_t)tinydns_record_size(n_key, k < set->n_v4 ? 4 : 16);
		}
	}
	qsort(ch->entries, n, sizeof(*ch->entries), compare_positions);
	cdb_table(ch->entries, n, ch->new_table);
	return n * CDB_SLOTS_PER_RECORD;
}

/* One that keeps its records. */
static void move_table(struct change *ch, unsigned number)
{
	const struct place *first = ch->places, *last = &ch->places[ch->n ? ch->n - 1 : 0];

	for (uint32_t i = 0; ch->n && i < table_slots(ch, number); i++) {
		uint8_t *at = ch->table + (size_t)i * CDB_SLOT + 4;
		uint32_t pos = cdb_get32(at);

		if (pos >= last->end && pos >= last->pos) {
			cdb_put32(at, pos + last->moves);
		} else if (pos >= first->pos) {
			cdb_put32(at, moved(ch, pos));
		}
	}
}

static bool is_concerned(const struct change *ch, unsigned number)
{
	bool is = false;

	for (unsigned i = 0; i < ch->n; i++) {
		is = is || ch->places[i].hash % CDB_TABLES == number;
	}
	return is;
}

static void put_tables(struct change *ch, struct database_writer *w)
{
	uint8_t header[CDB_HEADER];

	for (unsigned i = 0; !w->error && i < CDB_TABLES; i++) {
		uint32_t n = table_slots(ch, i);
		bool concerned = is_concerned(ch, i);

		w->error = database_read_at(ch->old, ch->table, (size_t)n * CDB_SLOT, table_at(ch, i));
		cdb_put32(header + (size_t)i * 8, (uint32_t)database_here(w));
		if (!w->error && concerned) {
			n = make_table(ch, i);
		} else if (!w->error) {
			move_table(ch, i);
		}
		cdb_put32(header + (size_t)i * 8 + 4, n);
		database_add(w, concerned ? ch->new_table : ch->table, (size_t)n * CDB_SLOT);
	}
	database_flush(w);
	if (!w->error) {
		w->error = database_write_at(w->fd, header, sizeof(header), 0);
	}
}

static int read_header(struct change *ch)
{
	size_t end, more = 0;
	int r = database_read_at(ch->old, ch->header, sizeof(ch->header), 0);

	if (r) {
		return r;
	}
	for (unsigned i = 0; i < CDB_TABLES; i++) {
		ch->largest = table_slots(ch, i) > ch->largest ? table_slots(ch, i) : ch->largest;
	}
	if (!cdb_records_end(ch->header, ch->shape->size, &end) || ch->largest > ch->shape->size / CDB_SLOT) {
		return -EIO;	/* it is not what we have written */
	}
	ch->old_end = (uint32_t)end;
	for (unsigned i = 0; i < ch->n; i++) {
		more += ch->places[i].n_new;
	}
	ch->table = malloc(ch->largest * CDB_SLOT + 1);
	ch->new_table = malloc((ch->largest + CDB_SLOTS_PER_RECORD * more) * CDB_SLOT + 1);
	ch->entries = malloc((ch->largest + more) * sizeof(*ch->entries) + 1);
	return ch->table && ch->new_table && ch->entries ? 0 : -ENOMEM;
}

/* --- the shape --- */

static void change_shape(const struct change *ch)
{
	struct database_shape *s = ch->shape;
	uint32_t moves = 0, next = 0;

	for (uint32_t name = ch->n ? ch->places[0].name : s->n_names; name < s->n_names; name++) {
		const struct place *p = &ch->places[next];

		if (next < ch->n && p->name == name) {
			s->positions[name] = p->n_new ? p->new_pos : 0;
			s->counts[name] = database_count(database_set(ch->content, name));
			moves = p->moves;
			next++;
		} else if (s->positions[name]) {
			s->positions[name] += moves;
		}
	}
	s->behind += (size_t)(int32_t)moves;	/* it has a sign */
}

int database_change(int old, int fd, size_t *from, const struct database_content *c, const uint32_t *names,
		    unsigned n, struct database_shape *s)
{
	struct change *ch = calloc(1, sizeof(*ch));
	struct database_writer w;
	uint64_t begin;
	int r;

	if (!ch) {
		return -ENOMEM;
	}
	*ch = (struct change){ .content = c, .shape = s, .old = old };
	find_places(ch, names, n);
	r = read_header(ch);
	begin = n && ch->places[0].pos < *from ? ch->places[0].pos : *from;
	begin = begin < ch->old_end ? begin : ch->old_end;
	database_writer_begin(&w, fd, begin);
	w.error = r ? r : w.error;
	if (!w.error) {
		put_records(ch, begin, &w);
	}
	if (!w.error && database_here(&w) + (uint64_t)ch->largest * CDB_SLOT * CDB_TABLES > UINT32_MAX) {
		w.error = -EFBIG;	/* perhaps: a whole image tells */
	}
	if (!w.error) {
		put_tables(ch, &w);
	}
	if (!w.error && ftruncate(fd, (off_t)database_here(&w)) < 0) {
		w.error = -errno;
	}
	change_shape(ch);
	s->size = (size_t)database_here(&w);
	*from = n ? ch->places[0].pos : SIZE_MAX;
	database_writer_end(&w);
	free(ch->table);
	free(ch->new_table);
	free(ch->entries);
	free(ch);
	return w.error;
}
