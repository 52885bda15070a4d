/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Whose turn it is on the processors. On Linux a priority is a thread's (setpriority(2)). Since Linux 6.12 so is the
 * length of its turns (sched_setattr(2), sched_runtime), 3 ms else, for which its equals, and who has a better
 * priority, may have to wait. Older kernels do not look at it, and nothing depends on it. */

/* This thread, and those that it makes, have short turns, which come soon. */
void turns_be_short(void);

/* This thread gives way to the loop's, and to a name server on the same machine. */
void background_become(void);
