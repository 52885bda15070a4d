/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/publish.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/text.h"
#include "daemon/compile.h"
#include "daemon/output.h"
#include "daemon/say.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { ATTEMPTED_MS = 5000 };	/* a command that takes longer, or a server that is down, does not hold up the start */

struct publish {
	struct uv_loop_s *loop;
	uv_timer_t timer;
	struct roster *roster;
	struct publish_handlers handlers;
	struct output *outputs[CONF_OUTPUTS_MAX];
	unsigned n_outputs, n_to_attempt, n_to_stop;
};

/* --- what outputs tell --- */

void output_attempted(struct output *o)
{
	struct publish *p = o->publish;

	if (!o->attempted) {
		o->attempted = true;
		if (p->n_to_attempt && !--p->n_to_attempt) {
			p->handlers.attempted(p->handlers.arg);
		}
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct publish *p = timer->data;

	if (p->n_to_attempt) {
		p->n_to_attempt = 0;
		p->handlers.attempted(p->handlers.arg);
	}
}

void output_stopped(struct output *o)
{
	struct publish *p = o->publish;

	if (!o->stopped) {
		o->stopped = true;
		if (!--p->n_to_stop) {
			p->handlers.stopped(p->handlers.arg);
		}
	}
}

void output_lost(struct output *o)
{
	o->publish->handlers.lost(o->publish->handlers.arg);
}

void output_progress(struct output *o)
{
	o->publish->handlers.progress(o->publish->handlers.arg);
}

void output_remember(struct output *o)
{
	o->publish->handlers.remember(o->publish->handlers.arg);
}

uint64_t output_claim(struct output *o, const char *lines, size_t n)
{
	return o->publish->handlers.claim(o->publish->handlers.arg, lines, n);
}

/* --- start and end --- */

static int fork_compiler(const struct conf *conf, const struct conf_output *is, struct command **ret)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	const char *command;

	compile_command(&text, conf->state, is->name);
	command = buf_str(&text);
	return buf_error(&text) ? -ENOMEM : command_new(command, conf->state, ret);
}

void publish_unfork(const struct conf *conf, struct output_commands *commands)
{
	for (unsigned i = 0; i < conf->n_outputs; i++) {
		commands[i].command = command_free(commands[i].command);
		commands[i].compiler = command_free(commands[i].compiler);
	}
}

int publish_fork(const struct conf *conf, struct output_commands *ret)
{
	int r = 0;

	memset(ret, 0, conf->n_outputs * sizeof(*ret));
	for (unsigned i = 0; !r && i < conf->n_outputs; i++) {
		const struct conf_output *is = &conf->outputs[i];

		if (is->command) {
			r = command_new(is->command, NULL, &ret[i].command);
		}
		if (!r && is->database) {
			r = fork_compiler(conf, is, &ret[i].compiler);
		}
	}
	if (r) {
		publish_unfork(conf, ret);
	}
	return r;
}

static int make_output(struct publish *p, const struct conf *conf, struct roster *roster, unsigned i,
		       struct output_commands *commands, struct output **ret)
{
	const struct conf_output *is = &conf->outputs[i];

	if (is->type == CONF_RFC2136) {
		return rfc2136_new(p->loop, conf, is, roster, p, ret);
	}
	return section_file_new(p->loop, conf, is, roster, commands, p, ret);
}

int publish_new(struct uv_loop_s *loop, const struct conf *conf, struct roster *roster,
		struct output_commands *commands, const struct publish_handlers *h, struct publish **ret)
{
	struct publish *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p) {
		return -ENOMEM;
	}
	(void)uv_timer_init(loop, &p->timer);	/* cannot fail */
	p->timer.data = p;
	p->loop = loop;
	p->roster = roster;
	p->handlers = *h;
	for (unsigned i = 0; !r && i < conf->n_outputs; i++) {
		r = make_output(p, conf, roster, i, &commands[i], &p->outputs[i]);
		p->n_outputs += !r;
	}
	if (r) {
		publish_free(p);
		return r;
	}
	p->n_to_attempt = p->n_outputs;
	*ret = p;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct publish *publish_free(struct publish *p)
{
	if (p) {
		for (unsigned i = 0; i < p->n_outputs; i++) {
			p->outputs[i]->class->free(p->outputs[i]);
		}
		uv_close((uv_handle_t *)&p->timer, on_closed);
	}
	return NULL;
}

