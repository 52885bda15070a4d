/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/database_impl.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>

enum {
	LEASE_TRIES = 20,		/* somebody who has opened the second file just before it became that */
	LEASE_PAUSE_NS = 100 * 1000,
	MANY_SHARE = 8,			/* above one part in so many of all names, a new file is quicker */
	MANY_MIN = 1000,
	MARK_TYPE = 65280,		/* for private use (RFC 6895, section 3.1) */
	MARK_LABEL = 32,
};

struct database {
	char *path;
	char base[DATABASE_NAME_SIZE];
	int dir, inotify;
	struct database_file visible, second;
	struct database_rest rest;
	struct database_shape shape;
	bool has_shape;		/* of the visible file */
	bool only_whole;	/* this file system has no lease, or no exchange; said once */
	uint32_t *behind, n_behind, size_behind;	/* names that the second file has older addresses of */
	size_t second_from;	/* where it begins to differ from the visible one in more than addresses; SIZE_MAX */
	char mark[MARK_LABEL + 64];	/* the line */
	uint8_t mark_key[MARK_LABEL + 16];
	size_t n_mark_key;
	struct buf trouble;
};

static int fail(struct database *d, int error, const char *what)
{
	buf_clear(&d->trouble);
	buf_printf(&d->trouble, "unable to %s '%s': %s", what, d->path, strerror(-error));
	return error;
}

const char *database_trouble(struct database *d)
{
	return buf_str(&d->trouble);
}

static const char *beside(const struct database *d, const char *suffix, char ret[DATABASE_NAME_SIZE])
{
	/* open_dir has refused a base that is too long for this */
	(void)snprintf(ret, DATABASE_NAME_SIZE, ".%.*s.dnsu.%.8s", NAME_MAX - 16, d->base, suffix);
	return ret;
}

/* --- making and unmaking --- */

/* An owner name that nobody else has. */
static int make_mark(struct database *d)
{
	static const char top[] = "\7invalid";	/* RFC 2606; its own 0 ends it */
	uint8_t random[MARK_LABEL];
	char label[MARK_LABEL + 1];

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		return -errno;
	}
	for (size_t i = 0; i < MARK_LABEL; i++) {
		label[i] = "abcdefghijklmnopqrstuvwxyz234567"[random[i] % 32];
	}
	label[MARK_LABEL] = '\0';
	(void)snprintf(d->mark, sizeof(d->mark), ":%s.invalid:%d:x:1\n", label, MARK_TYPE);
	d->mark_key[0] = MARK_LABEL;
	memcpy(d->mark_key + 1, label, MARK_LABEL);
	memcpy(d->mark_key + 1 + MARK_LABEL, top, sizeof(top));
	d->n_mark_key = 1 + MARK_LABEL + sizeof(top);
	return 0;
}

