/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Another configuration, read by another thread, its users compared with those that we have, and their accounts looked
 * up: with a million users, or a database of accounts that is far away, that takes longer than the loop may stand still. */

#include "base/buf.h"
#include "core/conf.h"
#include "core/users_diff.h"
#include "daemon/accounts.h"

#include <uv.h>

/* Nobody else touches it from reload_begin until it is done. */
struct reload {
	uv_work_t work;			/* its data is the reload */
	const char *conf_path;
	const struct users *users;
	void *arg;
	int outcome;			/* of load_conf, or -ENOMEM */
	struct conf conf;		/* what is taken of it is zeroed */
	struct users_diff diff;		/* of outcome 0: from users to those of conf */
	struct accounts accounts;	/* of outcome 0: of the users of conf */
	struct buf mistake;		/* the first one */
	unsigned n_mistakes;
};

/* The path and the users are borrowed, and do not change until done is called by the loop; nobody cancels it. NULL: no memory. */
struct reload *reload_begin(uv_loop_t *loop, const char *conf_path, const struct users *users,
			    uv_after_work_cb done, void *arg);
struct reload *reload_free(struct reload *r);
