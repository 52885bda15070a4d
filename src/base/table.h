/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* An index from strings to small numbers: open addressing, four bytes a slot. Those of its bits that the
 * numbers do not need hold some of the string's hash. The strings stay with the caller, who tells by a function
 * which string a number stands for. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_NONE UINT32_MAX

struct table {
	uint32_t *slots;
	uint32_t n, size;
	uint32_t id_mask;	/* the bits of a slot that are the number; no number has all of them set */
	bool is_dense;		/* the numbers are those from 0 to n - 1, added in this order */
	const char *(*string_of)(const void *owner, uint32_t id);
	const void *owner;	/* must outlive the table */
};

void table_deinit(struct table *t);

/* The number of the string of n bytes at s (no NUL needed), or TABLE_NONE. */
uint32_t table_find(const struct table *t, const char *s, size_t n);

/* Adds id, whose string must not be in the table yet. 0 or -ENOMEM. */
int table_add(struct table *t, uint32_t id);

/* So many will be in it, more or less: without memory, room is made as they come. */
void table_expect(struct table *t, uint32_t n);

/* No more are added soon: gives back the room that was kept for them. */
void table_fit(struct table *t);
