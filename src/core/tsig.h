/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The MAC of a TSIG record (RFC 8945 section 4.3), by Nettle. What it is good for, message.h says. */

#include "core/tsig_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TSIG_ALGORITHM_WIRE_N = 13,	/* all have names of the same length */
	TSIG_FUDGE = 300,		/* seconds; what RFC 8945 section 10 recommends */
};

/* The variables of a TSIG record. */
struct tsig {
	uint64_t time;		/* 48 bits */
	uint16_t fudge, original_id, error;
	const uint8_t *other;	/* n_other bytes */
	uint16_t n_other;
};

/* What a MAC is made of. */
struct tsig_message {
	const uint8_t *bytes;	/* from the header to the TSIG record, which is not in n */
	size_t n;
	uint16_t n_additional;	/* without the TSIG record; what the header says of it does not count */
	const uint8_t *mac_before;	/* of the request, or of the message before */
	unsigned n_mac_before;	/* 0: this is a request */
	bool timers_only;	/* of all messages of a transfer but the first */
};

/* The length of the key's MACs. */
unsigned tsig_mac_size(const struct tsig_key *key);

void tsig_mac(const struct tsig_key *key, const struct tsig_message *m, const struct tsig *t,
	      uint8_t ret_mac[TSIG_MAC_MAX]);
