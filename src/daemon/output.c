/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/output.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/hosts.h"
#include "core/tinydns.h"
#include "core/zonefile.h"
#include "daemon/nameserver.h"
#include "daemon/say.h"
#include "daemon/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

const struct output_format *output_format(const struct conf_output *is)
{
	static const struct output_format formats[] = {
		[CONF_TINYDNS] = {
			.comment = '#',
			.compiled = "data.cdb",
			.by_second = true,
			.render = tinydns_render,
			.parse = tinydns_parse,
		},
		[CONF_ZONEFILE] = {
			.comment = ';',
			.render = zonefile_render,
			.parse = zonefile_parse,
		},
		[CONF_HOSTS] = {
			.comment = '#',
			.hide_kept = true,	/* dnsmasq's hostsdir reads every other name */
			.render = hosts_render,
			.parse = hosts_parse,
		},
		[CONF_NO_TYPE] = { .comment = '#' },	/* to check a file all the same */
	};

	return &formats[is->type];
}

bool output_parse(const struct output_format *format, struct text line, char *ret_name, struct ip *ret_ip)
{
	line.n -= line.n && line.at[line.n - 1] == '\r';
	return format->parse(line.at, line.n, ret_name, ret_ip);
}

static uint32_t now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);	/* cannot fail */
	return (uint32_t)t.tv_sec;
}

/* If not, it is asked for once it is. */
static bool is_published(struct output *o, uint32_t name)
{
	const char *why;

	return !changes_has(&o->pending, name) && o->class->where(o, name, &why) == PUBLISH_DONE;
}

static bool is_unpublished(void *arg, uint32_t name)
{
	return !is_published(arg, name);
}

static void on_verified(void *arg, uint32_t name, const char *why)
{
	struct output *o = arg;
	struct ip_set *was = why ? changes_take_was(&o->verifying, name) : NULL;

	changes_remove(&o->verifying, name);
	if (!why) {
		bool was_wrong = changes_has(&o->unverified, name);

		changes_remove(&o->unverified, name);
		o->verified_s[users_owner(o->roster->users, name)] = now_s();
		o->last_verified_s = now_s();
		if (was_wrong) {	/* others may be right again, too */
			output_verify_again(o);
		}
	} else {
		/* Without memory it is not asked again before it changes; that it failed was said. */
		(void)changes_note(&o->unverified, name, was);
		buf_clear(&o->unverified_why);
		buf_adds(&o->unverified_why, why);
		output_note_error(o, why);
	}
	output_progress(o);
}

/* All that has a place for each name or user. */
static int make_tables(struct output *o)
{
	const struct users *users = o->roster->users;
	int r;

	r = changes_init(&o->pending, users->n_names);
	if (!r) {
		r = changes_init(&o->verifying, o->is->n_verify ? users->n_names : 0);
	}
	if (!r) {
		r = changes_init(&o->unverified, o->is->n_verify ? users->n_names : 0);
	}
	o->published_s = calloc(users->n_users + 1u, sizeof(*o->published_s));
	o->verified_s = calloc(o->is->n_verify ? users->n_users + 1u : 1, sizeof(*o->verified_s));
	return o->published_s && o->verified_s ? r : -ENOMEM;
}

static void drop_tables(struct output *o)
{
	changes_deinit(&o->pending);
	changes_deinit(&o->verifying);
	changes_deinit(&o->unverified);
	free(o->published_s);
	free(o->verified_s);
}

int output_init(struct output *o, const struct output_class *class, struct uv_loop_s *loop,
		const struct conf *conf, const struct conf_output *is, struct roster *roster,
		struct publish *publish)
{
	const struct verify_handlers h = { .done = on_verified, .changes = is_unpublished, .arg = o };
	int r;

	o->class = class;
	o->publish = publish;
	o->loop = loop;
	o->conf = conf;
	o->is = is;
	o->roster = roster;
	r = make_tables(o);
	if (!r && is->n_verify) {
		r = verify_new(loop, is, &h, &o->verify);
	}
	return r;
}

void output_deinit(struct output *o)
{
	o->verify = verify_free(o->verify);
	drop_tables(o);
	buf_deinit(&o->unverified_why);
	buf_deinit(&o->trouble);
	buf_deinit(&o->last_error);
}

uint64_t output_pause_grow(struct output_pause *p, uint64_t now_ms)
{
	p->ms = !p->ms				 ? OUTPUT_PAUSE_FIRST_MS :
		p->ms * 2 > OUTPUT_PAUSE_MAX_MS ? OUTPUT_PAUSE_MAX_MS :
						   p->ms * 2;
	p->not_before_ms = now_ms + p->ms;
	return p->ms;
}

