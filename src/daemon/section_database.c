/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* tinydns's database where we write it (database.h): what is pending goes there at once, and the text follows
 * (section_text.c). What stands outside of the section is compiled by tinydns-data (compile.h), once it has
 * changed; if that fails, what was compiled last stays in force, and users' addresses follow all the same. */

#include "daemon/section_file_impl.h"

#include "base/background.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "core/users.h"
#include "daemon/command.h"
#include "daemon/compile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(uv_timer_t *timer)
{
	section_step(timer->data);
}

/* The next step, unless there is one earlier. */
static void arm(struct section_file *p, uint64_t at_ms)
{
	uint64_t now = uv_now(p->o.loop);

	if (uv_is_active((uv_handle_t *)&p->db.timer) && p->db.timer_ms <= at_ms) {
		return;
	}
	p->db.timer_ms = at_ms;
	/* Fails only without a function. */
	(void)uv_timer_start(&p->db.timer, on_timer, at_ms > now ? at_ms - now : 1, 0);
}

/* --- trouble --- */

static void publish_fails(struct section_file *p, const char *why)
{
	(void)output_pause_grow(&p->db.pause, uv_now(p->o.loop));
	arm(p, p->db.pause.not_before_ms);
	output_trouble(&p->o, &p->db.trouble, "publish to", p->o.is->database, why, "what it has stays; trying again");
	p->wanted = true;	/* the text can have it all the same, for make(1) and the next start */
	output_attempted(&p->o);
}

static void compile_fails(struct section_file *p, const char *why)
{
	(void)output_pause_grow(&p->db.compile_pause, uv_now(p->o.loop));
	arm(p, p->db.compile_pause.not_before_ms);
	output_trouble(&p->o, &p->db.compile_trouble, "compile", p->o.is->file, why,
		       p->db.has_rest ? "of what is not ours, what was compiled last stays in force; trying again" :
					"nothing is published until that is mended; trying again");
	output_attempted(&p->o);
}

/* --- what is not ours --- */

static void begin_compiling(struct section_file *p)
{
	struct section_database *db = &p->db;
	int r;

	if (db->compiling || !db->next_rest.len) {
		return;
	}
	if (uv_now(p->o.loop) < db->compile_pause.not_before_ms) {
		arm(p, db->compile_pause.not_before_ms);
		return;
	}
	r = compile_start(db->compile, &db->next_rest, p->o.conf->make_timeout_ms);
	if (r) {
		compile_fails(p, strerror(-r));
		return;
	}
	db->compiling = true;
	db->stale = false;
	if (!db->has_rest) {	/* what is published first bears its time, even if a newer text cannot be compiled */
		db->version = db->text_version;
	}
}

static void take_compiled(struct section_file *p, struct buf *cdb, uint32_t serial)
{
	struct section_database *db = &p->db;
	int r = database_set_rest(db->database, cdb, serial);

	if (r) {
		compile_fails(p, r == -ENOMEM ? "out of memory" : "tinydns-data made no database of it");
		return;
	}
	if (db->compile_trouble.len) {
		log_info("%s can be compiled again", p->o.is->file);
		buf_clear(&db->compile_trouble);
	}
	db->compile_pause = (struct output_pause){ 0 };
	db->has_rest = db->wanted = true;
	if (!db->stale) {	/* else there is a newer one */
		buf_deinit(&db->next_rest);
	}
}

static void on_compiled(void *arg, struct buf *cdb, uint32_t serial, const char *why)
{
	struct section_file *p = arg;

	p->db.compiling = false;
	uv_update_time(p->o.loop);
	if (cdb) {
		take_compiled(p, cdb, serial);
	} else {
		compile_fails(p, why);
	}
	section_step(p);
}

void section_database_take_text(struct section_file *p, bool is_written)
{
	struct section_database *db = &p->db;
	struct timespec time;

	if (p->text.rest.len) {
		buf_deinit(&db->next_rest);
		db->next_rest = p->text.rest;
		p->text.rest = (struct buf){ 0 };
		db->stale = db->compiling;
		db->compile_pause = (struct output_pause){ 0 };	/* somebody has mended it, perhaps */
	}
	if (splice_time(p->splice, &time)) {
		return;	/* it was changed already, and is looked at again */
	}
	if (!is_written && db->has_version && file_is_later(&db->text_version, &time)) {
		/* From a backup, with its time: serials would go back, and secondaries would not see it. */
		p->wanted = p->anew = true;
	} else {
		db->text_version = time;
		db->has_version = true;
	}
}

/* --- publishing --- */

static bool covers(const void *arg, uint32_t name)
{
	return output_covers(arg, name);
}

static int put(struct section_file *p, const struct timespec *version)
{
	const struct database_content content = {
		.users = p->o.roster->users,
		.sets = p->o.roster->sets,
		.covers = covers,
		.arg = &p->o,
		.ttl = p->o.conf->ttl,
	};
	_cleanup_(free_ptr) uint32_t *names = calloc(p->o.pending.n + 1u, sizeof(*names));

	if (!names) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < p->o.pending.n; i++) {
		names[i] = p->o.pending.list[i].name;
	}
	return database_put(p->db.database, &content, p->db.wanted ? NULL : names, p->o.pending.n, version);
}

