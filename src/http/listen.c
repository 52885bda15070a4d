/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/listen.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "service/start.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BACKLOG = 1024,
	FIRST_GIVEN = 3, /* SD_LISTEN_FDS_START */
};

/* --- addresses --- */

struct ip listen_ip(const struct sockaddr *address, unsigned *ret_port)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	struct ip ip = { 0 };

	if (address->sa_family == AF_INET) {
		ip.n = 4;
		memcpy(ip.bytes, &v4->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		ip.n = 16;
		memcpy(ip.bytes, &v6->sin6_addr, 16);
		ip_unmap(&ip);
	}
	if (ret_port) {
		*ret_port = address->sa_family == AF_INET  ? ntohs(v4->sin_port) :
			    address->sa_family == AF_INET6 ? ntohs(v6->sin6_port) :
							     0;
	}
	return ip;
}

static struct ip bound_ip(int fd, unsigned *ret_port)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);

	(void)getsockname(fd, (struct sockaddr *)&a, &n); /* else it is of no family */
	return listen_ip((struct sockaddr *)&a, ret_port);
}

char *listen_name(int fd)
{
	char text[IP_TEXT_SIZE], *name = NULL;
	unsigned port;
	struct ip ip = bound_ip(fd, &port);
	int r;

	if (ip.n) {
		(void)ip_print(ip.bytes, ip.n, text);
		r = asprintf(&name, ip.n == 4 ? "%s:%u" : "[%s]:%u", text, port);
	} else {
		r = asprintf(&name, "descriptor %d", fd);
	}
	return r < 0 ? NULL : name;
}

/* --- our own --- */

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
	socklen_t n = ip_sockaddr(&l->ip, l->port, &address);
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

static int bind_all(const struct conf_http *h, struct listen_socket *sockets)
{
	for (unsigned i = 0; i < h->n_listeners; i++) {
		const struct conf_listener *l = &h->listeners[i];
		char text[IP_TEXT_SIZE];
		int r = bind_one(h, l, &sockets[i].fd);

		if (r) {
			(void)ip_print(l->ip.bytes, l->ip.n, text);
			log_error("unable to listen on %s, port %u: %s", text, l->port,
				  strerror(-r));
			while (i--) {
				(void)close_fd(sockets[i].fd);
			}
			return start_status(r);
		}
		sockets[i].tls = l->tls;
		sockets[i].plain = l->plain;
	}
	return 0;
}

/* --- those of a service manager --- */

static size_t n_given(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	long count = n ? strtol(n, NULL, 10) : 0;

	return pid && strtol(pid, NULL, 10) == (long)getpid() && count > 0 ? (size_t)count : 0;
}

/* They may have names (FileDescriptorName= of systemd): "tls" means TLS. */
static int take_given(const struct conf *c, struct listen_socket *sockets, size_t n)
{
	const char *names = getenv("LISTEN_FDNAMES");

	for (size_t i = 0; i < n; i++) {
		int fd = FIRST_GIVEN + (int)i, flags = fcntl(fd, F_GETFL);
		size_t length = names ? strcspn(names, ":") : 0;
		struct ip ip = bound_ip(fd, NULL);

		if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
			log_error("descriptor %d of $LISTEN_FDS: %s", fd, strerror(errno));
			return START_FIX_SOMETHING;
		}
		sockets[i] = (struct listen_socket){
			.fd = fd,
			.tls = length == 3 && !memcmp(names, "tls", 3),
			.plain = conf_plain_at(c, &ip),
		};
		names = names && names[length] ? names + length + 1 : NULL;
	}
	return 0;
}

/* --- the whole --- */

int listen_open(const struct conf *c, struct listen_socket **ret, size_t *ret_n)
{
	size_t n_systemd = n_given(), n = n_systemd ? n_systemd : c->http.n_listeners;
	_cleanup_(free_ptr) struct listen_socket *sockets = NULL;
	int r;

	if (!n) {
		log_error(
			"nothing to listen on: neither listen nor listen_tls in [http], nor a "
			"socket from a service manager");
		return START_FIX_SOMETHING;
	}
	if (n > CONF_LISTENERS_MAX) {
		log_error("more than %d sockets from the service manager", CONF_LISTENERS_MAX);
		return START_FIX_SOMETHING;
	}
	sockets = calloc(n, sizeof(*sockets));
	if (!sockets) {
		return start_failed("listen", -ENOMEM);
	}
	r = n_systemd ? take_given(c, sockets, n) : bind_all(&c->http, sockets);
	if (r) {
		return r;
	}
	*ret = steal_ptr(&sockets);
	*ret_n = n;
	return 0;
}
