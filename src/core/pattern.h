/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One pathpattern: an absolute path in which %u stands for the user and %% for a percent sign,
 * taken apart into its components. */

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_COMPONENTS_MAX 32
#define PATTERN_PATH_MAX 4096	/* PATH_MAX */

struct pattern {
	char *text;			/* as configured */
	unsigned n;			/* components */
	char *components[PATTERN_COMPONENTS_MAX]; /* as configured, %u and %% still in them */
	unsigned first_user;		/* index of the first component with %u */
	unsigned base;			/* how many components lead to the base directory: all up to
					 * the one with the first %u, or the file's parent if that is
					 * the file. What follows the base is the user's: he owns
					 * the base, so also what a further %u stands in. */
};

enum {
	PATTERN_E_RELATIVE = 1,
	PATTERN_E_NO_USER,	/* %u is missing */
	PATTERN_E_TWO_USERS,	/* %u twice in one component */
	PATTERN_E_PERCENT,	/* % before another character than u and % */
	PATTERN_E_DOTS,		/* a component . or .. */
	PATTERN_E_LONG,
};

/* Returns 0, -ENOMEM or PATTERN_E_*. ret is zeroed or deinitialised before, and the caller's to
 * deinitialise after. */
int pattern_parse(const char *text, size_t n, struct pattern *ret);
void pattern_deinit(struct pattern *p);
const char *pattern_strerror(int outcome);

/* Writes component i for this user, NUL-terminated. false when it is longer than a file name may
 * be (NAME_MAX). ret has room for 256 bytes. */
bool pattern_component(const struct pattern *p, unsigned i, const char *user, char *ret);

/* Writes the path of the first n components for this user. false when it is too long. ret has room
 * for PATTERN_PATH_MAX. With n 0 that is "/". */
bool pattern_path(const struct pattern *p, unsigned n, const char *user, char *ret);

/* Whether the file name fits component i, and for which user: *ret_user points into name, and is
 * NULL when the component has no %u. */
bool pattern_match(const struct pattern *p, unsigned i, const char *name, const char **ret_user,
		   size_t *ret_n);
