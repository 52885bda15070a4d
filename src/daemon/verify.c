/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Which names are asked for, and for how long. Each has a place; those that find none are not asked for.
 *
 * There is a way to a server only while there is a place that is taken. So each burst has new ports, and
 * addresses of our own that are still there. */

#include "daemon/verify.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/verify_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

enum {
	SAID_MAX = 10, /* failures, in */
	SAID_MS = 60 * 1000,
};

static const enum message_type types[VERIFY_N_QUESTIONS] = {
	[VERIFY_V4] = MESSAGE_A,
	[VERIFY_V6] = MESSAGE_AAAA,
};

uint64_t verify_now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* --- the places --- */

static struct verify_asked *free_asked(const struct verify *v, struct verify_asked *a)
{
	if (!a) {
		return NULL;
	}
	for (unsigned i = 0; i < v->o->n_verify; i++) {
		for (unsigned k = 0; k < VERIFY_N_QUESTIONS; k++) {
			ip_set_free(a->checks[i].questions[k].seen.set);
		}
	}
	ip_set_free(a->set);
	ip_set_free(a->was);
	free(a);
	return NULL;
}

static void close_ways(struct verify *v)
{
	for (unsigned i = 0; i < v->o->n_verify; i++) {
		v->servers[i].way = nameserver_free(v->servers[i].way);
	}
}

void verify_finish(struct verify *v, unsigned place, const char *why)
{
	uint32_t number = v->asked[place]->number;

	v->asked[place] = free_asked(v, v->asked[place]);
	if (!--v->n_asked) {
		close_ways(v);
	}
	v->handlers.done(v->handlers.arg, number, why);
}

/* --- the time limit --- */

static void say_left_out(const struct verify *v, unsigned n)
{
	if (n) {
		log_error("output '%s': %u more failures to verify in the minute before",
			  v->o->name, n);
	}
}

static void say_wrong(struct verify_server *s, const struct verify_asked *a, uint64_t now,
		      struct buf *why)
{
	struct verify *v = s->verify;
	_cleanup_(buf_deinit) struct buf b = { 0 };
	unsigned left_out;
	bool may;

	if (!why->len) {
		verify_say_wrong(why, v->o, a, s->i, now - a->since_ms, true);
	}
	may = quota_take(&v->said, now, SAID_MAX, SAID_MS, &left_out);
	say_left_out(v, left_out);
	if (may) {
		verify_say_wrong(&b, v->o, a, s->i, now - a->since_ms, !s->fails);
		log_error("%s", buf_str(&b));
		s->fails = true;
	}
}

/* A connection that does not answer one does not answer the others either: they get a new one. */
static void give_up_line(struct verify_server *s, const struct verify_check *c)
{
	for (unsigned k = 0; k < VERIFY_N_QUESTIONS; k++) {
		if (s->way && c->questions[k].waits) {
			nameserver_hang_up(s->way);
			verify_lose_questions(s, true, 0);
		}
	}
}

static void give_up(struct verify *v, unsigned place, uint64_t now)
{
	_cleanup_(buf_deinit) struct buf why = { 0 };
	struct verify_asked *a = v->asked[place];

	for (unsigned i = 0; i < v->o->n_verify; i++) {
		if (!a->checks[i].is_right) {
			say_wrong(&v->servers[i], a, now, &why);
			give_up_line(&v->servers[i], &a->checks[i]);
		}
	}
	verify_finish(v, place, buf_str(&why));
}

/* --- the timer --- */

static void on_timer(uv_timer_t *timer);

/* Never at once: libuv would call again and again what is due already. */
static void arm_at(struct verify *v, uint64_t due_ms, uint64_t now)
{
	if (uv_is_active((uv_handle_t *)&v->timer) && v->due_ms <= due_ms) {
		return;
	}
	v->due_ms = due_ms;
	(void)uv_timer_start(&v->timer, on_timer, due_ms > now ? due_ms - now : 1, 0);
}

static uint64_t limit_of(const struct verify *v, const struct verify_asked *a)
{
	return a->since_ms + v->o->verify_timeout_ms;
}

static void arm_for(struct verify *v, const struct verify_asked *a, uint64_t now)
{
	arm_at(v, limit_of(v, a), now);
	for (unsigned i = 0; !a->rests && i < v->o->n_verify; i++) {
		if (!a->checks[i].is_right) {
			arm_at(v, a->checks[i].due_ms, now);
		}
	}
}

static void arm(struct verify *v, uint64_t now)
{
	for (unsigned place = 0; place < VERIFY_AT_ONCE; place++) {
		if (v->asked[place]) {
			arm_for(v, v->asked[place], now);
		}
	}
	if (v->said.n > SAID_MAX) {
		arm_at(v, v->said.since_ms + SAID_MS, now);
	}
}

static void pass_time(struct verify *v, unsigned place, uint64_t now)
{
	struct verify_asked *a = v->asked[place];

	if (now >= limit_of(v, a)) {
		bool rested = a->rests;

		a->rests = v->handlers.changes(v->handlers.arg, a->number);
		if (!a->rests && !rested) {
			give_up(v, place, now);
			return;
		}
		a->since_ms = now; /* what was said meanwhile is no answer to what is there now */
	}
	for (unsigned i = 0; !a->rests && i < v->o->n_verify; i++) {
		if (!a->checks[i].is_right && a->checks[i].due_ms <= now) {
			verify_ask_again(v, a, i, now);
		}
	}
}

