/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A database as tinydns-data has left it, or anybody else: every record lies within it, and so does an SOA's serial;
 * and the tables of what was found find it again. */

#include "core/cdb.h"
#include "core/tinydns_record.h"
#include "fuzz.h"

enum { RECORDS_MAX = 64 };

static void check_table(const struct cdb_entry *entries, uint32_t n)
{
	struct cdb_entry sorted[RECORDS_MAX];
	uint32_t start[CDB_TABLES + 1];
	uint8_t table[RECORDS_MAX * CDB_SLOTS_PER_RECORD * CDB_SLOT];

	cdb_sort(entries, n, sorted, start);
	CHECK(start[CDB_TABLES] == n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t t = entries[i].hash % CDB_TABLES, size = start[t + 1] - start[t], slots = 2 * size;
		uint32_t slot = entries[i].hash / CDB_TABLES % slots;

		cdb_table(sorted + start[t], size, table);
		for (uint32_t k = 0; cdb_get32(table + (size_t)slot * CDB_SLOT + 4) != entries[i].pos; k++) {
			CHECK(k < slots && cdb_get32(table + (size_t)slot * CDB_SLOT + 4));
			slot = (slot + 1) % slots;
		}
		CHECK(cdb_get32(table + (size_t)slot * CDB_SLOT) == entries[i].hash);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cdb_entry entries[RECORDS_MAX];
	size_t end, pos = CDB_HEADER, offset;
	uint32_t n_entries = 0, serial;
	struct cdb_record r;

	if (!cdb_records_end(data, n, &end)) {
		return 0;
	}
	CHECK(end >= CDB_HEADER && end <= n);
	while (pos < end) {
		size_t begin = pos;

		if (!cdb_next(data, end, &pos, &r)) {
			break;
		}
		CHECK(pos > begin && pos <= end && r.data + r.n_data == data + pos);
		if (tinydns_record_serial(&r, &offset, &serial)) {
			CHECK(offset + 4 <= r.n_data);
		}
		if (n_entries < RECORDS_MAX) {
			entries[n_entries++] = (struct cdb_entry){ cdb_hash(r.key, r.n_key), (uint32_t)begin };
		}
	}
	check_table(entries, n_entries);
	return 0;
}
