/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/check_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* As the front end, which has no capability. */
static int as_front_end(const struct check *c, check_probe_fn *probe, const char *path)
{
	return check_as(c->conf.http.user, c->front_end, false, probe, path);
}

static void check_readable(struct check *c, unsigned line, const char *key, const char *path)
{
	const char *user = c->conf.http.user;
	int r = as_front_end(c, check_probe_readable, path);

	if (r > 0) {
		check_mistake(c, c->conf_path, line, "%s: '%s' is not readable by user %s", key,
			      path, user);
	} else if (r < 0 && c->front_end != (uid_t)-1) {
		check_warning(c->conf_path, line,
			      "run as root to check whether user %s may read '%s'", user, path);
	}
}

/* A mistake, but none that keeps the front end from starting. */
static void report_bearable(void *arg, const char *file, unsigned line, const char *what)
{
	struct check *c = arg;

	if (c->part == CHECK_HTTP) {
		check_warning(file, line, "%s", what);
	} else {
		check_mistake(c, file, line, "%s", what);
	}
}

static void check_closed(struct check *c, unsigned line, const char *key, const char *path,
			 const struct stat *st)
{
	_cleanup_(buf_deinit) struct buf what = { 0 };

	if (!(st->st_mode & S_IROTH)) {
		return;
	}
	buf_printf(&what, "%s: everyone may read '%s' (chgrp %s, chmod 640)", key, path,
		   c->conf.http.user);
	report_bearable(c, c->conf_path, line, buf_str(&what));
}

/* --- tokens --- */

/* Names of a token that its user does not have, or no longer. */
static void check_token(const struct check *c, const struct token *t)
{
	const struct users *users = c->conf.users;
	uint32_t user = users_find(users, t->user, strlen(t->user));

	if (user == TABLE_NONE) {
		check_warning(c->conf.http.tokens, t->line, "there is no user '%s' in '%s'",
			      t->user, c->conf_path);
		return;
	}
	for (size_t i = 0; i < t->n_names; i++) {
		uint32_t name = users_find_name(users, t->names[i], strlen(t->names[i]));

		if (name == TABLE_NONE || users_owner(users, name) != user) {
			check_warning(c->conf.http.tokens, t->line,
				      "the name '%s' is not one of user %s", t->names[i],
				      t->user);
		}
	}
}

static void check_lines(struct check *c, const struct buf *text)
{
	const char *path = c->conf.http.tokens;
	unsigned before = c->n_mistakes;
	struct tokens *tokens;
	int r;

	r = tokens_parse(text->data, text->len, path, report_bearable, c, &tokens);
	if (r) {
		check_mistake(c, path, 0, "%s", strerror(-r));
		return;
	}
	for (size_t i = 0; i < tokens_n(tokens); i++) {
		check_token(c, tokens_at(tokens, i));
	}
	if (!tokens_n(tokens) && c->n_mistakes == before) {
		check_warning(path, 0, "no tokens; run 'dns-updater token USER'");
	}
	tokens_free(tokens);
}

static void check_tokens(struct check *c)
{
	const char *path = c->conf.http.tokens;
	_cleanup_(free_ptr) char *real = realpath(path, NULL);
	_cleanup_(buf_deinit) struct buf text = { 0 };
	unsigned line = c->conf.http.tokens_line;
	struct stat st;

	if (!check_find(c, line, "tokens", path, "; run 'dns-updater token USER'", &st) ||
	    !check_read(c, line, "tokens", path, TOKENS_SIZE_MAX, &text) || !real) {
		return;
	}
	check_readable(c, line, "tokens", path);
	check_closed(c, line, "tokens", path, &st);
	check_others(c, line, "tokens", path, &st);
	check_way(c, line, "tokens", dirname(real));
	check_lines(c, &text);
}

/* --- certificate and key --- */

#define PEM_MAX ((size_t)1 << 20)

/* Whether it is what its name says, and not the other one, empty, or in another form. That the two fit, only the front
 * end can tell. */