void output_say_change(const struct output *o, uint32_t name)
{
	const char *text = users_name(o->roster->users, name);
	const struct ip_set *set = o->roster->sets[name];
	const char *at = o->is->plain ? "" : " at ", *where = o->is->plain ? "" : o->is->name;
	_cleanup_(buf_deinit) struct buf list = { 0 };

	if (!say_may(set ? SAY_UPDATE : SAY_REMOVE, uv_now(o->loop))) {
		return;
	}
	if (!set) {
		log_info("removing record for %s%s%s", text, at, where);
		return;
	}
	ip_set_print(&list, set, ", ");
	log_info("updating record for %s to %s%s%s", text, buf_str(&list), at, where);
}

static void ask(struct output *o, uint32_t name, const struct ip_set *was)
{
	if (verify_name(o->verify, name, users_name(o->roster->users, name), o->roster->sets[name],
			was)) {
		return;		/* others are asked for, or no memory: it stays unverified, which is nothing worse */
	}
	(void)changes_note_copy(&o->verifying, name, was);	/* only who waits for it is told too early */
}

/* It was not right when it was asked for last: what was there then may be there still. */
static void ask_unverified(struct output *o, const struct change *change)
{
	_cleanup_(ip_set_freep) struct ip_set *older = changes_take_was(&o->unverified, change->name);
	struct ip_set *both = NULL;

	/* Without memory, or with too many of them, the newer ones alone are asked for. */
	(void)ip_set_join(older, change->was, &both);
	changes_remove(&o->unverified, change->name);
	if (changes_note_copy(&o->unverified, change->name, both)) {
		(void)changes_note(&o->unverified, change->name, NULL);
	}
	ask(o, change->name, both ? both : change->was);
	ip_set_free(both);
}

void output_published(struct output *o, const struct change *change)
{
	uint32_t now = now_s();

	o->published_s[users_owner(o->roster->users, change->name)] = now;
	o->last_published_s = now;
	if (o->verify && changes_has(&o->unverified, change->name)) {
		ask_unverified(o, change);
	} else if (o->verify) {
		ask(o, change->name, change->was);
	}
}

void output_verify_again(struct output *o)
{
	for (uint32_t n = o->verify ? o->unverified.n : 0; n && verify_has_room(o->verify); n--) {
		const struct change *c;

		o->again = o->again + 1 < o->unverified.n ? o->again + 1 : 0;
		c = &o->unverified.list[o->again];
		if (!changes_has(&o->verifying, c->name) && is_published(o, c->name)) {
			ask(o, c->name, c->was);
		}
	}
}

void output_note_error(struct output *o, const char *why)
{
	o->failed_s = now_s();
	buf_clear(&o->last_error);
	buf_adds(&o->last_error, why);
}

void output_trouble(struct output *o, struct buf *said, const char *do_what, const char *what, const char *why,
		    const char *next)
{
	output_note_error(o, why);
	if (said->len && !strcmp(buf_str(said), why)) {
		return;
	}
	buf_clear(said);
	buf_adds(said, why);
	log_error("unable to %s %s: %s; %s", do_what, what, why, next);
	output_progress(o);
}

void output_trouble_end(struct output *o, struct buf *said, const char *what)
{
	if (said->len) {
		log_info("publishing to %s again", what);
		buf_clear(said);
		output_progress(o);
	}
}

enum publish_where output_where(struct output *o, uint32_t name, const char **ret_why)
{
	enum publish_where where;

	if (!output_covers(o, name)) {
		return PUBLISH_NOT_HERE;
	}
	where = o->class->where(o, name, ret_why);
	if (where == PUBLISH_DONE && changes_has(&o->pending, name)) {
		return PUBLISH_WAITS;
	}
	if (where != PUBLISH_DONE || !o->verify) {
		return where;
	}
	if (changes_has(&o->verifying, name)) {
		return PUBLISH_WAITS;
	}
	if (changes_has(&o->unverified, name)) {
		*ret_why = buf_str(&o->unverified_why);
		return PUBLISH_FAILS;
	}
	return where;
}

/* TABLE_NONE: this output has it no longer. */
static uint32_t new_number(const struct output *o, const struct roster *old, uint32_t name)
{
	const char *text = users_name(old->users, name);

	return conf_output_covers(o->is, text, NULL) ?
		       users_find_name(o->roster->users, text, strlen(text)) : TABLE_NONE;
}

void output_renumber(const struct output *o, const struct roster *old, struct changes *from,
		     struct changes *to)
{
	for (uint32_t i = 0; i < from->n; i++) {
		uint32_t now = new_number(o, old, from->list[i].name);

		if (now != TABLE_NONE) {
			(void)changes_note(to, now, steal_ptr(&from->list[i].was));
		}
	}
}

