/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/server_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "service/start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
	IDLE_PASSES_MAX = 3, /* of libmicrohttpd, one after the other, that bring nothing */
	PASSES_MAX = 64,     /* before others have their turn */
	PAUSE_MAX_MS = 63,
	REFRESH_PAUSE_MS = 500, /* and longer and longer */
	REFRESH_PAUSE_MAX_MS = 60 * 1000,
	OTHER_DESCRIPTORS = 64, /* the loop's, the log's, the daemon's socket ... */
	/* Routers send spaces in the target, and HTTP/1.1 without a Host. libmicrohttpd 1.0 takes that only at its most
	 * tolerant; there is one request to a connection, so where it ends is nobody's matter but the client's. */
	STRICTNESS = MHD_VERSION >= 0x01000000 ? -1 : 0,
};

/* TLS 1.2 and up; the rest is GnuTLS's judgement. */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* --- instances --- */

static void on_epoll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

static void on_handle_closed(uv_handle_t *handle)
{
	struct instance *i = handle->data;

	if (!--i->n_handles) {
		free(i);
	}
}

/* No more connections for this one. Its descriptor of the socket is its own. */
static void instance_retire(struct instance *i)
{
	if (!i->retiring) {
		i->retiring = i->dirty = true;
		(void)close_fd(MHD_quiesce_daemon(i->mhd));
	}
}

/* Its handles need one more turn of the loop. */
static void instance_end(struct instance *i)
{
	struct server *s = i->listener->server;
	struct instance **at = &s->instances;

	while (*at != i) {
		at = &(*at)->next;
	}
	*at = i->next;
	(void)uv_poll_stop(&i->poll); /* cannot fail */
	instance_retire(i);
	MHD_stop_daemon(i->mhd);
	uv_close((uv_handle_t *)&i->poll, on_handle_closed);
	uv_close((uv_handle_t *)&i->timer, on_handle_closed);
}

static struct MHD_Daemon *start_mhd(struct listener *l, int fd)
{
	struct server *s = l->server;
	unsigned flags =
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (l->socket.tls ? MHD_USE_TLS : 0);
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0,
		  l->socket.tls ? s->pair.certificate.data : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, l->socket.tls ? s->pair.key.data : NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(flags, 0, connection_accept, l, exchange_request, l,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				s->connections_max + SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)s->conf->request_size_max, MHD_OPTION_STRICT_FOR_CLIENT,
				STRICTNESS, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, l,
				MHD_OPTION_NOTIFY_COMPLETED, exchange_end, l,
				MHD_OPTION_NOTIFY_CONNECTION, connection_notify, l,
				MHD_OPTION_ARRAY, l->socket.tls ? tls : tls + 3,
				MHD_OPTION_END);
}

/* On success the listener's old instance takes no more connections, and ends with its last one. */
static int instance_start(struct listener *l)
{
	_cleanup_(free_ptr) struct instance *new = calloc(1, sizeof(*new));
	_cleanup_(close_fdp) int fd = fcntl(l->socket.fd, F_DUPFD_CLOEXEC, 0);
	struct instance *i = new, *old = l->instance;
	struct server *s = l->server;
	const union MHD_DaemonInfo *epoll;

	if (!i || fd < 0) {
		return i ? -errno : -ENOMEM;
	}
	i->listener = l;
	i->mhd = start_mhd(l, fd);
	/* When it fails it may have closed the descriptor, or not. */
	(void)steal_fd(&fd);
	epoll = i->mhd ? MHD_get_daemon_info(i->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!epoll || uv_poll_init(s->loop, &i->poll, epoll->epoll_fd)) {
		if (i->mhd) {
			instance_retire(i);
			MHD_stop_daemon(i->mhd);
		}
		return -EINVAL;
	}
	(void)steal_ptr(&new);
	(void)uv_timer_init(s->loop, &i->timer); /* cannot fail */
	i->n_handles = 2;
	i->poll.data = i->timer.data = i;
	(void)uv_poll_start(&i->poll, UV_READABLE, on_epoll); /* fails only when closing */
	i->next = s->instances;
	s->instances = i;
	i->dirty = true;
	l->instance = i;
	if (old) {
		instance_retire(old);
	}
	return 0;
}

/* A renewed certificate, before the next handshake. What may pass by itself is tried again a little
 * later. */
