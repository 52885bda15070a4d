/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/server_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	BACKLOG = 1024,
	CERTIFICATE_MAX = 1024 * 1024,
	IDLE_PASSES_MAX = 3, /* of libmicrohttpd, one after the other, that bring nothing */
	PASSES_MAX = 64,     /* before others have their turn */
	PAUSE_MAX_MS = 63,
	OTHER_DESCRIPTORS = 64, /* the loop's, the log's, the daemon's socket ... */
	FIRST_OF_SYSTEMD = 3,	/* SD_LISTEN_FDS_START */
};

/* TLS 1.2 and up; the rest is GnuTLS's judgement. */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* --- sockets --- */

static socklen_t fill_address(const struct conf_listener *l, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (l->ip.n == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(l->port);
		memcpy(&v4->sin_addr, l->ip.bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(l->port);
	memcpy(&v6->sin6_addr, l->ip.bytes, 16);
	return sizeof(*v6);
}

/* "192.0.2.1:80", also of an address that the kernel completed. */
static char *name_socket(int fd)
{
	struct sockaddr_storage a = { 0 };
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
	char text[IP_TEXT_SIZE];
	socklen_t n = sizeof(a);
	char *name = NULL;
	int r = -1;

	(void)getsockname(fd, (struct sockaddr *)&a, &n);
	if (a.ss_family == AF_INET) {
		(void)ip_print((const uint8_t *)&v4->sin_addr, 4, text);
		r = asprintf(&name, "%s:%u", text, ntohs(v4->sin_port));
	} else if (a.ss_family == AF_INET6) {
		(void)ip_print((const uint8_t *)&v6->sin6_addr, 16, text);
		r = asprintf(&name, "[%s]:%u", text, ntohs(v6->sin6_port));
	} else {
		r = asprintf(&name, "socket %d", fd);
	}
	return r < 0 ? NULL : name;
}

/* Where somebody else listens at the same port for IPv4, this one is for IPv6 only. */
static bool v6_only(const struct conf_http *h, const struct conf_listener *l)
{
	for (unsigned i = 0; i < h->n_listeners; i++) {
		if (h->listeners[i].ip.n == 4 && h->listeners[i].port == l->port && l->port) {
			return true;
		}
	}
	return false;
}

static int bind_one(const struct conf_http *h, const struct conf_listener *l, int *ret)
{
	struct sockaddr_storage address;
	socklen_t n = fill_address(l, &address);
	_cleanup_(close_fdp) int fd =
		socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, only = v6_only(h, l);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (l->ip.n == 16 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0) ||
	    bind(fd, (struct sockaddr *)&address, n) < 0 || listen(fd, BACKLOG) < 0) {
		return -errno;
	}
	*ret = steal_fd(&fd);
	return 0;
}

/* The address of a socket that we were given. */
static struct ip bound_ip(int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);
	struct ip ip = { .n = 16 };

	(void)getsockname(fd, (struct sockaddr *)&a, &n);
	if (a.ss_family == AF_INET) {
		ip.n = 4;
		memcpy(ip.bytes, &((struct sockaddr_in *)&a)->sin_addr, 4);
	} else {
		memcpy(ip.bytes, &((struct sockaddr_in6 *)&a)->sin6_addr, 16);
	}
	return ip;
}

/* The names that systemd gives the sockets (FileDescriptorName=): "tls" means TLS. */
static int take_given(const struct conf *c, size_t n, struct server_socket **ret, size_t *ret_n)
{
	const char *names = getenv("LISTEN_FDNAMES");
	struct server_socket *sockets = calloc(n, sizeof(*sockets));

	if (!sockets) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		int fd = FIRST_OF_SYSTEMD + (int)i, flags = fcntl(fd, F_GETFL);
		size_t length = names ? strcspn(names, ":") : 0;
		struct ip ip = bound_ip(fd);

		if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
			log_error("descriptor %d of $LISTEN_FDS: %s", fd, strerror(errno));
			free(sockets);
			return -EBADF;
		}
		sockets[i] = (struct server_socket){
			.fd = fd,
			.tls = length == 3 && !memcmp(names, "tls", 3),
			.plain = conf_plain(c, &ip),
		};
		names = names && names[length] ? names + length + 1 : NULL;
	}
	*ret = sockets;
	*ret_n = n;
	return 0;
}

/* How many sockets we were given; more than there may be: CONF_LISTENERS_MAX + 1. */
static size_t n_given(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	long count = n ? strtol(n, NULL, 10) : 0;

	if (!pid || strtol(pid, NULL, 10) != (long)getpid() || count <= 0) {
		return 0;
	}
	return count > CONF_LISTENERS_MAX ? CONF_LISTENERS_MAX + 1 : (size_t)count;
}

