/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "base/log.h"

#include "base/buf.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HELD_MAX = 16 * 1024 };	/* bytes of lines that wait */

/* A process has one log; this is its state. */
static bool to_stderr = true, to_journal;
static int terminal = -1;	/* what syslog(3) gets is shown there as well */
static char *tempfile_path;
static struct buf latest, held;
static bool latest_is_new, tempfile_failed, holds;

/* systemd(1) names in $JOURNAL_STREAM the device and inode of the stream that is the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0) {
		return false;
	}
	(void)snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);	/* two numbers fit */
	return !strcmp(mine, stream);
}

/* Whoever starts it by hand does not look into syslog when nothing happens. Opened anew, it need not be waited for: somebody
 * may have stopped it by Ctrl-S, or be away. -1: standard error is none. */
static int open_terminal(void)
{
	return isatty(STDERR_FILENO) ?
		       open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
}

void log_open(const char *ident, bool stderr_wanted)
{
	to_stderr = stderr_wanted;
	to_journal = to_stderr && stderr_is_journal();
	if (!to_stderr) {
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
		terminal = open_terminal();
	}
}

void log_set_tempfile(const char *path)
{
	free(tempfile_path);
	tempfile_path = path ? strdup(path) : NULL;
	tempfile_failed = false;
}

/* Nobody is left to tell that standard error cannot be written. */
static void write_stderr(const struct buf *b)
{
	(void)file_write_all(STDERR_FILENO, b->data, b->len);
}

/* What finds no room there is in syslog. */
static void write_terminal(struct buf *line)
{
	buf_adds(line, "\n");
	if (terminal >= 0 && !buf_error(line)) {
		(void)!write(terminal, line->data, line->len);
	}
}

static void write_held(void)
{
	write_stderr(&held);
	buf_clear(&held);
}

void log_hold(void)
{
	holds = to_stderr;
}

void log_flush(void)
{
	int r;

	holds = false;
	write_held();
	if (!tempfile_path || !latest_is_new || buf_error(&latest)) {
		return;
	}
	latest_is_new = false;
	r = file_replace(AT_FDCWD, tempfile_path, 0644, latest.data, latest.len);
	if (r && !tempfile_failed) {
		log_error("unable to write '%s': %s; the log goes on without it", tempfile_path,
			  strerror(-r));
		latest_is_new = false;
	}
	tempfile_failed = r;
}

/* What is wrong is written at once. */
static void hold_or_write(int priority, const struct buf *line)
{
	bool is_held = holds;

	if (holds) {
		buf_add(&held, line->data, line->len);
		is_held = !buf_error(&held);
	}
	if (!is_held || priority <= LOG_ERR || held.len > HELD_MAX) {
		write_held();
	}
	if (!is_held) {
		write_stderr(line);
	}
}

void log_write(int priority, const char *format, ...)
{
	struct buf line = { 0 };
	va_list ap;

	if (to_journal) {
		buf_printf(&line, "<%d>", priority);
	}
	va_start(ap, format);
	buf_vprintf(&line, format, ap);
	va_end(ap);
	if (to_stderr) {
		buf_adds(&line, "\n");
		hold_or_write(priority, &line);
	} else {
		syslog(priority, "%s", buf_str(&line));
		write_terminal(&line);
	}
	buf_deinit(&line);

	if (tempfile_path) {
		buf_clear(&latest);
		va_start(ap, format);
		buf_vprintf(&latest, format, ap);
		va_end(ap);
		buf_adds(&latest, "\n");
		latest_is_new = true;
	}
}
