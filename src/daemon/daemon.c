/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/daemon.h"
#include "daemon/daemon_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/text.h"
#include "daemon/accounts.h"
#include "daemon/claims.h"
#include "daemon/mounts.h"
#include "service/notify.h"
#include "service/progress.h"
#include "service/sandbox.h"
#include "service/start.h"
#include "daemon/publish.h"
#include "daemon/reload.h"
#include "daemon/roster.h"
#include "daemon/save.h"
#include "daemon/say.h"
#include "daemon/source.h"
#include "daemon/state.h"
#include "daemon/watch.h"
#include "daemon/watch_fanotify.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <string.h>
#include <uv.h>

/* More than BATCHES_MAX: homes that never answer must not keep the writers of files waiting. */
#define THREADS "12"

enum {
	BATCHES_MAX = 8,	/* of a sweep, under way: more than there are threads, so that none is idle */
	LOST_MS = 10 * 1000,	/* between sweeps because events were lost */
	CHANGED_MAX = 4096, CHANGED_SHARE = 4,	/* by a reload, looked at by the loop: so many, or one in so many */
	SAVE_SOON_MS = 100,	/* after the first change: first it is published, which may take tinydns-data so long */
	SAVE_SHARE = 20,	/* saving the state takes at most one part in so many of the time, */
	SAVE_SHARE_GENTLE = 400,	/* or even in so many, where that does not put it off for longer than: */
	SAVE_LATE_MS = 5000,
	SAVE_AGAIN_MS = 10 * 1000,	/* after it failed */
};

static void on_saved(void *arg, int r, uint64_t cost_ms)
{
	struct daemon *d = arg;
	bool again;

	d->save_cost_ms = cost_ms;
	d->saved_ms = uv_now(&d->loop);
	if (r && !d->state_failed) {
		log_error("unable to save '%s': %s; after a restart, users without a good address file "
			  "keep what the data file says", d->conf.state, strerror(-r));
	}
	d->state_failed = r;
	again = r || claims_saved(d->claims);	/* also where it is dirty again: changes may come all the time */
	d->state_dirty = d->state_dirty || again;
}

static void on_save_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	d->state_dirty = false;
	save_begin(d->save, d->roster, d->publish, claims_save_begins(d->claims));
}

void daemon_want_publish(struct daemon *d)
{
	d->publish_wanted = true;
	d->state_dirty = true;
}

/* --- sweeps --- */

static void sweep_begin(struct daemon *d);

static void on_rescan_timer(uv_timer_t *timer);

/* Somebody who makes events without end is not to have us sweep without end. */
static void sweep_for_lost(struct daemon *d)
{
	uint64_t now = uv_now(&d->loop), next = d->lost_ms ? d->lost_ms + LOST_MS : 0;

	if (d->sweeping) {
		d->lost_again = true;
	} else if (now >= next) {
		d->lost_ms = now;
		sweep_begin(d);
	} else {	/* fails only without a callback */
		(void)uv_timer_start(&d->rescan_timer, on_rescan_timer, next - now, d->conf.rescan_ms);
	}
}

/* The sweep then watches by inotify what is there now. Not while threads have anything to do with it. */
static bool forget_unmounted(struct daemon *d)
{
	bool any = d->fanotify && watch_fanotify_forget_unmounted(d->fanotify);

	if (any) {
		log_info("a file system that fanotify had marked was unmounted; what is mounted there is watched by "
			 "inotify, until the next start");
	}
	return any;
}

static void sweep_end(struct daemon *d)
{
	d->sweeping = false;
	if (d->shows_progress) {
		d->shows_progress = false;
		progress_end();
	}
	(void)uv_timer_again(&d->rescan_timer);	/* it has been started once */
	if (d->mounts_passed && (d->any_by_link || forget_unmounted(d))) {
		d->sweep_again = true;
	}
	d->mounts_passed = false;
	if (d->lost_again) {
		d->lost_again = false;
		sweep_for_lost(d);
	}
	if (!d->ready) {
		daemon_want_publish(d);	/* the first publish, whatever there is */
	} else {
		/* Somebody may have changed what is published in a way that no event told. */
		d->compare_wanted = true;
	}
	if (d->sweep_again) {
		d->sweep_again = false;
		sweep_begin(d);
	}
}

