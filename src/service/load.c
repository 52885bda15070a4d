/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "service/load.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CONF_MAX ((size_t)1 << 30)

typedef int parse_fn(struct conf *c, const char *file, const char *text, size_t n,
		     conf_report_fn *report, void *arg);

/* Reads one file and hands it to parse; unable to read it is a mistake in line `line` of `from`. */
static int load_file(struct conf *c, const char *path, parse_fn *parse, const char *from,
		     unsigned line, conf_report_fn *report, void *arg)
{
	_cleanup_(buf_deinit) struct buf text = { 0 }, what = { 0 };
	int r;

	r = file_read(AT_FDCWD, path, CONF_MAX, &text);
	if (r == -ENOMEM) {
		return r;
	}
	if (r) {
		if (path != from) {
			buf_printf(&what, "unable to read '%s': ", path);
		}
		buf_adds(&what, strerror(-r));
		report(arg, from, line, buf_str(&what));
		return CONF_E_MISTAKES;
	}
	return parse(c, path, text.data, text.len, report, arg);
}

int load_conf(const char *path, conf_report_fn *report, void *arg, struct conf *ret)
{
	bool mistakes = false, unread = false;
	struct conf c;
	int r;

	r = conf_init(&c);
	if (r) {
		return r;
	}
	r = load_file(&c, path, conf_parse, path, 0, report, arg);
	unread = r == CONF_E_MISTAKES && !c.n_patterns && !c.pathpattern_line && !c.datafile.file &&
		 !c.n_outputs;
	mistakes = r;
	if (r >= 0 && c.users_file) {
		r = load_file(&c, c.users_file, conf_parse_users, path, c.users_file_line, report, arg);
		mistakes = mistakes || r;
	}
	if (r >= 0 && !unread) {	/* of a file that was not read nothing more can be said */
		r = conf_finish(&c, path, report, arg);
		mistakes = mistakes || r;
	}
	if (r < 0) {
		conf_deinit(&c);
		return r;
	}
	users_fit(c.users);
	*ret = c;
	return mistakes ? CONF_E_MISTAKES : 0;
}
