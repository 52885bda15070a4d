/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Bringing the file up to date. The lines are gathered in slices, between other things; then a thread puts them
 * into the file (splice.h), for with a million names that takes a tenth of a second, and a disk longer still.
 * What changes in the meantime goes with the next. */

#include "daemon/section_file_impl.h"

#include "base/background.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/users.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	BUSY_SAID_MS = 10 * 1000,
	WATCH_PAUSE_MS = 2,	/* what happens in the directory so soon is looked at together */
	BUSY_MS = 200,		/* somebody is writing to the data file: look again soon */
	SLICE_NS = 200 * 1000,	/* of gathering, in one turn of the loop */
	SLICE_NAMES = 64,	/* between two looks at the clock */
	KEPT_MAX = 1 << 20,	/* bytes of memory that are kept for the next time */
};

static void on_watch_timer(uv_timer_t *timer);

void section_arm_watch(struct section_file *p)
{
	int64_t due = p->text.doing == TEXT_WRITES || p->watch_pauses ? -1 : splice_due_ms(p->splice);

	if (due >= 0) {	/* never 0: such a timer, armed by itself, would let nothing else run */
		(void)uv_timer_start(&p->watch_timer, on_watch_timer, (uint64_t)(due ? due : 1), 0);
	}
}

/* --- the thread --- */

static void on_foreign(void *arg, const char *body, size_t n)
{
	struct section_file *p = arg;
	const struct buf old = { .data = (char *)body, .len = n };	/* which is only read */

	p->text.is_foreign = true;
	buf_clear(&p->text.diff.removed);
	buf_clear(&p->text.diff.added);
	section_diff(&old, &p->text.body, &p->text.diff);
}

/* What is outside of the section, for the compiler: our part is one line that it marks, and as many empty ones
 * as leave each line its number, which stands in the compiler's messages. The mark takes the place of the
 * marker that begins the section. */
static void make_rest(struct section_file *p, const char *text, size_t n, const struct section *s)
{
	struct buf *to = &p->text.rest;
	size_t head = s->begin - 1;

	while (head && text[head - 1] != '\n') {
		head--;
	}
	buf_clear(to);
	buf_add(to, text, head);
	buf_adds(to, database_mark(p->db.database));
	for (size_t i = s->begin; i < s->end; i++) {
		if (text[i] == '\n') {
			buf_adds(to, "\n");
		}
	}
	buf_add(to, text + s->end, n - s->end);
}

static void on_settled(void *arg, const char *text, size_t n, const struct section *s)
{
	struct section_file *p = arg;
	uint64_t print = hash_add(hash_add(HASH_BEGIN, text, s->begin), text + s->end, n - s->end);

	if (print != p->text.rest_print) {
		make_rest(p, text, n, s);
		p->text.rest_print = buf_error(&p->text.rest) ? 0 : print;
		if (!p->text.rest_print) {
			buf_deinit(&p->text.rest);	/* part of it would be compiled */
		}
	}
}

/* A text that is written anew because it came from a backup has to have another second than the one before it, of
 * which its own time says nothing. */
static struct timespec time_of_last(const struct section_file *p)
{
	const struct timespec product = section_newest_product(p);
	const struct timespec text = { .tv_sec = p->db.text_version.tv_sec, .tv_nsec = 999999999 };

	return p->text.anew && p->db.has_version && file_is_later(&text, &product) ? text : product;
}

static void write_text(uv_work_t *work)
{
	struct section_file *p = work->data;
	struct section_text *t = &p->text;
	struct splice_put put = {
		.body = &t->body,
		.even_if_same = t->anew,
		.next_second = t->next_second,
		.foreign = on_foreign,
		.settled = p->db.database ? on_settled : NULL,
		.arg = p,
	};

	if (p->db.database) {	/* else the name server waits for it */
		background_become();
	}
	t->is_foreign = false;
	t->outcome = splice_open(p->splice);	/* in any case: it forgets how far the last one came */
	if (!t->outcome) {
		t->outcome = buf_error(&t->body);
	}
	if (!t->outcome) {
		put.not_before = time_of_last(p);
		t->outcome = splice_put(p->splice, &put);
	}
	if (t->body.size > KEPT_MAX) {	/* here, for the kernel takes milliseconds to take it back */
		buf_deinit(&t->body);
	}
	if (t->sync_fd >= 0) {	/* should it fail: all is made anew at the start */
		(void)fdatasync(t->sync_fd);
		t->sync_fd = close_fd(t->sync_fd);
	}
}

/* --- the outcome --- */

