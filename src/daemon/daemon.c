/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/daemon.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/address.h"
#include "daemon/accounts.h"
#include "daemon/command.h"
#include "daemon/inquiry.h"
#include "service/load.h"
#include "daemon/mounts.h"
#include "service/notify.h"
#include "daemon/publish.h"
#include "daemon/roster.h"
#include "daemon/source.h"
#include "daemon/state.h"
#include "daemon/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum {
	SETTLE_MS = 2000,	/* a file that nobody said was closed must be unchanged for so long */
	SLICE_MS = 10,		/* of a sweep in one turn of the loop */
	SLICE_USERS = 64,	/* between two looks at the clock */
	SAVE_SHARE = 20,	/* saving the state takes at most one part in so many of the time */
	SAVE_AGAIN_MS = 10 * 1000,	/* after it failed */
	MASS_MIN = 10,		/* withdrawals at once that may be a failure, not a wish */
	SAID_MAX = 60, SAID_SECONDS = 60,	/* lines about what one user wrote, in so many seconds */
	QUOTE_MAX = 64,		/* bytes of a bad line that the log shows */
};

_Static_assert(CONF_PATTERNS_MAX <= 8, "roster_user.looks has a bit for each");

#define PRINT_GONE UINT64_MAX	/* instead of a file's print: it was not there */

/* Something to look at again at a certain time: since the delay is the same for all, a queue. */
struct later {
	uint64_t due_ms;
	uint32_t user;
	uint32_t since;		/* of a missing file: roster_user.missing_since then */
	uint64_t print;		/* of a changing file: as it was then */
	uint8_t pattern;
};

struct queue {
	struct later *items;
	size_t first, n, size;
};

struct daemon {
	uv_loop_t loop;
	char *conf_path;
	struct conf conf;
	struct roster *roster;
	struct watch *watch;
	struct mounts *mounts;
	struct command *command;
	struct publish *publish;
	struct inquiry *inquiry;	/* NULL: nobody can ask */
	struct accounts_special special;

	uv_signal_t term, interrupt, hangup;
	uv_timer_t rescan_timer, settle_timer, missing_timer, save_timer;
	uv_prepare_t prepare;
	uv_idle_t sweep;

	uint32_t *to_look;	/* users with looks wanted; each is in it once */
	uint32_t n_to_look;
	struct queue settling, missing;
	uint32_t n_missing;
	bool withdrawals_held;	/* too many at once: until SIGHUP, or until they are few again */
	bool coming_back;	/* they became few again: each who comes back buys time for the rest */
	bool publish_wanted;
	uint32_t sweep_at;
	bool sweeping, sweep_again, ready, stopping, state_dirty, state_failed;
	uint64_t save_cost_ms;
	int status;
};

/* --- small things --- */

static uint32_t now_s(const struct daemon *d)
{
	return (uint32_t)(uv_now(&d->loop) / 1000) + 1;	/* never 0 */
}

