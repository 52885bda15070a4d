/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/watch.h"

#include "base/cleanup.h"
#include "core/conf.h"
#include "daemon/flood.h"
#include "daemon/watch_fanotify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <uv.h>

enum {
	EVENTS_SIZE = 64 * 1024,
	READS_MAX = 4,		/* of one turn of the loop: others want to be served too */
	SAME_MAX = 64,		/* places that one directory may serve as and be told apart */
	MUTED_MAX = 256,
	MUTE_FIRST_MS = 10 * 1000, MUTE_MAX_MS = 10 * 60 * 1000,
};

/* A place that flooded. */
struct muted {
	uint32_t user;
	uint8_t pattern, level;
	bool is_muted;		/* until then; afterwards it is remembered for as long again */
	uint64_t until_ms, pause_ms;
};

/* A directory of a pattern, and of a user unless all share it. */
struct place {
	uint32_t user;
	uint8_t pattern, level;
};

/* In the index, instead of a place's number. */
#define SLOT_EMPTY UINT32_MAX
#define SLOT_DELETED (UINT32_MAX - 1)
#define PLACES_MAX (UINT32_MAX / 4)	/* the index has more slots than there are places, and grows by half */

struct watch {
	uv_poll_t poll;
	int fd;
	struct watch_fanotify *fanotify;
	uv_timer_t mute_timer;
	int n_handles;
	struct flood flood;
	struct muted muted[MUTED_MAX];
	unsigned n_muted;
	const struct users *users;
	struct pattern patterns[CONF_PATTERNS_MAX];	/* their texts are borrowed */
	unsigned n_patterns;
	struct watch_handlers handlers;
	bool limited, unmarked_said;
	uint64_t n_strays;

	/* The watch descriptor of each place, or its key of fanotify, which is negative: the shared levels of all
	 * patterns first, then for every user his own levels. 0: none. */
	int *wds;
	uint32_t n_shared, n_own;
	uint32_t shared_at[CONF_PATTERNS_MAX], own_at[CONF_PATTERNS_MAX];	/* where a pattern's levels begin */

	/* The numbers of the places that have a watch descriptor, by that: open addressing. One descriptor may be
	 * that of several places. */
	uint32_t *slots;
	uint32_t n_used, size;	/* used ones, deleted ones included */
};

static const uint32_t MASK_DIR = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
				 IN_DELETE_SELF | IN_MOVE_SELF;

/* --- which place has which number --- */

/* Of one user. */
static unsigned n_own_of(const struct watch *w, unsigned pattern)
{
	return w->patterns[pattern].n - 1 - w->patterns[pattern].first_user;
}

static uint32_t first_own(const struct watch *w, uint32_t user)
{
	return w->n_shared + user * w->n_own;
}

static uint32_t number_of(const struct watch *w, unsigned pattern, unsigned level, uint32_t user)
{
	unsigned first = w->patterns[pattern].first_user;

	if (level <= first) {
		return w->shared_at[pattern] + level;
	}
	return first_own(w, user) + w->own_at[pattern] + level - first - 1;
}

static struct place place_of(const struct watch *w, uint32_t number)
{
	struct place p = { .user = WATCH_SHARED };

	if (number < w->n_shared) {
		while (number > w->shared_at[p.pattern] + w->patterns[p.pattern].first_user) {
			p.pattern++;
		}
		p.level = (uint8_t)(number - w->shared_at[p.pattern]);
		return p;
	}
	number -= w->n_shared;
	p.user = number / w->n_own;
	number %= w->n_own;
	while (number >= w->own_at[p.pattern] + n_own_of(w, p.pattern)) {
		p.pattern++;
	}
	p.level = (uint8_t)(number - w->own_at[p.pattern] + w->patterns[p.pattern].first_user + 1);
	return p;
}

/* Where the descriptor of this place is kept. */
static int *wd_of(const struct watch *w, unsigned pattern, unsigned level, uint32_t user)
{
	return &w->wds[number_of(w, pattern, level, user)];
}

