/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "base/file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Of one call: a kernel that does not preempt itself lets others wait for the end of it. */
enum { STEP = 64 * 1024 };

int file_read_fd(int fd, size_t max, struct buf *ret)
{
	size_t total = 0;
	struct stat st;
	size_t step = STEP;

	/* Room for the whole file and the read that finds its end. */
	if (!fstat(fd, &st) && st.st_size > 0 && (uintmax_t)st.st_size <= max && (uintmax_t)st.st_size < SIZE_MAX) {
		step = (size_t)st.st_size + 1;
	}
	for (;;) {
		char *room = buf_room(ret, step);
		ssize_t n;

		if (!room) {
			return -ENOMEM;
		}
		n = read(fd, room, step < STEP ? step : STEP);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		if (!n) {
			return 0;
		}
		total += (size_t)n;
		if (total > max) {
			return -EFBIG;
		}
		ret->len += (size_t)n;
		step = step > (size_t)n ? step - (size_t)n : STEP;
	}
}

int file_read(int dir, const char *name, size_t max, struct buf *ret)
{
	_cleanup_(close_fdp) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : file_read_fd(fd, max, ret);
}

int file_write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t written = write(fd, at, n < STEP ? n : STEP);

		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written < 0) {
			return -errno;
		}
		at += written;
		n -= (size_t)written;
	}
	return 0;
}

int file_begin(int dir, const char *tmp, mode_t mode, int *ret_fd)
{
	int fd;

	if (unlinkat(dir, tmp, 0) < 0 && errno != ENOENT) {	/* left by a crash */
		return -errno;
	}
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		return -errno;
	}
	*ret_fd = fd;
	return 0;
}

int file_end(int dir, const char *tmp, const char *name, int *fd)
{
	int r = close(steal_fd(fd)) < 0 ? -errno : 0;	/* NFS reports a full disk only here */

	if (!r && renameat(dir, tmp, dir, name) < 0) {
		r = -errno;
	}
	if (r) {
		(void)unlinkat(dir, tmp, 0);	/* r already tells why */
	}
	return r;
}

static int replace(int dir, const char *name, const char *tmp, mode_t mode, const void *bytes,
		   size_t n, bool durable)
{
	_cleanup_(close_fdp) int fd = -1;
	int r = file_begin(dir, tmp, mode, &fd);

	if (r) {
		return r;
	}
	r = file_write_all(fd, bytes, n);
	if (!r && durable && fsync(fd) < 0) {
		r = -errno;
	}
	if (r) {
		(void)unlinkat(dir, tmp, 0);	/* r already tells why */
		return r;
	}
	r = file_end(dir, tmp, name, &fd);
	return !r && durable && fsync(dir) < 0 ? FILE_E_UNSYNCED : r;
}

int file_replace_durably(int dir, const char *name, const char *tmp, mode_t mode,
			 const void *bytes, size_t n)
{
	return replace(dir, name, tmp, mode, bytes, n, true);
}

int file_replace(int dir, const char *name, mode_t mode, const void *bytes, size_t n)
{
	char tmp[PATH_MAX];

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", name) >= (int)sizeof(tmp)) {
		return -ENAMETOOLONG;
	}
	return replace(dir, name, tmp, mode, bytes, n, false);
}

bool file_is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

bool file_is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

bool file_same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool file_same_state(const struct stat *a, const struct stat *b)
{
	return file_same_stat(a, b) && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}
