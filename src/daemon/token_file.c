/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/token_file.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static const char ACL[] = "system.posix_acl_access"; /* acl(5) */

enum { MODE_NEW = 0640, SUFFIX_MAX = sizeof(".lock") - 1 };

/* Of a file that is there: where it is. Of another: where its name is to be. */
int token_file_find(const char *path, struct token_file *ret)
{
	_cleanup_(free_ptr) char *way = realpath(path, NULL);
	struct stat st;
	char *slash;
	size_t n;

	*ret = (struct token_file){ .dir = -1, .lock = -1 };
	if (!way && (errno != ENOENT ||
		     !lstat(path, &st))) { /* a link that leads to nothing is ENOENT, too */
		return -errno;
	}
	way = way ? way : strdup(path);
	if (!way) {
		return -ENOMEM;
	}
	slash = strrchr(way, '/');
	n = slash ? strlen(slash + 1) : 0;
	if (!n || n + SUFFIX_MAX > NAME_MAX) {
		return n ? -ENAMETOOLONG : -ENOENT;
	}
	memcpy(ret->name, slash + 1, n + 1);
	slash[slash == way] = '\0';
	ret->dir = open(way, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->dir < 0 ? -errno : 0;
}

void token_file_deinit(struct token_file *f)
{
	f->lock = close_fd(f->lock);
	f->dir = close_fd(f->dir);
	buf_deinit(&f->text);
	buf_deinit(&f->acl);
}

/* Nobody else may open it, or he could keep a token from being revoked. */
int token_file_lock(struct token_file *f)
{
	char name[NAME_MAX + 1];
	int r;

	(void)snprintf(name, sizeof(name), "%.*s.lock", (int)(NAME_MAX - SUFFIX_MAX), f->name);
	f->lock = openat(f->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			 0600);
	if (f->lock < 0) {
		return -errno;
	}
	do {
		r = flock(f->lock, LOCK_EX) < 0 ? -errno : 0;
	} while (r == -EINTR);
	return r;
}

static int read_acl(struct token_file *f, int fd)
{
	ssize_t n = fgetxattr(fd, ACL, NULL, 0);
	char *room = n > 0 ? buf_room(&f->acl, (size_t)n) : NULL;

	if (room) {
		n = fgetxattr(fd, ACL, room, (size_t)n);
	}
	if (n < 0) {
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	}
	f->acl.len = room ? (size_t)n : 0;
	return buf_error(&f->acl);
}

int token_file_read(struct token_file *f)
{
	_cleanup_(close_fdp) int fd =
		openat(f->dir, f->name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT) {
		f->uid = (uid_t)-1;
		f->gid = (gid_t)-1;
		f->mode = MODE_NEW;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		return TOKEN_FILE_E_TYPE;
	}
	f->exists = true;
	f->uid = st.st_uid;
	f->gid = st.st_gid;
	f->mode = st.st_mode & 07777;
	r = read_acl(f, fd);
	return r ? r : file_read_fd(fd, TOKENS_SIZE_MAX, &f->text);
}

static int set_owner(const struct token_file *f, int fd)
{
	struct stat st;
	uid_t uid;
	gid_t gid;
	int r = 0;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	uid = f->uid == st.st_uid ? (uid_t)-1 : f->uid;
	gid = f->gid == st.st_gid ? (gid_t)-1 : f->gid;
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(fd, uid, gid) < 0) {
		if (f->exists || errno != EPERM) {
			return -errno;
		}
		r = TOKEN_FILE_E_GROUP;
	}
	if (f->acl.len && fsetxattr(fd, ACL, f->acl.data, f->acl.len, 0) < 0) {
		return -errno;
	}
	return fchmod(fd, f->mode) < 0 ? -errno : r; /* last, for fchown takes bits away */
}

/* Closed to others until it has its owner and mode, and that before it has its name: the front end
 * never sees a file that it cannot read. */
int token_file_replace(const struct token_file *f, const void *bytes, size_t n)
{
	_cleanup_(close_fdp) int fd = -1;
	char tmp[NAME_MAX + 1];
	int r, owner;

	(void)snprintf(tmp, sizeof(tmp), "%.*s.tmp", (int)(NAME_MAX - SUFFIX_MAX), f->name);
	r = file_begin(f->dir, tmp, 0600, &fd);
	if (r) {
		return r;
	}
	r = file_write_all(fd, bytes, n);
	owner = r ? r : set_owner(f, fd);
	if (owner >= 0 && fsync(fd) < 0) {
		owner = -errno;
	}
	if (owner < 0) {
		(void)unlinkat(f->dir, tmp, 0); /* owner already tells why */
		return owner;
	}
	r = file_end(f->dir, tmp, f->name, &fd);
	return r ? r : fsync(f->dir) < 0 ? TOKEN_FILE_E_SYNC : owner;
}
