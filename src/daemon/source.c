/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/source_impl.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *source_path(const struct pattern *p, const char *user_name, char *ret)
{
	if (!pattern_path(p, p->n, user_name, ret)) {
		(void)snprintf(ret, PATTERN_PATH_MAX, "%s", p->text);
	}
	return ret;
}

void source_note_marks(const struct source_place *at, const struct source_marks *marks)
{
	for (unsigned i = 0; i < marks->n; i++) {
		watch_note(at->watch, &marks->list[i].mark, at->pattern_number,
			   marks->list[i].level, at->user);
	}
}

int source_fail(struct source_file *f, int error, const char *path)
{
	(void)snprintf(f->why, sizeof(f->why), "unable to open '%.200s': %s", path,
		       strerror(-error));
	return error;
}

int source_refuse(struct source_file *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(f->why, sizeof(f->why), format, ap);	/* cut where it is too long */
	va_end(ap);
	return SOURCE_E_REFUSED;
}

static uint64_t mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* What tells one state of a file from another. For a file that may not be read, its owner, mode and
 * links count too: they may be what is mended next. */
static uint64_t print_of(const struct stat *st, bool refused)
{
	uint64_t h = mix(mix(mix(mix(1, st->st_dev), st->st_ino), (uint64_t)st->st_size),
			 (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec);

	if (refused) {
		h = mix(mix(mix(mix(h, st->st_mode), st->st_uid), st->st_nlink),
			(uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec);
	}
	return h ? h : 1;
}

/* A file with a second name may be somebody else's, linked here to have it read. Not so the user's own, and what the
 * front end has in its own directory: there the other name is the stranger's, by which he could have it refused. */
static bool may_have_links(const struct source_place *at, const struct stat *st, const struct directory *dir)
{
	return (at->account != SOURCE_NO_ACCOUNT && st->st_uid == at->account) ||
	       (at->front_end != SOURCE_NO_ACCOUNT && st->st_uid == at->front_end && dir->owner == at->front_end);
}

/* The rules for a file that may be taken for its user's, by what fstat(2) says. */
static int check(const struct source_place *at, const struct stat *st, const struct directory *dir,
		 struct source_file *f)
{
	if (!S_ISREG(st->st_mode)) {
		return source_refuse(f, "not a regular file");
	}
	if (!st->st_nlink) {
		return SOURCE_E_CHANGING;	/* replaced since it was opened */
	}
	if (st->st_nlink != 1 && !may_have_links(at, st, dir)) {
		return source_refuse(f, "more than one link");
	}
	if (st->st_mode & S_IWOTH) {
		return source_refuse(f, "writable by everyone");
	}
	if (st->st_uid != at->account && st->st_uid != dir->owner && st->st_uid != 0 &&
	    st->st_uid != at->front_end) {
		return source_refuse(f, "owned by uid %u, who is neither the user nor the owner of its "
				 "directory", (unsigned)st->st_uid);
	}
	if ((uintmax_t)st->st_size > at->size_max) {
		return source_refuse(f, "larger than %zu bytes", at->size_max);
	}
	return 0;
}

/* Its own user's, beyond doubt: root's files may be in a home for any reason. */
static bool is_quotable(const struct source_place *at, const struct stat *st,
			const struct directory *dir)
{
	if (at->account != SOURCE_NO_ACCOUNT && st->st_uid == at->account) {
		return true;
	}
	return st->st_uid != 0 && (st->st_uid == dir->owner || st->st_uid == at->front_end);
}

/* Reads what fstat(2) said there is, and one byte more if there is one. */
static int read_sized(int fd, size_t size, struct buf *ret)
{
	char *room = buf_room(ret, size + 1);
	size_t total = 0;
	ssize_t n;

	if (!room) {
		return -ENOMEM;
	}
	do {
		n = read(fd, room + total, size + 1 - total);
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		total += n > 0 ? (size_t)n : 0;
	} while (n < 0 || (n && total < size));
	ret->len += total;
	return 0;
}

static int read_checked(const struct source_place *at, int fd, const struct stat *st, const struct directory *dir,
			uint64_t known, struct source_file *f)
{
	struct stat after;
	int r = check(at, st, dir, f);

	f->time = st->st_mtim;
	f->print = print_of(st, r);
	if (f->print == known) {
		return SOURCE_E_SAME;
	}
	if (r) {
		return r;
	}
	f->quotable = is_quotable(at, st, dir);
	f->from_front_end = st->st_uid == at->front_end;
	r = read_sized(fd, (size_t)st->st_size, &f->text);
	if (r) {
		return source_fail(f, r, at->pattern->text);
	}
	if (fstat(fd, &after) < 0) {
		return source_fail(f, -errno, at->pattern->text);
	}
	return !file_same_stat(st, &after) || f->text.len != (size_t)st->st_size ?
		       SOURCE_E_CHANGING : 0;
}

int source_read(const struct source_place *at, uint64_t known, struct source_file *ret)
{
	_cleanup_(close_fdp) int fd = -1;
	struct directory dir = { 0 };
	struct stat st;
	int r;

	buf_clear(&ret->text);
	ret->why[0] = '\0';
	ret->print = 1;	/* of what cannot even be looked at */
	ret->time = (struct timespec){ 0 };
	ret->by_link = false;
	r = source_open(at, ret, &st, &dir, &fd);
	if (r) {
		return r == SOURCE_E_REFUSED && ret->print == known ? SOURCE_E_SAME : r;
	}
	return read_checked(at, fd, &st, &dir, known, ret);
}
