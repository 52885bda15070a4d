/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/conf_impl.h"

#include "core/name.h"

#include <stdlib.h>
#include <string.h>

enum { SOCKET_PATH_MAX = 107 }; /* unix(7), with a NUL behind */

/* The output that datafile and makecommand are. */
static const char datafile_name[] = "tinydns";

static int compare_interface_ids(const void *a, const void *b)
{
	const struct conf_interface_id *x = a, *y = b;

	return (x->name > y->name) - (x->name < y->name);
}

const uint8_t *conf_interface_id(const struct conf *c, uint32_t name)
{
	const struct conf_interface_id key = { .name = name }, *found = NULL;

	if (c->http.n_interface_ids) {
		found = bsearch(&key, c->http.interface_ids, c->http.n_interface_ids,
				sizeof(key), compare_interface_ids);
	}
	return found ? found->bits : NULL;
}

enum conf_plain conf_plain_at(const struct conf *c, const struct ip *ip)
{
	static const struct ip loopback = { 16, { [15] = 1 } };
	bool local = ip->n == 4 ? ip->bytes[0] == 127 : !memcmp(ip->bytes, loopback.bytes, 16);

	if (c->http.plain != CONF_PLAIN_BY_ADDRESS) {
		return c->http.plain;
	}
	return local ? CONF_PLAIN_ALLOW : CONF_PLAIN_REFUSE;
}

static void finish_interface_ids(struct conf_reader *r)
{
	struct conf_http *h = &r->c->http;

	for (size_t i = 0; i < h->n_interface_ids; i++) {
		struct conf_interface_id *id = &h->interface_ids[i];

		r->line = id->line;
		id->name = users_find_name(r->c->users, id->text, strlen(id->text));
		if (id->name == TABLE_NONE) {
			conf_mistake(r, "interface_id of '%s', which no user has", id->text);
		}
	}
	if (h->n_interface_ids) {
		qsort(h->interface_ids, h->n_interface_ids, sizeof(*h->interface_ids),
		      compare_interface_ids);
	}
	for (size_t i = 1; i < h->n_interface_ids; i++) {
		const struct conf_interface_id *id = &h->interface_ids[i];

		if (id->name != TABLE_NONE && id->name == id[-1].name) {
			r->line = id->line > id[-1].line ? id->line : id[-1].line;
			conf_mistake(r, "interface_id of '%s' stands there twice", id->text);
		}
	}
}

/* What [http] says of other sections, and what it lacks. */
static void finish_http(struct conf_reader *r)
{
	struct conf *c = r->c;
	struct conf_http *h = &c->http;

	if (!strcmp(h->user, "root")) {
		r->line = h->user_line;
		conf_mistake(
			r,
			"user of [http] is root, and the front end is not to have any rights");
	}
	h->addresses = c->n_patterns ? c->n_patterns - 1 : 0;
	while (h->addresses_text && h->addresses < c->n_patterns &&
	       strcmp(c->patterns[h->addresses].text, h->addresses_text) != 0) {
		h->addresses--; /* from the last to the first, and then it is none of them */
	}
	if (h->addresses >= c->n_patterns && c->n_patterns) {
		h->addresses = 0;
		r->line = h->addresses_line;
		conf_mistake(r, "addresses is not one of the patterns of pathpattern");
	}
	if (h->publish_timeout_line && h->publish_timeout_ms >= h->request_timeout_ms) {
		r->line = h->publish_timeout_line;
		conf_mistake(
			r,
			"publish_timeout must be less than request_timeout, which ends the request");
	}
	finish_interface_ids(r);
	for (size_t i = 0; i < h->n_abuse; i++) {
		if (users_find(c->users, h->abuse[i], strlen(h->abuse[i])) == TABLE_NONE) {
			r->line = h->abuse_line;
			conf_mistake_about(r, "abuse: user ",
					   (struct text){ h->abuse[i], strlen(h->abuse[i]) },
					   "is not one of [users]");
		}
	}
	for (unsigned i = 0; i < h->n_listeners; i++) {
		if (h->listeners[i].plain == CONF_PLAIN_BY_ADDRESS) {
			h->listeners[i].plain = conf_plain_at(c, &h->listeners[i].ip);
		}
		r->line = h->listeners[i].line;
		if (h->listeners[i].tls && (!h->certificate || !h->key)) {
			conf_mistake(r, "listen_tls without %s",
				     h->certificate ? "key" : "certificate");
		}
	}
	r->line = 0;
}

/* datafile and what goes with it become the first output. 0 or -ENOMEM. */
static int finish_datafile(struct conf_reader *r)
{
	struct conf *c = r->c;
	struct conf_output *new = &c->datafile;
	const struct conf_output *same = conf_find_output(c, datafile_name, strlen(datafile_name));
	int e;

	if (c->n_outputs == CONF_OUTPUTS_MAX) {
		r->line = new->file_line;
		conf_mistake(r, "more than %d outputs, of which datafile is one",
			     CONF_OUTPUTS_MAX);
		return 0;
	}
	if (same) {
		r->line = same->line;
		conf_mistake(r, "output '%s' needs another name: that one is datafile's",
			     datafile_name);
	}
	new->name = strdup(datafile_name);
	new->line = new->file_line;
	e = conf_add_output(c, 0, *new);
	*new = (struct conf_output){ 0 };
	return e;
}