static uint64_t n_places(const struct watch *w, const struct users *users)
{
	return w->n_shared + (uint64_t)w->n_own * users->n_users;
}

/* Of all places, none of which has one. NULL: no memory, or too many places for the index. */
static int *new_wds(const struct watch *w, const struct users *users)
{
	uint64_t n = n_places(w, users);

	return n < PLACES_MAX ? calloc(n + 1, sizeof(int)) : NULL;
}

/* --- the index --- */

/* Where the search begins; the size need not be a power of two. */
static uint32_t slot_of(const struct watch *w, int wd)
{
	uint32_t h = (uint32_t)wd * 2654435761u;	/* Knuth's multiplier spreads the small numbers */

	return (uint32_t)((uint64_t)h * w->size >> 32);
}

static uint32_t next_slot(const struct watch *w, uint32_t i)
{
	return i + 1 == w->size ? 0 : i + 1;
}

static bool is_used(uint32_t slot)
{
	return slot < SLOT_DELETED;
}

static void put(struct watch *w, uint32_t number)
{
	uint32_t i = slot_of(w, w->wds[number]);

	while (w->slots[i] != SLOT_EMPTY) {
		i = next_slot(w, i);
	}
	w->slots[i] = number;
	w->n_used++;
}

/* Makes room for one more, and drops what was deleted. */
static int make_room(struct watch *w)
{
	uint64_t all = n_places(w, w->users) / 4 * 5 + 32;
	uint32_t *old = w->slots;
	uint32_t size_old = w->size, n = 1;

	if (w->n_used < w->size / 5 * 4) {
		return 0;
	}
	for (uint32_t i = 0; i < size_old; i++) {
		n += is_used(old[i]);
	}
	while (w->size / 3 * 2 < n + 8) {
		w->size = w->size ? w->size + w->size / 2 : 32;	/* by half: there may be millions */
	}
	if (w->size < all && w->size > all / 8) {
		w->size = (uint32_t)all;	/* it seems that all are there: no more than they need */
	}
	w->slots = malloc(w->size * sizeof(*w->slots));
	if (!w->slots) {
		w->slots = old;
		w->size = size_old;
		return -ENOMEM;
	}
	memset(w->slots, 0xff, w->size * sizeof(*w->slots));	/* all SLOT_EMPTY */
	w->n_used = 0;
	for (uint32_t i = 0; i < size_old; i++) {
		if (is_used(old[i])) {
			put(w, old[i]);
		}
	}
	free(old);
	return 0;
}

/* Up to SAME_MAX of the places that the descriptor serves as; a handler may change the index. */
static unsigned places_of(const struct watch *w, int wd, struct place *ret)
{
	unsigned n = 0;

	for (uint32_t i = slot_of(w, wd); w->size && n < SAME_MAX && w->slots[i] != SLOT_EMPTY; i = next_slot(w, i)) {
		if (is_used(w->slots[i]) && w->wds[w->slots[i]] == wd) {
			ret[n++] = place_of(w, w->slots[i]);
		}
	}
	return n;
}

/* The place, which has a descriptor, has none any more; true when it was the descriptor's last. */
static bool drop(struct watch *w, const struct place *gone)
{
	uint32_t number = number_of(w, gone->pattern, gone->level, gone->user);
	int wd = w->wds[number];
	unsigned n_left = 0;

	for (uint32_t i = slot_of(w, wd); w->slots[i] != SLOT_EMPTY; i = next_slot(w, i)) {
		if (w->slots[i] == number) {
			w->slots[i] = SLOT_DELETED;
		} else if (is_used(w->slots[i]) && w->wds[w->slots[i]] == wd) {
			n_left++;
		}
	}
	w->wds[number] = 0;
	return !n_left;
}

/* What is gone by itself, unless the place has another one by now. */
static void forget(struct watch *w, const struct place *p, int wd)
{
	if (*wd_of(w, p->pattern, p->level, p->user) == wd) {
		(void)drop(w, p);
	}
}

