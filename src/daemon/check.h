/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

enum check_part {
	CHECK_ALL,
	CHECK_DAEMON, /* what dns-updater needs */
	CHECK_HTTP,   /* what dns-updater-http needs */
};

/* `dns-updater check': every mistake of the configuration, which each program refuses, and of the
 * set-up, all at once, to standard output. Changes nothing. Returns how many mistakes there are; warnings
 * do not count. */
unsigned check_run(const char *conf_path, enum check_part part);
