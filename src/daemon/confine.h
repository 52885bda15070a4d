/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the daemon and its processes may still write, for the rest of their lives (service/sandbox.h). A writable
 * directory is the one that holds the directory of a file, so that this may be removed and made again, mounted over,
 * or be another one tomorrow by a link; the directory itself where that is / or everybody may write there. */

struct conf;

/* The daemon, when it has opened what it needs and before it reads what users wrote. 0 or an exit status; what is to
 * be said has been logged. */
int confine_daemon(const struct conf *conf);

/* Who makes those that read for it: writes nowhere. Nothing is logged. 0 or a negative errno. */
int confine_mother(void);

/* Who was made by her and reads; nothing is logged. 0 or a negative errno. */
int confine_reader(void);

/* Who runs tinydns-data beside the state; nothing is logged. 0 or a negative errno. */
int confine_compiler(const char *state);
