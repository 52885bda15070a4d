/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* `dns-updater token': makes, lists and revokes the tokens of one user. Only what was asked for
 * goes to standard output, words about it to standard error; no hash goes anywhere but to the
 * file. */

#include <stdbool.h>

struct token_options {
	const char *conf_path, *user;
	const char *label;  /* of the new token; NULL: one is made up */
	const char *names;  /* that it is limited to; NULL: all */
	const char *revoke; /* the label of the token to revoke, or NULL */
	bool from_stdin;    /* the secret is not made, but read */
	bool list;
};

/* Returns the exit status. */
int token_run(const struct token_options *o);
