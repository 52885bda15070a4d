/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/patient.h"
#include "daemon/patient_impl.h"

#include "base/cleanup.h"
#include "daemon/child.h"
#include "daemon/mounts.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <uv.h>

enum {
	LANES = 4,		/* readers of one mount; a user's files are always read by the same */
	READERS_MAX = 128,	/* processes */
	TICK_MS = 1000,
	SILENT_MS = 10 * 1000,	/* then it is said that there is no answer */
	ABANDONED_MAX = 2,	/* processes that wait where one user's file was, on mounts that are gone */
};

/* One process, or who waits for there to be one. */
struct reader {
	struct patient *patient;
	struct reader *next;
	uint64_t mount;
	unsigned lane;

	int socket;		/* -1: no process yet */
	uv_poll_t poll;
	bool closing;

	struct patient_look *queue;	/* a ring */
	size_t first, n, size;

	bool busy;
	bool stale;			/* of busy: nobody wants to know any more; there is one process all the same */
	bool abandoned;			/* and nobody will ever ask for more */
	struct patient_look now;	/* of busy */
	char user_name[USERS_NAME_MAX + 1];
	unsigned left;			/* bits of the patterns that are not answered yet; they come in order */
	size_t n_text_left;		/* of the one whose text is coming */
	struct ahead_file files[CONF_PATTERNS_MAX];
	uint64_t asked_ms;
	bool silent;			/* it was said */
};

struct patient {
	int socket;
	pid_t mother;
	uv_loop_t *loop;
	uv_timer_t tick;
	uv_poll_t end;		/* of the mother, who says nothing else */
	unsigned n_handles;
	struct patient_handlers handlers;
	struct reader *readers, *abandoned;
	unsigned n_processes;	/* of readers */
	uint8_t *queued;	/* a bit for each user */
	uint32_t n_users;
	unsigned n_patterns;
	int inotify_fd;
};

int patient_new(struct patient **ret)
{
	struct patient *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		return -ENOMEM;
	}
	r = child_fork(&p->mother, &p->socket);
	if (r) {
		free(p);
		return r;
	}
	if (p->mother == 0) {
		patient_process(p->socket);
	}
	*ret = p;
	return 0;
}

/* --- who is asked for --- */

static bool is_queued(const struct patient *p, uint32_t user)
{
	return p->queued && p->queued[user / 8] & 1u << user % 8;
}

static void note_queued(struct patient *p, uint32_t user, bool is)
{
	uint8_t bit = (uint8_t)(1u << user % 8);

	p->queued[user / 8] = (uint8_t)(is ? p->queued[user / 8] | bit : p->queued[user / 8] & ~bit);
}

