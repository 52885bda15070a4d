/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The secret of `dns-updater token': made, or read from standard input. */

#include <stddef.h>

enum { TOKEN_SECRET_MAX = 4096 };	/* bytes; more than a request has room for */

struct token_secret {
	char bytes[TOKEN_SECRET_MAX + 1];
	size_t n;
};

void token_secret_make(struct token_secret *ret);

/* Into a zeroed one. Says what is wrong, or that it is weak; returns the exit status. */
int token_secret_read(struct token_secret *ret);