static int queue_add(struct queue *q, const struct later *l)
{
	if (q->first + q->n == q->size && q->first) {
		memmove(q->items, q->items + q->first, q->n * sizeof(*q->items));
		q->first = 0;
	}
	if (q->n == q->size) {
		size_t size = q->size ? 2 * q->size : 16;
		struct later *more = reallocarray(q->items, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		q->items = more;
		q->size = size;
	}
	q->items[q->first + q->n++] = *l;
	return 0;
}

static struct later queue_take(struct queue *q)
{
	struct later l = q->items[q->first++];

	if (!--q->n) {
		q->first = 0;
	}
	return l;
}

static const struct later *queue_head(const struct queue *q)
{
	return q->n ? &q->items[q->first] : NULL;
}

static void on_settle_timer(uv_timer_t *timer);
static void on_missing_timer(uv_timer_t *timer);

static void arm(struct daemon *d, uv_timer_t *timer, uv_timer_cb callback, const struct queue *q)
{
	const struct later *head = queue_head(q);
	uint64_t now = uv_now(&d->loop);

	if (head) {	/* starting a timer fails only without a callback */
		(void)uv_timer_start(timer, callback, head->due_ms > now ? head->due_ms - now : 0, 0);
	} else {
		(void)uv_timer_stop(timer);
	}
}

static void want_look(struct daemon *d, uint32_t user, unsigned patterns)
{
	struct roster_user *u = &d->roster->state[user];

	if (!u->in_line) {
		u->in_line = true;
		d->to_look[d->n_to_look++] = user;
	}
	u->looks |= (uint8_t)patterns;
}

static unsigned all_patterns(const struct daemon *d)
{
	return (1u << d->conf.n_patterns) - 1;
}

/* --- the decision on one user --- */

/* What looking at one of a user's files gave. */
struct statement {
	int outcome;			/* of source_read */
	enum { ASKS_NOTHING, ASKS, REFUSED } what;
	uint64_t print;
	struct timespec time;
	bool written;			/* an event told that it was just written */
	struct ip_set **sets;		/* of ASKS; owned */
	char path[PATTERN_PATH_MAX];
	struct buf why;			/* of REFUSED, ready for the log */
};

static void statement_deinit(struct statement *s, uint32_t n_names)
{
	for (uint32_t i = 0; s->sets && i < n_names; i++) {
		free(s->sets[i]);
	}
	free(s->sets);
	buf_deinit(&s->why);
}

static bool later_than(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Whether the file may be taken although no event told that it was closed. */
static bool is_settled(const struct timespec *time)
{
	struct timespec now;
	int64_t age_ms;

	(void)clock_gettime(CLOCK_REALTIME, &now);	/* cannot fail */
	if (time->tv_sec > now.tv_sec || time->tv_sec < now.tv_sec - SETTLE_MS / 1000 - 1) {
		return time->tv_sec < now.tv_sec;	/* it may be any number that a user chose */
	}
	age_ms = (int64_t)(now.tv_sec - time->tv_sec) * 1000 +
		 (now.tv_nsec - time->tv_nsec) / 1000000;
	return age_ms >= SETTLE_MS;
}

static void look_again_later(struct daemon *d, uint32_t user, unsigned pattern, uint64_t print)
{
	struct later l = { .due_ms = uv_now(&d->loop) + SETTLE_MS, .user = user, .print = print,
			   .pattern = (uint8_t)pattern };
	struct roster_user *u = &d->roster->state[user];

	/* Once is enough, however many events a user makes. Without memory the sweep serves. */
	if (!(u->settling & 1u << pattern) && !queue_add(&d->settling, &l)) {
		u->settling |= (uint8_t)(1u << pattern);
		arm(d, &d->settle_timer, on_settle_timer, &d->settling);
	}
}

static void parse(struct daemon *d, uint32_t user, const struct source_file *f,
		  struct statement *ret)
{
	const struct users *users = d->roster->users;
	const struct address_rules rules = { d->conf.addresses_max, &d->conf.networks };
	uint32_t n = users_n_names(users, user);
	_cleanup_(free_ptr) const char **names = users_list_names(users, user);
	struct address_error error = { 0 };
	int r = -ENOMEM;

	ret->sets = calloc(n + 1u, sizeof(struct ip_set *));
	if (names && ret->sets) {
		r = address_parse(f->text.data, f->text.len, names, n, &rules, ret->sets, &error);
	}
	if (!r) {
		ret->what = ASKS;
		return;
	}
	if (r == ADDRESS_E_EMPTY) {
		return;
	}
	ret->what = REFUSED;
	if (r < 0) {
		buf_adds(&ret->why, strerror(-r));
		ret->print = 0;		/* not the file's fault: read it again */
		return;
	}
	buf_printf(&ret->why, "line %u: %s", error.line, error.why);
	if (error.bytes && f->quotable) {
		buf_adds(&ret->why, ": '");
		buf_add_escaped(&ret->why, error.bytes, error.n_bytes, QUOTE_MAX);
		buf_adds(&ret->why, "'");
	}
}

/* Whether somebody may be writing this file in place, so that it must settle. The front end does not: it
 * renames, and into one door only. */
static bool may_be_half(const struct daemon *d, unsigned pattern, const struct source_file *f)
{
	return !d->conf.http.is_set || pattern != d->conf.http.addresses || !f->from_front_end;
}

/* Looks at one file. false: there is nothing to decide on, now. */
static bool read_statement(struct daemon *d, uint32_t user, unsigned pattern, bool written,
			   uint64_t settled_print, struct statement *ret)
{
	struct roster_user *u = &d->roster->state[user];
	const char *name = users_user(d->roster->users, user);
	struct source_file f = { 0 };
	const struct source_place place = {
		.pattern = &d->conf.patterns[pattern],
		.pattern_number = pattern,
		.user = user,
		.user_name = name,
		.account = u->account,
		.front_end = d->special.front_end,
		.size_max = address_size_max(users_n_names(d->roster->users, user)),
		.watch = d->watch,
		.mounts = d->mounts,
	};
	uint64_t known = written ? 0 : *roster_print(d->roster, user, pattern);
	int r = source_read(&place, known, &f);
	bool ready = true;

	*ret = (struct statement){ .outcome = r, .print = f.print, .time = f.time,
				   .written = written };
	(void)source_path(place.pattern, name, ret->path);
	if (r < 0) {
		if (r == -EMFILE || r == -ENFILE || r == -ENOMEM) {
			look_again_later(d, user, pattern, 0);	/* not the file's fault */
		}
		if (!u->trouble_said) {
			u->trouble_said = true;
			log_warning("%s; keeping the last addresses of user %s", f.why, name);
		}
		ready = false;
	} else if (r == SOURCE_E_CHANGING) {
		look_again_later(d, user, pattern, 0);
		ready = false;
	} else if (!r && !written && f.print != settled_print && may_be_half(d, pattern, &f) &&
		   !is_settled(&f.time)) {
		look_again_later(d, user, pattern, f.print);
		ready = false;
	} else if (!r) {
		u->trouble_said = false;
		parse(d, user, &f, ret);
	} else if (r == SOURCE_E_REFUSED) {
		ret->what = REFUSED;
		buf_adds(&ret->why, f.why);
	}
	buf_deinit(&f.text);
	return ready;
}

/* What was left out of the log about this user, once it may be said again. */
static void say_left_out(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];

	if (now_s(d) - u->said_since < SAID_SECONDS) {
		return;
	}
	if (u->n_said > SAID_MAX) {
		log_warning("%u more messages about user %s were left out",
			    (unsigned)(u->n_said - SAID_MAX), users_user(d->roster->users, user));
	}
	u->said_since = now_s(d);
	u->n_said = 0;
}

/* Whether one more line about what this user wrote is written: the log is everybody's. */
static bool may_say(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];

	say_left_out(d, user);
	if (u->n_said < UINT16_MAX) {
		u->n_said++;
	}
	return u->n_said <= SAID_MAX;
}