static int queue_add(struct reader *r, const struct patient_look *look)
{
	if (r->n == r->size) {
		size_t size = r->size ? 2 * r->size : 16;
		struct patient_look *more = calloc(size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		for (size_t i = 0; i < r->n; i++) {
			more[i] = r->queue[(r->first + i) % r->size];
		}
		free(r->queue);
		r->queue = more;
		r->size = size;
		r->first = 0;
	}
	r->queue[(r->first + r->n++) % r->size] = *look;
	return 0;
}

static struct patient_look queue_take(struct reader *r)
{
	struct patient_look look = r->queue[r->first];

	r->first = (r->first + 1) % r->size;
	r->n--;
	return look;
}

/* It waits already; that it was written must be remembered. false: it waits for another reader. */
static bool queue_merge(struct reader *r, const struct patient_look *look)
{
	for (size_t i = 0; look->written && i < r->n; i++) {
		struct patient_look *is = &r->queue[(r->first + i) % r->size];

		if (is->user == look->user) {
			is->looks |= look->looks;
			is->written |= look->written;
			return true;
		}
	}
	return !look->written;
}

/* --- readers --- */

static void reader_closed(uv_handle_t *handle)
{
	struct reader *r = handle->data;

	close_fd(r->socket);
	for (unsigned i = 0; i < CONF_PATTERNS_MAX; i++) {
		buf_deinit(&r->files[i].file.text);
	}
	free(r->queue);
	free(r);
}

static void reader_unlink(struct reader *r)
{
	struct reader **at = r->abandoned ? &r->patient->abandoned : &r->patient->readers;

	while (*at != r) {
		at = &(*at)->next;
	}
	*at = r->next;
}

static void reader_forget_queue(struct reader *r)
{
	while (r->n) {
		note_queued(r->patient, queue_take(r).user, false);
	}
}

/* Its process ends when it reads on, if it ever does. */
static void reader_free(struct reader *r)
{
	struct patient *p = r->patient;

	reader_unlink(r);
	reader_forget_queue(r);
	if (r->socket >= 0) {
		p->n_processes -= !r->abandoned;
		uv_close((uv_handle_t *)&r->poll, reader_closed);
	} else {
		reader_closed((uv_handle_t *)&r->poll);
	}
}

static struct reader *reader_new(struct patient *p, uint64_t mount, unsigned lane)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r) {
		return NULL;
	}
	r->patient = p;
	r->mount = mount;
	r->lane = lane;
	r->socket = -1;
	r->poll.data = r;
	r->next = p->readers;
	p->readers = r;
	return r;
}

static struct reader *reader_of(struct patient *p, uint64_t mount, uint32_t user)
{
	unsigned lane = user % LANES;

	for (struct reader *r = p->readers; r; r = r->next) {
		if (r->mount == mount && r->lane == lane) {
			return r;
		}
	}
	return reader_new(p, mount, lane);
}

static void send_next(struct reader *r);

/* One that has nothing to do gives way. */
static void make_room(struct patient *p)
{
	for (struct reader *r = p->readers; r && p->n_processes >= READERS_MAX; r = r->next) {
		if (r->socket >= 0 && !r->busy && !r->n) {
			reader_free(r);
			return;
		}
	}
}

/* Those who wait for a process. */
static void go_on(struct patient *p)
{
	struct reader *next;

	for (struct reader *r = p->readers; r; r = next) {
		next = r->next;		/* it may be lost */
		if (!r->busy && r->n) {
			send_next(r);
		}
	}
}

static void reader_lost(struct reader *r)
{
	struct patient *p = r->patient;
	uint64_t mount = r->mount;

	reader_free(r);
	p->handlers.lost(p->handlers.arg, mount);
}

static void silence_ends(struct reader *r)
{
	struct patient *p = r->patient;
	bool was_silent = false;

	for (struct reader *other = p->readers; other; other = other->next) {
		was_silent = was_silent || (other->mount == r->mount && other->silent);
		other->silent = other->silent && other->mount != r->mount;
	}
	if (was_silent) {
		p->handlers.answers(p->handlers.arg, r->mount, uv_now(p->loop) - r->asked_ms);
	}
}

static void all_read(struct reader *r)
{
	struct patient *p = r->patient;

	silence_ends(r);
	p->handlers.read(p->handlers.arg, &r->now, r->files);
	r->busy = false;
	go_on(p);
}

static bool is_text(const char *s, size_t size)
{
	const char *end = memchr(s, '\0', size);

	while (end && s < end && (unsigned char)*s >= ' ' && *s != 0x7f) {
		s++;
	}
	return s == end;
}

/* Somebody may have taken over who reads what users have written: what he says has to be something that could be, and
 * goes for this file alone. */
static bool is_sound(const struct reader *r, const struct patient_answer *a)
{
	const struct source_place *at = &r->files[__builtin_ctz(r->left)].place;
	bool sound = a->outcome <= SOURCE_E_MAY_WAIT && a->n_text <= at->size_max && (!a->n_text || !a->outcome) &&
		     a->marks.n <= PATTERN_COMPONENTS_MAX && is_text(a->why, sizeof(a->why)) &&
		     (uint64_t)a->time.tv_nsec <= UINT32_MAX;	/* a file system may say more than a second */

	for (unsigned i = 0; sound && i < a->marks.n; i++) {
		sound = a->marks.list[i].level > at->pattern->first_user && a->marks.list[i].level < at->pattern->n &&
			!a->marks.list[i].mark.unmarked;	/* he has no fanotify */
	}
	return sound;
}

