/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* UDP is a connected socket: the kernel drops what comes from elsewhere, and tells of ICMP errors. libuv
 * hands these on once each, as errors of receiving; or the next send has it, which then sent nothing.
 *
 * A socket or connection is an allocation of its own, for libuv lets go of it only in the next turn of the
 * loop, when there may be another already. Who was called from within its callback may have closed it. */

#include "daemon/nameserver.h"

#include "core/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
	DATAGRAM_MAX = 4096, /* more than anybody sends who was not asked to */
	MESSAGE_MIN = 12,    /* a header, RFC 1035 section 4.1.1 */
	LENGTH_N = 2,	     /* before each message in TCP, RFC 1035 section 4.2.2 */
	STRAYS_MAX = 200,    /* of one connection; replies to what was given up are some */
};

struct port {
	uv_udp_t udp;
	struct nameserver *server;
	uint8_t bytes[DATAGRAM_MAX];
};

struct line {
	uv_tcp_t tcp;
	uv_connect_t connect;
	struct nameserver *server;
	unsigned n_strays;
	size_t n;
	uint8_t bytes[LENGTH_N +
		      MESSAGE_TCP_MAX]; /* the longest message fits, so there is always room */
};

struct nameserver {
	uv_loop_t *loop;
	struct nameserver_handlers handlers;
	struct sockaddr_storage address;
	struct port *port; /* NULL: none */
	struct line *line;
	unsigned n_open; /* handles, with those that are closing */
	bool freed;
};

struct write {
	uv_write_t request;
	uint8_t bytes[];
};

/* --- the ends --- */

static void closed_one(struct nameserver *s)
{
	if (!--s->n_open && s->freed) {
		free(s);
	}
}

static void on_port_closed(uv_handle_t *handle)
{
	struct port *p = handle->data;

	closed_one(p->server);
	free(p);
}

static void on_line_closed(uv_handle_t *handle)
{
	struct line *l = handle->data;

	closed_one(l->server);
	free(l);
}

static void close_port(struct nameserver *s)
{
	struct port *p = s->port;

	if (p) {
		s->port = NULL;
		uv_close((uv_handle_t *)&p->udp, on_port_closed);
	}
}

void nameserver_hang_up(struct nameserver *s)
{
	struct line *l = s->line;

	if (l) {
		s->line = NULL;
		uv_close((uv_handle_t *)&l->tcp, on_line_closed);
	}
}

struct nameserver *nameserver_free(struct nameserver *s)
{
	if (!s) {
		return NULL;
	}
	close_port(s);
	nameserver_hang_up(s);
	s->freed = true;
	if (!s->n_open) {
		free(s);
	}
	return NULL;
}

/* --- UDP --- */

static void on_datagram_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct port *p = handle->data;

	(void)suggested;
	*ret = uv_buf_init((char *)p->bytes, sizeof(p->bytes));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *bytes,
			const struct sockaddr *from, unsigned flags)
{
	struct port *p = udp->data;
	struct nameserver *s = p->server;

	(void)from; /* the one it is connected to */
	if (n < 0) {
		if (n != -ECONNREFUSED) {
			/* Our own address may be gone, which the socket would keep. */
			close_port(s);
		}
		s->handlers.lost(s->handlers.arg, false, (int)n);
	} else if (n >= MESSAGE_MIN && !(flags & UV_UDP_PARTIAL)) {
		s->handlers.message(s->handlers.arg, (const uint8_t *)bytes->base, (size_t)n,
				    false);
	}
}

static int open_port(struct nameserver *s)
{
	struct port *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		return -ENOMEM;
	}
	r = uv_udp_init(s->loop, &p->udp);
	if (r) {
		free(p);
		return r;
	}
	p->udp.data = p;
	p->server = s;
	s->port = p;
	s->n_open++;
	r = uv_udp_connect(&p->udp, (const struct sockaddr *)&s->address);
	if (!r) {
		r = uv_udp_recv_start(&p->udp, on_datagram_alloc, on_datagram);
	}
	if (r) {
		close_port(s);
	}
	return r;
}

static int send_datagram(struct nameserver *s, const void *bytes, size_t n)
{
	uv_buf_t piece = uv_buf_init((char *)bytes, (unsigned)n); /* which is only read */
	int r = s->port ? 0 : open_port(s);

	if (r) {
		return r;
	}
	r = uv_udp_try_send(&s->port->udp, &piece, 1, NULL);
	if (r == -ECONNREFUSED) { /* what was sent before was refused, this is not sent yet */
		r = uv_udp_try_send(&s->port->udp, &piece, 1, NULL);
	}
	if (r < 0 && r != -EAGAIN && r != -ENOBUFS && r != -ECONNREFUSED) {
		close_port(s);
	}
	return r < 0 ? r : 0;
}

/* --- TCP --- */

static bool is_over(const struct line *l)
{
	return uv_is_closing((const uv_handle_t *)&l->tcp);
}

static void lose(struct line *l, int error)
{
	struct nameserver *s = l->server;

	nameserver_hang_up(s);
	s->handlers.lost(s->handlers.arg, true, error);
}

