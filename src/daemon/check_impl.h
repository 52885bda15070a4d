/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of check.h share: check.c (the daemon's set-up), check_output.c (where it publishes), check_tinydns.c
 * (what stands there for tinydns), check_systemd.c (what its units have to know) and check_http.c (the front end's). */

#include "core/conf.h"
#include "daemon/check.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct mounts;
struct passwd;
struct section;
struct stat;

struct check {
	const char *conf_path;
	struct conf conf;
	const struct passwd *service; /* the account that the daemon runs as; NULL: none */
	uid_t front_end;	      /* (uid_t)-1: there is no such account */
	unsigned n_mistakes;
	enum check_part part;
	struct mounts *mounts; /* while it is about the directories of users, who must not hold it up; or NULL */
};

/* line 0: it is about the whole file. */
void check_mistake(struct check *c, const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void check_warning(const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What is missing is an account; of [http], section tells. */
void check_no_user(struct check *c, unsigned line, const char *user, const char *section);

/* Runs probe in a process that has become this user, with the capability of privileges_drop or with
 * none. Returns what it returned (0 to 125), or -1 when we may not become him. */
typedef int check_probe_fn(const void *arg);
int check_as(const char *user, uid_t uid, bool reads_all, check_probe_fn *probe,
	     const void *arg);

/* As the daemon's user, with its capability. */
int check_as_service(const struct check *c, check_probe_fn *probe, const void *arg);

/* Probes of a path: 0 yes, 1 no. */
int check_probe_readable(const void *file);
int check_probe_writable(const void *directory);

/* Finds a file that the configuration names; hint stands behind the reason where it is not there. Reads it. false:
 * that cannot be done, which was reported. */
bool check_find(struct check *c, unsigned line, const char *key, const char *path, const char *hint,
		struct stat *ret);
bool check_read(struct check *c, unsigned line, const char *key, const char *path, size_t max, struct buf *ret);

/* Who else may write: to this, and to every directory from the root down to this one, as far as that answers. */
void check_others(struct check *c, unsigned line, const char *key, const char *path,
		  const struct stat *st);
void check_way(struct check *c, unsigned line, const char *key, const char *directory);

/* The first of the directories above it that the daemon's user may not enter; false: there is none. */
bool check_way_closed(const struct check *c, const char *directory, char ret[PATH_MAX]);

/* Whether the daemon's user may write to the directory. is_shared: others have files there as well, as with tinydns; who
 * is told to make it writable otherwise may have named /etc. */
void check_writable(struct check *c, unsigned line, const char *key, const char *directory, bool is_shared);

/* All outputs: their files, commands and keys, and which names each of them publishes. */
void check_outputs(struct check *c);

/* Names that something is to be said of. A zeroed one is none. */
struct check_some {
	uint32_t n, first;
};

void check_some_add(struct check_some *some, uint32_t name);

/* A warning that ends in the first of the names and how many more there are; none, if there is no name. */
void check_some_warn(const struct check *c, unsigned line, const struct check_some *some, const char *what);

/* By an output other than this one. */
bool check_is_covered(const struct conf *conf, const char *name, const struct conf_output *but);

/* The text of a file of tinydns-data(8), outside of our section. */
void check_tinydns(struct check *c, const struct conf_output *o, const struct buf *text, const struct section *section);

/* The section [http] and what it names. */
void check_http(struct check *c);

/* Where systemd runs: lines for drop-ins by which the daemon, and the front end, may write where this configuration has
 * them write. */
void check_systemd(const struct conf *conf);
void check_systemd_http(const char *addresses);