static void say_request(const struct daemon *d, uint32_t user)
{
	const struct roster *r = d->roster;
	uint32_t first = r->users->users[user].first_name, n = users_n_names(r->users, user);
	_cleanup_(buf_deinit) struct buf list = { 0 };
	bool alike = true;

	for (uint32_t i = 1; i < n; i++) {
		alike = alike && ip_set_equal(r->sets[first], r->sets[first + i]);
	}
	for (uint32_t i = 0; i < (alike ? 1 : n); i++) {
		buf_adds(&list, i ? ", " : "");
		if (r->sets[first + i]) {
			ip_set_print(&list, r->sets[first + i], ", ");
		} else {
			buf_adds(&list, "none");
		}
		if (!alike) {
			buf_printf(&list, " for %s", users_name(r->users, first + i));
		}
	}
	log_info("user %s requested update to %s", users_user(r->users, user), buf_str(&list));
}

static void want_publish(struct daemon *d)
{
	d->publish_wanted = true;
	d->state_dirty = true;
}

static void put_sets(struct daemon *d, uint32_t user, struct ip_set **sets)
{
	bool was_known = d->roster->state[user].known;
	int n = roster_put(d->roster, user, sets);

	if (n < 0) {
		log_error("out of memory; keeping the last addresses of user %s",
			  users_user(d->roster->users, user));
	} else if (n) {
		if (may_say(d, user)) {
			say_request(d, user);
		}
		want_publish(d);
	} else if (!was_known) {
		d->state_dirty = true;
	}
}

static void withdraw_all(struct daemon *d, uint32_t user)
{
	_cleanup_(free_ptr) struct ip_set **none =
		calloc(users_n_names(d->roster->users, user) + 1u, sizeof(*none));

	if (none) {
		put_sets(d, user, none);
	}
}

/* Takes over what won; the others are seen and done with. */
static void decide(struct daemon *d, uint32_t user, struct statement *s, unsigned winner)
{
	struct roster_user *u = &d->roster->state[user];

	u->pattern = (uint8_t)winner;
	if (s[winner].what == ASKS) {
		put_sets(d, user, s[winner].sets);
		free(s[winner].sets);
		s[winner].sets = NULL;
	} else if (s[winner].outcome != SOURCE_E_SAME && may_say(d, user)) {
		log_warning("refusing %s of user %s: %s; keeping the last addresses", s[winner].path,
			    users_user(d->roster->users, user), buf_str(&s[winner].why));
	}
}

/* Whether a goes before b: what an event told of, before what was found; of both, the later. */
static bool goes_before(const struct roster_user *u, const struct statement *s, unsigned a,
			unsigned b)
{
	struct timespec now, time_a = s[a].time, time_b = s[b].time;

	if (s[a].written != s[b].written) {
		return s[a].written;
	}
	if (s[a].written && (u->last_written == a || u->last_written == b)) {
		return u->last_written == a;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);	/* cannot fail */
	time_a = later_than(&time_a, &now) ? now : time_a;
	time_b = later_than(&time_b, &now) ? now : time_b;
	return later_than(&time_a, &time_b);
}

