/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/cdb.h"

uint32_t cdb_hash(const uint8_t *key, size_t n)
{
	uint32_t h = 5381;

	for (size_t i = 0; i < n; i++) {
		h = (h << 5) + h;
		h ^= key[i];
	}
	return h;
}

/* The tables follow the records, in their order: so the records end where the first of them begins. */
bool cdb_records_end(const uint8_t *image, size_t n, size_t *ret_end)
{
	size_t end;

	if (n < CDB_HEADER) {
		return false;
	}
	end = cdb_get32(image);
	if (end < CDB_HEADER || end > n) {
		return false;
	}
	*ret_end = end;
	return true;
}

bool cdb_next(const uint8_t *image, size_t end, size_t *pos, struct cdb_record *ret)
{
	size_t at = *pos;
	uint32_t n_key, n_data;

	if (at > end || end - at < CDB_RECORD_HEADER) {
		return false;
	}
	n_key = cdb_get32(image + at);
	n_data = cdb_get32(image + at + 4);
	at += CDB_RECORD_HEADER;
	if (n_key > end - at || n_data > end - at - n_key) {
		return false;
	}
	*ret = (struct cdb_record){ image + at, image + at + n_key, n_key, n_data };
	*pos = at + n_key + n_data;
	return true;
}

void cdb_sort(const struct cdb_entry *entries, uint32_t n, struct cdb_entry *ret_sorted,
	      uint32_t ret_start[CDB_TABLES + 1])
{
	uint32_t next[CDB_TABLES] = { 0 }, sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		next[entries[i].hash % CDB_TABLES]++;
	}
	for (unsigned i = 0; i < CDB_TABLES; i++) {
		uint32_t count = next[i];

		ret_start[i] = next[i] = sum;
		sum += count;
	}
	ret_start[CDB_TABLES] = sum;
	for (uint32_t i = 0; i < n; i++) {
		ret_sorted[next[entries[i].hash % CDB_TABLES]++] = entries[i];
	}
}

/* A position is never 0, so that tells a slot that is free. */
void cdb_table(const struct cdb_entry *entries, uint32_t n, uint8_t *ret)
{
	uint32_t n_slots = CDB_SLOTS_PER_RECORD * n;

	memset(ret, 0, (size_t)n_slots * CDB_SLOT);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = entries[i].hash / CDB_TABLES % n_slots;

		while (cdb_get32(ret + (size_t)slot * CDB_SLOT + 4)) {
			slot = slot + 1 == n_slots ? 0 : slot + 1;
		}
		cdb_put32(ret + (size_t)slot * CDB_SLOT, entries[i].hash);
		cdb_put32(ret + (size_t)slot * CDB_SLOT + 4, entries[i].pos);
	}
}