static void hangup(struct daemon *d);

static bool sweep_has_more(const struct daemon *d)
{
	return d->sweep_at < d->roster->users->n_users;
}

/* Has the next users read. */
static void sweep_next(struct daemon *d, struct ahead *a)
{
	bool room = true;

	a->n_users = a->n_passed = 0;
	a->n_strays = watch_n_strays(d->watch);
	while (room && sweep_has_more(d)) {
		room = look_ask_ahead(d, d->sweep_at++, a);
	}
	ahead_queue(a, &d->loop);
	d->n_ahead++;
}

/* A batch is back: decides on its users, and sends it off with the next. */
static void on_batch(uv_work_t *work, int status)
{
	struct ahead *a = work->data;
	struct daemon *d = a->arg;
	bool go_on = !d->stopping && !d->closing;

	(void)status;
	d->n_ahead--;
	if (go_on) {
		look_take_ahead(d, a);
	}
	if (go_on && d->shows_progress) {
		progress_show("reading address files", d->sweep_at, d->roster->users->n_users);
	}
	if (go_on && !d->reload_wanted && sweep_has_more(d)) {
		sweep_next(d, a);
	} else {
		ahead_free(a);
	}
	if (!go_on || d->n_ahead) {
		return;
	}
	if (d->reload_wanted) {
		hangup(d);
	} else if (d->sweeping) {
		sweep_end(d);
	}
}

static void sweep_begin(struct daemon *d)
{
	if (d->sweeping) {
		d->sweep_again = true;
		return;
	}
	d->sweeping = true;
	d->sweep_at = 0;
	(void)forget_unmounted(d);	/* it is the sweep that is wanted then */
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		source_watch_shared(&d->conf.patterns[i], i, d->mounts, d->watch);
	}
	for (int i = 0; i < BATCHES_MAX && sweep_has_more(d); i++) {
		struct ahead *a = ahead_new(d->conf.patterns, d->conf.n_patterns);

		if (!a) {
			break;
		}
		a->done = on_batch;
		a->arg = d;
		sweep_next(d, a);
	}
	if (!d->n_ahead) {	/* no users; or no memory, and the next sweep serves */
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

	if (written) {
		look_written(d, user, pattern);
	} else {
		look_want(d, user, 1u << pattern);
	}
}

static void on_look_all(void *arg)
{
	sweep_begin(arg);
}

static void on_lost(void *arg)
{
	sweep_for_lost(arg);
}

static void on_flooded(void *arg, uint32_t user, unsigned pattern, uint64_t pause_ms)
{
	struct daemon *d = arg;
	char path[PATTERN_PATH_MAX];

	log_warning("there is no end of events where %s of user %s is; not watching there for %llu s",
		    source_path(&d->conf.patterns[pattern], users_user(d->roster->users, user), path),
		    users_user(d->roster->users, user), (unsigned long long)pause_ms / 1000);
}

static void on_unmarked(void *arg, uint32_t user)
{
	struct daemon *d = arg;

	log_info("a directory of user %s, and perhaps of others, is on a file system that fanotify has not marked: "
		 "watched by inotify", users_user(d->roster->users, user));
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
	struct daemon *d = arg;

	if (afar_mounts_changed(d) || (!d->sweeping && forget_unmounted(d))) {
		sweep_begin(d);
	} else if (!mounts_news(d->mounts, 0)) {
		/* What was unmounted may be another one now, of which all that the table says is the same. */
		sweep_for_lost(d);
	} else if (d->sweeping) {	/* what it has read, and not told yet, may have been from before */
		d->mounts_passed = true;
	}
}

