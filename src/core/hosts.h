/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Lines of hosts(5), one for each address. There is no TTL in it, and no wildcard. */

#include "core/ip.h"
#include "core/name.h"

/* Appends a line for every address of the canonical name; none for a wildcard. */
void hosts_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);

/* Takes a line (without its newline) apart, exactly as hosts_render writes it. ret_name has room
 * for NAME_SIZE. false: not such a line. */
bool hosts_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip);
