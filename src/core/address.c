/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/address.h"

#include "base/cleanup.h"
#include "base/table.h"
#include "core/name.h"
#include "core/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALL_NAMES SIZE_MAX /* of an entry: it stands without a name */

#define BLANKS TEXT_BLANKS "\v\f"

enum { LOOK_MAX = 16 }; /* names that are gone through; of more, an index is made */
enum { SIZE_MIN = 4096, SIZE_PER_NAME = 512, SIZE_MAX_ALL = 65536 };

/* One address, or one "none", of the text. */
struct entry {
	size_t name;  /* index in the user's names, or ALL_NAMES */
	struct ip ip; /* n 0: none */
	unsigned line;
};

struct parser {
	const char *const *names;
	size_t n_names;
	struct table index; /* of the names; may stay empty */
	const struct address_rules *rules;
	struct entry *entries;
	size_t n, size;
	unsigned line;
	struct address_error error;
};

static int refuse(struct parser *p, const char *why, struct text about)
{
	p->error = (struct address_error){
		.line = p->line,
		.why = why,
		.bytes = about.n ? about.at : NULL,
		.n_bytes = about.n,
	};
	return ADDRESS_E_REFUSED;
}

/* For the message only: what somebody who wrote this had in mind; other, if it was no address. */
static const char *what_it_is_not(struct text t, const char *other)
{
	unsigned n_colons = 0, n_others = 0;
	bool is_wrapped = false;

	for (size_t i = 0; i < t.n; i++) {
		n_colons += t.at[i] == ':';
		n_others += t.at[i] != '.' && (t.at[i] < '0' || t.at[i] > '9');
		is_wrapped = is_wrapped || (t.at[i] && strchr("[/%", t.at[i]));
	}
	if (is_wrapped && *t.at && strchr("[:0123456789abcdefABCDEF", *t.at)) {
		return "an address stands alone, without brackets, '/' or '%'";
	}
	if (n_colons > 1) {
		return "not an IPv6 address";
	}
	return n_others ? other : "not an IPv4 address";
}

