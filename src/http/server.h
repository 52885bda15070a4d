/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* HTTP and HTTPS, by libmicrohttpd on our loop: accepts connections within limits, hands on whole
 * requests, sends the answers, and ends everything that takes too long. What it knows of clients'
 * ways is in how it closes: answer, end of stream, and only then a real end, for many read up to the
 * end of the stream, and a reset would take the answer from them. */

#include "core/answer.h"
#include "core/conf.h"
#include "core/request.h"
#include "http/listen.h"

struct server;
struct uv_loop_s;

/* One whole request. The texts live until it is answered. */
struct server_request {
	const char *method;
	struct text target, form, authorization;
	struct text x_forwarded_for, x_forwarded_proto, forwarded;
	struct ip connection; /* whom we are connected with */
	bool tls;
	enum conf_plain plain; /* of the listener */
	uint64_t due_ms;       /* of the loop: when it is answered for want of another answer */
	void *work;	       /* the handler's, to know it by */
};

struct server_handlers {
	/* Answers by server_answer, now or later. */
	void (*request)(void *arg, struct server_request *q);
	/* The time limit is over: the request is answered, and must not be used any more. */
	void (*gone)(struct server_request *q);
	/* After server_stop: no request is open any more. */
	void (*stopped)(void *arg);
	void *arg;
};

/* Raises the limit of open files as far as that is needed and permitted: as root, any way. */
void server_raise_files(const struct conf_http *conf);

/* The descriptors are taken over, also when it fails; the array is borrowed for the call, conf until
 * server_configure. Certificate and key are read now, and again whenever they have changed. 0, or an exit
 * status (service/start.h) after logging what is wrong. */
int server_new(struct uv_loop_s *loop, const struct conf_http *conf,
	       const struct listen_socket *sockets, size_t n, const struct server_handlers *h,
	       struct server **ret);
struct server *server_free(struct server *s);

/* The configuration is another; connections_max and the size of a request's head stay as they were at the
 * start, as do the sockets. */
void server_configure(struct server *s, const struct conf_http *conf);

/* Takes the body over. */
void server_answer(struct server_request *q, struct answer *a);

/* No new connections; those that are open end, by themselves or at their time limit. */
void server_stop(struct server *s);
