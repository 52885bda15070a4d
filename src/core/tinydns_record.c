/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tinydns_record.h"

#include <endian.h>
#include <string.h>

enum {
	TYPE_A = 1, TYPE_SOA = 6, TYPE_AAAA = 28,
	SIGN = '=', SIGN_WILDCARD = '*',
	SIGN_PLACED = '>', SIGN_WILDCARD_PLACED = '+',	/* two bytes of a location follow */
};

static bool is_wildcard(const char *name)
{
	return name[0] == '*' && name[1] == '.';
}

/* What the key is made of. */
static const char *owner(const char *name)
{
	return is_wildcard(name) ? name + 2 : name;
}

size_t tinydns_key_size(const char *name)
{
	return strlen(owner(name)) + 2;
}

uint32_t tinydns_key_hash(const char *name)
{
	uint8_t key[NAME_WIRE_MAX];

	return cdb_hash(key, name_put_wire(key, owner(name), strlen(owner(name))));
}

size_t tinydns_record(uint8_t *to, const char *name, const uint8_t *address, size_t n_address,
		      uint32_t ttl, uint32_t *ret_hash)
{
	uint8_t *key = to + CDB_RECORD_HEADER;
	size_t n_key = name_put_wire(key, owner(name), strlen(owner(name)));
	uint8_t *data = key + n_key;

	*ret_hash = cdb_hash(key, n_key);
	cdb_put32(to, (uint32_t)n_key);
	cdb_put32(to + 4, (uint32_t)(TINYDNS_RECORD_HEAD + n_address));
	data[0] = 0;
	data[1] = n_address == 4 ? TYPE_A : TYPE_AAAA;
	data[2] = is_wildcard(name) ? SIGN_WILDCARD : SIGN;
	ttl = htobe32(ttl);
	memcpy(data + 3, &ttl, sizeof(ttl));
	memset(data + 7, 0, 8);	/* it lives for ever */
	memcpy(data + TINYDNS_RECORD_HEAD, address, n_address);
	return tinydns_record_size(n_key, n_address);
}

/* Behind the name at *at; false: it does not end within n bytes. */
static bool skip_name(const uint8_t *data, size_t n, size_t *at)
{
	while (*at < n && data[*at]) {
		*at += data[*at] + 1u;
	}
	return ++*at <= n;
}

bool tinydns_record_serial(const struct cdb_record *r, size_t *ret_offset, uint32_t *ret_serial)
{
	size_t at = TINYDNS_RECORD_HEAD;

	if (r->n_data < TINYDNS_RECORD_HEAD || r->data[0] || r->data[1] != TYPE_SOA) {
		return false;
	}
	at += r->data[2] == SIGN_PLACED || r->data[2] == SIGN_WILDCARD_PLACED ? 2 : 0;
	for (int i = 0; i < 2; i++) {	/* MNAME and RNAME */
		if (!skip_name(r->data, r->n_data, &at)) {
			return false;
		}
	}
	if (r->n_data - at < 4) {
		return false;
	}
	*ret_offset = at;
	memcpy(ret_serial, r->data + at, sizeof(*ret_serial));
	*ret_serial = be32toh(*ret_serial);
	return true;
}
