/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/daemon_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/pages.h"
#include "core/address.h"
#include "daemon/mounts.h"
#include "daemon/say.h"
#include "daemon/source.h"
#include "daemon/watch.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum {
	SETTLE_MS = 2000,	/* a file that nobody said was closed must be unchanged for so long */
	LOOK_MS = 4, LOOKS = 16,	/* of looking, in one turn of the loop; looks between two looks at the clock */
	SHARED_MIN = 4,		/* users to look at for whom the shared directories are opened once */
	LINE_KEPT = 16 * 1024,	/* users in line, whose room is kept when they are through */
	QUOTE_MAX = 64,		/* bytes of a bad line that the log shows */
};

#define PRINT_GONE UINT64_MAX	/* instead of a file's print: it was not there */

/* --- who is to be looked at --- */

void look_want(struct daemon *d, uint32_t user, unsigned patterns)
{
	struct roster_user *u = &d->roster->state[user];

	if (!u->in_line) {
		u->in_line = true;
		d->to_look[(d->first_to_look + d->n_to_look++) % d->roster->users->n_users] = user;
	}
	u->looks |= (uint8_t)patterns;
	u->sure &= (uint8_t)~patterns;
}

void look_written(struct daemon *d, uint32_t user, unsigned pattern)
{
	struct roster_user *u = &d->roster->state[user];
	uint8_t bit = (uint8_t)(1u << pattern), sure = u->looks & bit ? u->sure : u->sure | bit;

	look_want(d, user, bit);
	u->sure = sure;
	u->written |= bit;
	u->last_written = pattern & 15;
}

unsigned look_all_patterns(const struct daemon *d)
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
	struct buf why;			/* of REFUSED, ready for the log */
};