static void missing_begin(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];
	struct later l = { .user = user };

	if (u->missing_since || d->conf.missing != CONF_MISSING_WITHDRAW ||
	    !roster_has_any(d->roster, user)) {
		return;
	}
	l.since = now_s(d);
	l.due_ms = uv_now(&d->loop) + d->conf.missing_after_ms;
	if (!queue_add(&d->missing, &l)) {	/* without memory the next sweep notes it */
		u->missing_since = l.since;
		d->n_missing++;
		arm(d, &d->missing_timer, on_missing_timer, &d->missing);
	}
}

/* All who are missing are waited for from now on. */
static void missing_wait_anew(struct daemon *d)
{
	for (size_t i = 0; i < d->missing.n; i++) {
		d->missing.items[d->missing.first + i].due_ms =
			uv_now(&d->loop) + d->conf.missing_after_ms;
	}
	arm(d, &d->missing_timer, on_missing_timer, &d->missing);
}

static void missing_end(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];

	if (!u->missing_since) {
		return;
	}
	u->missing_since = 0;
	d->coming_back = --d->n_missing && d->coming_back;
	if (d->coming_back) {
		missing_wait_anew(d);
	}
}

/* Looks at those of the user's files that were marked, and decides what he wants. settled_print: the
 * file that has it has been unchanged for long enough. */
static void look_at(struct daemon *d, uint32_t user, uint64_t settled_print)
{
	struct roster_user *u = &d->roster->state[user];
	unsigned looks = u->looks, written = u->written, n_no_file = 0, winner = UINT32_MAX;
	uint32_t n_names = users_n_names(d->roster->users, user);
	struct statement s[CONF_PATTERNS_MAX];
	bool competes[CONF_PATTERNS_MAX] = { false }, any_new = false, any_gone = false,
	     again = false;

	u->looks = u->written = 0;
	/* Who compares needs to see all. */
	looks |= written ? 0 : all_patterns(d);
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		bool news = false;

		s[i] = (struct statement){ 0 };
		if (!(looks & 1u << i)) {
			continue;
		}
		if (!read_statement(d, user, i, written & 1u << i, settled_print, &s[i])) {
			s[i].print = *roster_print(d->roster, user, i);	/* decided on another time */
		} else if (s[i].outcome == SOURCE_E_NO_FILE ||
			   s[i].outcome == SOURCE_E_NO_DIRECTORY) {
			n_no_file += s[i].outcome == SOURCE_E_NO_FILE;
			if (s[i].outcome == SOURCE_E_NO_FILE && u->pattern == i &&
			    d->conf.n_patterns > 1) {
				/* Steadily, not while an editor renames; and a directory that is
				 * gone keeps. */
				any_gone = settled_print == PRINT_GONE;
				if (!any_gone) {
					look_again_later(d, user, i, PRINT_GONE);
				}
			}
			s[i].print = 0;
		} else {
			missing_end(d, user);
			news = s[i].outcome != SOURCE_E_SAME && s[i].what != ASKS_NOTHING;
			/* A refused file keeps the last good state; where there is none, it does
			 * not keep another pattern's file from being it. */
			competes[i] = s[i].what == REFUSED ? u->known || d->conf.n_patterns == 1 : news;
			/* What is in force competes with what is found beside it. */
			competes[i] = competes[i] || (s[i].outcome == SOURCE_E_SAME && u->pattern == i);
			if (news && !competes[i] && may_say(d, user)) {
				log_warning("refusing %s of user %s: %s; there are no last addresses",
					    s[i].path, users_user(d->roster->users, user),
					    buf_str(&s[i].why));
			}
		}
		*roster_print(d->roster, user, i) = s[i].print;
		any_new = any_new || (news && competes[i]);
	}
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		if (competes[i] && (winner == UINT32_MAX || goes_before(u, s, i, winner))) {
			winner = i;
		}
	}
	if (any_new) {
		decide(d, user, s, winner);
	} else if (any_gone) {
		/* The file in force is gone: let the others compete, as they would at a start. */
		u->pattern = ROSTER_NO_PATTERN;
		again = true;
		for (unsigned i = 0; i < d->conf.n_patterns; i++) {
			*roster_print(d->roster, user, i) = 0;
		}
	}
	if (n_no_file == d->conf.n_patterns) {
		missing_begin(d, user);
	} else if (looks == all_patterns(d)) {
		missing_end(d, user);	/* what cannot be told keeps */
	}
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		statement_deinit(&s[i], n_names);
	}
	if (again) {	/* once: no pattern is in force any more */
		u->looks = (uint8_t)all_patterns(d);
		look_at(d, user, 0);
	}
}

