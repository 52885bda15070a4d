/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The command that makes the name server take the file; and what it compiles, where that tells something. */

#include "daemon/section_file_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/command.h"

#include <errno.h>
#include <string.h>

void section_all_published(struct section_file *p)
{
	for (uint32_t i = 0; i < p->written.n; i++) {
		output_published(&p->o, &p->written.list[i]);
	}
	changes_clear(&p->written);
	output_progress(&p->o);
}

struct timespec section_newest_product(const struct section_file *p)
{
	struct timespec t = p->command_end;
	struct stat st;

	if (p->format->compiled && splice_dir(p->splice) && !splice_stat(p->splice, p->format->compiled, &st) &&
	    file_is_later(&st.st_mtim, &t)) {
		t = st.st_mtim;
	}
	return t;
}

/* At what the command makes, and at what it makes that of. false: there is nothing that tells. */
static bool look_at_both(const struct section_file *p, struct stat *ret_product, struct stat *ret_data)
{
	return p->format->compiled && stat(p->o.is->file, ret_data) >= 0 &&
	       !splice_stat(p->splice, p->format->compiled, ret_product);
}

bool section_product_is_old(const struct section_file *p)
{
	struct stat data, product;

	/* Where no file tells, the command has to. */
	return !look_at_both(p, &product, &data) || !file_is_later(&product.st_mtim, &data.st_mtim);
}

/* A compiled file that appeared beside the one our command made may have been made of older data,
 * and two runs of tinydns-data at once spoil each other: then the file is written anew, with a
 * later time, and the command runs once more. Growing pauses keep two machines that answer each
 * other from doing so for ever. */
static void take_foreign(struct section_file *p)
{
	uint64_t pause = p->n_foreign ? (uint64_t)OUTPUT_PAUSE_FIRST_MS << (p->n_foreign < 6 ? p->n_foreign : 6) :
					0;

	if (!p->n_foreign) {
		log_info("%s/%s was made by somebody else; making it once more",
			 splice_dir(p->splice), p->format->compiled);
	}
	p->n_foreign++;
	p->wanted = p->anew = true;
	if (p->pause.not_before_ms < uv_now(p->o.loop) + pause) {
		p->pause.not_before_ms = uv_now(p->o.loop) + pause;
	}
}

void section_take_compiled(struct section_file *p, unsigned n)
{
	struct stat st;

	if (!n || !p->command || !p->begun) {
		return;
	}
	if (p->running) {
		p->n_compiled += n;
	} else if (splice_stat(p->splice, p->format->compiled, &st) ||
		   st.st_ino != p->compiled.st_ino || file_is_later(&st.st_mtim, &p->compiled.st_mtim)) {
		take_foreign(p);
	}
}

/* What was changed while our command ran, or within the clock's tick after it, is not in what it has made, and that has
 * the later time: make(1) would tell the administrator that there is nothing to do. A second earlier, which every file
 * system can tell apart; at worst it is made once more. */
static void outdate_compiled(struct section_file *p)
{
	struct stat data, product;

	if (!p->compiled.st_ino || !look_at_both(p, &product, &data) || !file_same_stat(&product, &p->compiled) ||
	    file_is_later(&data.st_mtim, &product.st_mtim)) {
		return;
	}
	data.st_mtim.tv_sec--;
	(void)splice_set_time(p->splice, p->format->compiled, data.st_mtim);	/* unless it is not ours */
	(void)splice_stat(p->splice, p->format->compiled, &p->compiled);
}

void section_take_edit(struct section_file *p)
{
	if (p->running) {
		p->overtaken = true;
	} else if (!p->db.database) {	/* which has the time of the text that it was made of */
		outdate_compiled(p);
	}
}

static void command_fails(struct section_file *p, const char *why)
{
	buf_clear(&p->command_trouble);
	buf_printf(&p->command_trouble, "%s %s", buf_str(&p->command_name), why);
	output_note_error(&p->o, buf_str(&p->command_trouble));
	output_progress(&p->o);
}

void section_command_run(struct section_file *p)
{
	int r = command_run(p->command, p->o.conf->make_timeout_ms);

	p->unrun = false;
	if (r) {
		log_error("unable to run %s: %s; trying again", buf_str(&p->command_name),
			  strerror(-r));
		command_fails(p, strerror(-r));
		(void)output_pause_grow(&p->pause, uv_now(p->o.loop));
		return;
	}
	p->running = true;
	p->overtaken = false;
	p->n_compiled = 0;
}

static void on_output(void *arg, const char *line, size_t n)
{
	_cleanup_(buf_deinit) struct buf shown = { 0 };
	struct section_file *p = arg;

	buf_add_escaped(&shown, line, n, n);
	log_info("%s: %s", buf_str(&p->command_name), buf_str(&shown));
}

static const char *how_it_ended(struct buf *b, const struct section_file *p, enum command_end how,
				int value)
{
	switch (how) {
	case COMMAND_EXITED:
		buf_printf(b, "failed with exit status %d", value);
		break;
	case COMMAND_KILLED:
		buf_printf(b, "was killed by signal %d", value);
		break;
	case COMMAND_TIMED_OUT:
		buf_printf(b, "exceeded make_timeout, %llu ms, and was killed",
			   (unsigned long long)p->o.conf->make_timeout_ms);
		break;
	case COMMAND_NOT_STARTED:
		buf_printf(b, "could not be started: %s", strerror(value));
		break;
	}
	return buf_str(b);
}

static void on_ended(void *arg, enum command_end how, int value)
{
	_cleanup_(buf_deinit) struct buf why = { 0 };
	struct section_file *p = arg;

	uv_update_time(p->o.loop);
	(void)clock_gettime(CLOCK_REALTIME, &p->command_end);	/* cannot fail */
	if (how == COMMAND_EXITED && !value) {
		if (p->command_trouble.len) {
			log_info("%s works again", buf_str(&p->command_name));
		}
		buf_clear(&p->command_trouble);
		p->command_due = false;
		p->pause = (struct output_pause){ 0 };
		section_all_published(p);
	} else {
		command_fails(p, how_it_ended(&why, p, how, value));
		log_error("%s; trying again in %llu s", buf_str(&p->command_trouble),
			  (unsigned long long)output_pause_grow(&p->pause, uv_now(p->o.loop)) / 1000);
	}
	section_look(p);	/* what our own command made is seen while it counts as running */
	p->running = false;
	if (!p->format->compiled || splice_stat(p->splice, p->format->compiled, &p->compiled)) {
		p->compiled = (struct stat){ 0 };
	}
	if (p->overtaken) {
		section_take_edit(p);
	}
	/* Once: perhaps the command itself makes it twice. */
	if (p->n_compiled > 1 && !p->n_foreign) {
		take_foreign(p);
	}
	output_attempted(&p->o);
	section_step(p);
}

int section_command_open(struct section_file *p)
{
	const struct command_handlers handlers = {
		.output = on_output, .ended = on_ended, .lost = section_lost, .arg = p,
	};

	if (p->o.is->plain) {
		buf_adds(&p->command_name, "makecommand");
	} else {
		buf_printf(&p->command_name, "command of %s", p->o.is->name);
	}
	if (buf_error(&p->command_name)) {
		return -ENOMEM;
	}
	return p->command ? command_attach(p->command, p->o.loop, &handlers) : 0;
}