/* Each connection needs a descriptor, and a second one while it lingers. As root the limit can be
 * raised at all; what came of it server_new looks at. */
static rlim_t wanted_files(const struct conf_http *conf)
{
	return conf->connections_max + SPARE + LINGER_MAX + OTHER_DESCRIPTORS;
}

static void raise_limit(const struct conf_http *conf)
{
	rlim_t wanted = wanted_files(conf);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted) {
		return;
	}
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted) {
		struct rlimit higher = { wanted, wanted };

		if (!setrlimit(RLIMIT_NOFILE, &higher)) {
			return;
		}
		limit.rlim_cur = limit.rlim_max;
	}
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* what came of it is looked at later */
}

int server_bind(const struct conf *c, struct server_socket **ret, size_t *ret_n)
{
	const struct conf_http *h = &c->http;
	struct server_socket *sockets;
	size_t n = n_given();
	int r = 0;

	raise_limit(h);
	if (n > CONF_LISTENERS_MAX) {
		log_error("more than %d sockets from the service manager", CONF_LISTENERS_MAX);
		return -E2BIG;
	}
	if (n) {
		return take_given(c, n, ret, ret_n);
	}
	if (!h->n_listeners) {
		log_error(
			"nothing to listen on: neither listen nor listen_tls in [http], nor a socket "
			"from systemd");
		return -EDESTADDRREQ;
	}
	sockets = calloc(h->n_listeners, sizeof(*sockets));
	if (!sockets) {
		return -ENOMEM;
	}
	for (n = 0; n < h->n_listeners; n++) {
		const struct conf_listener *l = &h->listeners[n];
		char text[IP_TEXT_SIZE];

		sockets[n] = (struct server_socket){ .tls = l->tls, .plain = l->plain };
		r = bind_one(h, l, &sockets[n].fd);
		if (r) {
			(void)ip_print(l->ip.bytes, l->ip.n, text);
			log_error("unable to listen on %s port %u: %s", text, l->port,
				  strerror(-r));
			break;
		}
	}
	if (r) {
		while (n--) {
			(void)close_fd(sockets[n].fd);
		}
		free(sockets);
		return r;
	}
	*ret = sockets;
	*ret_n = n;
	return 0;
}

/* --- certificate and key --- */

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return (struct stamp){ 0 };
	}
	return (struct stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

static int read_text(const char *path, struct buf *ret)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	int r = file_read(AT_FDCWD, path, CERTIFICATE_MAX, &b);

	if (!r) {
		(void)buf_str(&b); /* libmicrohttpd reads up to the NUL */
		r = buf_error(&b);
	}
	if (r) {
		log_error("unable to read '%s': %s", path, strerror(-r));
		return r;
	}
	buf_deinit(ret);
	*ret = b;
	b = (struct buf){ 0 };
	return 0;
}

/* Whether the two fit, with a reason in the log when not. */
static int check_pair(const struct server *s)
{
	gnutls_datum_t certificate = { (unsigned char *)s->certificate.data,
				       (unsigned)s->certificate.len };
	gnutls_datum_t key = { (unsigned char *)s->key.data, (unsigned)s->key.len };
	gnutls_certificate_credentials_t pair;
	int r = gnutls_certificate_allocate_credentials(&pair);

	if (r == GNUTLS_E_SUCCESS) {
		r = gnutls_certificate_set_x509_key_mem(pair, &certificate, &key,
							GNUTLS_X509_FMT_PEM);
		gnutls_certificate_free_credentials(pair);
	}
	if (r < 0) {
		log_error("certificate '%s' with key '%s': %s", s->conf->certificate,
			  s->conf->key, gnutls_strerror(r));
		/* Whoever renews them may be between the two. */
		return r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? -EAGAIN : -EINVAL;
	}
	return 0;
}

static int read_certificate(struct server *s)
{
	int r;

	s->certificate_stamp = stamp_of(s->conf->certificate);
	s->key_stamp = stamp_of(s->conf->key);
	r = read_text(s->conf->certificate, &s->certificate);
	if (!r) {
		r = read_text(s->conf->key, &s->key);
	}
	return r ? r : check_pair(s);
}

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
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (l->tls ? MHD_USE_TLS : 0);
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, l->tls ? s->certificate.data : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, l->tls ? s->key.data : NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(flags, 0, connection_accept, l, exchange_request, l,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				s->connections_max + SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)s->conf->request_size_max, MHD_OPTION_STRICT_FOR_CLIENT,
				0, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, l,
				MHD_OPTION_NOTIFY_COMPLETED, exchange_end, l,
				MHD_OPTION_NOTIFY_CONNECTION, connection_notify, l,
				MHD_OPTION_ARRAY, l->tls ? tls : tls + 3, MHD_OPTION_END);
}

