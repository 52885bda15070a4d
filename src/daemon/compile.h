/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What tinydns-data(8) makes of a text, in a directory of its own and by a helper process (command.h): its syntax
 * stays its own affair. */

#include "base/buf.h"

#include <stdint.h>

struct command;
struct compile;
struct uv_loop_s;

struct compile_handlers {
	/* It ended. cdb, the handler's to take: what was made, of a text whose modification time, which
	 * tinydns-data takes for the serial of SOA records that name none, was `serial` seconds: a number that
	 * stands nowhere in the text. NULL: it failed, and why is a sentence about it. */
	void (*done)(void *arg, struct buf *cdb, uint32_t serial, const char *why);
	/* The helper process is gone; nothing can be compiled any more. */
	void (*lost)(void *arg);
	void *arg;
};

/* Appends the command that the helper is to know (command_new): it works in a directory beside the state file. */
void compile_command(struct buf *to, const char *state, const char *output);

/* Where the command is taken over, it is NULL then, also when it fails. 0 or a negative errno. */
int compile_new(struct uv_loop_s *loop, struct command **command, const char *state, const char *output,
		const struct compile_handlers *h, struct compile **ret);

/* As command_free: the loop must run once more. */
struct compile *compile_free(struct compile *c);

/* Begins; one at a time. timeout_ms is the longest that it may take. 0 or a negative errno: then nothing was begun. */
int compile_start(struct compile *c, const struct buf *text, uint64_t timeout_ms);
