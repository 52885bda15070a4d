/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What the daemon makes of questions on its socket. The answers are those that a second, simple reading of the same
 * bytes expects: in their order, whole, the users' names byte for byte, and none after a refusal. */

#include "base/buf.h"
#include "daemon/inquiry.h"
#include "socket.h"

#include <stdio.h>
#include <sys/un.h>

enum { QUESTION_MAX = 256, ID_MAX = 20, NO_FORM = '-' };

static uv_loop_t loop;
static struct inquiry *inquiry;
static size_t n_looked, n_waits;

static bool is_front_end(void *arg, uid_t uid)
{
	(void)arg;
	(void)uid;
	return false;
}

static bool is_account(void *arg, uid_t uid, const char *user, size_t n)
{
	(void)arg;
	(void)uid;
	return user && n;
}

/* What was asked for, so that it can be compared. */
static void tell(struct buf *b, char form, const char *user, size_t n)
{
	buf_printf(b, "ok %zu\n%c", n + 1, form);
	buf_add(b, user ? user : "", n);
}

static void has(void *arg, const char *user, size_t n, struct buf *reply)
{
	(void)arg;
	CHECK(user && n && n <= QUESTION_MAX);
	tell(reply, NO_FORM, user, n);
}

static void status(void *arg, bool json, const char *user, size_t n, struct buf *reply)
{
	(void)arg;
	CHECK(user ? n && n <= QUESTION_MAX : !n);
	tell(reply, json ? 'j' : 't', user, n);
}

static void look(void *arg, const char *user, size_t n)
{
	(void)arg;
	CHECK(user && n);
	n_looked++;
}

static bool judge(void *arg, const char *user, size_t n, struct buf *reply)
{
	(void)arg;
	CHECK(n);
	if (*user != 'p') {
		return false;
	}
	buf_adds(reply, "published everywhere");
	return true;
}

static const struct inquiry_handlers handlers = { is_front_end, is_account, has, status,
						  look,		judge,	    NULL };

static void listen_once(void)
{
	if (!inquiry) {
		socket_make_place();
		CHECK(!uv_loop_init(&loop));
		CHECK(!inquiry_new(&loop, socket_path, &handlers, &inquiry));
	}
}

/* --- the second reading --- */

static size_t n_digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= '0' && s[i] <= '9') {
		i++;
	}
	return i;
}

static bool begins(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && !memcmp(line, with, strlen(with));
}

/* "wait ID USER", "forget ID" */
static bool is_wait(const char *line, size_t n)
{
	size_t digits = begins(line, n, "wait ") ? n_digits(line + 5, n - 5) : 0;

	return digits && digits <= ID_MAX && n > 5 + digits + 1 && line[5 + digits] == ' ';
}

static bool is_forget(const char *line, size_t n)
{
	size_t digits = begins(line, n, "forget ") ? n_digits(line + 7, n - 7) : 0;

	return digits && digits <= ID_MAX && n == 7 + digits;
}

/* false: it is refused, and nothing behind it is read. */
static bool expect_line(struct buf *b, const char *line, size_t n)
{
	bool is_status = begins(line, n, "status text") || begins(line, n, "status json");

	if (n > QUESTION_MAX) {
		return false;
	}
	if (begins(line, n, "has ") && n > 4) {
		tell(b, NO_FORM, line + 4, n - 4);
	} else if (is_status && n == 11) {
		tell(b, line[7], NULL, 0);
	} else if (is_status && n > 12 && line[11] == ' ') {
		tell(b, line[7], line + 12, n - 12);
	} else if (is_wait(line, n)) {
		n_waits++;
	} else {
		return is_forget(line, n);
	}
	return true;
}

static void expect(struct buf *b, const struct buf *asked)
{
	const char *at = asked->data, *end = at + asked->len;
	bool goes_on = true;

	while (goes_on && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);

		if (!newline && n <= QUESTION_MAX) {
			return;
		}
		goes_on = expect_line(b, at, n);
		at += n + 1;
	}
	buf_adds(b, goes_on ? "" : "error not a question\n");
}

/* --- the answers --- */

static void take_answers(int fd, struct buf *b)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		buf_add(b, bytes, (size_t)n);
	}
}

static size_t answer_size(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	size_t n;

	CHECK(newline);
	n = (size_t)(newline + 1 - at);
	return begins(at, n, "ok ") ? n + strtoul(at + 3, NULL, 10) : n;
}

/* Those to waits may stand between any two others. */
static void check_answers(const struct buf *got, const struct buf *expected)
{
	const char *at = got->data, *end = at + got->len;
	size_t compared = 0, n_waited = 0;

	while (at < end) {
		size_t n = answer_size(at, end);

		CHECK(n <= (size_t)(end - at));
		if (begins(at, n, "waited ")) {
			n_waited++;
		} else {
			CHECK(n <= expected->len - compared);
			CHECK(!memcmp(at, expected->data + compared, n));
			compared += n;
		}
		at += n;
	}
	CHECK(compared == expected->len);
	CHECK(n_waited <= n_waits && n_looked <= n_waits);
}

static int connect_to(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, socket_path);
	CHECK(fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	return fd;
}

/* However many turns its questions take, it ends by being closed. */
static void talk(const uint8_t *data, size_t n, struct buf *answers)
{
	int fd = connect_to();
	char byte;

	socket_turn(&loop);
	socket_feed(&loop, fd, data, n);
	/* Eight questions go in each, of six bytes or more, or what is left of a read; and a socket holds some 280 answers. */
	for (size_t i = 0; i < n / 32; i++) {
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		take_answers(fd, answers);
	}
	inquiry_judge(inquiry, true);
	socket_turn(&loop);
	take_answers(fd, answers);
	(void)shutdown(fd, SHUT_WR); /* unless it was closed on the other side */
	socket_turn(&loop);
	take_answers(fd, answers);
	CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) <= 0);
	(void)close(fd); /* it is over */
	socket_turn(&loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf asked = { 0 }, expected = { 0 }, got = { 0 };

	listen_once();
	n_looked = n_waits = 0;
	for (size_t i = 0; i < n; i++) {
		if (data[i] != SOCKET_SEPARATOR) {
			buf_add(&asked, data + i, 1);
		}
	}
	(void)buf_str(&asked); /* bytes, even when there are none */
	expect(&expected, &asked);
	talk(data, n, &got);
	(void)buf_str(&got);
	(void)buf_str(&expected);
	check_answers(&got, &expected);
	buf_deinit(&asked);
	buf_deinit(&expected);
	buf_deinit(&got);
	return 0;
}
