/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* One job of a thread at a time: it removes the file that is not needed any more, and writes what was added
 * meanwhile to the other one. So what waits for the disk waits together. */

#include "daemon/claims.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { N_FILES = 2, NONE = -1 };

struct claims {
	uv_loop_t *loop;
	char paths[N_FILES][PATH_MAX], directory[PATH_MAX];
	claims_done_fn *done;
	void *arg;

	bool is_there[N_FILES];	/* or will be, when the thread has done what it was told */
	int active;		/* the one that is written to */
	int covered;		/* what it has, the state that is being saved has too */
	int useless;		/* to be removed */
	struct buf waiting;
	uint64_t n_added;
	bool failing;

	uv_work_t work;
	bool working;		/* the thread has what follows */
	struct buf bytes;
	const char *to, *remove;
	uint64_t upto;		/* of what was added, all is in there or was before */
	int r;
};

/* --- in the thread --- */

/* A new file is there for sure once its directory is flushed. */
static int flush_directory(const char *path)
{
	_cleanup_(close_fdp) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 || fsync(dir) < 0 ? -errno : 0;
}

static int append(const char *path, const char *directory, const struct buf *bytes)
{
	_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		return -errno;
	}
	r = file_write_all(fd, bytes->data, bytes->len);
	if (!r && fdatasync(fd) < 0) {
		r = -errno;
	}
	return r || st.st_size ? r : flush_directory(directory);
}

static void on_work(uv_work_t *work)
{
	struct claims *c = work->data;

	if (c->remove) {
		(void)unlink(c->remove);	/* if it stays, more seems to be ours than is */
	}
	c->r = buf_error(&c->bytes);
	if (c->bytes.len && !c->r) {
		c->r = append(c->to, c->directory, &c->bytes);
	}
}

/* --- in the loop --- */

static void go_on(struct claims *c);

static void say(struct claims *c, int r)
{
	if (r && !c->failing) {
		log_error("unable to write '%s': %s; what is published for the first time may stay at the name "
			  "server if we are killed right then", c->to, strerror(-r));
	}
	c->failing = r;
}

static void on_done(uv_work_t *work, int status)
{
	struct claims *c = work->data;

	(void)status;
	c->working = false;
	if (c->bytes.len || c->r) {
		say(c, c->r);
	}
	c->done(c->arg, c->upto);
	go_on(c);
}

static void go_on(struct claims *c)
{
	struct buf empty = c->bytes;

	if (c->working || (c->upto == c->n_added && c->useless == NONE)) {
		return;
	}
	c->bytes = c->waiting;
	c->waiting = empty;
	buf_clear(&c->waiting);
	c->upto = c->n_added;
	c->to = c->paths[c->active];
	c->remove = c->useless == NONE ? NULL : c->paths[c->useless];
	c->useless = NONE;
	c->is_there[c->active] |= c->bytes.len > 0;
	c->working = true;
	(void)uv_queue_work(c->loop, &c->work, on_work, on_done);	/* fails only without a callback */
}

uint64_t claims_add(struct claims *c, const char *lines, size_t n)
{
	/* One that a power cut has cut off ends here. */
	buf_adds(&c->waiting, "\n");
	buf_add(&c->waiting, lines, n);
	c->n_added++;
	go_on(c);
	return c->n_added;
}

bool claims_save_begins(struct claims *c)
{
	if (!c->is_there[!c->active]) {
		c->active = !c->active;
	}
	c->covered = !c->active;
	return c->is_there[c->covered];
}

bool claims_saved(struct claims *c)
{
	if (c->is_there[c->covered]) {
		c->is_there[c->covered] = false;
		c->useless = c->covered;
		go_on(c);
	}
	return c->is_there[c->active];
}

/* --- start and end --- */

int claims_new(struct uv_loop_s *loop, const char *state, claims_done_fn *done, void *arg, struct claims **ret)
{
	struct claims *c = calloc(1, sizeof(*c));
	bool fits = true;

	if (!c) {
		return -ENOMEM;
	}
	c->loop = loop;
	c->done = done;
	c->arg = arg;
	c->useless = NONE;
	c->work.data = c;
	for (int i = 0; i < N_FILES; i++) {
		int n = snprintf(c->paths[i], PATH_MAX, "%s.claims%d", state, i + 1);

		fits = fits && n < PATH_MAX;
	}
	if (!fits) {
		free(c);
		return -ENAMETOOLONG;
	}
	memcpy(c->directory, state, strlen(state) + 1);
	(void)dirname(c->directory);	/* it is absolute: in place */
	*ret = c;
	return 0;
}

struct claims *claims_free(struct claims *c, bool is_saved)
{
	for (int i = 0; c && is_saved && i < N_FILES; i++) {
		if (c->is_there[i] || c->useless == i) {
			(void)unlink(c->paths[i]);	/* as above */
		}
	}
	if (c) {
		buf_deinit(&c->waiting);
		buf_deinit(&c->bytes);
		free(c);
	}
	return NULL;
}

/* Lines without an end were never sent. */
static void take_lines(const struct buf *text, struct publish *p)
{
	struct text rest = { text->data, text->len }, line;

	while (text_split(rest, '\n', &line, &rest)) {
		publish_take_memory(p, line.at, line.n);
	}
}

int claims_load(struct claims *c, struct publish *p, bool *ret_any)
{
	*ret_any = false;
	for (int i = 0; i < N_FILES; i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		int r = file_read(AT_FDCWD, c->paths[i], UINT32_MAX, &text);

		if (r && r != -ENOENT) {
			return r;
		}
		c->is_there[i] = !r;
		*ret_any = *ret_any || !r;
		take_lines(&text, p);
	}
	return 0;
}