static void take_answer(struct reader *r, const struct patient_answer *a)
{
	struct ahead_file *f = &r->files[__builtin_ctz(r->left)];

	f->outcome = a->outcome;
	f->marks = a->marks;
	f->file.time = a->time;
	f->file.print = a->print;
	f->file.quotable = a->flags & PATIENT_QUOTABLE;
	f->file.from_front_end = a->flags & PATIENT_FROM_FRONT_END;
	f->file.by_link = a->flags & PATIENT_BY_LINK;
	memcpy(f->file.why, a->why, sizeof(f->file.why));
	buf_clear(&f->file.text);
	r->n_text_left = a->n_text;
}

static void take_text(struct reader *r, const char *bytes, size_t n)
{
	struct ahead_file *f = &r->files[__builtin_ctz(r->left)];

	n = n < r->n_text_left ? n : r->n_text_left;
	buf_add(&f->file.text, bytes, n);
	r->n_text_left -= n;
}

/* One packet. false: there is none, or it is not what was asked for. */
static bool take_packet(struct reader *r)
{
	union {
		struct patient_answer answer;
		char part[PATIENT_PART];
	} packet;
	ssize_t n = recv(r->socket, &packet, sizeof(packet), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (n <= 0 || !r->busy ||
	    (!r->n_text_left && (n != sizeof(packet.answer) || !is_sound(r, &packet.answer)))) {
		reader_lost(r);
		return false;
	}
	if (r->n_text_left) {
		take_text(r, packet.part, (size_t)n);
	} else {
		take_answer(r, &packet.answer);
	}
	if (!r->n_text_left) {
		if (buf_error(&r->files[__builtin_ctz(r->left)].file.text)) {
			r->files[__builtin_ctz(r->left)].outcome = -ENOMEM;
		}
		r->left &= r->left - 1;
	}
	if (!r->left) {
		all_read(r);
		return false;	/* others want to be served too */
	}
	return true;
}

/* The process has come back with what nobody wants to know any more: another goes on with the queue, for watches go
 * elsewhere now. */
static void renew(struct reader *r)
{
	struct patient *p = r->patient;
	struct reader *new = reader_new(p, r->mount, r->lane);

	silence_ends(r);
	if (!new) {
		reader_lost(r);
		return;
	}
	new->queue = steal_ptr(&r->queue);
	new->first = r->first;
	new->n = r->n;
	new->size = r->size;
	r->n = 0;
	reader_free(r);
	go_on(p);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct reader *r = poll->data;

	(void)status;	/* recv tells more */
	(void)events;
	if (r->abandoned) {
		reader_free(r);
	} else if (r->stale) {
		renew(r);
	} else {
		while (take_packet(r)) {
		}
	}
}

/* Has a process made for it. 0 or a negative errno. */
static int begin(struct reader *r)
{
	struct patient *p = r->patient;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(2 * sizeof(int)) } };
	char byte = 0;
	struct iovec bytes = { .iov_base = &byte, .iov_len = 1 };
	const struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
					.msg_controllen = sizeof(control.room) };
	int pair[2], e;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return -errno;
	}
	memcpy(CMSG_DATA(&control.head), (const int[]){ pair[1], p->inotify_fd }, 2 * sizeof(int));
	e = sendmsg(p->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
	close_fd(pair[1]);
	e = e ? e : uv_poll_init(p->loop, &r->poll, pair[0]);
	if (e) {
		close_fd(pair[0]);
		return e;
	}
	r->socket = pair[0];
	p->n_processes++;
	return uv_poll_start(&r->poll, UV_READABLE, readable);
}

