/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* An index from strings to small numbers: open addressing, four bytes a slot. The strings stay
 * with the caller, who tells by a function which string a number stands for. */

#include <stddef.h>
#include <stdint.h>

#define TABLE_NONE UINT32_MAX

struct table {
	uint32_t *slots;
	uint32_t n, size;
	const char *(*string_of)(const void *owner, uint32_t id);
	const void *owner;	/* must outlive the table */
};

void table_deinit(struct table *t);

/* The number of the string of n bytes at s (no NUL needed), or TABLE_NONE. */
uint32_t table_find(const struct table *t, const char *s, size_t n);

/* Adds id, whose string must not be in the table yet. 0 or -ENOMEM. */
int table_add(struct table *t, uint32_t id);