static void say_messages(struct section_file *p)
{
	const struct buf *b = &p->text.messages;

	for (size_t i = 0; i < b->len; i += strlen(b->data + i + 1) + 2) {
		log_write(b->data[i], "%s", b->data + i + 1);
	}
	buf_clear(&p->text.messages);
}

/* The command that writes a file there in small pieces, as tinydns-data does, makes an event with each, and is not to
 * be held up by us who read them. */
static void on_watch(uv_poll_t *poll, int status, int events)
{
	struct section_file *p = poll->data;

	(void)status;	/* the look finds out */
	(void)events;
	if (!p->running) {
		section_look(p);
		section_step(p);
		return;
	}
	(void)uv_poll_stop(poll);	/* cannot fail */
	p->watch_pauses = true;
	(void)uv_timer_start(&p->watch_timer, on_watch_timer, WATCH_PAUSE_MS, 0);	/* fails only without a callback */
}

/* The splice has a watch once it has found the file's directory. */
static void follow(struct section_file *p)
{
	if (!p->polls && splice_fd(p->splice) >= 0 &&
	    !uv_poll_init(p->o.loop, &p->poll, splice_fd(p->splice))) {
		p->poll.data = p;
		p->polls = true;
		p->n_handles++;
	}
	if (p->polls) {	/* else the sweep serves */
		(void)uv_poll_start(&p->poll, UV_READABLE, on_watch);
	}
}

/* What is to be brought into the file. */
static struct changes *backlog_of(struct section_file *p)
{
	return p->db.database ? &p->behind : &p->o.pending;
}

/* What was on its way is to be written again, in the old order. */
static void put_back(struct section_file *p)
{
	struct changes *backlog = backlog_of(p), newer = *backlog;

	/* Without memory, who waits for the newer ones is told too early; they are all written. */
	(void)changes_move(&p->writing, &newer);
	changes_clear(&newer);
	*backlog = p->writing;
	p->writing = newer;
	p->wanted = true;
	p->anew = p->anew || p->text.anew;
}

static void trouble(struct section_file *p, const char *why, const char *next)
{
	output_trouble(&p->o, &p->o.trouble, "publish to", p->o.is->file, why, next);
}

static void take_busy(struct section_file *p)
{
	uint64_t now = uv_now(p->o.loop);

	p->pause.not_before_ms = now + BUSY_MS;
	p->busy_since_ms = p->busy_since_ms ? p->busy_since_ms : now;
	if (now - p->busy_since_ms > BUSY_SAID_MS) {
		trouble(p, splice_trouble(p->splice), "waiting for him to end");
	}
}

static void take_failure(struct section_file *p)
{
	int r = p->text.outcome;

	(void)output_pause_grow(&p->pause, uv_now(p->o.loop));
	p->busy_since_ms = 0;
	if (r == SPLICE_E_SECTION) {
		trouble(p, splice_trouble(p->splice), "nothing is written until that is mended");
		return;
	}
	p->anew = true;		/* the new file may be in place all the same: compile it */
	trouble(p, r == -ENOMEM ? "out of memory" : splice_trouble(p->splice),
		splice_in_place(p->splice) ? "the new file is in place, but a power cut may undo it; trying again" :
					     "the old file stays; trying again");
}

/* The file has it. */
static void take_success(struct section_file *p, bool is_written)
{
	bool first = !p->seen_section;

	output_trouble_end(&p->o, &p->o.trouble, p->o.is->file);
	p->busy_since_ms = 0;
	p->seen_section = true;
	if (!p->command_trouble.len) {
		p->pause = (struct output_pause){ 0 };
	}
	if (is_written && p->text.is_foreign) {
		section_say_differences(p, &p->text.diff, !first && !p->writing.n);
	}
	buf_deinit(&p->text.diff.removed);	/* it may be all of it */
	buf_deinit(&p->text.diff.added);
	/* The same bytes may have been rendered by the last write, of a name that changed while it was on its way. */
	for (uint32_t i = 0; (is_written || !first) && !p->db.database && i < p->writing.n; i++) {
		output_say_change(&p->o, p->writing.list[i].name);
	}
	if (p->writing.n) {
		output_remember(&p->o);	/* they are not behind any more */
	}
	if (p->db.database) {
		changes_clear(&p->writing);
		section_database_take_text(p, is_written);
	} else if (changes_move(&p->written, &p->writing)) {
		changes_clear(&p->writing);	/* only who waits for it is told too early */
	}
	p->unrun = is_written || (first && (p->db.database || section_product_is_old(p)));
	p->command_due = p->command_due || p->unrun;
}

