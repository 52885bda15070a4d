/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Where the daemon publishes: whether it will be able to, and whether what it publishes there will be
 * answered. */

#include "daemon/check_impl.h"

#include "base/cleanup.h"
#include "core/name.h"
#include "core/section.h"
#include "core/text.h"
#include "core/tsig_key.h"
#include "core/zonefile.h"
#include "daemon/command.h"
#include "daemon/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA_MAX ((size_t)UINT32_MAX)
#define KEY_MAX ((size_t)64 << 10)

enum { WHAT_SIZE = 64 }; /* "output '...'" */

/* How messages begin. */
static const char *name_of(const struct conf_output *o, char ret[WHAT_SIZE])
{
	(void)snprintf(ret, WHAT_SIZE, "output '%s'", o->name); /* names are short */
	return o->plain ? "datafile" : ret;
}

/* --- which names go where --- */

void check_some_add(struct check_some *some, uint32_t name)
{
	if (!some->n++) {
		some->first = name;
	}
}

bool check_is_covered(const struct conf *conf, const char *name, const struct conf_output *but)
{
	bool covered = false;

	for (unsigned k = 0; !covered && k < conf->n_outputs; k++) {
		covered = &conf->outputs[k] != but &&
			  conf_output_covers(&conf->outputs[k], name, NULL);
	}
	return covered;
}

void check_some_warn(const struct check *c, unsigned line, const struct check_some *some,
		     const char *what)
{
	const char *first;

	if (!some->n) {
		return;
	}
	first = users_name(c->conf.users, some->first);
	if (some->n == 1) {
		check_warning(c->conf_path, line, "%s: %s", what, first);
	} else {
		check_warning(c->conf_path, line, "%s: %s and %u more", what, first,
			      some->n - 1);
	}
}

/* --- the text of a file --- */

static void check_zone(struct check *c, const struct conf_output *o, const struct buf *text,
		       const struct section *section)
{
	struct zonefile_serial serial;
	size_t line;
	int r;

	r = zonefile_refuses(text->data, text->len, section, &line);
	if (r) {
		check_mistake(c, o->file, (unsigned)line, "%s", zonefile_strerror(r));
	}
	if (o->serial == CONF_SERIAL_KEEP) {
		return;
	}
	r = zonefile_find_serial(text->data, text->len, &serial);
	if (r) {
		check_mistake(c, o->file, 0, "%s", zonefile_strerror(r));
	}
}

/* What is to be done about markers that are not as they must be. */
static void check_markers(struct check *c, const struct conf_output *o, const struct buf *text,
			  int outcome)
{
	const char comment = output_format(o)->comment;
	const char *why = section_strerror(outcome);
	bool lacks = outcome == SECTION_E_NO_MARKERS || outcome == SECTION_E_NO_START ||
		     outcome == SECTION_E_NO_END;
	unsigned line = section_lookalike(text->data, text->len, comment);

	if (!lacks) {
		check_mistake(c, o->file, 0, "%s; each stands there once, the start before the end", why);
	} else if (line) {
		check_mistake(c, o->file, line,
			      "%s; this line is not quite one: it is '%c start dynamic dns entries' or "
			      "'%c end dynamic dns entries', from its first character on",
			      why, comment, comment);
	} else if (outcome == SECTION_E_NO_MARKERS) {
		check_mistake(c, o->file, 0,
			      "%s; put the two lines '%c start dynamic dns entries' and "
			      "'%c end dynamic dns entries' at its %s",
			      why, comment, comment, o->type == CONF_ZONEFILE ? "end" : "top");
	} else {
		check_mistake(c, o->file, 0, "%s; put '%c %s dynamic dns entries' %s the other", why, comment,
			      outcome == SECTION_E_NO_START ? "start" : "end",
			      outcome == SECTION_E_NO_START ? "above" : "below");
	}
}

/* What somebody wrote between the markers is only in the log, once we publish. */
static void check_foreign(const struct check *c, const struct conf_output *o, const struct buf *text,
			  const struct section *s)
{
	struct text before = { text->data, s->begin }, rest = { text->data + s->begin, s->end - s->begin };
	unsigned number = (unsigned)text_count_lines(before), first = 0, n = 0;
	struct text line;

	while (text_next_field(&rest, '\n', &line)) {
		char name[NAME_SIZE];
		struct ip ip;

		number++;
		if (line.n && (!output_parse(output_format(o), line, name, &ip) ||
			       users_find_name(c->conf.users, name, strlen(name)) == TABLE_NONE)) {
			first = n++ ? first : number;
		}
	}
	if (n == 1) {
		check_warning(o->file, first, "this line between the markers is not ours, and will be removed");
	} else if (n) {
		check_warning(o->file, first,
			      "this line between the markers and %u more are not ours, and will be removed", n - 1);
	}
}

