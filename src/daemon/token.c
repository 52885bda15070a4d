/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/token.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/crypthash.h"
#include "core/name.h"
#include "core/tokens.h"
#include "daemon/token_file.h"
#include "daemon/token_secret.h"
#include "service/load.h"
#include "service/start.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct work {
	const struct token_options *o;
	struct conf conf;
	uint32_t user;	  /* TABLE_NONE: not configured */
	struct buf names; /* canonical, with commas between */
	struct token_secret secret;
	struct token_file file;
	struct tokens *tokens;
};

/* Says what cannot be done, to what, and why; returns the exit status. */
static int failed(const char *what, const char *to, int error)
{
	log_error("unable to %s '%s': %s", what, to,
		  error == TOKEN_FILE_E_TYPE ? "not a regular file" : strerror(-error));
	return error == TOKEN_FILE_E_TYPE ? START_FIX_SOMETHING : start_status(error);
}

static void report_line(void *arg, const char *file, unsigned line, const char *what)
{
	(void)arg;
	log_warning("warning: %s:%u: %s", file, line, what);
}

/* --- the file --- */

/* Locks it, unless it is only to be looked at, and reads it. */
static int open_file(struct work *w, bool to_write)
{
	const char *path = w->conf.http.tokens;
	int r;

	r = token_file_find(path, &w->file);
	if (r) {
		return failed("find", path, r);
	}
	r = to_write ? token_file_lock(&w->file) : 0;
	if (r) {
		return failed("lock the file with '.lock' behind", path, r);
	}
	r = token_file_read(&w->file);
	if (r) {
		return failed("read", path, r);
	}
	r = tokens_parse(w->file.text.data, w->file.text.len, path, report_line, NULL,
			 &w->tokens);
	return r ? failed("read", path, r) : 0;
}

static int replace_file(struct work *w, struct buf *text)
{
	const char *path = w->conf.http.tokens;
	int r = buf_error(text);

	if (!r) {
		r = token_file_replace(&w->file, text->data, text->len);
	}
	if (r == TOKEN_FILE_E_GROUP) {
		log_warning(
			"warning: unable to give '%s' to the group of user %s, who cannot read it "
			"so; chgrp it as root",
			path, w->conf.http.user);
	} else if (r == TOKEN_FILE_E_SYNC) {
		log_warning(
			"warning: '%s' is written, but its directory cannot be flushed; a power "
			"cut may bring the old one back",
			path);
	} else if (r) {
		return failed("write", path, r);
	}
	return 0;
}

/* A new file is for the front end to read, and for nobody else. */
static void choose_group(struct work *w)
{
	const struct passwd *pw = getpwnam(w->conf.http.user);

	if (pw) {
		w->file.gid = pw->pw_gid;
	} else {
		log_warning(
			"warning: there is no user '%s' yet, who is to read '%s'; chgrp it when he "
			"is there",
			w->conf.http.user, w->conf.http.tokens);
	}
}

/* --- making --- */

/* Whether the token may be limited to these names; canonical in w->names. */
static int take_names(struct work *w)
{
	const struct users *users = w->conf.users;
	const char *at = w->o->names;

	while (*(at += strspn(at, ", \t"))) {
		size_t n = strcspn(at, ", \t"), n_canonical;
		char name[NAME_SIZE];
		uint32_t id;
		int e = name_canon(at, n, name, &n_canonical);

		if (e) {
			log_error("name '%.*s' %s", (int)n, at, name_strerror(e));
			return START_FIX_SOMETHING;
		}
		id = users_find_name(users, name, n_canonical);
		if (id == TABLE_NONE || users_owner(users, id) != w->user) {
			log_error("name '%s' is not one of user '%s' in '%s'", name, w->o->user,
				  w->o->conf_path);
			return START_FIX_SOMETHING;
		}
		buf_printf(&w->names, "%s%s", w->names.len ? "," : "", name);
		at += n;
	}
	if (!w->names.len) {
		log_error("-n has no name");
		return START_FIX_SOMETHING;
	}
	return 0;
}