/* What only the start needed, such as the files that were read at once. */
static void give_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);	/* whether there was something does not matter */
#endif
}

static void on_attempted(void *arg)
{
	struct daemon *d = arg;

	if (!d->ready) {
		d->ready = true;
		log_info("started");
		notify_ready();
		give_back();
	}
}

static void on_stopped(void *arg)
{
	struct daemon *d = arg;

	uv_stop(&d->loop);
}

static void on_progress(void *arg)
{
	struct daemon *d = arg;

	d->progressed = true;
}

static void on_remember(void *arg)
{
	struct daemon *d = arg;

	d->state_dirty = true;
}

static uint64_t on_claim(void *arg, const char *lines, size_t n)
{
	struct daemon *d = arg;

	return claims_add(d->claims, lines, n);
}

static void on_claimed(void *arg, uint64_t upto)
{
	struct daemon *d = arg;

	if (!d->closing) {
		publish_claimed(d->publish, upto);
	}
}

void daemon_helper_lost(struct daemon *d, const char *which)
{
	log_error("a process that %s is gone; stopping", which);
	d->status = 111;
	uv_stop(&d->loop);
}

static void on_command_lost(void *arg)
{
	daemon_helper_lost(arg, "runs commands");
}

static uint64_t save_delay_ms(const struct daemon *d)
{
	uint64_t least = d->save_cost_ms * SAVE_SHARE, pause = d->save_cost_ms * SAVE_SHARE_GENTLE, due_ms;

	if (d->state_failed) {
		return SAVE_AGAIN_MS;
	}
	pause = pause < SAVE_LATE_MS ? pause : SAVE_LATE_MS;
	pause = pause > least ? pause : least;
	due_ms = d->saved_ms + pause;
	return due_ms > uv_now(&d->loop) + SAVE_SOON_MS ? due_ms - uv_now(&d->loop) : SAVE_SOON_MS;
}

/* Before the loop waits: act on everything that was noted in this turn, together. */
static void act(struct daemon *d)
{
	bool again;

	look_at_wanted(d);
	missing_eased(d);
	again = d->compare_wanted;
	if ((again || d->publish_wanted) && (d->ready || !d->sweeping)) {
		d->compare_wanted = d->publish_wanted = false;
		publish_changed(d->publish, again);
	}
	questions_answer(d);
	if (d->state_dirty && !save_is_under_way(d->save) && !uv_is_active((uv_handle_t *)&d->save_timer)) {
		(void)uv_timer_start(&d->save_timer, on_save_timer, save_delay_ms(d), 0);
	}
}

static void on_say_timer(uv_timer_t *timer)
{
	(void)timer;
	say_left_out();
}

static void arm_say(struct daemon *d)
{
	uint64_t now = uv_now(&d->loop), due = say_due_ms();

	if (say_n_left_out() && !uv_is_active((uv_handle_t *)&d->say_timer)) {
		(void)uv_timer_start(&d->say_timer, on_say_timer, due > now ? due - now : 0, 0);
	}
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct daemon *d = prepare->data;

	log_hold();
	if (!d->stopping) {
		act(d);
	}
	arm_say(d);
	save_slice(d->save);	/* what was noted has been handed on: the state fits together */
	log_flush();
}

/* --- start, reload, stop --- */

static int open_watch(struct daemon *d, const struct conf *conf, const struct roster *roster,
		      struct watch **ret)
{
	const struct watch_handlers h = {
		.look = on_look, .look_all = on_look_all, .lost = on_lost, .flooded = on_flooded,
		.unmarked = on_unmarked, .limit = on_watch_limit, .arg = d,
	};

	return watch_new(&d->loop, roster->users, conf->patterns, conf->n_patterns, d->fanotify, &h, ret);
}

