/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* An output that is a section in a file, and a command that makes the name server take it: all formats have
 * the way into the file (splice.h), the command's helper (command.h) and the retries in common. Here is what is
 * done when. */

#include "daemon/section_file_impl.h"

#include "core/text.h"
#include "core/users.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLLOW_MS = 10 };	/* so long whoever asks for what was just published has the processors */

static void on_timer(uv_timer_t *timer)
{
	section_step(timer->data);
}

/* --- the memory --- */

/* A line of the file's serial: no name has a blank. */
#define SERIAL "serial "

static bool take_serial(struct section_file *p, struct text t)
{
	uint64_t serial = 0;

	if (!text_begins(t, SERIAL)) {
		return false;
	}
	for (size_t i = strlen(SERIAL); i < t.n && serial <= UINT32_MAX; i++) {
		if (t.at[i] < '0' || t.at[i] > '9') {
			return false;
		}
		serial = serial * 10 + (uint64_t)(t.at[i] - '0');
	}
	if (serial > UINT32_MAX) {
		return false;
	}
	splice_remember_serial(p->splice, (uint32_t)serial);
	p->has_serial = splice_serial(p->splice, &p->serial);
	return true;
}

static bool print_memory(struct output *o, uint32_t number, struct buf *to)
{
	const struct section_file *p = (const struct section_file *)o;

	if (number >= o->roster->users->n_names) {
		bool has = p->has_serial && number == o->roster->users->n_names;

		if (has) {
			buf_printf(to, " %s " SERIAL "%u\n", o->is->name, p->serial);
		}
		return has;
	}
	if (changes_has(&o->pending, number) || changes_has(&p->writing, number) ||
	    changes_has(&p->behind, number)) {
		buf_printf(to, " %s %s\n", o->is->name, users_name(o->roster->users, number));
	}
	return true;
}

static void take_memory(struct output *o, const char *text, size_t n)
{
	struct section_file *p = section_file_of(o);
	uint32_t name = users_find_name(o->roster->users, text, n);

	if (!take_serial(p, (struct text){ text, n }) && name != TABLE_NONE) {
		(void)changes_note(&p->behind, name, NULL);	/* without memory the section counts */
	}
}

/* --- the clockwork --- */

/* When the next write may be: after the pause of a failure, and an interval after the last; what the file lacks at
 * the end is not put off, nor what the database waits for. */
static uint64_t next_write_ms(const struct section_file *p)
{
	bool hurries = p->stopping || p->db.after_text;
	uint64_t at = p->last_ms && p->format->by_second && !hurries ?
			      p->last_ms + p->o.conf->publish_interval_ms : 0;

	if (p->follows_ms && !hurries && p->follows_ms + FOLLOW_MS > at) {
		at = p->follows_ms + FOLLOW_MS;
	}
	return at > p->pause.not_before_ms ? at : p->pause.not_before_ms;
}

/* The end comes when nothing is under way, and, where the file only follows, it has followed: once, and a failure
 * does not hold us up. */
static bool may_stop(struct section_file *p)
{
	bool lacks = p->db.database && p->behind.n && !p->o.trouble.len;

	return !lacks && !p->db.copying;
}

static void arm_next(struct section_file *p, uint64_t now)
{
	uint64_t at;

	if (!p->wanted && !p->command_due) {
		return;
	}
	/* What is still to be written waits for its time; what was written is compiled before. */
	at = p->command_due ? p->pause.not_before_ms : next_write_ms(p);
	(void)uv_timer_start(&p->timer, on_timer, at > now ? at - now : 1, 0);	/* fails only without a callback */
}

/* What was written goes through the command before anything is written again, so that it is not put off for
 * ever; what comes while the command fails is written before it is tried again, so that once is enough. */
static bool runs_first(const struct section_file *p, uint64_t now)
{
	return p->command_due && now >= p->pause.not_before_ms &&
	       (p->unrun || !p->wanted || now < next_write_ms(p));
}

/* Begins what can be begun now. */
static void begin(struct section_file *p, uint64_t now)
{
	if (runs_first(p, now)) {
		section_command_run(p);
	} else if (p->wanted && now >= next_write_ms(p)) {
		section_text_begin(p);
	}
}

void section_step(struct section_file *p)
{
	uint64_t now = uv_now(p->o.loop);

	section_arm_watch(p);
	if (!p->begun) {
		return;
	}
	section_database_step(p);
	if (p->running || p->text.doing) {
		return;
	}
	p->command_due = p->command_due && p->command;
	if (p->stopping && may_stop(p) && !(p->command_due && p->unrun)) {
		p->begun = false;
		output_stopped(&p->o);
		return;
	}
	if (!p->command_due && p->written.n) {
		section_all_published(p);
	}
	begin(p, now);
	if (!p->running && !p->text.doing) {
		if (!p->db.database) {
			output_attempted(&p->o);
		}
		arm_next(p, now);
	}
}

