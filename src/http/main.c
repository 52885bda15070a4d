/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* dns-updater-http(8). */

#include "http/front.h"
#include "service/start.h"

#include <stdio.h>
#include <unistd.h>

static int usage(void)
{
	(void)fputs("usage: dns-updater-http [-c FILE] [-e] [-r FD]\n"
		    "       dns-updater-http --version\n", stderr);
	return START_FIX_SOMETHING;
}

int main(int argc, char **argv)
{
	struct start_options o = START_OPTIONS_NONE;
	int c, r;

	if (start_standard_fds()) {
		return START_TRY_AGAIN;
	}
	if (start_prints_version(argc, argv, "dns-updater-http")) {
		return 0;
	}
	while ((c = getopt(argc, argv, "c:er:")) != -1) {
		if (!start_option(c, optarg, &o)) {
			return usage();
		}
	}
	if (optind != argc) {
		return usage();
	}
	r = start_process("dns-updater-http", &o);
	return r ? r : front_run(o.conf_path);
}