static void let_go(struct watch *w, const struct place *p)
{
	int wd = *wd_of(w, p->pattern, p->level, p->user);

	if (drop(w, p) && wd > 0) {
		(void)inotify_rm_watch(w->fd, wd);	/* it may be gone by itself */
	}
}

/* --- floods --- */

static struct muted *find_muted(struct watch *w, unsigned pattern, unsigned level, uint32_t user)
{
	for (unsigned i = 0; i < w->n_muted; i++) {
		struct muted *m = &w->muted[i];

		if (m->user == user && m->pattern == pattern && m->level == level) {
			return m;
		}
	}
	return NULL;
}

static void on_mute_timer(uv_timer_t *timer);

static void arm_mute_timer(struct watch *w)
{
	uint64_t next = UINT64_MAX, now = uv_now(w->mute_timer.loop);

	for (unsigned i = 0; i < w->n_muted; i++) {
		next = w->muted[i].until_ms < next ? w->muted[i].until_ms : next;
	}
	if (w->n_muted) {	/* fails only without a function */
		(void)uv_timer_start(&w->mute_timer, on_mute_timer, next > now ? next - now : 1, 0);
	}
}

/* Looking at him puts the watch back; what came meanwhile is seen by that. */
static void on_mute_timer(uv_timer_t *timer)
{
	struct watch *w = timer->data;
	uint64_t now = uv_now(timer->loop);

	for (unsigned i = 0; i < w->n_muted;) {
		struct muted *m = &w->muted[i];

		if (m->until_ms > now) {
			i++;
		} else if (m->is_muted) {
			m->is_muted = false;
			m->until_ms = now + m->pause_ms;
			w->handlers.look(w->handlers.arg, m->user, m->pattern, false);
		} else {
			*m = w->muted[--w->n_muted];
		}
	}
	arm_mute_timer(w);
}

static void mute_place(struct watch *w, const struct place *p)
{
	uint64_t now = uv_now(w->mute_timer.loop);
	struct muted *m = find_muted(w, p->pattern, p->level, p->user);
	uint64_t pause = m ? m->pause_ms * 2 : MUTE_FIRST_MS;

	if (!m && w->n_muted == MUTED_MAX) {
		return;		/* so many at once: then the overflow serves */
	}
	m = m ? m : &w->muted[w->n_muted++];
	pause = pause > MUTE_MAX_MS ? MUTE_MAX_MS : pause;
	*m = (struct muted){ .user = p->user, .pattern = p->pattern, .level = p->level, .is_muted = true,
			     .until_ms = now + pause, .pause_ms = pause };
	let_go(w, p);
	arm_mute_timer(w);
	w->handlers.flooded(w->handlers.arg, p->user, p->pattern, pause);
}

/* What all share is never without a watch: there, only the administrator can flood. */
static void end_batch(struct watch *w)
{
	int key = flood_end(&w->flood, uv_now(w->mute_timer.loop));
	struct place places[SAME_MAX];
	unsigned n = key ? places_of(w, key, places) : 0;

	for (unsigned i = 0; i < n; i++) {
		if (places[i].user != WATCH_SHARED) {
			mute_place(w, &places[i]);
		}
	}
}

/* --- watching --- */

void watch_add_inotify(int inotify_fd, int dir_fd, bool has_file, struct watch_mark *ret)
{
	uint32_t mask = MASK_DIR | (has_file ? IN_CLOSE_WRITE : 0);
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);	/* a number fits */
	ret->key = inotify_add_watch(inotify_fd, path, mask | IN_ONLYDIR | IN_MASK_ADD);
	ret->error = ret->key < 0 ? -errno : 0;
}

void watch_add(const struct watch *w, int dir_fd, unsigned pattern, unsigned level, struct watch_mark *ret)
{
	if (!watch_add_named(w, dir_fd, "", NULL, ret)) {
		ret->unmarked = w->fanotify ? 1 : 0;
		watch_add_inotify(w->fd, dir_fd, level + 1 == w->patterns[pattern].n, ret);
	}
}

