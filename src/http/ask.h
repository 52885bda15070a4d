/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Asks the daemon, over its Unix socket, what a user has now, and what became of what was written for him.
 * The former are answered in their order; one that is not answered in time is given up, and the connection
 * with it. The latter are answered when the daemon knows, or given up alone. */

#include <stddef.h>
#include <stdint.h>

struct ask;
struct uv_loop_s;

enum ask_outcome {
	ASK_OK,	     /* text is his addresses, as an address file says them */
	ASK_UNKNOWN, /* he has none yet */
	ASK_REFUSED, /* text is the daemon's reason */
	ASK_AWAY,    /* there is no daemon to be asked; text is why */
};

typedef void ask_done_fn(void *arg, enum ask_outcome outcome, const char *text, size_t n);

/* The path is borrowed. 0 or a negative errno. */
int ask_new(struct uv_loop_s *loop, const char *path, struct ask **ret);
struct ask *ask_free(struct ask *a);

/* done is called once, never before this returns; its text is valid for the call only. 0 or
 * -ENOMEM, and done is not called. */
int ask_has(struct ask *a, const char *user, ask_done_fn *done, void *arg);

enum ask_waited {
	ASK_PUBLISHED,
	ASK_PARTLY,	 /* somewhere; text says where not, and why */
	ASK_FAILED,	 /* nowhere: text is why */
	ASK_KEPT,	 /* the file that counts is refused, and what was there before stays; text is why */
	ASK_UNCONFIRMED, /* nobody knows, or not in time: text is why */
};

typedef void ask_waited_fn(void *arg, enum ask_waited what, const char *text, size_t n);

/* What becomes of the user's files as they are now. done as above, after timeout_ms at the latest. */
int ask_wait(struct ask *a, const char *user, uint64_t timeout_ms, ask_waited_fn *done,
	     void *arg);

/* Nobody wants to wait any more. */
void ask_end_waits(struct ask *a, const char *why);
