/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/source_impl.h"

#include "base/cleanup.h"
#include "daemon/mounts.h"
#include "daemon/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY };

/* glibc has no wrapper yet. */
static int open_below(int dir, const char *name, int flags, uint64_t more_resolve)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | more_resolve,
	};
	int fd;

	do {	/* a server that takes its time can be interrupted, open(2) */
		fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
	} while (fd < 0 && errno == EINTR);
	return fd;
}

/* Opening with O_PATH alone does not trigger an automount at the path's end (open(2)); O_DIRECTORY
 * beside it would, and so would going further. *ret, where it is wanted: the file system. */
static bool is_automount_point(int fd, fsid_t *ret)
{
	struct statfs fs = { 0 };
	int r = fstatfs(fd, &fs);

	if (ret) {
		*ret = fs.f_fsid;
	}
	return !r && fs.f_type == AUTOFS_SUPER_MAGIC;
}

/* Of the directory with that name below dir, or of dir itself, where it is empty. 0 or a negative errno; -ENOTDIR: it is
 * no directory. Who is not patient gets what the kernel knows without asking a server, or a user's process. */
static int look_directory(int dir, const char *name, bool patient, struct directory *ret)
{
	const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
			  (patient ? AT_STATX_SYNC_AS_STAT : AT_STATX_DONT_SYNC);
	struct statx st;

	if (statx(dir, name, flags, STATX_TYPE | STATX_UID | STATX_MNT_ID, &st) < 0) {
		return -errno;	/* that it could not be told does not mean that it is not there */
	}
	if (!S_ISDIR(st.stx_mode)) {
		return -ENOTDIR;
	}
	*ret = (struct directory){ st.stx_uid, st.stx_mnt_id, makedev(st.stx_dev_major, st.stx_dev_minor) };
	return 0;
}

/* The descriptor, or -1 with errno after closing it. */
static int only_directory(int fd, bool patient, struct directory *ret)
{
	int r = fd < 0 ? 0 : look_directory(fd, "", patient, ret);

	if (r) {
		close_fd(fd);
		errno = -r;
		return -1;
	}
	return fd;
}

static int open_directory_at(int dir, const char *path, int more_flags, bool patient, struct directory *ret)
{
	int fd;

	do {
		fd = openat(dir, path, O_PATH | O_CLOEXEC | more_flags);
	} while (fd < 0 && errno == EINTR);
	return only_directory(fd, patient, ret);
}

/* One that is the administrator's: links are followed, and nothing is waited for. */
static int open_shared(const char *path, struct directory *ret)
{
	return open_directory_at(AT_FDCWD, path, 0, false, ret);
}

/* Whether the shared levels were looked at, and are plain directories. */
static bool has_shared(const struct source_place *at)
{
	return at->shared && at->shared->dir >= 0;
}

/* Whether to go on from a directory on this mount: 0, SOURCE_E_MAY_WAIT, or SOURCE_E_NO_DIRECTORY, for an automount
 * point. */
static int may_go_on(const struct source_place *at, int dir, uint64_t mount)
{
	const struct mount *m;

	if (at->patient) {
		return is_automount_point(dir, NULL) ? SOURCE_E_NO_DIRECTORY : 0;
	}
	if (has_shared(at) && at->shared->mount == mount) {
		return 0;
	}
	m = at->mounts ? mounts_find(at->mounts, mount) : NULL;
	return !m || m->kind == MOUNT_MAY_WAIT ? SOURCE_E_MAY_WAIT :
	       m->kind == MOUNT_AUTOFS		 ? SOURCE_E_NO_DIRECTORY :
						   0;
}

void source_watch_shared(const struct pattern *p, unsigned pattern_number, const struct mounts *mounts,
			 struct watch *watch)
{
	for (unsigned level = 0; level <= p->first_user; level++) {
		_cleanup_(close_fdp) int fd = -1;
		char path[PATTERN_PATH_MAX];
		struct directory st;

		if (!pattern_path(p, level, "", path) || mounts_waits_for(mounts, path, level)) {
			return;
		}
		fd = open_shared(path, &st);
		if (fd < 0 || is_automount_point(fd, NULL)) {
			return;	/* the levels above tell when that changes; else the mount table */
		}
		watch_dir(watch, fd, pattern_number, level, WATCH_SHARED);
	}
}

struct source_shared source_look_shared(const struct pattern *p)
{
	struct source_shared shared = { .dir = -1 };

	/* The base directory is the first that has the user in its path. */
	for (unsigned level = 0; level < p->base || !level; level++) {
		_cleanup_(close_fdp) int fd = -1;
		char path[PATTERN_PATH_MAX];
		struct directory st = { 0 };
		fsid_t file_system;

		close_fdp(&shared.dir);
		if (!pattern_path(p, level, "", path)) {
			break;
		}
		fd = open_shared(path, &st);
		if (fd < 0 || is_automount_point(fd, &file_system)) {
			break;
		}
		shared = (struct source_shared){ steal_fd(&fd), st.mount, st.device, file_system };
	}
	return shared;
}

