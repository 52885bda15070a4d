/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/mounts.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <uv.h>

#define TABLE_MAX ((size_t)64 << 20)

struct mounts {
	uv_poll_t poll;
	uv_idle_t idle;		/* for the first turns of the loop only */
	unsigned n_turns, n_handles;
	int fd;
	struct buf table;
	void (*changed)(void *arg);
	void *arg;
};

static int read_table(struct mounts *m)
{
	buf_clear(&m->table);
	if (lseek(m->fd, 0, SEEK_SET) < 0) {
		return -errno;
	}
	return file_read_fd(m->fd, TABLE_MAX, &m->table);
}

/* proc(5): a change shows as an exceptional condition, until the file is read again. */
static void readable(uv_poll_t *poll, int status, int events)
{
	struct mounts *m = poll->data;

	(void)status;	/* the table is read whatever it was */
	(void)events;
	(void)read_table(m);	/* what could not be read is not in it: then nothing is taken for mounted */
	m->changed(m->arg);
}

/* The kernel tells of each change once, and a change between the first reading of the table and the
 * loop's first wait is told to epoll_ctl(2), which forgets it. So after that wait, compare. */
static void on_turn(uv_idle_t *idle)
{
	struct mounts *m = idle->data;
	struct buf before = m->table;

	if (!m->n_turns++) {
		return;		/* it has not waited yet */
	}
	(void)uv_idle_stop(idle);	/* cannot fail */
	m->table = (struct buf){ 0 };
	(void)read_table(m);	/* as in readable */
	if (before.len != m->table.len || memcmp(before.data, m->table.data, before.len) != 0) {
		m->changed(m->arg);
	}
	buf_deinit(&before);
}

int mounts_new(struct uv_loop_s *loop, void (*changed)(void *arg), void *arg, struct mounts **ret)
{
	struct mounts *m = calloc(1, sizeof(*m));
	int r;

	if (!m) {
		return -ENOMEM;
	}
	m->changed = changed;
	m->arg = arg;
	m->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	r = m->fd < 0 ? -errno : read_table(m);
	if (!r) {
		r = uv_poll_init(loop, &m->poll, m->fd);
	}
	if (r) {
		buf_deinit(&m->table);
		close_fd(m->fd);
		free(m);
		return r;
	}
	(void)uv_idle_init(loop, &m->idle);	/* cannot fail */
	m->poll.data = m->idle.data = m;
	m->n_handles = 2;
	(void)uv_idle_start(&m->idle, on_turn);	/* fails only without a callback */
	r = uv_poll_start(&m->poll, UV_PRIORITIZED, readable);
	if (r) {
		mounts_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct mounts *m = handle->data;

	if (--m->n_handles) {
		return;
	}
	buf_deinit(&m->table);
	close_fd(m->fd);
	free(m);
}

struct mounts *mounts_free(struct mounts *m)
{
	if (m) {
		uv_close((uv_handle_t *)&m->poll, closed);
		uv_close((uv_handle_t *)&m->idle, closed);
	}
	return NULL;
}

/* The fifth field of a line of mountinfo, with \040 and its like undone. */
static bool line_is_at(const char *line, const char *end, const char *path)
{
	for (int field = 0; field < 4 && line; field++) {
		line = memchr(line, ' ', (size_t)(end - line));
		line = line ? line + 1 : NULL;
	}
	while (line && line < end && *line != ' ') {
		char c = *line++;

		if (c == '\\' && end - line >= 3) {
			c = (char)((line[0] - '0') << 6 | (line[1] - '0') << 3 | (line[2] - '0'));
			line += 3;
		}
		if (*path++ != c) {
			return false;
		}
	}
	return line && !*path;
}

bool mounts_has(const struct mounts *m, const char *path)
{
	const char *at = m->table.data, *end = at + m->table.len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		if (line_is_at(at, stop, path)) {
			return true;
		}
		at = stop + 1;
	}
	return false;
}
