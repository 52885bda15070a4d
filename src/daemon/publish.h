/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Brings the roster's changes into the data file and runs the command, gathering what comes while
 * that is under way, and trying again with growing pauses what failed. */

#include "core/conf.h"
#include "daemon/command.h"
#include "daemon/roster.h"

struct publish;
struct uv_loop_s;

struct publish_handlers {
	/* The first publish has been attempted, whatever became of it. Called once. */
	void (*attempted)(void *arg);
	/* After publish_stop: nothing is under way any more. */
	void (*stopped)(void *arg);
	/* The helper that runs commands is gone. */
	void (*lost)(void *arg);
	void *arg;
};

/* The command may be NULL: none is configured. It is borrowed, as are loop, conf and roster. 0 or a
 * negative errno. */
int publish_new(struct uv_loop_s *loop, const struct conf *conf, struct roster *roster,
		struct command *command, const struct publish_handlers *h, struct publish **ret);
struct publish *publish_free(struct publish *p);

/* From now on this configuration and roster. The roster's names that the old one alone had are said
 * to go. */
void publish_replace(struct publish *p, const struct conf *conf, struct roster *roster);

/* What the section holds for the users' names, if it holds any, goes before what the roster remembers:
 * it is what was published last. A data file that cannot be read changes nothing. */
void publish_remember(struct publish *p);

/* Publishes what changed: at once, or when the interval, the pause after a failure or what is under
 * way is over. The first call begins publishing. */
void publish_changed(struct publish *p);

/* Ends the pause after a failure: somebody has mended something. */
void publish_hurry(struct publish *p);

/* Finishes what is under way, then calls stopped. */
void publish_stop(struct publish *p);