int database_new(const char *path, struct database **ret)
{
	struct database *d = calloc(1, sizeof(*d));
	int r;

	if (!d) {
		return -ENOMEM;
	}
	d->dir = d->visible.fd = d->second.fd = -1;
	d->second_from = SIZE_MAX;
	d->path = strdup(path);
	d->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r = !d->path ? -ENOMEM : d->inotify < 0 ? -errno : make_mark(d);
	if (r) {
		database_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

static void drop_second(struct database *d)
{
	char name[DATABASE_NAME_SIZE];

	d->second.fd = close_fd(d->second.fd);
	d->second_from = SIZE_MAX;
	if (d->dir >= 0) {
		(void)unlinkat(d->dir, beside(d, "alt", name), 0);	/* it may not be there */
	}
}

struct database *database_free(struct database *d)
{
	if (!d) {
		return NULL;
	}
	drop_second(d);
	close_fd(d->visible.fd);
	close_fd(d->dir);
	close_fd(d->inotify);
	database_rest_deinit(&d->rest);
	database_shape_deinit(&d->shape);
	buf_deinit(&d->trouble);
	free(d->behind);
	free(d->path);
	free(d);
	return NULL;
}

const char *database_mark(const struct database *d)
{
	return d->mark;
}

int database_set_rest(struct database *d, const struct buf *cdb, uint32_t default_serial)
{
	struct database_rest rest;
	int r = database_rest_read(cdb, default_serial, d->mark_key, d->n_mark_key, &rest);

	if (r) {
		return r;
	}
	database_rest_deinit(&d->rest);
	d->rest = rest;
	d->has_shape = false;
	return 0;
}

/* --- the directory --- */

/* Links are followed once, as it is found. */
static int open_dir(struct database *d)
{
	_cleanup_(free_ptr) char *real = realpath(d->path, NULL);
	_cleanup_(close_fdp) int dir = -1;
	char name[DATABASE_NAME_SIZE];
	char *slash;

	if (!real) {	/* it need not be there yet */
		real = strdup(d->path);
	}
	if (!real) {
		return fail(d, -ENOMEM, "find");
	}
	slash = strrchr(real, '/');
	*slash = '\0';
	if (strlen(slash + 1) > NAME_MAX - 16) {
		return fail(d, -ENAMETOOLONG, "use");
	}
	dir = open(slash == real ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return fail(d, -errno, "open the directory of");
	}
	close_fd(d->dir);
	d->dir = steal_fd(&dir);
	(void)snprintf(d->base, sizeof(d->base), "%s", slash + 1);	/* measured above */
	/* Without a watch, the next publish notices. */
	(void)inotify_add_watch(d->inotify, slash == real ? "/" : real, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
	(void)unlinkat(d->dir, beside(d, "part", name), 0);	/* what a crash has left, perhaps */
	(void)unlinkat(d->dir, beside(d, "alt", name), 0);
	return 0;
}

int database_fd(const struct database *d)
{
	return d->inotify;
}

/* As we left it: nobody has put another one there, or written to it, as cp(1) and scp(1) do. */
static bool is_ours(const struct database_file *f, const struct stat *st)
{
	return st->st_ino == f->ino && st->st_dev == f->dev && st->st_mtim.tv_sec == f->time.tv_sec &&
	       st->st_mtim.tv_nsec == f->time.tv_nsec;
}

static bool is_in_sight(const struct database *d)
{
	struct stat st;

	return d->visible.fd >= 0 && !stat(d->path, &st) && is_ours(&d->visible, &st);
}

bool database_look(struct database *d)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(d->inotify, events, sizeof(events)) > 0) {
	}
	return d->visible.fd >= 0 && !is_in_sight(d);
}

int database_dup(const struct database *d)
{
	return d->visible.fd < 0 ? -1 : fcntl(d->visible.fd, F_DUPFD_CLOEXEC, 0);
}

/* --- a new file --- */

/* As the one that it replaces was, if there is one. */
static int copy_meta(const struct database *d, int fd)
{
	struct stat st;

	if (fstatat(d->dir, d->base, &st, 0) < 0) {
		return fchmod(fd, 0644) < 0 ? -errno : 0;
	}
	(void)!fchown(fd, (uid_t)-1, st.st_gid);	/* where that is permitted */
	return fchmod(fd, st.st_mode & 0777) < 0 ? -errno : 0;
}

static int set_time(int fd, const struct timespec *time)
{
	const struct timespec times[2] = { *time, *time };

	return futimens(fd, times) < 0 ? -errno : 0;
}

static uint32_t serial_of(const struct timespec *time)
{
	return (uint32_t)time->tv_sec;
}

static int note_file(struct database_file *f, int fd, uint32_t serial)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	*f = (struct database_file){
		.fd = fd, .dev = st.st_dev, .ino = st.st_ino, .time = st.st_mtim, .serial = serial,
	};
	return 0;
}