static void look_at_all_wanted(struct daemon *d)
{
	for (uint32_t i = 0; i < d->n_to_look; i++) {
		if (d->roster->state[d->to_look[i]].looks) {	/* else it was done meanwhile */
			look_at(d, d->to_look[i], 0);
		}
	}
	for (uint32_t i = 0; i < d->n_to_look; i++) {
		d->roster->state[d->to_look[i]].in_line = false;
	}
	d->n_to_look = 0;
}

/* --- time --- */

static void on_settle_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	const struct later *head;

	while ((head = queue_head(&d->settling)) && head->due_ms <= uv_now(&d->loop)) {
		struct later l = queue_take(&d->settling);
		struct roster_user *u = &d->roster->state[l.user];

		u->settling &= (uint8_t)~(1u << l.pattern);
		if (u->looks) {
			u->looks |= (uint8_t)(1u << l.pattern);	/* it is looked at anyway */
			continue;
		}
		u->looks = (uint8_t)(1u << l.pattern);
		look_at(d, l.user, l.print);
	}
	arm(d, &d->settle_timer, on_settle_timer, &d->settling);
}

/* A home server that is down is not a wish. */
static bool too_many_missing(const struct daemon *d)
{
	return d->n_missing > MASS_MIN && d->n_missing > d->roster->users->n_users / 10;
}

static void withdraw_missing(struct daemon *d, bool confirmed)
{
	const struct later *head;

	while ((head = queue_head(&d->missing)) && head->due_ms <= uv_now(&d->loop)) {
		uint32_t user = head->user;
		bool still = d->roster->state[user].missing_since == head->since;

		if (still && !confirmed && too_many_missing(d)) {
			if (!d->withdrawals_held) {
				log_error("the address files of %u users are missing at once; keeping "
					  "their addresses until SIGHUP confirms it", d->n_missing);
			}
			d->withdrawals_held = true;
			return;
		}
		(void)queue_take(&d->missing);
		if (!still) {
			continue;
		}
		/* Gone for good only if a last look says so too. */
		d->roster->state[user].looks = (uint8_t)all_patterns(d);
		look_at(d, user, 0);
		if (d->roster->state[user].missing_since) {
			d->roster->state[user].missing_since = 0;
			d->n_missing--;
			withdraw_all(d, user);
		}
	}
	d->withdrawals_held = false;
	arm(d, &d->missing_timer, on_missing_timer, &d->missing);
}

static void on_missing_timer(uv_timer_t *timer)
{
	withdraw_missing(timer->data, false);
}

static void on_save_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	uint64_t before = uv_hrtime();
	int r;

	d->state_dirty = false;
	r = state_save(d->conf.state, d->roster);
	d->save_cost_ms = (uv_hrtime() - before) / 1000000;
	if (r && !d->state_failed) {
		log_error("unable to save '%s': %s; after a restart, users without a good address file "
			  "keep what the data file says", d->conf.state, strerror(-r));
	}
	d->state_failed = d->state_dirty = r;
}

/* --- sweeps --- */

static void on_sweep(uv_idle_t *idle);

static void sweep_begin(struct daemon *d)
{
	if (d->sweeping) {
		d->sweep_again = true;
		return;
	}
	d->sweeping = true;
	d->sweep_at = 0;
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		source_watch_shared(&d->conf.patterns[i], i, d->watch);
	}
	(void)uv_idle_start(&d->sweep, on_sweep);	/* fails only without a callback */
}

static void sweep_end(struct daemon *d)
{
	d->sweeping = false;
	(void)uv_idle_stop(&d->sweep);	/* cannot fail */
	(void)uv_timer_again(&d->rescan_timer);	/* it has been started once */
	if (!d->ready) {
		want_publish(d);	/* the first publish, whatever there is */
	} else {
		/* Somebody may have changed the data file in a way that no event told. */
		d->publish_wanted = true;
	}
	if (d->sweep_again) {
		d->sweep_again = false;
		sweep_begin(d);
	}
}

static void on_sweep(uv_idle_t *idle)
{
	struct daemon *d = idle->data;
	uint64_t end = uv_hrtime() + (uint64_t)SLICE_MS * 1000000;

	do {
		for (int i = 0; i < SLICE_USERS && d->sweep_at < d->roster->users->n_users; i++) {
			say_left_out(d, d->sweep_at);
			want_look(d, d->sweep_at++, all_patterns(d));
		}
		look_at_all_wanted(d);
	} while (d->sweep_at < d->roster->users->n_users && uv_hrtime() < end);
	if (d->sweep_at == d->roster->users->n_users) {
		sweep_end(d);
	}
}

