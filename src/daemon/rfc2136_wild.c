/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Where each name is asked for, a wildcard (RFC 4592) answers for those that are not there. If it has the addresses that
 * a name should have, nobody can tell whether the name has them, too; and without them it would follow the wildcard
 * from then on. So the wildcards above the names are asked for, and such a name is sent. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"
#include "core/users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *string_of(const void *owner, uint32_t id)
{
	const struct rfc2136_wildcards *w = owner;

	return w->list[id].text;
}

/* The first name above this one whose wildcard can answer for it; NULL: there is none. */
static const char *above(const struct rfc2136_zone *z, const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && strlen(dot + 1) >= strlen(z->name) ? dot + 1 : NULL;
}

static const char *first_above(const struct rfc2136_zone *z, const char *name)
{
	const char *parent = above(z, name);

	return parent && *name == '*' ? above(z, parent) : parent;	/* it is the first itself */
}

static uint32_t find(const struct rfc2136_wildcards *w, const char *parent)
{
	char text[NAME_SIZE];
	int n = snprintf(text, sizeof(text), "*.%s", parent);	/* no longer than the name is */

	return table_find(&w->index, text, (size_t)n);
}

static int add(struct rfc2136_wildcards *w, const char *parent)
{
	if (w->n == w->size) {
		uint32_t size = w->size ? 2 * w->size : 16;
		struct rfc2136_wildcard *more = reallocarray(w->list, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		w->list = more;
		w->size = size;
	}
	w->list[w->n] = (struct rfc2136_wildcard){ 0 };
	if (asprintf(&w->list[w->n].text, "*.%s", parent) < 0) {
		return -ENOMEM;
	}
	w->n++;	/* so that it is freed */
	return table_add(&w->index, w->n - 1);
}

int rfc2136_wild_gather(struct rfc2136_zone *z, struct rfc2136_wildcards *w)
{
	const struct users *users = z->p->o.roster->users;
	int r = 0;

	w->index = (struct table){ .string_of = string_of, .owner = w };
	for (uint32_t i = 0; !r && i < users->n_names; i++) {
		const char *parent = rfc2136_is_in_zone(z, i) ? first_above(z, users_name(users, i)) : NULL;

		/* Where one is there, those above it are. */
		while (!r && parent && find(w, parent) == TABLE_NONE) {
			r = add(w, parent);
			parent = above(z, parent);
		}
	}
	return r;
}

/* Their numbers stand behind all others, and so does what was found of them. */
int rfc2136_wild_take(struct rfc2136_findings *f)
{
	uint32_t first = rfc2136_n_numbers(f->z->p);
	size_t at = f->found.n;
	int r = 0;

	while (at && f->found.list[at - 1].number >= first) {
		at--;
	}
	for (uint32_t i = 0; r >= 0 && i < f->wild.n; i++) {
		/* More than a name of ours can have are none that it has. */
		r = found_next_set(&f->found, &at, first + i, &f->wild.list[i].set);
	}
	return r < 0 ? r : 0;
}

uint8_t rfc2136_wild_types(const struct rfc2136_findings *f, const char *name, const struct ip_set *set)
{
	uint8_t types = 0;

	for (const char *p = f->wild.n ? first_above(f->z, name) : NULL; p; p = above(f->z, p)) {
		uint32_t i = find(&f->wild, p);
		const struct ip_set *its = i == TABLE_NONE ? NULL : f->wild.list[i].set;

		types |= ip_set_equal_v4(set, its) ? RFC2136_A : 0;
		types |= ip_set_equal_v6(set, its) ? RFC2136_AAAA : 0;
	}
	return types & rfc2136_types(set);
}

void rfc2136_wild_deinit(struct rfc2136_wildcards *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		free(w->list[i].text);
		ip_set_free(w->list[i].set);
	}
	free(w->list);
	table_deinit(&w->index);
	*w = (struct rfc2136_wildcards){ 0 };
}
