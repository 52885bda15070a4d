/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/report.h"

#include <string.h>
#include <time.h>

enum {
	SHOWN_MAX = 1024, /* bytes of a name or an error */
	NAMES_TOLD = 8,	  /* in one line */
};

/* --- small things --- */

static void add_shown(struct buf *b, const char *s)
{
	buf_add_escaped(b, s, strlen(s), SHOWN_MAX);
}

static bool all_alike(const struct report_user *u)
{
	for (size_t i = 1; i < u->n_names; i++) {
		if (!ip_set_equal(u->sets[0], u->sets[i])) {
			return false;
		}
	}
	return true;
}

/* The file, or the servers. */
static void add_place(struct buf *b, const struct conf_output *o)
{
	char text[IP_TEXT_SIZE];

	if (o->file) {
		add_shown(b, o->file);
	}
	for (unsigned i = 0; !o->file && i < o->n_servers; i++) {
		const struct conf_server *s = &o->servers[i];

		(void)ip_print(s->ip.bytes, s->ip.n, text);
		buf_printf(b, s->ip.n == 16 ? "%s[%s]:%u" : "%s%s:%u", i ? ", " : "", text,
			   (unsigned)s->port);
	}
}

/* --- times --- */

enum form { OF_THE_DAY, DATED, OF_JSON };

static size_t print_time(char *ret, size_t size, enum form form, const struct tm *tm)
{
	switch (form) {
	case OF_THE_DAY:
		return strftime(ret, size, "%H:%M:%S UTC", tm);
	case DATED:
		return strftime(ret, size, "%Y-%m-%d %H:%M:%S UTC", tm);
	case OF_JSON:
		return strftime(ret, size, "\"%Y-%m-%dT%H:%M:%SZ\"", tm);
	}
	return 0;
}

static void add_time(struct buf *b, int64_t s, enum form form)
{
	time_t t = (time_t)s;
	struct tm tm;
	char text[64];

	if (gmtime_r(&t, &tm)) {
		buf_add(b, text, print_time(text, sizeof(text), form, &tm));
	}
}

static void add_when(struct buf *b, int64_t s, int64_t now_s)
{
	const int64_t day = (int64_t)24 * 3600;

	add_time(b, s, s / day == now_s / day ? OF_THE_DAY : DATED);
}

/* --- text --- */

/* None waits where a command fails, or where nobody knows yet what a server has. */
static void add_waiting(struct buf *b, const struct publish_state *s)
{
	if (s->n_waiting == 1) {
		buf_adds(b, "; 1 name waits");
	} else if (s->n_waiting) {
		buf_printf(b, "; %u names wait", (unsigned)s->n_waiting);
	}
}

static void add_done(struct buf *b, const struct publish_state *s, int64_t now_s)
{
	buf_adds(b, "published");
	if (s->published_s) {
		buf_adds(b, " ");
		add_when(b, s->published_s, now_s);
	}
	if (s->is->n_verify && s->verified_s) {
		buf_adds(b, ", verified ");
		add_when(b, s->verified_s, now_s);
	} else if (s->is->n_verify) {
		buf_adds(b, ", not verified since the start");
	}
}

static void add_state(struct buf *b, const struct publish_state *s, int64_t now_s)
{
	switch (s->where) {
	case PUBLISH_NOT_HERE:
		buf_adds(b, "has none of these names");
		break;
	case PUBLISH_DONE:
		add_done(b, s, now_s);
		break;
	case PUBLISH_WAITS:
		buf_adds(b, "under way");
		add_waiting(b, s);
		break;
	case PUBLISH_FAILS:
		buf_adds(b, "fails: ");
		add_shown(b, s->why);
		buf_adds(b, "; trying again");
		add_waiting(b, s);
		break;
	}
	buf_adds(b, "\n");
}

/* Of the names of outputs, or of domains. */
static int width(int before, const char *s)
{
	int n = (int)strnlen(s, SHOWN_MAX);

	return n > before ? n : before;
}