static void on_rescan_timer(uv_timer_t *timer)
{
	sweep_begin(timer->data);
}

/* --- what others tell --- */

static void on_look(void *arg, uint32_t user, unsigned pattern, bool written)
{
	struct daemon *d = arg;
	struct roster_user *u = &d->roster->state[user];

	want_look(d, user, 1u << pattern);
	if (written) {
		u->written |= (uint8_t)(1u << pattern);
		u->last_written = (uint8_t)pattern;
	}
}

static void on_look_all(void *arg)
{
	sweep_begin(arg);
}

static void on_watch_limit(void *arg)
{
	struct daemon *d = arg;

	log_warning("unable to watch every directory: fs.inotify.max_user_watches is reached; files in "
		    "the others are looked at by the sweep, every %llu s; raise it with sysctl(8)",
		    (unsigned long long)(d->conf.rescan_ms / 1000));
}

static void on_mounts_changed(void *arg)
{
	sweep_begin(arg);
}

static void print_has(const struct roster *r, uint32_t user, struct buf *reply)
{
	_cleanup_(free_ptr) const char **names = users_list_names(r->users, user);
	_cleanup_(buf_deinit) struct buf text = { 0 };

	if (names) {
		address_print_each(&text, names, &r->sets[r->users->users[user].first_name],
				   users_n_names(r->users, user));
	}
	if (text.len > INQUIRY_REPLY_MAX) {
		buf_adds(reply, "error too long\n");
		return;
	}
	buf_printf(reply, "ok %zu\n", text.len);
	buf_add(reply, text.data, text.len);
	reply->failed = reply->failed || !names || buf_error(&text);
}

static bool on_may_ask(void *arg, uid_t uid)
{
	const struct daemon *d = arg;

	return uid == d->special.front_end;
}

/* What was written before the question is in the answer, for who asks is about to put his own file, made
 * from it, in its place. First what events tell of, then what can only be found: side by side, a file
 * that an event told of would win over one that was renamed later where no watch is. */
static void on_has(void *arg, const char *name, size_t n, struct buf *reply)
{
	struct daemon *d = arg;
	uint32_t user = users_find(d->roster->users, name, n);

	if (user == TABLE_NONE) {
		buf_adds(reply, "error no such user\n");
		return;
	}
	watch_read(d->watch);
	if (d->roster->state[user].looks) {
		look_at(d, user, 0);
	}
	d->roster->state[user].looks = (uint8_t)all_patterns(d);
	look_at(d, user, 0);
	if (d->roster->state[user].known || roster_has_any(d->roster, user)) {
		print_has(d->roster, user, reply);
	} else {
		buf_adds(reply, "unknown\n");
	}
}

static void on_attempted(void *arg)
{
	struct daemon *d = arg;

	if (!d->ready) {
		d->ready = true;
		log_info("started");
		notify_ready();
	}
}

static void on_stopped(void *arg)
{
	struct daemon *d = arg;

	uv_stop(&d->loop);
}

static void on_command_lost(void *arg)
{
	struct daemon *d = arg;

	log_error("the process that runs makecommand is gone; stopping");
	d->status = 111;
	uv_stop(&d->loop);
}

/* Before the loop waits: act on everything that was noted in this turn, together. */
static void act(struct daemon *d)
{
	look_at_all_wanted(d);
	if (d->withdrawals_held && !too_many_missing(d)) {
		d->withdrawals_held = false;
		d->coming_back = true;
		missing_wait_anew(d);
	}
	if (d->publish_wanted && (d->ready || !d->sweeping)) {
		d->publish_wanted = false;
		publish_changed(d->publish);
	}
	if (d->state_dirty && !uv_is_active((uv_handle_t *)&d->save_timer)) {
		(void)uv_timer_start(&d->save_timer, on_save_timer,
				     d->state_failed ? SAVE_AGAIN_MS : d->save_cost_ms * SAVE_SHARE, 0);
	}
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct daemon *d = prepare->data;

	if (!d->stopping) {
		act(d);
	}
	log_flush();
}

/* --- start, reload, stop --- */

static int open_watch(struct daemon *d, const struct conf *conf, const struct roster *roster,
		      struct watch **ret)
{
	const struct watch_handlers h = {
		.look = on_look, .look_all = on_look_all, .limit = on_watch_limit, .arg = d,
	};

	return watch_new(&d->loop, roster->users, conf->patterns, conf->n_patterns, &h, ret);
}