static bool ask(struct reader *r, unsigned pattern)
{
	const struct ahead_file *f = &r->files[pattern];
	const struct source_place *at = &f->place;
	struct patient_question q = {
		.pattern_number = at->pattern_number,
		.account = at->account,
		.front_end = at->front_end,
		.size_max = at->size_max,
		.known = f->known,
	};

	(void)snprintf(q.user_name, sizeof(q.user_name), "%s", at->user_name);
	(void)snprintf(q.pattern, sizeof(q.pattern), "%s", at->pattern->text);
	return send(r->socket, &q, sizeof(q), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(q);
}

static void on_tick(uv_timer_t *timer);

/* Whether so many processes still wait for this user: who has one file system after the other not answer, and takes it
 * away, is not to have all that the machine can bear. */
static bool has_abandoned(const struct patient *p, const char *user_name)
{
	unsigned n = 0;

	for (const struct reader *r = p->abandoned; r; r = r->next) {
		n += !strcmp(r->user_name, user_name);
	}
	return n >= ABANDONED_MAX;
}

/* Takes the next of the queue. Not busy after that: there is nothing to be read, and the sweep looks. */
static void take_next(struct reader *r)
{
	struct patient *p = r->patient;
	const char *user_name;

	r->now = queue_take(r);
	note_queued(p, r->now.user, false);
	for (unsigned i = 0; i < p->n_patterns; i++) {
		r->files[i].outcome = SOURCE_E_MAY_WAIT;
		r->files[i].marks.n = 0;
	}
	r->left = p->handlers.describe(p->handlers.arg, &r->now, r->files);
	if (!r->left) {		/* it lies on another file system by now */
		return;
	}
	user_name = r->files[__builtin_ctz(r->left)].place.user_name;
	(void)snprintf(r->user_name, sizeof(r->user_name), "%s", user_name);
	r->busy = !has_abandoned(p, user_name);
}

/* Begins with the next of its queue, if there is a process for it. */
static void send_next(struct reader *r)
{
	struct patient *p = r->patient;

	make_room(p);
	if (r->socket < 0 && (p->n_processes >= READERS_MAX)) {
		return;		/* until one of them is done */
	}
	if (r->socket < 0 && begin(r)) {
		reader_lost(r);
		return;
	}
	while (!r->busy && r->n) {
		take_next(r);
	}
	r->asked_ms = uv_now(p->loop);
	for (unsigned i = 0; r->busy && i < p->n_patterns; i++) {
		if (r->left & 1u << i && !ask(r, i)) {
			reader_lost(r);
			return;
		}
	}
	if (r->busy && !uv_is_active((uv_handle_t *)&p->tick)) {
		(void)uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);	/* fails only without a function */
	}
}

/* Users, each once. */
static size_t n_waiting(const struct patient *p, uint64_t mount)
{
	size_t n = 0;

	for (const struct reader *r = p->readers; r; r = r->next) {
		n += r->mount == mount ? r->n + (r->busy && !r->stale && !is_queued(p, r->now.user)) : 0;
	}
	return n;
}

static bool is_silent(const struct patient *p, uint64_t mount)
{
	bool silent = false;

	for (const struct reader *r = p->readers; r; r = r->next) {
		silent = silent || (r->mount == mount && r->silent);
	}
	return silent;
}

static void on_tick(uv_timer_t *timer)
{
	struct patient *p = timer->data;
	uint64_t now = uv_now(p->loop);
	bool any = false;

	for (struct reader *r = p->readers; r; r = r->next) {
		any = any || r->busy;
		if (r->busy && !r->silent && now - r->asked_ms >= SILENT_MS && (!r->stale || r->n)) {
			uint32_t user = r->stale ? r->queue[r->first].user : r->now.user;
			bool said = is_silent(p, r->mount);

			r->silent = true;
			if (!said) {
				p->handlers.silent(p->handlers.arg, r->mount, now - r->asked_ms, user,
						   n_waiting(p, r->mount) - 1);
			}
		}
	}
	if (!any) {
		(void)uv_timer_stop(timer);	/* cannot fail */
	}
}

