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
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <uv.h>

enum {
	EVENTS_SIZE = 64 * 1024,
	READS_MAX = 4,		/* of one turn of the loop: others want to be served too */
	SAME_MAX = 64,		/* places that one directory may serve as and be told apart */
	WD_EMPTY = 0,		/* the kernel's watch descriptors begin with 1 */
	WD_DELETED = -1,	/* and the keys of fanotify are other negative numbers */
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

/* What one watch descriptor, or key of fanotify, serves as. It may have several entries. */
struct entry {
	int wd;
	uint32_t user;
	uint8_t pattern, level;
};

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

	struct entry *entries;	/* open addressing by wd */
	uint32_t n_used, size;	/* used ones, deleted ones included */

	/* The watch descriptor of each place: the shared levels of all patterns first, then for
	 * every user his own levels. 0: none. */
	int *wds;
	uint32_t n_shared, n_own;
	uint32_t shared_at[CONF_PATTERNS_MAX], own_at[CONF_PATTERNS_MAX];	/* where a pattern's levels begin */
};

static const uint32_t MASK_DIR = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
				 IN_DELETE_SELF | IN_MOVE_SELF;

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

static void put(struct watch *w, const struct entry *e)
{
	uint32_t i = slot_of(w, e->wd);

	while (w->entries[i].wd != WD_EMPTY) {
		i = next_slot(w, i);
	}
	w->entries[i] = *e;
	w->n_used++;
}

static bool is_used(const struct entry *e)
{
	return e->wd != WD_EMPTY && e->wd != WD_DELETED;
}

/* Makes room for one more, and drops what was deleted. */
static int make_room(struct watch *w)
{
	uint64_t all = (w->n_shared + (uint64_t)w->n_own * w->users->n_users) / 4 * 5 + 32;
	struct entry *old = w->entries;
	uint32_t size_old = w->size, n = 1;

	if (w->n_used < w->size / 5 * 4) {
		return 0;
	}
	for (uint32_t i = 0; i < size_old; i++) {
		n += is_used(&old[i]);
	}
	while (w->size / 3 * 2 < n + 8) {
		w->size = w->size ? w->size + w->size / 2 : 32;	/* by half: there may be millions */
	}
	if (w->size < all && w->size > all / 8) {
		w->size = (uint32_t)all;	/* it seems that all are there: no more than they need */
	}
	w->entries = calloc(w->size, sizeof(*w->entries));
	if (!w->entries) {
		w->entries = old;
		w->size = size_old;
		return -ENOMEM;
	}
	w->n_used = 0;
	for (uint32_t i = 0; i < size_old; i++) {
		if (is_used(&old[i])) {
			put(w, &old[i]);
		}
	}
	free(old);
	return 0;
}

/* Copies up to SAME_MAX entries of the descriptor; a handler may change the table. */
static unsigned entries_of(const struct watch *w, int wd, struct entry *ret)
{
	unsigned n = 0;

	for (uint32_t i = slot_of(w, wd); w->size && n < SAME_MAX; i = next_slot(w, i)) {
		const struct entry *e = &w->entries[i];

		if (e->wd == WD_EMPTY) {
			break;
		}
		if (e->wd == wd) {
			ret[n++] = *e;
		}
	}
	return n;
}

/* Where those of a user's own places are kept, in one such list. */
static int *own_places(const struct watch *w, int *wds, uint32_t user)
{
	return wds + w->n_shared + (size_t)user * w->n_own;
}

/* Where the descriptor of this place is kept. */
static int *place(const struct watch *w, unsigned pattern, unsigned level, uint32_t user)
{
	const struct pattern *p = &w->patterns[pattern];

	if (level <= p->first_user) {
		return &w->wds[w->shared_at[pattern] + level];
	}
	return own_places(w, w->wds, user) + w->own_at[pattern] + level - p->first_user - 1;
}

/* Takes the entry out of the table, and from its place; true when it was the descriptor's last. */
static bool drop(struct watch *w, const struct entry *gone)
{
	unsigned n_left = 0;

	*place(w, gone->pattern, gone->level, gone->user) = 0;
	for (uint32_t i = slot_of(w, gone->wd);; i = next_slot(w, i)) {
		struct entry *e = &w->entries[i];

		if (e->wd == WD_EMPTY) {
			break;
		}
		if (e->wd != gone->wd) {
			continue;
		}
		if (e->user == gone->user && e->pattern == gone->pattern &&
		    e->level == gone->level) {
			e->wd = WD_DELETED;
		} else {
			n_left++;
		}
	}
	return !n_left;
}