static void changed(struct output *o, bool again)
{
	struct section_file *p = section_file_of(o);

	(void)again;		/* it is compared each time */
	/* Where the database is published, the file follows once that has it. */
	p->wanted = p->wanted || again || !p->begun || !p->db.database;
	p->begun = true;
	p->n_foreign = 0;
	section_step(p);
	if (again) {
		output_verify_again(o);
	}
}

static void hurry(struct output *o)
{
	struct section_file *p = section_file_of(o);

	p->pause = p->db.pause = p->db.compile_pause = (struct output_pause){ 0 };
}

static void stop(struct output *o)
{
	struct section_file *p = section_file_of(o);

	p->stopping = true;
	p->begun = true;
	section_step(p);
}

/* What is on its way has other numbers now. */
static int renumber(struct output *o, const struct roster *old, struct changes *c)
{
	struct changes now;
	int r;

	r = changes_init(&now, o->roster->users->n_names);
	if (!r) {
		r = changes_reserve(&now, c->n);
	}
	if (r) {
		changes_deinit(&now);
		return r;
	}
	output_renumber(o, old, c, &now);	/* there is room */
	changes_deinit(c);
	*c = now;
	return 0;
}

static int replace(struct output *o, const struct roster *old)
{
	struct section_file *p = section_file_of(o);
	struct changes *lists[] = { &p->writing, &p->written, &p->behind };
	int r = 0;

	for (unsigned i = 0; !r && i < sizeof(lists) / sizeof(*lists); i++) {
		r = renumber(o, old, lists[i]);
	}
	section_text_restart(p);	/* which puts some back among those that have the new numbers */
	p->db.wanted = true;
	return r;
}

static enum publish_where where(struct output *o, uint32_t name, const char **ret_why)
{
	struct section_file *p = section_file_of(o);

	if (p->db.database) {
		return section_database_where(p, changes_has(&o->pending, name), ret_why);
	}
	if (o->trouble.len && (p->wanted || !p->seen_section)) {
		*ret_why = buf_str(&o->trouble);
		return PUBLISH_FAILS;
	}
	if (!p->seen_section || changes_has(&o->pending, name) || changes_has(&p->writing, name)) {
		return PUBLISH_WAITS;
	}
	/* Until it has run once since the start, nobody knows what it has left. */
	if (!p->command_due && !changes_has(&p->written, name)) {
		return PUBLISH_DONE;
	}
	if (p->command_trouble.len) {
		*ret_why = buf_str(&p->command_trouble);
		return PUBLISH_FAILS;
	}
	return changes_has(&p->written, name) ? PUBLISH_WAITS : PUBLISH_DONE;
}

static enum publish_where whole(struct output *o, const char **ret_why, uint32_t *ret_waiting)
{
	struct section_file *p = section_file_of(o);
	/* That of the compiler is not users', whose addresses follow all the same. */
	struct buf *trouble = o->trouble.len	     ? &o->trouble :
			      p->command_trouble.len ? &p->command_trouble :
						       &p->db.compile_trouble;

	*ret_waiting = o->pending.n + p->written.n + (p->db.database ? 0 : p->writing.n);
	if (trouble->len) {
		*ret_why = buf_str(trouble);
		return PUBLISH_FAILS;
	}
	if (p->db.database) {
		return section_database_where(p, *ret_waiting, ret_why);
	}
	return p->seen_section && !*ret_waiting && !p->command_due ? PUBLISH_DONE : PUBLISH_WAITS;
}

/* --- making and unmaking --- */

void section_lost(void *arg)
{
	struct section_file *p = arg;

	output_lost(&p->o);
}

/* A handle or a piece of work is done with. */
static void let_go(struct section_file *p)
{
	if (--p->n_handles) {
		return;
	}
	splice_free(p->splice);
	database_free(p->db.database);
	buf_deinit(&p->text.body);
	buf_deinit(&p->text.messages);
	buf_deinit(&p->text.diff.removed);
	buf_deinit(&p->text.diff.added);
	buf_deinit(&p->text.rest);
	buf_deinit(&p->command_trouble);
	buf_deinit(&p->command_name);
	changes_deinit(&p->writing);
	changes_deinit(&p->written);
	changes_deinit(&p->behind);
	free(p);
}

