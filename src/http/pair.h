/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A certificate and its key, as their files are, and whether these have changed since. */

#include "base/buf.h"
#include "core/conf.h"

#include <stdbool.h>
#include <sys/stat.h>

struct pair {
	struct buf certificate, key; /* PEM, with a NUL behind */
	struct stat certificate_stat, key_stat;
};

/* Whether one of the files is another than when it was read, or was found to be of no use. */
bool pair_has_changed(const struct pair *p, const struct conf_http *conf);

enum { PAIR_E_SAME = 1 };

/* Reads both. When they cannot be read or do not fit, that is logged, and the old texts stay. 0, PAIR_E_SAME when
 * they say what we have, -EAGAIN when they do not fit (whoever renews them may be between the two), or another
 * negative errno. */
int pair_read(struct pair *p, const struct conf_http *conf);

/* The files are to be read again in any case. */
void pair_look_again(struct pair *p);

/* Afterwards it is as if none had been read. */
void pair_deinit(struct pair *p);
