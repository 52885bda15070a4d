/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The section as it stands in the file: what it says of our names is what was published last, and lines that
 * are not ours are told before they go. */

#include "daemon/section_file_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/text.h"
#include "core/users.h"
#include "daemon/found.h"

#include <string.h>

enum { LINE_SHOWN_MAX = 200 };

struct reading {
	const struct section_file *p;
	struct found_list found;	/* by the names' numbers */
	bool any_foreign;
};

/* Whether it is a line of one of our names. */
static bool is_ours(const struct section_file *p, struct text line, struct found *ret)
{
	char name[NAME_MAX + 1];

	if (!output_parse(p->format, line, name, &ret->ip)) {
		return false;
	}
	ret->number = users_find_name(p->o.roster->users, name, strlen(name));
	return ret->number != TABLE_NONE;
}

/* The lines of a section's body, taken apart and sorted by name. */
static int read_body(struct reading *r, const struct buf *body)
{
	struct text rest = { body->data, body->len }, line;
	int e = 0;

	while (!e && text_next_field(&rest, '\n', &line)) {
		struct found f = { 0 };

		if (line.n && is_ours(r->p, line, &f)) {
			e = found_add(&r->found, &f);
		} else if (line.n) {
			r->any_foreign = true;
		}
	}
	found_sort(&r->found);
	return e;
}

/* Other outputs have published the newer addresses long ago, perhaps. was is taken over. */
static void note_behind(struct section_file *p, uint32_t name, struct ip_set *was)
{
	if (ip_set_equal(was, p->o.roster->sets[name])) {
		ip_set_free(was);
	} else {
		(void)changes_note(&p->o.pending, name, was);	/* only the log needs it */
	}
}

/* A user of whom something was found. */
static void note_known(struct roster *roster)
{
	for (uint32_t user = 0; user < roster->users->n_users; user++) {
		struct roster_user *u = &roster->state[user];

		for (uint32_t j = 0; !u->known && !u->lent && j < users_n_names(roster->users, user); j++) {
			u->known = roster->sets[roster->users->users[user].first_name + j];
		}
	}
}

bool section_remember(struct output *o)
{
	struct section_file *p = section_file_of(o);
	struct reading r = { .p = p };
	_cleanup_(buf_deinit) struct buf body = { 0 };
	struct roster *roster = p->o.roster;
	size_t i = 0;

	if (splice_read_body(p->splice, &body) || read_body(&r, &body)) {
		found_deinit(&r.found);
		(void)changes_move(&o->pending, &p->behind);	/* they still are */
		p->unread = true;
		return false;	/* the first publish will say what is wrong */
	}
	for (uint32_t name = 0; name < roster->users->n_names; name++) {
		struct roster_user *u = &roster->state[users_owner(roster->users, name)];
		bool is_remembered = u->known || u->lent;
		struct ip_set *set;

		if (found_next_set(&r.found, &i, name, &set)) {
			continue;
		}
		if (!output_covers(&p->o, name)) {
			ip_set_free(set);
			continue;
		}
		if (changes_has(&p->behind, name) && is_remembered) {
			note_behind(p, name, set);
			continue;
		}
		/* What is published is what was last good; the state may be older than that. */
		if (set || (r.found.n && is_remembered)) {
			ip_set_free(roster->sets[name]);
			roster->sets[name] = set;
		}
	}
	note_known(roster);
	changes_clear(&p->behind);
	found_deinit(&r.found);
	return true;
}

int section_recall(struct section_file *p)
{
	struct reading r = { .p = p };
	_cleanup_(buf_deinit) struct buf body = { 0 };
	struct roster *roster = p->o.roster;
	size_t i = 0;
	int e = splice_read_body(p->splice, &body);

	e = e ? e : read_body(&r, &body);
	for (uint32_t name = 0; !e && name < roster->users->n_names; name++) {
		const struct roster_user *u = &roster->state[users_owner(roster->users, name)];
		struct ip_set *set;

		e = found_next_set(&r.found, &i, name, &set);
		if (!e && set && output_covers(&p->o, name) && !u->known && !u->lent) {
			ip_set_free(roster->sets[name]);
			roster->sets[name] = steal_ptr(&set);
		}
		ip_set_free(e ? NULL : set);
	}
	found_deinit(&r.found);
	if (!e) {
		note_known(roster);
		p->unread = false;
		output_remember(&p->o);
	}
	return e;
}