static void let_go(struct watch *w, const struct entry *e)
{
	if (drop(w, e) && e->wd > 0) {
		(void)inotify_rm_watch(w->fd, e->wd);	/* it may be gone by itself */
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

static void mute_place(struct watch *w, const struct entry *e)
{
	uint64_t now = uv_now(w->mute_timer.loop);
	struct muted *m = find_muted(w, e->pattern, e->level, e->user);
	uint64_t pause = m ? m->pause_ms * 2 : MUTE_FIRST_MS;

	if (!m && w->n_muted == MUTED_MAX) {
		return;		/* so many at once: then the overflow serves */
	}
	m = m ? m : &w->muted[w->n_muted++];
	pause = pause > MUTE_MAX_MS ? MUTE_MAX_MS : pause;
	*m = (struct muted){ .user = e->user, .pattern = e->pattern, .level = e->level, .is_muted = true,
			     .until_ms = now + pause, .pause_ms = pause };
	let_go(w, e);
	arm_mute_timer(w);
	w->handlers.flooded(w->handlers.arg, e->user, e->pattern, pause);
}

/* What all share is never without a watch: there, only the administrator can flood. */
static void end_batch(struct watch *w)
{
	int key = flood_end(&w->flood, uv_now(w->mute_timer.loop));
	struct entry entries[SAME_MAX];
	unsigned n = key ? entries_of(w, key, entries) : 0;

	for (unsigned i = 0; i < n; i++) {
		if (entries[i].user != WATCH_SHARED) {
			mute_place(w, &entries[i]);
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
	struct entry entries[SAME_MAX];

	if (key > 0 && !entries_of(w, key, entries)) {
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

		while (level < w->patterns[i].n && *place(w, i, level, user)) {
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
	struct entry e = { .user = level <= w->patterns[pattern].first_user ? WATCH_SHARED : user,
			   .pattern = (uint8_t)pattern, .level = (uint8_t)level };
	int *kept = place(w, pattern, level, user);

	if (is_muted(w, pattern, level, e.user)) {
		take_back(w, mark->key);
		return;
	}
	say_once(w, mark, e.user);
	if (mark->error || *kept == mark->key) {
		return;
	}
	if (*kept) {
		e.wd = *kept;
		let_go(w, &e);
	}
	if (!make_room(w)) {
		e.wd = mark->key;
		put(w, &e);
		*kept = mark->key;
	}
}

/* At whose way leads through this directory. */
static void look_through(const struct watch *w, const struct entry *e)
{
	if (e->user == WATCH_SHARED) {
		w->handlers.look_all(w->handlers.arg);
	} else {
		w->handlers.look(w->handlers.arg, e->user, e->pattern, false);
	}
}

/* Something happened to the name in the directory: is that a name on somebody's way? */
static void name_event(struct watch *w, const struct entry *e, uint32_t mask, const char *entry_name)
{
	const struct pattern *p = &w->patterns[e->pattern];
	bool is_file = e->level + 1u == p->n;
	bool written = is_file && mask & (IN_CLOSE_WRITE | IN_MOVED_TO);
	const char *name;
	uint32_t user = e->user;
	size_t n;

	if (!is_file && mask & IN_CLOSE_WRITE) {
		return;
	}
	if (user != WATCH_SHARED) {
		char expected[NAME_MAX + 1];

		if (!pattern_component(p, e->level, users_user(w->users, user), expected) ||
		    strcmp(expected, entry_name)) {
			return;
		}
	} else {
		if (!pattern_match(p, e->level, entry_name, &name, &n)) {
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
	w->handlers.look(w->handlers.arg, user, e->pattern, written);
}

static void take_event(struct watch *w, const struct inotify_event *event)
{
	struct entry entries[SAME_MAX];
	unsigned n;

	if (event->mask & IN_Q_OVERFLOW) {
		w->handlers.lost(w->handlers.arg);
		return;
	}
	flood_count(&w->flood, event->wd);
	n = entries_of(w, event->wd, entries);
	w->n_strays += !n;
	if (n == SAME_MAX) {	/* some of those who share it may be missing here */
		w->handlers.look_all(w->handlers.arg);
	}
	if (event->mask & IN_MOVE_SELF) {
		(void)inotify_rm_watch(w->fd, event->wd);	/* IN_IGNORED follows */
	}
	for (unsigned i = 0; i < n; i++) {
		if (event->mask & IN_IGNORED) {	/* forget the watch, look where it should be */
			(void)drop(w, &entries[i]);
			look_through(w, &entries[i]);
		} else if (event->len) {
			name_event(w, &entries[i], event->mask, event->name);
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
	struct entry entries[SAME_MAX];
	unsigned n = entries_of(w, key, entries);

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
			name_event(w, &entries[i], mask, name);
		} else {
			look_through(w, &entries[i]);
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
		w->n_own += patterns[i].n - 1 - patterns[i].first_user;
	}
	w->wds = calloc(w->n_shared + (size_t)w->n_own * users->n_users + 1, sizeof(*w->wds));
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
			struct entry e = { .wd = *place(w, i, level, user), .user = user, .pattern = (uint8_t)i,
					   .level = (uint8_t)level };

			if (e.wd) {
				let_go(w, &e);
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
	size_t n_places = w->n_shared + (size_t)w->n_own * users->n_users + 1;
	int *wds = calloc(n_places, sizeof(*wds));

	if (!wds) {
		return -ENOMEM;
	}
	memcpy(wds, w->wds, w->n_shared * sizeof(*wds));
	for (uint32_t user = 0; user < w->users->n_users; user++) {
		if (now[user] == TABLE_NONE) {
			let_user_go(w, user);
		} else {
			memcpy(own_places(w, wds, now[user]), own_places(w, w->wds, user), w->n_own * sizeof(*wds));
		}
	}
	for (uint32_t i = 0; i < w->size; i++) {
		if (is_used(&w->entries[i]) && w->entries[i].user != WATCH_SHARED) {
			w->entries[i].user = now[w->entries[i].user];
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
	free(w->entries);
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