static int outputs_width(const struct publish_state *s, size_t n, int before)
{
	for (size_t i = 0; i < n; i++) {
		before = width(before, s[i].is->name);
	}
	return before;
}

/* They are of letters, digits and a few signs. */
static void add_column(struct buf *b, const char *s, int n)
{
	size_t before = b->len;

	add_shown(b, s);
	while (!b->failed && b->len - before < (size_t)n) {
		buf_adds(b, " ");
	}
	buf_adds(b, "  ");
}

/* Where nothing is known: often the file, or the user, has another name. */
static void add_doors(struct buf *b, const struct report_user *u)
{
	if (u->door && !u->refused) {
		buf_adds(b, "; looked for is ");
		add_shown(b, u->door);
		buf_adds(b, u->n_doors > 1 ? " and others" : "");
	}
}

/* Where the file is refused. */
static void add_what_stays(struct buf *b, const struct report_user *u)
{
	buf_adds(b, u->known ? "; the last addresses stay" : "; there are no last addresses");
}

void report_user_text(struct buf *to, const struct report_user *u, int64_t now_s)
{
	int n = outputs_width(u->outputs, u->n_outputs, 0);

	for (size_t i = 0; i < u->n_names; i++) {
		n = width(n, u->names[i]);
	}
	buf_adds(to, "user ");
	add_shown(to, u->user);
	buf_adds(to, ": ");
	if (!u->known) {
		buf_adds(to, "nothing is known yet");
		add_doors(to, u);
	} else if (all_alike(u)) {
		ip_set_say(to, u->n_names ? u->sets[0] : NULL);
	} else {
		buf_adds(to, "as follows");
	}
	if (u->since_s) {
		buf_adds(to, " since ");
		add_time(to, u->since_s, DATED);
	}
	if (u->file && !u->refused) {
		buf_adds(to, ", from ");
		add_shown(to, u->file);
	}
	buf_adds(to, "\n");
	if (u->refused) {
		buf_adds(to, "  refused: ");
		buf_adds(to, u->refused);
		add_what_stays(to, u);
		buf_adds(to, "\n");
	}
	if (u->settling) {
		buf_adds(to, "  a file is being written, and is taken once it is left alone\n");
	}
	for (size_t i = 0; i < u->n_names; i++) {
		buf_adds(to, "  ");
		add_column(to, u->names[i], n);
		ip_set_say(to, u->sets[i]);
		buf_adds(to, "\n");
	}
	for (size_t i = 0; i < u->n_outputs; i++) {
		buf_adds(to, "  ");
		add_column(to, u->outputs[i].is->name, n);
		add_state(to, &u->outputs[i], now_s);
	}
}

static void add_count(struct buf *b, const char *before, uint32_t n, const char *what)
{
	buf_printf(b, "%s%u %s%s", before, (unsigned)n, what, n == 1 ? "" : "s");
}

void report_whole_text(struct buf *to, const struct report_whole *w, int64_t now_s)
{
	int n = outputs_width(w->outputs, w->n_outputs, 0);

	for (size_t i = 0; i < w->n_outputs; i++) {
		const struct publish_state *s = &w->outputs[i];

		add_column(to, s->is->name, n);
		add_column(to, conf_type_words[s->is->type], 8);
		add_place(to, s->is);
		buf_printf(to, "\n%*s  ", n, "");
		add_state(to, s, now_s);
		if (s->where != PUBLISH_DONE && s->published_s) {
			buf_printf(to, "%*s  last ", n, "");
			add_done(to, s, now_s);
			buf_adds(to, "\n");
		}
		if (s->failed_s) {
			buf_printf(to, "%*s  last failure ", n, "");
			add_when(to, s->failed_s, now_s);
			buf_adds(to, ": ");
			add_shown(to, s->last_error);
			buf_adds(to, "\n");
		}
	}
	add_count(to, "", w->n_users, "user");
	add_count(to, ", ", w->n_names, "name");
	add_count(to, "; ", w->n_without, "user");
	buf_adds(to, " without addresses");
	add_count(to, ", ", w->n_refused, "refused file");
	buf_adds(to, "\n");
}

/* --- JSON --- */

