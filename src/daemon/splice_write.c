/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/splice_impl.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <time.h>

enum { XATTR_SIZE = 64 * 1024, COMPARE_SIZE = 64 * 1024 };

#define TIME_MAX (INT64_MAX / 2)	/* seconds; beyond, somebody plays with the clock */

static void copy_xattrs(struct splice *s, int from, int to)
{
	char names[XATTR_SIZE], value[XATTR_SIZE];
	ssize_t n = flistxattr(from, names, sizeof(names));

	if (n < 0 && errno != ENOTSUP && !s->copy_said) {
		s->copy_said = true;
		splice_say(s, LOG_WARNING, "unable to keep the attributes of %s: %s", s->path, strerror(errno));
	}
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		const char *name = names + i;
		ssize_t size;

		if (strncmp(name, "user.", 5) && strcmp(name, "system.posix_acl_access")) {
			continue;
		}
		size = fgetxattr(from, name, value, sizeof(value));
		if ((size < 0 || fsetxattr(to, name, value, (size_t)size, 0) < 0) && !s->copy_said) {
			s->copy_said = true;
			splice_say(s, LOG_WARNING, "unable to keep the attribute %s of %s: %s", name, s->path,
			    strerror(errno));
		}
	}
}

/* The new file gets the old one's group and mode, its owner where permitted, ACLs and attributes. */
static int copy_meta(struct splice *s, const struct stat *old, int to)
{
	_cleanup_(close_fdp) int from =
		openat(s->dir, s->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat new;

	if (from < 0 || fstat(to, &new) < 0) {
		return -errno;
	}
	if (new.st_gid != old->st_gid && fchown(to, (uid_t)-1, old->st_gid) < 0 && !s->group_said) {
		s->group_said = true;
		splice_say(s, LOG_WARNING, "unable to keep group %u of %s: %s; it gets group %u",
		    (unsigned)old->st_gid, s->path, strerror(errno), (unsigned)new.st_gid);
	}
	if (new.st_uid != old->st_uid && fchown(to, old->st_uid, (gid_t)-1) < 0 && !s->owner_said) {
		s->owner_said = true;
		splice_say(s, LOG_INFO, "%s belonged to uid %u and now belongs to uid %u", s->path,
		    (unsigned)old->st_uid, (unsigned)new.st_uid);
	}
	if (fchmod(to, old->st_mode & 07777) < 0) {
		return -errno;
	}
	copy_xattrs(s, from, to);
	return 0;
}

/* make(1) takes a target for up to date that is not older than its source, and tinydns-data takes
 * the whole second as the SOA serial: hence never a time that was there before. */
static int set_time(struct splice *s, int fd, const struct stat *old, const struct splice_put *put)
{
	struct timespec now, t[2] = { { .tv_nsec = UTIME_NOW } };
	struct stat st;

	(void)clock_gettime(CLOCK_REALTIME, &now);	/* cannot fail */
	t[1] = now;
	if (put->next_second && t[1].tv_sec <= old->st_mtim.tv_sec &&
	    old->st_mtim.tv_sec < TIME_MAX) {
		t[1] = (struct timespec){ .tv_sec = old->st_mtim.tv_sec + 1 };
	}
	if (!file_is_later(&t[1], &put->not_before) && put->not_before.tv_sec < TIME_MAX) {
		t[1] = put->not_before;
		t[1].tv_nsec += TICK_NS;
		if (t[1].tv_nsec >= 1000000000) {
			t[1].tv_nsec -= 1000000000;
			t[1].tv_sec++;
		}
	}
	if (futimens(fd, t) < 0 || fstat(fd, &st) < 0) {
		return -errno;
	}
	if (st.st_mtim.tv_nsec != t[1].tv_nsec) {	/* this file system keeps coarser times */
		t[1] = (struct timespec){ .tv_sec = t[1].tv_sec + 1 };
		if (futimens(fd, t) < 0) {
			return -errno;
		}
	}
	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	if (st.st_mtim.tv_sec - now.tv_sec <= 2 && file_is_later(&st.st_mtim, &put->not_before)) {
		s->lead_said = false;
	} else if (!s->lead_said) {
		s->lead_said = true;
		splice_say(s, LOG_WARNING,
			   "%s gets a modification time %lld s ahead of the clock, for the database or "
			   "the file itself was that far ahead%s", s->path,
			   (long long)(st.st_mtim.tv_sec - now.tv_sec),
			   file_is_later(&st.st_mtim, &put->not_before) ? "" :
			   "; it cannot be later than the database, and make(1) will not make that anew");
	}
	return 0;
}

static int write_part(struct splice *s, const char *part, const struct buf *new,
		      const struct stat *old, const struct splice_put *put)
{
	_cleanup_(close_fdp) int fd =
		openat(s->dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0) {
		return -errno;
	}
	r = file_write_all(fd, new->data, new->len);
	if (!r) {
		r = copy_meta(s, old, fd);
	}
	if (!r) {
		r = set_time(s, fd, old, put);
	}
	if (!r && fsync(fd) < 0) {
		r = -errno;
	}
	if (!r && close(steal_fd(&fd)) < 0) {
		r = -errno;
	}
	return r;
}

/* What lies under .swap after the exchange was reversed. It is ours, unless somebody renamed his
 * file over the name just then: that is the newest, and goes back where he put it. */
static int undo(struct splice *s, const char *swap, const struct stat *ours, const struct buf *old,
		const struct buf *new)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct stat st;

	if (renameat2(s->dir, swap, s->dir, s->base, RENAME_EXCHANGE) < 0 ||
	    fstatat(s->dir, swap, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		return -errno;
	}
	if (splice_same_inode(&st, ours)) {
		return late_add(s, swap, new, NULL);	/* somebody may have opened it meanwhile, to write to it */
	}
	if (!splice_read_whole(s, swap, &text, &st)) {
		late_add_copy(s, &text, old);
	}
	if (renameat2(s->dir, swap, s->dir, s->base, RENAME_EXCHANGE) < 0) {
		return -errno;
	}
	/* Whoever did that has not seen the edit that is displaced now: it is merged. */
	return late_add(s, swap, old, NULL);
}

/* Whether the file is the text, byte by byte; that it cannot be told counts as no. */
static bool reads_like(const struct splice *s, const char *name, const struct buf *text, struct stat *ret_st)
{
	_cleanup_(close_fdp) int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char bytes[COMPARE_SIZE];
	struct stat after;
	size_t at = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, ret_st) < 0) {
		return false;
	}
	while ((n = read(fd, bytes, sizeof(bytes))) > 0 && (size_t)n <= text->len - at &&
	       !memcmp(bytes, text->data + at, (size_t)n)) {
		at += (size_t)n;
	}
	return !n && at == text->len && !fstat(fd, &after) && file_same_stat(ret_st, &after);
}

