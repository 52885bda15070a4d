/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One event, one line: to syslog(3) as a daemon, or to standard error. No timestamps, every reader
 * of logs adds its own. Bytes from outside must be escaped by the caller (buf_add_escaped). */

#include <stdbool.h>

/* Priorities are those of syslog(3): LOG_ERR and so on. */
#include <syslog.h>

/* What goes to syslog(3) is shown on standard error too, if that is a terminal, and as far as it takes it without waiting.
 * Of what goes to standard error alone, each line begins with <N>, its priority, if that is the journal (sd-daemon(3)). */
void log_open(const char *ident, bool to_stderr);

/* A file that holds the latest message, replaced whole by log_flush; NULL: none. Its messages come
 * from log_write; a burst of them leaves only the last. The path is copied. */
void log_set_tempfile(const char *path);

/* From now on until log_flush lines to standard error may wait, but for those of errors and what came before them:
 * whoever reads the log does not get a processor between two steps of ours. */
void log_hold(void);
void log_flush(void);

void log_write(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