static void statement_deinit(struct statement *s, uint32_t n_names)
{
	for (uint32_t i = 0; s->sets && i < n_names; i++) {
		ip_set_free(s->sets[i]);
	}
	free(s->sets);
	buf_deinit(&s->why);
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

static void on_settle_timer(uv_timer_t *timer);

static void look_again_later(struct daemon *d, uint32_t user, unsigned pattern, uint64_t print)
{
	struct queue_item l = { .due_ms = uv_now(&d->loop) + SETTLE_MS, .user = user, .print = print,
			   .pattern = (uint8_t)pattern };
	struct roster_user *u = &d->roster->state[user];

	/* Once is enough, however many events a user makes. Without memory the sweep serves. */
	if (!(u->settling & 1u << pattern) && !queue_add(&d->settling, &l)) {
		u->settling |= (uint8_t)(1u << pattern);
		queue_arm(&d->settling, &d->settle_timer, on_settle_timer);
	}
}

static void parse(const struct daemon *d, uint32_t user, const struct source_file *f,
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

/* What is the same for all files is looked at once for those of a few milliseconds. */
static void open_shared(struct daemon *d)
{
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		d->shared[i] = afar_shared(d, i) ?
				       (struct source_shared){ .dir = -1 } :
				       source_look_shared(&d->conf.patterns[i]);
	}
	d->shared_open = true;
}

/* Held, it would keep the administrator from unmounting it. */
static void close_shared(struct daemon *d)
{
	for (unsigned i = 0; d->shared_open && i < d->conf.n_patterns; i++) {
		close_fdp(&d->shared[i].dir);
	}
	d->shared_open = false;
}

struct source_place look_place(const struct daemon *d, uint32_t user, unsigned pattern, struct watch *watch)
{
	return (struct source_place){
		.pattern = &d->conf.patterns[pattern],
		.pattern_number = pattern,
		.user = user,
		.user_name = users_user(d->roster->users, user),
		.account = d->roster->state[user].account,
		.front_end = d->front_end,
		.size_max = address_size_max(users_n_names(d->roster->users, user)),
		.watch = watch,
		.mounts = d->mounts,
		.autofs = mounts_any_autofs(d->mounts),
	};
}

/* unsure: the directories on the file's way may be others than before. */
static int read_now(struct daemon *d, uint32_t user, unsigned pattern, bool written, bool unsure,
		    struct source_file *ret)
{
	struct source_place place = look_place(d, user, pattern, unsure ? d->watch : NULL);
	uint64_t known = written ? 0 : *roster_print(d->roster, user, pattern);
	bool alone = !d->shared_open;
	int r;

	if (alone && mounts_any_autofs(d->mounts)) {
		open_shared(d);
	}
	place.shared = d->shared_open ? &d->shared[pattern] : NULL;
	r = source_read(&place, known, ret);
	if (alone) {
		close_shared(d);
	}
	return r;
}

/* Takes what reading the file gave. false: there is nothing to decide on, now. */
static bool take_file(struct daemon *d, uint32_t user, unsigned pattern, bool written,
		      uint64_t settled_print, int r, const struct source_file *f,
		      struct statement *ret)
{
	struct roster_user *u = &d->roster->state[user];
	const char *name = users_user(d->roster->users, user);
	bool ready = true;

	d->any_by_link = d->any_by_link || f->by_link;
	*ret = (struct statement){ .outcome = r, .print = f->print, .time = f->time,
				   .written = written };
	if (r < 0) {
		if (r == -EMFILE || r == -ENFILE || r == -ENOMEM) {
			look_again_later(d, user, pattern, 0);	/* not the file's fault */
		}
		if (!u->trouble_said) {
			u->trouble_said = true;
			log_warning("%s; keeping the last addresses of user %s", f->why, name);
		}
		ready = false;
	} else if (r == SOURCE_E_CHANGING || r == SOURCE_E_MAY_WAIT) {	/* mounted since the table was read */
		look_again_later(d, user, pattern, 0);
		ready = false;
	} else if (!r && !written && f->print != settled_print && may_be_half(d, pattern, f) &&
		   !is_settled(&f->time)) {
		look_again_later(d, user, pattern, f->print);
		ready = false;
	} else if (!r) {
		parse(d, user, f, ret);
	} else if (r == SOURCE_E_REFUSED) {
		ret->what = REFUSED;
		buf_adds(&ret->why, f->why);
	}
	return ready;
}

/* Looks at one file, or takes what somebody else has read of it, if that is given. */
static bool read_statement(struct daemon *d, uint32_t user, unsigned pattern, bool written,
			   bool unsure, uint64_t settled_print, const struct ahead_file *given,
			   struct statement *ret)
{
	bool is_given = given && given->outcome != SOURCE_E_MAY_WAIT, ready;
	struct source_file f = { 0 };
	int r = is_given ? given->outcome : read_now(d, user, pattern, written, unsure, &f);

	ready = take_file(d, user, pattern, written, settled_print, r, is_given ? &given->file : &f, ret);
	buf_deinit(&f.text);
	return ready;
}

/* Appends what is wrong with one file, if anything is. */
static void explain(const struct daemon *d, uint32_t user, unsigned pattern, struct buf *ret)
{
	const struct source_place place = look_place(d, user, pattern, NULL);
	struct statement s = { 0 };
	struct source_file f = { 0 };
	char path[PATTERN_PATH_MAX];
	int r = source_read(&place, 0, &f);

	(void)source_path(place.pattern, place.user_name, path);
	if (!r) {
		parse(d, user, &f, &s);
	}
	if (r == SOURCE_E_MAY_WAIT) {
		buf_printf(ret, "%s: not read for this question, for its file system may not answer", path);
	} else if (r < 0) {
		buf_adds(ret, f.why);	/* it has the path in it */
	} else if (r == SOURCE_E_REFUSED) {
		buf_printf(ret, "%s: %s", path, f.why);
	} else if (s.what == REFUSED) {
		buf_printf(ret, "%s, %s", path, buf_str(&s.why));
	}
	statement_deinit(&s, users_n_names(d->roster->users, user));
	buf_deinit(&f.text);
}

void look_why(const struct daemon *d, uint32_t user, struct buf *ret)
{
	unsigned in_force = d->roster->state[user].pattern;

	for (unsigned i = 0; !ret->len && i < d->conf.n_patterns; i++) {
		if (in_force == ROSTER_NO_PATTERN || in_force == i) {
			explain(d, user, i, ret);
		}
	}
}

static bool may_say(struct daemon *d, uint32_t user)
{
	return talkers_may_say(&d->talkers, d->roster->users, user, uv_now(&d->loop));
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
		ip_set_say(&list, r->sets[first + i]);
		if (!alike) {
			buf_printf(&list, " for %s", users_name(r->users, first + i));
		}
	}
	log_info("user %s requested update to %s", users_user(r->users, user), buf_str(&list));
}

