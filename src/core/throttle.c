/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/throttle.h"

#include <stdlib.h>

enum { BUCKETS = 1024, WAYS = 8 };

struct entry {
	uint64_t key, last_ms, until_ms;
	uint64_t since_ms; /* when n was last halved, or began */
	unsigned n;	   /* failures; 0: free */
};

struct throttle {
	struct throttle_rule rule;
	struct entry entries[BUCKETS][WAYS];
};

struct throttle *throttle_new(const struct throttle_rule *rule)
{
	struct throttle *t = calloc(1, sizeof(*t));

	if (t) {
		t->rule = *rule;
	}
	return t;
}

struct throttle *throttle_free(struct throttle *t)
{
	free(t);
	return NULL;
}

uint64_t throttle_wait_ms(const struct throttle *t, uint64_t key, uint64_t now_ms)
{
	const struct entry *e = t->entries[key % BUCKETS];

	for (int i = 0; i < WAYS; i++) {
		if (e[i].n && e[i].key == key) {
			return e[i].until_ms > now_ms ? e[i].until_ms - now_ms : 0;
		}
	}
	return 0;
}

/* The key's place; or else a free one; or else that of whoever failed the longest ago. */
static struct entry *find_place(struct throttle *t, uint64_t key)
{
	struct entry *e = t->entries[key % BUCKETS], *place = e;

	for (int i = 0; i < WAYS; i++) {
		if (e[i].n && e[i].key == key) {
			return &e[i];
		}
		if (place->n && (!e[i].n || e[i].last_ms < place->last_ms)) {
			place = &e[i];
		}
	}
	*place = (struct entry){ .key = key };
	return place;
}

uint64_t throttle_fail(struct throttle *t, uint64_t key, uint64_t now_ms)
{
	struct entry *e = find_place(t, key);
	uint64_t wait = t->rule.first_ms;

	while (e->n && now_ms - e->since_ms >= t->rule.halve_ms) {
		e->n /= 2;
		e->since_ms += t->rule.halve_ms;
	}
	e->since_ms = e->n ? e->since_ms : now_ms;
	e->last_ms = now_ms;
	if (++e->n <= t->rule.free) {
		return 0;
	}
	for (unsigned i = t->rule.free + 1; i < e->n && wait < t->rule.max_ms; i++) {
		wait *= 2;
	}
	wait = wait < t->rule.max_ms ? wait : t->rule.max_ms;
	e->until_ms = now_ms + wait;
	return wait;
}
