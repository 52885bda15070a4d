/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Addresses of names as they are found somewhere, in any order: in the section of a file, or at a name server.
 * Then, name by name, the sets that they make. */

#include "core/ip.h"

#include <stddef.h>
#include <stdint.h>

struct found {
	uint32_t number;	/* stands for a name */
	uint32_t ttl;		/* where that is of interest */
	struct ip ip;
};

struct found_list {		/* a zeroed one is empty */
	struct found *list;
	size_t n, size;
};

void found_deinit(struct found_list *f);

/* 0 or -ENOMEM. */
int found_add(struct found_list *f, const struct found *one);

/* By number, before they are taken out. */
void found_sort(struct found_list *f);

/* The set of those of this number, from *i on, which moves behind them: numbers are asked for in their order. Returns
 * as ip_set_new with IP_SET_EACH_MAX. */
int found_next_set(const struct found_list *f, size_t *i, uint32_t number, struct ip_set **ret);