static void check_pem(struct check *c, unsigned line, const char *key, const char *path, const char *kind)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	char begins[32];

	(void)snprintf(begins, sizeof(begins), "%s-----", kind);	/* it is short */
	if (file_read(AT_FDCWD, path, PEM_MAX, &text)) {
		return;		/* who may is not who runs us, which was said */
	}
	if (!text.len || !memmem(text.data, text.len, "-----BEGIN ", strlen("-----BEGIN ")) ||
	    !memmem(text.data, text.len, begins, strlen(begins))) {
		check_mistake(c, c->conf_path, line, "%s: '%s' has no %s in PEM form", key, path, kind);
	}
	if (text.data) {
		explicit_bzero(text.data, text.len);
	}
}

static void check_tls_file(struct check *c, unsigned line, const char *key, const char *path,
			   bool secret)
{
	struct stat st;

	if (!path || !check_find(c, line, key, path, "", &st)) {
		return;
	}
	check_readable(c, line, key, path);
	check_pem(c, line, key, path, secret ? "PRIVATE KEY" : "CERTIFICATE");
	if (secret) {
		check_closed(c, line, key, path, &st);
	}
}

/* --- addresses --- */

/* Where the front end writes its files. What check.c says of every pattern is not said again: so
 * a directory in which everyone may replace files is told there, one in which he may add some is
 * a mistake only here. */
static void check_door(struct check *c, unsigned line, const char *directory)
{
	const char *user = c->conf.http.user;
	struct stat st;
	int r;

	if (stat(directory, &st) < 0) {
		check_mistake(c, c->conf_path, line,
			      "addresses: unable to find directory '%s': %s%s", directory,
			      strerror(errno),
			      errno == ENOENT ? " (the start script makes it, or "
						"systemd-tmpfiles --create)" :
						"");
		return;
	}
	r = as_front_end(c, check_probe_writable, directory);
	if (r > 0) {
		check_mistake(c, c->conf_path, line,
			      "addresses: directory '%s' is not writable by user %s (chown %s)",
			      directory, user, user);
	} else if (r < 0 && c->front_end != (uid_t)-1) {
		check_warning(c->conf_path, line,
			      "run as root to check whether user %s may write to directory '%s'",
			      user, directory);
	}
	if (st.st_mode & S_IWOTH && st.st_mode & S_ISVTX) {
		check_mistake(c, c->conf_path, line, "addresses: everyone may write to '%s'",
			      directory);
	}
	check_systemd_http(directory);
}

static void check_addresses(struct check *c)
{
	const struct conf_http *h = &c->conf.http;
	unsigned line = h->addresses_line ? h->addresses_line : c->conf.pathpattern_line;
	char path[PATTERN_PATH_MAX];
	const struct pattern *p;

	if (h->addresses >= c->conf.n_patterns) {
		return; /* there is none, which was reported */
	}
	p = &c->conf.patterns[h->addresses];
	if (p->first_user != p->n - 1) {
		check_mistake(
			c, c->conf_path, line,
			"addresses: pattern '%s' has %%u in a directory; that of the front "
			"end has it in the last component only, as in "
			"/var/lib/dns-updater/http/%%u",
			p->text);
	} else if (pattern_path(p, p->base, "", path)) {
		check_door(c, line, path);
	}
}

/* It would refuse every update. */
static void check_listeners(struct check *c)
{
	const struct conf_http *h = &c->conf.http;

	for (unsigned i = 0; i < h->n_listeners; i++) {
		const struct conf_listener *l = &h->listeners[i];

		if (!l->tls && l->plain == CONF_PLAIN_REFUSE && !h->trusted_proxies.n) {
			check_warning(c->conf_path, l->line,
				      "listen: passwords are refused at this plain listener; "
				      "write 'allow' behind its address, or use listen_tls");
		}
	}
}

void check_http(struct check *c)
{
	const struct conf_http *h = &c->conf.http;

	if (c->front_end == (uid_t)-1) {
		check_no_user(c, h->user_line, h->user, " in [http]");
	}
	check_tls_file(c, h->certificate_line, "certificate", h->certificate, false);
	check_tls_file(c, h->key_line, "key", h->key, true);
	check_tokens(c);
	check_addresses(c);
	check_listeners(c);
}
