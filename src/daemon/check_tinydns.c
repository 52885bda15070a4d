/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The administrator's part of a file of tinydns-data(8): what there contradicts the users' names, and whether the name
 * server answers for them. */

#include "daemon/check_impl.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "core/name.h"
#include "core/section.h"
#include "core/text.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* --- the zones --- */

/* The closest name above that has an NS record begins the zone that a name is in; only with an SOA record, too, is it
 * one that tinydns answers for, else it is delegated. Neither has a generic form that tinydns-data takes. */
struct zones {
	void *ns, *soa;	/* trees of names, tsearch(3) */
	bool vague; /* one is none that we understand, or there was no memory */
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* false: no memory. */
static bool add(void **names, const char *name)
{
	char *copy = strdup(name);
	char **node = copy ? tsearch(copy, names, compare) : NULL;

	if (!node || *node != copy) {	/* it is there already */
		free(copy);
	}
	return node;
}

static void zones_deinit(struct zones *z)
{
	tdestroy(z->ns, free);
	tdestroy(z->soa, free);
}

static void take_zone(struct zones *z, const char *line, size_t n)
{
	bool has_ns = n && (*line == '.' || *line == '&'), has_soa = n && (*line == '.' || *line == 'Z');
	const char *colon = n ? memchr(line + 1, ':', n - 1) : NULL;
	const char *end = colon ? colon : line + n;
	char name[NAME_SIZE];
	size_t n_name;

	if (!has_ns && !has_soa) {
		return;
	}
	z->vague = z->vague || name_canon(line + 1, (size_t)(end - line - 1), name, &n_name) ||
		   (has_ns && !add(&z->ns, name)) || (has_soa && !add(&z->soa, name));
}

static bool lies_in(const struct zones *z, const char *name)
{
	const char *at = name;

	while (at && !tfind(at, &z->ns, compare)) {
		at = strchr(at, '.');
		at = at ? at + 1 : NULL;
	}
	return at && tfind(at, &z->soa, compare);
}

static void check_zones(const struct check *c, const struct conf_output *o, const struct zones *z)
{
	const struct users *users = c->conf.users;
	struct check_some outside = { 0 };

	if (z->vague) {
		return;
	}
	for (uint32_t i = 0; i < users->n_names; i++) {
		const char *name = users_name(users, i);

		if (conf_output_covers(o, name, NULL) && !lies_in(z, name) &&
		    !check_is_covered(&c->conf, name, o)) {
			check_some_add(&outside, i);
		}
	}
	check_some_warn(c, o->file_line, &outside,
		"tinydns does not answer for this name, which lies in no zone (a line with '.', or "
		"with 'Z' and one with '&') of the file");
}

/* --- the lines --- */

/* One line of the administrator's, taken apart as far as we need: its type and owner name. */
static void check_line(struct check *c, const char *file, unsigned number, const char *line,
		       size_t n)
{
	const struct users *users = c->conf.users;
	char name[NAME_SIZE];
	const char *colon;
	size_t n_name, n_hidden = 0;
	uint32_t first = 0;

	colon = n ? memchr(line, ':', n) : NULL;
	if (!colon || !memchr("+=C@", *line, 4) ||
	    name_canon(line + 1, (size_t)(colon - line - 1), name, &n_name)) {
		return;
	}
	if (users_find_name(users, name, n_name) != TABLE_NONE) {
		if (*line == 'C') {
			check_warning(file, number,
				      "a CNAME on the dynamic name %s contradicts its "
				      "addresses",
				      name);
		} else if (*line != '@') {
			check_warning(file, number,
				      "a static A record on the dynamic name %s is answered "
				      "beside its dynamic addresses",
				      name);
		}
	}
	if (*line != '@' || strncmp(name, "*.", 2) != 0) {
		return;
	}
	for (uint32_t i = 0; i < users->n_names; i++) {
		const char *other = users_name(users, i);
		size_t n_other = strlen(other);

		if (n_other > n_name - 1 && strcmp(other, name) != 0 &&
		    !strcmp(other + n_other - (n_name - 1), name + 1)) {
			first = n_hidden++ ? first : i;
		}
	}
	if (n_hidden) {
		check_warning(file, number,
			      "the wildcard MX %s does not hold for a name that has a dynamic "
			      "address: %s%s; give it an MX of its own",
			      name, users_name(users, first),
			      n_hidden > 1 ? " and others" : "");
	}
}

void check_tinydns(struct check *c, const struct conf_output *o, const struct buf *text,
		   const struct section *section)
{
	_cleanup_(zones_deinit) struct zones zones = { 0 };
	struct text rest = { text->data, text->len }, line;
	unsigned number = 0, first_return = 0;

	while (text_next_field(&rest, '\n', &line)) {
		size_t offset = (size_t)(line.at - text->data);

		number++;
		if (offset < section->begin || offset >= section->end) {
			check_line(c, o->file, number, line.at, line.n);
			take_zone(&zones, line.at, line.n);
			if (!first_return && line.n && *line.at != '#' && line.at[line.n - 1] == '\r') {
				first_return = number;
			}
		}
	}
	if (first_return) {
		check_warning(o->file, first_return,
			      "this line ends in a carriage return, which tinydns-data takes for a part of its last "
			      "field, as of a name");
	}
	check_zones(c, o, &zones);
}
