/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Processes of our own that the daemon talks to, forked before there is a loop, a thread, or a byte from outside: how
 * they begin. */

#include <sys/types.h>

enum { CHILD_SOCKET = 3 };	/* after the standard descriptors */

/* Forks one, and a socket between the two (SOCK_SEQPACKET), of which each has its end. In the new process *ret_pid
 * is 0. 0, or a negative errno: there is none. */
int child_fork(pid_t *ret_pid, int *ret_socket);

/* In the new process: leaves open what is standard and its end of the socket, as CHILD_SOCKET, and ends with the
 * daemon only. The name is for ps(1). 0 or a negative errno. */
int child_settle(int socket, const char *name);
