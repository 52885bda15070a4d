/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Connections: how many, from whom, for how long. libmicrohttpd's own time limit begins anew with each
 * byte, and its limit by address knows no IPv6 networks; so both are ours. */

#include "http/server_impl.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum {
	DRAIN_MAX = 256 * 1024, /* bytes that are read of what comes after the answer */
	SAID_MAX = 10,
	SAID_MS = 60 * 1000,
	LINGER_MS = 1000,
	GRACE_MS = 1000, /* to take an answer that says it took too long */
};

static struct peer **find_peer(struct server *s, const struct ip *ip)
{
	uint64_t hash = hash_add(HASH_BEGIN, ip->bytes, ip->n);
	struct peer **p = &s->peers[(hash ^ hash >> 32) % PEER_BUCKETS];

	while (*p && memcmp(&(*p)->ip, ip, sizeof(*ip)) != 0) {
		p = &(*p)->next;
	}
	return p;
}

/* The log is not the flood's. */
static void say_refused(struct server *s, const struct ip *ip)
{
	char text[IP_TEXT_SIZE];
	unsigned left_out;
	bool may = quota_take(&s->said, uv_now(s->loop), SAID_MAX, SAID_MS, &left_out);

	if (left_out) {
		log_warning("refused %u more connections", left_out);
	}
	if (may) {
		(void)ip_print(ip->bytes, ip->n, text);
		log_warning("refusing a connection from %s: it has %u already "
			    "(connections_per_address)",
			    text, s->conf->connections_per_address);
	}
}

static void say_full(struct server *s)
{
	unsigned left_out;

	if (quota_take(&s->said_full, uv_now(s->loop), 1, SAID_MS, &left_out)) {
		log_warning("all %u connections are taken (connections_max); those that have "
			    "been at their requests for the longest give way",
			    s->connections_max);
	}
}

static void on_deadline(uv_timer_t *timer);

static void arm_deadline(struct server *s)
{
	uint64_t now = uv_now(s->loop);

	if (s->first) {
		(void)uv_timer_start(&s->deadline_timer, on_deadline,
				     s->first->due_ms > now ? s->first->due_ms - now : 0, 0);
	} else {
		(void)uv_timer_stop(&s->deadline_timer);
	}
}

/* Nearly always at the end. */
static void link_connection(struct connection *c)
{
	struct server *s = c->server;
	struct connection *before = s->last;

	while (before && before->due_ms > c->due_ms) {
		before = before->prev;
	}
	c->listed = true;
	c->prev = before;
	c->next = before ? before->next : s->first;
	*(before ? &before->next : &s->first) = c;
	*(c->next ? &c->next->prev : &s->last) = c;
	s->n_connections++;
	if (!before) {
		arm_deadline(s);
	}
}

static void unlink_connection(struct connection *c)
{
	struct server *s = c->server;
	bool was_first = s->first == c;

	assert(c->listed);
	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
	c->listed = false;
	s->n_connections--;
	if (was_first) {
		arm_deadline(s);
	}
}

/* libmicrohttpd sees the end of the stream, and cleans up. */
static void end_connection(struct connection *c)
{
	unlink_connection(c);
	(void)shutdown(c->fd, SHUT_RDWR); /* it may be gone already */
}

/* Whether its request has not come in whole. */
static bool is_receiving(const struct connection *c)
{
	return !c->exchange && !c->answered;
}

/* All places are taken: the one that has been at its request for the longest gives way, so that a
 * flood only displaces itself. */
static void make_room(struct server *s)
{
	struct connection *c = s->first;

	say_full(s);
	while (c && !is_receiving(c)) {
		c = c->next;
	}
	if (c) {
		end_connection(c);
	}
}

enum MHD_Result connection_accept(void *cls, const struct sockaddr *address, socklen_t n)
{
	const struct listener *l = cls;
	struct server *s = l->server;
	struct ip ip = listen_ip(address, NULL), network = ip_network(ip);
	struct peer *peer = *find_peer(s, &network);

	(void)n;
	if (peer && peer->n >= s->conf->connections_per_address &&
	    !ip_nets_name(&s->conf->trusted_proxies, &ip)) {
		say_refused(s, &ip);
		return MHD_NO;
	}
	if (s->n_connections >= s->connections_max) {
		make_room(s);
	}
	return s->n_connections < s->connections_max ? MHD_YES : MHD_NO;
}

/* Whoever still waits for an answer gets one, and a little time to take it. */
static void end_late(struct connection *c)
{
	if (!c->exchange || c->given_up) {
		end_connection(c);
		return;
	}
	c->given_up = true;
	unlink_connection(c);
	c->due_ms = uv_now(c->server->loop) + GRACE_MS;
	link_connection(c);
	exchange_give_up(c->exchange);
}

