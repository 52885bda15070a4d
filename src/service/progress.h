/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* How far long work has come: STATUS= for systemd (sd_notify(3)), and a bar where the log goes to a terminal. */

#include <stdbool.h>
#include <stdint.h>

/* Whether standard error may have a bar. */
void progress_init(bool to_stderr);

/* done of total; shown when another percent of it is done. One work at a time. */
void progress_show(const char *what, uint32_t done, uint32_t total);

/* Takes away what was shown. */
void progress_end(void);
