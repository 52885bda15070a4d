/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/daemon_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/address.h"
#include "daemon/inquiry.h"
#include "daemon/publish.h"
#include "daemon/report.h"
#include "daemon/source.h"

#include <time.h>

/* --- who asks --- */

static bool on_is_front_end(void *arg, uid_t uid)
{
	const struct daemon *d = arg;

	return uid == d->front_end;
}

static bool on_is_account(void *arg, uid_t uid, const char *name, size_t n)
{
	const struct daemon *d = arg;
	uint32_t user = users_find(d->roster->users, name, n);

	return user != TABLE_NONE && uid != SOURCE_NO_ACCOUNT &&
	       d->roster->state[user].account == uid;
}

/* --- what a user has --- */

/* "ok N" and the text. */
static void add_reply(struct buf *reply, const struct buf *text)
{
	if (text->len > INQUIRY_REPLY_MAX) {
		buf_adds(reply, "error too long\n");
		return;
	}
	buf_printf(reply, "ok %zu\n", text->len);
	buf_add(reply, text->data, text->len);
	reply->failed = reply->failed || buf_error(text);
}

static void print_has(const struct roster *r, uint32_t user, struct buf *ret)
{
	_cleanup_(free_ptr) const char **names = users_list_names(r->users, user);

	if (names) {
		address_print_each(ret, names, &r->sets[r->users->users[user].first_name],
				   users_n_names(r->users, user));
	}
	ret->failed = ret->failed || !names;
}

static bool is_known(const struct daemon *d, uint32_t user)
{
	return d->roster->state[user].known || roster_has_any(d->roster, user);
}

/* What was written before the question is in the answer, for who asks is about to put his own file, made
 * from it, in its place. First what events tell of, then what can only be found: side by side, a file
 * that an event told of would win over one that was renamed later where no watch is. */
static void on_has(void *arg, const char *name, size_t n, struct buf *reply)
{
	struct daemon *d = arg;
	uint32_t user = users_find(d->roster->users, name, n);
	_cleanup_(buf_deinit) struct buf text = { 0 };

	if (user == TABLE_NONE) {
		buf_adds(reply, "error no such user\n");
		return;
	}
	look_now(d, user);
	if (is_known(d, user)) {
		print_has(d->roster, user, &text);
		add_reply(reply, &text);
	} else {
		buf_adds(reply, "unknown\n");
	}
}

/* --- what is known of him, and of all --- */

/* All that there is to say of one user, with what it is made of. */
struct answer_parts {
	struct publish_state outputs[CONF_OUTPUTS_MAX];
	const char **names; /* NULL: no memory */
	struct buf why;
	char path[PATTERN_PATH_MAX];
	struct report_user u;
};

static void parts_deinit(struct answer_parts *p)
{
	free(p->names);
	buf_deinit(&p->why);
}

/* The reason is made anew, from the file as it is: it would be a text for each of a million users. */
static void take_parts(struct daemon *d, uint32_t user, struct answer_parts *ret)
{
	const struct roster *r = d->roster;
	const struct roster_user *s = &r->state[user];
	struct report_user *u = &ret->u;

	ret->names = users_list_names(r->users, user);
	u->user = users_user(r->users, user);
	u->names = ret->names;
	u->sets = &r->sets[r->users->users[user].first_name];
	u->n_names = users_n_names(r->users, user);
	u->known = is_known(d, user);
	u->settling = s->settling || s->looks || patient_has(d->patient, user);
	u->since_s = s->since;
	if (s->pattern != ROSTER_NO_PATTERN) {
		u->file = source_path(&d->conf.patterns[s->pattern], u->user, ret->path);
	} else {
		u->door = source_path(&d->conf.patterns[0], u->user, ret->path);
		u->n_doors = d->conf.n_patterns;
	}
	if (s->refused || s->trouble_said) {
		look_why(d, user, &ret->why);
	}
	u->refused = ret->why.len ? buf_str(&ret->why) : NULL;
	u->outputs = ret->outputs;
	u->n_outputs = publish_states(d->publish, user, ret->outputs);
}

static void print_user(struct daemon *d, bool json, uint32_t user, struct buf *ret)
{
	_cleanup_(parts_deinit) struct answer_parts p = { 0 };

	look_now(d, user);
	take_parts(d, user, &p);
	if (!p.names || buf_error(&p.why)) {
		ret->failed = true;
	} else if (json) {
		report_user_json(ret, &p.u);
	} else {
		report_user_text(ret, &p.u, time(NULL));
	}
}

static void print_whole(struct daemon *d, bool json, struct buf *ret)
{
	struct publish_state outputs[CONF_OUTPUTS_MAX];
	struct report_whole w = {
		.outputs = outputs,
		.n_outputs = publish_states(d->publish, TABLE_NONE, outputs),
		.n_users = d->roster->users->n_users,
		.n_names = d->roster->users->n_names,
	};

	for (uint32_t i = 0; i < w.n_users; i++) {
		w.n_without += !roster_has_any(d->roster, i);
		w.n_refused += d->roster->state[i].refused;
	}
	if (json) {
		report_whole_json(ret, &w);
	} else {
		report_whole_text(ret, &w, time(NULL));
	}
}

static void on_status(void *arg, bool json, const char *name, size_t n, struct buf *reply)
{
	struct daemon *d = arg;
	uint32_t user = name ? users_find(d->roster->users, name, n) : TABLE_NONE;
	_cleanup_(buf_deinit) struct buf text = { 0 };

	if (name && user == TABLE_NONE) {
		buf_adds(reply, "error no such user\n");
		return;
	}
	if (name) {
		print_user(d, json, user, &text);
	} else {
		print_whole(d, json, &text);
	}
	add_reply(reply, &text);
}

/* --- those who wait --- */

static void on_look(void *arg, const char *name, size_t n)
{
	struct daemon *d = arg;
	uint32_t user = users_find(d->roster->users, name, n);

	if (user != TABLE_NONE) {
		look_now(d, user);
	}
}

static bool on_judge(void *arg, const char *name, size_t n, struct buf *reply)
{
	struct daemon *d = arg;
	uint32_t user = users_find(d->roster->users, name, n);
	_cleanup_(parts_deinit) struct answer_parts p = { 0 };
	bool known;

	if (user == TABLE_NONE) { /* any more, perhaps */
		buf_adds(reply, "error no such user");
		return true;
	}
	take_parts(d, user, &p);
	p.u.settling = p.u.settling || d->publish_wanted; /* what he has was not handed on yet */
	known = p.names && report_judge(reply, &p.u);
	reply->failed = reply->failed || buf_error(&p.why);
	d->roster->state[user].waited = !known;
	return known;
}

void questions_answer(struct daemon *d)
{
	bool all = d->progressed;

	d->progressed = false;
	if (d->inquiry) {
		inquiry_judge(d->inquiry, all);
	}
}

/* --- the socket --- */

void questions_open(struct daemon *d)
{
	const struct inquiry_handlers h = {
		.is_front_end = on_is_front_end,
		.is_account = on_is_account,
		.has = on_has,
		.status = on_status,
		.look = on_look,
		.judge = on_judge,
		.arg = d,
	};
	int r = inquiry_new(&d->loop, d->conf.socket, &h, &d->inquiry);

	if (r && (d->conf.http.is_set || d->conf.socket_line)) {
		log_warning("unable to make the socket '%s': %s; dns-updater-http goes by its own files",
			    d->conf.socket, inquiry_strerror(r));
	}
}

void questions_close(struct daemon *d)
{
	d->inquiry = inquiry_free(d->inquiry);
}