static void refresh_certificate(struct server *s)
{
	uint64_t now = uv_now(s->loop);
	int r;

	if (s->stopping || now < s->refresh_ms || !pair_has_changed(&s->pair, s->conf)) {
		return;
	}
	r = pair_read(&s->pair, s->conf);
	if (r == PAIR_E_SAME) {
		s->refresh_pause_ms = 0;
		return;
	}
	for (size_t i = 0; !r && i < s->n_listeners; i++) {
		r = s->listeners[i].socket.tls ? instance_start(&s->listeners[i]) : 0;
		if (r) {
			log_error("unable to serve %s: %s", s->listeners[i].name, strerror(-r));
			pair_deinit(&s->pair);	/* what the files say is news, next time */
		}
	}
	s->refresh_pause_ms = !r ? 0 :
			      s->refresh_pause_ms < REFRESH_PAUSE_MAX_MS ?
				   2 * s->refresh_pause_ms + REFRESH_PAUSE_MS :
				   s->refresh_pause_ms;
	s->refresh_ms = now + s->refresh_pause_ms;
	if (r) {
		log_error("keeping the old certificate");
	} else {
		log_info("using the new certificate in '%s'", s->conf->certificate);
	}
}

/* A connection that can go on goes one step in each pass, and libmicrohttpd then wants the next one at
 * once (a timeout of 0). It wants that too while a handshake waits for the other side's bytes: then
 * passes bring nothing, and what brings them on is an event, or failing that a pause. */
static void run_instance(struct instance *i)
{
	const struct server *s = i->listener->server;
	MHD_UNSIGNED_LONG_LONG timeout_ms = 1;
	const union MHD_DaemonInfo *n;
	unsigned n_idle = 0, n_passes = 0;

	i->dirty = false;
	do {
		uint64_t before = s->n_steps;

		(void)MHD_run(i->mhd); /* fails only when it has threads of its own */
		n_idle = s->n_steps == before ? n_idle + 1 : 0;
		n_passes++;
		if (MHD_get_timeout(i->mhd, &timeout_ms) != MHD_YES) {
			timeout_ms = 1; /* nothing to do */
			i->pause_ms = 0;
		}
	} while (!timeout_ms && n_idle < IDLE_PASSES_MAX && n_passes < PASSES_MAX);
	n = MHD_get_daemon_info(i->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	if (i->retiring && n && !n->num_connections) {
		instance_end(i);
	} else if (!timeout_ms) {
		i->pause_ms = n_idle < IDLE_PASSES_MAX	 ? 1 :
			      i->pause_ms < PAUSE_MAX_MS ? 2 * i->pause_ms + 1 :
							   PAUSE_MAX_MS;
		(void)uv_timer_start(&i->timer, on_timer, i->pause_ms, 0);
	} else {
		(void)uv_timer_stop(&i->timer);
	}
}

static void on_epoll(uv_poll_t *poll, int status, int events)
{
	struct instance *i = poll->data;

	(void)status;
	(void)events;
	i->pause_ms = 0;
	if (i->listener->socket.tls && !i->retiring) {
		refresh_certificate(i->listener->server);
	}
	run_instance(i);
}

static void on_timer(uv_timer_t *timer)
{
	run_instance(timer->data);
}

void server_wake(struct server *s)
{
	for (struct instance *i = s->instances; i; i = i->next) {
		i->dirty = true;
	}
}

/* Before the loop waits: what was answered in this turn is sent. An instance that has been retired ends with its last
 * connection. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct server *s = prepare->data;
	struct instance *i = s->instances;

	while (i) {
		struct instance *next = i->next;

		if (i->dirty) {
			run_instance(i);
		}
		i = next;
	}
	if (s->stopping && !s->stopped && !s->n_open && !s->instances) {
		s->stopped = true;
		s->h.stopped(s->h.arg);
	}
}

/* --- the whole --- */

/* Each connection needs a descriptor, and a second one while it lingers. */
static rlim_t files_wanted(const struct conf_http *conf)
{
	return conf->connections_max + SPARE + LINGER_MAX + OTHER_DESCRIPTORS;
}

void server_raise_files(const struct conf_http *conf)
{
	rlim_t wanted = files_wanted(conf);
	struct rlimit limit, higher = { wanted, wanted };

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted) {
		return;
	}
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (limit.rlim_max >= wanted || setrlimit(RLIMIT_NOFILE, &higher) < 0) {
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* find_limits sees what came of it */
	}
}