/* Addresses that are his since then, as far as they change. false: there was no memory, and nothing changed. */
static bool put_sets(struct daemon *d, uint32_t user, struct ip_set **sets, time_t since)
{
	struct roster_user *u = &d->roster->state[user];
	bool was_known = u->known;
	int n = roster_put(d->roster, user, sets);

	if (n > 0 || (!n && !u->since)) {
		u->since = since > 0 && since < UINT32_MAX ? (uint32_t)since : 0;
	}
	if (n < 0) {
		log_error("out of memory; keeping the last addresses of user %s",
			  users_user(d->roster->users, user));
	} else if (n) {
		if (may_say(d, user) && say_may(SAY_REQUEST, uv_now(&d->loop))) {
			say_request(d, user);
		}
		daemon_want_publish(d);
	} else if (!was_known) {
		d->state_dirty = true;
	}
	return n >= 0;
}

void look_withdraw(struct daemon *d, uint32_t user)
{
	_cleanup_(free_ptr) struct ip_set **none =
		calloc(users_n_names(d->roster->users, user) + 1u, sizeof(*none));

	if (none) {	/* without memory he is found missing again */
		(void)put_sets(d, user, none, time(NULL));
	}
}

static void say_refused(const struct daemon *d, uint32_t user, unsigned pattern, struct statement *s,
			const char *now)
{
	const char *name = users_user(d->roster->users, user);
	char path[PATTERN_PATH_MAX];

	log_warning("refusing %s of user %s: %s; %s", source_path(&d->conf.patterns[pattern], name, path), name,
		    buf_str(&s->why), now);
}

