/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Lines of tinydns-data(8): "+" for A, the generic ":" with type 28 for AAAA (RFC 3596), because
 * the stock and Debian's tinydns-data refuse a whole file over a "6" line. */

#include "core/ip.h"
#include "core/name.h"

/* Appends a line for every address of the canonical name, with its TTL in seconds. */
void tinydns_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);

/* Takes a line (without its newline) apart, exactly as tinydns_render writes it. ret_name has
 * room for NAME_SIZE. false: not such a line. */
bool tinydns_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip);