static void on_line_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct line *l = handle->data;

	(void)suggested;
	*ret = uv_buf_init((char *)l->bytes + l->n, (unsigned)(sizeof(l->bytes) - l->n));
}

/* Hands on the messages that are whole, and keeps the rest. */
static void take_messages(struct line *l)
{
	const struct nameserver_handlers *h = &l->server->handlers;
	size_t at = 0;

	while (!is_over(l) && l->n - at >= LENGTH_N) {
		size_t n = (size_t)l->bytes[at] << 8 | l->bytes[at + 1];

		if (n < MESSAGE_MIN) {
			lose(l, -EPROTO);
			return;
		}
		if (l->n - at - LENGTH_N < n) {
			break;
		}
		at += LENGTH_N + n;
		h->message(h->arg, l->bytes + at - n, n, true);
	}
	l->n -= at;
	if (at) { /* else each byte that drips in would move them all */
		memmove(l->bytes, l->bytes + at, l->n);
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct line *l = stream->data;

	(void)bytes; /* l->bytes */
	if (n >= 0) {
		l->n += (size_t)n;
		take_messages(l);
	} else if (n == UV_EOF) {
		lose(l, l->n ? -EPROTO : 0);
	} else {
		lose(l, (int)n);
	}
}

static void on_written(uv_write_t *request, int status)
{
	struct line *l = request->handle->data;

	free(request->data);
	if (status && !is_over(l)) {
		/* EPIPE: the server has closed it before. */
		lose(l, status == -EPIPE ? 0 : status);
	}
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct line *l = connect->data;

	if (is_over(l)) {
		return;
	}
	if (!status) {
		status = uv_read_start((uv_stream_t *)&l->tcp, on_line_alloc, on_read);
	}
	if (status) {
		lose(l, status);
	}
}

static int open_line(struct nameserver *s)
{
	struct line *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		return -ENOMEM;
	}
	r = uv_tcp_init(s->loop, &l->tcp);
	if (r) {
		free(l);
		return r;
	}
	l->tcp.data = l->connect.data = l;
	l->server = s;
	s->line = l;
	s->n_open++;
	r = uv_tcp_connect(&l->connect, &l->tcp, (const struct sockaddr *)&s->address, on_connected);
	if (r) {
		nameserver_hang_up(s);
		return r;
	}
	(void)uv_tcp_nodelay(&l->tcp, 1); /* without it all is only slower */
	return 0;
}

/* libuv keeps in order what is written, also while it connects, and tells of errors later. */
static int send_framed(struct nameserver *s, const void *bytes, size_t n)
{
	struct write *w;
	uv_buf_t piece;
	int r = s->line ? 0 : open_line(s);

	if (r) {
		return r;
	}
	w = malloc(sizeof(*w) + LENGTH_N + n);
	if (!w) {
		return -ENOMEM;
	}
	w->request.data = w;
	w->bytes[0] = (uint8_t)(n >> 8);
	w->bytes[1] = (uint8_t)n;
	memcpy(w->bytes + LENGTH_N, bytes, n);
	piece = uv_buf_init((char *)w->bytes, (unsigned)(LENGTH_N + n));
	r = uv_write(&w->request, (uv_stream_t *)&s->line->tcp, &piece, 1, on_written);
	if (r) {
		free(w);
	}
	return r;
}

bool nameserver_is_connected(const struct nameserver *s)
{
	return s->line && uv_is_readable((const uv_stream_t *)&s->line->tcp);
}

void nameserver_stray(struct nameserver *s)
{
	if (s->line && ++s->line->n_strays > STRAYS_MAX) {
		lose(s->line, -EPROTO);
	}
}

/* --- both --- */

int nameserver_send(struct nameserver *s, bool tcp, const void *bytes, size_t n)
{
	assert(n >= MESSAGE_MIN && n <= MESSAGE_TCP_MAX);
	return tcp ? send_framed(s, bytes, n) : send_datagram(s, bytes, n);
}

int nameserver_new(uv_loop_t *loop, const struct conf_server *server,
		   const struct nameserver_handlers *h, struct nameserver **ret)
{
	struct nameserver *s = calloc(1, sizeof(*s));

	if (!s) {
		return -ENOMEM;
	}
	s->loop = loop;
	s->handlers = *h;
	(void)ip_sockaddr(&server->ip, server->port, &s->address);
	*ret = s;
	return 0;
}

const char *nameserver_print(const struct conf_server *server, char room[NAMESERVER_TEXT_SIZE])
{
	unsigned port = server->port;
	char ip[IP_TEXT_SIZE];

	/* There is room for the longest. */
	(void)ip_print(server->ip.bytes, server->ip.n, ip);
	if (port == 53) {
		(void)snprintf(room, NAMESERVER_TEXT_SIZE, "%s", ip);
	} else if (server->ip.n == 4) {
		(void)snprintf(room, NAMESERVER_TEXT_SIZE, "%s:%u", ip, port);
	} else {
		(void)snprintf(room, NAMESERVER_TEXT_SIZE, "[%s]:%u", ip, port);
	}
	return room;
}