/* On success the listener's old instance takes no more connections, and ends with its last one. */
static int instance_start(struct listener *l)
{
	_cleanup_(free_ptr) struct instance *new = calloc(1, sizeof(*new));
	_cleanup_(close_fdp) int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
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

/* A renewed certificate, before the next handshake. Whoever renews it may be between two files: until
 * both fit, the old pair stays. */
static void refresh_certificate(struct server *s)
{
	struct stamp certificate, key;
	int r;

	if (!s->has_tls || s->stopping) {
		return;
	}
	certificate = stamp_of(s->conf->certificate);
	key = stamp_of(s->conf->key);
	if (same_stamp(&certificate, &s->certificate_stamp) &&
	    same_stamp(&key, &s->key_stamp)) {
		return;
	}
	r = read_certificate(s);
	for (size_t i = 0; !r && i < s->n_listeners; i++) {
		r = s->listeners[i].tls ? instance_start(&s->listeners[i]) : 0;
	}
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
	if (i->listener->tls && !i->retiring) {
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

static bool has_connections(const struct server *s)
{
	for (const struct instance *i = s->instances; i; i = i->next) {
		const union MHD_DaemonInfo *n =
			MHD_get_daemon_info(i->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

		if (n && n->num_connections) {
			return true;
		}
	}
	return false;
}

/* Before the loop waits: what was answered in this turn is sent. */
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
	if (s->stopping && !s->stopped && !s->n_open && !has_connections(s)) {
		s->stopped = true;
		s->h.stopped(s->h.arg);
	}
}

/* --- the whole --- */

static void find_limits(struct server *s)
{
	rlim_t wanted = wanted_files(s->conf), left;
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
	if (s->connections_max > conf->connections_max) {
		s->connections_max = conf->connections_max; /* more needs a restart */
	}
}

static int start_listeners(struct server *s)
{
	int r = s->has_tls ? read_certificate(s) : 0;

	for (size_t i = 0; !r && i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];

		r = instance_start(l);
		if (r) {
			log_error("unable to serve %s: %s", l->name, strerror(-r));
		} else {
			log_info("listening on %s (%s)", l->name,
				 l->tls ? "TLS" : "plain HTTP");
		}
	}
	return r;
}

int server_new(uv_loop_t *loop, const struct conf_http *conf, struct server_socket *sockets,
	       size_t n, const struct server_handlers *h, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		return -ENOMEM;
	}
	s->loop = loop;
	s->conf = conf;
	s->h = *h;
	s->listeners = calloc(n, sizeof(*s->listeners));
	s->peers = calloc(PEER_BUCKETS, sizeof(struct peer *));
	/* In a loop of their own these cannot fail. */
	(void)uv_timer_init(loop, &s->deadline_timer);
	(void)uv_timer_init(loop, &s->linger_timer);
	(void)uv_prepare_init(loop, &s->prepare);
	s->deadline_timer.data = s->linger_timer.data = s->prepare.data = s;
	(void)uv_prepare_start(&s->prepare, on_prepare);
	r = s->listeners && s->peers ? 0 : -ENOMEM;
	for (size_t i = 0; !r && i < n; i++) {
		struct listener *l = &s->listeners[s->n_listeners++];

		*l = (struct listener){ .server = s,
					.fd = sockets[i].fd,
					.tls = sockets[i].tls,
					.plain = sockets[i].plain,
					.name = name_socket(sockets[i].fd) };
		s->has_tls = s->has_tls || l->tls;
		r = l->name ? 0 : -ENOMEM;
	}
	free(sockets);
	if (!r && s->has_tls && (!conf->certificate || !conf->key)) {
		log_error("a socket for TLS, and no %s in [http]",
			  conf->certificate ? "key" : "certificate");
		r = -EINVAL;
	}
	if (!r) {
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
	connection_end_all(s);
	while (s->instances) {
		instance_end(s->instances);
	}
	connection_linger_end(s);
	for (size_t i = 0; i < s->n_listeners; i++) {
		free(s->listeners[i].name);
		(void)close_fd(s->listeners[i].fd);
	}
	free(s->listeners);
	free(s->peers);
	buf_deinit(&s->certificate);
	buf_deinit(&s->key);
	s->n_handles = 3;
	uv_close((uv_handle_t *)&s->deadline_timer, on_closed);
	uv_close((uv_handle_t *)&s->linger_timer, on_closed);
	uv_close((uv_handle_t *)&s->prepare, on_closed);
	return NULL;
}