/* After the exchange: what came out must be what was read, else -EAGAIN and the file is again what
 * the administrator made it. */
static int settle_exchange(struct splice *s, const char *swap, const struct stat *ours,
			   const struct buf *old, const struct stat *old_st, const struct buf *new)
{
	_cleanup_(buf_deinit) struct buf out = { 0 };
	struct stat st;
	int r;

	if (reads_like(s, swap, old, &st)) {
		return late_add(s, swap, old, &st);
	}
	r = splice_read_whole(s, swap, &out, &st);
	/* Who only ever adds, without end, would have us undo for ever: what he adds is merged. */
	if ((r || !buf_same(&out, old)) &&
	    !(s->insist && !r && splice_within(s, old, &out) == 1)) {
		/* What was written in place needs no copy: that file stays, whoever has it open. */
		if (!r && !splice_same_inode(&st, old_st)) {
			late_add_copy(s, &out, old);
		}
		r = undo(s, swap, ours, old, new);
		return r ? r : -EAGAIN;
	}
	return late_add(s, swap, old, buf_same(&out, old) ? &st : NULL);
}

static int exchange(struct splice *s, const char *part, const struct stat *ours,
		    const struct buf *old, const struct stat *old_st, const struct buf *new)
{
	char swap[NAME_SIZE_FILE];
	struct stat now;
	int r;

	/* Not needed to be right: to be seldom wrong, for undoing shows others the old text. */
	if (!s->insist && (fstatat(s->dir, s->base, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
			   !file_same_stat(&now, old_st))) {
		return -EAGAIN;
	}
	splice_beside(s, "swap", swap);
	if (linkat(s->dir, part, s->dir, swap, 0) < 0) {
		return splice_fail(s, -errno, "link", swap);
	}
	if (renameat2(s->dir, swap, s->dir, s->base, RENAME_EXCHANGE) < 0) {
		r = -errno;
		(void)unlinkat(s->dir, swap, 0);	/* r already tells why */
		(void)splice_fail(s, r, "exchange", s->base);
		if (r == -EINVAL) {
			buf_adds(&s->trouble, " (this file system cannot exchange two files; "
					      "see 'replace' in dns-updater.conf(5))");
		}
		return r;
	}
	r = settle_exchange(s, swap, ours, old, old_st, new);
	s->unsettled = r && r != -EAGAIN;
	return s->unsettled ? splice_fail(s, r, "put aside", swap) : r;
}

/* Where there is no exchange: what was read is compared once more, then replaced. What is written
 * between the two is lost; dns-updater.conf(5) says so under `replace'. */
static int replace_by_rename(struct splice *s, const char *part, const struct buf *old)
{
	_cleanup_(buf_deinit) struct buf again = { 0 };
	struct stat st;
	int r;

	r = splice_read_whole(s, s->base, &again, &st);
	if (r || !buf_same(&again, old)) {
		return r ? r : -EAGAIN;
	}
	if (renameat(s->dir, part, s->dir, s->base) < 0) {
		return splice_fail(s, -errno, "replace", s->base);
	}
	return 0;
}

int splice_write_over(struct splice *s, const struct buf *old, const struct stat *old_st,
		      const struct buf *new, const struct splice_put *put)
{
	char part[NAME_SIZE_FILE];
	struct stat ours = { 0 }, now;
	int r;

	splice_beside(s, "part", part);
	if (unlinkat(s->dir, part, 0) < 0 && errno != ENOENT) {
		return splice_fail(s, -errno, "remove", part);
	}
	r = write_part(s, part, new, old_st, put);
	if (!r && fstatat(s->dir, part, &ours, AT_SYMLINK_NOFOLLOW) < 0) {
		r = -errno;
	}
	if (r) {
		(void)splice_fail(s, r, "write", part);
	} else if (s->o.by_rename) {
		r = replace_by_rename(s, part, old);
	} else {
		r = exchange(s, part, &ours, old, old_st, new);
	}
	/* With what lies under .swap it tells how far we came. */
	if (!s->unsettled && unlinkat(s->dir, part, 0) < 0 && errno != ENOENT && !r) {
		r = splice_fail(s, -errno, "remove", part);
	}
	s->unsettled = false;
	s->in_place = !fstatat(s->dir, s->base, &now, AT_SYMLINK_NOFOLLOW) && splice_same_inode(&now, &ours);
	if (r) {
		s->recovered = s->recovered && r == -EAGAIN; /* clear up before the next attempt */
		return r;
	}
	splice_note_serial(s, new);
	if (fstatat(s->dir, s->base, &s->known, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !splice_same_inode(&s->known, &ours) || !file_same_stat(&s->known, &ours)) {
		s->known = (struct stat){ 0 };	/* somebody was quick: look at it */
	}
	return fsync(s->dir) < 0 ? splice_fail(s, -errno, "flush the directory of", s->base) : 0;
}