static int add_entry(struct parser *p, size_t name, const struct ip *ip)
{
	if (p->n == p->size) {
		size_t size = p->size ? 2 * p->size : 16;
		struct entry *more = reallocarray(p->entries, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		p->entries = more;
		p->size = size;
	}
	p->entries[p->n++] = (struct entry){ .name = name, .ip = *ip, .line = p->line };
	return 0;
}

static const char *name_string(const void *owner, uint32_t id)
{
	const struct parser *p = owner;

	return p->names[id];
}

/* When the first name is looked for: most files have none. Without memory there is no index. */
static void make_index(struct parser *p)
{
	if (p->index.string_of || p->n_names <= LOOK_MAX) {
		return;
	}
	p->index = (struct table){ .string_of = name_string, .owner = p };
	table_expect(&p->index, (uint32_t)p->n_names);
	for (uint32_t i = 0; i < p->n_names; i++) {
		if (table_add(&p->index, i)) {
			table_deinit(&p->index);
			return;
		}
	}
}

/* Which of the user's names this is; false when it is none of them. */
static bool find_name(struct parser *p, struct text t, size_t *ret)
{
	char name[NAME_SIZE];
	uint32_t found;
	size_t n;

	if (name_canon(t.at, t.n, name, &n)) {
		return false;
	}
	make_index(p);
	if (p->index.n) {
		found = table_find(&p->index, name, n);
		*ret = found;
		return found != TABLE_NONE;
	}
	for (size_t i = 0; i < p->n_names; i++) {
		if (!strcmp(p->names[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static int take_value(struct parser *p, size_t name, struct text t)
{
	struct ip ip = { 0 };
	const char *special, *why;
	size_t other;

	if (text_is_nocase(t, "none")) {
		return add_entry(p, name, &ip);
	}
	if (!ip_parse(t.at, t.n, &ip)) {
		why = find_name(p, t, &other) ? "a name begins its line, before its addresses" :
						"not an address";
		return refuse(p, what_it_is_not(t, why), t);
	}
	special = ip_special(&ip);
	if (special) {
		return refuse(p, special, t);
	}
	if (!ip_nets_accept(p->rules->networks, &ip)) {
		return refuse(p, "an address that the configured networks do not accept", t);
	}
	return add_entry(p, name, &ip);
}

static int parse_line(struct parser *p, struct text line)
{
	struct text first, t;
	size_t name = ALL_NAMES;
	const char *why;
	struct ip ip;
	int r;

	if (!text_next_word(&line, BLANKS, &first)) {
		return 0;
	}
	t = first;
	if (!text_is_nocase(first, "none") && !ip_parse(first.at, first.n, &ip)) {
		(void)text_next_word(&line, BLANKS, &t);	/* empty when there is none */
		if (!find_name(p, first, &name)) {
			why = t.n ? "not a name of this user" :
				    "neither an address nor one of the user's names";
			return refuse(p, what_it_is_not(first, why), first);
		}
		if (!t.n) {
			return refuse(p, "no address behind the name", first);
		}
	}
	do {
		r = take_value(p, name, t);
	} while (!r && text_next_word(&line, BLANKS, &t));
	return r;
}

/* A "none" tolerates no address for what it speaks of: bare none beside anything, a name's none
 * beside that name's addresses. */
static int check_nones(struct parser *p)
{
	_cleanup_(free_ptr) bool *has_none = calloc(p->n_names + 1, 1), *has_address = calloc(p->n_names + 1, 1);
	bool bare_none = false, any_address = false;
	int r = has_none && has_address ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < p->n; i++) {
		const struct entry *e = &p->entries[i];
		size_t name = e->name == ALL_NAMES ? p->n_names : e->name;

		*(e->ip.n ? &has_address[name] : &has_none[name]) = true;
		any_address = any_address || e->ip.n;
		bare_none = bare_none || (!e->ip.n && e->name == ALL_NAMES);
		p->line = e->line;
		if (bare_none && any_address) {
			r = refuse(p, "'none' beside an address", (struct text){ 0 });
		} else if (has_none[name] && has_address[name]) {
			r = refuse(p, "'none' beside an address of the same name",
				   (struct text){ 0 });
		}
	}
	return r;
}

static int compare_names(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->name > y->name) - (x->name < y->name);
}

/* The addresses that the entries from *i on give to this name, which they are sorted by; *i moves
 * on. The family that they do not speak of comes from bare. */
static int collect(struct parser *p, size_t *i, size_t name, const struct ip_set *bare,
		   struct ip *scratch, struct ip_set **ret)
{
	bool own_v4 = false, own_v6 = false;
	unsigned line = 0;
	size_t n = 0;
	int r;

	for (; *i < p->n && p->entries[*i].name == name; (*i)++) {
		const struct entry *e = &p->entries[*i];

		own_v4 = own_v4 || e->ip.n != 16; /* none speaks of both */
		own_v6 = own_v6 || e->ip.n != 4;
		line = e->line > line ? e->line : line;
		if (e->ip.n) {
			scratch[n++] = e->ip;
		}
	}
	n = (size_t)(ip_set_copy(scratch + n, bare, !own_v4, !own_v6) - scratch);
	r = ip_set_new(scratch, n, p->rules->addresses_max, ret);
	if (r == IP_E_TOO_MANY) {
		p->line = line;
		return refuse(p, "more addresses of one family than addresses_max allows",
			      (struct text){ 0 });
	}
	return r;
}

static int collect_all(struct parser *p, struct ip_set **ret_sets)
{
	_cleanup_(free_ptr) struct ip_set **sets = calloc(p->n_names + 1, sizeof(*sets));
	_cleanup_(ip_set_freep) struct ip_set *bare = NULL;
	_cleanup_(free_ptr) struct ip *scratch = calloc(p->n, sizeof(*scratch));	/* no set takes an entry twice */
	size_t i = 0;
	int r = sets && scratch ? 0 : -ENOMEM;

	qsort(p->entries, p->n, sizeof(*p->entries), compare_names);
	while (i < p->n && p->entries[i].name != ALL_NAMES) {
		i++;
	}
	if (!r) {
		r = collect(p, &i, ALL_NAMES, NULL, scratch, &bare);
	}
	i = 0;
	for (size_t name = 0; !r && name < p->n_names; name++) {
		r = collect(p, &i, name, bare, scratch, &sets[name]);
	}
	if (!r) {
		memcpy(ret_sets, sets, p->n_names * sizeof(struct ip_set *));
	} else if (sets) {
		for (size_t name = 0; name < p->n_names; name++) {
			ip_set_free(sets[name]);
		}
	}
	return r;
}

static int parse_text(struct parser *p, struct text text)
{
	struct text line, words;

	if (text_begins(text, "\xff\xfe") || text_begins(text, "\xfe\xff")) {
		p->line = 1;
		return refuse(p, "UTF-16 text; write the file in ASCII or UTF-8",
			      (struct text){ 0 });
	}
	text = text_skip_mark(text);
	while (text_next_field(&text, '\n', &line)) {
		int r;

		p->line++;
		r = text_next_field(&line, '#', &words) ? parse_line(p, words) : 0;
		if (r) {
			return r;
		}
	}
	return p->n ? 0 : ADDRESS_E_EMPTY;
}

int address_parse(const char *text, size_t n, const char *const *names, size_t n_names,
		  const struct address_rules *rules, struct ip_set **ret_sets,
		  struct address_error *ret_error)
{
	struct parser p = { .names = names, .n_names = n_names, .rules = rules };
	int r;

	r = parse_text(&p, (struct text){ text, n });
	if (!r) {
		r = check_nones(&p);
	}
	if (!r) {
		r = collect_all(&p, ret_sets);
	}
	if (r == ADDRESS_E_REFUSED) {
		*ret_error = p.error;
	}
	free(p.entries);
	table_deinit(&p.index);
	return r;
}

size_t address_size_max(size_t n_names)
{
	return n_names < SIZE_MIN / SIZE_PER_NAME     ? SIZE_MIN :
	       n_names > SIZE_MAX_ALL / SIZE_PER_NAME ? SIZE_MAX_ALL :
							n_names * SIZE_PER_NAME;
}

/* Appends the set's addresses of the families that are wanted. Returns whether there are any. */
static bool print_families(struct buf *b, const struct ip_set *s, bool v4, bool v6,
			   const char *before, const char *behind)
{
	bool any = false;

	for (size_t i = 0; i < ip_set_n(s); i++) {
		size_t n;
		const uint8_t *bytes = ip_set_at(s, i, &n);

		if (n == 4 ? v4 : v6) {
			buf_adds(b, before);
			ip_add(b, bytes, n);
			buf_adds(b, behind);
			any = true;
		}
	}
	return any;
}

void address_print(struct buf *b, const char *const *names, struct ip_set *const *sets,
		   size_t n_names)
{
	bool same_v4 = true, same_v6 = true, any;

	for (size_t i = 1; i < n_names; i++) {
		same_v4 = same_v4 && ip_set_equal_v4(sets[0], sets[i]);
		same_v6 = same_v6 && ip_set_equal_v6(sets[0], sets[i]);
	}
	any = n_names && print_families(b, sets[0], same_v4, same_v6, "", "\n");
	for (size_t i = 0; i < n_names && !(same_v4 && same_v6); i++) {
		size_t before = b->len;

		buf_adds(b, names[i]);
		if (print_families(b, sets[i], !same_v4, !same_v6, " ", "")) {
			buf_adds(b, "\n");
			any = true;
		} else {
			b->len = before; /* no line: nothing of these families */
		}
	}
	if (!any) {
		buf_adds(b, "none\n");
	}
}

void address_print_each(struct buf *b, const char *const *names, struct ip_set *const *sets,
			size_t n_names)
{
	for (size_t i = 0; i < n_names; i++) {
		buf_adds(b, names[i]);
		if (!print_families(b, sets[i], true, true, " ", "")) {
			buf_adds(b, " none");
		}
		buf_adds(b, "\n");
	}
}
