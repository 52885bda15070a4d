/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* systemd's units may write to their own directories only (systemd.exec(5), ReadWritePaths=): the lines by which they
 * may where the configuration has them write besides. */

#include "daemon/check_impl.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_booted(void)
{
	return !access("/run/systemd/system", F_OK);	/* sd_booted(3) */
}

/* Where the file lies, or will lie, links followed; the caller frees it. NULL: that is not there either. */
static char *directory_of(const char *file)
{
	_cleanup_(free_ptr) char *real = realpath(file, NULL), *copy = real ? NULL : strdup(file);

	return real ? strdup(dirname(real)) : copy ? realpath(dirname(copy), NULL) : NULL;
}

#define OUTPUT_FILES 2u
#define OWN_FILES 3u

/* The files that the daemon writes, those of the outputs first: the n-th; NULL: it has none. */
static const char *file_of(const struct conf *conf, unsigned n)
{
	const char *const own[OWN_FILES] = { conf->state, conf->socket, conf->log_tempfile };
	const struct conf_output *o;

	if (n >= OUTPUT_FILES * conf->n_outputs) {
		return own[n - OUTPUT_FILES * conf->n_outputs];
	}
	o = &conf->outputs[n / OUTPUT_FILES];
	return n % OUTPUT_FILES ? o->database : o->file;
}

/* Whether one of the first n files lies there. */
static bool is_among(const struct conf *conf, unsigned n, const char *directory)
{
	for (unsigned i = 0; i < n; i++) {
		const char *file = file_of(conf, i);
		_cleanup_(free_ptr) char *other = file ? directory_of(file) : NULL;

		if (other && !strcmp(directory, other)) {
			return true;
		}
	}
	return false;
}

static void begin(const char *drop_in)
{
	printf("# with systemd, in /etc/systemd/system/%s:\n[Service]\n", drop_in);
}

void check_systemd(const struct conf *conf)
{
	bool begun = false;

	for (unsigned i = 0; is_booted() && i < OUTPUT_FILES * conf->n_outputs + OWN_FILES; i++) {
		const char *file = file_of(conf, i);
		_cleanup_(free_ptr) char *directory = file ? directory_of(file) : NULL;

		if (!directory || file_is_below(directory, "/var/lib/dns-updater") ||
		    file_is_below(directory, "/run/dns-updater") || is_among(conf, i, directory)) {
			continue;
		}
		if (!begun) {
			begin("dns-updater.service.d/datafile.conf");
		}
		begun = true;
		printf("ReadWritePaths=%s\n", directory);
	}
}

void check_systemd_http(const char *addresses)
{
	_cleanup_(free_ptr) char *directory = is_booted() ? realpath(addresses, NULL) : NULL;

	if (directory && !file_is_below(directory, "/var/lib/dns-updater/http")) {
		begin("dns-updater-http.service.d/addresses.conf");
		printf("ReadWritePaths=%s\n", directory);
	}
}
