/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* From what a user has now to what he is to have: one request of his after the other. */

#include "http/handle_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "core/address.h"
#include "http/ask.h"
#include "http/store.h"

#include <errno.h>
#include <string.h>

enum {
	SHARE_MIN = 4, SHARE_MAX = 256,
	ANSWER_MS = 500, /* to send an answer in */
};

/* --- the end of a job --- */

static void start(struct job *j);

static void free_sets(struct ip_set **sets, size_t n)
{
	for (size_t i = 0; sets && i < n; i++) {
		ip_set_free(sets[i]);
	}
	free(sets);
}

static void job_free(struct job *j)
{
	struct handle *h = j->h;

	*j->link = j->next;
	*(j->next ? &j->next->link : &h->last_job) = j->link;
	free_sets(j->now, j->user == TABLE_NONE ? 0 : users_n_names(j->g->conf.users, j->user));
	update_deinit(&j->u);
	request_deinit(&j->r);
	free(j->allowed);
	generation_unref(j->g);
	free(j);
	if (!h->jobs) {
		h->idle(h->idle_arg);
	}
}

/* Takes the answer over. */
void handle_finish(struct job *j, struct answer *a)
{
	if (buf_error(&a->body)) { /* the status tells enough */
		a->status = 503;
		buf_deinit(&a->body);
	}
	if (!j->gone) {
		server_answer(j->q, a);
	}
	buf_deinit(&a->body);
	job_free(j);
}

void handle_finish_fault(struct job *j, enum answer_fault fault)
{
	struct answer a;

	answer_fault(j->r.dialect, fault, &a);
	handle_finish(j, &a);
}

/* However long the one before it takes. */
void handle_forget(struct job *j)
{
	if (j->at == JOB_WAITING) {
		job_free(j);
	}
}

/* The user's next request may begin. */
static void leave(struct job *j)
{
	struct job *next = j->is_awaited ? j->h->jobs : NULL;

	j->at = JOB_ALONE;
	while (next && (next->at != JOB_WAITING || next->who != j->who)) {
		next = next->next;
	}
	if (next) {
		next->is_awaited = true;
		start(next);
	}
}

static void leave_with_trouble(struct job *j)
{
	leave(j);
	handle_finish_fault(j, ANSWER_TROUBLE);
}

static void leave_without_memory(struct job *j)
{
	log_error("out of memory; keeping the address file of user %s",
		  users_user(j->g->conf.users, j->user));
	leave_with_trouble(j);
}

static void finish_with_update(struct job *j)
{
	struct answer a;

	answer_update(&j->r, &j->u, j->g->conf.users, &a);
	handle_finish(j, &a);
}

/* --- until it is published --- */

/* Of nothing that was written, "nochg" says as much as is known. */
static void finish_unconfirmed(struct job *j, struct text why)
{
	if (j->u.changed && !j->gone) {
		handle_say_unpublished(j, "is not known to be published", why, "good");
	}
	finish_with_update(j);
}

static void on_waited(void *arg, enum ask_waited what, const char *text, size_t n)
{
	struct job *j = arg;
	struct text why = { text, n };

	if (what == ASK_KEPT) {	/* it is what the client wants, unless this is about the file just written */
		what = j->u.changed ? ASK_FAILED : ASK_UNCONFIRMED;
	}
	switch (what) {
	case ASK_PUBLISHED:
		finish_with_update(j);
		break;
	case ASK_PARTLY:
		if (j->u.changed) {
			handle_say_unpublished(j, "is not published everywhere", why, "good");
		}
		finish_with_update(j);
		break;
	case ASK_FAILED:
	case ASK_KEPT:
		handle_say_unpublished(j, "is not published", why, "911");
		handle_finish_fault(j, ANSWER_TROUBLE);
		break;
	case ASK_UNCONFIRMED:
		finish_unconfirmed(j, why);
		break;
	}
}

/* Whether the answer says of any name that it has what was asked for. */
static bool has_success(const struct job *j)
{
	for (size_t i = 0; i < j->u.n_hosts; i++) {
		enum update_outcome o = j->u.hosts[i].outcome;

		if ((o == UPDATE_GOOD && !j->u.hosts[i].dummy) || o == UPDATE_NOCHG ||
		    o == UPDATE_DELETED) {
			return true;
		}
	}
	return false;
}

/* How long the answer may be waited for: as configured, and less where the request has been here for long,
 * for at its end it would be answered as if nothing had been done. */
