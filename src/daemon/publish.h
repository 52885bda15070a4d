/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Hands the roster's changes to every output (output.h), each of which publishes at its own pace and tries
 * again by itself: one that is down does not hold up the others. */

#include "base/buf.h"
#include "core/conf.h"
#include "daemon/command.h"
#include "daemon/roster.h"

struct publish;
struct uv_loop_s;

struct publish_handlers {
	/* Every output has attempted its first publish, whatever became of it, or takes too long. Called once. */
	void (*attempted)(void *arg);
	/* After publish_stop: nothing is under way any more. */
	void (*stopped)(void *arg);
	/* A helper that runs commands is gone. */
	void (*lost)(void *arg);
	/* Something was published, was verified, failed, or works again: whoever waits may look. */
	void (*progress)(void *arg);
	/* What an output remembers over a restart has changed (publish_print_memory). */
	void (*remember)(void *arg);
	/* Something is about to be sent that these lines of publish_print_memory tell of, and that nobody else would
	 * know of if we were killed. Returns the number that publish_claimed is called with, or with a later one. */
	uint64_t (*claim)(void *arg, const char *lines, size_t n);
	void *arg;
};

/* The helpers of one output. */
struct output_commands {
	struct command *command;	/* its own; NULL: it has none */
	struct command *compiler;	/* tinydns-data (compile.h); NULL: it has no database */
};

/* Forks a helper for each command that the outputs need; to be done before there is a loop, a thread or
 * a byte from outside. ret has room for conf->n_outputs. 0 or a negative errno. */
int publish_fork(const struct conf *conf, struct output_commands *ret);
void publish_unfork(const struct conf *conf, struct output_commands *commands);

/* Commands that are taken over are NULL then, also when it fails; loop, conf and roster are borrowed. 0 or a
 * negative errno. */
int publish_new(struct uv_loop_s *loop, const struct conf *conf, struct roster *roster,
		struct output_commands *commands, const struct publish_handlers *h, struct publish **ret);
struct publish *publish_free(struct publish *p);	/* the loop must run once more */

/* NULL when an output can become what the new configuration says while we run, else the name of one
 * that cannot: files and commands are settled at the start. */
const char *publish_needs_restart(const struct conf *old, const struct conf *new);

/* From now on this configuration and roster. The roster's names that the old one alone had are said
 * to go. 0, or -ENOMEM: then some outputs have the one and some the other, and the process must end. */
int publish_replace(struct publish *p, const struct conf *conf, struct roster *roster);

/* What the sections hold for the users' names goes before what the roster remembers: it is what was
 * published last. A file that cannot be read changes nothing. */
void publish_remember(struct publish *p);

/* Publishes what changed: at once, or when the interval, the pause after a failure or what is under
 * way is over. again: and everything that outputs have is compared with what they should have. The
 * first call begins publishing. */
void publish_changed(struct publish *p, bool again);

/* Ends the pauses after failures: somebody has mended something. */
void publish_hurry(struct publish *p);

/* Finishes what is under way, then calls stopped. */
void publish_stop(struct publish *p);

/* --- what is known of it --- */

enum publish_where {
	PUBLISH_NOT_HERE,	/* this output has none of the user's names */
	PUBLISH_DONE,		/* what the user has is published, and verified where that is asked for */
	PUBLISH_WAITS,		/* under way */
	PUBLISH_FAILS,		/* why says what is wrong; it is tried again */
};

/* An output as a whole, or for one user. */
struct publish_state {
	const struct conf_output *is;
	enum publish_where where;	/* of the user; of the whole output with TABLE_NONE */
	const char *why;		/* of PUBLISH_FAILS; valid until the loop goes on */
	uint32_t n_waiting;		/* names that are not published yet: all, or the user's */
	int64_t published_s, verified_s;	/* last success, seconds since 1970; 0: never since the start */
	int64_t failed_s;		/* last failure; 0: none since the start */
	const char *last_error;		/* what that was; "" : none. Valid until the loop goes on */
};

/* Of each output; returns how many there are. user TABLE_NONE: of the outputs as a whole. */
unsigned publish_states(struct publish *p, uint32_t user, struct publish_state ret[CONF_OUTPUTS_MAX]);

/* --- what outputs remember over a restart, as lines of the state file (state.h) --- */

/* The lines of the number: a name's, or one above all names'. false: no output has anything of such a number, or
 * of a higher one. */
bool publish_print_memory(struct publish *p, uint32_t number, struct buf *to);

/* What was claimed up to this number is remembered, or cannot be. */
void publish_claimed(struct publish *p, uint64_t upto);

/* One such line, without its newline. That of an output that is gone is passed over. */
void publish_take_memory(struct publish *p, const char *line, size_t n);

/* The name was another user's when that was remembered. */
void publish_pass(struct publish *p, uint32_t name);
