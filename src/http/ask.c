/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/ask.h"

#include "base/buf.h"
#include "service/inquiry_max.h"

#include <errno.h>
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
	char text[];
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
	struct question *first, **last; /* in the order in which they are answered */
	uv_timer_t timer, retry_timer;
	unsigned n_handles;
};

static void on_timer(uv_timer_t *timer);

static void arm(struct ask *a)
{
	uint64_t now = uv_now(a->loop);

	if (a->first) { /* all wait equally long, so the first is the next */
		(void)uv_timer_start(&a->timer, on_timer,
				     a->first->due_ms > now ? a->first->due_ms - now : 0, 0);
	} else {
		(void)uv_timer_stop(&a->timer);
	}
}

static struct question *take(struct ask *a)
{
	struct question *q = a->first;

	a->first = q->next;
	if (!a->first) {
		a->last = &a->first;
	}
	return q;
}

static void answer(struct ask *a, enum ask_outcome outcome, const char *text, size_t n)
{
	struct question *q = take(a);

	q->done(q->arg, outcome, text, n);
	free(q);
}

static void on_closed(uv_handle_t *handle)
{
	struct line *l = handle->data;

	buf_deinit(&l->in);
	free(l);
}

static void hang_up(struct ask *a)
{
	struct line *l = a->line;

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
	a->first = *at;
	a->last = a->first ? a->last : &a->first;
	*at = NULL;
	for (struct question *q = a->first; q; q = q->next) {
		q->written = false;
	}
	if (a->first) {
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
	give_up(a, SIZE_MAX, why);
}

static void on_timer(uv_timer_t *timer)
{
	struct ask *a = timer->data;
	size_t n = 0;

	for (const struct question *q = a->first; q && q->due_ms <= uv_now(a->loop);
	     q = q->next) {
		n++;
	}
	if (n) {
		give_up(a, n, "no answer in 3 seconds");
	} else {
		arm(a);
	}
}

/* "ok N" and N bytes, or one line. false: there is no whole reply yet. */
static bool take_reply(struct ask *a, struct buf *in, size_t *at)
{
	const char *start = in->data + *at, *newline = memchr(start, '\n', in->len - *at);
	size_t n_line = newline ? (size_t)(newline - start) : 0, n;
	char *end;

	if (!newline) {
		return false;
	}
	if (n_line < 3 || memcmp(start, "ok ", 3) != 0) {
		bool unknown = n_line == 7 && !memcmp(start, "unknown", 7);

		*at += n_line + 1;
		answer(a, unknown ? ASK_UNKNOWN : ASK_REFUSED, start, n_line);
		return true;
	}
	n = strtoul(start + 3, &end, 10);
	if (end != newline || n > INQUIRY_REPLY_MAX) {
		give_up(a, 1, "not an answer"); /* nor is what follows */
		return false;
	}
	if (in->len - *at - n_line - 1 < n) {
		return false;
	}
	*at += n_line + 1 + n;
	answer(a, ASK_OK, newline + 1, n);
	return true;
}

static void take_replies(struct line *l)
{
	size_t at = 0;

	while (l->ask && l->ask->first && at < l->in.len && take_reply(l->ask, &l->in, &at)) {
	}
	if (!l->ask) {
		return;
	}
	memmove(l->in.data, l->in.data + at, l->in.len - at);
	l->in.len -= at;
	if (l->in.len > INQUIRY_REPLY_MAX + READ_SIZE || (l->in.len && !l->ask->first)) {
		give_up(l->ask, 1, "not an answer");
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

	if (!l->ask) {
		return;
	}
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

/* Questions that are not asked yet. */
static void write_questions(struct ask *a)
{
	for (struct question *q = a->first; q; q = q->next) {
		uv_write_t *write;
		uv_buf_t bytes;
		char *text;

		if (q->written) {
			continue;
		}
		write = malloc(sizeof(*write));
		text = strdup(q->text);
		if (!write || !text) {
			free(write);
			free(text);
			return; /* its time runs out */
		}
		bytes = uv_buf_init(text, (unsigned)strlen(text));
		write->data = text;
		q->written = true;
		if (uv_write(write, (uv_stream_t *)&a->line->pipe, &bytes, 1, on_written)) {
			free(text);
			free(write);
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
	write_questions(a);
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

	if (a->first && !a->line) {
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
	a->timer.data = a->retry_timer.data = a;
	a->n_handles = 2;
	*ret = a;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct ask *a = handle->data;

	if (!--a->n_handles) {
		free(a);
	}
}

struct ask *ask_free(struct ask *a)
{
	if (a) {
		give_up_all(a, "stopping");
		uv_close((uv_handle_t *)&a->timer, on_timer_closed);
		uv_close((uv_handle_t *)&a->retry_timer, on_timer_closed);
	}
	return NULL;
}

int ask_has(struct ask *a, const char *user, ask_done_fn *done, void *arg)
{
	size_t n = strlen(user);
	struct question *q = malloc(sizeof(*q) + n + sizeof("has \n"));

	if (!q) {
		return -ENOMEM;
	}
	*q = (struct question){ .done = done,
				.arg = arg,
				.due_ms = uv_now(a->loop) + TIMEOUT_MS };
	memcpy(q->text, "has ", 4);
	memcpy(q->text + 4, user, n);
	memcpy(q->text + 4 + n, "\n", 2);
	if (!a->line && !uv_is_active((uv_handle_t *)&a->retry_timer) && connect_line(a)) {
		free(q);
		return -ENOMEM;
	}
	*a->last = q;
	a->last = &q->next;
	if (a->connected) {
		write_questions(a);
	}
	arm(a);
	return 0;
}