void section_work_begin(struct section_file *p, uv_work_t *work, uv_work_cb run, uv_after_work_cb ended)
{
	work->data = p;
	p->n_handles++;
	(void)uv_queue_work(p->o.loop, work, run, ended);	/* fails only without a function */
}

bool section_work_ended(struct section_file *p)
{
	if (uv_is_closing((uv_handle_t *)&p->timer)) {
		let_go(p);
		return false;
	}
	p->n_handles--;
	uv_update_time(p->o.loop);
	return true;
}

static void closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

/* What a thread still does is waited for; nothing else happens any more. */
static void close_all(struct output *o)
{
	struct section_file *p = section_file_of(o);

	p->command = command_free(p->command);
	section_database_close(p);
	output_deinit(o);
	if (p->polls) {
		uv_close((uv_handle_t *)&p->poll, closed);
	}
	if (p->db.polls) {
		uv_close((uv_handle_t *)&p->db.poll, closed);
	}
	uv_close((uv_handle_t *)&p->db.timer, closed);
	uv_close((uv_handle_t *)&p->timer, closed);
	uv_close((uv_handle_t *)&p->watch_timer, closed);
	uv_close((uv_handle_t *)&p->text.idle, closed);
}

static const struct output_class class_section_file = {
	.changed = changed,
	.hurry = hurry,
	.stop = stop,
	.replace = replace,
	.remember = section_remember,
	.where = where,
	.whole = whole,
	.print_memory = print_memory,
	.take_memory = take_memory,
	.free = close_all,
};

/* The thread's are said when it is done. */
static void on_splice_log(void *arg, int priority, const char *message)
{
	struct section_file *p = arg;
	char first = (char)priority;

	if (p->text.doing == TEXT_WRITES) {
		buf_add(&p->text.messages, &first, 1);
		buf_add(&p->text.messages, message, strlen(message) + 1);
	} else {
		log_write(priority, "%s", message);
	}
}

static void on_file_closed(uv_fs_t *req)
{
	uv_fs_req_cleanup(req);
	free(req);
}

static void on_splice_close(void *arg, int fd)
{
	struct section_file *p = arg;
	uv_fs_t *req = malloc(sizeof(*req));

	if (!req) {
		(void)close(fd);	/* it was only read */
		return;
	}
	(void)uv_fs_close(p->o.loop, req, fd, on_file_closed);	/* fails only without a function */
}

/* The splice, the command and the database; what they are called. */
static int open_parts(struct section_file *p, struct command **compiler)
{
	const struct conf_output *is = p->o.is;
	const struct splice_options options = {
		.path = is->file,
		.comment = p->format->comment,
		.compiled = is->database ? NULL : p->format->compiled,
		.is_zone = is->type == CONF_ZONEFILE,
		.raises_serial = is->type == CONF_ZONEFILE && is->serial != CONF_SERIAL_KEEP,
		.hide_kept = p->format->hide_kept,
		.by_rename = p->o.conf->replace == CONF_REPLACE_RENAME,
		.log = on_splice_log,
		.close = on_splice_close,
		.arg = p,
	};
	struct changes *lists[] = { &p->writing, &p->written, &p->behind };
	int r = 0;

	for (unsigned i = 0; !r && i < sizeof(lists) / sizeof(*lists); i++) {
		r = changes_init(lists[i], p->o.roster->users->n_names);
	}
	if (!r) {
		r = splice_new(&options, &p->splice);
	}
	if (!r) {
		r = section_command_open(p);
	}
	return r ? r : section_database_open(p, compiler);
}

int section_file_new(struct uv_loop_s *loop, const struct conf *conf, const struct conf_output *is,
		     struct roster *roster, struct output_commands *commands, struct publish *publish,
		     struct output **ret)
{
	struct section_file *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		return -ENOMEM;
	}
	p->command = steal_ptr(&commands->command);
	p->format = output_format(is);
	(void)uv_timer_init(loop, &p->timer);		/* these cannot fail */
	(void)uv_timer_init(loop, &p->watch_timer);
	(void)uv_timer_init(loop, &p->db.timer);
	(void)uv_idle_init(loop, &p->text.idle);
	p->timer.data = p->watch_timer.data = p->db.timer.data = p->text.idle.data = p;
	p->n_handles = 4;
	r = output_init(&p->o, &class_section_file, loop, conf, is, roster, publish);
	if (!r) {
		r = open_parts(p, &commands->compiler);
	}
	if (r) {
		close_all(&p->o);
		return r;
	}
	*ret = &p->o;
	return 0;
}
