/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "service/progress.h"

#include "service/notify.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 20 };	/* characters: shorter than most lines of the log, which are written over it */

static bool has_bar;
static unsigned shown;	/* percent, and 1: 0 is nothing */

void progress_init(bool to_stderr)
{
	has_bar = to_stderr && isatty(STDERR_FILENO);
}

/* The cursor is left at the line's start, so that whatever comes next is written over the bar. */
static void draw(const char *what, unsigned percent)
{
	char text[128];
	unsigned n = percent * BAR / 100;
	int len = snprintf(text, sizeof(text), "%.60s [%.*s%.*s] %u %%\r", what, (int)n,
			   "####################", (int)(BAR - n), "....................", percent);

	if (len > 0) {	/* a terminal that is gone needs no bar */
		(void)!write(STDERR_FILENO, text, (size_t)len);
	}
}

void progress_show(const char *what, uint32_t done, uint32_t total)
{
	unsigned percent = total ? (unsigned)((uint64_t)done * 100 / total) : 100;
	char state[128];

	if (percent + 1 == shown) {
		return;
	}
	shown = percent + 1;
	(void)snprintf(state, sizeof(state), "STATUS=%.60s: %u %%", what, percent);	/* fits */
	notify_state(state);
	if (has_bar) {
		draw(what, percent);
	}
}

void progress_end(void)
{
	static const char erase[] = "\033[K";	/* to the line's end */

	if (shown) {
		notify_state("STATUS=");
	}
	if (shown && has_bar) {
		(void)!write(STDERR_FILENO, erase, strlen(erase));
	}
	shown = 0;
}
