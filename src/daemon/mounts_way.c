/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/mounts.h"

#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_MAX = 40 };	/* as path_resolution(7) has it */

/* A way that is gone step by step: what was gone, free of links, and what is left. */
struct way {
	char gone[PATH_MAX], left[PATH_MAX];
	unsigned n_links;
	const struct mount *on;		/* where it has come to; NULL: nothing is known of it */
};

/* Cuts off the next component. false: there is none. */
static bool next_component(struct way *w, char ret[NAME_MAX + 1])
{
	size_t slashes = strspn(w->left, "/"), n = strcspn(w->left + slashes, "/");

	if (!n || n > NAME_MAX) {
		return false;
	}
	memcpy(ret, w->left + slashes, n);
	ret[n] = '\0';
	memmove(w->left, w->left + slashes + n, strlen(w->left + slashes + n) + 1);
	return true;
}

/* Puts the link's target in front of what is left. */
static bool follow(struct way *w, const char *target, size_t n)
{
	size_t left = strlen(w->left);

	if (n + left + 2 > sizeof(w->left) || ++w->n_links > LINKS_MAX) {
		return false;
	}
	memmove(w->left + n, w->left, left + 1);
	memcpy(w->left, target, n);
	return true;
}

static const struct mount *mount_of(const struct mounts *m, const char *path)
{
	const struct mount *found;
	char at[PATH_MAX], *slash;

	(void)snprintf(at, sizeof(at), "%s", path);
	do {
		found = mounts_at(m, *at ? at : "/");
		slash = strrchr(at, '/');
		if (slash) {
			*slash = '\0';
		}
	} while (!found && slash);
	return found;
}

static void go_up(struct way *w, const struct mounts *m)
{
	char *slash = strrchr(w->gone, '/');

	if (slash) {
		*slash = '\0';
	}
	w->on = mount_of(m, w->gone);
}

/* One step on. false: here the way ends, or what lies there is not to be touched. */
static bool step(struct way *w, const struct mounts *m, bool trusted)
{
	char name[NAME_MAX + 1], target[PATH_MAX];
	size_t n = strlen(w->gone);
	const struct mount *mounted;
	ssize_t n_target;

	if (!next_component(w, name)) {
		return false;
	}
	if (!strcmp(name, ".")) {
		return true;
	}
	if (!strcmp(name, "..")) {
		go_up(w, m);
		return true;
	}
	if (n + 1 + strlen(name) >= sizeof(w->gone)) {
		return false;
	}
	(void)sprintf(w->gone + n, "/%s", name);	/* measured */
	mounted = mounts_at(m, w->gone);
	if (mounted) {
		w->on = mounted;
		return w->on->kind != MOUNT_MAY_WAIT;
	}
	if (w->on && w->on->kind == MOUNT_AUTOFS) {
		return false;	/* looking there would have something mounted */
	}
	n_target = trusted ? readlink(w->gone, target, sizeof(target) - 1) : -1;
	if (n_target < 0) {
		return true;	/* no link */
	}
	target[n_target] = '\0';
	w->gone[n] = '\0';
	if (target[0] == '/') {
		w->gone[0] = '\0';
		w->on = mounts_at(m, "/");
	}
	return follow(w, target, (size_t)n_target);
}

const struct mount *mounts_waits_for(const struct mounts *m, const char *path, unsigned n_trusted)
{
	struct way w = { .gone = "", .on = mounts_at(m, "/") };
	size_t n_own = 0;	/* bytes of the components behind the trusted ones */
	const char *own = path;

	if (!mounts_any_waits(m) || strlen(path) >= sizeof(w.left)) {
		return NULL;
	}
	for (unsigned i = 0; i < n_trusted && *own; i++) {
		own += strspn(own, "/");
		own += strcspn(own, "/");
	}
	n_own = strlen(own);
	memcpy(w.left, path, strlen(path) + 1);	/* measured */
	while (step(&w, m, strlen(w.left) > n_own)) {
	}
	return w.on && w.on->kind == MOUNT_MAY_WAIT ? w.on : NULL;
}

enum mounts_where mounts_where(const struct mounts *m, const char *path, const char *point, const char **ret_below)
{
	struct way w = { .gone = "", .on = mounts_at(m, "/") };
	bool on_way = !strcmp(point, "/") || strlen(path) >= sizeof(w.left);

	if (!on_way) {
		memcpy(w.left, path, strlen(path) + 1);	/* measured */
	}
	while (!on_way && step(&w, m, true)) {
		on_way = !strcmp(w.gone, point);
	}
	if (on_way || file_is_below(w.gone, point) || w.left[strspn(w.left, "/")]) {
		return MOUNTS_ON_WAY;
	}
	if (!file_is_below(point, w.gone)) {
		return MOUNTS_ELSEWHERE;
	}
	*ret_below = point + strlen(w.gone) + 1;
	return MOUNTS_BELOW;
}
