/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* A tokens file, lines of htpasswd(1) among them. What holds is found by all that it can be asked for; a token
 * that is taken out is gone, and every other label is still there. */

#include "core/tokens.h"
#include "fuzz.h"

#include <string.h>

static void ignore(void *arg, const char *file, unsigned line, const char *what)
{
	CHECK(!arg && file && line && *what);
	for (; *what; what++) {
		CHECK((unsigned char)*what >= ' ' && *what != 0x7f);
	}
}

static struct tokens *parse(const struct buf *text)
{
	struct tokens *t;

	CHECK(!tokens_parse(text->data, text->len, "tokens", ignore, NULL, &t));
	return t;
}

static bool in_chain(const struct tokens *t, const struct token *wanted)
{
	const struct token *at = tokens_next_crypt(t, wanted->user, NULL);

	while (at && at != wanted) {
		at = tokens_next_crypt(t, wanted->user, at);
	}
	return at;
}

static void check_held(const struct tokens *t)
{
	for (size_t i = 0; i < tokens_n(t); i++) {
		const struct token *token = tokens_at(t, i);

		CHECK(users_good_user(token->user, strlen(token->user)));
		if (token->crypt) {
			CHECK(!token->n_names && in_chain(t, token));
			continue;
		}
		CHECK(tokens_good_label(token->label, strlen(token->label)));
		CHECK(tokens_find_label(t, token->user, token->label) == token);
		for (size_t k = 0; k < token->n_names; k++) {
			CHECK(*token->names[k]);
		}
	}
}

static void check_without(const struct buf *text, const struct tokens *t,
			  const struct token *out)
{
	struct buf left = { 0 }, again = { 0 };
	struct tokens *less;

	CHECK(tokens_without(text->data, text->len, out->user, out->label, &left) >= 1);
	CHECK(left.len < text->len);
	CHECK(!tokens_without(buf_str(&left), left.len, out->user, out->label, &again));
	CHECK(left.len == again.len && (!left.len || !memcmp(left.data, again.data, left.len)));
	less = parse(&left);
	CHECK(!tokens_find_label(less, out->user, out->label));
	for (size_t i = 0; i < tokens_n(t); i++) {
		const struct token *token = tokens_at(t, i);

		CHECK(token == out || token->crypt ||
		      tokens_find_label(less, token->user, token->label));
	}
	tokens_free(less);
	buf_deinit(&left);
	buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = { 0 };
	struct tokens *t;

	buf_add(&text, data, n);
	(void)buf_str(&text); /* bytes, even when there are none */
	t = parse(&text);
	check_held(t);
	(void)tokens_find(t, (const char *)data, n < 16 ? n : 16); /* only that it ends */
	for (size_t i = 0; i < tokens_n(t) && i < 4; i++) {
		if (!tokens_at(t, i)->crypt) {
			check_without(&text, t, tokens_at(t, i));
		}
	}
	tokens_free(t);
	buf_deinit(&text);
	return 0;
}
