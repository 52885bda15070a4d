/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tsig.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <nettle/hmac.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <string.h>

/* Where a hash is. */
union context {
	struct sha256_ctx sha256;
	struct sha512_ctx sha512;	/* and SHA-384 */
};

struct hmac {
	const struct nettle_hash *hash;
	union context outer, inner, state;
};

static const struct nettle_hash *hash_of(const struct tsig_key *key)
{
	if (!strcmp(key->algorithm, "hmac-sha512")) {
		return &nettle_sha512;
	}
	if (!strcmp(key->algorithm, "hmac-sha384")) {
		return &nettle_sha384;
	}
	assert(!strcmp(key->algorithm, "hmac-sha256"));
	return &nettle_sha256;
}

unsigned tsig_mac_size(const struct tsig_key *key)
{
	return hash_of(key)->digest_size;
}

/* The fields of section 4.3.3, or of 5.3.1 the timers; returns their length. */
static size_t put_variables(uint8_t *to, const struct tsig_key *key, const struct tsig *t,
			    bool timers_only)
{
	uint8_t *at = to;

	if (!timers_only) {
		at += name_put_wire(at, key->name, strlen(key->name));
		ldns_write_uint16(at, LDNS_RR_CLASS_ANY);
		ldns_write_uint32(at + 2, 0); /* TTL */
		at += 6;
		at += name_put_wire(at, key->algorithm, strlen(key->algorithm));
	}
	ldns_write_uint64_as_uint48(at, t->time);
	ldns_write_uint16(at + 6, t->fudge);
	at += 8;
	if (!timers_only) {
		ldns_write_uint16(at, t->error);
		ldns_write_uint16(at + 2, t->n_other);
		at += 4;
	}
	return (size_t)(at - to);
}

static void start(struct hmac *h, const struct tsig_key *key)
{
	uint8_t secret[TSIG_KEY_SECRET_SIZE];
	size_t n = 0;

	h->hash = hash_of(key);
	/* It was tried when the key was read, so it cannot fail. */
	(void)sodium_base642bin(secret, sizeof(secret), key->secret, strlen(key->secret), NULL,
				&n, NULL, sodium_base64_VARIANT_ORIGINAL);
	hmac_set_key(&h->outer, &h->inner, &h->state, h->hash, n, secret);
	sodium_memzero(secret, sizeof(secret));
}

static void add(struct hmac *h, const uint8_t *bytes, size_t n)
{
	if (n) {	/* else bytes may be NULL */
		hmac_update(&h->state, h->hash, n, bytes);
	}
}

void tsig_mac(const struct tsig_key *key, const struct tsig_message *m, const struct tsig *t,
	      uint8_t ret_mac[TSIG_MAC_MAX])
{
	uint8_t header[LDNS_HEADER_SIZE], n_before[2];
	uint8_t variables[NAME_WIRE_MAX + TSIG_ALGORITHM_WIRE_N + 18];
	size_t n = put_variables(variables, key, t, m->timers_only);
	struct hmac h;

	memcpy(header, m->bytes, sizeof(header));
	ldns_write_uint16(header, t->original_id);
	ldns_write_uint16(header + LDNS_ARCOUNT_OFF, m->n_additional);
	ldns_write_uint16(n_before, (uint16_t)m->n_mac_before);
	start(&h, key);
	add(&h, n_before, m->n_mac_before ? sizeof(n_before) : 0);
	add(&h, m->mac_before, m->n_mac_before);
	add(&h, header, sizeof(header));
	add(&h, m->bytes + sizeof(header), m->n - sizeof(header));
	add(&h, variables, n);
	add(&h, t->other, m->timers_only ? 0 : t->n_other);
	hmac_digest(&h.outer, &h.inner, &h.state, h.hash, h.hash->digest_size, ret_mac);
	sodium_memzero(&h, sizeof(h));
}