/* The bytes of the UTF-8 character (RFC 3629) at s; 0: there is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, min, max; /* of the first byte, and of the second */
		size_t n;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (*s < rows[i].first || *s > rows[i].last) {
			continue;
		}
		if (s[1] < rows[i].min || s[1] > rows[i].max) {
			return 0;
		}
		for (size_t k = 2; k < rows[i].n; k++) {
			if ((s[k] & 0xc0) != 0x80) {
				return 0;
			}
		}
		return rows[i].n;
	}
	return *s < 0x80;
}

static void add_string(struct buf *b, const char *s)
{
	buf_adds(b, "\"");
	while (*s) {
		size_t n = utf8_length((const unsigned char *)s);

		if (!n) {
			buf_adds(b, "\\ufffd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			buf_printf(b, "\\%c", *s);
		} else if (n == 1 && ((unsigned char)*s < ' ' || *s == 0x7f)) {
			buf_printf(b, "\\u%04x", (unsigned)*s);
		} else {
			buf_add(b, s, n);
		}
		s += n;
	}
	buf_adds(b, "\"");
}

static void add_string_or_null(struct buf *b, const char *s)
{
	if (s) {
		add_string(b, s);
	} else {
		buf_adds(b, "null");
	}
}

static void add_json_time(struct buf *b, const char *key, int64_t s)
{
	buf_printf(b, "\"%s\": ", key);
	if (s) {
		add_time(b, s, OF_JSON);
	} else {
		buf_adds(b, "null");
	}
}

static void add_json_output(struct buf *b, const struct publish_state *s)
{
	static const char *const words[] = {
		[PUBLISH_NOT_HERE] = "not here",
		[PUBLISH_DONE] = "published",
		[PUBLISH_WAITS] = "waits",
		[PUBLISH_FAILS] = "fails",
	};
	struct buf place = { 0 };

	buf_adds(b, "{\"name\": ");
	add_string(b, s->is->name);
	buf_printf(b, ", \"type\": \"%s\", \"place\": ", conf_type_words[s->is->type]);
	add_place(&place, s->is);
	add_string(b, buf_str(&place));
	b->failed = b->failed || buf_error(&place);
	buf_deinit(&place);
	buf_printf(b, ", \"state\": \"%s\", \"waiting\": %u, \"why\": ", words[s->where],
		   (unsigned)s->n_waiting);
	add_string_or_null(b, s->where == PUBLISH_FAILS ? s->why : NULL);
	buf_printf(b, ", \"verifies\": %s, ", s->is->n_verify ? "true" : "false");
	add_json_time(b, "published", s->published_s);
	buf_adds(b, ", ");
	add_json_time(b, "verified", s->verified_s);
	buf_adds(b, ", ");
	add_json_time(b, "failed", s->failed_s);
	buf_adds(b, ", \"last_error\": ");
	add_string_or_null(b, s->failed_s ? s->last_error : NULL);
	buf_adds(b, "}");
}

static void add_json_outputs(struct buf *b, const struct publish_state *outputs, size_t n)
{
	buf_adds(b, "\"outputs\": [");
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, i ? ", " : "");
		add_json_output(b, &outputs[i]);
	}
	buf_adds(b, "]");
}

static void add_json_set(struct buf *b, const struct ip_set *set)
{
	buf_adds(b, "[");
	if (set) {
		buf_adds(b, "\"");
		ip_set_print(b, set, "\", \"");
		buf_adds(b, "\"");
	}
	buf_adds(b, "]");
}

void report_user_json(struct buf *to, const struct report_user *u)
{
	buf_adds(to, "{\"user\": ");
	add_string(to, u->user);
	buf_printf(to, ", \"known\": %s, \"settling\": %s, ", u->known ? "true" : "false",
		   u->settling ? "true" : "false");
	add_json_time(to, "since", u->since_s);
	buf_adds(to, ", \"file\": ");
	add_string_or_null(to, u->file);
	buf_adds(to, ", \"refused\": ");
	add_string_or_null(to, u->refused);
	buf_adds(to, ", \"names\": [");
	for (size_t i = 0; i < u->n_names; i++) {
		buf_adds(to, i ? ", {\"name\": " : "{\"name\": ");
		add_string(to, u->names[i]);
		buf_adds(to, ", \"addresses\": ");
		add_json_set(to, u->sets[i]);
		buf_adds(to, "}");
	}
	buf_adds(to, "], ");
	add_json_outputs(to, u->outputs, u->n_outputs);
	buf_adds(to, "}\n");
}

