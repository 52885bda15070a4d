/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Saves the state (state.h) while the loop goes on: its text is gathered in slices, between other things, and
 * a thread writes it to a temporary as it comes and puts that in place. One at a time. What changes behind
 * the place where the gathering is comes along; for what changes before it, the caller saves once more. */

#include "daemon/publish.h"
#include "daemon/roster.h"

#include <stdint.h>

struct save;
struct uv_loop_s;

/* It is over: r is 0 or a negative errno, cost_ms the time that it took here and in the thread. */
typedef void save_done_fn(void *arg, int r, uint64_t cost_ms);

/* path is copied. 0 or a negative errno. */
int save_new(struct uv_loop_s *loop, const char *path, save_done_fn *done, void *arg,
	     struct save **ret);

/* Before the loop is run for the last time: what is left of it goes then. The thread has nothing to do any more
 * (save_now), or save_begin was never called. */
struct save *save_free(struct save *s);

/* From now on save_slice gathers, and the loop does not wait. None is under way. Both are borrowed until it is
 * over. durably: once it is over it is there also after a power cut, or nothing that was done to the directory later
 * is. */
void save_begin(struct save *s, const struct roster *r, struct publish *p, bool durably);
bool save_is_under_way(const struct save *s);

/* For the end of each turn of the loop: goes on for a fifth of a millisecond. */
void save_slice(struct save *s);

/* The roster is another one. What is being gathered is gathered anew. */
void save_replace(struct save *s, const struct roster *r);

/* All at once, when the loop will not go on: also what is under way. done is not called. 0 or a negative errno. */
int save_now(struct save *s, const struct roster *r, struct publish *p, bool durably);