/* Times stay with the user, by his name. */
static void move_times(struct output *o, const struct roster *old, const uint32_t *published_s,
		       const uint32_t *verified_s, bool had_verified)
{
	const struct users *users = o->roster->users;
	uint32_t next = 0;

	for (uint32_t user = 0; user < users->n_users; user++) {
		uint32_t before = users_find_near(old->users, users_user(users, user), next);

		if (before != TABLE_NONE) {
			next = before + 1;
			o->published_s[user] = published_s[before];
			if (had_verified && o->is->n_verify) {
				o->verified_s[user] = verified_s[before];
			}
		}
	}
}

/* What has to be compared first is as if it had changed: it is asked for when that is done. */
static void ask_once_published(struct output *o, uint32_t name, const struct ip_set *was)
{
	if (is_published(o, name)) {
		ask(o, name, was);
	} else {	/* without memory it is not asked for */
		(void)changes_note_copy(&o->pending, name, was);
	}
}

/* What was being verified is asked for anew; what was not right still is not. */
static void move_questions(struct output *o, struct output *before)
{
	for (uint32_t i = 0; i < before->verifying.n; i++) {
		uint32_t now = new_number(o, before->roster, before->verifying.list[i].name);

		if (now != TABLE_NONE) {
			ask_once_published(o, now, before->verifying.list[i].was);
		}
	}
	for (uint32_t i = 0; i < before->unverified.n; i++) {
		struct change *c = &before->unverified.list[i];
		uint32_t now = new_number(o, before->roster, c->name);

		if (now != TABLE_NONE) {	/* without memory it is not asked again */
			ask_once_published(o, now, c->was);
			(void)changes_note(&o->unverified, now, steal_ptr(&c->was));
		}
	}
}

static bool same_zones(const struct conf_output *a, const struct conf_output *b)
{
	bool same = a->n_zones == b->n_zones;

	for (unsigned i = 0; same && i < a->n_zones; i++) {
		same = !strcmp(a->zones[i], b->zones[i]);
	}
	return same;
}

/* Names that have their addresses for long, but from now on here. */
static void note_arrivals(struct output *o, const struct conf_output *before)
{
	if (same_zones(o->is, before)) {
		return;
	}
	for (uint32_t name = 0; name < o->roster->users->n_names; name++) {
		const char *text = users_name(o->roster->users, name);

		/* Without memory they are published with all others, and not told of. */
		if (o->roster->sets[name] && conf_output_covers(o->is, text, NULL) &&
		    !conf_output_covers(before, text, NULL)) {
			(void)changes_note(&o->pending, name, NULL);
		}
	}
}

static bool has_server(const struct conf_output *is, const char *text)
{
	char room[NAMESERVER_TEXT_SIZE];

	for (unsigned i = 0; i < is->n_servers; i++) {
		if (!strcmp(nameserver_print(&is->servers[i], room), text)) {
			return true;
		}
	}
	return false;
}

/* Who moves to another name server may think that what is ours goes with it. */
static void say_server_left(const struct output *o, const struct conf_output *before)
{
	char room[NAMESERVER_TEXT_SIZE];

	for (unsigned i = 0; i < before->n_servers; i++) {
		if (has_server(o->is, nameserver_print(&before->servers[i], room))) {
			return;
		}
	}
	if (before->n_servers) {
		log_warning("%s: its server is another now; what was published at %s stays there", o->is->name,
			    nameserver_print(&before->servers[0], room));
	}
}

int output_replace(struct output *o, const struct conf *conf, const struct conf_output *is,
		   struct roster *roster)
{
	const struct verify_handlers h = { .done = on_verified, .changes = is_unpublished, .arg = o };
	struct output before = *o;
	struct verify *verify = NULL;
	int r;

	o->conf = conf;
	o->is = is;
	o->roster = roster;
	o->published_s = o->verified_s = NULL;
	o->pending = o->verifying = o->unverified = (struct changes){ 0 };
	r = make_tables(o);
	if (!r && is->n_verify) {
		r = verify_new(o->loop, is, &h, &verify);
	}
	if (!r) {
		r = o->class->replace(o, before.roster);
	}
	if (r) {
		drop_tables(o);
		verify_free(verify);
		*o = before;
		return r;
	}
	o->verify = verify;
	move_times(o, before.roster, before.published_s, before.verified_s, before.is->n_verify);
	output_renumber(o, before.roster, &before.pending, &o->pending);
	note_arrivals(o, before.is);
	say_server_left(o, before.is);
	if (o->verify) {
		move_questions(o, &before);
	}
	verify_free(before.verify);
	drop_tables(&before);
	return 0;
}