/* --- another configuration --- */

/* The first output of a that is a file, and that b does not have, or has elsewhere; NULL: there is none. */
static const char *find_moved(const struct conf *a, const struct conf *b)
{
	for (unsigned i = 0; i < a->n_outputs; i++) {
		const struct conf_output *o = &a->outputs[i];
		const struct conf_output *other = conf_find_output(b, o->name, strlen(o->name));

		if (o->type != CONF_RFC2136 &&
		    (!other || o->type != other->type || o->serial != other->serial ||
		     !text_same(o->file, other->file) || !text_same(o->command, other->command) ||
		     !text_same(o->database, other->database))) {
			return o->name;
		}
	}
	return NULL;
}

const char *publish_needs_restart(const struct conf *old, const struct conf *new)
{
	const char *name = find_moved(old, new);

	return name ? name : find_moved(new, old);
}

/* Names that are gone are said once, for all outputs; what one of them does about it is its own affair. A name
 * that is another user's now: what it has there is a change that his file will tell. */
static void note_gone(const struct publish *p, const struct roster *old, struct roster *new)
{
	for (uint32_t name = 0; name < old->users->n_names; name++) {
		const char *text = users_name(old->users, name);
		uint32_t now;

		if (!old->sets[name]) {
			continue;	/* it had none, or has kept them */
		}
		now = users_find_name(new->users, text, strlen(text));
		if (now == TABLE_NONE) {
			if (say_may(SAY_REMOVE, uv_now(p->loop))) {
				log_info("removing record for %s", text);
			}
		} else {	/* only the log needs it */
			(void)changes_note_copy(&new->changed, now, old->sets[name]);
		}
	}
}

/* The old output of this name becomes the new one; a new one is made where there is none. */
static int become(struct publish *p, const struct conf *conf, struct roster *roster, unsigned i,
		  struct output **ret)
{
	const struct conf_output *is = &conf->outputs[i];
	struct output_commands none = { NULL, NULL };

	for (unsigned j = 0; j < p->n_outputs; j++) {
		struct output *o = p->outputs[j];

		if (o && !strcmp(o->is->name, is->name) && o->is->type == is->type) {
			p->outputs[j] = NULL;
			*ret = o;
			return output_replace(o, conf, is, roster);
		}
	}
	p->n_to_attempt += p->n_to_attempt > 0;	/* the start is not over: it is one more */
	return make_output(p, conf, roster, i, &none, ret);
}

int publish_replace(struct publish *p, const struct conf *conf, struct roster *roster)
{
	struct output *outputs[CONF_OUTPUTS_MAX] = { NULL };
	const struct roster *old = p->roster;
	unsigned n = 0;
	int r = 0;

	for (unsigned i = 0; i < conf->n_outputs; i++) {
		struct output *o = NULL;
		int e = become(p, conf, roster, i, &o);

		r = r ? r : e;
		if (o) {
			outputs[n++] = o;
		}
	}
	for (unsigned i = 0; i < p->n_outputs; i++) {
		if (p->outputs[i]) {
			log_info("output %s is gone; what it published stays there", p->outputs[i]->is->name);
			output_attempted(p->outputs[i]);
			p->outputs[i]->class->free(p->outputs[i]);
		}
	}
	memcpy(p->outputs, outputs, sizeof(outputs));
	p->n_outputs = n;
	note_gone(p, old, roster);
	p->roster = roster;
	return r;
}

/* --- publishing --- */

void publish_remember(struct publish *p)
{
	for (unsigned i = 0; i < p->n_outputs; i++) {
		struct output *o = p->outputs[i];

		if (o->class->remember && o->class->remember(o)) {
			return;
		}
	}
}

/* Every output gets the list of what changed of its names, and what was there before if it verifies that. */
static void hand_out(struct publish *p)
{
	struct changes *c = &p->roster->changed;

	for (unsigned i = 0; i < p->n_outputs; i++) {
		struct output *o = p->outputs[i];

		for (uint32_t j = 0; j < c->n; j++) {
			uint32_t name = c->list[j].name;

			/* Without memory it is published with all others, and not told of. */
			if (output_covers(o, name)) {
				(void)changes_note_copy(&o->pending, name,
							o->verify ? c->list[j].was : NULL);
			}
		}
	}
	changes_clear(c);
}

