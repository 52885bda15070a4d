/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* tinydns's database, data.cdb, as a file that we write: our records between those of the administrator's that
 * stand before and behind the section. Its bytes are those that tinydns-data(8) would write.
 *
 * There are two files. The visible one is never written to, for tinydns copies what it reads byte by byte, and
 * would answer with half an address. Where only addresses change, they are written to the other one, .NAME.dnsu.alt,
 * under a write lease (fcntl(2), F_SETLEASE), which nobody gets while somebody has the file open; then the two are
 * exchanged (renameat2(2)). So it is where a few names get more records or fewer: the second file is made of the
 * visible one then (database_change.c). Everything else makes a new file, and after that a new second one.
 *
 * Whoever opens a file under a lease makes the kernel send SIGIO, whose default is the end: it is to be ignored. */

#include "base/buf.h"
#include "core/ip.h"
#include "core/users.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct database;

/* What our part holds; borrowed for the call. */
struct database_content {
	const struct users *users;
	struct ip_set *const *sets;	/* of each name */
	bool (*covers)(const void *arg, uint32_t name);
	const void *arg;
	uint32_t ttl;
};

/* Copies the path; opens nothing yet. 0 or a negative errno. */
int database_new(const char *path, struct database **ret);
struct database *database_free(struct database *d);

/* A line of tinydns-data that stands for our part in the text that is compiled; with its newline. */
const char *database_mark(const struct database *d);

/* What tinydns-data has made of the administrator's part, with the mark where ours is; default_serial is the
 * serial that SOA records got there which name none, and no other. What is needed of it is copied; the next
 * database_put makes a new file. 0, -ENOMEM, or DATABASE_E_FORMAT: it is not that. */
enum { DATABASE_E_FORMAT = 1 };
int database_set_rest(struct database *d, const struct buf *cdb, uint32_t default_serial);

/* Publishes the content; n names have changed since this succeeded last. NULL: perhaps more than that, and their
 * numbers may be other ones now. time is that of the version of the text that it stands for: the file gets it, and
 * SOA records that name no serial have its second. 0: the next one to ask gets it. Or a negative errno,
 * database_trouble says why; then what was visible still is. */
int database_put(struct database *d, const struct database_content *c, const uint32_t *names, uint32_t n,
		 const struct timespec *time);

/* After a new file: database_copy makes the second one, and after records have come or gone it lets that follow. It may
 * run in another thread, and nothing else of d meanwhile. 0 or a negative errno; without a second file each
 * change makes a new one. */
bool database_wants_copy(const struct database *d);
int database_copy(struct database *d);

/* A descriptor of the visible file, to be flushed (fdatasync(2)) and closed, in another thread perhaps; -1: none. A
 * lease does not mind it. */
int database_dup(const struct database *d);

/* An inotify descriptor to wait on for database_look. */
int database_fd(const struct database *d);

/* Reads what the directory's watch tells. true: the visible file is not the one that we made. */
bool database_look(struct database *d);

/* Never NULL. */
const char *database_trouble(struct database *d);
