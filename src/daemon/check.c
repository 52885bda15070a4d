/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/check_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/check.h"
#include "daemon/mounts.h"
#include "daemon/watch_choose.h"
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

static void print(const char *file, unsigned line, const char *kind, const char *format,
		  va_list ap) __attribute__((format(printf, 4, 0)));

static void print(const char *file, unsigned line, const char *kind, const char *format, va_list ap)
{
	if (line) {
		printf("%s:%u: %s", file, line, kind);
	} else {
		printf("%s: %s", file, kind);
	}
	(void)vprintf(format, ap);
	(void)putchar('\n');
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

int check_as_service(const struct check *c, check_probe_fn *probe, const void *arg)
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

static int probe_enterable(const void *directory)
{
	return faccessat(AT_FDCWD, directory, X_OK, 0) && errno == EACCES;
}

/* The directory that ends before the slash at `at`: the root, or another on the way to this one. */
static void way_to(const char *directory, const char *at, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%.*s", at == directory ? 1 : (int)(at - directory), directory);
}

bool check_way_closed(const struct check *c, const char *directory, char ret[PATH_MAX])
{
	for (const char *at = directory; at; at = strchr(at + 1, '/')) {
		way_to(directory, at, ret);
		if (check_as_service(c, probe_enterable, ret) > 0) {
			return true;
		}
	}
	return false;
}

void check_writable(struct check *c, unsigned line, const char *key, const char *directory, bool is_shared)
{
	int r = check_as_service(c, check_probe_writable, directory);
	char closed[PATH_MAX];

	if (r > 0 && check_way_closed(c, directory, closed)) {
		check_mistake(c, c->conf_path, line,
			      "%s: user %s may not enter '%s' on the way to '%s' (make him a member of a "
			      "group that may)",
			      key, c->conf.user, closed, directory);
	} else if (r > 0 && is_shared) {
		check_mistake(c, c->conf_path, line,
			      "%s: directory '%s' is not writable by user %s (chgrp %s, chmod 2775)", key,
			      directory, c->conf.user, c->conf.user);
	} else if (r > 0) {
		check_mistake(c, c->conf_path, line,
			      "%s: directory '%s' is not writable by user %s (use a directory of its own, that "
			      "belongs to %s)",
			      key, directory, c->conf.user, c->conf.user);
	} else if (r < 0 && c->service) {
		check_warning(c->conf_path, line,
			      "run as root to check whether user %s may write to directory '%s'",
			      c->conf.user, directory);
	}
}

/* --- files --- */

bool check_find(struct check *c, unsigned line, const char *key, const char *path, const char *hint,
		struct stat *ret)
{
	if (stat(path, ret) < 0) {
		check_mistake(c, c->conf_path, line, "%s: unable to find '%s': %s%s", key, path, strerror(errno),
			      errno == ENOENT ? hint : "");
		return false;
	}
	if (!S_ISREG(ret->st_mode)) {
		check_mistake(c, c->conf_path, line, "%s: unable to read '%s': not a regular file", key, path);
	}
	return S_ISREG(ret->st_mode);
}

bool check_read(struct check *c, unsigned line, const char *key, const char *path, size_t max, struct buf *ret)
{
	int r = file_read(AT_FDCWD, path, max, ret);

	if (r) {
		check_mistake(c, c->conf_path, line, "%s: unable to read '%s': %s", key, path, strerror(-r));
	}
	return !r;
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

/* Whether looking there may take for ever: a user's own file system, a server that is away. */
static bool may_wait(const struct check *c, const char *path)
{
	return c->mounts && mounts_waits_for(c->mounts, path, UINT_MAX);
}

static bool look(const struct check *c, const char *path, struct stat *ret)
{
	return !may_wait(c, path) && !stat(path, ret);
}

/* Every directory from the root down to this one. */
void check_way(struct check *c, unsigned line, const char *key, const char *directory)
{
	char path[PATH_MAX];
	struct stat st;

	for (const char *at = directory; at; at = strchr(at + 1, '/')) {
		way_to(directory, at, path);
		if (look(c, path, &st)) {
			check_others(c, line, key, path, &st);
		}
	}
	if (strcmp(directory, "/") != 0 && look(c, directory, &st)) {
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
			check_mistake(c, c->conf_path, c->conf.pathpattern_line,
				      "the path of user %s is too long", name);
		} else if (look(c, path, &st) && st.st_mode & S_IWOTH) {
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
	if (may_wait(c, path)) {
		check_warning(c->conf_path, c->conf.pathpattern_line,
			      "directory '%s' of pattern '%s' lies on a file system that may not answer: who may write "
			      "there is not looked at",
			      path, p->text);
	} else if (stat(path, &st) < 0) {
		check_warning(c->conf_path, c->conf.pathpattern_line,
			      "directory '%s' of pattern '%s' is not there yet: %s", path,
			      p->text, strerror(errno));
	}
	check_way(c, c->conf.pathpattern_line, "pathpattern", path);
	for (uint32_t user = 0; user < c->conf.users->n_users; user++) {
		check_user_base(c, p, user);
	}
}

static void check_patterns(struct check *c)
{
	(void)mounts_new(&c->mounts);	/* without it all are looked at */
	for (unsigned i = 0; i < c->conf.n_patterns; i++) {
		check_pattern(c, &c->conf.patterns[i]);
	}
	c->mounts = mounts_free(c->mounts);
}

static void check_watches(struct check *c)
{
	const uint64_t needed = watch_n_directories(&c->conf), limit = watch_limit();

	if (needed > limit) {
		check_warning(c->conf_path, c->conf.pathpattern_line,
			      "fs.inotify.max_user_watches is %llu, but up to %llu directories are to be watched; %sthose "
			      "beyond it are looked at every 'rescan' only",
			      (unsigned long long)limit, (unsigned long long)needed,
			      c->conf.watch == CONF_WATCH_INOTIFY ? "" : "where fanotify is not to be had (README.md, Fast), ");
	}
}

/* --- the rest --- */

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
	check_writable(c, line, key, directory, false);
}

/* The daemon does without; that of the default the start makes. */
static void check_socket(const struct check *c)
{
	_cleanup_(free_ptr) char *copy = strdup(c->conf.socket);
	const char *directory = copy ? dirname(copy) : "/run/dns-updater";

	if (strcmp(directory, "/run/dns-updater") != 0 && check_as_service(c, check_probe_writable, directory) > 0) {
		check_warning(c->conf_path, c->conf.socket_line,
			      "socket: '%s' is no directory that user %s may write to: neither 'dns-updater status' "
			      "nor dns-updater-http will reach the daemon",
			      directory, c->conf.user);
	}
}

void check_no_user(struct check *c, unsigned line, const char *user, const char *section)
{
	check_mistake(c, c->conf_path, line,
		      "there is no user '%s'; create it (systemd-sysusers, or adduser --system --group), "
		      "or name another as 'user'%s",
		      user, section);
}

static void check_account(struct check *c)
{
	const struct passwd *pw = getpwnam(c->conf.http.user);

	c->front_end = pw ? pw->pw_uid : (uid_t)-1;
	c->service = getpwnam(c->conf.user);
	if (!c->service) {
		check_no_user(c, c->conf.user_line, c->conf.user, "");
	}
}

static void check_conf_file(struct check *c, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && st.st_mode & S_IWOTH) {
		check_mistake(c, path, 0, "everyone may write to it");
	}
}

static void check_daemon(struct check *c)
{
	check_patterns(c);
	check_watches(c);
	check_outputs(c);
	check_place(c, c->conf.state_line, "state", c->conf.state);
	check_socket(c);
	if (c->conf.log_tempfile) {
		check_place(c, c->conf.log_tempfile_line, "log_tempfile", c->conf.log_tempfile);
	}
	check_systemd(&c->conf);
}

static void report(void *arg, const char *file, unsigned line, const char *what)
{
	check_mistake(arg, file, line, "%s", what);
}

unsigned check_run(const char *conf_path, enum check_part part)
{
	struct check c = { .conf_path = conf_path, .part = part };
	int r;

	r = load_conf(conf_path, report, &c, &c.conf);
	if (r < 0) {
		check_mistake(&c, conf_path, 0, "%s", strerror(-r));
		return c.n_mistakes;
	}
	if (c.conf.users->n_users || c.conf.n_patterns || c.conf.n_outputs) {
		check_account(&c);
		check_conf_file(&c, conf_path);
		if (c.conf.users_file) {
			check_conf_file(&c, c.conf.users_file);
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
