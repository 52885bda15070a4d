/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/watch_choose.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "core/conf.h"
#include "daemon/watch_fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_PATH "/proc/sys/fs/inotify/max_user_watches"

enum {
	MANY = 100 * 1000,	/* directories: with inotify, 130 MB of the kernel's memory */
	SHARE = 10,		/* one part in so many of the limit is left to others of the same account */
};

uint64_t watch_limit(void)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };

	return file_read(AT_FDCWD, LIMIT_PATH, 64, &text) ? UINT64_MAX : strtoull(buf_str(&text), NULL, 10);
}

uint64_t watch_n_directories(const struct conf *conf)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < conf->n_patterns; i++) {
		n += conf->patterns[i].n - 1 - conf->patterns[i].first_user;
	}
	return n * conf->users->n_users;
}

static void say_unmarked(const struct pattern *p, int error)
{
	log_info("the file system of %s cannot be marked by fanotify (%s): it is watched by inotify", p->text,
		 strerror(-error));
}

static void say_not(const struct conf *c, int error, uint64_t n, uint64_t limit)
{
	const char *hint = error == -EPERM ? " (it takes CAP_SYS_ADMIN at the start)" : "";

	if (c->watch == CONF_WATCH_FANOTIFY) {
		log_warning("unable to watch by fanotify: %s%s; watching by inotify", strerror(-error), hint);
	} else if (n > limit) {
		log_warning("%llu directories are more than the %llu that fs.inotify.max_user_watches allows, and "
			    "fanotify is not to be had: %s%s; raise the limit with sysctl(8), or files in the others "
			    "are seen by the sweep only", (unsigned long long)n, (unsigned long long)limit,
			    strerror(-error), hint);
	}
}

struct watch_fanotify *watch_choose(const struct conf *conf)
{
	uint64_t n = watch_n_directories(conf), limit = watch_limit();
	struct watch_fanotify *f = NULL;
	bool too_many = n > limit - limit / SHARE;
	int r;

	if (conf->watch == CONF_WATCH_INOTIFY ||
	    (conf->watch == CONF_WATCH_AUTO && !too_many && n <= MANY)) {
		return NULL;
	}
	r = watch_fanotify_open(conf->patterns, conf->n_patterns, say_unmarked, &f);
	if (r) {
		say_not(conf, r, n, limit);
		return NULL;
	}
	if (conf->watch == CONF_WATCH_FANOTIFY) {
		log_info("watching by fanotify, as configured");
	} else if (too_many) {
		log_info("watching by fanotify: %llu directories are too many for the %llu that "
			 "fs.inotify.max_user_watches allows", (unsigned long long)n, (unsigned long long)limit);
	} else {
		log_info("watching by fanotify: inotify takes more than 1 KB of the kernel's memory for each of %llu "
			 "directories", (unsigned long long)n);
	}
	return f;
}
