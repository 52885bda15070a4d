/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/state.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>

/* The first line, then one for each name: user, name, its addresses, with a blank between. Lines that begin
 * with a blank are outputs' (publish_print_memory), in any place. */
#define HEADING "dns-updater state 1\n"
/* Instead of the user: what the name has, or may have somewhere, was somebody else's, and nothing is known of its user.
 * No user is called so. */
#define NOBODY "/"
#define STATE_MAX ((size_t)UINT32_MAX)
#define IPS_MAX (2 * IP_SET_EACH_MAX)

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

struct reader {
	struct roster *roster;
	struct publish *publish;
	struct ip ips[IPS_MAX];
	uint32_t next;	/* the name that is expected */
	bool lends;	/* only lines of names that have another user by now are taken */
	bool any_lent;	/* there are such */
};

/* The name's number, if it is one that is wanted now; else TABLE_NONE. Names are in the order of the configuration that
 * they were saved with, mostly still that of this one: a million times no index need be asked. */
static uint32_t find(struct reader *r, struct text user, struct text name)
{
	const struct users *users = r->roster->users;
	uint32_t found = r->next;
	bool is_his;

	if (found >= users->n_names || !text_is(name, users_name(users, found))) {
		found = users_find_name(users, name.at, name.n);
	}
	if (found == TABLE_NONE) {
		return TABLE_NONE;
	}
	r->next = found + 1;
	is_his = text_is(user, users_user(users, users_owner(users, found)));
	r->any_lent = r->any_lent || !is_his;
	return is_his != r->lends ? found : TABLE_NONE;
}

/* A line that does not fit the present configuration is passed over: the configuration rules. */
static int take_line(struct reader *r, struct text line)
{
	struct roster *roster = r->roster;
	uint32_t name = TABLE_NONE;
	struct text first, second, word;
	struct roster_user *u;
	struct ip_set *set;
	size_t n_ips = 0;
	int e;

	if (text_next_field(&line, ' ', &first) && text_next_field(&line, ' ', &second)) {
		name = find(r, first, second);
	}
	if (name != TABLE_NONE && r->lends) {
		publish_pass(r->publish, name);
	}
	if (name == TABLE_NONE || roster->sets[name]) {
		return 0;
	}
	u = &roster->state[users_owner(roster->users, name)];
	if (r->lends && u->known) {
		return 0;
	}
	while (n_ips < IPS_MAX && text_next_field(&line, ' ', &word)) {
		struct ip *ip = &r->ips[n_ips++];

		/* Nobody else writes this file; still, only what may be published comes in. */
		if (!ip_parse(word.at, word.n, ip) || ip_special(ip)) {
			return 0;
		}
	}
	e = ip_set_new(r->ips, n_ips, IP_SET_EACH_MAX, &set);
	if (e) {
		return e < 0 ? e : 0;
	}
	roster->sets[name] = set;
	if (r->lends) {
		u->lent = true;
	} else {
		u->known = true;
	}
	return 0;
}

static int take_lines(struct reader *r, struct text rest)
{
	struct text line;
	int e = 0;

	while (!e && text_next_line(&rest, &line)) {
		if (line.at[line.n - 1] != '\n') {
			return STATE_E_FORMAT;	/* cut, which we never leave behind */
		}
		line.n--;
		if (line.n && *line.at != ' ') {
			e = take_line(r, line);
		} else if (!r->lends) {	/* else they were taken before */
			publish_take_memory(r->publish, line.at, line.n);
		}
	}
	return e;
}

int state_load(const char *path, struct roster *r, struct publish *p)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	_cleanup_(free_ptr) struct reader *reader = calloc(1, sizeof(*reader));
	struct text rest;
	int e;

	if (!reader) {
		return -ENOMEM;
	}
	reader->roster = r;
	reader->publish = p;
	e = file_read(AT_FDCWD, path, STATE_MAX, &text);
	if (e) {
		return e == -ENOENT ? 0 : e;
	}
	rest = (struct text){ text.data, text.len };
	if (!text_skip(&rest, HEADING)) {
		return STATE_E_FORMAT;
	}
	e = take_lines(reader, rest);
	/* Who is new has what his names had as somebody else's, as with a reload. */
	reader->lends = reader->any_lent;
	return e || !reader->lends ? e : take_lines(reader, rest);
}

void state_print_heading(struct buf *to)
{
	buf_adds(to, HEADING);
}

static void print_name(const struct roster *r, uint32_t name, struct buf *to)
{
	uint32_t user = users_owner(r->users, name);
	const struct ip_set *set = r->sets[name];
	bool is_lent = !r->state[user].known && r->state[user].lent;

	if (!r->state[user].known && !is_lent) {
		return;
	}
	buf_adds(to, is_lent ? NOBODY : users_user(r->users, user));
	buf_adds(to, " ");
	buf_adds(to, users_name(r->users, name));
	if (set) {
		buf_adds(to, " ");
		ip_set_print(to, set, " ");
	}
	buf_adds(to, "\n");
}

bool state_print(const struct roster *r, struct publish *p, uint32_t number, struct buf *to)
{
	bool is_name = number < r->users->n_names;

	if (is_name) {
		print_name(r, number, to);
	}
	return publish_print_memory(p, number, to) || is_name;
}
