/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The way to a name server, which here is a pair of plain sockets: what it does between two turns of the
 * loop is done by the test itself. */

#include "daemon/nameserver.h"

#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <uv.h>

enum { TURNS_MAX = 100000, TURN_MS = 5000 };

static uv_loop_t loop;
static struct nameserver *ns;
static int udp = -1, listener = -1, peer = -1;
static struct conf_server address;

/* What the handlers were told. */
static struct {
	unsigned n_messages, n_lost;
	bool tcp;
	int error;
	size_t n;
	uint8_t first, last;
	size_t n_all;
} told;

enum at { NEVER, AT_MESSAGE, AT_LOST };
static enum at free_at, hang_up_at, send_at;
static bool sending;

static void do_at(enum at at)
{
	static const uint8_t again[12] = "again again";

	assert_false(sending);
	if (send_at == at) {
		send_at = NEVER;
		assert_int_equal(nameserver_send(ns, true, again, sizeof(again)), 0);
	}
	if (hang_up_at == at) {
		nameserver_hang_up(ns);
	}
	if (free_at == at) {
		ns = nameserver_free(ns);
	}
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, bool tcp)
{
	assert_ptr_equal(arg, &told);
	assert_non_null(ns);
	told.n_messages++;
	told.tcp = tcp;
	told.n = n;
	told.first = bytes[0];
	told.last = bytes[n - 1];
	told.n_all += n;
	do_at(AT_MESSAGE);
}

static void on_lost(void *arg, bool tcp, int error)
{
	assert_ptr_equal(arg, &told);
	assert_non_null(ns);
	told.n_lost++;
	told.tcp = tcp;
	told.error = error;
	do_at(AT_LOST);
}

/* One turn of the loop, once there is something for it or for our own socket. */
static void turn(int fd)
{
	struct pollfd fds[2] = { { uv_backend_fd(&loop), POLLIN, 0 }, { fd, POLLIN, 0 } };

	if (uv_backend_timeout(&loop)) {
		assert_true(poll(fds, 2, TURN_MS) > 0);
	}
	(void)uv_run(&loop, UV_RUN_NOWAIT); /* whether there are handles does not matter */
}

#define UNTIL(condition)                                    \
	do {                                                \
		for (unsigned n_ = 0; !(condition); n_++) { \
			assert_true(n_ < TURNS_MAX);        \
			turn(-1);                           \
		}                                           \
	} while (0)

static void shut(int *fd)
{
	if (*fd >= 0) {
		assert_int_equal(close(*fd), 0);
	}
	*fd = -1;
}

static int setup(void **state)
{
	const struct nameserver_handlers h = { on_message, on_lost, &told };

	(void)state;
	memset(&told, 0, sizeof(told));
	free_at = hang_up_at = send_at = NEVER;
	address = (struct conf_server){ .ip = { .n = 4, .bytes = { 127, 0, 0, 1 } },
					.port = server_open(&udp, &listener) };
	return uv_loop_init(&loop) || nameserver_new(&loop, &address, &h, &ns);
}

static int teardown(void **state)
{
	(void)state;
	ns = nameserver_free(ns);
	shut(&udp);
	shut(&listener);
	shut(&peer);
	(void)uv_run(&loop,
		     UV_RUN_DEFAULT); /* until all are closed, which uv_loop_close tells */
	return uv_loop_close(&loop);
}

/* A port at which nobody listens, and that nobody else gets. */
static void refuse_tcp(void)
{
	const struct nameserver_handlers h = { on_message, on_lost, &told };
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(at);

	ns = nameserver_free(ns);
	shut(&listener);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
	address.port = ntohs(at.sin_port);
	assert_int_equal(nameserver_new(&loop, &address, &h, &ns), 0);
}

static void say(bool tcp, const void *bytes, size_t n)
{
	sending = true;
	assert_int_equal(nameserver_send(ns, tcp, bytes, n), 0);
	sending = false;
}

static void hear(int fd, void *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = recv(fd, (char *)bytes + at, n - at, 0);

		if (got < 0) {
			assert_int_equal(errno, EAGAIN);
			turn(fd);
		} else {
			assert_true(got);
			at += (size_t)got;
		}
	}
}

/* The server gets a message over TCP, and so a connection. */
static void connect_peer(void)
{
	char got[14];

	say(true, "hello server", 12);
	while ((peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0) {
		assert_int_equal(errno, EAGAIN);
		turn(listener);
	}
	hear(peer, got, sizeof(got));
	assert_memory_equal(got, "\0\014hello server", 14);
}

static void answer(const void *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t put = send(peer, (const char *)bytes + at, n - at, MSG_NOSIGNAL);

		if (put < 0) {
			assert_int_equal(errno, EAGAIN);
			turn(-1);
		} else {
			at += (size_t)put;
		}
	}
}

