/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What the front end makes of the daemon's answers, or of whoever is in its place. The first byte says how many
 * questions and waits there are. Each is answered once, questions in their order, with bytes that were sent. */

#include "base/buf.h"
#include "http/ask.h"
#include "service/inquiry_max.h"
#include "socket.h"

#include <sys/un.h>

enum { QUESTIONS = 15, WAITS_SHIFT = 4, WAITS = 7, TIMEOUT_MS = 60 * 1000 };

static uv_loop_t loop;
static int listener = -1;
static struct buf sent;
static size_t n_done, n_waited;

static void listen_once(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (listener >= 0) {
		return;
	}
	socket_make_place();
	strcpy(address.sun_path, socket_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(listener >= 0 && !uv_loop_init(&loop));
	CHECK(!bind(listener, (const struct sockaddr *)&address, sizeof(address)));
	CHECK(!listen(listener, 16));
}

/* Behind these bytes. */
static bool was_sent(const char *before, const char *text, size_t n)
{
	struct buf b = { 0 };
	bool was;

	buf_adds(&b, before);
	buf_add(&b, text, n);
	was = !b.len || memmem(buf_str(&sent), sent.len, b.data, b.len);
	buf_deinit(&b);
	return was;
}

/* arg is the question's number. */
static void on_done(void *arg, enum ask_outcome outcome, const char *text, size_t n)
{
	CHECK((size_t)arg == n_done++);
	CHECK(outcome == ASK_AWAY || was_sent(outcome == ASK_OK ? "\n" : "", text, n));
	CHECK(outcome != ASK_OK || n <= INQUIRY_REPLY_MAX);
	CHECK(outcome != ASK_UNKNOWN || n == strlen("unknown"));
}

/* arg is its flag. */
static void on_waited(void *arg, enum ask_waited what, const char *text, size_t n)
{
	bool *done = arg;

	CHECK(!*done);
	*done = true;
	n_waited++;
	CHECK(what == ASK_UNCONFIRMED || was_sent("", text, n));
}

static void take_connections(const uint8_t *data, size_t n)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		socket_turn(&loop);
		socket_feed(&loop, fd, data, n);
		(void)close(fd); /* which ends it */
		socket_turn(&loop);
	}
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		(void)close(fd); /* asked anew: nobody answers */
		socket_turn(&loop);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t n_questions = n ? *data & QUESTIONS : 0,
	       n_waits = n ? *data >> WAITS_SHIFT & WAITS : 0;
	bool flags[WAITS] = { false };
	struct ask *a;

	listen_once();
	n_done = n_waited = 0;
	buf_clear(&sent);
	for (size_t i = 1; i < n; i++) {
		if (data[i] != SOCKET_SEPARATOR) {
			buf_add(&sent, data + i, 1);
		}
	}
	CHECK(!ask_new(&loop, socket_path, &a));
	for (size_t i = 0; i < n_questions; i++) {
		CHECK(!ask_has(a, "john", on_done, (void *)i));
	}
	for (size_t i = 0; i < n_waits; i++) {
		CHECK(!ask_wait(a, "anna", TIMEOUT_MS, on_waited, &flags[i]));
	}
	socket_turn(&loop);
	if (n) {
		take_connections(data + 1, n - 1);
	}
	ask_free(a);
	CHECK(n_done == n_questions && n_waited == n_waits);
	CHECK(!uv_run(&loop, UV_RUN_DEFAULT));
	return 0;
}
