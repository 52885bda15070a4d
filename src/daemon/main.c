/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* dns-updater(8). */

#include "base/log.h"
#include "base/pages.h"
#include "daemon/check.h"
#include "daemon/confine.h"
#include "daemon/daemon.h"
#include "daemon/patient.h"
#include "daemon/publish.h"
#include "daemon/watch_choose.h"
#include "daemon/watch_fanotify.h"
#include "daemon/state.h"
#include "daemon/status.h"
#include "daemon/token.h"
#include "daemon/twin.h"
#include "service/load.h"
#include "service/privileges.h"
#include "service/start.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_S = 60 };

struct options {
	struct start_options start;
	bool check;
	enum check_part part;
	struct token_options token;	/* its user NULL: another command */
	unsigned n_token;		/* options that only token has */
	struct status_options status;
	bool is_status, has_timeout;
	unsigned n_status;		/* options that only status has */
};

static int usage(void)
{
	(void)fputs("usage: dns-updater [-c FILE] [-e] [-r FD]\n"
		    "       dns-updater check [daemon | http] [-c FILE]\n"
		    "       dns-updater token USER [-c FILE] [-l LABEL] [-n NAME,NAME] [--stdin]\n"
		    "       dns-updater token USER [-c FILE] --list | --revoke LABEL\n"
		    "       dns-updater status [USER] [-c FILE] [-s SOCKET] [--json]\n"
		    "       dns-updater status [USER] [-c FILE] [-s SOCKET] [--json] --wait "
		    "[--timeout SECONDS]\n"
		    "       dns-updater --version\n",
		    stderr);
	return START_FIX_SOMETHING;
}

static bool parse_seconds(const char *text, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > 24ul * 3600) {
		return false;
	}
	*ret = (unsigned)n;
	return true;
}

static bool parse_option(int c, struct options *o)
{
	struct token_options *t = &o->token;
	struct status_options *s = &o->status;

	o->n_token += strchr("lnSLR", c) != NULL;
	o->n_status += strchr("sJWT", c) != NULL;
	switch (c) {
	case 'l':
		t->label = optarg;
		break;
	case 'n':
		t->names = optarg;
		break;
	case 'S':
		t->from_stdin = true;
		break;
	case 'L':
		t->list = true;
		break;
	case 'R':
		t->revoke = optarg;
		break;
	case 's':
		s->socket = optarg;
		break;
	case 'J':
		s->json = true;
		break;
	case 'W':
		s->wait = true;
		break;
	case 'T':
		o->has_timeout = true;
		return parse_seconds(optarg, &s->timeout_s);
	default:
		return start_option(c, optarg, &o->start);
	}
	return true;
}

static bool parse_status_words(int n, char **words, struct options *o)
{
	o->is_status = true;
	o->status.user = n == 2 ? words[1] : NULL;
	o->status.conf_path = o->start.conf_path;
	return n <= 2 && !o->n_token && !o->start.to_stderr && o->start.ready_fd < 0 &&
	       (o->status.wait || !o->has_timeout);
}

/* The words behind the program's name: none, check with or without a program, token and a user, or status
 * with or without a user. Of token's options, one that lists or revokes stands alone. */
static bool parse_words(int n, char **words, struct options *o)
{
	if (n && !strcmp(words[0], "status")) {
		return parse_status_words(n, words, o);
	}
	if (o->n_status) {
		return false;
	}
	if (n == 2 && !strcmp(words[0], "token")) {
		o->token.user = words[1];
		o->token.conf_path = o->start.conf_path;
		return !o->start.to_stderr && o->start.ready_fd < 0 &&
		       (o->n_token == 1 || !(o->token.list || o->token.revoke));
	}
	o->check = n && !strcmp(words[0], "check");
	if (o->check && n == 2) {
		o->part = !strcmp(words[1], "http") ? CHECK_HTTP : CHECK_DAEMON;
		return (o->part == CHECK_HTTP || !strcmp(words[1], "daemon")) && !o->n_token;
	}
	return (!n || (o->check && n == 1)) && !o->n_token;
}

/* The options may stand before and behind the words. */
static bool parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option long_options[] = {
		{ "stdin", no_argument, NULL, 'S' },
		{ "list", no_argument, NULL, 'L' },
		{ "revoke", required_argument, NULL, 'R' },
		{ "json", no_argument, NULL, 'J' },
		{ "wait", no_argument, NULL, 'W' },
		{ "timeout", required_argument, NULL, 'T' },
		{ 0 },
	};
	struct options o = { .start = START_OPTIONS_NONE, .status.timeout_s = WAIT_S };
	int c;

	while ((c = getopt_long(argc, argv, "c:er:l:n:s:", long_options, NULL)) != -1) {
		if (!parse_option(c, &o)) {
			return false;
		}
	}
	if (!parse_words(argc - optind, argv + optind, &o)) {
		return false;
	}
	*ret = o;
	return true;
}