/* Publishing does not need it, so neither do those who have no front end. */
static void open_inquiry(struct daemon *d)
{
	const struct inquiry_handlers h = { .may_ask = on_may_ask, .has = on_has, .arg = d };
	int r = inquiry_new(&d->loop, d->conf.socket, &h, &d->inquiry);

	if (r && (d->conf.http.is_set || d->conf.socket_line)) {
		log_warning("unable to make the socket '%s': %s; dns-updater-http goes by its own files",
			    d->conf.socket, inquiry_strerror(r));
	}
}

struct first_mistake {
	struct buf text;
	unsigned n;
};

static void note_mistake(void *arg, const char *file, unsigned line, const char *what)
{
	struct first_mistake *m = arg;

	if (!m->n++) {
		buf_adds(&m->text, file);
		if (line) {
			buf_printf(&m->text, ":%u", line);
		}
		buf_printf(&m->text, ": %s", what);
	}
}

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_patterns(const struct conf *a, const struct conf *b)
{
	bool same = a->n_patterns == b->n_patterns;

	for (unsigned i = 0; same && i < a->n_patterns; i++) {
		same = same_string(a->patterns[i].text, b->patterns[i].text);
	}
	return same;
}

/* What cannot change while we run, and why a reload with it is refused; NULL: nothing. */
static const char *needs_restart(const struct conf *old, const struct conf *new)
{
	return !same_string(old->datafile, new->datafile)	  ? "datafile" :
	       !same_string(old->makecommand, new->makecommand) ? "makecommand" :
	       !same_string(old->user, new->user)		  ? "user" :
	       !same_string(old->state, new->state)		  ? "state" :
	       !same_string(old->socket, new->socket)		  ? "socket" :
	       old->replace != new->replace			  ? "replace" :
								    NULL;
}

/* The new configuration is complete: the new roster and watch, with what is known kept. */
static int swap_in(struct daemon *d, struct conf *new)
{
	struct roster *roster = roster_new(new->users, new->n_patterns);
	struct watch *watch = NULL;
	uint32_t *to_look;
	int r;

	if (!roster) {
		return -ENOMEM;
	}
	new->users = NULL;	/* the roster has them now */
	to_look = calloc(roster->users->n_users + 1u, sizeof(*to_look));
	r = to_look ? open_watch(d, new, roster, &watch) : -ENOMEM;
	if (r) {
		free(to_look);
		roster_free(roster);
		return r;
	}
	roster_inherit(roster, d->roster, same_patterns(&d->conf, new));
	publish_replace(d->publish, &d->conf, roster);
	d->watch = watch_free(d->watch);
	roster_free(d->roster);
	conf_deinit(&d->conf);
	d->conf = *new;
	*new = (struct conf){ 0 };
	d->roster = roster;
	d->watch = watch;
	free(d->to_look);
	d->to_look = to_look;
	d->n_to_look = 0;
	d->settling.n = d->settling.first = d->missing.n = d->missing.first = 0;
	d->n_missing = 0;
	d->withdrawals_held = d->coming_back = false;
	accounts_find(roster, d->conf.http.user, &d->special);
	return 0;
}

static void reload(struct daemon *d)
{
	struct first_mistake mistake = { 0 };
	struct conf new;
	const char *fixed;
	int r;

	r = load_conf(d->conf_path, note_mistake, &mistake, &new);
	if (r < 0) {
		log_error("not reloaded: %s; keeping the old configuration", strerror(-r));
		goto out;
	}
	fixed = r ? NULL : needs_restart(&d->conf, &new);
	if (r) {
		log_error("not reloaded: %s%s; keeping the old configuration", buf_str(&mistake.text),
			  mistake.n > 1 ? ", and more ('dns-updater check' tells all)" : "");
	} else if (fixed) {
		log_error("not reloaded: another %s needs a restart; keeping the old configuration",
			  fixed);
	} else {
		r = swap_in(d, &new);
		if (r) {
			log_error("not reloaded: %s; keeping the old configuration", strerror(-r));
		} else {
			log_set_tempfile(d->conf.log_tempfile);
			if (!d->inquiry) {	/* somebody may have mended it */
				open_inquiry(d);
			}
			log_info("reloaded %s", d->conf_path);
		}
	}
	conf_deinit(&new);
out:
	buf_deinit(&mistake.text);
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	(void)number;
	if (d->stopping) {
		return;
	}
	if (d->withdrawals_held) {
		withdraw_missing(d, true);
	}
	reload(d);
	publish_hurry(d->publish);
	d->sweeping = false;	/* from the start, for the users may be others */
	d->sweep_again = false;
	uv_timer_set_repeat(&d->rescan_timer, d->conf.rescan_ms);
	sweep_begin(d);
	want_publish(d);
}

