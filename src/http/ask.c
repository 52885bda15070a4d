/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/ask.h"

#include "base/buf.h"
#include "core/text.h"
#include "service/inquiry_max.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
	TIMEOUT_MS = 3000, /* clients wait for five seconds and more */
	READ_SIZE = 16 * 1024,
	RETRY_MS = 20, /* while others fill the socket's backlog, which anybody can */
};

struct question {
	struct question *next;
	ask_done_fn *done;
	void *arg;
	uint64_t due_ms;
	bool written; /* to this connection */
	char user[];
};

/* One that is answered in its own time. */
struct wait {
	struct wait *prev, *next;
	ask_waited_fn *done;
	void *arg;
	uint64_t id, due_ms;
	bool written; /* to this connection */
	char user[];
};

/* One connection to the daemon, from uv_pipe_connect until it is closed. */
struct line {
	uv_pipe_t pipe;
	uv_connect_t connect;
	struct ask *ask; /* NULL: given up */
	struct buf in;
	char bytes[READ_SIZE];
};

struct ask {
	uv_loop_t *loop;
	const char *path;
	struct line *line; /* NULL: none */
	bool connected;
	bool overdue; /* the first question is, and what has come since is read before it is given up */
	struct question *first, **last;	     /* in the order in which they are answered */
	struct wait *first_wait, *last_wait; /* in the order of their ends */
	uint64_t last_id;
	struct buf out; /* what is asked in one turn of the loop, to be written in one piece */
	uv_idle_t turn; /* active while there is something, for it keeps the loop from waiting */
	uv_timer_t timer, retry_timer;
	unsigned n_handles;
};