static bool same_patterns(const struct conf *a, const struct conf *b)
{
	bool same = a->n_patterns == b->n_patterns;

	for (unsigned i = 0; same && i < a->n_patterns; i++) {
		same = text_same(a->patterns[i].text, b->patterns[i].text);
	}
	return same;
}

/* What of a user is still known: all, if what there is to read of him, and what it means, is what it was. */
static enum roster_keep what_stays(const struct conf *a, const struct conf *b)
{
	bool same_meaning = a->addresses_max == b->addresses_max &&
	       ip_nets_same(&a->networks, &b->networks) && a->missing == b->missing &&
	       a->missing_after_ms == b->missing_after_ms && a->rescan_ms == b->rescan_ms &&
	       a->http.is_set == b->http.is_set && a->http.addresses == b->http.addresses &&
	       text_same(a->http.user, b->http.user);

	return !same_patterns(a, b) ? ROSTER_KEEP_ADDRESSES : same_meaning ? ROSTER_KEEP_ALL : ROSTER_KEEP_PATTERNS;
}

/* What cannot change while we run, and why a reload with it is refused; NULL: nothing. */
static const char *needs_restart(const struct conf *old, const struct conf *new)
{
	static const struct conf_output none;
	const struct conf_output *a = old->outputs->plain ? old->outputs : &none;
	const struct conf_output *b = new->outputs->plain ? new->outputs : &none;

	return !text_same(a->file, b->file)			  ? "datafile" :
	       !text_same(a->command, b->command)		  ? "makecommand" :
	       !text_same(a->database, b->database)		  ? "database" :
	       !text_same(old->user, new->user)		  ? "user" :
	       !text_same(old->state, new->state)		  ? "state" :
	       !text_same(old->socket, new->socket)		  ? "socket" :
	       !text_same(old->log_tempfile, new->log_tempfile) ? "log_tempfile" :	/* the sandbox */
	       old->watch != new->watch				  ? "watch" :
	       old->replace != new->replace			  ? "replace" :
								    NULL;
}

/* The new users are watched; whom the old ones had too, by the same watches, if their directories are the same. */
static int take_watch(struct daemon *d, const struct conf *new, const struct roster *roster,
		      const struct users_diff *diff, enum roster_keep keep, struct watch **ret)
{
	*ret = d->watch;
	return keep >= ROSTER_KEEP_PATTERNS ? watch_renumber(d->watch, roster->users, new->patterns, diff->now) :
					      open_watch(d, new, roster, ret);
}

/* Of the old roster: something was to be done for him, which the reload forgets. */
static bool is_under_way(const struct daemon *d, uint32_t user)
{
	const struct roster_user *u = &d->roster->state[user];

	return u->in_line || u->looks || u->settling || u->missing || patient_has(d->patient, user);
}

/* Notes in `same` who has to be looked at although his names are the same. */
static void find_under_way(const struct daemon *d, struct users_diff *diff, uint32_t n_users)
{
	for (uint32_t user = 0; user < n_users; user++) {
		diff->same[user] = diff->same[user] && !is_under_way(d, diff->before[user]);
	}
}

/* Looks at those of whom something may be new. false: that would be so many that a sweep does it. */
static bool look_at_changed(struct daemon *d, const struct roster *old, const struct users_diff *diff)
{
	uint32_t n_users = d->roster->users->n_users;

	for (uint32_t user = 0; user < n_users; user++) {
		if (!diff->same[user] ||
		    d->roster->state[user].account != old->state[diff->before[user]].account) {
			look_want(d, user, look_all_patterns(d));
		}
	}
	return d->n_to_look <= CHANGED_MAX || d->n_to_look <= n_users / CHANGED_SHARE;
}

/* The new configuration is in force: the old roster goes. */
static void forget_old(struct daemon *d, struct roster *roster, struct watch *watch, uint32_t *to_look)
{
	if (d->watch != watch) {
		d->watch = watch_free(d->watch);
	}
	d->roster = roster;
	d->watch = watch;
	save_replace(d->save, roster);
	free(d->to_look);
	d->to_look = to_look;
	afar_begin(d);
	d->progressed = true;	/* for whom somebody waits, he may be another now */
}

