/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/state.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/* The first line, then one for each name: user, name, its addresses, with a blank between. Lines that begin
 * with a blank are outputs' (publish_print_memory). */
#define HEADING "dns-updater state 1\n"
#define STATE_MAX ((size_t)4 << 30)
#define WORDS_MAX (2 + 2 * IP_SET_EACH_MAX)

int state_lock(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;
	char lock[PATH_MAX];

	if (snprintf(lock, sizeof(lock), "%s.lock", path) >= (int)sizeof(lock)) {
		return -ENAMETOOLONG;
	}
	fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return -errno;
	}
	(void)steal_fd(&fd);	/* open, and with it the lock, until the process ends */
	return 0;
}

struct word {
	const char *at;
	size_t n;
};

static size_t split(const char *at, const char *end, struct word *ret)
{
	size_t n = 0;

	while (at < end && n < WORDS_MAX) {
		const char *blank = memchr(at, ' ', (size_t)(end - at));
		const char *stop = blank ? blank : end;

		ret[n++] = (struct word){ at, (size_t)(stop - at) };
		at = stop + 1;
	}
	return n;
}

/* A line that does not fit the present configuration is passed over: the configuration rules. */
static int take_line(struct roster *r, const char *at, const char *end, struct word *words,
		     struct ip *ips)
{
	size_t n = split(at, end, words), n_ips = 0;
	uint32_t user, name;
	struct ip_set *set;
	int e;

	if (n < 2) {
		return 0;
	}
	user = users_find(r->users, words[0].at, words[0].n);
	name = users_find_name(r->users, words[1].at, words[1].n);
	if (user == TABLE_NONE || name == TABLE_NONE || r->users->names[name].user != user ||
	    r->sets[name]) {
		return 0;
	}
	for (size_t i = 2; i < n; i++) {
		/* Nobody else writes this file; still, only what may be published comes in. */
		if (!ip_parse(words[i].at, words[i].n, &ips[n_ips]) || ip_special(&ips[n_ips])) {
			return 0;
		}
		n_ips++;
	}
	e = ip_set_new(ips, n_ips, IP_SET_EACH_MAX, &set);
	if (e) {
		return e < 0 ? e : 0;
	}
	r->sets[name] = set;
	r->state[user].known = true;
	return 0;
}

int state_load(const char *path, struct roster *r, struct publish *p)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	_cleanup_(free_ptr) struct word *words = calloc(WORDS_MAX, sizeof(*words));
	_cleanup_(free_ptr) struct ip *ips = calloc(WORDS_MAX, sizeof(*ips));
	const char *at, *end;
	int e;

	if (!words || !ips) {
		return -ENOMEM;
	}
	e = file_read(AT_FDCWD, path, STATE_MAX, &text);
	if (e) {
		return e == -ENOENT ? 0 : e;
	}
	if (text.len < strlen(HEADING) || memcmp(text.data, HEADING, strlen(HEADING)) != 0) {
		return STATE_E_FORMAT;
	}
	at = text.data + strlen(HEADING);
	end = text.data + text.len;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline) {
			return STATE_E_FORMAT;	/* cut, which we never leave behind */
		}
		e = publish_take_memory(p, at, (size_t)(newline - at)) ?
			    0 : take_line(r, at, newline, words, ips);
		if (e) {
			return e;
		}
		at = newline + 1;
	}
	return 0;
}

int state_save(const char *path, const struct roster *r, const struct publish *p)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };

	buf_adds(&text, HEADING);
	for (uint32_t name = 0; name < r->users->n_names; name++) {
		uint32_t user = r->users->names[name].user;
		const struct ip_set *set = r->sets[name];

		if (!r->state[user].known) {
			continue;
		}
		buf_adds(&text, users_user(r->users, user));
		buf_adds(&text, " ");
		buf_adds(&text, users_name(r->users, name));
		if (set) {
			buf_adds(&text, " ");
			ip_set_print(&text, set, " ");
		}
		buf_adds(&text, "\n");
	}
	publish_print_memory(p, &text);
	if (buf_error(&text)) {
		return -ENOMEM;
	}
	/* Not flushed: it may be lost, and a rename does not show half of it while we run. */
	return file_replace(AT_FDCWD, path, 0600, text.data, text.len);
}