static void check_text(struct check *c, const struct conf_output *o, const struct buf *text)
{
	struct section section;
	int r;

	r = section_find(text->data, text->len, output_format(o)->comment, &section);
	if (r) {
		check_markers(c, o, text, r);
		return;
	}
	check_foreign(c, o, text, &section);
	if (o->type == CONF_TINYDNS) {
		check_tinydns(c, o, text, &section);
	} else if (o->type == CONF_ZONEFILE) {
		check_zone(c, o, text, &section);
	}
}

/* --- a file --- */

/* Whether two files can be exchanged there: 0 yes, 1 no, 2 it could not be tried. */
static int probe_exchange(const void *directory)
{
	_cleanup_(close_fdp) int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const names[] = { ".dnsu.check.a", ".dnsu.check.b" };
	int r = dir < 0 ? 2 : 0;

	for (int i = 0; !r && i < 2; i++) {
		int fd = openat(dir, names[i], O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
				0600);

		r = fd < 0 ? 2 : 0;
		close_fd(fd);
	}
	if (!r && renameat2(dir, names[0], dir, names[1], RENAME_EXCHANGE) < 0) {
		r = errno == EINVAL ? 1 : 2;
	}
	for (int i = 0; dir >= 0 && i < 2; i++) {
		(void)unlinkat(dir, names[i], 0); /* made above, or not there */
	}
	return r;
}

static void check_directory(struct check *c, unsigned line, const char *key,
			    const char *directory, bool is_shared)
{
	check_way(c, line, key, directory);
	check_writable(c, line, key, directory, is_shared);
	if (c->conf.replace == CONF_REPLACE_EXCHANGE &&
	    check_as_service(c, probe_exchange, directory) == 1) {
		check_mistake(
			c, c->conf_path, line,
			"%s: the file system of '%s' cannot exchange two files; see 'replace' in "
			"dns-updater.conf(5)",
			key, directory);
	}
}

static void check_file(struct check *c, const struct conf_output *o)
{
	_cleanup_(free_ptr) char *real = realpath(o->file, NULL);
	_cleanup_(buf_deinit) struct buf text = { 0 };
	char what[WHAT_SIZE], closed[PATH_MAX];
	const char *key = name_of(o, what);
	struct stat st;

	if (!check_find(c, o->file_line, key, o->file, "", &st) ||
	    !check_read(c, o->file_line, key, o->file, DATA_MAX, &text) || !real) {
		return;
	}
	/* Of a directory that is closed check_directory tells. */
	if (check_as_service(c, check_probe_readable, real) > 0 && !check_way_closed(c, real, closed)) {
		check_mistake(c, c->conf_path, o->file_line,
			      "%s: '%s' is not readable by user %s", key, o->file,
			      c->conf.user);
	}
	check_others(c, o->file_line, key, o->file, &st);
	check_text(c, o, &text);
	check_directory(c, o->file_line, key, dirname(real), o->type == CONF_TINYDNS);
}

/* Whether the helper process finds the program: 0 yes. */
static int probe_program(const void *name)
{
	static const char script[] = "PATH=" COMMAND_PATH "; case $1 in */*) test -x \"$1\" ;; "
				     "*) command -v \"$1\" >/dev/null ;; esac || exit 1";

	return execl("/bin/sh", "sh", "-c", script, "sh", (const char *)name, NULL);
}

/* Its directory may have other owners than the data file's, and it need not be there yet. */
static void check_database(struct check *c, const struct conf_output *o)
{
	_cleanup_(free_ptr) char *copy = strdup(o->database);
	_cleanup_(free_ptr) char *directory = copy ? realpath(dirname(copy), NULL) : NULL;
	struct stat st;

	if (!directory) {
		check_mistake(c, c->conf_path, o->database_line,
			      "database: unable to find the directory of '%s': %s", o->database,
			      strerror(errno));
		return;
	}
	if (!lstat(o->database, &st) && !S_ISREG(st.st_mode)) {
		check_mistake(c, c->conf_path, o->database_line,
			      "database: '%s' is not a regular file", o->database);
	}
	check_directory(c, o->database_line, "database", directory, true);
	if (check_as_service(c, probe_program, "tinydns-data") > 0) {
		check_mistake(c, c->conf_path, o->database_line,
			      "database: there is no tinydns-data in " COMMAND_PATH
			      ", which compiles what is not ours");
	}
}

