/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What both programs do at their start, and how they end. */

#include <stdbool.h>

/* The convention of those who use tinydns: 100, nothing helps but an administrator; 111, it may work
 * later. */
enum { START_FIX_SOMETHING = 100, START_TRY_AGAIN = 111 };

struct start_options {
	const char *conf_path;
	int ready_fd; /* -1: none */
	bool to_stderr;
};

#define START_OPTIONS_NONE                                                       \
	{                                                                        \
		.conf_path = "/etc/dns-updater/dns-updater.conf", .ready_fd = -1 \
	}

/* Opens standard descriptors that are closed: they would be taken by the next files that are opened. 0 or
 * a negative errno. */
int start_standard_fds(void);

/* Whether only the version is asked for, which is then printed. */
bool start_prints_version(int argc, char **argv, const char *ident);

/* Takes one of the options -c, -e and -r; false for any other, and for a bad value. */
bool start_option(int option, const char *value, struct start_options *o);

/* Signals, umask, log and readiness. 0 or an exit status, with the reason logged. */
int start_process(const char *ident, const struct start_options *o);

/* Whether there was a SIGHUP between that and the loop's taking it over: what was read by then may be another now. */
bool start_hung_up(void);

/* A conf_report_fn: to the log. */
void start_report(void *arg, const char *file, unsigned line, const char *what);

/* The exit status that a negative errno means: what passes by itself, or what somebody must mend. */
int start_status(int error);

/* Logs it; the exit status. */
int start_failed(const char *what, int error);
