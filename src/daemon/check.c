/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/check_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/name.h"
#include "core/section.h"
#include "daemon/check.h"
#include "service/load.h"
#include "service/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DATA_MAX ((size_t)4 << 30)

static void print(const char *file, unsigned line, const char *kind, const char *format,
		  va_list ap) __attribute__((format(printf, 4, 0)));

static void print(const char *file, unsigned line, const char *kind, const char *format, va_list ap)
{
	if (line) {
		printf("%s:%u: %s", file, line, kind);
	} else {
		printf("%s: %s", file, kind);
	}
	vprintf(format, ap);
	putchar('\n');
}

void check_mistake(struct check *c, const char *file, unsigned line, const char *format, ...)
{
	va_list ap;

	c->n_mistakes++;
	va_start(ap, format);
	print(file, line, "", format, ap);
	va_end(ap);
}

void check_warning(const char *file, unsigned line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print(file, line, "warning: ", format, ap);
	va_end(ap);
}

void check_report(void *arg, const char *file, unsigned line, const char *what)
{
	check_mistake(arg, file, line, "%s", what);
}

/* --- as another user --- */

int check_as(const char *user, uid_t uid, bool reads_all, check_probe_fn *probe,
	     const void *arg)
{
	int status;
	pid_t pid;

	if (geteuid() && uid != geteuid()) {
		return -1;
	}
	(void)fflush(stdout);	/* or the child would print it too */
	pid = fork();
	if (!pid) {
		_exit(privileges_drop(user) || (!reads_all && privileges_none()) ? 126 :
										   probe(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > 125) {
		return -1;
	}
	return WEXITSTATUS(status);
}

static int as_service(const struct check *c, check_probe_fn *probe, const void *arg)
{
	return check_as(c->conf.user, c->service ? c->service->pw_uid : (uid_t)-1, true, probe,
			arg);
}

int check_probe_writable(const void *directory)
{
	return faccessat(AT_FDCWD, directory, W_OK | X_OK, 0) ? 1 : 0;
}

int check_probe_readable(const void *file)
{
	return faccessat(AT_FDCWD, file, R_OK, 0) ? 1 : 0;
}

/* Whether two files can be exchanged there: 0 yes, 1 no, 2 it could not be tried. */
static int probe_exchange(const void *directory)
{
	_cleanup_(close_fdp) int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const names[] = { ".dnsu.check.a", ".dnsu.check.b" };
	int r = dir < 0 ? 2 : 0;

	for (int i = 0; !r && i < 2; i++) {
		int fd = openat(dir, names[i], O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		r = fd < 0 ? 2 : 0;
		close_fd(fd);
	}
	if (!r && renameat2(dir, names[0], dir, names[1], RENAME_EXCHANGE) < 0) {
		r = errno == EINVAL ? 1 : 2;
	}
	for (int i = 0; dir >= 0 && i < 2; i++) {
		(void)unlinkat(dir, names[i], 0);	/* made above, or not there */
	}
	return r;
}

static void check_writable(struct check *c, unsigned line, const char *key, const char *directory)
{
	int r = as_service(c, check_probe_writable, directory);

	if (r > 0) {
		check_mistake(
			c, c->conf_path, line,
			"%s: directory '%s' is not writable by user %s (chgrp %s, chmod 2775)",
			key, directory, c->conf.user, c->conf.user);
	} else if (r < 0 && c->service) {
		check_warning(c->conf_path, line,
			      "run as root to check whether user %s may write to directory '%s'",
			      c->conf.user, directory);
	}
}

/* --- who may write --- */

/* As sshd(8) checks the way to authorized_keys: whoever can write to a directory can put another
 * thing in the place of what is in it. */
void check_others(struct check *c, unsigned line, const char *key, const char *path,
		  const struct stat *st)
{
	uid_t service = c->service ? c->service->pw_uid : 0;

	if (st->st_uid != 0 && st->st_uid != service && st->st_uid != c->front_end) {
		check_mistake(c, c->conf_path, line,
			      "%s: '%s' belongs to uid %u, neither to root nor to %s", key,
			      path, (unsigned)st->st_uid, c->conf.user);
	}
	if (st->st_mode & S_IWOTH && !(S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX)) {
		check_mistake(c, c->conf_path, line, "%s: everyone may write to '%s'", key,
			      path);
	} else if (st->st_mode & S_IWOTH) {
		check_warning(c->conf_path, line, "%s: everyone may add files to '%s'", key,
			      path);
	}
}

/* Every directory from the root down to this one. */
void check_way(struct check *c, unsigned line, const char *key, const char *directory)
{
	char path[PATH_MAX];
	struct stat st;

	for (const char *at = directory; at; at = strchr(at + 1, '/')) {
		(void)snprintf(path, sizeof(path), "%.*s", at == directory ? 1 : (int)(at - directory),
			       directory);
		if (!stat(path, &st)) {
			check_others(c, line, key, path, &st);
		}
	}
	if (strcmp(directory, "/") != 0 && !stat(directory, &st)) {
		check_others(c, line, key, directory, &st);
	}
}

/* --- pathpattern --- */

static void check_user_base(struct check *c, const struct pattern *p, uint32_t user)
{
	const char *name = users_user(c->conf.users, user);
	char path[PATTERN_PATH_MAX];
	struct stat st;

	for (unsigned n = p->first_user + 1; n <= p->base; n++) {
		if (!pattern_path(p, n, name, path)) {
			check_mistake(c, c->conf_path, c->conf.users->users[user].line,
				      "the path of user %s is too long", name);
		} else if (!stat(path, &st) && st.st_mode & S_IWOTH) {
			check_mistake(c, c->conf_path, c->conf.pathpattern_line,
				      "everyone may write to '%s' and so publish as user %s",
				      path, name);
		}
	}
}

static void check_pattern(struct check *c, const struct pattern *p)
{
	char path[PATTERN_PATH_MAX];
	struct stat st;

	if (!pattern_path(p, p->first_user, "", path)) {
		return;		/* a pattern that was parsed is not too long without its users */
	}
	if (stat(path, &st) < 0) {
		check_warning(c->conf_path, c->conf.pathpattern_line,
			      "directory '%s' of pattern '%s' is not there yet: %s", path,
			      p->text, strerror(errno));
	}
	check_way(c, c->conf.pathpattern_line, "pathpattern", path);
	for (uint32_t user = 0; user < c->conf.users->n_users; user++) {
		check_user_base(c, p, user);
	}
}

static void check_watches(struct check *c)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	unsigned long long needed = 0, limit;

	for (unsigned i = 0; i < c->conf.n_patterns; i++) {
		const struct pattern *p = &c->conf.patterns[i];

		needed += p->first_user + 1u +
			  (unsigned long long)(p->n - 1 - p->first_user) * c->conf.users->n_users;
	}
	if (file_read(AT_FDCWD, "/proc/sys/fs/inotify/max_user_watches", 64, &text)) {
		return;
	}
	limit = strtoull(buf_str(&text), NULL, 10);
	if (needed > limit) {
		check_warning(
			c->conf_path, c->conf.pathpattern_line,
			"fs.inotify.max_user_watches is %llu, but up to %llu directories are to be "
			"watched; those beyond it are looked at every 'rescan' only",
			limit, needed);
	}
}

/* --- the data file --- */

/* One line of the administrator's, taken apart as far as we need: its type and owner name. */
static void check_line(struct check *c, const char *file, unsigned number, const char *line, size_t n)
{
	const struct users *users = c->conf.users;
	char name[NAME_SIZE];
	const char *colon;
	size_t n_name, n_hidden = 0;
	uint32_t first = 0;

	colon = n ? memchr(line, ':', n) : NULL;
	if (!colon || !memchr("+=C@", *line, 4) ||
	    name_canon(line + 1, (size_t)(colon - line - 1), name, &n_name)) {
		return;
	}
	if (users_find_name(users, name, n_name) != TABLE_NONE) {
		if (*line == 'C') {
			check_warning(file, number,
				      "a CNAME on the dynamic name %s contradicts its "
				      "addresses",
				      name);
		} else if (*line != '@') {
			check_warning(file, number,
				      "a static A record on the dynamic name %s is answered "
				      "beside its dynamic addresses",
				      name);
		}
	}
	if (*line != '@' || strncmp(name, "*.", 2) != 0) {
		return;
	}
	for (uint32_t i = 0; i < users->n_names; i++) {
		const char *other = users_name(users, i);
		size_t n_other = strlen(other);

		if (n_other > n_name - 1 && strcmp(other, name) != 0 &&
		    !strcmp(other + n_other - (n_name - 1), name + 1)) {
			first = n_hidden++ ? first : i;
		}
	}
	if (n_hidden) {
		check_warning(file, number,
			      "the wildcard MX %s does not hold for a name that has a dynamic "
			      "address: %s%s; give it an MX of its own",
			      name, users_name(users, first),
			      n_hidden > 1 ? " and others" : "");
	}
}

static void check_lines(struct check *c, const char *file, const struct buf *text,
			const struct section *section)
{
	const char *at = text->data, *end = text->data + text->len;
	unsigned number = 0;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		size_t offset = (size_t)(at - text->data);

		number++;
		if (offset < section->begin || offset >= section->end) {
			check_line(c, file, number, at, (size_t)(stop - at));
		}
		at = stop + 1;
	}
}

/* systemd's unit may write to its own directories only (systemd.exec(5), ReadWritePaths=). */
static void print_drop_in(const char *directory)
{
	static const char own[] = "/var/lib/dns-updater/";

	if (strncmp(directory, own, strlen(own)) != 0) {
		printf("# with systemd, in /etc/systemd/system/dns-updater.service.d/datafile.conf:\n"
		       "[Service]\nReadWritePaths=%s\n", directory);
	}
}

static void check_datafile(struct check *c)
{
	const struct conf *conf = &c->conf;
	_cleanup_(free_ptr) char *real = realpath(conf->datafile, NULL);
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct section section;
	char *directory;
	struct stat st;
	int r;

	if (!real || stat(real, &st) < 0) {
		check_mistake(c, c->conf_path, conf->datafile_line,
			      "datafile: unable to find '%s': %s", conf->datafile,
			      strerror(errno));
		return;
	}
	r = S_ISREG(st.st_mode) ? file_read(AT_FDCWD, real, DATA_MAX, &text) : -EINVAL;
	if (r) {
		check_mistake(c, c->conf_path, conf->datafile_line,
			      "datafile: unable to read '%s': %s", conf->datafile,
			      S_ISREG(st.st_mode) ? strerror(-r) : "not a regular file");
		return;
	}
	if (as_service(c, check_probe_readable, real) > 0) {
		check_mistake(c, c->conf_path, conf->datafile_line,
			      "datafile: '%s' is not readable by user %s", conf->datafile,
			      conf->user);
	}
	check_others(c, conf->datafile_line, "datafile", conf->datafile, &st);
	r = section_find(text.data, text.len, '#', &section);
	if (r) {
		check_mistake(c, conf->datafile, 0,
			      "%s; put the two lines '# start dynamic dns entries' and "
			      "'# end dynamic dns entries' at its top",
			      section_strerror(r));
	} else {
		check_lines(c, conf->datafile, &text, &section);
	}
	directory = dirname(real);
	check_way(c, conf->datafile_line, "datafile", directory);
	check_writable(c, conf->datafile_line, "datafile", directory);
	if (conf->replace == CONF_REPLACE_EXCHANGE && as_service(c, probe_exchange, directory) == 1) {
		check_mistake(
			c, c->conf_path, conf->datafile_line,
			"datafile: the file system of '%s' cannot exchange two files; see 'replace' in "
			"dns-updater.conf(5)",
			directory);
	}
	print_drop_in(directory);
}

/* --- the rest --- */

static void check_command(struct check *c)
{
	int status;
	pid_t pid;

	if (!c->conf.makecommand) {
		check_warning(c->conf_path, 0,
			      "without makecommand nothing makes a database of the data file");
		return;
	}
	(void)fflush(stdout);
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-n", "-c", c->conf.makecommand, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		check_mistake(c, c->conf_path, c->conf.makecommand_line,
			      "makecommand: sh(1) does not understand it");
	}
}

