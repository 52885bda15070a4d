/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 16 };

/* FNV-1a with a final mix: the high bits choose the slot. The strings come from the configuration,
 * which is the administrator's, so collisions by intent are no concern. */
static uint32_t hash(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
	}
	return (uint32_t)(h ^ h >> 32);
}

/* Where the search begins: the hash as a fraction, of a size that need not be a power of two. */
static uint32_t first(const struct table *t, uint32_t h)
{
	return (uint32_t)((uint64_t)h * t->size >> 32);
}

void table_deinit(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

uint32_t table_find(const struct table *t, const char *s, size_t n)
{
	if (!t->size) {
		return TABLE_NONE;
	}
	for (uint32_t i = first(t, hash(s, n));; i = i + 1 == t->size ? 0 : i + 1) {
		uint32_t id = t->slots[i];
		const char *there;

		if (id == TABLE_NONE) {
			return TABLE_NONE;
		}
		there = t->string_of(t->owner, id);
		if (strlen(there) == n && !memcmp(there, s, n)) {
			return id;
		}
	}
}

static void put(struct table *t, uint32_t id)
{
	const char *s = t->string_of(t->owner, id);
	uint32_t i = first(t, hash(s, strlen(s)));

	while (t->slots[i] != TABLE_NONE) {
		i = i + 1 == t->size ? 0 : i + 1;
	}
	t->slots[i] = id;
}

static int grow(struct table *t)
{
	uint32_t size = t->size ? t->size + t->size / 2 : SIZE_FIRST;	/* by half: there may be millions */
	uint32_t *old = t->slots, n_old = t->size;
	uint32_t *slots = malloc(size * sizeof(*slots));

	if (!slots) {
		return -ENOMEM;
	}
	memset(slots, 0xff, size * sizeof(*slots)); /* all TABLE_NONE */
	t->slots = slots;
	t->size = size;
	for (uint32_t i = 0; i < n_old; i++) {
		if (old[i] != TABLE_NONE) {
			put(t, old[i]);
		}
	}
	free(old);
	return 0;
}

int table_add(struct table *t, uint32_t id)
{
	/* At most four fifths full, so that a search soon meets an empty slot. */
	if (t->n >= t->size / 5 * 4) {
		int r = grow(t);

		if (r) {
			return r;
		}
	}
	put(t, id);
	t->n++;
	return 0;
}