/* Of who is not found because nobody answered, what is known stays. before and diff: of a reload; NULL at the start. */
static void take_accounts(struct daemon *d, const struct accounts *a, const struct roster *before,
			  const struct users_diff *diff)
{
	for (uint32_t user = 0; user < d->roster->users->n_users; user++) {
		uid_t *account = &d->roster->state[user].account;

		*account = a->users[user];
		if (*account == SOURCE_NO_ACCOUNT && a->error && before && diff->before[user] != TABLE_NONE) {
			*account = before->state[diff->before[user]].account;
		}
	}
	if (a->front_end != SOURCE_NO_ACCOUNT || !a->error || !before) {
		d->front_end = a->front_end;
	}
	if (a->error) {
		log_warning("unable to look up the accounts of users: %s; %s; trying again with the next reload",
			    strerror(-a->error), before ? "who had one keeps it" : "not all of their files are taken");
	}
}

/* The new configuration is complete: the new roster and watch, with what is known kept. *ret_sweep: everything has to
 * be looked at. */
static int swap_in(struct daemon *d, struct reload *load, bool *ret_sweep)
{
	struct conf *new = &load->conf;
	struct users_diff *diff = &load->diff;
	struct roster *roster = roster_new(new->users, new->n_patterns), *before = d->roster;
	enum roster_keep keep = what_stays(&d->conf, new);
	struct conf old = d->conf;
	struct watch *watch = NULL;
	uint32_t *to_look;
	int r;

	if (!roster) {
		return -ENOMEM;
	}
	new->users = NULL;	/* the roster has them now */
	talkers_tell_all(&d->talkers, d->roster->users);	/* by the old numbers */
	to_look = calloc(roster->users->n_users + 1u, sizeof(*to_look));
	r = to_look ? take_watch(d, new, roster, diff, keep, &watch) : -ENOMEM;
	if (r) {
		free(to_look);
		roster_free(roster);
		return r;
	}
	roster_inherit(roster, before, diff, keep);
	find_under_way(d, diff, roster->users->n_users);
	d->conf = *new;
	*new = (struct conf){ 0 };
	if (publish_replace(d->publish, &d->conf, roster)) {
		log_error("out of memory in the middle of a reload; stopping");
		d->status = 111;
		uv_stop(&d->loop);
	}
	forget_old(d, roster, watch, to_look);
	take_accounts(d, &load->accounts, before, diff);
	look_renumber(d);
	missing_renumber(d, before, diff->now, keep >= ROSTER_KEEP_PATTERNS,
			 (int64_t)(d->conf.missing_after_ms - old.missing_after_ms));
	*ret_sweep = keep != ROSTER_KEEP_ALL || !diff->n_changed || !look_at_changed(d, before, diff);
	roster_free(before);
	conf_deinit(&old);
	return 0;
}

/* Returns whether everything has to be looked at: so it is, too, when nothing has changed, for somebody wanted it. */
static bool take_conf(struct daemon *d, struct reload *load)
{
	const char *fixed, *output;
	bool sweep = true;
	int r = load->outcome;

	if (r < 0) {
		log_error("not reloaded: %s; keeping the old configuration", strerror(-r));
		return true;
	}
	fixed = r ? NULL : needs_restart(&d->conf, &load->conf);
	output = r ? NULL : publish_needs_restart(&d->conf, &load->conf);
	if (r) {
		log_error("not reloaded: %s%s; keeping the old configuration", buf_str(&load->mistake),
			  load->n_mistakes > 1 ? ", and more ('dns-updater check' tells all)" : "");
	} else if (fixed) {
		log_error("not reloaded: another %s needs a restart; keeping the old configuration",
			  fixed);
	} else if (output) {
		log_error("not reloaded: another file or command of output %s needs a restart; keeping "
			  "the old configuration", output);
	} else {
		r = swap_in(d, load, &sweep);
		if (r) {
			log_error("not reloaded: %s; keeping the old configuration", strerror(-r));
		} else {
			log_set_tempfile(d->conf.log_tempfile);
			say_limit(d->conf.log_rate);
			if (!d->inquiry) {	/* somebody may have mended it */
				questions_open(d);
			}
			log_info("reloaded %s", d->conf_path);
		}
	}
	return sweep;
}

