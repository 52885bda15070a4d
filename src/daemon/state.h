/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the daemon remembers over a restart: the last good addresses of each user, for the time
 * when his file is missing or bad, and what outputs have published. One file, replaced whole, safe to lose. */

#include "daemon/publish.h"
#include "daemon/roster.h"

/* Takes an exclusive lock beside the state file, held until the process ends, so that a second
 * daemon with the same state is refused. -EWOULDBLOCK: there is one; or another negative errno. */
int state_lock(const char *path);

/* Gives the users of the roster, and the outputs, what the file says of them. A file that is not there says
 * nothing. Returns 0, a negative errno, or STATE_E_FORMAT when it is no state file of ours. */
enum { STATE_E_FORMAT = 1 };
int state_load(const char *path, struct roster *r, struct publish *p);

/* The file's text is the heading, and the lines of each number from 0 to the first that there is not: of a name,
 * or, above all names, of what outputs remember beside them (false: there is no such number). The lines of
 * one number tell of one moment and ask for nothing in other lines, so numbers may be printed at different times
 * (save.h). */
void state_print_heading(struct buf *to);
bool state_print(const struct roster *r, struct publish *p, uint32_t number, struct buf *to);
