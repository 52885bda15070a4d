/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Runs one configured command, in a small process of its own. That process is forked before anything hostile
 * is read and before any thread exists; it knows the command and takes nothing but "run it". The command gets
 * /bin/sh -c, a session of its own, a clean environment, no standard input, and no capabilities at all. */

#include <stddef.h>
#include <stdint.h>

struct command;
struct uv_loop_s;

/* Where a command's programs are looked for. */
#define COMMAND_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum command_end {
	COMMAND_EXITED,		/* value: the exit status */
	COMMAND_KILLED,		/* value: the signal */
	COMMAND_TIMED_OUT,	/* it was killed */
	COMMAND_NOT_STARTED,	/* value: errno */
};

struct command_handlers {
	/* A line of what the command prints, without its newline; not escaped. */
	void (*output)(void *arg, const char *line, size_t n);
	void (*ended)(void *arg, enum command_end how, int value);
	/* The helper process is gone; nothing can be run any more. */
	void (*lost)(void *arg);
	void *arg;
};

/* Forks the helper. With the path of the state, a sandbox is closed around it and all that it runs
 * (confine_compiler); NULL: none. 0 or a negative errno. */
int command_new(const char *text, const char *state, struct command **ret);

/* Hangs the helper's answers on the loop. */
int command_attach(struct command *c, struct uv_loop_s *loop, const struct command_handlers *h);

/* Starts the command, which is killed after timeout_ms. Only one may run. 0 or a negative errno. */
int command_run(struct command *c, uint64_t timeout_ms);

/* Lets go of the helper, which kills what it runs and ends. The loop must run once more for the
 * memory to be freed. */
struct command *command_free(struct command *c);