static void on_timer(uv_timer_t *timer);
static bool add_line(struct ask *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For the next that runs out of time. All questions wait equally long, so it is the first of them, too. */
static void arm(struct ask *a)
{
	uint64_t now = uv_now(a->loop), due = a->first ? a->first->due_ms : UINT64_MAX;

	if (a->first_wait && a->first_wait->due_ms < due) {
		due = a->first_wait->due_ms;
	}
	if (due < UINT64_MAX) {
		(void)uv_timer_start(&a->timer, on_timer, due > now ? due - now : 0, 0);
	} else {
		(void)uv_timer_stop(&a->timer);
	}
}

static bool anybody_waits(const struct ask *a)
{
	return a->first || a->first_wait;
}

static void answer(struct ask *a, enum ask_outcome outcome, const char *text, size_t n)
{
	struct question *q = a->first;

	a->overdue = false;
	a->first = q->next;
	a->last = a->first ? a->last : &a->first;
	q->done(q->arg, outcome, text, n);
	free(q);
}

/* --- those who wait --- */

/* Nearly always at the end. */
static void link_wait(struct ask *a, struct wait *w)
{
	struct wait *before = a->last_wait;

	while (before && before->due_ms > w->due_ms) {
		before = before->prev;
	}
	w->prev = before;
	w->next = before ? before->next : a->first_wait;
	*(before ? &before->next : &a->first_wait) = w;
	*(w->next ? &w->next->prev : &a->last_wait) = w;
}

static void unlink_wait(struct ask *a, struct wait *w)
{
	*(w->prev ? &w->prev->next : &a->first_wait) = w->next;
	*(w->next ? &w->next->prev : &a->last_wait) = w->prev;
}

static void end_wait(struct ask *a, struct wait *w, enum ask_waited what, const char *text,
		     size_t n)
{
	unlink_wait(a, w);
	w->done(w->arg, what, text, n);
	free(w);
}

/* Those that are waited for by now; what that sets off is none of them. */
void ask_end_waits(struct ask *a, const char *why)
{
	uint64_t last = a->last_id;
	struct wait *w = a->first_wait;

	while (w) {
		struct wait *next = w->next;

		if (w->id <= last) {
			end_wait(a, w, ASK_UNCONFIRMED, why, strlen(why));
		}
		w = next;
	}
	arm(a);
}

/* --- the connection --- */

static void on_closed(uv_handle_t *handle)
{
	struct line *l = handle->data;

	buf_deinit(&l->in);
	free(l);
}

static void hang_up(struct ask *a)
{
	struct line *l = a->line;

	buf_clear(&a->out);
	(void)uv_idle_stop(&a->turn); /* cannot fail */
	if (l) {
		a->line = NULL;
		a->connected = false;
		l->ask = NULL;
		uv_close((uv_handle_t *)&l->pipe, on_closed);
	}
}

static int connect_line(struct ask *a);

/* The line is of no use any more. The first n questions are given up, and the others are asked anew on
 * another. What is set off may ask, too. */
static void give_up(struct ask *a, size_t n, const char *why)
{
	struct question *list = a->first, **at = &list;

	while (*at && n--) {
		at = &(*at)->next;
	}
	hang_up(a);
	a->overdue = false;
	a->first = *at;
	a->last = a->first ? a->last : &a->first;
	*at = NULL;
	for (struct question *q = a->first; q; q = q->next) {
		q->written = false;
	}
	for (struct wait *w = a->first_wait; w; w = w->next) {
		w->written = false;
	}
	if (anybody_waits(a)) {
		(void)connect_line(a); /* without memory their time runs out */
	}
	while (list) {
		struct question *q = list;

		list = q->next;
		q->done(q->arg, ASK_AWAY, why, strlen(why));
		free(q);
	}
	arm(a);
}

static void give_up_all(struct ask *a, const char *why)
{
	hang_up(a);
	ask_end_waits(a, why);
	give_up(a, SIZE_MAX, why);
}

/* Nobody else's answers are held up by one that takes long. */
static void end_late_waits(struct ask *a)
{
	static const char why[] = "no answer in time";

	while (a->first_wait && a->first_wait->due_ms <= uv_now(a->loop)) {
		struct wait *w = a->first_wait;

		if (a->connected && w->written) {
			add_line(a, "forget %" PRIu64 "\n", w->id);
		}
		end_wait(a, w, ASK_UNCONFIRMED, why, sizeof(why) - 1);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct ask *a = timer->data;
	size_t n = 0;

	end_late_waits(a);
	for (const struct question *q = a->first; q && q->due_ms <= uv_now(a->loop);
	     q = q->next) {
		n++;
	}
	if (n && !a->overdue) { /* something long may have kept us from the answer, which is there */
		a->overdue = true;
		(void)uv_timer_start(timer, on_timer, 1, 0);
	} else if (n) {
		give_up(a, n, "no answer in 3 seconds");
	} else {
		arm(a);
	}
}

/* "waited ID WORD TEXT" */
static bool take_waited(struct ask *a, struct text rest)
{
	static const struct {
		const char *word;
		enum ask_waited what;
	} rows[] = {
		{ "published", ASK_PUBLISHED }, { "partly", ASK_PARTLY },
		{ "failed", ASK_FAILED },	{ "refused", ASK_KEPT },
		{ "error", ASK_UNCONFIRMED },
	};
	struct text word;
	enum ask_waited what = ASK_UNCONFIRMED;
	bool known = false;
	struct wait *w = a->first_wait;
	uint64_t id = 0;

	(void)text_next_word(&rest, " ", &word); /* "waited" */
	(void)text_next_word(&rest, " ", &word);
	(void)text_take_number(&word, a->last_id, &id); /* 0 is nobody's */
	(void)text_next_word(&rest, " ", &word);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (text_is(word, rows[i].word)) {
			what = rows[i].what;
			known = true;
		}
	}
	while (w && w->id != id) {
		w = w->next;
	}
	rest = text_trim(rest);
	if (known && w) { /* else nobody waits for it any more */
		end_wait(a, w, what, rest.n ? rest.at : "", rest.n);
	}
	return known;
}

/* "ok N" and N bytes, or one line. false: there is no whole reply yet. */
static bool take_reply(struct ask *a, struct buf *in, size_t *at)
{
	const char *start = in->data + *at, *newline = memchr(start, '\n', in->len - *at);
	struct text line = { start, newline ? (size_t)(newline - start) : 0 }, number = line;
	uint64_t n;

	if (!newline) {
		return false;
	}
	if (text_begins(line, "waited ")) {
		*at += line.n + 1;
		if (!take_waited(a, line)) {
			give_up_all(a, "not an answer");
			return false;
		}
		return true;
	}
	if (!a->first) { /* nobody has asked */
		give_up_all(a, "not an answer");
		return false;
	}
	if (!text_skip(&number, "ok ")) {
		*at += line.n + 1;
		answer(a, text_is(line, "unknown") ? ASK_UNKNOWN : ASK_REFUSED, start, line.n);
		return true;
	}
	if (!text_take_number(&number, INQUIRY_REPLY_MAX, &n) || number.n) {
		give_up(a, 1, "not an answer"); /* nor is what follows */
		return false;
	}
	if (in->len - *at - line.n - 1 < n) {
		return false;
	}
	*at += line.n + 1 + (size_t)n;
	answer(a, ASK_OK, newline + 1, (size_t)n);
	return true;
}

static void take_replies(struct line *l)
{
	size_t at = 0;

	while (l->ask && at < l->in.len && take_reply(l->ask, &l->in, &at)) {
	}
	if (!l->ask) {
		return;
	}
	memmove(l->in.data, l->in.data + at, l->in.len - at);
	l->in.len -= at;
	if (l->in.len > (anybody_waits(l->ask) ? INQUIRY_REPLY_MAX : 0) + READ_SIZE) {
		give_up_all(l->ask, "not an answer");
	} else {
		arm(l->ask);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct line *l = handle->data;

	(void)suggested;
	*ret = uv_buf_init(l->bytes, sizeof(l->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct line *l = stream->data;

	if (n > 0) {
		buf_add(&l->in, bytes->base, (size_t)n);
		if (buf_error(&l->in)) {
			give_up(l->ask, 1, "out of memory");
		} else {
			take_replies(l);
		}
	} else if (n < 0) {
		give_up_all(l->ask, uv_strerror((int)n));
	}
}

static void on_written(uv_write_t *write, int status)
{
	(void)status; /* a connection that is gone shows when it is read */
	free(write->data);
	free(write);
}

static void on_turn(uv_idle_t *turn)
{
	struct ask *a = turn->data;
	uv_write_t *write = malloc(sizeof(*write));
	uv_buf_t bytes = uv_buf_init(a->out.data, (unsigned)a->out.len);

	if (!write) {
		return; /* the next turn tries again */
	}
	(void)uv_idle_stop(turn); /* cannot fail */
	write->data = bytes.base;
	a->out = (struct buf){ 0 };
	if (uv_write(write, (uv_stream_t *)&a->line->pipe, &bytes, 1, on_written)) {
		free(bytes.base);
		free(write);
	}
}

/* Without memory nothing is asked, and the question's time runs out. false: so it is. */
static bool add_line(struct ask *a, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&a->out, format, ap);
	va_end(ap);
	if (buf_error(&a->out)) {
		a->out.failed = false; /* of this line nothing is in it, and the others are whole */
		return false;
	}
	(void)uv_idle_start(&a->turn, on_turn); /* fails only without a callback */
	return true;
}

static bool add_wait(struct ask *a, const struct wait *w)
{
	return add_line(a, "wait %" PRIu64 " %s\n", w->id, w->user);
}

/* Questions that are not asked yet, up to the first that there is no memory for: they are answered in their order. */
static void add_questions(struct ask *a)
{
	for (struct question *q = a->first; q; q = q->next) {
		q->written = q->written || add_line(a, "has %s\n", q->user);
		if (!q->written) {
			return;
		}
	}
}

static void on_retry_timer(uv_timer_t *timer);

static void on_connected(uv_connect_t *connect, int status)
{
	struct line *l = connect->data;
	struct ask *a = l->ask;

	if (!a) {
		return;
	}
	if (status == UV_EAGAIN) { /* connect(2): the backlog is full */
		hang_up(a);
		(void)uv_timer_start(&a->retry_timer, on_retry_timer, RETRY_MS, 0);
		return;
	}
	if (!status) {
		status = uv_read_start((uv_stream_t *)&l->pipe, on_alloc, on_read);
	}
	if (status) {
		give_up_all(a, uv_strerror(status));
		return;
	}
	a->connected = true;
	add_questions(a);
	for (struct wait *w = a->first_wait; w; w = w->next) {
		w->written = add_wait(a, w);
	}
}

static int connect_line(struct ask *a)
{
	struct line *l = calloc(1, sizeof(*l));

	if (!l) {
		return -ENOMEM;
	}
	(void)uv_pipe_init(a->loop, &l->pipe, 0); /* cannot fail */
	l->pipe.data = l->connect.data = l;
	l->ask = a;
	a->line = l;
	/* An error comes by the callback. */
	uv_pipe_connect(&l->connect, &l->pipe, a->path, on_connected);
	return 0;
}

static void on_retry_timer(uv_timer_t *timer)
{
	struct ask *a = timer->data;

	if (anybody_waits(a) && !a->line) {
		(void)connect_line(a); /* without memory the questions' time runs out */
	}
}

int ask_new(uv_loop_t *loop, const char *path, struct ask **ret)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a) {
		return -ENOMEM;
	}
	a->loop = loop;
	a->path = path;
	a->last = &a->first;
	(void)uv_timer_init(loop, &a->timer); /* these cannot fail */
	(void)uv_timer_init(loop, &a->retry_timer);
	(void)uv_idle_init(loop, &a->turn);
	a->timer.data = a->retry_timer.data = a->turn.data = a;
	a->n_handles = 3;
	*ret = a;
	return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct ask *a = handle->data;

	if (!--a->n_handles) {
		buf_deinit(&a->out);
		free(a);
	}
}

struct ask *ask_free(struct ask *a)
{
	if (a) {
		give_up_all(a, "stopping");
		uv_close((uv_handle_t *)&a->timer, on_handle_closed);
		uv_close((uv_handle_t *)&a->retry_timer, on_handle_closed);
		uv_close((uv_handle_t *)&a->turn, on_handle_closed);
	}
	return NULL;
}

/* 0: there is a connection, or will be. */
static int make_line(struct ask *a)
{
	return a->line || uv_is_active((uv_handle_t *)&a->retry_timer) ? 0 : connect_line(a);
}

int ask_has(struct ask *a, const char *user, ask_done_fn *done, void *arg)
{
	size_t n = strlen(user) + 1;
	struct question *q = malloc(sizeof(*q) + n);

	if (!q || make_line(a)) {
		free(q);
		return -ENOMEM;
	}
	uv_update_time(a->loop); /* what took long in this turn is none of the daemon's time */
	*q = (struct question){ .done = done,
				.arg = arg,
				.due_ms = uv_now(a->loop) + TIMEOUT_MS };
	memcpy(q->user, user, n);
	*a->last = q;
	a->last = &q->next;
	if (a->connected) {
		add_questions(a);
	}
	arm(a);
	return 0;
}

int ask_wait(struct ask *a, const char *user, uint64_t timeout_ms, ask_waited_fn *done,
	     void *arg)
{
	size_t n = strlen(user) + 1;
	struct wait *w = malloc(sizeof(*w) + n);

	if (!w || make_line(a)) {
		free(w);
		return -ENOMEM;
	}
	*w = (struct wait){ .done = done,
			    .arg = arg,
			    .id = ++a->last_id,
			    .due_ms = uv_now(a->loop) + timeout_ms };
	memcpy(w->user, user, n);
	link_wait(a, w);
	if (a->connected) {
		w->written = add_wait(a, w);
	}
	arm(a);
	return 0;
}
