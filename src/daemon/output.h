/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One place where addresses are published: a section in a file (section_file.c) or the zones of a name server
 * (rfc2136.c). Each has its own list of what it has not published yet, its own pace and its own failures;
 * publish.h hands them what changed. */

#include "base/buf.h"
#include "core/conf.h"
#include "core/text.h"
#include "daemon/changes.h"
#include "daemon/publish.h"
#include "daemon/roster.h"

#include <stdbool.h>

struct output;
struct verify;
struct uv_loop_s;

/* --- what makes one kind of file different from another --- */

struct output_format {
	char comment;		/* begins a comment line */
	const char *compiled;	/* what the command makes of the file, in the same directory; or NULL */
	bool hide_kept;		/* see splice_options */
	bool by_second;		/* two versions must not have the same second (publish_interval) */
	/* Appends the lines of one name. */
	void (*render)(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);
	/* Takes one line apart that render has written; false: it is not one. */
	bool (*parse)(const char *line, size_t n, char *ret_name, struct ip *ret_ip);
};

/* That of an output that is a section in a file. */
const struct output_format *output_format(const struct conf_output *is);

/* parse, also of a line to which an editor has given a carriage return. */
bool output_parse(const struct output_format *format, struct text line, char *ret_name, struct ip *ret_ip);

/* --- what makes one kind of output different from another --- */

struct output_class {
	/* Something is in o->pending. The first call begins publishing. again: what is published is compared
	 * with what should be. */
	void (*changed)(struct output *o, bool again);
	void (*hurry)(struct output *o);
	/* Finishes what is under way, then calls output_stopped. */
	void (*stop)(struct output *o);
	/* conf, is, roster and pending are new ones; old is the roster before. 0 or -ENOMEM. */
	int (*replace)(struct output *o, const struct roster *old);
	/* Gives the roster what is published; NULL: it cannot tell. false: it could not be read. */
	bool (*remember)(struct output *o);
	/* Where this name's present addresses are; why is for PUBLISH_FAILS. */
	enum publish_where (*where)(struct output *o, uint32_t name, const char **ret_why);
	/* The same of all, and how many names wait. */
	enum publish_where (*whole)(struct output *o, const char **ret_why, uint32_t *ret_waiting);
	/* What it remembers over a restart of the number, a name's or one above all names' that stands for
	 * something of its own (publish.h); false: there is no such number. */
	bool (*print_memory)(struct output *o, uint32_t number, struct buf *to);
	void (*take_memory)(struct output *o, const char *text, size_t n);
	/* What was remembered of this name is another user's, whose it was then; NULL: that makes no difference. */
	void (*pass)(struct output *o, uint32_t name);
	/* What was claimed up to this number may be sent; NULL: it never claims. */
	void (*claimed)(struct output *o, uint64_t upto);
	/* Calls output_deinit once nothing of it is open any more. */
	void (*free)(struct output *o);
};

/* Stands first in the struct of each class. */
struct output {
	const struct output_class *class;
	struct publish *publish;	/* whose it is */
	struct uv_loop_s *loop;
	const struct conf *conf;	/* the whole of it: TTL and times */
	const struct conf_output *is;	/* what this one is */
	struct roster *roster;
	bool attempted, stopped;

	struct changes pending;		/* what publish.h has brought, and nobody has taken yet */

	struct verify *verify;		/* NULL: there is nobody to ask */
	struct changes verifying, unverified;
	struct buf unverified_why;	/* of the last that was not right */
	uint32_t again;			/* which of unverified was asked for again last */

	uint32_t *published_s, *verified_s;	/* of each user, seconds since 1970; verified_s may be NULL */
	int64_t last_published_s, last_verified_s, failed_s;
	struct buf trouble;		/* output_trouble; empty: all is well */
	struct buf last_error;
};

/* Not all names are in all outputs. */
static inline bool output_covers(const struct output *o, uint32_t name)
{
	return conf_output_covers(o->is, users_name(o->roster->users, name), NULL);
}

/* Fills a zeroed struct that the class begins with. 0 or a negative errno; output_deinit in any case. */
int output_init(struct output *o, const struct output_class *class, struct uv_loop_s *loop,
		const struct conf *conf, const struct conf_output *is, struct roster *roster,
		struct publish *publish);
void output_deinit(struct output *o);

/* The two constructors. Commands that are taken over are NULL then, also when it fails. */
int section_file_new(struct uv_loop_s *loop, const struct conf *conf, const struct conf_output *is,
		     struct roster *roster, struct output_commands *commands, struct publish *publish,
		     struct output **ret);
int rfc2136_new(struct uv_loop_s *loop, const struct conf *conf, const struct conf_output *is,
		struct roster *roster, struct publish *publish, struct output **ret);

/* --- for the classes --- */

/* Until when nothing is tried again after failures. A zeroed one is none. */
struct output_pause {
	uint64_t not_before_ms;
	uint64_t ms;	/* how long it was made to be */
};

enum { OUTPUT_PAUSE_FIRST_MS = 1000, OUTPUT_PAUSE_MAX_MS = 60 * 1000 };

/* A new failure, or one more: from now_ms on, twice as long as the one before. Returns how long. */
uint64_t output_pause_grow(struct output_pause *p, uint64_t now_ms);

/* The log: "updating record for NAME to ADDRESSES", and where, unless it is plain. */
void output_say_change(const struct output *o, uint32_t name);

/* It is published: notes the time, and has it verified. */
void output_published(struct output *o, const struct change *change);

/* A failure, said once, until it changes or ends: "unable to DO WHAT: WHY; NEXT". said: the last WHY. */
void output_trouble(struct output *o, struct buf *said, const char *do_what, const char *what, const char *why,
		    const char *next);

/* All is well; said when it was not: "publishing to WHAT again". */
void output_trouble_end(struct output *o, struct buf *said, const char *what);

/* A failure that was logged already: for the status. */
void output_note_error(struct output *o, const char *why);

/* Moves what is noted of the old roster's names to another list, by their numbers in the output's present roster.
 * Names that the output has no longer are left; without memory, others too. */
void output_renumber(const struct output *o, const struct roster *old, struct changes *from,
		     struct changes *to);

/* Asks once more for what was not right when it was asked for: for as many as there are places, and for others next
 * time. */
void output_verify_again(struct output *o);

/* --- what is told to publish.c, and is there --- */

void output_attempted(struct output *o);	/* the first publish, whatever became of it; only once it counts */
void output_stopped(struct output *o);		/* as well */
void output_lost(struct output *o);		/* the command's helper is gone */
void output_progress(struct output *o);
void output_remember(struct output *o);		/* print_memory tells something else now */
uint64_t output_claim(struct output *o, const char *lines, size_t n);	/* and has to before it is sent */

/* --- for publish.c --- */

/* What the class says of the name, and what became of the question to the name servers. */
enum publish_where output_where(struct output *o, uint32_t name, const char **ret_why);

/* The output has another configuration and roster now. What was pending is noted by its new number. 0 or
 * -ENOMEM. */
int output_replace(struct output *o, const struct conf *conf, const struct conf_output *is,
		   struct roster *roster);