/* What can be said before the file is locked. */
static int prepare(struct work *w)
{
	const struct token_options *o = w->o;
	int r = 0;

	if (o->label && !tokens_good_label(o->label, strlen(o->label))) {
		log_error("no label: 1 to %d characters, no blanks and no control characters",
			  TOKENS_LABEL_MAX);
		return START_FIX_SOMETHING;
	}
	if (o->names) {
		r = take_names(w);
	}
	if (!r && o->from_stdin) {
		r = token_secret_read(&w->secret);
	} else if (!r) {
		token_secret_make(&w->secret);
	}
	return r;
}

/* The day, and from the second token of a day on a number. */
static void make_label(const struct work *w, char ret[TOKENS_LABEL_MAX + 1])
{
	time_t now = time(NULL);
	char day[32] = "token";
	struct tm tm;

	if (localtime_r(&now, &tm)) {
		(void)strftime(day, sizeof(day), "%Y-%m-%d", &tm); /* that fits */
	}
	(void)snprintf(ret, TOKENS_LABEL_MAX + 1, "%s", day);
	for (unsigned i = 2; tokens_find_label(w->tokens, w->o->user, ret); i++) {
		(void)snprintf(ret, TOKENS_LABEL_MAX + 1, "%s-%u", day, i);
	}
}

/* Whether label and secret are new; says why not. */
static int check_new(const struct work *w, const char *label)
{
	const struct token *there = tokens_find_label(w->tokens, w->o->user, label);

	if (there) {
		log_error("user '%s' has a token of label '%s' already, in line %u of '%s'",
			  w->o->user, label, there->line, w->conf.http.tokens);
		return START_FIX_SOMETHING;
	}
	there = tokens_find(w->tokens, w->secret.bytes, w->secret.n);
	if (there) {
		log_error(
			"this secret stands in line %u of '%s' already, as token '%s' of user '%s'",
			there->line, w->conf.http.tokens, there->label, there->user);
		return START_FIX_SOMETHING;
	}
	return 0;
}

static int append_line(struct work *w, const char *label)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	const struct buf *old = &w->file.text;
	char hash[TOKENS_HASH_SIZE];

	tokens_hash(w->secret.bytes, w->secret.n, hash);
	buf_add(&text, old->data, old->len);
	if (old->len && old->data[old->len - 1] != '\n') {
		buf_adds(&text, "\n");
	}
	buf_printf(&text, "%s %s %s", w->o->user, label, hash);
	if (w->names.len) {
		buf_printf(&text, " %s", buf_str(&w->names));
	}
	buf_adds(&text, "\n");
	return buf_error(&w->names) ? failed("write", w->conf.http.tokens, -ENOMEM) :
				      replace_file(w, &text);
}

/* Only now that it holds: what was shown is never void. */
static int show_secret(const struct work *w, const char *label)
{
	log_info("token '%s' of user '%s' is in '%s'", label, w->o->user, w->conf.http.tokens);
	if (w->o->from_stdin) {
		return 0;
	}
	if (printf("%.*s\n", (int)w->secret.n, w->secret.bytes) < 0 || fflush(stdout)) {
		log_error("unable to show it: %s; revoke it by --revoke %s", strerror(errno),
			  label);
		return START_TRY_AGAIN;
	}
	return 0;
}

static int make_token(struct work *w)
{
	char made[TOKENS_LABEL_MAX + 1];
	const char *label = w->o->label;
	int r;

	r = prepare(w);
	if (!r) {
		r = open_file(w, true);
	}
	if (r) {
		return r;
	}
	if (!w->file.exists) {
		choose_group(w);
	}
	if (!label) {
		make_label(w, made);
		label = made;
	}
	r = check_new(w, label);
	if (!r) {
		r = append_line(w, label);
	}
	return r ? r : show_secret(w, label);
}

/* --- the other two --- */