/* --- the loop's side --- */

static void mother_ended(uv_poll_t *poll, int status, int events)
{
	struct patient *p = poll->data;

	(void)status;	/* all of it is her end */
	(void)events;
	(void)uv_poll_stop(poll);	/* cannot fail */
	p->handlers.gone(p->handlers.arg);
}

int patient_attach(struct patient *p, struct uv_loop_s *loop, const struct patient_handlers *h)
{
	int r;

	p->loop = loop;
	p->handlers = *h;
	p->tick.data = p->end.data = p;
	(void)uv_timer_init(loop, &p->tick);	/* cannot fail */
	p->n_handles = 1;
	r = uv_poll_init(loop, &p->end, p->socket);
	if (r) {
		return r;
	}
	p->n_handles = 2;
	return uv_poll_start(&p->end, UV_READABLE, mother_ended);
}

void patient_begin(struct patient *p, uint32_t n_users, unsigned n_patterns, int inotify_fd)
{
	struct reader *next;

	for (struct reader *r = p->readers; r; r = next) {
		next = r->next;
		if (r->busy) {	/* for ever, perhaps: not one more process each time that we are told to begin */
			reader_forget_queue(r);
			r->stale = true;
		} else {
			reader_free(r);
		}
	}
	free(p->queued);
	p->queued = NULL;
	p->n_users = n_users;
	p->n_patterns = n_patterns;
	p->inotify_fd = inotify_fd;
}

int patient_ask(struct patient *p, uint64_t mount, const struct patient_look *look)
{
	struct reader *r;

	if (!p->queued) {	/* most never have such a file system */
		p->queued = calloc(p->n_users / 8 + 1, 1);
	}
	r = p->queued ? reader_of(p, mount, look->user) : NULL;
	if (!r) {
		return -ENOMEM;
	}
	if (is_queued(p, look->user) && queue_merge(r, look)) {
		return 0;
	}
	if (queue_add(r, look)) {
		return -ENOMEM;
	}
	note_queued(p, look->user, true);
	if (!r->busy) {
		send_next(r);
	}
	return 0;
}

/* Its mount is gone, and its process may wait all the same. */
static void reader_abandon(struct reader *r)
{
	struct patient *p = r->patient;

	reader_unlink(r);
	reader_forget_queue(r);
	r->abandoned = true;
	p->n_processes--;
	r->next = p->abandoned;
	p->abandoned = r;
}

void patient_forget(struct patient *p, const struct mounts *mounts)
{
	struct reader *next;

	for (struct reader *r = p->readers; r; r = next) {
		next = r->next;
		if (mounts_find(mounts, r->mount)) {
			continue;
		}
		if (r->busy) {
			reader_abandon(r);
		} else {
			reader_free(r);
		}
	}
	go_on(p);
}

bool patient_has(const struct patient *p, uint32_t user)
{
	bool has = is_queued(p, user);

	for (const struct reader *r = p->readers; r; r = r->next) {
		has = has || (r->busy && !r->stale && r->now.user == user);
	}
	return has;
}

static void closed(uv_handle_t *handle)
{
	struct patient *p = handle->data;

	if (!--p->n_handles) {
		free(p);
	}
}

struct patient *patient_free(struct patient *p)
{
	if (!p) {
		return NULL;
	}
	while (p->readers || p->abandoned) {
		reader_free(p->readers ? p->readers : p->abandoned);
	}
	if (p->n_handles > 1) {
		uv_close((uv_handle_t *)&p->end, closed);
	}
	close_fd(p->socket);
	(void)waitpid(p->mother, NULL, 0);	/* it ends at the end of its socket */
	free(p->queued);
	if (p->n_handles) {
		uv_close((uv_handle_t *)&p->tick, closed);
	} else {
		free(p);
	}
	return NULL;
}