/* Whether going to the base directory would trigger an automount: some directory on the way is an
 * automount point and what should be mounted below it is not. */
static bool would_trigger(const struct source_place *at)
{
	const struct pattern *p = at->pattern;

	for (unsigned level = 1; level < p->base; level++) {
		_cleanup_(close_fdp) int fd = -1;
		char path[PATTERN_PATH_MAX];
		struct directory st;

		if (!pattern_path(p, level, at->user_name, path)) {
			return false;
		}
		fd = open_shared(path, &st);
		if (fd < 0) {
			return false;
		}
		if (is_automount_point(fd, NULL)) {
			return !pattern_path(p, level + 1, at->user_name, path) || !mounts_at(at->mounts, path);
		}
	}
	return false;
}

static void watch_level(const struct source_place *at, int dir, unsigned level)
{
	struct source_marks *m = at->marks;

	if (level <= at->pattern->first_user || (!m && !at->watch)) {
		return;
	}
	if (!m) {
		watch_dir(at->watch, dir, at->pattern_number, level, at->user);
		return;
	}
	m->list[m->n].level = level;
	if (at->patient) {
		watch_add_inotify(at->inotify_fd, dir, level + 1 == at->pattern->n, &m->list[m->n++].mark);
	} else {
		watch_add(at->watch, dir, at->pattern_number, level, &m->list[m->n++].mark);
	}
}

/* The first directory that is the user's own: all others on its way, and links there, are the administrator's. */
static int open_base(const struct source_place *at, const char *path, struct source_file *f, struct directory *ret)
{
	const struct pattern *p = at->pattern;
	char name[NAME_MAX + 1];
	int dir = AT_FDCWD, fd;

	if (has_shared(at) && p->base && pattern_component(p, p->base - 1, at->user_name, name)) {
		dir = at->shared->dir;
		path = name;
	}
	fd = open_directory_at(dir, path, O_NOFOLLOW, at->patient, ret);
	if (fd < 0 && errno == ENOTDIR) {
		fd = open_directory_at(dir, path, 0, at->patient, ret);
		f->by_link = p->base > p->first_user && (fd >= 0 || errno != ENOTDIR);
	}
	return fd;
}

/* Opens the directory that the file lies in, step by step, with a watch on each. */
static int open_directory(const struct source_place *at, struct source_file *f, int *ret,
			  struct directory *ret_dir)
{
	const struct pattern *p = at->pattern;
	_cleanup_(close_fdp) int dir = -1;
	char path[PATTERN_PATH_MAX], name[NAME_MAX + 1];

	if (!pattern_path(p, p->base, at->user_name, path)) {
		return source_fail(f, -ENAMETOOLONG, p->text);
	}
	if (at->mounts && mounts_waits_for(at->mounts, path, p->base)) {
		return SOURCE_E_MAY_WAIT;
	}
	if (at->autofs && !has_shared(at) && would_trigger(at)) {
		return SOURCE_E_NO_DIRECTORY;
	}
	dir = open_base(at, path, f, ret_dir);
	if (dir < 0) {
		return errno == ENOENT || errno == ENOTDIR ? SOURCE_E_NO_DIRECTORY :
							     source_fail(f, -errno, path);
	}
	for (unsigned level = p->base;; level++) {
		int next, r = may_go_on(at, dir, ret_dir->mount);

		if (r) {
			return r;
		}
		watch_level(at, dir, level);
		if (level + 1 == p->n) {
			break;
		}
		if (!pattern_component(p, level, at->user_name, name)) {
			return source_fail(f, -ENAMETOOLONG, p->text);
		}
		next = only_directory(open_below(dir, name, O_PATH, 0), at->patient, ret_dir);
		if (next < 0) {
			int e = -errno;

			if (e == -ELOOP) {
				return source_refuse(f, "a symbolic link is on the way");
			}
			return e == -ENOENT || e == -ENOTDIR ? SOURCE_E_NO_DIRECTORY :
							       source_fail(f, e, name);
		}
		close_fd(dir);
		dir = next;
	}
	*ret = steal_fd(&dir);
	return 0;
}

/* Something may be mounted on the file itself. */
static int open_file(const struct source_place *at, int dir, const char *name)
{
	int fd = open_below(dir, name, FILE_FLAGS, at->patient ? 0 : RESOLVE_NO_XDEV);
	char path[PATTERN_PATH_MAX];
	const struct mount *on;

	if (fd >= 0 || errno != EXDEV || !at->mounts) {
		return fd;
	}
	on = mounts_at(at->mounts, source_path(at->pattern, at->user_name, path));
	if (on && on->kind == MOUNT_HERE) {
		return open_below(dir, name, FILE_FLAGS, 0);
	}
	errno = EXDEV;
	return -1;
}

