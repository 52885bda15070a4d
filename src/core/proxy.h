/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What a reverse proxy adds to a request: who sent it, and how. */

#include "core/text.h"

#include <stdbool.h>

struct ip;
struct ip_nets;

/* The address a request comes from, behind trusted proxies: the last one in X-Forwarded-For or Forwarded
 * (RFC 7239) that is not theirs. An address that is not understood ends the search. When both are there
 * and differ, one of them may be the client's own: then it is the address of the connection. */
struct ip proxy_peer(const struct ip *connection, const struct ip_nets *trusted,
		     struct text x_forwarded_for, struct text forwarded);

/* "https" of X-Forwarded-Proto, or of the last proto= in Forwarded; of both, where both are there. */
bool proxy_was_encrypted(struct text x_forwarded_proto, struct text forwarded);
