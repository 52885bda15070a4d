/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Shared by server.c (listeners and TLS), connection.c (limits and ends) and exchange.c (one request
 * and its answer). */

#include "base/quota.h"
#include "http/pair.h"
#include "http/server.h"

#include <microhttpd.h>
#include <stdint.h>
#include <uv.h>

enum {
	LINGER_MAX = 512, /* sockets that are kept a while after their answer */
	SPARE = 64, /* connections that libmicrohttpd may have beyond our limit */
};

/* One socket to accept from. */
struct listener {
	struct server *server;
	struct listen_socket socket;
	char *name; /* "192.0.2.1:80", for the log */
	struct instance *instance;
};

/* One libmicrohttpd daemon: a new certificate needs a new one. */
struct instance {
	struct listener *listener;
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_handles;
	uint64_t pause_ms; /* before it is looked at without an event */
	bool dirty;	   /* wants MHD_run */
	bool retiring;	   /* accepts no more */
	struct instance *next;
};

/* Addresses from which there are connections: an IPv6 network of /64 counts as one. */
struct peer {
	struct peer *next;
	struct ip ip;
	unsigned n;
};

struct exchange;

struct connection {
	struct connection *prev, *next;
	struct server *server;
	struct listener *listener;
	struct exchange *exchange; /* NULL: none, or it has not come in whole */
	struct peer *peer;
	struct ip ip;
	int fd;
	uint64_t due_ms;
	bool listed;   /* else it was ended by us */
	bool given_up; /* it was answered because of the time limit */
	bool answered;
};

struct lingering {
	int fd;
	uint64_t due_ms;
};

struct server {
	uv_loop_t *loop;
	const struct conf_http *conf;
	struct server_handlers h;
	struct listener *listeners;
	size_t n_listeners;
	struct instance *instances;

	struct connection *first, *last; /* in the order of their ends */
	unsigned n_connections;
	unsigned connections_max; /* as configured, or what descriptors allow */
	struct peer **peers;
	uint64_t n_steps; /* that requests and connections took, ever */
	unsigned n_open;  /* requests that are being dealt with */

	struct lingering lingering[LINGER_MAX];
	size_t linger_first, n_lingering;

	struct pair pair;
	uint64_t refresh_ms, refresh_pause_ms; /* not tried again before */
	bool has_tls, stopping, stopped;
	uv_timer_t deadline_timer, linger_timer;
	uv_prepare_t prepare;
	unsigned n_handles;	      /* that are still to be closed */
	struct quota said, said_full; /* refused connections, in the log */
};

/* --- connection.c --- */

enum { PEER_BUCKETS = 4096 };

/* MHD_AcceptPolicyCallback and MHD_NotifyConnectionCallback; cls is the listener. */
enum MHD_Result connection_accept(void *cls, const struct sockaddr *address, socklen_t n);
void connection_notify(void *cls, struct MHD_Connection *c, void **context,
		       enum MHD_ConnectionNotificationCode what);
/* No connection may take longer than so, from now. */
void connection_limit(struct server *s, uint64_t timeout_ms);
/* Ends those whose request has not come in whole. */
void connection_end_idle(struct server *s);
void connection_linger_end(struct server *s);

/* --- exchange.c --- */

void *exchange_begin(void *cls, const char *target, struct MHD_Connection *c);
enum MHD_Result exchange_request(void *cls, struct MHD_Connection *c, const char *url,
				 const char *method, const char *version, const char *upload,
				 size_t *upload_size, void **context);
/* Answers in place of whoever works at it, that it should be tried again. */
void exchange_give_up(struct exchange *x);
void exchange_end(void *cls, struct MHD_Connection *c, void **context,
		  enum MHD_RequestTerminationCode why);

/* --- server.c --- */

/* Something is to be done for this connection's instance. */
void server_wake(struct server *s);