/* They are gone now. */
static void say_foreign(const struct section_file *p, const struct buf *removed)
{
	struct text rest = { removed->data, removed->len }, line;
	struct found f;

	while (text_next_field(&rest, '\n', &line)) {
		_cleanup_(buf_deinit) struct buf shown = { 0 };

		if (line.n && !is_ours(p, line, &f)) {
			buf_add_escaped(&shown, line.at, line.n, LINE_SHOWN_MAX);
			log_warning("removing a line that is not ours from the section of %s: '%s'",
				    p->o.is->file, buf_str(&shown));
		}
	}
}

/* Names that had other addresses there than they should have. Where the file is what is published, that is a
 * change like others; it is noted for the log. A line that only stands elsewhere is in both. */
static void note_differences(struct section_file *p, const struct found_list *was,
			     const struct found_list *now)
{
	size_t i = 0, j = 0;

	while (!p->db.database && (i < was->n || j < now->n)) {
		_cleanup_(ip_set_freep) struct ip_set *before = NULL, *after = NULL;
		uint32_t name = i == was->n			       ? now->list[j].number :
				j == now->n			       ? was->list[i].number :
				was->list[i].number < now->list[j].number ? was->list[i].number :
									 now->list[j].number;

		if (found_next_set(was, &i, name, &before) || found_next_set(now, &j, name, &after)) {
			return;
		}
		if (!ip_set_equal(before, after) && output_covers(&p->o, name) && !changes_has(&p->o.pending, name)) {
			(void)changes_note_copy(&p->writing, name, before);
		}
	}
}

/* --- lines that differ --- */

/* The line at the beginning, with its newline. */
static size_t first_line(const struct text *t)
{
	const char *newline = t->n ? memchr(t->at, '\n', t->n) : NULL;

	return newline ? (size_t)(newline - t->at) + 1 : t->n;
}

static void drop_line(struct text *t, struct buf *to)
{
	size_t n = first_line(t);

	if (to) {
		buf_add(to, t->at, n);
	}
	t->at += n;
	t->n -= n;
}

static bool same_line(const struct text *a, const struct text *b)
{
	size_t n = first_line(a);

	return n && n == first_line(b) && !memcmp(a->at, b->at, n);
}

/* Whether b goes on, after one line more, with what a begins with. */
static bool is_inserted(const struct text *a, struct text b)
{
	drop_line(&b, NULL);
	return same_line(a, &b);
}

void section_diff(const struct buf *old, const struct buf *new, struct section_diff *ret)
{
	struct text a = { old->data, old->len }, b = { new->data, new->len };

	while (a.n || b.n) {
		if (same_line(&a, &b)) {
			drop_line(&a, NULL);
			drop_line(&b, NULL);
		} else if (is_inserted(&a, b)) {
			drop_line(&b, &ret->added);
		} else if (is_inserted(&b, a)) {
			drop_line(&a, &ret->removed);
		} else {
			drop_line(&a, &ret->removed);
			drop_line(&b, &ret->added);
		}
	}
}

void section_say_differences(struct section_file *p, const struct section_diff *diff, bool was_ours)
{
	struct reading r = { .p = p }, now = { .p = p };

	if (!read_body(&r, &diff->removed) && !read_body(&now, &diff->added)) {
		note_differences(p, &r.found, &now.found);
	}
	if (was_ours && (r.found.n || now.found.n || r.any_foreign)) {
		log_warning("%s was changed by somebody else; putting our section in again",
			    p->o.is->file);
	}
	if (r.any_foreign) {
		say_foreign(p, &diff->removed);
	}
	found_deinit(&r.found);
	found_deinit(&now.found);
}
