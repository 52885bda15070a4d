/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A key for TSIG (RFC 8945), from the file that the name server's own tool writes: BIND's
 * `key "name" { algorithm hmac-sha256; secret "..."; };`, as tsig-keygen(8) prints it, or the YAML of
 * Knot's `keymgr -t`. */

#include "core/name.h"

#include <stddef.h>

#define TSIG_KEY_SECRET_SIZE 256	/* bytes, with a NUL */
#define TSIG_MAC_MAX 64			/* bytes that its hash makes: SHA-512 */

struct tsig_key {
	char name[NAME_SIZE];		/* lower case, without the dot at the end; one label is enough */
	const char *algorithm;		/* "hmac-sha256", -sha384 or -sha512; static */
	char secret[TSIG_KEY_SECRET_SIZE];	/* base64, valid */
};

enum {
	TSIG_KEY_E_SYNTAX = 1,	/* it is neither of the two */
	TSIG_KEY_E_NAME,	/* of other characters than letters, digits, "-", "_" and dots, or too long */
	TSIG_KEY_E_ALGORITHM,	/* unknown, truncated, or too weak: below SHA-256 */
	TSIG_KEY_E_SECRET,	/* not base64, or empty, or too long */
	TSIG_KEY_E_TWO,		/* more than one key */
};

/* Returns 0 or TSIG_KEY_E_*. *reterr_line is where, or 0: at the end. */
int tsig_key_parse(const char *text, size_t n, struct tsig_key *ret, unsigned *reterr_line);

const char *tsig_key_strerror(int outcome);
