/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/reload.h"

#include "service/load.h"

#include <stdlib.h>

static void note_mistake(void *arg, const char *file, unsigned line, const char *what)
{
	struct reload *r = arg;

	if (!r->n_mistakes++) {
		buf_adds(&r->mistake, file);
		if (line) {
			buf_printf(&r->mistake, ":%u", line);
		}
		buf_printf(&r->mistake, ": %s", what);
	}
}

/* In a thread of its own. */
static void load(uv_work_t *work)
{
	struct reload *r = work->data;

	r->outcome = load_conf(r->conf_path, note_mistake, r, &r->conf);
	if (!r->outcome) {
		r->outcome = users_diff_init(&r->diff, r->users, r->conf.users);
	}
	if (!r->outcome) {
		r->outcome = accounts_find(r->conf.users, r->conf.http.user, &r->accounts);
	}
}

struct reload *reload_begin(uv_loop_t *loop, const char *conf_path, const struct users *users,
			    uv_after_work_cb done, void *arg)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r) {
		return NULL;
	}
	r->work.data = r;
	r->users = users;
	r->arg = arg;
	r->conf_path = conf_path;
	(void)uv_queue_work(loop, &r->work, load, done);	/* fails only without a function */
	return r;
}

struct reload *reload_free(struct reload *r)
{
	if (r) {
		conf_deinit(&r->conf);
		users_diff_deinit(&r->diff);
		accounts_deinit(&r->accounts);
		buf_deinit(&r->mistake);
		free(r);
	}
	return NULL;
}
