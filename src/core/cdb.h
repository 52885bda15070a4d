/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The constant database of cdb(5), as tinydns-data lays it out and tinydns reads it: a header of 256 pointers to
 * hash tables, the records in the order in which they were added, the tables. All numbers are 32 bits,
 * least significant byte first. Whoever adds the same records in the same order makes the same bytes. */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	CDB_TABLES = 256,
	CDB_HEADER = CDB_TABLES * 8,	/* bytes; the first record stands behind */
	CDB_RECORD_HEADER = 8,		/* bytes: the lengths of key and data */
	CDB_SLOT = 8,			/* bytes: hash and position */
	CDB_SLOTS_PER_RECORD = 2,
};

uint32_t cdb_hash(const uint8_t *key, size_t n);

static inline void cdb_put32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static inline uint32_t cdb_get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

/* One record; borrowed from the bytes that it stands in. */
struct cdb_record {
	const uint8_t *key, *data;
	uint32_t n_key, n_data;
};

/* Where the records of an image of n bytes end. false: it is no cdb. */
bool cdb_records_end(const uint8_t *image, size_t n, size_t *ret_end);

/* The record at *pos, which lies before end; *pos moves behind it. false: it does not fit. */
bool cdb_next(const uint8_t *image, size_t end, size_t *pos, struct cdb_record *ret);

struct cdb_entry {
	uint32_t hash, pos;
};

/* Brings n entries, in the order of their records, into that of their tables. ret_sorted has room for n; those of
 * table i are ret_start[i] up to ret_start[i + 1]. */
void cdb_sort(const struct cdb_entry *entries, uint32_t n, struct cdb_entry *ret_sorted,
	      uint32_t ret_start[CDB_TABLES + 1]);

/* The table of n entries: CDB_SLOTS_PER_RECORD * n slots, to a place that has room for them. */
void cdb_table(const struct cdb_entry *entries, uint32_t n, uint8_t *ret);
