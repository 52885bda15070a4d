/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/front.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/text.h"
#include "http/ask.h"
#include "http/auth.h"
#include "http/generation.h"
#include "http/handle.h"
#include "http/server.h"
#include "http/store.h"
#include "service/load.h"
#include "service/notify.h"
#include "service/privileges.h"
#include "service/sandbox.h"
#include "service/start.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <uv.h>

struct front {
	uv_loop_t loop;
	const char *conf_path;
	struct generation *generation;
	char *socket;
	struct store *store;
	struct auth *auth;
	struct ask *ask;
	struct handle *handle;
	struct server *server;
	uv_work_t first_work;
	uv_signal_t term, interrupt, hangup;
	bool stopping;
	bool stopped; /* the server: nobody is connected any more */
};

static void on_request(void *arg, struct server_request *q)
{
	struct front *f = arg;

	handle_request(f->handle, f->generation, q);
}

/* Threads may still be at work for requests that were given up. */
static void maybe_end(void *arg)
{
	struct front *f = arg;

	if (f->stopped && !handle_is_busy(f->handle)) {
		uv_stop(&f->loop);
	}
}

static void on_stopped(void *arg)
{
	struct front *f = arg;

	f->stopped = true;
	maybe_end(f);
}

/* --- reload --- */

/* plain is that of sockets of a service manager, too. */
static bool same_listeners(const struct conf_http *a, const struct conf_http *b)
{
	bool same = a->n_listeners == b->n_listeners && a->plain == b->plain;

	for (unsigned i = 0; same && i < a->n_listeners; i++) {
		const struct conf_listener *x = &a->listeners[i], *y = &b->listeners[i];

		same = !memcmp(&x->ip, &y->ip, sizeof(x->ip)) && x->port == y->port &&
		       x->tls == y->tls && x->plain == y->plain;
	}
	return same;
}

/* What is opened before the sandbox closes, or is fixed then, and why a reload with it is refused; NULL:
 * nothing. */
static const char *needs_restart(const struct conf *old, const struct conf *new)
{
	const struct conf_http *o = &old->http, *n = &new->http;
	const struct {
		const char *key, *before, *after;
	} fixed[] = {
		{ "users_file", old->users_file, new->users_file },
		{ "socket", old->socket, new->socket },
		{ "user", o->user, n->user },
		{ "addresses", old->patterns[o->addresses].text,
		  new->patterns[n->addresses].text },
		{ "tokens", o->tokens, n->tokens },
		{ "certificate", o->certificate, n->certificate },
		{ "key", o->key, n->key },
	};

	if (!n->is_set) {
		return "section [http]";
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		if (!text_same(fixed[i].before, fixed[i].after)) {
			return fixed[i].key;
		}
	}
	return !same_listeners(o, n)			  ? "listen, listen_tls or plain_http" :
	       o->connections_max != n->connections_max	  ? "connections_max" :
	       o->request_size_max != n->request_size_max ? "request_size_max" :
							    NULL;
}

static struct generation *load(const char *path, int *ret_error)
{
	struct generation *g = calloc(1, sizeof(*g));

	*ret_error = g ? load_conf(path, start_report, NULL, &g->conf) : -ENOMEM;
	if (*ret_error < 0) {
		free(g);
		return NULL;
	}
	return generation_ref(g);
}

static void reload(struct front *f)
{
	struct generation *new;
	const char *fixed = NULL;
	int r;

	new = load(f->conf_path, &r);
	if (!r) {
		fixed = needs_restart(&f->generation->conf, &new->conf);
	}
	if (r < 0) {
		log_error("not reloaded: %s; keeping the old configuration", strerror(-r));
	} else if (r) {
		log_error(
			"not reloaded: see the mistakes in '%s'; keeping the old configuration",
			f->conf_path);
	} else if (fixed) {
		log_error(
			"not reloaded: another %s needs a restart; keeping the old configuration",
			fixed);
	} else {
		struct generation *old = f->generation;

		f->generation = generation_ref(new);
		auth_configure(f->auth, &new->conf);
		server_configure(f->server, &new->conf.http);
		generation_unref(old);
		log_info("reloaded %s", f->conf_path);
	}
	generation_unref(new);
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct front *f = signal->data;

	(void)number;
	if (!f->stopping) {
		reload(f);
	}
}

static void on_term(uv_signal_t *signal, int number)
{
	struct front *f = signal->data;

	(void)number;
	if (!f->stopping) {
		f->stopping = true;
		log_info("stopping");
		notify_state("STOPPING=1");
		server_stop(f->server);
		handle_stop(f->handle);
	}
}

/* --- the start --- */

static int init_signals(struct front *f)
{
	const struct {
		uv_signal_t *signal;
		uv_signal_cb callback;
		int number;
	} signals[] = {
		{ &f->term, on_term, SIGTERM },
		{ &f->interrupt, on_term, SIGINT },
		{ &f->hangup, on_hangup, SIGHUP },
	};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(signals) / sizeof(*signals); i++) {
		r = uv_signal_init(&f->loop, signals[i].signal);
		signals[i].signal->data = f;
		if (!r) {
			r = uv_signal_start(signals[i].signal, signals[i].callback,
					    signals[i].number);
		}
	}
	return r;
}

/* Becomes its user, without any right that he does not have. 0 or an exit status. */
static int drop(const struct conf *conf)
{
	int r = privileges_drop(conf->http.user);

	if (r == PRIVILEGES_E_NO_USER) {
		log_error(
			"there is no user '%s'; create it, or name another as 'user' in [http]",
			conf->http.user);
		return START_FIX_SOMETHING;
	}
	if (!r) {
		r = privileges_none();
	}
	return r ? start_failed("drop privileges", r) : 0;
}