static void test_udp(void **state)
{
	struct sockaddr_in from;
	socklen_t n_from = sizeof(from);
	char got[64];

	(void)state;
	say(false, "a question...", 13);
	assert_int_equal(recvfrom(udp, got, sizeof(got), 0, (struct sockaddr *)&from, &n_from),
			 13);
	assert_int_equal(sendto(udp, "", 0, 0, (struct sockaddr *)&from, n_from), 0);
	assert_int_equal(sendto(udp, "too short..", 11, 0, (struct sockaddr *)&from, n_from),
			 11);
	assert_int_equal(sendto(udp, "An answer...", 12, 0, (struct sockaddr *)&from, n_from),
			 12);
	UNTIL(told.n_messages);
	assert_int_equal(told.n_messages, 1);
	assert_int_equal(told.first, 'A');
	assert_int_equal(told.n, 12);
	assert_false(told.tcp);
	assert_int_equal(told.n_lost, 0);
}

static void test_udp_too_long(void **state)
{
	static uint8_t longest[8192];
	struct sockaddr_in from;
	socklen_t n_from = sizeof(from);
	char got[64];

	(void)state;
	say(false, "a question...", 13);
	assert_int_equal(recvfrom(udp, got, sizeof(got), 0, (struct sockaddr *)&from, &n_from),
			 13);
	assert_int_equal(sendto(udp, longest, sizeof(longest), 0, (struct sockaddr *)&from,
				n_from),
			 sizeof(longest));
	assert_int_equal(sendto(udp, "An answer...", 12, 0, (struct sockaddr *)&from, n_from),
			 12);
	UNTIL(told.n_messages);
	assert_int_equal(told.n_messages, 1);
	assert_int_equal(told.first, 'A');
}

static void test_udp_refused(void **state)
{
	(void)state;
	server_refuse_udp(udp);
	say(false, "a question...", 13);
	UNTIL(told.n_lost);
	assert_int_equal(told.error, -ECONNREFUSED);
	assert_false(told.tcp);
	/* What the kernel has to tell of the first is no failure of the second. */
	say(false, "a question...", 13);
	say(false, "a question...", 13);
	UNTIL(told.n_lost > 1);
	assert_int_equal(told.error, -ECONNREFUSED);
}

static void test_udp_free(void **state)
{
	(void)state;
	server_refuse_udp(udp);
	free_at = AT_LOST;
	say(false, "a question...", 13);
	UNTIL(told.n_lost);
	assert_null(ns);
}

/* In order, also what waits for the connection; in pieces, or many at once. */
static void test_tcp(void **state)
{
	static const char two[] = "\0\014first answer\0\015second answer";
	char got[2 * 14];

	(void)state;
	connect_peer();
	say(true, "question one", 12);
	say(true, "question two", 12);
	hear(peer, got, sizeof(got));
	assert_memory_equal(got, "\0\014question one\0\014question two", sizeof(got));
	answer(two, sizeof(two) - 1);
	UNTIL(told.n_messages == 2);
	assert_int_equal(told.n_all, 12 + 13);
	assert_true(told.tcp);
	for (size_t i = 0; i < sizeof(two) - 1; i++) {
		answer(two + i, 1);
		turn(-1);
	}
	UNTIL(told.n_messages == 4);
	assert_int_equal(told.n_all, 2 * (12 + 13));
	assert_int_equal(told.n_lost, 0);
}

static void test_tcp_longest(void **state)
{
	static uint8_t frame[2 + 65535];

	(void)state;
	frame[0] = frame[1] = 0xff;
	frame[2] = 'L';
	frame[sizeof(frame) - 1] = 'l';
	connect_peer();
	answer(frame, sizeof(frame));
	answer(frame, sizeof(frame));
	UNTIL(told.n_messages == 2);
	assert_int_equal(told.n, 65535);
	assert_int_equal(told.first, 'L');
	assert_int_equal(told.last, 'l');
	say(true, frame + 2, 65535);
	hear(peer, frame, sizeof(frame));
	assert_int_equal(frame[0], 0xff);
	assert_int_equal(frame[2], 'L');
	assert_int_equal(frame[sizeof(frame) - 1], 'l');
}

static void test_tcp_bogus(void **state)
{
	(void)state;
	connect_peer();
	answer("\0\014first answer\0\013too short..\0\014first answer", 14 + 13 + 14);
	UNTIL(told.n_lost);
	assert_int_equal(told.error, -EPROTO);
	assert_int_equal(told.n_messages, 1);
}

static void test_tcp_part(void **state)
{
	(void)state;
	connect_peer();
	answer("\0\014first", 7);
	shut(&peer);
	UNTIL(told.n_lost);
	assert_int_equal(told.error, -EPROTO);
	assert_int_equal(told.n_messages, 0);
}