static void on_deadline(uv_timer_t *timer)
{
	struct server *s = timer->data;
	uint64_t now = uv_now(s->loop);

	while (s->first && s->first->due_ms <= now) {
		end_late(s->first);
	}
	arm_deadline(s);
	server_wake(s);
}

void connection_limit(struct server *s, uint64_t timeout_ms)
{
	uint64_t due_ms = uv_now(s->loop) + timeout_ms;

	for (struct connection *c = s->first; c; c = c->next) {
		c->due_ms = c->due_ms < due_ms ? c->due_ms : due_ms;
	}
	arm_deadline(s);
}

void connection_end_idle(struct server *s)
{
	struct connection *next;

	for (struct connection *c = s->first; c; c = next) {
		next = c->next;
		if (is_receiving(c)) {
			end_connection(c);
		}
	}
}

static struct peer *count_peer(struct server *s, const struct ip *ip)
{
	struct ip network = ip_network(*ip);
	struct peer **there = find_peer(s, &network), *p = *there;

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			return NULL;
		}
		p->ip = network;
		*there = p;
	}
	p->n++;
	return p;
}

static void uncount_peer(struct server *s, struct peer *p)
{
	if (p && !--p->n) {
		*find_peer(s, &p->ip) = p->next;
		free(p);
	}
}

static void started(struct listener *l, struct MHD_Connection *mhd, void **context)
{
	struct server *s = l->server;
	/* One after the other: libmicrohttpd 1.0 has one place for all answers of a connection. */
	int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	const struct sockaddr *address =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	struct connection *c = calloc(1, sizeof(*c));

	*context = c;
	if (!c) {
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	c->server = s;
	c->listener = l;
	c->fd = fd;
	c->ip = listen_ip(address, NULL);
	c->peer = count_peer(s, &c->ip);
	c->due_ms = uv_now(s->loop) + s->conf->request_timeout_ms;
	link_connection(c);
}

/* --- what happens after the answer --- */

static void drain(int fd)
{
	char bytes[4096];
	ssize_t n = 0;

	for (size_t total = 0; total < DRAIN_MAX; total += (size_t)n) {
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n <= 0) {
			return;
		}
	}
}

static void linger_take(struct server *s)
{
	struct lingering *l = &s->lingering[s->linger_first];

	drain(l->fd);
	(void)close_fd(l->fd);
	s->linger_first = (s->linger_first + 1) % LINGER_MAX;
	s->n_lingering--;
}

void connection_linger_end(struct server *s)
{
	while (s->n_lingering) {
		linger_take(s);
	}
}

static void on_linger(uv_timer_t *timer)
{
	struct server *s = timer->data;
	uint64_t now = uv_now(s->loop);

	while (s->n_lingering && s->lingering[s->linger_first].due_ms <= now) {
		linger_take(s);
	}
	if (s->n_lingering) {
		(void)uv_timer_start(timer, on_linger,
				     s->lingering[s->linger_first].due_ms - now, 0);
	}
}

/* A blank line that comes behind the request (ddclient 3.9 sends one) would make the kernel answer our
 * close with a reset. So the end of the stream is sent now, and the descriptor closed a little later. */
static void linger(struct server *s, int fd)
{
	bool nothing_comes = !recv(fd, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT); /* the other side has ended, too */
	int copy = nothing_comes ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0) {
		return; /* it goes without */
	}
	(void)shutdown(copy, SHUT_WR); /* the other side may have been faster */
	if (s->n_lingering == LINGER_MAX) {
		linger_take(s);
	}
	s->lingering[(s->linger_first + s->n_lingering++) % LINGER_MAX] =
		(struct lingering){ copy, uv_now(s->loop) + LINGER_MS };
	if (!uv_is_active((uv_handle_t *)&s->linger_timer)) {
		(void)uv_timer_start(&s->linger_timer, on_linger, LINGER_MS, 0);
	}
}

static void closed(struct connection *c)
{
	struct server *s = c->server;

	if (c->listed) {
		unlink_connection(c);
	}
	if (c->answered) {
		linger(s, c->fd);
	}
	uncount_peer(s, c->peer);
	free(c);
}

void connection_notify(void *cls, struct MHD_Connection *mhd, void **context,
		       enum MHD_ConnectionNotificationCode what)
{
	((const struct listener *)cls)->server->n_steps++;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		started(cls, mhd, context);
	} else if (*context) {
		closed(*context);
		*context = NULL;
	}
}
