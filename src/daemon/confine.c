/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/confine.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/conf.h"
#include "service/sandbox.h"
#include "service/start.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/* Of each output its file and its database, each by its path and where a link leads; and three more. */
	DIRECTORIES_MAX = 4 * CONF_OUTPUTS_MAX + 3,
};

struct directories {
	char *list[DIRECTORIES_MAX];
	size_t n;
};

static void directories_deinit(struct directories *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->list[i]);
	}
}

static bool everybody_writes(const char *directory)
{
	struct stat st;

	return stat(directory, &st) < 0 || st.st_mode & S_IWOTH;
}

/* Where the directory of the file lies, or will lie. NULL: nowhere that could be named, so nothing is allowed. */
static char *place_of(const char *file)
{
	_cleanup_(free_ptr) char *way = strdup(file), *real = NULL, *above = NULL;
	char *at = way;
	bool is_there;

	do {
		at = at ? dirname(at) : NULL;
		real = at ? realpath(at, NULL) : NULL;
	} while (at && !real && errno == ENOENT && strcmp(at, "/"));
	if (!real || !strcmp(real, "/")) {
		return NULL;
	}
	is_there = !strcmp(at, dirname(memcpy(way, file, strlen(file) + 1)));
	above = strdup(real);
	if (!is_there || !above) {
		return is_there ? NULL : steal_ptr(&real);
	}
	(void)dirname(above);
	return strcmp(above, "/") && !everybody_writes(above) ? steal_ptr(&above) : steal_ptr(&real);
}

static void add(struct directories *d, const char *file)
{
	char *place = file ? place_of(file) : NULL;

	if (place) {
		d->list[d->n++] = place;
	}
}

/* By its path, and where it is a link, by what it leads to. */
static void add_file(struct directories *d, const char *file)
{
	_cleanup_(free_ptr) char *real = file ? realpath(file, NULL) : NULL;

	add(d, file);
	add(d, real);
}

static void add_all(struct directories *d, const struct conf *conf)
{
	for (unsigned i = 0; i < conf->n_outputs; i++) {
		add_file(d, conf->outputs[i].file);
		add_file(d, conf->outputs[i].database);
	}
	add(d, conf->state);
	add(d, conf->socket);
	add(d, conf->log_tempfile);
}

static int close_around(enum sandbox_kind kind, const struct directories *d)
{
	const struct sandbox_paths paths = { .writable = (const char *const *)d->list, .n_writable = d->n };

	return sandbox_close(kind, &paths);
}

int confine_daemon(const struct conf *conf)
{
	_cleanup_(directories_deinit) struct directories d = { 0 };
	int r;

	add_all(&d, conf);
	r = close_around(SANDBOX_DAEMON, &d);
	if (r == SANDBOX_E_NO_LANDLOCK) {
		log_warning("this kernel has no Landlock: only file permissions keep dns-updater from writing "
			    "elsewhere");
		return 0;
	}
	return r ? start_failed("close the sandbox", r) : 0;
}

int confine_mother(void)
{
	const struct directories none = { 0 };
	int r = close_around(SANDBOX_MOTHER, &none);

	return r < 0 ? r : 0;
}

int confine_reader(void)
{
	return sandbox_close_calls(SANDBOX_READER);
}

int confine_compiler(const char *state)
{
	_cleanup_(directories_deinit) struct directories d = { 0 };
	int r;

	add(&d, state);
	r = close_around(SANDBOX_COMMAND, &d);
	return r < 0 ? r : 0;
}
