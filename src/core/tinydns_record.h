/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Records as tinydns-data(8) puts them into a cdb: the key is the owner name as it travels (RFC 1035, section
 * 3.1), the data is the type, a sign, the TTL, a time of life, the RDATA. */

#include "core/cdb.h"
#include "core/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Of the data, before the RDATA: type 2, sign 1, TTL 4, time 8. */
	TINYDNS_RECORD_HEAD = 15,
	TINYDNS_RECORD_MAX = CDB_RECORD_HEADER + NAME_SIZE + 1 + TINYDNS_RECORD_HEAD + 16,
};

/* Bytes of the owner name of this canonical name, as a key: of a wildcard's, without the asterisk. */
size_t tinydns_key_size(const char *name);

/* And its hash. */
uint32_t tinydns_key_hash(const char *name);

/* Bytes of a whole record with an address of n_address. */
static inline size_t tinydns_record_size(size_t n_key, size_t n_address)
{
	return CDB_RECORD_HEADER + n_key + TINYDNS_RECORD_HEAD + n_address;
}

/* Where the address lies in it. */
static inline size_t tinydns_record_address(size_t n_key)
{
	return CDB_RECORD_HEADER + n_key + TINYDNS_RECORD_HEAD;
}

/* Writes the record of an A (n_address 4) or AAAA (16) to a place that has room for TINYDNS_RECORD_MAX. Returns
 * its size; *ret_hash is that of its key. */
size_t tinydns_record(uint8_t *to, const char *name, const uint8_t *address, size_t n_address,
		      uint32_t ttl, uint32_t *ret_hash);

/* The serial of an SOA record: where it lies in its data. false: it is no SOA. */
bool tinydns_record_serial(const struct cdb_record *r, size_t *ret_offset, uint32_t *ret_serial);