static void check_place(struct check *c, unsigned line, const char *key, const char *path)
{
	_cleanup_(free_ptr) char *copy = strdup(path);
	const char *directory = copy ? dirname(copy) : "/";
	struct stat st;

	if (stat(directory, &st) < 0) {
		check_mistake(c, c->conf_path, line, "%s: unable to find directory '%s': %s",
			      key, directory, strerror(errno));
		return;
	}
	check_writable(c, line, key, directory);
}

static void check_account(struct check *c)
{
	const struct passwd *pw = getpwnam(c->conf.http.user);

	c->front_end = pw ? pw->pw_uid : (uid_t)-1;
	errno = 0;
	c->service = getpwnam(c->conf.user);
	if (!c->service) {
		check_mistake(c, c->conf_path, c->conf.user_line, "there is no user '%s'",
			      c->conf.user);
	}
}

static void check_conf_file(struct check *c, unsigned line, const char *path)
{
	struct stat st;

	if (!stat(path, &st)) {
		if (st.st_mode & S_IWOTH) {
			check_mistake(c, path, line, "everyone may write to it");
		}
	}
}

static void check_daemon(struct check *c)
{
	for (unsigned i = 0; i < c->conf.n_patterns; i++) {
		check_pattern(c, &c->conf.patterns[i]);
	}
	check_watches(c);
	if (c->conf.datafile) {
		check_datafile(c);
	}
	check_command(c);
	check_place(c, c->conf.state_line, "state", c->conf.state);
	if (c->conf.log_tempfile) {
		check_place(c, c->conf.log_tempfile_line, "log_tempfile", c->conf.log_tempfile);
	}
}

unsigned check_run(const char *conf_path, enum check_part part)
{
	struct check c = { .conf_path = conf_path, .part = part };
	int r;

	r = load_conf(conf_path, check_report, &c, &c.conf);
	if (r < 0) {
		check_mistake(&c, conf_path, 0, "%s", strerror(-r));
		return c.n_mistakes;
	}
	if (c.conf.users->n_users || c.conf.n_patterns || c.conf.datafile) {
		check_account(&c);
		check_conf_file(&c, 0, conf_path);
		if (c.conf.users_file) {
			check_conf_file(&c, 0, c.conf.users_file);
		}
		if (part != CHECK_HTTP) {
			check_daemon(&c);
		}
		if (part != CHECK_DAEMON && c.conf.http.is_set) {
			check_http(&c);
		} else if (part == CHECK_HTTP) {
			check_mistake(&c, conf_path, 0, "there is no section [http]");
		}
	}
	conf_deinit(&c.conf);
	return c.n_mistakes;
}
