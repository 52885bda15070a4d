/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/ahead.h"

#include "base/cleanup.h"

#include <stdlib.h>

struct ahead *ahead_new(const struct pattern *patterns, unsigned n_patterns)
{
	struct ahead *a = calloc(1, sizeof(*a));

	if (!a) {
		return NULL;
	}
	a->work.data = a;
	a->patterns = patterns;
	a->n_patterns = n_patterns;
	a->files = calloc((size_t)AHEAD_USERS * n_patterns + 1, sizeof(*a->files));
	return a->files ? a : ahead_free(a);
}

struct ahead *ahead_free(struct ahead *a)
{
	if (a) {
		for (size_t i = 0; a->files && i < (size_t)AHEAD_USERS * a->n_patterns; i++) {
			buf_deinit(&a->files[i].file.text);
		}
		free(a->files);
		free(a);
	}
	return NULL;
}

static bool look_at_shared(const struct ahead *a, struct source_shared *ret)
{
	bool plain = true;

	for (unsigned i = 0; i < a->n_patterns; i++) {
		ret[i] = source_look_shared(&a->patterns[i]);
		plain = plain && ret[i].dir >= 0;
	}
	return plain;
}

/* In a thread of its own. */
static void read_all(uv_work_t *work)
{
	struct ahead *a = work->data;
	struct source_shared shared[CONF_PATTERNS_MAX];

	if (!a->n_users) {
		return;
	}
	a->was_read = look_at_shared(a, shared);
	for (size_t i = 0; a->was_read && i < (size_t)a->n_users * a->n_patterns; i++) {
		struct ahead_file *f = &a->files[i];

		f->place.shared = &shared[f->place.pattern_number];
		f->place.marks = &f->marks;
		f->marks.n = 0;
		f->outcome = source_read(&f->place, f->known, &f->file);
	}
	for (unsigned i = 0; i < a->n_patterns; i++) {
		close_fdp(&shared[i].dir);
	}
}

void ahead_queue(struct ahead *a, uv_loop_t *loop)
{
	(void)uv_queue_work(loop, &a->work, read_all, a->done);	/* fails only without a function */
}