void publish_changed(struct publish *p, bool again)
{
	if (p->n_to_attempt && !uv_is_active((uv_handle_t *)&p->timer)) {
		(void)uv_timer_start(&p->timer, on_timer, ATTEMPTED_MS, 0);	/* fails only without a callback */
	}
	hand_out(p);
	for (unsigned i = 0; i < p->n_outputs; i++) {
		p->outputs[i]->class->changed(p->outputs[i], again);
	}
}

void publish_hurry(struct publish *p)
{
	for (unsigned i = 0; i < p->n_outputs; i++) {
		p->outputs[i]->class->hurry(p->outputs[i]);
	}
}

void publish_stop(struct publish *p)
{
	(void)uv_timer_stop(&p->timer);	/* cannot fail */
	p->n_to_stop = p->n_outputs;
	for (unsigned i = 0; i < p->n_outputs; i++) {
		p->outputs[i]->class->stop(p->outputs[i]);
	}
}

/* --- what is known of it --- */

/* Of several names, what is worst. */
static void of_user(struct output *o, uint32_t user, struct publish_state *ret)
{
	uint32_t first = o->roster->users->users[user].first_name;

	ret->where = PUBLISH_NOT_HERE;
	for (uint32_t i = 0; i < users_n_names(o->roster->users, user); i++) {
		const char *why = "";
		enum publish_where where = output_where(o, first + i, &why);

		ret->n_waiting += where == PUBLISH_WAITS || where == PUBLISH_FAILS;
		if (where > ret->where) {
			ret->where = where;
			ret->why = why;
		}
	}
	ret->published_s = o->published_s[user];
	ret->verified_s = o->verify ? o->verified_s[user] : 0;
}

static void state_of(struct output *o, uint32_t user, struct publish_state *ret)
{
	*ret = (struct publish_state){
		.is = o->is,
		.why = "",
		.published_s = o->last_published_s,
		.verified_s = o->last_verified_s,
		.failed_s = o->failed_s,
		.last_error = buf_str(&o->last_error),
	};
	if (user != TABLE_NONE) {
		of_user(o, user, ret);
		return;
	}
	ret->where = o->class->whole(o, &ret->why, &ret->n_waiting);
	if (ret->where == PUBLISH_DONE && o->unverified.n) {
		ret->where = PUBLISH_FAILS;
		ret->why = buf_str(&o->unverified_why);
		ret->n_waiting = o->unverified.n;
	}
}

unsigned publish_states(struct publish *p, uint32_t user, struct publish_state ret[CONF_OUTPUTS_MAX])
{
	for (unsigned i = 0; i < p->n_outputs; i++) {
		state_of(p->outputs[i], user, &ret[i]);
	}
	return p->n_outputs;
}

/* --- the memory --- */

bool publish_print_memory(struct publish *p, uint32_t number, struct buf *to)
{
	bool any = false;

	for (unsigned i = 0; i < p->n_outputs; i++) {
		any |= p->outputs[i]->class->print_memory(p->outputs[i], number, to);
	}
	return any;
}

void publish_claimed(struct publish *p, uint64_t upto)
{
	for (unsigned i = 0; i < p->n_outputs; i++) {
		if (p->outputs[i]->class->claimed) {
			p->outputs[i]->class->claimed(p->outputs[i], upto);
		}
	}
}

/* " OUTPUT TEXT": the text is that output's own. */
void publish_take_memory(struct publish *p, const char *line, size_t n)
{
	struct text rest = { line + 1, n ? n - 1 : 0 }, name;

	if (!n || *line != ' ' || !text_next_field(&rest, ' ', &name)) {
		return;
	}
	for (unsigned i = 0; i < p->n_outputs; i++) {
		struct output *o = p->outputs[i];

		if (text_is(name, o->is->name)) {
			o->class->take_memory(o, rest.at, rest.n);
			return;
		}
	}
}

void publish_pass(struct publish *p, uint32_t name)
{
	for (unsigned i = 0; i < p->n_outputs; i++) {
		if (p->outputs[i]->class->pass) {
			p->outputs[i]->class->pass(p->outputs[i], name);
		}
	}
}