static void note_serial(struct section_file *p)
{
	uint32_t before = p->serial;

	p->has_serial = splice_serial(p->splice, &p->serial);
	if (p->has_serial && p->serial != before) {
		output_remember(&p->o);
	}
}

static void on_written(uv_work_t *work, int status)
{
	struct section_file *p = work->data;
	int r = p->text.outcome;

	(void)status;	/* nobody cancels it */
	p->text.doing = TEXT_RESTS;
	say_messages(p);
	if (!section_work_ended(p)) {
		return;
	}
	follow(p);
	if (!r) {
		p->last_ms = p->text.began_ms;
	}
	if (!r || r == SPLICE_E_SAME) {
		note_serial(p);
		take_success(p, !r);
	} else {
		put_back(p);
		if (r == SPLICE_E_BUSY) {
			take_busy(p);
		} else {
			take_failure(p);
		}
	}
	section_look(p);	/* what somebody wrote in the meantime comes before the next of ours */
	/* It may have been edited, and compiled by hand, after it was read. */
	p->db.after_text = p->db.after_text && p->wanted && !splice_is_known(p->splice);
	section_step(p);
}

/* --- gathering --- */

static void hand_to_thread(struct section_file *p)
{
	(void)uv_idle_stop(&p->text.idle);	/* cannot fail */
	if (p->polls) {
		(void)uv_poll_stop(&p->poll);	/* cannot fail; follow() begins again */
	}
	(void)uv_timer_stop(&p->watch_timer);
	p->watch_pauses = false;
	p->text.next_second = p->format->by_second && p->o.conf->publish_interval_ms > 0;
	p->text.began_ms = uv_now(p->o.loop);
	p->text.sync_fd = p->db.database ? database_dup(p->db.database) : -1;
	p->text.doing = TEXT_WRITES;
	section_work_begin(p, &p->text.work, write_text, on_written);
}

static void gather(struct section_file *p)
{
	const struct roster *roster = p->o.roster;
	struct section_text *t = &p->text;
	uint64_t end = uv_hrtime() + SLICE_NS;

	do {
		for (int i = 0; i < SLICE_NAMES && t->at < roster->users->n_names; i++, t->at++) {
			if (roster->sets[t->at] && output_covers(&p->o, t->at)) {
				p->format->render(&t->body, users_name(roster->users, t->at),
						  roster->sets[t->at], p->o.conf->ttl);
			}
		}
	} while (t->at < roster->users->n_names && uv_hrtime() < end);
	if (t->at == roster->users->n_names) {
		hand_to_thread(p);
	}
}

static void on_idle(uv_idle_t *idle)
{
	gather(idle->data);
}

/* What the section says of users whose files are missing is all that is known of them, where the state does not tell. */
static bool recall(struct section_file *p)
{
	int r = p->unread ? section_recall(p) : 0;

	if (r) {
		say_messages(p);
		follow(p);
		p->text.outcome = r;
		take_failure(p);
	}
	return !r;
}

void section_text_begin(struct section_file *p)
{
	struct section_text *t = &p->text;

	if (!recall(p)) {
		return;
	}
	t->doing = TEXT_GATHERS;
	t->at = 0;
	t->anew = p->anew;
	buf_clear(&t->body);
	p->wanted = p->anew = false;
	/* Without memory they are written all the same, and told of next time. */
	(void)changes_move(&p->writing, backlog_of(p));
	(void)uv_idle_start(&t->idle, on_idle);	/* fails only without a function */
	gather(p);
}

void section_text_restart(struct section_file *p)
{
	if (p->text.doing == TEXT_GATHERS) {
		(void)uv_idle_stop(&p->text.idle);	/* cannot fail */
		p->text.doing = TEXT_RESTS;
		put_back(p);
	}
	p->wanted = true;
}

/* --- what the watch tells --- */

void section_look(struct section_file *p)
{
	struct splice_seen seen;

	if (p->text.doing == TEXT_WRITES) {
		return;		/* it will be looked at afterwards */
	}
	splice_look(p->splice, &seen);
	if (seen.file && p->begun) {
		section_take_edit(p);
		p->wanted = true;
		/* Whoever changed it may have mended it, or be done with writing. */
		if (p->o.trouble.len || p->busy_since_ms) {
			p->pause.not_before_ms = 0;
		}
	}
	if (seen.merged) {	/* in the time of whoever wrote it: made anew, with one of ours */
		p->wanted = p->anew = true;
	}
	section_take_compiled(p, seen.n_compiled);
}

static void on_watch_timer(uv_timer_t *timer)
{
	struct section_file *p = timer->data;

	if (p->watch_pauses) {
		p->watch_pauses = false;
		follow(p);
	}
	section_look(p);
	section_step(p);
}
