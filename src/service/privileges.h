/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the process may do. The daemon keeps one capability, CAP_DAC_READ_SEARCH, to read address
 * files in closed homes; the helper that runs commands keeps none. All return 0 or a negative
 * errno. */

#include <stdbool.h>

enum { PRIVILEGES_E_NO_USER = 1 };

/* As root: becomes this user with his groups and keeps only the one capability, if there is any.
 * As anybody else: stays, and drops all capabilities but that one. Never to be regained, and not
 * handed to children. PRIVILEGES_E_NO_USER: there is no such user. */
int privileges_drop(const char *user);

/* Drops every capability, from every set. */
int privileges_none(void);

/* Whether other people's files can be read. */
bool privileges_read_all(void);