/* Takes over what won; the others are seen and done with. */
static void decide(struct daemon *d, uint32_t user, struct statement *s, unsigned winner)
{
	struct roster_user *u = &d->roster->state[user];

	u->pattern = winner & 15;
	if (s[winner].outcome != SOURCE_E_SAME) {
		u->refused = s[winner].what == REFUSED;
	}
	if (s[winner].what == ASKS) {
		if (!put_sets(d, user, s[winner].sets, s[winner].time.tv_sec)) {
			*roster_print(d->roster, user, winner) = 0;	/* not the file's fault: read it again */
		}
		free(s[winner].sets);
		s[winner].sets = NULL;
	} else if (s[winner].outcome != SOURCE_E_SAME && may_say(d, user)) {
		say_refused(d, user, winner, &s[winner], "keeping the last addresses");
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
	time_a = file_is_later(&time_a, &now) ? now : time_a;
	time_b = file_is_later(&time_b, &now) ? now : time_b;
	return file_is_later(&time_a, &time_b);
}

/* Leaves to others what is read elsewhere. false: nothing is left to be looked at now. */
static bool leave_afar(struct daemon *d, uint32_t user, uint64_t settled_print, unsigned *looks, unsigned *written)
{
	const struct patient_look look = { .user = user, .looks = (uint8_t)*looks, .written = (uint8_t)*written,
					   .settled_print = settled_print };
	unsigned left = afar_leave(d, &look);

	*looks &= ~left;
	*written &= ~left;
	return *looks;
}

/* A file that is not there. Whether that is so of the one in force: steadily, not while an editor renames; and a
 * directory that is gone keeps. */
static bool weigh_absent(struct daemon *d, uint32_t user, unsigned pattern, int outcome, uint64_t settled_print)
{
	if (outcome != SOURCE_E_NO_FILE || d->roster->state[user].pattern != pattern || d->conf.n_patterns == 1) {
		return false;
	}
	if (settled_print != PRINT_GONE) {
		look_again_later(d, user, pattern, PRINT_GONE);
	}
	return settled_print == PRINT_GONE;
}

/* A file that is there: whether it says something new. *ret_competes: whether it may be the one in force. */
static bool weigh(struct daemon *d, uint32_t user, unsigned pattern, struct statement *s, bool *ret_competes)
{
	struct roster_user *u = &d->roster->state[user];
	bool news = s->outcome != SOURCE_E_SAME && s->what != ASKS_NOTHING;
	/* A refused file keeps the last good state; where there is none, it does not keep another
	 * pattern's file from being it. */
	bool competes = s->what == REFUSED ? u->known || d->conf.n_patterns == 1 : news;

	missing_end(d, user);
	/* What is in force competes with what is found beside it. */
	competes = competes || (s->outcome == SOURCE_E_SAME && u->pattern == pattern);
	if (news && !competes && u->pattern == ROSTER_NO_PATTERN) {
		u->refused = true;
	}
	if (news && !competes && may_say(d, user)) {
		say_refused(d, user, pattern, s, "there are no last addresses");
	}
	*ret_competes = competes;
	return news;
}

/* He was looked at, so that what his names have is his own, or goes. */
static void lent_end(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];
	_cleanup_(free_ptr) struct ip_set **none = NULL;

	if (!u->lent || u->settling) {
		return;
	}
	if (!u->known && roster_has_any(d->roster, user)) {	/* without memory he is looked at again */
		none = calloc(users_n_names(d->roster->users, user) + 1u, sizeof(*none));
	}
	if (none && roster_put(d->roster, user, none) > 0) {
		u->known = false;	/* nobody has said that there be none */
		daemon_want_publish(d);
	}
	u->lent = !u->known;
}

/* What looking at a user's files came to. */
struct findings {
	unsigned looks;			/* those that were looked at */
	struct statement s[CONF_PATTERNS_MAX];
	bool competes[CONF_PATTERNS_MAX];
	bool any_new, any_gone, any_trouble, any_there, any_unsettled;
	unsigned n_no_file;
};

/* Looks at one of them. */
static void find_one(struct daemon *d, uint32_t user, unsigned pattern, bool written, bool unsure,
		     uint64_t settled_print, const struct ahead_file *given, struct findings *f)
{
	struct roster_user *u = &d->roster->state[user];
	struct statement *s = &f->s[pattern];
	bool *competes = &f->competes[pattern], news = false;

	if (!read_statement(d, user, pattern, written, unsure, settled_print, given, s)) {
		s->print = *roster_print(d->roster, user, pattern);	/* decided on another time */
		f->any_there = true;
		f->any_unsettled = f->any_unsettled || !s->outcome || s->outcome == SOURCE_E_CHANGING;
	} else if (s->outcome == SOURCE_E_NO_FILE || s->outcome == SOURCE_E_NO_DIRECTORY) {
		f->n_no_file += s->outcome == SOURCE_E_NO_FILE;
		f->any_gone = weigh_absent(d, user, pattern, s->outcome, settled_print) || f->any_gone;
		s->print = 0;
	} else {
		news = weigh(d, user, pattern, s, competes);
		f->any_there = f->any_there || s->what != ASKS_NOTHING || s->outcome == SOURCE_E_SAME;
	}
	if (s->outcome != SOURCE_E_SAME && s->what == ASKS_NOTHING && u->pattern == pattern) {
		u->refused = false;	/* it is gone, or empty */
	}
	*roster_print(d->roster, user, pattern) = s->print;
	f->any_trouble = f->any_trouble || s->outcome < 0;
	f->any_new = f->any_new || (news && *competes);
}

static void forget_prints(struct daemon *d, uint32_t user)
{
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		*roster_print(d->roster, user, i) = 0;
	}
}

