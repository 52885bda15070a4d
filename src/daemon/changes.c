/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP = 4096 };	/* room for so many is kept; all users at once are rare */

/* Nothing is in it: gives back what much room took. */
static void shrink(struct changes *c)
{
	if (!c->n && c->size > KEEP) {
		free(c->list);
		c->list = NULL;
		c->size = 0;
	}
}

int changes_init(struct changes *c, uint32_t n_names)
{
	*c = (struct changes){ .marked = calloc(n_names / 8 + 1, 1) };
	return c->marked ? 0 : -ENOMEM;
}

void changes_deinit(struct changes *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		ip_set_free(c->list[i].was);
	}
	free(c->list);
	free(c->marked);
	*c = (struct changes){ 0 };
}

int changes_reserve(struct changes *c, uint32_t n)
{
	uint32_t size = c->size;
	struct change *more;

	if (size - c->n >= n) {
		return 0;
	}
	while (size - c->n < n) {
		size = size ? size * 2 : 16;
	}
	more = reallocarray(c->list, size, sizeof(*more));
	if (!more) {
		return -ENOMEM;
	}
	c->list = more;
	c->size = size;
	return 0;
}

int changes_note(struct changes *c, uint32_t name, struct ip_set *was)
{
	if (changes_has(c, name)) {
		ip_set_free(was);
		return 0;
	}
	if (changes_reserve(c, 1)) {
		ip_set_free(was);
		return -ENOMEM;
	}
	c->marked[name / 8] |= (uint8_t)(1u << name % 8);
	c->list[c->n++] = (struct change){ name, was };
	return 0;
}

int changes_note_copy(struct changes *c, uint32_t name, const struct ip_set *was)
{
	struct ip_set *copy = NULL;

	if (changes_has(c, name)) {
		return 0;
	}
	if (was && ip_set_join(was, NULL, &copy)) {
		return -ENOMEM;
	}
	return changes_note(c, name, copy);
}

int changes_move(struct changes *c, struct changes *from)
{
	if (changes_reserve(c, from->n)) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < from->n; i++) {
		(void)changes_note(c, from->list[i].name, from->list[i].was);	/* there is room */
		from->marked[from->list[i].name / 8] = 0;	/* its neighbours go too */
	}
	from->n = 0;
	shrink(from);
	return 0;
}

void changes_take(struct changes *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t name = c->list[i].name;

		c->marked[name / 8] &= (uint8_t)~(1u << name % 8);
		ip_set_free(c->list[i].was);
	}
	c->n -= n;
	if (c->n) {
		memmove(c->list, c->list + n, c->n * sizeof(*c->list));
	}
	shrink(c);
}

/* Names are taken out in about the order in which they were noted, or the reverse: near the last one. */
static uint32_t find(const struct changes *c, uint32_t name)
{
	uint32_t up = c->hint < c->n ? c->hint : c->n ? c->n - 1 : 0, down = up;

	while (up < c->n || down) {
		if (up < c->n && c->list[up++].name == name) {
			return up - 1;
		}
		if (down && c->list[--down].name == name) {
			return down;
		}
	}
	return c->n;
}

void changes_remove(struct changes *c, uint32_t name)
{
	uint32_t i;

	if (!changes_has(c, name)) {
		return;
	}
	i = find(c, name);
	ip_set_free(c->list[i].was);
	c->list[i] = c->list[--c->n];
	c->hint = i;
	c->marked[name / 8] &= (uint8_t)~(1u << name % 8);
	shrink(c);
}

struct ip_set *changes_take_was(struct changes *c, uint32_t name)
{
	struct ip_set *was;

	if (!changes_has(c, name)) {
		return NULL;
	}
	c->hint = find(c, name);
	was = c->list[c->hint].was;
	c->list[c->hint].was = NULL;
	return was;
}

void changes_clear(struct changes *c)
{
	changes_take(c, c->n);
}