bool watch_add_named(const struct watch *w, int dir_fd, const char *name, const fsid_t *on, struct watch_mark *ret)
{
	*ret = (struct watch_mark){ 0 };
	return w->fanotify && !watch_fanotify_key(w->fanotify, dir_fd, name, on, &ret->key);
}

int watch_inotify_fd(const struct watch *w)
{
	return w->fd;
}

/* What fanotify or the limit did not allow is said once. */
static void say_once(struct watch *w, const struct watch_mark *mark, uint32_t user)
{
	if (mark->unmarked && user != WATCH_SHARED && !w->unmarked_said) {
		w->unmarked_said = true;
		w->handlers.unmarked(w->handlers.arg, user);
	}
	if (mark->error == -ENOSPC && !w->limited) {
		w->limited = true;
		w->handlers.limit(w->handlers.arg);
	}
}

/* It was muted since another thread asked for a watch on it. */
static void take_back(struct watch *w, int key)
{
	struct place places[SAME_MAX];

	if (key > 0 && !places_of(w, key, places)) {
		(void)inotify_rm_watch(w->fd, key);	/* it may be gone by itself */
	}
}

static bool is_muted(struct watch *w, unsigned pattern, unsigned level, uint32_t user)
{
	const struct muted *m = find_muted(w, pattern, level, user);

	return m && m->is_muted;
}

void watch_dir(struct watch *w, int dir_fd, unsigned pattern, unsigned level, uint32_t user)
{
	struct watch_mark mark;

	if (!is_muted(w, pattern, level, user)) {
		watch_add(w, dir_fd, pattern, level, &mark);
		watch_note(w, &mark, pattern, level, user);
	}
}

unsigned watch_complete(const struct watch *w, uint32_t user)
{
	unsigned patterns = 0;

	for (unsigned i = 0; i < w->n_patterns; i++) {
		unsigned level = w->patterns[i].first_user + 1;

		while (level < w->patterns[i].n && *wd_of(w, i, level, user)) {
			level++;
		}
		patterns |= level == w->patterns[i].n ? 1u << i : 0;
	}
	return patterns;
}

uint64_t watch_n_strays(const struct watch *w)
{
	return w->n_strays;
}

void watch_note(struct watch *w, const struct watch_mark *mark, unsigned pattern, unsigned level,
		uint32_t user)
{
	struct place p = { .user = level <= w->patterns[pattern].first_user ? WATCH_SHARED : user,
			   .pattern = (uint8_t)pattern, .level = (uint8_t)level };
	int *wd = wd_of(w, pattern, level, user);

	if (is_muted(w, pattern, level, p.user)) {
		take_back(w, mark->key);
		return;
	}
	say_once(w, mark, p.user);
	if (mark->error || *wd == mark->key) {
		return;
	}
	if (*wd) {
		let_go(w, &p);
	}
	if (!make_room(w)) {
		*wd = mark->key;
		put(w, number_of(w, pattern, level, user));
	}
}

/* At whose way leads through this directory. */
static void look_through(const struct watch *w, const struct place *p)
{
	if (p->user == WATCH_SHARED) {
		w->handlers.look_all(w->handlers.arg);
	} else {
		w->handlers.look(w->handlers.arg, p->user, p->pattern, false);
	}
}

/* Something happened to the name in the directory: is that a name on somebody's way? */
static void name_event(struct watch *w, const struct place *at, uint32_t mask, const char *entry_name)
{
	const struct pattern *p = &w->patterns[at->pattern];
	bool is_file = at->level + 1u == p->n;
	bool written = is_file && mask & (IN_CLOSE_WRITE | IN_MOVED_TO);
	const char *name;
	uint32_t user = at->user;
	size_t n;

	if (!is_file && mask & IN_CLOSE_WRITE) {
		return;
	}
	if (user != WATCH_SHARED) {
		char expected[NAME_MAX + 1];

		if (!pattern_component(p, at->level, users_user(w->users, user), expected) ||
		    strcmp(expected, entry_name)) {
			return;
		}
	} else {
		if (!pattern_match(p, at->level, entry_name, &name, &n)) {
			return;
		}
		if (!name) {
			w->handlers.look_all(w->handlers.arg);
			return;
		}
		user = users_find(w->users, name, n);
		if (user == TABLE_NONE) {
			return;
		}
	}
	w->handlers.look(w->handlers.arg, user, at->pattern, written);
}