/* The name server has it; the text follows. */
static void note_published(struct section_file *p)
{
	struct changes *pending = &p->o.pending;

	if (!pending->n) {
		return;
	}
	for (uint32_t i = 0; i < pending->n; i++) {
		output_say_change(&p->o, pending->list[i].name);
		output_published(&p->o, &pending->list[i]);
		(void)changes_note(&p->behind, pending->list[i].name, NULL);	/* without memory, the end does not wait for it */
	}
	changes_clear(pending);
	p->follows_ms = p->wanted ? p->follows_ms : uv_now(p->o.loop);
	p->wanted = true;
	output_remember(&p->o);
	output_progress(&p->o);
}

static void on_watch(uv_poll_t *poll, int status, int events);

static void follow(struct section_file *p)
{
	if (p->db.polls) {	/* else each publish looks */
		(void)uv_poll_start(&p->db.poll, UV_READABLE, on_watch);
	}
}

static void copy(uv_work_t *work)
{
	struct section_file *p = work->data;

	background_become();
	(void)database_copy(p->db.database);	/* without a second one, the next is made whole */
}

static void on_copied(uv_work_t *work, int status)
{
	struct section_file *p = work->data;

	(void)status;	/* nobody cancels it */
	p->db.copying = false;
	if (!section_work_ended(p)) {
		return;
	}
	follow(p);
	section_step(p);
}

static void begin_copying(struct section_file *p)
{
	p->db.copying = true;
	if (p->db.polls) {
		(void)uv_poll_stop(&p->db.poll);	/* cannot fail */
	}
	section_work_begin(p, &p->db.copy, copy, on_copied);
}

/* Whether what stands there now has to wait for the text: who made a database of his own may have done so because
 * he has edited the text. Where the text has troubles of its own, or the command comes first, nobody
 * waits. */
static bool waits_for_text(const struct section_file *p)
{
	const struct section_database *db = &p->db;

	return (db->after_text && !p->o.trouble.len && !p->running) ||
	       (db->wanted && db->next_rest.len && !db->compile_trouble.len);
}

/* A database that is not ours: it is made once more. */
static void take_foreign(struct section_file *p)
{
	if (!p->db.foreign_said) {
		p->db.foreign_said = true;
		log_info("%s was made by somebody else; making it once more. That is so whenever it "
			 "happens, and is said this once", p->o.is->database);
	}
	p->db.wanted = true;
	/* The splice is the thread's while it writes; at its end it is asked. */
	p->db.after_text = p->text.doing == TEXT_WRITES || !splice_is_known(p->splice);
	p->wanted = p->wanted || p->db.after_text;
}

void section_database_step(struct section_file *p)
{
	struct section_database *db = &p->db;
	struct timespec version;
	int r;

	if (!db->database) {
		return;
	}
	begin_compiling(p);
	version = db->next_rest.len ? db->version : db->text_version;	/* of a text whose other part it has */
	if (!db->has_rest || !db->has_version || db->copying || waits_for_text(p) ||
	    (!p->o.pending.n && !db->wanted && version.tv_sec == db->version.tv_sec &&
	     version.tv_nsec == db->version.tv_nsec)) {
		return;
	}
	if (uv_now(p->o.loop) < db->pause.not_before_ms) {
		arm(p, db->pause.not_before_ms);
		return;
	}
	if (database_look(db->database)) {	/* before the watch has told */
		take_foreign(p);
		if (waits_for_text(p)) {
			return;
		}
	}
	r = put(p, &version);
	if (r) {
		publish_fails(p, r == -ENOMEM ? "out of memory" : database_trouble(db->database));
		return;
	}
	db->wanted = false;
	db->version = version;
	db->pause = (struct output_pause){ 0 };
	output_trouble_end(&p->o, &db->trouble, p->o.is->database);
	note_published(p);
	output_attempted(&p->o);
	if (database_wants_copy(db->database)) {
		begin_copying(p);
	}
}

static void on_watch(uv_poll_t *poll, int status, int events)
{
	struct section_file *p = poll->data;

	(void)status;	/* the look finds out */
	(void)events;
	if (database_look(p->db.database)) {
		take_foreign(p);
	}
	section_step(p);
}

/* --- for the others --- */

enum publish_where section_database_where(struct section_file *p, bool waits, const char **ret_why)
{
	struct section_database *db = &p->db;
	struct buf *trouble = &db->trouble;

	if (!db->has_rest && db->compile_trouble.len) {
		trouble = &db->compile_trouble;
	} else if (!db->has_rest && p->o.trouble.len) {
		trouble = &p->o.trouble;
	}
	if (trouble->len) {
		*ret_why = buf_str(trouble);
		return PUBLISH_FAILS;
	}
	return waits || !db->has_rest || db->wanted ? PUBLISH_WAITS : PUBLISH_DONE;
}

int section_database_open(struct section_file *p, struct command **compiler)
{
	const struct compile_handlers handlers = { .done = on_compiled, .lost = section_lost, .arg = p };
	struct section_database *db = &p->db;
	int r;

	if (!p->o.is->database) {
		return 0;
	}
	(void)signal(SIGIO, SIG_IGN);	/* sent to who holds a lease that is broken; database.h */
	r = compile_new(p->o.loop, compiler, p->o.conf->state, p->o.is->name, &handlers, &db->compile);
	if (!r) {
		r = database_new(p->o.is->database, &db->database);
	}
	if (!r && !uv_poll_init(p->o.loop, &db->poll, database_fd(db->database))) {
		db->poll.data = p;
		db->polls = true;
		p->n_handles++;
		follow(p);
	}
	return r;
}

void section_database_close(struct section_file *p)
{
	struct section_database *db = &p->db;

	db->compile = compile_free(db->compile);
	buf_deinit(&db->next_rest);
	buf_deinit(&db->trouble);
	buf_deinit(&db->compile_trouble);
}