static void on_term(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	(void)number;
	if (d->stopping) {
		return;
	}
	d->stopping = true;
	log_info("stopping");
	notify_state("STOPPING=1");
	(void)uv_idle_stop(&d->sweep);	/* cannot fail */
	d->inquiry = inquiry_free(d->inquiry);	/* what is written from now on is not published */
	publish_stop(d->publish);
}

/* Timers, signals and the rest; in a loop of their own they cannot fail, but for the signals. */
static int init_handles(struct daemon *d)
{
	uv_timer_t *timers[] = { &d->rescan_timer, &d->settle_timer, &d->missing_timer,
				 &d->save_timer };
	const struct {
		uv_signal_t *signal;
		uv_signal_cb callback;
		int number;
	} signals[] = {
		{ &d->term, on_term, SIGTERM },
		{ &d->interrupt, on_term, SIGINT },
		{ &d->hangup, on_hangup, SIGHUP },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
		(void)uv_timer_init(&d->loop, timers[i]);
		timers[i]->data = d;
	}
	(void)uv_prepare_init(&d->loop, &d->prepare);
	(void)uv_idle_init(&d->loop, &d->sweep);
	d->prepare.data = d->sweep.data = d;
	for (size_t i = 0; !r && i < sizeof(signals) / sizeof(*signals); i++) {
		r = uv_signal_init(&d->loop, signals[i].signal);
		signals[i].signal->data = d;
		if (!r) {
			r = uv_signal_start(signals[i].signal, signals[i].callback,
					    signals[i].number);
		}
	}
	return r;
}

/* What was published before we were stopped, for users whose files do not say it now. */
static void remember(struct daemon *d)
{
	int r = state_load(d->conf.state, d->roster);

	if (r) {
		log_warning("unable to use '%s': %s; users without a good address file keep what the "
			    "data file says", d->conf.state,
			    r < 0 ? strerror(-r) : "it is not a state file of this version");
	}
	publish_remember(d->publish);
}

int daemon_new(struct conf *conf, const char *conf_path, struct command *command,
	       struct daemon **ret)
{
	struct daemon *d = calloc(1, sizeof(*d));
	const struct publish_handlers h = {
		.attempted = on_attempted, .stopped = on_stopped, .lost = on_command_lost, .arg = d,
	};
	int r;

	if (!d || uv_loop_init(&d->loop)) {
		free(d);
		conf_deinit(conf);
		command_free(command);
		return -ENOMEM;
	}
	d->conf = *conf;
	*conf = (struct conf){ 0 };
	d->command = command;
	d->conf_path = strdup(conf_path);
	r = init_handles(d);
	d->roster = roster_new(d->conf.users, d->conf.n_patterns);
	if (d->roster) {
		d->conf.users = NULL;	/* the roster has them now */
		d->to_look = calloc(d->roster->users->n_users + 1u, sizeof(*d->to_look));
	}
	if (!r && (!d->conf_path || !d->roster || !d->to_look)) {
		r = -ENOMEM;
	}
	if (!r) {
		accounts_find(d->roster, d->conf.http.user, &d->special);
		r = open_watch(d, &d->conf, d->roster, &d->watch);
	}
	if (!r) {
		r = mounts_new(&d->loop, on_mounts_changed, d, &d->mounts);
	}
	if (!r) {
		r = publish_new(&d->loop, &d->conf, d->roster, command, &h, &d->publish);
	}
	if (r) {
		daemon_free(d);
		return r;
	}
	open_inquiry(d);
	*ret = d;
	return 0;
}

int daemon_run(struct daemon *d)
{
	remember(d);
	/* These fail only without a callback. */
	(void)uv_prepare_start(&d->prepare, on_prepare);
	(void)uv_timer_start(&d->rescan_timer, on_rescan_timer, d->conf.rescan_ms,
			     d->conf.rescan_ms);
	sweep_begin(d);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);	/* ends by uv_stop */
	if (d->state_dirty || uv_is_active((uv_handle_t *)&d->save_timer)) {
		on_save_timer(&d->save_timer);
	}
	return d->status;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle)) {
		uv_close(handle, NULL);
	}
}

struct daemon *daemon_free(struct daemon *d)
{
	if (!d) {
		return NULL;
	}
	d->inquiry = inquiry_free(d->inquiry);
	d->publish = publish_free(d->publish);
	d->watch = watch_free(d->watch);
	d->mounts = mounts_free(d->mounts);
	d->command = command_free(d->command);
	uv_walk(&d->loop, close_handle, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);	/* until all are closed */
	(void)uv_loop_close(&d->loop);		/* and so this has nothing to refuse */
	roster_free(d->roster);
	conf_deinit(&d->conf);
	free(d->conf_path);
	free(d->to_look);
	free(d->settling.items);
	free(d->missing.items);
	free(d);
	log_flush();
	return NULL;
}