/* Where the command begins with a program's name, and with nothing else that sh(1) knows. */
static void check_program(struct check *c, const struct conf_output *o, const char *key)
{
	size_t n = strspn(o->command, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-./_");
	_cleanup_(free_ptr) char *name = strndup(o->command, n);

	if (name && *name && (!o->command[n] || o->command[n] == ' ') && check_as_service(c, probe_program, name) > 0) {
		check_mistake(c, c->conf_path, o->command_line, "%s: user %s finds no program '%s' (PATH is " COMMAND_PATH ")",
			      key, c->conf.user, name);
	}
}

static void check_command(struct check *c, const struct conf_output *o)
{
	const char *key = o->plain ? "makecommand" : "command";
	int status;
	pid_t pid;

	if (!o->command) {
		if (o->type == CONF_TINYDNS && !o->database) {
			check_warning(c->conf_path, o->plain ? 0 : o->line,
				      "without %s nothing makes a database of the data file",
				      key);
		}
		return;
	}
	(void)fflush(stdout); /* or the child would print it too */
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-n", "-c", o->command, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status)) {
		check_mistake(c, c->conf_path, o->command_line,
			      "%s: sh(1) does not understand it", key);
		return;
	}
	check_program(c, o, key);
}

/* --- signed updates --- */

/* Unlike access(2), open(2) heeds the capability. */
static int probe_open(const void *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	close_fd(fd);
	return fd < 0;
}

static void check_key(struct check *c, const struct conf_output *o)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct tsig_key key;
	struct stat st;
	unsigned line;
	int r;

	if (!check_find(c, o->key_line, "key", o->key, "", &st) ||
	    !check_read(c, o->key_line, "key", o->key, KEY_MAX, &text)) {
		return;
	}
	r = check_as_service(c, probe_open, o->key);
	if (r > 0) {
		check_mistake(c, c->conf_path, o->key_line,
			      "key: '%s' is not readable by user %s (chgrp %s, chmod 640)",
			      o->key, c->conf.user, c->conf.user);
	} else if (r < 0 && c->service) {
		check_warning(c->conf_path, o->key_line,
			      "run as root to check whether user %s may read '%s'",
			      c->conf.user, o->key);
	}
	if (st.st_mode & S_IROTH) {
		check_warning(c->conf_path, o->key_line,
			      "key: everyone may read '%s' (chgrp %s, chmod 640)", o->key,
			      c->conf.user);
	}
	r = tsig_key_parse(text.data, text.len, &key, &line);
	if (r) {
		check_mistake(c, o->key, line, "%s", tsig_key_strerror(r));
	}
	explicit_bzero(&key, sizeof(key));
	if (text.data) {
		explicit_bzero(text.data, text.len);
	}
}

/* --- the names of each output --- */

static void check_names_of(const struct check *c, const struct conf_output *o)
{
	const struct users *users = c->conf.users;
	struct check_some wildcards = { 0 }, underscores = { 0 };
	bool any = false;

	for (uint32_t i = 0; i < users->n_names; i++) {
		const char *name = users_name(users, i);
		bool covered = conf_output_covers(o, name, NULL);

		any = any || covered;
		if (o->type == CONF_HOSTS && *name == '*') {
			check_some_add(&wildcards, i);
		}
		if (o->type == CONF_ZONEFILE && covered && strchr(name, '_')) {
			check_some_add(&underscores, i);
		}
	}
	if (o->n_zones && users->n_names && !any) {
		check_warning(c->conf_path, o->zone_line,
			      "output '%s': no name of any user lies in its zones", o->name);
	}
	check_some_warn(c, o->line, &wildcards,
		"there are no wildcards in hosts(5), so this is not in it");
	check_some_warn(c, o->line, &underscores,
		"BIND does not load a primary zone with such a name, unless check-names says so");
}

static void check_names(const struct check *c)
{
	const struct conf *conf = &c->conf;
	struct check_some nowhere = { 0 };

	for (uint32_t i = 0; i < conf->users->n_names; i++) {
		const char *name = users_name(conf->users, i);
		if (!check_is_covered(conf, name, NULL)) {
			check_some_add(&nowhere, i);
		}
	}
	if (conf->n_outputs) {
		check_some_warn(c, 0, &nowhere, "no output publishes this name");
	}
	for (unsigned i = 0; i < conf->n_outputs; i++) {
		check_names_of(c, &conf->outputs[i]);
	}
}

void check_outputs(struct check *c)
{
	for (unsigned i = 0; i < c->conf.n_outputs; i++) {
		const struct conf_output *o = &c->conf.outputs[i];

		if (o->type != CONF_RFC2136 && o->file) {
			check_file(c, o);
		}
		if (o->type != CONF_RFC2136) {
			check_command(c, o);
		}
		if (o->database) {
			check_database(c, o);
		}
		if (o->type == CONF_RFC2136 && o->key) {
			check_key(c, o);
		}
	}
	check_names(c);
}