/* A watch on the directory of that name, if one is wanted. false: it needs a descriptor, for inotify asks the file system,
 * which may have been mounted there by now and not answer. */
static bool watch_at_once(const struct source_place *at, const char *name)
{
	struct source_marks *m = at->marks;

	if (!at->watch || at->pattern->base <= at->pattern->first_user) {
		return true;
	}
	if (!m) {
		return false;
	}
	m->list[m->n].level = at->pattern->base;
	return watch_add_named(at->watch, at->shared->dir, name, &at->shared->file_system, &m->list[m->n++].mark);
}

/* Whether the directory of that name is where the shared one is, with nothing between. */
static bool look_plain(const struct source_place *at, const char *name, struct directory *ret)
{
	return !look_directory(at->shared->dir, name, false, ret) && ret->mount == at->shared->mount &&
	       ret->device == at->shared->device;
}

/* Opens the file as it mostly is, with one look at its directory or none: the shared one holds the user's, and there is
 * no link, no mount and no other file system on the way. 0, SOURCE_E_NO_FILE, or SOURCE_E_MAY_WAIT: open_steps tells what
 * there is instead.
 *
 * The directory is only named here, for its watch and for its owner. Of what is mounted there meanwhile nothing is asked
 * or believed; else that is as good as a descriptor: whoever could exchange it may write in the directory that all
 * share. */
static int open_at_once(const struct source_place *at, struct stat *ret, struct directory *ret_dir, int *ret_fd)
{
	const struct source_shared *s = at->shared;
	const struct pattern *p = at->pattern;
	_cleanup_(close_fdp) int fd = -1;
	char name[NAME_MAX + 1], file[NAME_MAX + 1], path[2 * NAME_MAX + 2];

	if (!has_shared(at) || at->autofs || !p->base || p->base + 1 != p->n ||
	    !pattern_component(p, p->base - 1, at->user_name, name) ||
	    !pattern_component(p, p->base, at->user_name, file) || !watch_at_once(at, name)) {
		return SOURCE_E_MAY_WAIT;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", name, file);	/* both fit */
	fd = open_below(s->dir, path, FILE_FLAGS, RESOLVE_NO_XDEV);
	if (fd < 0 && errno == ENOENT) {
		return look_plain(at, name, ret_dir) ? SOURCE_E_NO_FILE : SOURCE_E_MAY_WAIT;
	}
	if (fd < 0 || fstat(fd, ret) < 0 || ret->st_dev != s->device) {
		return SOURCE_E_MAY_WAIT;
	}
	*ret_dir = (struct directory){ ret->st_uid, s->mount, s->device };
	/* Whose the directory is matters for files of others only, and for such as have a second name. */
	if (((ret->st_uid != 0 && ret->st_uid != at->account && ret->st_uid != at->front_end) || ret->st_nlink > 1) &&
	    !look_plain(at, name, ret_dir)) {
		return SOURCE_E_MAY_WAIT;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Opens the file step by step. */
static int open_steps(const struct source_place *at, struct source_file *ret, struct directory *ret_dir, int *ret_fd)
{
	const struct pattern *p = at->pattern;
	_cleanup_(close_fdp) int dir = -1;
	char name[NAME_MAX + 1], path[PATTERN_PATH_MAX];
	int fd, r = open_directory(at, ret, &dir, ret_dir);

	if (r) {
		return r;
	}
	if (!pattern_component(p, p->n - 1, at->user_name, name)) {
		return source_fail(ret, -ENAMETOOLONG, p->text);
	}
	fd = open_file(at, dir, name);
	if (fd < 0) {
		int e = -errno;

		if (e == -ENOENT) {
			return SOURCE_E_NO_FILE;
		}
		if (e == -EXDEV) {
			return SOURCE_E_MAY_WAIT;
		}
		if (e == -EAGAIN) {	/* somebody has a write lease on it */
			return SOURCE_E_CHANGING;
		}
		if (e == -ELOOP || e == -ENXIO) {	/* ENXIO: a socket */
			return source_refuse(ret, e == -ELOOP ? "a symbolic link" : "not a regular file");
		}
		return source_fail(ret, e, source_path(p, at->user_name, path));
	}
	*ret_fd = fd;
	return 0;
}

int source_open(const struct source_place *at, struct source_file *f, struct stat *ret, struct directory *ret_dir, int *ret_fd)
{
	int r = open_at_once(at, ret, ret_dir, ret_fd);

	if (r != SOURCE_E_MAY_WAIT) {
		return r;
	}
	if (at->marks) {
		at->marks->n = 0;
	}
	r = open_steps(at, f, ret_dir, ret_fd);
	if (!r && fstat(*ret_fd, ret) < 0) {
		r = source_fail(f, -errno, at->pattern->text);
		close_fdp(ret_fd);
	}
	return r;
}
