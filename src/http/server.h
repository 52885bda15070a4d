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

struct server;
struct uv_loop_s;

/* One whole request. The texts live until it is answered. */
struct server_request {
	const char *method;
	struct request_text target, form, authorization;
	struct request_text x_forwarded_for, x_forwarded_proto, forwarded;
	struct ip connection; /* whom we are connected with */
	bool tls;
	enum conf_plain plain; /* of the listener */
};

struct server_handlers {
	/* Answers by server_answer, now or later. */
	void (*request)(void *arg, struct server_request *q);
	/* After server_stop: no request is open any more. */
	void (*stopped)(void *arg);
	void *arg;
};

/* The sockets: those of the configuration, bound now, or those that systemd gave us
 * (sd_listen_fds(3)). Logs what is wrong. 0 or a negative errno. */
struct server_socket {
	int fd;
	bool tls;
	enum conf_plain plain;
};
int server_bind(const struct conf *c, struct server_socket **ret, size_t *ret_n);

/* Takes over the sockets, also when it fails. Certificate and key are read now, and again whenever
 * they have changed. Logs what is wrong. */
int server_new(struct uv_loop_s *loop, const struct conf_http *conf,
	       struct server_socket *sockets, size_t n, const struct server_handlers *h,
	       struct server **ret);
struct server *server_free(struct server *s);

/* New limits; the sockets stay. conf is borrowed until the next call. */
void server_configure(struct server *s, const struct conf_http *conf);

/* Takes the body over. */
void server_answer(struct server_request *q, struct answer *a);

/* No new connections; those that are open end, by themselves or at their time limit. */
void server_stop(struct server *s);