static void load_begin(struct daemon *d);

/* What was loaded comes into force. */
static void hangup(struct daemon *d)
{
	struct reload *load = steal_ptr(&d->reload);
	bool sweep;

	d->reload_wanted = false;
	if (d->withdrawals_held) {
		missing_withdraw(d, true);
	}
	sweep = take_conf(d, load) || d->sweeping || !d->ready;
	reload_free(load);
	publish_hurry(d->publish);
	uv_timer_set_repeat(&d->rescan_timer, d->conf.rescan_ms);
	daemon_want_publish(d);
	if (sweep) {
		d->sweeping = d->sweep_again = false;	/* from the start, for the users may be others */
		d->shows_progress = true;
		sweep_begin(d);
	} else {
		d->compare_wanted = true;
	}
	if (d->reload_again) {
		load_begin(d);
	}
}

static void on_loaded(uv_work_t *work, int status)
{
	struct reload *load = work->data;
	struct daemon *d = load->arg;

	(void)status;
	if (d->stopping || d->closing) {
		d->reload = reload_free(load);
		return;
	}
	/* Threads have what the reload replaces: first they finish. */
	d->reload_wanted = true;
	if (!d->n_ahead) {
		hangup(d);
	}
}

static void load_begin(struct daemon *d)
{
	d->reload_again = false;
	d->reload = reload_begin(&d->loop, d->conf_path, d->roster->users, on_loaded, d);
	if (!d->reload) {
		log_error("not reloaded: %s; keeping the old configuration", strerror(ENOMEM));
	}
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	(void)number;
	if (d->stopping) {
		return;
	}
	if (d->reload) {	/* what was read by then may be another now */
		d->reload_again = true;
	} else {
		load_begin(d);
	}
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
	questions_close(d);	/* what is written from now on is not published */
	publish_stop(d->publish);
}

/* Timers, signals and the rest; in a loop of their own they cannot fail, but for the signals. */
static int init_handles(struct daemon *d)
{
	uv_timer_t *timers[] = { &d->rescan_timer, &d->settle_timer, &d->missing_timer,
				 &d->save_timer, &d->say_timer };
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
	(void)uv_idle_init(&d->loop, &d->looking);
	d->prepare.data = d;
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
	int r = state_load(d->conf.state, d->roster, d->publish);
	bool any;

	if (r) {
		log_warning("unable to use '%s': %s; users without a good address file keep what the "
			    "data file says", d->conf.state,
			    r < 0 ? strerror(-r) : "it is not a state file of this version");
	}
	r = claims_load(d->claims, d->publish, &any);
	if (r) {
		log_warning("unable to read what is left beside '%s': %s; what was published for the first time when we "
			    "were killed may stay at the name server", d->conf.state, strerror(-r));
	}
	d->state_dirty = d->state_dirty || any;
	publish_remember(d->publish);
}

