/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Configuration text -> struct conf. The syntax and every key are described in
 * dns-updater.conf(5). All mistakes are reported, not only the first. */

#include "core/ip.h"
#include "core/pattern.h"
#include "core/users.h"

#include <stdbool.h>
#include <stdint.h>

#define CONF_PATTERNS_MAX 8

enum conf_missing { CONF_MISSING_KEEP, CONF_MISSING_WITHDRAW };
enum conf_replace { CONF_REPLACE_EXCHANGE, CONF_REPLACE_RENAME };

struct conf {
	unsigned ttl;				/* seconds */
	struct pattern patterns[CONF_PATTERNS_MAX];
	unsigned n_patterns;
	char *datafile, *makecommand, *log_tempfile, *users_file, *user, *state;
	unsigned datafile_line, makecommand_line, pathpattern_line, users_file_line, user_line,
		state_line, log_tempfile_line;	/* 0: not set by the text */
	uint64_t publish_interval_ms, make_timeout_ms, rescan_ms, missing_after_ms;
	enum conf_missing missing;
	enum conf_replace replace;		/* how the data file is replaced */
	unsigned addresses_max;
	struct ip_nets networks;
	struct users *users;
};

/* Called once for every mistake; what is a sentence without file and line. */
typedef void conf_report_fn(void *arg, const char *file, unsigned line, const char *what);

/* The defaults, no users. Returns 0 or -ENOMEM. */
int conf_init(struct conf *ret);
void conf_deinit(struct conf *c);

/* Reads a configuration file's text; file is only for messages. When the text names a users_file,
 * the caller reads that and hands it to conf_parse_users, then asks conf_finish.
 * Each returns 0, -ENOMEM, or CONF_E_MISTAKES after reporting them. */
enum { CONF_E_MISTAKES = 1 };
int conf_parse(struct conf *c, const char *file, const char *text, size_t n,
	       conf_report_fn *report, void *arg);
int conf_parse_users(struct conf *c, const char *file, const char *text, size_t n,
		     conf_report_fn *report, void *arg);

/* What can be said only of the whole: something required is not there. */
int conf_finish(struct conf *c, const char *file, conf_report_fn *report, void *arg);
