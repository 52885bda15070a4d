/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The way to one name server: messages there and back, over UDP and over one TCP connection that is
 * opened when it is needed. It knows nothing of what the messages say: who uses it matches replies with
 * what was sent, and has the clock that says when to send again. */

#include "core/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nameserver;
struct uv_loop_s;

struct nameserver_handlers {
	/* A whole message, of a header's 12 bytes at least, came from the server's address and port. Its
	 * bytes are hostile, and valid for the call only. */
	void (*message)(void *arg, const uint8_t *bytes, size_t n, bool tcp);
	/* The connection could not be made, or ended (-ECONNRESET; -EPROTO: with something that is no
	 * message, or a part of one; 0: the server closed it, as it may when nothing is asked): what was
	 * sent over TCP and not answered never will be. Of UDP: the server's machine says that nobody
	 * listens (-ECONNREFUSED), or there is no way to it. The next send tries anew. Never called from
	 * within nameserver_send. */
	void (*lost)(void *arg, bool tcp, int error);
	void *arg;
};

/* Opens nothing yet. 0 or -ENOMEM. */
int nameserver_new(struct uv_loop_s *loop, const struct conf_server *server,
		   const struct nameserver_handlers *h, struct nameserver **ret);

/* Sends a message of 12 bytes at least and MESSAGE_TCP_MAX at most, which is copied; over TCP behind all
 * that was sent before, once there is a connection. How long that may take, and how much may wait, is the
 * caller's to say. 0, or a negative errno when it was not sent: with UDP the caller may simply try again
 * later. */
int nameserver_send(struct nameserver *s, bool tcp, const void *bytes, size_t n);

/* The message that was handed on last came over TCP, and is no reply to anything. A server that goes on
 * with such, as fast as it can, loses its connection (-EPROTO): lost may be called from within. */
void nameserver_stray(struct nameserver *s);

/* Whether there is a TCP connection: a server whose machine is not there does not come as far. */
bool nameserver_is_connected(const struct nameserver *s);

/* Ends the TCP connection, if there is one; lost is not called. */
void nameserver_hang_up(struct nameserver *s);

/* No handler is called any more; the memory goes when the loop has run once more. Handlers may call it, as
 * all the others. Returns NULL. */
struct nameserver *nameserver_free(struct nameserver *s);

#define NAMESERVER_TEXT_SIZE (IP_TEXT_SIZE + 9)

/* "192.0.2.53", or with a port that is not 53, "192.0.2.53:5353" and "[2001:db8::1]:5353". Returns room. */
const char *nameserver_print(const struct conf_server *server, char room[NAMESERVER_TEXT_SIZE]);
