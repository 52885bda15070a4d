/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The text of an address file -> the addresses of each of a user's names. Format and meaning are
 * described in dns-updater.conf(5), ADDRESS FILES. */

#include "core/ip.h"

#include <stddef.h>

struct address_rules {
	unsigned addresses_max;		/* per family and name */
	const struct ip_nets *networks; /* what may be published */
};

enum {
	ADDRESS_E_EMPTY = 1, /* only blanks and comments: asks for nothing */
	ADDRESS_E_REFUSED,   /* ret_error says where and why */
};

struct address_error {
	unsigned line;	 /* from 1 */
	const char *why; /* a constant string */
	const char *
		bytes; /* into the text: what it is about; NULL when there is nothing to show */
	size_t n_bytes;
};

/* Reads n bytes at text, which needs no NUL, for a user who has n_names canonical names. On 0,
 * ret_sets[0..n_names) are the addresses of each name, NULL for none; each is freed with ip_set_free.
 * Returns 0, ADDRESS_E_* or -ENOMEM; on any of these ret_sets is not written. */
int address_parse(const char *text, size_t n, const char *const *names, size_t n_names,
		  const struct address_rules *rules, struct ip_set **ret_sets,
		  struct address_error *ret_error);

/* How many bytes an address file of a user with so many names may have. */
size_t address_size_max(size_t n_names);

/* Appends the text of an address file that gives each name these addresses, NULL for none; read again
 * with address_parse it gives the same sets. As plain as can be: a family in which all names have
 * the same addresses stands without names. */
void address_print(struct buf *b, const char *const *names, struct ip_set *const *sets,
		   size_t n_names);

/* The same with a line for each name, be it "none": for whoever must know which names are meant. */
void address_print_each(struct buf *b, const char *const *names, struct ip_set *const *sets,
			size_t n_names);
