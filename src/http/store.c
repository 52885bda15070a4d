/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/store.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "service/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { FILE_MAX = 64 * 1024 };

struct store {
	uv_loop_t *loop;
	struct pattern pattern;
	char path[PATTERN_PATH_MAX];
	int dir;
	/* Flushes that failed, and how many of them a later one has made good. */
	unsigned n_failed, n_mended;
};

struct job {
	struct store *s;
	uv_work_t work;
	int dir, error;
	unsigned n_failed;	/* when it began */
	bool flushes_only;
	char name[NAME_MAX + 1];
	struct buf bytes;
	store_done_fn *done;
	void *arg;
};

int store_new(uv_loop_t *loop, const struct pattern *p, struct store **ret,
	      const char **ret_directory)
{
	struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		return start_failed("open the addresses' directory", -ENOMEM);
	}
	s->loop = loop;
	s->dir = -1;
	s->n_failed = 1; /* whoever ran before may have been killed before his flush */
	r = pattern_parse(p->text, strlen(p->text), &s->pattern);
	if (r) {
		store_free(s);
		return start_failed("open the addresses' directory", -ENOMEM);
	}
	if (p->first_user + 1 != p->n || !pattern_path(p, p->n - 1, "", s->path)) {
		log_error(
			"'%s': the front end's files must be in one directory, each named after the "
			"user, as /var/lib/dns-updater/http/%%u",
			p->text);
		store_free(s);
		return START_FIX_SOMETHING;
	}
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 || faccessat(s->dir, ".", W_OK, AT_EACCESS) < 0) {
		r = -errno;
		log_error("unable to %s '%s': %s", s->dir < 0 ? "open" : "write in", s->path,
			  strerror(-r));
		store_free(s);
		return start_status(r);
	}
	*ret = s;
	*ret_directory = s->path;
	return 0;
}

struct store *store_free(struct store *s)
{
	if (s) {
		(void)close_fd(s->dir);
		pattern_deinit(&s->pattern);
		free(s);
	}
	return NULL;
}

int store_read(const struct store *s, const char *user, struct buf *ret)
{
	char name[NAME_MAX + 1];
	int r;

	if (!pattern_component(&s->pattern, s->pattern.n - 1, user, name)) {
		return -ENAMETOOLONG;
	}
	r = file_read(s->dir, name, FILE_MAX, ret);
	return r == -ENOENT ? 0 : r;
}

/* In a thread of the pool: a disk may take its time. */
static void on_work(uv_work_t *work)
{
	struct job *j = work->data;
	char tmp[NAME_MAX + sizeof(".new.")];

	if (j->flushes_only) {
		j->error = fsync(j->dir) < 0 ? FILE_E_UNSYNCED : 0;
		return;
	}
	/* No user name begins with a dot. */
	(void)snprintf(tmp, sizeof(tmp), ".new.%s", j->name); /* it fits */
	j->error =
		file_replace_durably(j->dir, j->name, tmp, 0644, j->bytes.data, j->bytes.len);
}

static void on_done(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct store *s = j->s;

	(void)status; /* nobody cancels it */
	if (j->error == FILE_E_UNSYNCED) {
		s->n_failed++;
	} else if (!j->error && j->n_failed > s->n_mended) {
		s->n_mended = j->n_failed;
	}
	j->done(j->arg, j->error);
	buf_deinit(&j->bytes);
	free(j);
}

static void begin(struct store *s, struct job *j, store_done_fn *done, void *arg)
{
	j->s = s;
	j->work.data = j;
	j->dir = s->dir;
	j->n_failed = s->n_failed;
	j->done = done;
	j->arg = arg;
	/* The thread may run at once: nothing of the job is touched from here on. */
	(void)uv_queue_work(s->loop, &j->work, on_work,
			    on_done); /* fails only without on_work */
}

int store_write(struct store *s, const char *user, struct buf *bytes, store_done_fn *done,
		void *arg)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j || !pattern_component(&s->pattern, s->pattern.n - 1, user, j->name)) {
		free(j);
		return -ENOMEM;
	}
	j->bytes = *bytes;
	*bytes = (struct buf){ 0 };
	begin(s, j, done, arg);
	return 0;
}

bool store_is_unsynced(const struct store *s)
{
	return s->n_failed != s->n_mended;
}

int store_sync(struct store *s, store_done_fn *done, void *arg)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j) {
		return -ENOMEM;
	}
	j->flushes_only = true;
	begin(s, j, done, arg);
	return 0;
}