/* The directories of the files that are read again later, and of what links there lead to. */
struct directories {
	char *copies[2 * 5];
	const char *list[2 * 5];
	size_t n;
};

static void directories_deinit(struct directories *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->copies[i]);
	}
}

/* Takes the path over; NULL is none. */
static void add_directory(struct directories *d, char *file)
{
	if (file) {
		d->copies[d->n] = file;
		d->list[d->n] = dirname(file); /* in the copy, or a constant */
		d->n++;
	}
}

/* false: no memory. */
static bool add_file(struct directories *d, const char *file)
{
	char *copy = file ? strdup(file) : NULL;

	add_directory(d, copy);
	add_directory(d, file ? realpath(file, NULL) : NULL);
	return copy || !file;
}

/* 0 or an exit status. */
static int close_sandbox(const struct front *f, const char *addresses)
{
	const struct conf *conf = &f->generation->conf;
	_cleanup_(directories_deinit) struct directories d = { 0 };
	struct sandbox_paths paths = { .writable = &addresses, .n_writable = 1 };
	int r;

	if (!add_file(&d, f->conf_path) || !add_file(&d, conf->users_file) ||
	    !add_file(&d, conf->http.tokens) || !add_file(&d, conf->http.certificate) ||
	    !add_file(&d, conf->http.key)) {
		return start_failed("close the sandbox", -ENOMEM);
	}
	paths.readable = d.list;
	paths.n_readable = d.n;
	r = sandbox_close(SANDBOX_FRONT_END, &paths);
	if (r == SANDBOX_E_NO_LANDLOCK) {
		log_warning(
			"this kernel has no Landlock: only file permissions keep dns-updater-http "
			"from other files");
		return 0;
	}
	if (r && sandbox_culprit()) {
		log_error("unable to close the sandbox around '%s': %s", sandbox_culprit(),
			  strerror(-r));
		return START_FIX_SOMETHING;
	}
	return r ? start_failed("close the sandbox", r) : 0;
}

/* Everything that needs the rights of the start. 0 or an exit status. */
static int open_all(struct front *f, struct listen_socket **ret_sockets, size_t *ret_n)
{
	const struct conf *conf = &f->generation->conf;
	const char *addresses;
	int r;

	server_raise_files(&conf->http);
	r = listen_open(conf, ret_sockets, ret_n);
	if (!r) {
		r = drop(conf);
	}
	if (!r) {
		r = store_new(&f->loop, &conf->patterns[conf->http.addresses], &f->store,
			      &addresses);
	}
	return r ? r : close_sandbox(f, addresses);
}

static void do_nothing(uv_work_t *work)
{
	(void)work;
}

/* 0 or an exit status. */
static int start_serving(struct front *f, const struct listen_socket *sockets, size_t n)
{
	const struct conf *conf = &f->generation->conf;
	const struct server_handlers h = {
		.request = on_request, .gone = handle_gone, .stopped = on_stopped, .arg = f
	};
	int r = auth_new(&f->loop, conf, &f->auth);

	if (r) {
		return r;
	}
	/* libuv makes its threads with the first work, and aborts where it cannot: now rather than under a request. */
	(void)uv_queue_work(&f->loop, &f->first_work, do_nothing, NULL); /* fails only without a function */
	r = ask_new(&f->loop, f->socket, &f->ask);
	if (!r) {
		r = handle_new(&f->loop, f->auth, f->ask, f->store, f->socket, maybe_end, f,
			       &f->handle);
	}
	return r ? start_failed("start", r) :
		   server_new(&f->loop, &conf->http, sockets, n, &h, &f->server);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle)) {
		uv_close(handle, NULL);
	}
}

static void end(struct front *f)
{
	f->server = server_free(f->server);
	f->handle = handle_free(f->handle);
	f->ask = ask_free(f->ask);
	f->auth = auth_free(f->auth);
	f->store = store_free(f->store);
	uv_walk(&f->loop, close_handle, NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT); /* until all are closed */
	(void)uv_loop_close(&f->loop);		/* and so this has nothing to refuse */
	f->generation = generation_unref(f->generation);
	free(f->socket);
}

static int run(struct front *f)
{
	_cleanup_(free_ptr) struct listen_socket *sockets = NULL;
	size_t n = 0;
	int r = open_all(f, &sockets, &n);

	if (!r) {
		r = start_serving(f, sockets, n);
	}
	if (r) {
		return r;
	}
	log_info("started");
	notify_ready();
	if (start_hung_up()) {
		reload(f);
	}
	(void)uv_run(&f->loop, UV_RUN_DEFAULT); /* ends by uv_stop */
	return 0;
}

int front_run(const char *conf_path)
{
	struct front f = { .conf_path = conf_path };
	int r;

	f.generation = load(conf_path, &r);
	if (r < 0) {
		return start_failed("load the configuration", r);
	}
	if (r || !f.generation->conf.http.is_set) {
		log_error(r ? "not started: see the mistakes in '%s'" :
			      "not started: there is no section [http] in '%s'",
			  conf_path);
		generation_unref(f.generation);
		return START_FIX_SOMETHING;
	}
	f.socket = strdup(f.generation->conf.socket);
	r = sandbox_close_rings();
	if (r || !f.socket || sodium_init() < 0 || uv_loop_init(&f.loop)) {
		free(f.socket);
		generation_unref(f.generation);
		return start_failed("start", r ? r : -ENOMEM);
	}
	r = init_signals(&f);
	r = r ? start_failed("start", r) : run(&f);
	end(&f);
	return r;
}