int daemon_new(struct conf *conf, const char *conf_path, struct output_commands *commands,
	       struct watch_fanotify *fanotify, struct patient *patient, struct daemon **ret)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct accounts accounts;
	const struct publish_handlers h = {
		.attempted = on_attempted, .stopped = on_stopped, .lost = on_command_lost,
		.progress = on_progress, .remember = on_remember, .claim = on_claim, .arg = d,
	};
	int r;

	/* libuv reads it when work is queued first. Whoever sets it knows why. */
	(void)setenv("UV_THREADPOOL_SIZE", THREADS, 0);	/* without it there are four */
	r = sandbox_close_rings();
	if (r || !d || uv_loop_init(&d->loop)) {
		free(d);
		watch_fanotify_free(fanotify);
		patient_free(patient);
		publish_unfork(conf, commands);
		conf_deinit(conf);
		return r ? r : -ENOMEM;
	}
	d->conf = *conf;
	*conf = (struct conf){ 0 };
	d->fanotify = fanotify;
	d->patient = patient;
	d->conf_path = conf_path;
	r = init_handles(d);
	d->roster = roster_new(d->conf.users, d->conf.n_patterns);
	if (d->roster) {
		d->conf.users = NULL;	/* the roster has them now */
		d->to_look = calloc(d->roster->users->n_users + 1u, sizeof(*d->to_look));
	}
	if (!r && (!d->roster || !d->to_look)) {
		r = -ENOMEM;
	}
	if (!r) {
		r = save_new(&d->loop, d->conf.state, on_saved, d, &d->save);
	}
	if (!r) {
		r = claims_new(&d->loop, d->conf.state, on_claimed, d, &d->claims);
	}
	if (!r) {
		r = accounts_find(d->roster->users, d->conf.http.user, &accounts);
	}
	if (!r) {
		take_accounts(d, &accounts, NULL, NULL);
		accounts_deinit(&accounts);
		r = open_watch(d, &d->conf, d->roster, &d->watch);
	}
	if (!r) {
		r = mounts_new(&d->mounts);
	}
	if (!r) {
		r = mounts_watch(d->mounts, &d->loop, on_mounts_changed, d);
	}
	if (!r) {
		r = afar_open(d);
	}
	if (!r) {
		r = publish_new(&d->loop, &d->conf, d->roster, commands, &h, &d->publish);
	}
	publish_unfork(&d->conf, commands);	/* those that nobody has taken over */
	if (r) {
		daemon_free(d);
		return r;
	}
	questions_open(d);
	*ret = d;
	return 0;
}

const struct conf *daemon_conf(const struct daemon *d)
{
	return &d->conf;
}

int daemon_run(struct daemon *d)
{
	say_limit(d->conf.log_rate);
	remember(d);
	/* These fail only without a callback. */
	(void)uv_prepare_start(&d->prepare, on_prepare);
	(void)uv_timer_start(&d->rescan_timer, on_rescan_timer, d->conf.rescan_ms,
			     d->conf.rescan_ms);
	d->shows_progress = true;
	sweep_begin(d);
	if (start_hung_up()) {
		load_begin(d);
	}
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);	/* ends by uv_stop */
	if (d->state_dirty || save_is_under_way(d->save)) {
		d->state_dirty = false;
		on_saved(d, save_now(d->save, d->roster, d->publish, claims_save_begins(d->claims)), 0);
	}
	say_left_out();
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
	d->closing = true;
	while (d->n_ahead || (d->reload && !d->reload_wanted)) {	/* threads have what goes now */
		(void)uv_run(&d->loop, UV_RUN_ONCE);
	}
	d->reload = reload_free(d->reload);
	questions_close(d);
	d->publish = publish_free(d->publish);
	d->fanotify = watch_fanotify_free(d->fanotify);	/* first, for it calls the watch */
	d->patient = patient_free(d->patient);
	d->watch = watch_free(d->watch);
	d->mounts = mounts_free(d->mounts);
	uv_walk(&d->loop, close_handle, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);	/* until all are closed */
	(void)uv_loop_close(&d->loop);		/* and so this has nothing to refuse */
	d->save = save_free(d->save);
	d->claims = claims_free(d->claims, !d->state_failed);
	roster_free(d->roster);
	conf_deinit(&d->conf);
	look_deinit(d);
	queue_deinit(&d->missing);
	free(d);
	log_flush();
	return NULL;
}