/* The server closes what is idle; then there is another connection. */
static void test_tcp_idle(void **state)
{
	(void)state;
	connect_peer();
	shut(&peer);
	UNTIL(told.n_lost);
	assert_int_equal(told.error, 0);
	assert_true(told.tcp);
	connect_peer();
	answer("\0\014first answer", 14);
	UNTIL(told.n_messages);
	assert_int_equal(told.n_lost, 1);
}

static void test_tcp_reset(void **state)
{
	const struct linger now = { .l_onoff = 1 };

	(void)state;
	connect_peer();
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	shut(&peer);
	UNTIL(told.n_lost);
	assert_int_equal(told.error, -ECONNRESET);
}

static void test_tcp_refused(void **state)
{
	(void)state;
	refuse_tcp();
	say(true, "question one", 12);
	say(true, "question two", 12);
	assert_int_equal(told.n_lost, 0);
	UNTIL(told.n_lost);
	assert_int_equal(told.error, -ECONNREFUSED);
	turn(udp);
	assert_int_equal(told.n_lost, 1);
}

/* From within the first of two messages: the second is not told. */
static void test_tcp_free(void **state)
{
	(void)state;
	free_at = AT_MESSAGE;
	connect_peer();
	say(true, "question one", 12);
	answer("\0\014first answer\0\015second answer", 29);
	UNTIL(told.n_messages);
	assert_null(ns);
}

static void test_tcp_free_lost(void **state)
{
	(void)state;
	free_at = AT_LOST;
	refuse_tcp();
	say(true, "question one", 12);
	UNTIL(told.n_lost);
	assert_null(ns);
}

static void test_free_connecting(void **state)
{
	(void)state;
	say(true, "question one", 12);
	say(false, "question two", 12);
	ns = nameserver_free(ns);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* to its end */
	assert_int_equal(told.n_messages + told.n_lost, 0);
}

static void test_hang_up(void **state)
{
	char byte;

	(void)state;
	hang_up_at = AT_MESSAGE;
	connect_peer();
	answer("\0\014first answer\0\015second answer", 29);
	UNTIL(told.n_messages);
	while (recv(peer, &byte, 1, 0) < 0 && errno == EAGAIN) {
		turn(peer);
	}
	assert_int_equal(told.n_messages, 1);
	assert_int_equal(told.n_lost, 0);
	shut(&peer);
	hang_up_at = NEVER;
	connect_peer();
}

/* Whoever loses a connection may ask again at once, on another. */
static void test_send_when_lost(void **state)
{
	char got[14];

	(void)state;
	connect_peer();
	send_at = AT_LOST;
	shut(&peer);
	UNTIL(told.n_lost);
	while ((peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0) {
		turn(listener);
	}
	hear(peer, got, sizeof(got));
	assert_memory_equal(got, "\0\014again again", 14);
}

/* There is no way there: told by the send itself. */
static void test_no_way(void **state)
{
	const struct conf_server broadcast = {
		.ip = { .n = 4, .bytes = { 255, 255, 255, 255 } }, .port = 53
	};
	const struct nameserver_handlers h = { on_message, on_lost, &told };

	(void)state;
	ns = nameserver_free(ns);
	assert_int_equal(nameserver_new(&loop, &broadcast, &h, &ns), 0);
	assert_true(nameserver_send(ns, false, "question one", 12) < 0);
	assert_true(nameserver_send(ns, true, "question one", 12) < 0);
	assert_true(nameserver_send(ns, true, "question one", 12) < 0);
	assert_int_equal(told.n_lost, 0);
}

static void test_print(void **state)
{
	struct conf_server server = { .ip = { .n = 4, .bytes = { 192, 0, 2, 53 } },
				      .port = 53 };
	char room[NAMESERVER_TEXT_SIZE];

	(void)state;
	assert_string_equal(nameserver_print(&server, room), "192.0.2.53");
	server.port = 5353;
	assert_string_equal(nameserver_print(&server, room), "192.0.2.53:5353");
	server.ip = (struct ip){ .n = 16, .bytes = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	assert_string_equal(nameserver_print(&server, room), "[2001:db8::1]:5353");
	server.port = 53;
	assert_string_equal(nameserver_print(&server, room), "2001:db8::1");
	memset(server.ip.bytes, 0xff, sizeof(server.ip.bytes));
	server.port = 65535;
	assert_string_equal(nameserver_print(&server, room),
			    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_udp),		  TEST(test_udp_too_long),
		TEST(test_udp_refused),	  TEST(test_udp_free),
		TEST(test_tcp),		  TEST(test_tcp_longest),
		TEST(test_tcp_bogus),	  TEST(test_tcp_part),
		TEST(test_tcp_idle),	  TEST(test_tcp_reset),
		TEST(test_tcp_refused),	  TEST(test_tcp_free),
		TEST(test_tcp_free_lost), TEST(test_free_connecting),
		TEST(test_hang_up),	  TEST(test_send_when_lost),
		TEST(test_no_way),	  cmocka_unit_test(test_print),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as both programs do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