static void take_event(struct watch *w, const struct inotify_event *event)
{
	struct place places[SAME_MAX];
	unsigned n;

	if (event->mask & IN_Q_OVERFLOW) {
		w->handlers.lost(w->handlers.arg);
		return;
	}
	flood_count(&w->flood, event->wd);
	n = places_of(w, event->wd, places);
	w->n_strays += !n;
	if (n == SAME_MAX) {	/* some of those who share it may be missing here */
		w->handlers.look_all(w->handlers.arg);
	}
	if (event->mask & IN_MOVE_SELF) {
		(void)inotify_rm_watch(w->fd, event->wd);	/* IN_IGNORED follows */
	}
	for (unsigned i = 0; i < n; i++) {
		if (event->mask & IN_IGNORED) {	/* forget the watch, look where it should be */
			forget(w, &places[i], event->wd);
			look_through(w, &places[i]);
		} else if (event->len) {
			name_event(w, &places[i], event->mask, event->name);
		}
	}
}

/* --- events of fanotify --- */

/* Whether it is a name that may be on somebody's way, in a directory that is not noted. Most of what happens on
 * the file system is none of ours. */
static bool may_be_ours(const struct watch *w, const char *name)
{
	const char *user;
	bool ours = !strcmp(name, ".");
	size_t n;

	for (unsigned i = 0; i < w->n_patterns; i++) {
		for (unsigned level = w->patterns[i].first_user + 1; level < w->patterns[i].n; level++) {
			ours = ours || pattern_match(&w->patterns[i], level, name, &user, &n);
		}
	}
	return ours;
}

static void on_fanotify_event(void *arg, int key, uint32_t mask, const char *name)
{
	struct watch *w = arg;
	struct place places[SAME_MAX];
	unsigned n = places_of(w, key, places);

	if (n) {	/* else it is somebody's directory on the same file system */
		flood_count(&w->flood, key);
	} else if (may_be_ours(w, name)) {
		w->n_strays++;
	}
	if (n == SAME_MAX) {
		w->handlers.look_all(w->handlers.arg);
	}
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(name, ".") != 0) {
			name_event(w, &places[i], mask, name);
		} else {
			look_through(w, &places[i]);
		}
	}
}

static void on_fanotify_end(void *arg)
{
	end_batch(arg);
}

static void on_fanotify_lost(void *arg)
{
	struct watch *w = arg;

	w->handlers.lost(w->handlers.arg);
}

/* --- events of inotify --- */

/* Takes some events. Returns their bytes, or 0 when there are none. */
static size_t take_events(struct watch *w)
{
	char events[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(w->fd, events, sizeof(events));
	const struct inotify_event *e;

	if (n <= 0) {
		return 0;
	}
	for (char *at = events; at < events + n; at += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)(void *)at;
		take_event(w, e);
	}
	end_batch(w);
	return (size_t)n;
}

static void readable(uv_poll_t *poll, int status, int events_mask)
{
	struct watch *w = poll->data;

	(void)status;	/* read tells more */
	(void)events_mask;
	for (int i = 0; i < READS_MAX && take_events(w); i++) {
	}
}

void watch_read(struct watch *w)
{
	int queued;	/* bytes, of whole events; what comes meanwhile is left to the loop */
	size_t left, n = 1;

	if (w->fanotify) {
		watch_fanotify_read(w->fanotify);
	}
	if (ioctl(w->fd, FIONREAD, &queued) < 0) {
		return;
	}
	left = (size_t)queued;
	while (left && n) {
		n = take_events(w);
		left -= n < left ? n : left;
	}
}

