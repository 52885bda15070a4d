/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* dns-updater status: asks the daemon at its socket (inquiry.h), as whoever runs it, and prints the
 * answer. */

#include <stdbool.h>

struct status_options {
	const char *conf_path; /* for the path of the socket only; it need not be readable */
	const char *socket;    /* NULL: as configured */
	const char *user;      /* NULL: who runs it; with root: the whole */
	bool json;
	bool wait; /* until it is known what became of the user's file */
	unsigned timeout_s;
};

/* The exit status: 0, what is to be mended first, or what may work later. */
int status_run(const struct status_options *o);
