/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What may be ours at a name server from now on is written down and flushed before it is first sent: the state
 * (state.h) follows later, and who is killed in between, or loses power, could never take it away again. It
 * stands in a file beside the state until a state that has it is saved; of two such files, one is written to
 * while what the other has is being saved. Nearly always there is none. */

#include "daemon/publish.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct claims;
struct uv_loop_s;

/* Everything up to this number is written, or cannot be, which was said. */
typedef void claims_done_fn(void *arg, uint64_t upto);

/* state, the path of the state, is copied. 0 or a negative errno. */
int claims_new(struct uv_loop_s *loop, const char *state, claims_done_fn *done, void *arg, struct claims **ret);

/* When the loop has run for the last time. is_saved: what was claimed is in the state. Returns NULL. */
struct claims *claims_free(struct claims *c, bool is_saved);

/* Gives the outputs what a daemon that was killed has left; *ret_any: there is some, so the state should be saved.
 * 0 or a negative errno. */
int claims_load(struct claims *c, struct publish *p, bool *ret_any);

/* Has whole lines of the state written, in a thread. Returns their number, of which done will tell. */
uint64_t claims_add(struct claims *c, const char *lines, size_t n);

/* The state is about to be gathered, and will have all that was added. Returns whether it has to be flushed, for it is
 * to replace something here. */
bool claims_save_begins(struct claims *c);

/* It is in place. Returns whether it has to be saved once more, for it does not have everything. */
bool claims_saved(struct claims *c);