int watch_new(struct uv_loop_s *loop, const struct users *users, const struct pattern *patterns,
	      unsigned n_patterns, struct watch_fanotify *fanotify, const struct watch_handlers *h,
	      struct watch **ret)
{
	struct watch *w = calloc(1, sizeof(*w));
	const struct watch_fanotify_handlers from_fanotify = {
		.event = on_fanotify_event, .end = on_fanotify_end, .lost = on_fanotify_lost, .arg = w,
	};
	int r;

	if (!w) {
		return -ENOMEM;
	}
	w->users = users;
	w->handlers = *h;
	for (unsigned i = 0; i < n_patterns && i < CONF_PATTERNS_MAX; i++) {
		w->patterns[i] = patterns[i];
		w->n_patterns++;
		w->shared_at[i] = w->n_shared;
		w->own_at[i] = w->n_own;
		w->n_shared += patterns[i].first_user + 1;
		w->n_own += n_own_of(w, i);
	}
	w->wds = new_wds(w, users);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r = !w->wds ? -ENOMEM : w->fd < 0 ? -errno : uv_poll_init(loop, &w->poll, w->fd);
	if (r) {
		close_fd(w->fd);
		free(w->wds);
		free(w);
		return r;
	}
	(void)uv_timer_init(loop, &w->mute_timer);	/* cannot fail */
	w->poll.data = w->mute_timer.data = w;
	w->n_handles = 2;
	w->fanotify = fanotify;
	r = uv_poll_start(&w->poll, UV_READABLE, readable);
	if (!r && fanotify) {
		r = watch_fanotify_aim(fanotify, loop, &from_fanotify);
	}
	if (r) {
		watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

static void let_user_go(struct watch *w, uint32_t user)
{
	for (unsigned i = 0; i < w->n_patterns; i++) {
		for (unsigned level = w->patterns[i].first_user + 1; level < w->patterns[i].n; level++) {
			struct place p = { .user = user, .pattern = (uint8_t)i, .level = (uint8_t)level };

			if (*wd_of(w, i, level, user)) {
				let_go(w, &p);
			}
		}
	}
}

static void renumber_muted(struct watch *w, const uint32_t *now)
{
	for (unsigned i = 0; i < w->n_muted;) {
		struct muted *m = &w->muted[i];

		m->user = now[m->user];
		if (m->user == TABLE_NONE) {
			*m = w->muted[--w->n_muted];
		} else {
			i++;
		}
	}
}

int watch_renumber(struct watch *w, const struct users *users, const struct pattern *patterns, const uint32_t *now)
{
	int *wds = new_wds(w, users);

	if (!wds) {
		return -ENOMEM;
	}
	memcpy(wds, w->wds, w->n_shared * sizeof(*wds));
	for (uint32_t user = 0; user < w->users->n_users; user++) {
		if (now[user] == TABLE_NONE) {
			let_user_go(w, user);
		} else {
			memcpy(wds + first_own(w, now[user]), w->wds + first_own(w, user), w->n_own * sizeof(*wds));
		}
	}
	/* The descriptors are the same, and so is where the index has them. */
	for (uint32_t i = 0; i < w->size; i++) {
		if (is_used(w->slots[i]) && w->slots[i] >= w->n_shared) {
			uint32_t own = w->slots[i] - w->n_shared;

			w->slots[i] = first_own(w, now[own / w->n_own]) + own % w->n_own;
		}
	}
	renumber_muted(w, now);
	free(w->wds);
	w->wds = wds;
	w->users = users;
	memcpy(w->patterns, patterns, w->n_patterns * sizeof(*patterns));
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	if (--w->n_handles) {
		return;
	}
	close_fd(w->fd);
	free(w->slots);
	free(w->wds);
	free(w);
}

struct watch *watch_free(struct watch *w)
{
	if (w) {
		uv_close((uv_handle_t *)&w->poll, closed);
		uv_close((uv_handle_t *)&w->mute_timer, closed);
	}
	return NULL;
}
