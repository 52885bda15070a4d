/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A second dns-updater for the same file, which by mistake has a state of its own: each would take out what the
 * other has put in, for ever. The first one has a socket in the abstract namespace, whose name is the file's
 * directory, by number, and name; nobody accepts there, but who asks is told whose it is. A name that a stranger has
 * taken means nothing, so nobody else can keep us from starting. */

#include <sys/types.h>

/* Claims a file until the process ends. 0: it is ours, or nobody can tell: its directory is not there yet, a
 * stranger has the name. -EADDRINUSE: a process of our user has it, *ret_pid. Or another negative errno. */
int twin_claim(const char *path, pid_t *ret_pid);
