/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A set of names that have changed, in the order in which they were noted, each with what it had before:
 * its addresses when it was noted first. Names are numbers of struct users. */

#include "core/ip.h"

#include <stdbool.h>
#include <stdint.h>

struct change {
	uint32_t name;
	struct ip_set *was;	/* owned */
};

struct changes {
	struct change *list;
	uint32_t n, size, hint;	/* hint: where the last one was taken out */
	uint8_t *marked;	/* of each name, a bit */
};

/* For names 0 to n_names - 1. 0 or -ENOMEM; changes_deinit takes a zeroed one too. */
int changes_init(struct changes *c, uint32_t n_names);
void changes_deinit(struct changes *c);

/* Makes room for n more, so that noting them cannot fail. 0 or -ENOMEM. */
int changes_reserve(struct changes *c, uint32_t n);

static inline bool changes_has(const struct changes *c, uint32_t name)
{
	return c->marked[name / 8] & 1u << name % 8;
}

/* Notes the name; was is taken over, and freed when the name is noted already. 0 or -ENOMEM. */
int changes_note(struct changes *c, uint32_t name, struct ip_set *was);

/* The same with a copy of was. */
int changes_note_copy(struct changes *c, uint32_t name, const struct ip_set *was);

/* Moves all of from to the end of c. What c has already keeps what it says was before. 0 or -ENOMEM: then
 * the rest is still in from. */
int changes_move(struct changes *c, struct changes *from);

/* Takes the first n out. */
void changes_take(struct changes *c, uint32_t n);

/* Takes this name out, if it is in; its place in the order is lost: the last one gets it. */
void changes_remove(struct changes *c, uint32_t name);

/* What the name had before is the caller's from now on. NULL: nothing, or the name is not in. */
struct ip_set *changes_take_was(struct changes *c, uint32_t name);

void changes_clear(struct changes *c);