static uint64_t confirm_ms(const struct job *j)
{
	uint64_t max = j->g->conf.http.publish_timeout_ms, now = uv_now(j->h->loop);
	uint64_t end = !j->gone && j->q->due_ms > now + ANSWER_MS ? j->q->due_ms - ANSWER_MS : now;

	return max < end - now ? max : end - now;
}

static void confirm(struct job *j)
{
	struct handle *h = j->h;
	uint64_t ms = confirm_ms(j);
	const char *why = h->stopping	? "stopping" :
			  j->unanswered ? "the daemon is away" :
			  !ms		? "no time was left" :
					  NULL;

	if (!j->g->conf.http.publish_timeout_ms || !has_success(j)) {
		finish_with_update(j);
		return;
	}
	if (!why && ask_wait(h->ask, users_user(j->g->conf.users, j->user), ms, on_waited, j)) {
		why = "out of memory";
	}
	if (why) {
		finish_unconfirmed(j, (struct text){ why, strlen(why) });
		return;
	}
	j->at = JOB_CONFIRMED;
}

/* The user's next request need not wait. */
static void leave_with_update(struct job *j)
{
	leave(j);
	handle_say_left_out(j);
	confirm(j);
}

/* --- work --- */

static void on_written(void *arg, int error)
{
	struct job *j = arg;

	if (error == FILE_E_UNSYNCED) {
		log_error(
			"unable to flush the directory of the address files: that of user %s is "
			"in place, but a power cut may undo it",
			users_user(j->g->conf.users, j->user));
	} else if (error) {
		log_error("unable to write the address file of user %s: %s; keeping the old one",
			  users_user(j->g->conf.users, j->user), strerror(-error));
	}
	if (error) {
		leave_with_trouble(j);
		return;
	}
	if (j->u.changed) {
		handle_say_changed(j);
	}
	leave_with_update(j);
}

/* What is kept may be of a time when more were allowed; the daemon would refuse the whole file. */
static bool has_too_many(const struct job *j)
{
	unsigned max = j->g->conf.addresses_max;

	for (size_t i = 0; i < j->u.n_sets; i++) {
		const struct ip_set *s = j->u.sets[i];

		if (s && (s->n_v4 > max || s->n_v6 > max)) {
			return true;
		}
	}
	return false;
}

static void write_file(struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user);
	_cleanup_(free_ptr) const char **names = users_list_names(j->g->conf.users, j->user);
	_cleanup_(buf_deinit) struct buf text = { 0 };

	if (has_too_many(j)) {
		log_error("user %s has more addresses of one family than addresses_max allows: "
			  "changing nothing until that is mended",
			  user);
		leave_with_trouble(j);
		return;
	}
	if (names) {
		address_print(&text, names, j->u.sets, j->u.n_sets);
	}
	if (text.len > address_size_max(j->u.n_sets)) {
		log_error("the address file of user %s would be too large; keeping the old one",
			  user);
		leave_with_trouble(j);
		return;
	}
	if (!names || buf_error(&text) ||
	    store_write(j->h->store, user, &text, on_written, j)) {
		leave_without_memory(j);
	}
}

static void work(struct job *j)
{
	/* A proxy's own address is nobody's; then it did not say for whom it asks. */
	bool known = !ip_nets_name(&j->g->conf.http.trusted_proxies, &j->peer);
	const struct update_input in = {
		.request = &j->r,
		.conf = &j->g->conf,
		.users = j->g->conf.users,
		.user = j->user,
		.allowed = j->allowed,
		.peer = known ? j->peer : (struct ip){ 0 },
		.now = j->now,
	};

	if (update_apply(&in, &j->u)) {
		leave_without_memory(j);
	} else if (j->u.changed) {
		write_file(j);
	} else if (store_is_unsynced(j->h->store)) {	/* a client to whom we said 911 is back */
		if (store_sync(j->h->store, on_written, j)) {
			leave_without_memory(j);
		}
	} else {
		leave_with_update(j);
	}
}

/* --- what he has now --- */

