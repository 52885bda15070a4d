/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The mount table, in which users may name points and types of FUSE; behind a byte 0x1e stands a path that is looked
 * up in it. Every line that is understood is news, found by its point and its number, and the last on a point covers the
 * others; what is read once more is no news. */

#include "../src/daemon/mounts.c" /* for what takes the table apart */
#include "../src/daemon/mounts_way.c"
#include "fuzz.h"

enum { SEPARATOR = 0x1e };

static void check_line(const struct mounts *m, const struct mount *line)
{
	const struct mount *at = mounts_at(m, line->point), *found = mounts_find(m, line->id);

	CHECK(at && !strcmp(at->point, line->point) && at->line >= line->line);
	CHECK(found && found->id == line->id);
	CHECK(line->kind != MOUNT_MAY_WAIT || mounts_any_waits(m));
	CHECK(line->kind != MOUNT_AUTOFS || mounts_any_autofs(m));
	CHECK((line->kind == MOUNT_AUTOFS) == !strcmp(line->type, "autofs"));
}

/* Without trusted components, nothing is touched. */
static void check_path(const struct mounts *m, const char *path)
{
	const struct mount *waits = mounts_waits_for(m, path, 0);

	CHECK(!waits || (waits->kind == MOUNT_MAY_WAIT && mounts_at(m, waits->point) == waits));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *separator = n ? memchr(data, SEPARATOR, n) : NULL;
	size_t n_table = separator ? (size_t)(separator - data) : n;
	struct mounts m = { .fd = -1 };
	struct buf path = { 0 };

	buf_add(&m.table, data, n_table);
	CHECK(!take_apart(&m) && m.n_news == m.n);
	CHECK(!take_apart(&m) && !mounts_news(&m, 0));
	for (size_t i = 0; i < m.n; i++) {
		check_line(&m, &m.by_point[i]);
		check_path(&m, m.by_point[i].point);
	}
	if (separator) {
		buf_add(&path, separator + 1, n - n_table - 1);
		check_path(&m, buf_str(&path));
	}
	forget(&m);
	forget_was(&m);
	buf_deinit(&m.table);
	buf_deinit(&path);
	return 0;
}
