/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of the output "section in a file" share: section_file.c (the clockwork), section_read.c (what
 * stands in the section), section_text.c (bringing the file up to date, in a thread), section_command.c (the
 * command), section_database.c (tinydns's database, where it is written by us).
 *
 * Without a database a change goes: o.pending, writing (it is on its way into the file), written (the command has
 * to run), published. With one: o.pending, published, behind (the text follows), writing, and nothing. */

#include "base/buf.h"
#include "daemon/changes.h"
#include "daemon/database.h"
#include "daemon/output.h"
#include "daemon/splice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

struct command;
struct compile;

/* Lines of two versions of the section: what the first has more, and what the second. A line that differs is in
 * both. */
struct section_diff {
	struct buf removed, added;
};

/* The file on its way. What the thread touches, nobody else does while it writes; nor the splice. */
struct section_text {
	enum { TEXT_RESTS, TEXT_GATHERS, TEXT_WRITES } doing;
	uv_idle_t idle;		/* gathers */
	uv_work_t work;
	uint32_t at;		/* the next name to be gathered */
	bool anew;		/* write the file even if it would stay the same */
	bool next_second;	/* its modification time gets another whole second */
	uint64_t began_ms;
	struct buf body;
	int outcome;		/* of splice_put */
	int sync_fd;		/* of the database, to be flushed; -1: none */
	struct buf messages;	/* for the log: priority, text, NUL each */
	bool is_foreign;	/* the section stood not as we left it */
	struct section_diff diff;	/* then: what that is about */
	uint64_t rest_print;	/* of what is outside of the section; 0: not known yet */
	struct buf rest;	/* for the compiler, where that has changed; empty: it has not */
};

/* tinydns's database. */
struct section_database {
	struct database *database;	/* NULL: the name server's affair, and the command's */
	struct compile *compile;
	uv_poll_t poll;
	uv_timer_t timer;
	uint64_t timer_ms;		/* when it is due */
	uv_work_t copy;
	bool polls, copying, compiling, has_rest;
	bool stale;			/* what is being compiled is not the latest */
	bool wanted;			/* whole, whatever has changed */
	bool after_text;		/* not before the text was looked at */
	bool foreign_said;
	struct buf next_rest;		/* to be compiled; empty: nothing is */
	struct output_pause pause, compile_pause;
	struct buf trouble, compile_trouble;	/* as said; empty: all is well */
	bool has_version;
	struct timespec version, text_version;	/* modification times of the text */
};

struct section_file {
	struct output o;
	struct command *command;
	const struct output_format *format;
	struct buf command_name;	/* in messages: "makecommand" */
	struct splice *splice;
	uv_timer_t timer, watch_timer;
	uv_poll_t poll;
	bool watch_pauses;	/* something happened in the directory: it is looked at in a moment */
	int n_handles;		/* and pieces of work that p must outlive */
	bool polls, begun, stopping;

	bool wanted;		/* the section may not be what it should be */
	bool anew;		/* write the file even if it would stay the same */
	bool unread;		/* what it says of users was not read at the start */
	bool seen_section;	/* we know the section as it stands: a difference is news */
	bool has_serial;	/* of the file as it was written last */
	uint32_t serial;
	uint64_t busy_since_ms;	/* somebody was writing to the file at the last attempt; 0: no */
	uint64_t last_ms;	/* start of the last write of the file; 0: none */
	uint64_t follows_ms;	/* where the file only follows: since when it is to */
	struct output_pause pause;
	struct section_text text;
	struct changes writing;	/* on their way into the file */
	struct changes behind;	/* what the file says of these is older than what is published; at the start:
				 * than what is remembered */

	bool running;		/* the command */
	bool command_due;	/* the file was written, the command has not succeeded since */
	bool unrun;		/* it was not even begun since */
	struct buf command_trouble;	/* of the last run; empty: it succeeded */
	struct timespec command_end;
	bool overtaken;		/* somebody has changed the file while our command ran */
	struct stat compiled;	/* as the last run left it */
	unsigned n_compiled;	/* appeared while our command runs */
	unsigned n_foreign;	/* runs in a row that somebody else's compiled file caused */
	struct changes written;	/* and not compiled yet */

	struct section_database db;
};

static inline struct section_file *section_file_of(struct output *o)
{
	return (struct section_file *)o;
}

/* --- section_file.c --- */

/* Does what can be done now and arms the timers for the rest. */
void section_step(struct section_file *p);

/* Of a helper process, as a handler. */
void section_lost(void *arg);

/* Has a thread do it, with work->data p; p outlives it. The second stands first in what is called at its end: false:
 * p is being closed, and may be gone. */
void section_work_begin(struct section_file *p, uv_work_t *work, uv_work_cb run, uv_after_work_cb ended);
bool section_work_ended(struct section_file *p);

/* --- section_read.c --- */

/* Gives the roster what the section says. false: it could not be read. */
bool section_remember(struct output *o);

/* Where that failed, and before the section is written over: of users of whom nothing is known yet. 0, or as
 * splice_read_body. */
int section_recall(struct section_file *p);

/* Compares them line by line; versions that we wrote have the same order. Touches nothing else: for the thread.
 * Without memory, some lines are missing. */
void section_diff(const struct buf *old, const struct buf *new, struct section_diff *ret);

/* The section was not as we left it, and is put right now: tells what is gone from it, and notes which names
 * that has changed. was_ours: nothing was to be changed. */
void section_say_differences(struct section_file *p, const struct section_diff *diff, bool was_ours);

/* --- section_text.c --- */

/* Brings the file up to date; section_step is called at the end of it. */
void section_text_begin(struct section_file *p);

/* The roster is another one: what was gathered of the old one is of no use. */
void section_text_restart(struct section_file *p);

/* Takes in what the directory's watch tells. */
void section_look(struct section_file *p);

/* The splice may want to look again although no event comes. */
void section_arm_watch(struct section_file *p);

/* --- section_command.c --- */

int section_command_open(struct section_file *p);
void section_command_run(struct section_file *p);

/* What was written is what the name server has. */
void section_all_published(struct section_file *p);

/* The time of what make(1) compares with the data file. */
struct timespec section_newest_product(const struct section_file *p);

/* Whether the command was cut off last time: its product is not newer than the data file. */
bool section_product_is_old(const struct section_file *p);

/* What the watch has seen of the compiled file. */
void section_take_compiled(struct section_file *p, unsigned n);

/* Somebody has changed the file: whether what our command has made of it is older is for make(1) to see. */
void section_take_edit(struct section_file *p);

/* --- section_database.c --- */

int section_database_open(struct section_file *p, struct command **compiler);
void section_database_close(struct section_file *p);

/* Publishes what is pending, as far as that can be done now. */
void section_database_step(struct section_file *p);

/* The text was looked at: what is outside of the section, and its time, are known. is_written: by us just now. */
void section_database_take_text(struct section_file *p, bool is_written);

enum publish_where section_database_where(struct section_file *p, bool waits, const char **ret_why);
