/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* dns-updater(8). */

#include "base/buf.h"
#include "base/log.h"
#include "daemon/check.h"
#include "daemon/command.h"
#include "daemon/daemon.h"
#include "service/load.h"
#include "service/notify.h"
#include "service/privileges.h"
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIX_SOMETHING = 100, TRY_AGAIN = 111 };

#define CONF_PATH "/etc/dns-updater/dns-updater.conf"

struct options {
	const char *conf_path;
	int ready_fd;
	bool to_stderr, check;
};

static int usage(void)
{
	(void)fputs("usage: dns-updater [-c FILE] [-e] [-r FD]\n"
		    "       dns-updater check [-c FILE]\n", stderr);
	return FIX_SOMETHING;
}

static bool parse_fd(const char *text, int *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 3 || n > 65535) {
		return false;
	}
	*ret = (int)n;
	return true;
}

/* The options may stand before and behind the word check. */
static bool parse_options(int argc, char **argv, struct options *ret)
{
	struct options o = { .conf_path = CONF_PATH, .ready_fd = -1 };
	int c;

	while ((c = getopt(argc, argv, "c:er:")) != -1) {
		if (c == 'c') {
			o.conf_path = optarg;
		} else if (c == 'e') {
			o.to_stderr = true;
		} else if (c != 'r' || !parse_fd(optarg, &o.ready_fd)) {
			return false;
		}
	}
	if (optind < argc && !strcmp(argv[optind], "check")) {
		o.check = true;
		optind++;
	}
	*ret = o;
	return optind == argc;
}

/* A closed standard descriptor would be taken by the next file that is opened. */
static int open_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -errno : close(fd);
}

static void report_mistake(void *arg, const char *file, unsigned line, const char *what)
{
	(void)arg;
	if (line) {
		log_error("%s:%u: %s", file, line, what);
	} else {
		log_error("%s: %s", file, what);
	}
}

static int failed(const char *what, int error)
{
	log_error("unable to %s: %s", what, strerror(-error));
	return error == -ENOMEM || error == -EAGAIN || error == -EMFILE || error == -ENFILE ?
		       TRY_AGAIN : FIX_SOMETHING;
}

/* Becomes the service's user, and holds what only one daemon may hold. */
static int settle(const struct conf *conf)
{
	int r;

	r = privileges_drop(conf->user);
	if (r == PRIVILEGES_E_NO_USER) {
		log_error("there is no user '%s'; create it, or name another as 'user'", conf->user);
		return FIX_SOMETHING;
	}
	if (r) {
		return failed("drop privileges", r);
	}
	if (!privileges_read_all()) {
		log_warning("without CAP_DAC_READ_SEARCH only address files that user %s may read "
			    "are seen", conf->user);
	}
	r = state_lock(conf->state);
	if (r == -EWOULDBLOCK) {
		log_error("another dns-updater with state '%s' is running", conf->state);
		return TRY_AGAIN;	/* it may be about to end */
	}
	if (r) {
		log_error("unable to lock '%s.lock': %s", conf->state, strerror(-r));
		return FIX_SOMETHING;
	}
	return 0;
}

static int run(const struct options *o)
{
	struct command *command = NULL;
	struct daemon *daemon = NULL;
	struct conf conf;
	int r;

	r = load_conf(o->conf_path, report_mistake, NULL, &conf);
	if (r < 0) {
		return failed("load the configuration", r);
	}
	if (r) {
		log_error("not started: see the mistakes in '%s'", o->conf_path);
		conf_deinit(&conf);
		return FIX_SOMETHING;
	}
	log_set_tempfile(conf.log_tempfile);
	r = settle(&conf);
	if (r) {
		conf_deinit(&conf);
		return r;
	}
	/* The helper is forked before there is a loop, a thread, or a byte from outside. */
	if (conf.makecommand) {
		r = command_new((const char *const[]){ conf.makecommand }, 1, &command);
	}
	if (!r) {
		r = daemon_new(&conf, o->conf_path, command, &daemon);
	} else {
		conf_deinit(&conf);
	}
	if (r) {
		return failed("start", r);
	}
	r = daemon_run(daemon);
	daemon_free(daemon);
	return r;
}

int main(int argc, char **argv)
{
	struct options o;
	int r;

	if (open_standard_fds() || !parse_options(argc, argv, &o)) {
		return usage();
	}
	if (o.check) {
		return check_run(o.conf_path) ? FIX_SOMETHING : 0;
	}
	/* A lease that somebody breaks, and a reader of our output that is gone, must not kill us. */
	(void)signal(SIGIO, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	log_open("dns-updater", o.to_stderr);
	r = notify_init(o.ready_fd);
	if (r) {
		log_error("descriptor %d of -r: %s", o.ready_fd, strerror(-r));
		return FIX_SOMETHING;
	}
	r = run(&o);
	log_flush();
	log_set_tempfile(NULL);
	return r;
}