static int create(struct database *d, const char *name, int *ret)
{
	if (unlinkat(d->dir, name, 0) < 0 && errno != ENOENT) {
		return -errno;
	}
	*ret = openat(d->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *ret < 0 ? -errno : 0;
}

/* What is visible then is whole, and has the right time from the first moment on. */
static int put_whole(struct database *d, const struct database_content *c, const struct timespec *time)
{
	_cleanup_(close_fdp) int fd = -1;
	struct database_file file;
	char part[DATABASE_NAME_SIZE];
	int r;

	r = open_dir(d);
	if (r) {
		return r;
	}
	beside(d, "part", part);
	d->second.fd = close_fd(d->second.fd);	/* open_dir has unlinked it */
	d->second_from = SIZE_MAX;
	d->n_behind = 0;
	d->has_shape = false;
	r = create(d, part, &fd);
	if (!r) {
		r = database_build(fd, c, &d->rest, serial_of(time), &d->shape);
	}
	if (!r) {
		r = copy_meta(d, fd);
	}
	if (!r) {
		r = set_time(fd, time);
	}
	if (!r) {
		r = note_file(&file, fd, serial_of(time));
	}
	if (!r && renameat(d->dir, part, d->dir, d->base) < 0) {
		r = -errno;
	}
	if (r) {
		(void)unlinkat(d->dir, part, 0);	/* r already tells why */
		return fail(d, r, "write");
	}
	close_fd(d->visible.fd);
	d->visible = file;
	(void)steal_fd(&fd);
	d->has_shape = true;
	return 0;
}

/* --- the second file --- */

bool database_wants_copy(const struct database *d)
{
	return d->has_shape && (d->second.fd < 0 || d->second_from != SIZE_MAX) && !d->only_whole;
}

/* Whether it still has the bytes that we have written. */
static bool is_as_written(const struct database *d)
{
	struct stat st;

	return !fstat(d->visible.fd, &st) && (size_t)st.st_size == d->shape.size && is_ours(&d->visible, &st);
}

static int copy_bytes(int from, int to, size_t size)
{
	off_t in = 0, out = 0;

	(void)!fallocate(to, 0, 0, (off_t)size);	/* in one piece, where that is possible */
	while ((size_t)in < size) {
		ssize_t n = copy_file_range(from, &in, to, &out, size - (size_t)in, 0);

		if (n <= 0) {
			return n < 0 ? -errno : -EIO;
		}
	}
	return 0;
}

static int give_back(const struct database *d)
{
	return fcntl(d->second.fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 0;
}

/* Under the lease: nobody has written to it since it was in sight. */
static int check_second(const struct database *d)
{
	struct stat st;

	return fstat(d->second.fd, &st) < 0 ? -errno : is_ours(&d->second, &st) ? 0 : -ESTALE;
}

/* After records have come or gone: the second file follows from there on. */
static int catch_up(struct database *d)
{
	int r, e;

	if (fcntl(d->second.fd, F_SETLEASE, F_WRLCK) < 0) {
		return 0;	/* somebody reads it still: the next publish does it */
	}
	r = is_as_written(d) ? check_second(d) : -EIO;
	if (!r) {
		r = database_change(d->visible.fd, d->second.fd, &d->second_from, NULL, NULL, 0, &d->shape);
	}
	if (!r) {	/* some serials are of one, and some of the other */
		r = note_file(&d->second, d->second.fd, ~d->visible.serial);
	}
	e = give_back(d);
	r = r ? r : e;
	if (r) {
		drop_second(d);
	}
	return r;
}

int database_copy(struct database *d)
{
	_cleanup_(close_fdp) int fd = -1;
	char name[DATABASE_NAME_SIZE];
	int r;

	if (d->second.fd >= 0) {
		return catch_up(d);
	}
	beside(d, "alt", name);
	r = is_as_written(d) ? create(d, name, &fd) : -EIO;
	if (!r) {
		r = copy_bytes(d->visible.fd, fd, d->shape.size);
	}
	if (!r) {
		r = copy_meta(d, fd);
	}
	if (!r) {
		r = note_file(&d->second, fd, d->visible.serial);
	}
	if (r) {
		(void)unlinkat(d->dir, name, 0);	/* r already tells why */
		d->second.fd = -1;
		return r;
	}
	(void)steal_fd(&fd);
	d->n_behind = 0;
	return 0;
}

/* --- an exchange --- */

/* Notes which of the names will have more records, or fewer. false: too many. */
static bool note_moving(const struct database *d, const struct database_content *c, const uint32_t *names,
			uint32_t n, uint32_t ret[DATABASE_CHANGES_MAX], unsigned *ret_n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t count = database_count(database_set(c, names[i]));
		bool noted = false;

		if (count != DATABASE_MANY && count == d->shape.counts[names[i]]) {
			continue;
		}
		for (unsigned k = 0; k < *ret_n; k++) {
			noted = noted || ret[k] == names[i];
		}
		if (!noted && *ret_n == DATABASE_CHANGES_MAX) {
			return false;
		}
		if (!noted) {
			ret[(*ret_n)++] = names[i];
		}
	}
	return true;
}

/* What the other file lacks counts too: more of it may be known by now than was handed on, and a byte beyond its place
 * would be the next one's. */
static bool may_patch(const struct database *d, const struct database_content *c, const uint32_t *names,
		      uint32_t n, uint32_t ret_moving[DATABASE_CHANGES_MAX], unsigned *ret_n)
{
	uint64_t n_writes = (uint64_t)n + d->n_behind;

	if (!names || !d->has_shape || d->second.fd < 0 || d->only_whole ||
	    d->shape.ttl != c->ttl || (n_writes > MANY_MIN && n_writes > d->shape.n_names / MANY_SHARE)) {
		return false;
	}
	return note_moving(d, c, names, n, ret_moving, ret_n) &&
	       note_moving(d, c, d->behind, d->n_behind, ret_moving, ret_n) && is_in_sight(d) &&
	       ((!*ret_n && d->second_from == SIZE_MAX) || is_as_written(d));
}

/* Nobody but us has it open, and nobody can open it, until the lease is given back. */
static int take_lease(struct database *d)
{
	const struct timespec pause = { .tv_nsec = LEASE_PAUSE_NS };

	for (int i = 0; i < LEASE_TRIES; i++) {
		if (!fcntl(d->second.fd, F_SETLEASE, F_WRLCK)) {
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR) {
			d->only_whole = true;
			log_warning("no lease can be had on a file beside the database; each change makes a whole one");
			return -errno;
		}
		(void)nanosleep(&pause, NULL);
	}
	return -EAGAIN;
}

/* Brings the second file up to date; what it lacks is what changed now, and what changed last. */
static int patch(struct database *d, const struct database_content *c, const uint32_t *names, uint32_t n,
		 const struct timespec *time)
{
	struct database_spots spots;
	int r = 0, e;

	database_spots_begin(&spots, d->second.fd, d->shape.size);
	for (uint32_t i = 0; !r && i < d->n_behind; i++) {
		r = database_patch(&spots, c, &d->shape, d->behind[i]);
	}
	for (uint32_t i = 0; !r && i < n; i++) {
		r = database_patch(&spots, c, &d->shape, names[i]);
	}
	e = database_spots_end(&spots);
	r = r ? r : e;
	if (!r && d->second.serial != serial_of(time)) {
		r = database_patch_serials(d->second.fd, &d->rest, &d->shape, serial_of(time));
		d->second.serial = serial_of(time);
	}
	r = r ? r : set_time(d->second.fd, time);
	return r ? r : note_file(&d->second, d->second.fd, d->second.serial);
}

/* Names that the file which comes out will lack. */
static int note_behind(struct database *d, const uint32_t *names, uint32_t n)
{
	if (n > d->size_behind) {
		uint32_t *more = reallocarray(d->behind, n, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		d->behind = more;
		d->size_behind = n;
	}
	if (n) {
		memcpy(d->behind, names, n * sizeof(*names));
	}
	d->n_behind = n;
	return 0;
}

static int exchange(struct database *d)
{
	struct database_file was = d->visible;
	char name[DATABASE_NAME_SIZE];
	struct stat st;

	beside(d, "alt", name);
	if (renameat2(d->dir, name, d->dir, d->base, RENAME_EXCHANGE) < 0) {
		int r = -errno;

		if (r == -EINVAL) {
			d->only_whole = true;
			log_warning("the file system of the database cannot exchange two files; each change makes a "
				    "whole one");
		}
		return r;
	}
	d->visible = d->second;
	d->second = was;
	/* Somebody may have put his own there just before: of no use to us, and gone from sight. */
	if (fstatat(d->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != was.ino || st.st_dev != was.dev) {
		drop_second(d);
	}
	return 0;
}

/* 0, or anything else: a whole file has to be made. */
static int put_exchanged(struct database *d, const struct database_content *c, const uint32_t *names,
			 uint32_t n, const uint32_t *moving, unsigned n_moving, const struct timespec *time)
{
	int r, e;

	r = take_lease(d);
	if (r) {
		return r;
	}
	r = check_second(d);
	if (!r && (n_moving || d->second_from != SIZE_MAX)) {
		r = database_change(d->visible.fd, d->second.fd, &d->second_from, c, moving, n_moving, &d->shape);
		d->second.serial = ~serial_of(time);
	}
	if (!r) {
		r = patch(d, c, names, n, time);
	}
	e = give_back(d);
	r = r ? r : e;
	if (!r) {
		r = exchange(d);
	}
	if (!r && note_behind(d, names, n)) {
		drop_second(d);
	}
	return r;
}

int database_put(struct database *d, const struct database_content *c, const uint32_t *names, uint32_t n,
		 const struct timespec *time)
{
	uint32_t moving[DATABASE_CHANGES_MAX];
	unsigned n_moving = 0;

	if (may_patch(d, c, names, n, moving, &n_moving) && !put_exchanged(d, c, names, n, moving, n_moving, time)) {
		return 0;
	}
	return put_whole(d, c, time);
}
