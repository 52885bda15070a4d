/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A name server's sockets, UDP and TCP at one port of 127.0.0.1. */

#include "rows.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Returns the port. */
static inline uint16_t server_open(int *ret_udp, int *ret_listener)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < 100; i++) { /* the port may be taken for one of them */
		*ret_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		*ret_udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(*ret_listener >= 0 && *ret_udp >= 0);
		at.sin_port = 0;
		assert_int_equal(bind(*ret_listener, (struct sockaddr *)&at, sizeof(at)), 0);
		assert_int_equal(listen(*ret_listener, 8), 0);
		assert_int_equal(getsockname(*ret_listener, (struct sockaddr *)&at, &n), 0);
		if (!bind(*ret_udp, (struct sockaddr *)&at, sizeof(at))) {
			break;
		}
		(void)close(*ret_listener); /* another is tried */
		(void)close(*ret_udp);
	}
	return ntohs(at.sin_port);
}

/* As if nobody had the port, which nobody else gets either: a connected socket takes nothing from others. */
static inline void server_refuse_udp(int udp)
{
	const struct sockaddr_in elsewhere = { .sin_family = AF_INET,
					       .sin_port = htons(1),
					       .sin_addr = { htonl(INADDR_LOOPBACK) } };

	assert_int_equal(connect(udp, (const struct sockaddr *)&elsewhere, sizeof(elsewhere)),
			 0);
}
