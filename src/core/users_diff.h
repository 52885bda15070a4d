/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Two lists of users -> who of the one is who of the other. Most are the same, in the same order: for these it is a
 * comparison of strings that lie one behind the other. */

#include "core/users.h"

#include <stdbool.h>
#include <stdint.h>

struct users_diff {
	uint32_t *before;	/* of each user of the new list, his number in the old; TABLE_NONE: he is new */
	uint32_t *now;		/* of each user of the old list, his number in the new; TABLE_NONE: he is gone */
	bool *same;		/* of each user of the new list: he has the names that he had, in that order */
	uint32_t n_changed;	/* who are new, are gone, or have other names */
};

/* 0, and the caller ends ret with users_diff_deinit, or -ENOMEM. */
int users_diff_init(struct users_diff *ret, const struct users *old, const struct users *new);
void users_diff_deinit(struct users_diff *d);
