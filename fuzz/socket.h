/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* For fuzzers of what talks over a Unix socket: a place for it, and the bytes of an input in pieces, between
 * which the loop runs. A byte 0x1e parts them and is not sent itself. */

#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { SOCKET_SEPARATOR = 0x1e };

static char socket_dir[] = "/tmp/fuzz-socket-XXXXXX";
static char socket_path[sizeof(socket_dir) + 2];

static void socket_remove(void)
{
	(void)unlink(socket_path); /* it is there or not */
	(void)rmdir(socket_dir);   /* as far as it goes */
}

static inline void socket_make_place(void)
{
	(void)signal(SIGPIPE, SIG_IGN);	/* as both programs do */
	CHECK(mkdtemp(socket_dir));
	strcpy(socket_path, socket_dir);
	strcat(socket_path, "/s");
	CHECK(!atexit(socket_remove));
}

static inline void socket_turn(uv_loop_t *loop)
{
	for (int i = 0; i < 3; i++) {
		(void)uv_run(loop, UV_RUN_NOWAIT); /* whether there is more does not matter */
	}
}

/* The peer may have hung up: then it is told no more. */
static inline void socket_feed(uv_loop_t *loop, int fd, const uint8_t *data, size_t n)
{
	const uint8_t *at = data, *end = data + n;

	while (at < end) {
		const uint8_t *separator = memchr(at, SOCKET_SEPARATOR, (size_t)(end - at));
		const uint8_t *stop = separator ? separator : end;

		(void)send(fd, at, (size_t)(stop - at), MSG_NOSIGNAL | MSG_DONTWAIT);
		socket_turn(loop);
		at = separator ? separator + 1 : end;
	}
}