/* Which file is in force from now on. may_wait: for one that was written so lately that it must settle, where none is in
 * force yet; an older one would be published until then. true: the one that was is gone, and the others compete anew,
 * as they would at a start. */
static bool choose(struct daemon *d, uint32_t user, struct findings *f, bool may_wait)
{
	struct roster_user *u = &d->roster->state[user];
	unsigned winner = UINT32_MAX;

	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		if (f->competes[i] && (winner == UINT32_MAX || goes_before(u, f->s, i, winner))) {
			winner = i;
		}
	}
	if (f->any_new && may_wait && f->any_unsettled && u->pattern == ROSTER_NO_PATTERN) {
		forget_prints(d, user);
	} else if (f->any_new) {
		decide(d, user, f->s, winner);
	} else if (f->any_gone) {
		u->pattern = ROSTER_NO_PATTERN;
		forget_prints(d, user);
	}
	return f->any_gone && !f->any_new;
}

/* Looks at those of the user's files that were marked, and decides what he wants. settled_print: the
 * file that has it has been unchanged for long enough. given: NULL, or what is in all of them. */
static void look_at(struct daemon *d, uint32_t user, uint64_t settled_print,
		    const struct ahead_file *given)
{
	struct roster_user *u = &d->roster->state[user];
	unsigned written = u->written, sure = u->sure;
	/* Who compares needs to see all. */
	struct findings f = { .looks = u->looks | (written ? 0 : look_all_patterns(d)) };
	bool saw_all, again;

	u->looks = u->written = u->sure = 0;
	u->ahead = false;
	if (!given && !leave_afar(d, user, settled_print, &f.looks, &written)) {
		return;
	}
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		if (f.looks & 1u << i) {
			find_one(d, user, i, written & 1u << i, !(sure & 1u << i), settled_print,
				 given ? &given[i] : NULL, &f);
		}
	}
	saw_all = f.looks == look_all_patterns(d);
	if (u->pattern == ROSTER_NO_PATTERN && saw_all && !f.any_there) {
		u->refused = false;	/* what was so is gone */
	}
	again = choose(d, user, &f, !written && !settled_print);
	if (saw_all && !f.any_trouble) {
		u->trouble_said = false;
	}
	if (u->known || !f.any_trouble) {	/* else it was said that he keeps them */
		lent_end(d, user);
	}
	if (f.n_no_file == d->conf.n_patterns) {
		missing_begin(d, user);
	} else if (saw_all) {
		missing_end(d, user);	/* what cannot be told keeps */
	}
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		statement_deinit(&f.s[i], users_n_names(d->roster->users, user));
	}
	d->progressed = d->progressed || u->waited;
	if (again) {	/* once: no pattern is in force any more */
		look_at_all(d, user);
	}
}

void look_at_all(struct daemon *d, uint32_t user)
{
	d->roster->state[user].looks = (uint8_t)look_all_patterns(d);
	look_at(d, user, 0, NULL);
}

static void on_looking(uv_idle_t *idle)
{
	(void)idle;	/* the turn's end does it */
}

/* Nobody is in line: it begins anew, and the room that many have taken is given back. */
static void begin_line(struct daemon *d)
{
	if (d->first_to_look > LINE_KEPT) {
		pages_advise(d->to_look, d->roster->users->n_users * sizeof(*d->to_look), MADV_DONTNEED);
	}
	d->first_to_look = 0;
}

void look_at_wanted(struct daemon *d)
{
	uint64_t end = d->n_to_look ? uv_hrtime() + (uint64_t)LOOK_MS * 1000000 : 0;

	if (d->n_to_look >= SHARED_MIN) {
		open_shared(d);
	}
	for (unsigned i = 1; d->n_to_look && (i % LOOKS || uv_hrtime() < end); i++) {
		uint32_t user = d->to_look[d->first_to_look++ % d->roster->users->n_users];

		d->n_to_look--;
		d->roster->state[user].in_line = false;
		if (d->roster->state[user].looks) {	/* else it was done meanwhile */
			look_at(d, user, 0, NULL);
		}
	}
	close_shared(d);
	if (d->n_to_look) {	/* name servers and whoever asks are served in between */
		(void)uv_idle_start(&d->looking, on_looking);	/* fails only without a callback */
	} else {
		begin_line(d);
		(void)uv_idle_stop(&d->looking);	/* cannot fail */
	}
}