static int no_such_user(const struct work *w)
{
	log_error("there is no user '%s' in '%s'", w->o->user, w->o->conf_path);
	return START_FIX_SOMETHING;
}

static void print_token(const struct token *t)
{
	printf("%s\t", t->label ? t->label : "-");
	for (size_t i = 0; i < t->n_names; i++) {
		printf("%s%s", i ? "," : "", t->names[i]);
	}
	printf("%s\t%s\n", t->n_names ? "" : "all",
	       t->crypt ? crypthash_kind(t->crypt) : "token");
}

/* A user who is no longer configured may have tokens still; so for revoke. */
static int list_tokens(struct work *w)
{
	bool any = false;
	int r;

	r = open_file(w, false);
	if (r) {
		return r;
	}
	for (size_t i = 0; i < tokens_n(w->tokens); i++) {
		const struct token *t = tokens_at(w->tokens, i);

		if (!strcmp(t->user, w->o->user)) {
			any = true;
			print_token(t);
		}
	}
	if (!any && w->user == TABLE_NONE) {
		return no_such_user(w);
	}
	return fflush(stdout) ? failed("write to", "standard output", -errno) : 0;
}

/* A line that was passed over for the secret of the revoked one holds from now on. */
static int look_for_twin(const struct work *w, const struct buf *text)
{
	struct tokens *after;
	int r, status = 0;

	r = tokens_parse(text->data, text->len, w->conf.http.tokens, NULL, NULL, &after);
	if (r) {
		return failed("read", w->conf.http.tokens, r);
	}
	for (size_t i = 0; i < tokens_n(after); i++) {
		const struct token *t = tokens_at(after, i);

		if (t->label && !tokens_find_label(w->tokens, t->user, t->label)) {
			log_error(
				"%s:%u: token '%s' of user '%s' has the same secret, and holds now; "
				"revoke it, too",
				w->conf.http.tokens, t->line, t->label, t->user);
			status = START_FIX_SOMETHING;
		}
	}
	tokens_free(after);
	return status;
}

static int revoke_token(struct work *w)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	int r;

	r = open_file(w, true);
	if (r) {
		return r;
	}
	if (!tokens_without(w->file.text.data, w->file.text.len, w->o->user, w->o->revoke,
			    &text)) {
		if (w->user == TABLE_NONE) {
			return no_such_user(w);
		}
		log_error("user '%s' has no token of label '%s' in '%s'", w->o->user,
			  w->o->revoke, w->conf.http.tokens);
		return START_FIX_SOMETHING;
	}
	r = replace_file(w, &text);
	if (r) {
		return r;
	}
	log_info("token '%s' of user '%s' is revoked", w->o->revoke, w->o->user);
	return look_for_twin(w, &text);
}

static int act(struct work *w)
{
	const char *user = w->o->user;

	w->user = users_find(w->conf.users, user, strlen(user));
	if (w->o->list) {
		return list_tokens(w);
	}
	if (w->o->revoke) {
		return revoke_token(w);
	}
	return w->user == TABLE_NONE ? no_such_user(w) : make_token(w);
}

int token_run(const struct token_options *o)
{
	struct work w = { .o = o, .file = { .dir = -1, .lock = -1 } };
	int r;

	log_open("dns-updater", true);
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that is gone is told as an error */
	if (sodium_init() < 0) {
		log_error("unable to get random numbers");
		return START_TRY_AGAIN;
	}
	r = load_conf(o->conf_path, start_report, NULL, &w.conf);
	if (r < 0) {
		return failed("load", o->conf_path, r);
	}
	if (r) {
		log_error("nothing done: see the mistakes in '%s'", o->conf_path);
		r = START_FIX_SOMETHING;
	} else {
		r = act(&w);
	}
	sodium_memzero(&w.secret, sizeof(w.secret));
	tokens_free(w.tokens);
	token_file_deinit(&w.file);
	buf_deinit(&w.names);
	conf_deinit(&w.conf);
	return r;
}