/* Any handler may end all that. */
static void on_timer(uv_timer_t *timer)
{
	struct verify *v = timer->data;
	uint64_t now = verify_now_ms();

	for (unsigned place = 0; place < VERIFY_AT_ONCE; place++) {
		if (v->asked[place]) {
			pass_time(v, place, now);
		}
	}
	if (uv_is_closing((uv_handle_t *)timer)) {
		return;
	}
	if (v->said.n > SAID_MAX && now - v->said.since_ms >= SAID_MS) {
		say_left_out(v, v->said.n - SAID_MAX);
		v->said = (struct quota){ 0 };
	}
	arm(v, now);
}

/* --- what is asked for --- */

/* The place of this name, or a free one, or VERIFY_AT_ONCE. */
static unsigned find_place(const struct verify *v, uint32_t number)
{
	unsigned place = VERIFY_AT_ONCE;

	for (unsigned i = 0; i < VERIFY_AT_ONCE; i++) {
		if (v->asked[i] && v->asked[i]->number == number) {
			return i;
		}
		if (!v->asked[i] && place == VERIFY_AT_ONCE) {
			place = i;
		}
	}
	return place;
}

/* The families that have changed or could have; of a name that never had an address, both. */
static int init_questions(const struct verify *v, struct verify_asked *a)
{
	bool both = !a->set && !a->was;

	for (unsigned i = 0; i < v->o->n_verify; i++) {
		for (unsigned k = 0; k < VERIFY_N_QUESTIONS; k++) {
			struct verify_question *q = &a->checks[i].questions[k];

			q->is_used = both || verify_n_of(a->set, k) || verify_n_of(a->was, k);
			q->sent.type = types[k];
			memcpy(q->sent.name, a->name, sizeof(a->name));
			if (getrandom(&q->sent.id, sizeof(q->sent.id), 0) !=
			    sizeof(q->sent.id)) {
				return -errno;
			}
		}
	}
	return 0;
}

/* What may still be there: what was published before, and anything of what is asked for until now (NULL:
 * nothing is); if those are too many, the former. 0 or -ENOMEM. */
static int join_was(const struct ip_set *was, const struct verify_asked *before,
		    struct ip_set **ret)
{
	_cleanup_(ip_set_freep) struct ip_set *older = NULL;
	int r = before ? ip_set_join(before->set, before->was, &older) : 0;

	if (!r) {
		r = ip_set_join(was, older, ret);
	}
	return r == IP_E_TOO_MANY ? ip_set_join(was, NULL, ret) : r;
}

/* before: what is asked for under this number until now, or NULL. */
static int make_asked(const struct verify *v, uint32_t number, const char *name,
		      const struct ip_set *set, const struct ip_set *was,
		      const struct verify_asked *before, struct verify_asked **ret)
{
	struct verify_asked *a =
		calloc(1, sizeof(*a) + v->o->n_verify * sizeof(struct verify_check));
	int r;

	if (!a) {
		return -ENOMEM;
	}
	a->number = number;
	a->since_ms = verify_now_ms();
	memcpy(a->name, name, strlen(name) + 1);
	r = ip_set_join(set, NULL, &a->set);
	if (!r) {
		r = join_was(was, before, &a->was);
	}
	if (!r) {
		r = init_questions(v, a);
	}
	if (r) {
		free_asked(v, a);
		return r;
	}
	*ret = a;
	return 0;
}

int verify_name(struct verify *v, uint32_t number, const char *name, const struct ip_set *set,
		const struct ip_set *was)
{
	unsigned place = find_place(v, number);
	struct verify_asked *a;
	uint64_t now;
	int r;

	if (place == VERIFY_AT_ONCE) {
		return VERIFY_E_MANY;
	}
	r = make_asked(v, number, name, set, was, v->asked[place], &a);
	if (r) {
		return r;
	}
	v->n_asked += !v->asked[place];
	free_asked(v, v->asked[place]);
	v->asked[place] = a;
	now = a->since_ms;
	for (unsigned i = 0; i < v->o->n_verify; i++) {
		verify_ask_again(v, a, i, now);
	}
	arm_for(v, a, now);
	return 0;
}

bool verify_has_room(const struct verify *v)
{
	return v->n_asked < VERIFY_AT_ONCE;
}

int verify_new(uv_loop_t *loop, const struct conf_output *o, const struct verify_handlers *h, struct verify **ret)
{
	struct verify *v = calloc(1, sizeof(*v));

	if (!v) {
		return -ENOMEM;
	}
	(void)uv_timer_init(loop, &v->timer); /* cannot fail */
	v->timer.data = v;
	v->o = o;
	v->handlers = *h;
	for (unsigned i = 0; i < CONF_SERVERS_MAX; i++) {
		v->servers[i] = (struct verify_server){ .verify = v, .i = i };
	}
	*ret = v;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct verify *v = handle->data;

	buf_deinit(&v->out);
	free(v);
}

struct verify *verify_free(struct verify *v)
{
	if (!v) {
		return NULL;
	}
	for (unsigned place = 0; place < VERIFY_AT_ONCE; place++) {
		v->asked[place] = free_asked(v, v->asked[place]);
	}
	close_ways(v);
	uv_close((uv_handle_t *)&v->timer, on_closed);
	return NULL;
}