/* --- what was read ahead --- */

bool look_ask_ahead(struct daemon *d, uint32_t user, struct ahead *a)
{
	struct ahead_file *files = ahead_files(a, a->n_users);

	if (afar_patterns(d, user, look_all_patterns(d), NULL)) {
		look_want(d, user, look_all_patterns(d));
		return ++a->n_passed < AHEAD_USERS;
	}
	a->users[a->n_users++] = user;
	d->roster->state[user].ahead = true;
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		files[i].place = look_place(d, user, i, d->watch);
		files[i].place.mounts = NULL;	/* they are the loop's */
		files[i].known = *roster_print(d->roster, user, i);
	}
	return a->n_users < AHEAD_USERS;
}

/* Whoever was looked at meanwhile may have been so later than the thread did. */
static void take_user(struct daemon *d, const struct ahead *a, unsigned i, bool usable)
{
	struct roster_user *u = &d->roster->state[a->users[i]];
	struct ahead_file *files = ahead_files(a, i);

	talkers_tell(&d->talkers, d->roster->users, a->users[i], uv_now(&d->loop));
	if (!usable || !u->ahead || u->looks) {
		look_at_all(d, a->users[i]);
		return;
	}
	for (unsigned j = 0; j < a->n_patterns; j++) {
		source_note_marks(&files[j].place, &files[j].marks);
	}
	look_at(d, a->users[i], 0, files);
}

void look_take_ahead(struct daemon *d, const struct ahead *a)
{
	bool usable = a->was_read && a->n_strays == watch_n_strays(d->watch);

	for (unsigned i = 0; i < a->n_users; i++) {
		take_user(d, a, i, usable);
	}
}

void look_take_patient(struct daemon *d, const struct patient_look *look, const struct ahead_file *files)
{
	struct roster_user *u = &d->roster->state[look->user];
	uint8_t looks = u->looks, written = u->written, sure = u->sure;

	u->looks = look->looks;
	u->written = look->written;
	u->sure = 0;
	look_at(d, look->user, look->settled_print, files);
	u->looks |= looks;	/* of events since: he is in line */
	u->written |= written;
	u->sure |= sure;
	if (u->last_look && look->looks == look_all_patterns(d)) {
		missing_for_good(d, look->user);
	}
}

/* --- time --- */

static void on_settle_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	const struct queue_item *head;

	while ((head = queue_head(&d->settling)) && head->due_ms <= uv_now(&d->loop)) {
		struct queue_item l = queue_take(&d->settling);
		struct roster_user *u = &d->roster->state[l.user];

		u->settling &= (uint8_t)~(1u << l.pattern);
		if (u->looks) {
			u->looks |= (uint8_t)(1u << l.pattern);	/* it is looked at anyway */
			continue;
		}
		u->looks = (uint8_t)(1u << l.pattern);
		look_at(d, l.user, l.print, NULL);
	}
	queue_arm(&d->settling, &d->settle_timer, on_settle_timer);
}

void look_now(struct daemon *d, uint32_t user)
{
	watch_read(d->watch);
	if (d->roster->state[user].looks) {
		look_at(d, user, 0, NULL);
	}
	d->roster->state[user].sure = (uint8_t)watch_complete(d->watch, user);	/* or an event would have told */
	look_at_all(d, user);
}

void look_renumber(struct daemon *d)
{
	d->first_to_look = d->n_to_look = 0;
	d->settling.n = d->settling.first = 0;
}

void look_deinit(struct daemon *d)
{
	queue_deinit(&d->settling);
	free(d->to_look);
}
