/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "service/start.h"

#include "base/log.h"
#include "service/notify.h"
#include "service/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int start_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0) {
		return -errno;
	}
	return close(fd) < 0 ? -errno : 0;
}

bool start_prints_version(int argc, char **argv, const char *ident)
{
	bool is_asked = argc == 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"));

	if (is_asked) {
		printf("%s " VERSION "\n", ident);
	}
	return is_asked;
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

bool start_option(int option, const char *value, struct start_options *o)
{
	switch (option) {
	case 'c':
		o->conf_path = value;
		return true;
	case 'e':
		o->to_stderr = true;
		return true;
	case 'r':
		return parse_fd(value, &o->ready_fd);
	default:
		return false;
	}
}

/* By default glibc takes ever larger blocks from its heap once some were freed, where what stays pins
 * what goes: whole files in memory for a moment would be paid for until the end. */
static void give_large_blocks_back(void)
{
#ifdef M_MMAP_THRESHOLD	/* others do as we want */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);	/* it takes this value */
#endif
}

static volatile sig_atomic_t hung_up;

static void on_early_hangup(int number)
{
	(void)number;
	hung_up = 1;
}

bool start_hung_up(void)
{
	return hung_up;
}

/* What SIGHUP does to a process that says nothing about it, systemd takes for an end as it should be. */
static void note_hangup(void)
{
	const struct sigaction note = { .sa_handler = on_early_hangup, .sa_flags = SA_RESTART };

	(void)sigaction(SIGHUP, &note, NULL);	/* it takes this signal */
}

int start_process(const char *ident, const struct start_options *o)
{
	int r;

	note_hangup();
	/* A lease that somebody breaks, and a reader of our output that is gone, must not kill us. */
	(void)signal(SIGIO, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	give_large_blocks_back();
	log_open(ident, o->to_stderr);
	progress_init(o->to_stderr);
	r = notify_init(o->ready_fd);
	if (r) {
		log_error("descriptor %d of -r: %s", o->ready_fd, strerror(-r));
		return START_FIX_SOMETHING;
	}
	return 0;
}

void start_report(void *arg, const char *file, unsigned line, const char *what)
{
	(void)arg;
	if (line) {
		log_error("%s:%u: %s", file, line, what);
	} else {
		log_error("%s: %s", file, what);
	}
}

int start_status(int error)
{
	switch (-error) {
	case ENOMEM:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOSPC:
	case EDQUOT:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
		return START_TRY_AGAIN;
	default:
		return START_FIX_SOMETHING;
	}
}

int start_failed(const char *what, int error)
{
	log_error("unable to %s: %s", what, strerror(-error));
	return start_status(error);
}