/* A second daemon for one file or database is turned away; returns an exit status, 0 to go on. */
static int claim(const char *path)
{
	pid_t pid = 0;
	int r = path ? twin_claim(path, &pid) : 0;

	if (r == -EADDRINUSE && pid) {
		log_error("another dns-updater, process %ld, publishes to '%s'", (long)pid, path);
		return START_TRY_AGAIN;	/* it may be about to end */
	}
	if (r) {
		log_warning("unable to tell whether another dns-updater publishes to '%s': %s", path, strerror(-r));
	}
	return 0;
}

static int claim_all(const struct conf *conf)
{
	int r = 0;

	for (unsigned i = 0; !r && i < conf->n_outputs; i++) {
		r = claim(conf->outputs[i].file);
		r = r ? r : claim(conf->outputs[i].database);
	}
	return r;
}

/* Becomes the service's user, and holds what only one daemon may hold. */
static int settle(const struct conf *conf, struct watch_fanotify **ret_fanotify)
{
	int r;

	*ret_fanotify = watch_choose(conf);
	r = privileges_drop(conf->user);
	if (r == PRIVILEGES_E_NO_USER) {
		log_error("there is no user '%s'; create it, or name another as 'user'", conf->user);
		return START_FIX_SOMETHING;
	}
	if (r) {
		return start_failed("drop privileges", r);
	}
	if (!privileges_read_all()) {
		log_warning("without CAP_DAC_READ_SEARCH only address files that uid %u may read are seen",
			    (unsigned)geteuid());
	}
	r = state_lock(conf->state);
	if (r == -EWOULDBLOCK) {
		log_error("another dns-updater with state '%s' is running", conf->state);
		return START_TRY_AGAIN;	/* it may be about to end */
	}
	if (r) {
		log_error("unable to lock '%s.lock': %s", conf->state, strerror(-r));
		return START_FIX_SOMETHING;
	}
	return claim_all(conf);
}

/* Helpers have no use for the users; there may be millions. */
static void share_users(const struct users *u, bool shared)
{
	int advice = shared ? MADV_DOFORK : MADV_DONTFORK;

	if (u) {
		pages_advise(u->arena, u->arena_size, advice);
		pages_advise(u->users, u->users_size * sizeof(*u->users), advice);
		pages_advise(u->names, u->names_size * sizeof(*u->names), advice);
		pages_advise(u->by_user.slots, u->by_user.size * sizeof(*u->by_user.slots), advice);
		pages_advise(u->by_name.slots, u->by_name.size * sizeof(*u->by_name.slots), advice);
	}
}

static int run(const struct options *o)
{
	struct output_commands commands[CONF_OUTPUTS_MAX];
	struct watch_fanotify *fanotify;
	struct patient *patient = NULL;
	struct daemon *daemon = NULL;
	struct conf conf;
	int r;

	r = load_conf(o->start.conf_path, start_report, NULL, &conf);
	if (r < 0) {
		return start_failed("load the configuration", r);
	}
	if (r) {
		log_error("not started: see the mistakes in '%s'", o->start.conf_path);
		conf_deinit(&conf);
		return START_FIX_SOMETHING;
	}
	log_set_tempfile(conf.log_tempfile);
	r = settle(&conf, &fanotify);
	if (r) {
		watch_fanotify_free(fanotify);
		conf_deinit(&conf);
		return r;
	}
	/* Helpers are forked before there is a loop, a thread, or a byte from outside. */
	share_users(conf.users, false);
	r = patient_new(&patient);
	if (!r) {
		r = publish_fork(&conf, commands);
	}
	share_users(conf.users, true);
	if (!r) {
		r = daemon_new(&conf, o->start.conf_path, commands, fanotify, patient, &daemon);
	} else {
		patient_free(patient);
		watch_fanotify_free(fanotify);
		conf_deinit(&conf);
	}
	if (r) {
		return start_failed("start", r);
	}
	r = confine_daemon(daemon_conf(daemon));
	if (!r) {
		r = daemon_run(daemon);
	}
	daemon_free(daemon);
	return r;
}

static int check(const struct options *o)
{
	unsigned n_mistakes = check_run(o->start.conf_path, o->part);

	if (fflush(stdout) || ferror(stdout)) {	/* who reads no mistake must not take it for none */
		(void)fputs("dns-updater: unable to write what was found\n", stderr);
		return START_TRY_AGAIN;
	}
	return n_mistakes ? START_FIX_SOMETHING : 0;
}

int main(int argc, char **argv)
{
	struct options o;
	int r;

	if (start_standard_fds()) {
		return usage();
	}
	if (start_prints_version(argc, argv, "dns-updater")) {
		return 0;
	}
	if (!parse_options(argc, argv, &o)) {
		return usage();
	}
	if (o.check) {
		return check(&o);
	}
	if (o.is_status) {
		return status_run(&o.status);
	}
	if (o.token.user) {
		return token_run(&o.token);
	}
	r = start_process("dns-updater", &o.start);
	if (r) {
		return r;
	}
	r = run(&o);
	log_flush();
	log_set_tempfile(NULL);
	return r;
}
