/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Reads address files in other threads, ahead of the loop that decides on them. A batch is a number of users
 * with what a thread found in their files. What it is made of is not touched by anybody else from
 * ahead_queue until its callback, and what it borrows does not change: the patterns, the users' strings, and of the
 * watch what watch_add touches. */

#include "core/conf.h"
#include "daemon/source.h"

#include <stdbool.h>
#include <uv.h>

enum { AHEAD_USERS = 128 };	/* of one batch */

struct ahead_file {
	struct source_place place;	/* as asked for; place.watch is what watches are added to */
	uint64_t known;			/* print */
	struct source_marks marks;	/* of ret: the watches, which nobody has noted yet */
	struct source_file file;
	int outcome;			/* of source_read */
};

struct ahead {
	uv_work_t work;			/* its data is the batch */
	uv_after_work_cb done;		/* nobody cancels it */
	void *arg;
	const struct pattern *patterns;
	unsigned n_patterns;
	bool was_read;			/* false: something shared may be an automount point */
	uint64_t n_strays;		/* of the watch, when it was queued */
	uint32_t users[AHEAD_USERS];
	unsigned n_users;
	unsigned n_passed;		/* others, whom no thread may read */
	struct ahead_file *files;	/* n_patterns for each user */
};

/* A batch for these patterns, which are borrowed. NULL: no memory. */
struct ahead *ahead_new(const struct pattern *patterns, unsigned n_patterns);
struct ahead *ahead_free(struct ahead *a);

static inline struct ahead_file *ahead_files(const struct ahead *a, unsigned i)
{
	return &a->files[i * a->n_patterns];
}

/* Has the files of the users in the batch read; then done is called by the loop. */
void ahead_queue(struct ahead *a, uv_loop_t *loop);