static void find_limits(struct server *s)
{
	rlim_t wanted = files_wanted(s->conf), left;
	struct rlimit limit;

	s->connections_max = s->conf->connections_max;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted) {
		return;
	}
	left = wanted - limit.rlim_cur;
	s->connections_max =
		left < s->conf->connections_max ? s->conf->connections_max - (unsigned)left : 1;
	log_warning("connections_max is %u here, for the limit of open files is %llu",
		    s->connections_max, (unsigned long long)limit.rlim_cur);
}

void server_configure(struct server *s, const struct conf_http *conf)
{
	s->conf = conf;
	connection_limit(s, conf->request_timeout_ms);
	pair_look_again(&s->pair);
}

/* 0 or an exit status. */
static int start_listeners(struct server *s)
{
	int r;

	if (s->has_tls && (!s->conf->certificate || !s->conf->key)) {
		log_error("a socket for TLS, and no %s in [http]",
			  s->conf->certificate ? "key" : "certificate");
		return START_FIX_SOMETHING;
	}
	r = s->has_tls ? pair_read(&s->pair, s->conf) : 0;
	if (r) {
		return start_status(r);
	}
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];

		r = instance_start(l);
		if (r) {
			log_error("unable to serve %s: %s", l->name, strerror(-r));
			return start_status(r);
		}
		log_info("listening on %s (%s)", l->name,
			 l->socket.tls ? "TLS" :
			 l->socket.plain == CONF_PLAIN_REFUSE ?
					 "plain HTTP, of trusted proxies only" :
					 "plain HTTP");
	}
	return 0;
}

static int take_sockets(struct server *s, const struct listen_socket *sockets, size_t n)
{
	s->listeners = calloc(n, sizeof(*s->listeners));
	s->peers = calloc(PEER_BUCKETS, sizeof(struct peer *));
	if (!s->listeners || !s->peers) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		struct listener *l = &s->listeners[s->n_listeners++];

		*l = (struct listener){ .server = s,
					.socket = sockets[i],
					.name = listen_name(sockets[i].fd) };
		s->has_tls = s->has_tls || l->socket.tls;
		if (!l->name) {
			return -ENOMEM;
		}
	}
	return 0;
}

int server_new(uv_loop_t *loop, const struct conf_http *conf,
	       const struct listen_socket *sockets, size_t n, const struct server_handlers *h,
	       struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		return start_failed("serve", -ENOMEM);
	}
	s->loop = loop;
	s->conf = conf;
	s->h = *h;
	/* In a loop of their own these cannot fail. */
	(void)uv_timer_init(loop, &s->deadline_timer);
	(void)uv_timer_init(loop, &s->linger_timer);
	(void)uv_prepare_init(loop, &s->prepare);
	s->deadline_timer.data = s->linger_timer.data = s->prepare.data = s;
	(void)uv_prepare_start(&s->prepare, on_prepare);
	r = take_sockets(s, sockets, n);
	if (r) {
		r = start_failed("serve", r);
	} else {
		find_limits(s);
		r = start_listeners(s);
	}
	if (r) {
		server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void server_stop(struct server *s)
{
	s->stopping = true;
	for (struct instance *i = s->instances; i; i = i->next) {
		instance_retire(i);
	}
	connection_end_idle(s);
	server_wake(s);
}

static void on_closed(uv_handle_t *handle)
{
	struct server *s = handle->data;

	if (!--s->n_handles) {
		free(s);
	}
}

struct server *server_free(struct server *s)
{
	if (!s) {
		return NULL;
	}
	while (s->instances) {
		instance_end(s->instances);
	}
	connection_linger_end(s);
	for (size_t i = 0; i < s->n_listeners; i++) {
		free(s->listeners[i].name);
		(void)close_fd(s->listeners[i].socket.fd);
	}
	free(s->listeners);
	free(s->peers);
	pair_deinit(&s->pair);
	s->n_handles = 3;
	uv_close((uv_handle_t *)&s->deadline_timer, on_closed);
	uv_close((uv_handle_t *)&s->linger_timer, on_closed);
	uv_close((uv_handle_t *)&s->prepare, on_closed);
	return NULL;
}
