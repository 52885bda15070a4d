/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/throttle.h"

uint64_t throttle_wait_ms(const struct throttle *t, uint64_t key, uint64_t now_ms)
{
	const struct throttle_entry *e = t->entries[key % THROTTLE_BUCKETS];

	for (int i = 0; i < THROTTLE_WAYS; i++) {
		if (e[i].n && e[i].key == key) {
			return e[i].until_ms > now_ms ? e[i].until_ms - now_ms : 0;
		}
	}
	return 0;
}

/* The key's place; or else a free one; or else that of whoever failed the longest ago. */
static struct throttle_entry *find_place(struct throttle *t, uint64_t key)
{
	struct throttle_entry *e = t->entries[key % THROTTLE_BUCKETS], *place = e;

	for (int i = 0; i < THROTTLE_WAYS; i++) {
		if (e[i].n && e[i].key == key) {
			return &e[i];
		}
		if (place->n && (!e[i].n || e[i].last_ms < place->last_ms)) {
			place = &e[i];
		}
	}
	*place = (struct throttle_entry){ .key = key };
	return place;
}

uint64_t throttle_fail(struct throttle *t, uint64_t key, uint64_t now_ms)
{
	struct throttle_entry *e = find_place(t, key);
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
