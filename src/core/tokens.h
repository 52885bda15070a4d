/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The text of the tokens file -> who may update by HTTP, and what; dns-updater.conf(5), TOKENS
 * FILE. Two kinds of lines:
 *
 *	USER LABEL HASH [NAME,NAME ...]		a token, as `dns-updater token' makes them
 *	USER:CRYPTHASH				a password, as of htpasswd(1) or mkpasswd(1)
 *
 * A token's secret has as many bits as a key, so a fast hash protects it, and it is found by that
 * hash: one look-up, however many tokens there are. Hashing is libsodium's, which is a little
 * faster after sodium_init(3). */

#include "base/buf.h"
#include "core/conf.h"

#include <stdbool.h>
#include <stddef.h>

#define TOKENS_SIZE_MAX ((size_t)1 << 30) /* bytes of the file that are read */
#define TOKENS_LABEL_MAX 64 /* bytes of a label */
#define TOKENS_HASH_SIZE 52 /* "blake2b:", 43 characters of base64url, NUL */

struct tokens;

struct token {
	const char *user, *label;
	const char *crypt;	  /* NULL, or a hash of crypt(3): then there is no label */
	const char *const *names; /* canonical */
	size_t n_names;		  /* 0: all of the user's */
	unsigned line;
};

/* Every bad line is reported (report NULL: nobody wants to know) and passed over; the others hold. No message has a
 * hash, or what might be a password, in it. Returns 0 or -ENOMEM. */
int tokens_parse(const char *text, size_t n, const char *file, conf_report_fn *report,
		 void *arg, struct tokens **ret);
struct tokens *tokens_free(struct tokens *t);

/* The lines that hold, in their order. */
size_t tokens_n(const struct tokens *t);
const struct token *tokens_at(const struct tokens *t, size_t i);

/* The token whose secret this is, or NULL; never one with a crypt hash. */
const struct token *tokens_find(const struct tokens *t, const char *secret, size_t n);

/* The user's token of this label, or NULL. */
const struct token *tokens_find_label(const struct tokens *t, const char *user,
				      const char *label);

/* The crypt lines of a user, one after the other: after NULL the first. NULL: no more. */
const struct token *tokens_next_crypt(const struct tokens *t, const char *user,
				      const struct token *after);

/* The first crypt line of all, or NULL. */
const struct token *tokens_any_crypt(const struct tokens *t);

/* The hash as it stands in the file, NUL-terminated. */
void tokens_hash(const char *secret, size_t n, char ret[TOKENS_HASH_SIZE]);

/* 1 to TOKENS_LABEL_MAX bytes, none of them a blank or a control character. */
bool tokens_good_label(const char *label, size_t n);

/* Appends the text to ret without the token lines of this user and label, those that tokens_parse
 * passes over among them; every other byte stays. Returns how many lines are left out. */
unsigned tokens_without(const char *text, size_t n, const char *user, const char *label,
			struct buf *ret);