/* A key of [dns-updater] that says something of datafile, and there is none. */
static void without_datafile(struct conf_reader *r, const char *key, unsigned line)
{
	if (line) {
		r->line = line;
		conf_mistake(r, "%s without datafile; an [output NAME] has its own", key);
	}
}

/* A key that was set (line is not 0) though it belongs to other types, or not though it is required. */
static void finish_key(struct conf_reader *r, const struct conf_output *o, const char *key,
		       unsigned line, bool belongs, const char *required)
{
	r->line = line ? line : o->line;
	if (line && !belongs) {
		conf_mistake(r, "%s does not belong to an output of type %s", key,
			     conf_type_words[o->type]);
	} else if (!line && belongs && required) {
		conf_mistake(r, "output '%s' has no %s%s", o->name, key, required);
	}
}

static bool is_same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void finish_output(struct conf_reader *r, const struct conf_output *o)
{
	bool file = o->type != CONF_RFC2136;

	if (o->type == CONF_NO_TYPE) {
		if (!o->type_line) {
			r->line = o->line;
			conf_mistake(r, "output '%s' has no type", o->name);
		}
		return; /* who knows what belongs to it? */
	}
	finish_key(r, o, "file", o->file_line, file, "");
	finish_key(r, o, "command", o->command_line, file, NULL);
	finish_key(r, o, "database", o->database_line, o->type == CONF_TINYDNS, NULL);
	finish_key(r, o, "serial", o->serial_line, o->type == CONF_ZONEFILE, NULL);
	finish_key(r, o, "server", o->server_line, !file, "");
	finish_key(r, o, "zone", o->zone_line, true, file ? NULL : "");
	finish_key(r, o, "key", o->key_line, !file, ": unsigned updates are not sent");
	for (const struct conf_output *other = r->c->outputs; file && other < o; other++) {
		if (is_same(o->file, other->file)) {
			r->line = o->file_line;
			conf_mistake(r, "file is that of output '%s', too", other->name);
			break;
		}
	}
	for (const struct conf_output *other = r->c->outputs; other <= o; other++) {
		if (is_same(o->database, other->file) || (other < o && is_same(o->database, other->database))) {
			r->line = o->database_line;
			conf_mistake(r, "database is a file of output '%s', too", other->name);
			break;
		}
	}
}

static int finish_outputs(struct conf_reader *r)
{
	struct conf *c = r->c;
	int e = 0;

	if (c->datafile.file) {
		e = finish_datafile(r);
	} else if (!c->datafile.file_line) {
		without_datafile(r, "makecommand", c->datafile.command_line);
		without_datafile(r, "database", c->datafile.database_line);
		without_datafile(r, "verify", c->datafile.verify_line);
		without_datafile(r, "verify_timeout", c->verify_timeout_line);
	}
	if (!c->n_outputs && !c->datafile.file_line) {
		r->line = 0;
		conf_mistake(r, "nothing to publish to: neither datafile nor an [output NAME]");
	}
	for (unsigned i = 0; !e && i < c->n_outputs; i++) {
		finish_output(r, &c->outputs[i]);
	}
	r->line = 0;
	return e;
}

bool conf_output_covers(const struct conf_output *o, const char *name, unsigned *ret_zone)
{
	size_t n_name, n_best = 0;
	unsigned best = 0;

	if (o->type == CONF_HOSTS && *name == '*') {
		return false;
	}
	if (!o->n_zones) {
		return o->type !=
		       CONF_RFC2136; /* conf_finish has seen to it that that has some */
	}
	n_name = strlen(name);
	for (unsigned i = 0; i < o->n_zones; i++) {
		size_t n = strlen(o->zones[i]);

		if (n > n_best && name_lies_in(name, n_name, o->zones[i], n)) {
			n_best = n;
			best = i;
		}
	}
	if (n_best && ret_zone) {
		*ret_zone = best;
	}
	return n_best;
}

int conf_finish(struct conf *c, const char *file, conf_report_fn *report, void *arg)
{
	struct conf_reader r = { .c = c, .file = file, .report = report, .arg = arg };
	int e;

	if (!c->n_patterns && !c->pathpattern_line) {
		conf_mistake(&r, "pathpattern is not set");
	}
	e = finish_outputs(&r);
	if (e) {
		return e;
	}
	if (!c->users->n_users) {
		conf_mistake(&r, "no users, neither in [users] nor in users_file");
	}
	if (strlen(c->socket) > SOCKET_PATH_MAX) {
		r.line = c->socket_line;
		conf_mistake(&r,
			     "socket is too long for the path of a socket: %d bytes at most",
			     SOCKET_PATH_MAX);
		r.line = 0;
	}
	finish_http(&r);
	return r.mistakes ? CONF_E_MISTAKES : 0;
}