void report_whole_json(struct buf *to, const struct report_whole *w)
{
	buf_printf(to,
		   "{\"users\": %u, \"names\": %u, \"without_addresses\": %u, \"refused\": %u, ",
		   (unsigned)w->n_users, (unsigned)w->n_names, (unsigned)w->n_without,
		   (unsigned)w->n_refused);
	add_json_outputs(to, w->outputs, w->n_outputs);
	buf_adds(to, "}\n");
}

/* --- what became of it --- */

static bool has_output(const struct report_user *u, const char *name)
{
	bool has = false;

	for (size_t i = 0; i < u->n_outputs; i++) {
		has = has || conf_output_covers(u->outputs[i].is, name, NULL);
	}
	return has;
}

static void add_names(struct buf *b, const struct report_user *u)
{
	for (size_t i = 0; i < u->n_names && i < NAMES_TOLD; i++) {
		buf_adds(b, i ? "; " : "");
		add_shown(b, u->names[i]);
		buf_adds(b, " is ");
		ip_set_say(b, u->sets[i]);
		buf_adds(b, has_output(u, u->names[i]) ? "" : ", but in no output");
	}
	if (u->n_names > NAMES_TOLD) {
		buf_printf(b, "; and %zu names more", u->n_names - NAMES_TOLD);
	}
}

static void judge_refused(struct buf *b, const struct report_user *u)
{
	buf_adds(b, "refused refused: ");
	buf_adds(b, u->refused);
	add_what_stays(b, u);
	if (u->known && all_alike(u) && u->n_names) {
		buf_adds(b, ": ");
		ip_set_say(b, u->sets[0]);
	}
}

/* Where it is published, or where it fails. */
static void add_outputs(struct buf *b, const struct report_user *u, enum publish_where where)
{
	const char *before = "";

	for (size_t i = 0; i < u->n_outputs; i++) {
		const struct publish_state *s = &u->outputs[i];

		if (s->where != where) {
			continue;
		}
		buf_printf(b, "%sat ", before);
		add_shown(b, s->is->name);
		if (where == PUBLISH_FAILS) {
			buf_adds(b, ": ");
			add_shown(b, s->why);
		}
		before = where == PUBLISH_FAILS ? "; " : ", ";
	}
}

static void judge_failed(struct buf *b, const struct report_user *u, bool partly)
{
	if (partly) {
		buf_adds(b, "partly published ");
		add_outputs(b, u, PUBLISH_DONE);
		buf_adds(b, "; failed ");
	} else {
		buf_adds(b, "failed failed ");
	}
	add_outputs(b, u, PUBLISH_FAILS);
	buf_adds(b, "; the daemon goes on trying");
}

bool report_judge(struct buf *to, const struct report_user *u)
{
	size_t n[PUBLISH_FAILS + 1] = { 0 };

	if (u->settling) {
		return false;
	}
	if (u->refused) {
		judge_refused(to, u);
		return true;
	}
	for (size_t i = 0; i < u->n_outputs; i++) {
		n[u->outputs[i].where]++;
	}
	if (n[PUBLISH_WAITS]) {
		return false;
	}
	if (n[PUBLISH_FAILS]) {
		judge_failed(to, u, n[PUBLISH_DONE]);
	} else if (!u->known) {
		buf_adds(to, "published nothing is to be published: there is no address file, or nothing in it");
		add_doors(to, u);
	} else if (!n[PUBLISH_DONE]) {
		buf_adds(to, "failed failed: no output has these names");
	} else {
		buf_adds(to, "published published: ");
		add_names(to, u);
	}
	return true;
}
