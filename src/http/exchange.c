/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* One request, from its first line to its answer. */

#include "http/server_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RETRY_AFTER_S = 60 };

struct exchange {
	struct server_request q; /* first, for server_answer */
	struct connection *connection;
	struct MHD_Connection *mhd;
	enum { AT_HEADERS, AT_BODY, AT_WORK, AT_ANSWER } at;
	bool suspended, too_large;
	char *target;
	struct buf form, x_forwarded_for, x_forwarded_proto, forwarded;
	struct answer answer;
};

static struct text text_of(const char *s)
{
	return s ? (struct text){ s, strlen(s) } : (struct text){ 0 };
}

static struct text text_of_buf(struct buf *b)
{
	return b->len ? (struct text){ b->data, b->len } : (struct text){ 0 };
}

/* The target as it was sent, before libmicrohttpd takes it apart. */
void *exchange_begin(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct exchange *x = calloc(1, sizeof(*x));
	const union MHD_ConnectionInfo *context =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)cls;
	if (x) {
		x->mhd = mhd;
		x->connection = context ? context->socket_context : NULL;
		x->target = strdup(target);
	}
	return x;
}

void exchange_end(void *cls, struct MHD_Connection *mhd, void **context,
		  enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *context;

	(void)cls;
	(void)mhd;
	if (!x) {
		return;
	}
	if (x->connection) {
		x->connection->server->n_steps++;
		x->connection->exchange = NULL;
		x->connection->answered = why == MHD_REQUEST_TERMINATED_COMPLETED_OK;
	}
	free(x->target);
	buf_deinit(&x->form);
	buf_deinit(&x->x_forwarded_for);
	buf_deinit(&x->x_forwarded_proto);
	buf_deinit(&x->forwarded);
	buf_deinit(&x->answer.body);
	free(x);
	*context = NULL;
}

/* A header that stands there several times is one list (RFC 9110 section 5.3). */
static void add_to_list(struct buf *list, const char *value)
{
	buf_adds(list, list->len ? "," : "");
	buf_adds(list, value);
}

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct exchange *x = cls;

	(void)kind;
	if (!value) {
		return MHD_YES;
	}
	if (!strcasecmp(name, "X-Forwarded-For")) {
		add_to_list(&x->x_forwarded_for, value);
	} else if (!strcasecmp(name, "X-Forwarded-Proto")) {
		add_to_list(&x->x_forwarded_proto, value);
	} else if (!strcasecmp(name, "Forwarded")) {
		add_to_list(&x->forwarded, value);
	} else if (!strcasecmp(name, "Authorization") && !x->q.authorization.n) {
		x->q.authorization = text_of(value);
	}
	return MHD_YES;
}

/* --- the answer --- */

static enum MHD_Result send_answer(struct exchange *x)
{
	struct answer *a = &x->answer;
	struct MHD_Response *response;
	char number[16];
	enum MHD_Result r;

	response = MHD_create_response_from_buffer(a->body.len, a->body.data,
						   MHD_RESPMEM_MUST_COPY);
	if (!response) {
		return MHD_NO; /* no memory: the connection just ends */
	}
	/* Many clients read to the end of the stream, whatever the length says. */
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      *buf_str(&a->body) == '<' ? "text/html" : "text/plain");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (a->challenge) {
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					      "Basic realm=\"dns-updater\"");
	}
	if (a->retry_after_s) {
		(void)snprintf(number, sizeof(number), "%u", a->retry_after_s); /* it fits */
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
	}
	r = MHD_queue_response(x->mhd, a->status, response);
	MHD_destroy_response(response);
	return r;
}

void server_answer(struct server_request *q, struct answer *a)
{
	struct exchange *x = (struct exchange *)q;
	struct server *s = x->connection->server;

	x->answer = *a;
	*a = (struct answer){ 0 };
	x->at = AT_ANSWER;
	s->n_open--;
	if (x->suspended) {
		x->suspended = false;
		MHD_resume_connection(x->mhd);
	}
	server_wake(s);
}

void exchange_give_up(struct exchange *x)
{
	const struct server_handlers *h = &x->connection->server->h;
	struct answer a = { .status = 503, .retry_after_s = RETRY_AFTER_S };

	if (x->at == AT_WORK) {
		buf_adds(&a.body, "911");
		h->gone(&x->q);
		server_answer(&x->q, &a);
	}
}

static enum MHD_Result refuse(struct exchange *x, unsigned status, const char *word)
{
	x->at = AT_ANSWER;
	x->answer = (struct answer){ .status = status };
	buf_adds(&x->answer.body, word);
	return send_answer(x);
}

/* --- the request --- */

static enum MHD_Result take_headers(struct exchange *x, const char *method)
{
	const struct conf_http *conf = x->connection->server->conf;
	int n = MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, take_header, x);
	const struct listener *l = x->connection->listener;

	x->at = AT_BODY;
	x->q.method = method;
	x->q.target = text_of(x->target);
	x->q.connection = x->connection->ip;
	x->q.tls = l->socket.tls;
	x->q.plain = l->socket.plain;
	x->q.due_ms = x->connection->due_ms;
	if (n < 0 || (unsigned)n > conf->headers_max) {
		return refuse(x, 431, "too many headers");
	}
	return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *n)
{
	size_t max = x->connection->server->conf->request_size_max;

	/* What is too much is read, and answered at its end, or ended at the time limit. */
	x->too_large = x->too_large || x->form.len > max || *n > max - x->form.len;
	if (!x->too_large) {
		buf_add(&x->form, bytes, *n);
	}
	*n = 0;
	return MHD_YES;
}

static bool is_form(struct exchange *x)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_TYPE);

	return type && !strncasecmp(type, form, sizeof(form) - 1);
}

static enum MHD_Result handle(struct exchange *x)
{
	struct server *s = x->connection->server;

	x->at = AT_WORK;
	x->connection->exchange = x;
	x->q.form = is_form(x) ? text_of_buf(&x->form) : (struct text){ 0 };
	x->q.x_forwarded_for = text_of_buf(&x->x_forwarded_for);
	x->q.x_forwarded_proto = text_of_buf(&x->x_forwarded_proto);
	x->q.forwarded = text_of_buf(&x->forwarded);
	if (!x->target || buf_error(&x->form) || buf_error(&x->x_forwarded_for) ||
	    buf_error(&x->x_forwarded_proto) || buf_error(&x->forwarded)) {
		return MHD_NO; /* no memory: the connection just ends */
	}
	if (x->too_large) {
		return refuse(x, 413, "too large");
	}
	s->n_open++;
	s->h.request(s->h.arg, &x->q);
	if (x->at == AT_ANSWER) {
		return send_answer(x);
	}
	x->suspended = true;
	MHD_suspend_connection(x->mhd);
	return MHD_YES;
}

enum MHD_Result exchange_request(void *cls, struct MHD_Connection *mhd, const char *url,
				 const char *method, const char *version, const char *upload,
				 size_t *upload_size, void **context)
{
	struct exchange *x = *context;

	(void)cls;
	(void)mhd;
	(void)url;
	(void)version;
	if (!x || !x->connection) {
		return MHD_NO; /* no memory */
	}
	x->connection->server->n_steps++;
	switch (x->at) {
	case AT_HEADERS:
		return take_headers(x, method);
	case AT_BODY:
		return *upload_size ? take_body(x, upload, upload_size) : handle(x);
	case AT_WORK:
		return MHD_YES; /* suspended: this is not called */
	case AT_ANSWER:
		*upload_size = 0;
		return send_answer(x);
	}
	return MHD_NO;
}