/* Returns 0, ADDRESS_E_* or -ENOMEM; *ret_why is a reason. */
static int take_present(struct job *j, const char *text, size_t n, const char **ret_why)
{
	static const struct ip_nets any;
	static const struct address_rules rules = { IP_SET_EACH_MAX, &any };
	const struct conf *conf = &j->g->conf;
	_cleanup_(free_ptr) const char **names = users_list_names(conf->users, j->user);
	struct address_error error = { .why = "out of memory" };
	int r = names ? address_parse(text, n, names, users_n_names(conf->users, j->user),
				      &rules, j->now, &error) :
			-ENOMEM;

	/* What the operator has come to refuse since would have the daemon refuse the whole file. */
	for (uint32_t i = 0; !r && i < users_n_names(conf->users, j->user); i++) {
		r = ip_set_filter(&j->now[i], &conf->networks);
	}
	*ret_why = error.why;
	return r;
}

/* Without the daemon, or where it knows nothing yet: what we wrote ourselves. */
static void go_by_file(struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user), *why;
	_cleanup_(buf_deinit) struct buf text = { 0 };
	int r = store_read(j->h->store, user, &text);

	if (r) {
		log_error("unable to read the address file of user %s: %s; changing nothing",
			  user, strerror(-r));
		leave_with_trouble(j);
		return;
	}
	r = take_present(j, text.data, text.len, &why);
	if (r && r != ADDRESS_E_EMPTY) {
		log_error(
			"unable to understand the address file of user %s: %s; changing nothing",
			user, why);
		leave_with_trouble(j);
		return;
	}
	work(j);
}

/* The daemon has other names or users than we: one of the two has not read its configuration anew. What
 * we would write now could be refused, or say something of names that nobody asked for. */
static void differ(struct job *j, const char *why)
{
	log_error(
		"the daemon has another configuration of user %s (%s): changing nothing until both "
		"programs have had a SIGHUP",
		users_user(j->g->conf.users, j->user), why);
	leave_with_trouble(j);
}

static void take_told(struct job *j, const char *text, size_t n)
{
	size_t n_told = text_count_lines((struct text){ text, n }), n_names = users_n_names(j->g->conf.users, j->user);
	const char *why = n_told < n_names ? "fewer names" : "more names";

	if (n_told != n_names || take_present(j, text, n, &why)) {
		differ(j, why);
	} else {
		work(j);
	}
}

static void on_told(void *arg, enum ask_outcome outcome, const char *text, size_t n)
{
	struct job *j = arg;
	struct handle *h = j->h;
	bool away = outcome == ASK_AWAY ||
		    (outcome == ASK_REFUSED && text_is((struct text){ text, n }, "error not permitted"));
	char why[QUOTE_MAX + 1] = "";

	if (outcome == ASK_AWAY || outcome == ASK_REFUSED) {
		memcpy(why, text, n < QUOTE_MAX ? n : QUOTE_MAX);
	}
	if (!away && h->away) {
		log_info("the daemon at '%s' answers again", h->socket);
	}
	if (away && !h->away) {
		log_warning("unable to ask the daemon at '%s': %s; going by the address files",
			    h->socket, why);
	}
	h->away = away;
	j->unanswered = away;
	if (j->gone) { /* what is written now might be newer */
		leave_with_trouble(j);
	} else if (away || outcome == ASK_UNKNOWN) {
		go_by_file(j);
	} else if (outcome == ASK_REFUSED) {
		differ(j, why);
	} else {
		take_told(j, text, n);
	}
}

static void start(struct job *j)
{
	uint32_t n = users_n_names(j->g->conf.users, j->user);

	j->at = JOB_AT_WORK;
	j->now = calloc(n + 1u, sizeof(struct ip_set *));
	if (!j->now || ask_has(j->h->ask, users_user(j->g->conf.users, j->user), on_told, j)) {
		leave_without_memory(j);
	}
}

unsigned handle_share(const struct conf_http *http)
{
	unsigned share = http->connections_max / 4;

	return share < SHARE_MIN ? SHARE_MIN : share < SHARE_MAX ? share : SHARE_MAX;
}

void handle_enter(struct job *j)
{
	struct job *at_work = NULL;
	unsigned n = 0;

	j->who = handle_user_key(j);
	for (struct job *other = j->h->jobs; other; other = other->next) {
		if (other->who == j->who) {
			n += other->at == JOB_WAITING || other->at == JOB_CONFIRMED;
			at_work = other->at == JOB_AT_WORK ? other : at_work;
		}
	}
	if (n >= handle_share(&j->g->conf.http)) {
		handle_say_refused(j, SAID_REFUSED, "too many requests of this user at once");
		handle_finish_fault(j, ANSWER_TROUBLE);
	} else if (at_work) {
		at_work->is_awaited = true;
		j->at = JOB_WAITING;
	} else {
		start(j);
	}
}
