/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "base/table.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 16 };

/* With a final mix, of which the upper half chooses the slot: names that count up must not end up beside
 * each other. The strings come from the configuration, which is the administrator's, so collisions by intent are no
 * concern. */
static uint64_t hash(const char *s, size_t n)
{
	uint64_t h = hash_add(HASH_BEGIN, s, n);

	return (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
}

/* Where the search begins: the hash as a fraction, of a size that need not be a power of two. */
static uint32_t first(const struct table *t, uint64_t h)
{
	return (uint32_t)((h >> 32) * t->size >> 32);
}

static uint32_t next(const struct table *t, uint32_t i)
{
	return i + 1 == t->size ? 0 : i + 1;
}

void table_deinit(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

uint32_t table_find(const struct table *t, const char *s, size_t n)
{
	uint64_t h = hash(s, n);

	for (uint32_t i = t->size ? first(t, h) : 0; t->size && t->slots[i] != TABLE_NONE; i = next(t, i)) {
		uint32_t id = t->slots[i] & t->id_mask;
		const char *there;

		if ((t->slots[i] ^ (uint32_t)h) & ~t->id_mask) {
			continue;	/* most of those that are other strings */
		}
		there = t->string_of(t->owner, id);
		if (strlen(there) == n && !memcmp(there, s, n)) {
			return id;
		}
	}
	return TABLE_NONE;
}

static void put(struct table *t, uint32_t id)
{
	const char *s = t->string_of(t->owner, id);
	uint64_t h = hash(s, strlen(s));
	uint32_t i = first(t, h);

	while (t->slots[i] != TABLE_NONE) {
		i = next(t, i);
	}
	t->slots[i] = ((uint32_t)h & ~t->id_mask) | id;
}

/* Another size, and a mask that has room for numbers up to id_max. */
static int rebuild(struct table *t, uint32_t size, uint32_t id_max)
{
	const struct table old = *t;
	uint32_t *slots = malloc(size * sizeof(*slots));

	if (!slots) {
		return -ENOMEM;
	}
	memset(slots, 0xff, size * sizeof(*slots)); /* all TABLE_NONE */
	t->slots = slots;
	t->size = size;
	while (t->id_mask <= id_max && t->id_mask != UINT32_MAX) {	/* all bits set would be TABLE_NONE */
		t->id_mask = t->id_mask << 1 | 1;
	}
	/* In the order of the strings, where that is known: for memory, it is many times as fast. */
	for (uint32_t i = 0; i < (t->is_dense ? t->n : old.size); i++) {
		if (t->is_dense) {
			put(t, i);
		} else if (old.slots[i] != TABLE_NONE) {
			put(t, old.slots[i] & old.id_mask);
		}
	}
	free(old.slots);
	return 0;
}

int table_add(struct table *t, uint32_t id)
{
	/* At most seven eighths full, so that a search soon meets an empty slot. */
	bool full = t->n >= t->size / 8 * 7;

	t->is_dense = (t->is_dense || !t->n) && id == t->n;
	if (full || id >= t->id_mask) {
		int r = rebuild(t, !full ? t->size : t->size ? 2 * t->size : SIZE_FIRST, id);

		if (r) {
			return r;
		}
	}
	put(t, id);
	t->n++;
	return 0;
}

static uint32_t size_for(uint32_t n)
{
	return (n / 7 + 1) * 8 + 8;
}

void table_expect(struct table *t, uint32_t n)
{
	if (n < UINT32_MAX / 4 && size_for(n) > t->size) {
		(void)rebuild(t, size_for(n), n);
	}
}

void table_fit(struct table *t)
{
	uint32_t size = size_for(t->n);

	if (size < t->size) {
		(void)rebuild(t, size, t->id_mask - 1);	/* without memory it stays as it is */
	}
}
