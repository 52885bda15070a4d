/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tsig_key.h"

#include "core/text.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

/* What both readers fill, in whatever order the three stand; what is empty is not there yet. */
struct reader {
	struct text rest;
	unsigned line; /* where rest begins */
	struct tsig_key key;
};

/* --- the three values --- */

/* Names of keys are less than host names (one label will do) and compared as any others. */
static int take_name(struct reader *r, struct text t)
{
	size_t label = 0;

	if (t.n && t.at[t.n - 1] == '.') {
		t.n--;
	}
	if (!t.n || t.n > NAME_TEXT_MAX) {
		return TSIG_KEY_E_NAME;
	}
	for (size_t i = 0; i < t.n; i++) {
		char c = t.at[i];

		if (c >= 'A' && c <= 'Z') {
			c = (char)(c - 'A' + 'a');
		}
		r->key.name[i] = c;
		if (c == '.' && label) {
			label = 0;
			continue;
		}
		if (((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_') ||
		    ++label > NAME_LABEL_MAX) {
			return TSIG_KEY_E_NAME;
		}
	}
	r->key.name[t.n] = '\0';
	return label ? 0 : TSIG_KEY_E_NAME;
}

static int take_algorithm(struct reader *r, struct text t)
{
	static const char *const known[] = { "hmac-sha256", "hmac-sha384", "hmac-sha512" };

	if (r->key.algorithm) {
		return TSIG_KEY_E_SYNTAX;
	}
	if (t.n && t.at[t.n - 1] == '.') {
		t.n--;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (text_is_nocase(t, known[i])) {
			r->key.algorithm = known[i];
			return 0;
		}
	}
	return TSIG_KEY_E_ALGORITHM;
}

static int take_secret(struct reader *r, struct text t)
{
	unsigned char bytes[TSIG_KEY_SECRET_SIZE];
	size_t n = 0;
	int failed;

	if (*r->key.secret) {
		return TSIG_KEY_E_SYNTAX;
	}
	if (t.n >= TSIG_KEY_SECRET_SIZE) {
		return TSIG_KEY_E_SECRET;
	}
	failed = sodium_base642bin(bytes, sizeof(bytes), t.at, t.n, NULL, &n, NULL,
				   sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(bytes, sizeof(bytes));
	if (failed || !n) {
		return TSIG_KEY_E_SECRET;
	}
	memcpy(r->key.secret, t.at, t.n);
	r->key.secret[t.n] = '\0';
	return 0;
}

static bool is_complete(const struct reader *r)
{
	return *r->key.name && r->key.algorithm && *r->key.secret;
}

/* --- BIND: words, strings and signs --- */

static void skip(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		r->line += r->rest.at[i] == '\n';
	}
	r->rest.at += n;
	r->rest.n -= n;
}

/* How long the comment is that the text begins with, without the end of its line; 0: none. */
static size_t comment_length(struct text t)
{
	const char *end;

	if (text_begins(t, "/*")) {
		end = memmem(t.at + 2, t.n - 2, "*/", 2);
		return end ? (size_t)(end + 2 - t.at) : 0;
	}
	if (text_begins(t, "#") || text_begins(t, "//")) {
		end = memchr(t.at, '\n', t.n);
		return end ? (size_t)(end - t.at) : t.n;
	}
	return 0;
}

static void skip_blanks(struct reader *r)
{
	size_t n;

	do {
		n = comment_length(r->rest);
		if (!n && r->rest.n) {
			n = memchr(" \t\r\n", *r->rest.at, 4) != NULL;
		}
		skip(r, n);
	} while (n);
}

static bool is_word_char(char c)
{
	return c > ' ' && c < 127 && !strchr("{};\"#", c);
}

/* Takes a word, or what stands between quotation marks in one line. false: something else is there. */
static bool next_word(struct reader *r, struct text *ret)
{
	const char *end;
	size_t n = 0;

	skip_blanks(r);
	if (text_begins(r->rest, "\"")) {
		end = memchr(r->rest.at + 1, '"', r->rest.n - 1);
		if (!end || memchr(r->rest.at, '\n', (size_t)(end - r->rest.at))) {
			return false;
		}
		*ret = (struct text){ r->rest.at + 1, (size_t)(end - r->rest.at) - 1 };
		skip(r, ret->n + 2);
		return true;
	}
	while (n < r->rest.n && is_word_char(r->rest.at[n])) {
		n++;
	}
	*ret = (struct text){ r->rest.at, n };
	skip(r, n);
	return n;
}

static bool next_sign(struct reader *r, const char *sign)
{
	skip_blanks(r);
	if (!text_begins(r->rest, sign)) {
		return false;
	}
	skip(r, 1);
	return true;
}

/* `algorithm X;` or `secret "X";` */
static int read_clause(struct reader *r)
{
	struct text what, value;
	int outcome = TSIG_KEY_E_SYNTAX;

	if (!next_word(r, &what) || !next_word(r, &value)) {
		return TSIG_KEY_E_SYNTAX;
	}
	if (text_is_nocase(what, "algorithm")) {
		outcome = take_algorithm(r, value);
	} else if (text_is_nocase(what, "secret")) {
		outcome = take_secret(r, value);
	}
	if (!outcome && !next_sign(r, ";")) {
		outcome = TSIG_KEY_E_SYNTAX;
	}
	return outcome;
}

static int read_bind(struct reader *r)
{
	struct text word;
	int outcome;

	if (!next_word(r, &word) || !text_is_nocase(word, "key")) {
		return TSIG_KEY_E_SYNTAX;
	}
	if (*r->key.name) {
		return TSIG_KEY_E_TWO;
	}
	if (!next_word(r, &word)) {
		return TSIG_KEY_E_SYNTAX;
	}
	outcome = take_name(r, word);
	if (!outcome && !next_sign(r, "{")) {
		outcome = TSIG_KEY_E_SYNTAX;
	}
	while (!outcome && !next_sign(r, "}")) {
		outcome = read_clause(r);
	}
	if (!outcome && (!next_sign(r, ";") || !is_complete(r))) {
		outcome = TSIG_KEY_E_SYNTAX;
	}
	return outcome;
}

static int read_all_bind(struct reader *r)
{
	int outcome;

	do {
		outcome = read_bind(r);
		if (!outcome) {
			skip_blanks(r);
		} else if (outcome == TSIG_KEY_E_SYNTAX && !r->rest.n) {
			r->line = 0;
		}
	} while (!outcome && r->rest.n);
	return outcome;
}

/* --- Knot: lines --- */

/* Without quotation marks, if it has them, or without the comment behind it. */
static struct text yaml_value(struct text t)
{
	const char *end;

	t = text_trim(t);
	if (t.n > 1 && (*t.at == '"' || *t.at == '\'')) {
		end = memchr(t.at + 1, *t.at, t.n - 1);
		if (end && (end + 1 == t.at + t.n || memchr(TEXT_BLANKS, end[1], 3))) {
			return (struct text){ t.at + 1, (size_t)(end - t.at) - 1 };
		}
	}
	if (text_begins(t, "#")) {
		t.n = 0;
	}
	end = memmem(t.at, t.n, " #", 2);
	if (end) {
		t.n = (size_t)(end - t.at);
	}
	return text_trim(t);
}

static int read_pair(struct reader *r, struct text line, bool is_item)
{
	struct text what, value;

	if (!text_split(line, ':', &what, &value)) {
		return TSIG_KEY_E_SYNTAX;
	}
	what = text_trim(what);
	value = yaml_value(value);
	if (text_is(what, "id")) {
		return *r->key.name ? TSIG_KEY_E_TWO :
		       is_item	   ? take_name(r, value) :
				     TSIG_KEY_E_SYNTAX;
	}
	if (is_item || !*r->key.name) {
		return TSIG_KEY_E_SYNTAX;
	}
	if (text_is(what, "algorithm")) {
		return take_algorithm(r, value);
	}
	return text_is(what, "secret") ? take_secret(r, value) : TSIG_KEY_E_SYNTAX;
}

static bool is_yaml_heading(struct text line)
{
	return text_skip(&line, "key:") && !yaml_value(line).n;
}

static int read_line(struct reader *r, struct text line)
{
	bool is_indented = line.n && memchr(" \t-", *line.at, 3), is_item;

	line = text_trim(line);
	if (!line.n || *line.at == '#') {
		return 0;
	}
	if (!is_indented) {
		return is_yaml_heading(line) ? 0 : TSIG_KEY_E_SYNTAX;
	}
	is_item = *line.at == '-';
	line.at += is_item;
	line.n -= is_item;
	return read_pair(r, line, is_item);
}

static int read_all_knot(struct reader *r)
{
	struct text line;
	int outcome = 0;

	for (r->line = 0; !outcome && text_next_field(&r->rest, '\n', &line);) {
		r->line++;
		outcome = read_line(r, line);
	}
	if (!outcome && !is_complete(r)) {
		r->line = 0;
		outcome = TSIG_KEY_E_SYNTAX;
	}
	return outcome;
}

/* Whether `key:` stands alone in the first line that is neither empty nor a comment. */
static bool is_knot(struct text t)
{
	struct text line;

	while (text_next_field(&t, '\n', &line)) {
		line = text_trim(line);
		if (line.n && *line.at != '#') {
			return is_yaml_heading(line);
		}
	}
	return false;
}

int tsig_key_parse(const char *text, size_t n, struct tsig_key *ret, unsigned *reterr_line)
{
	struct reader r = { .rest = { text, n }, .line = 1 };
	int outcome = is_knot(r.rest) ? read_all_knot(&r) : read_all_bind(&r);

	if (!outcome) {
		*ret = r.key;
	} else {
		*reterr_line = r.line;
	}
	sodium_memzero(&r.key, sizeof(r.key));
	return outcome;
}

const char *tsig_key_strerror(int outcome)
{
	static const char *const words[] = {
		[TSIG_KEY_E_SYNTAX] = "is no key as tsig-keygen or keymgr -t prints it",
		[TSIG_KEY_E_NAME] = "has a name of a key that is none",
		[TSIG_KEY_E_ALGORITHM] = "has an algorithm other than hmac-sha256, hmac-sha384 and hmac-sha512",
		[TSIG_KEY_E_SECRET] = "has a secret that is no base64, or empty, or too long",
		[TSIG_KEY_E_TWO] = "has more than one key",
	};

	return words[outcome];
}
