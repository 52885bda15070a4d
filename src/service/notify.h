/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Readiness. */

/* Takes note of $NOTIFY_SOCKET (sd_notify(3)) and of the descriptor for a newline (s6), -1: none.
 * Both are used only once the daemon is ready. 0, or a negative errno when fd is not open. */
int notify_init(int fd);

void notify_ready(void);

/* Other states of sd_notify(3), such as "STOPPING=1"; nothing where systemd does not listen. */
void notify_state(const char *state);
