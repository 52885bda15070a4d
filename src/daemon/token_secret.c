/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/token_secret.h"

#include "base/log.h"
#include "service/start.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
	MADE = 27,	/* characters of 62: 160 bits */
	STRONG = 128,	/* bits */
};

void token_secret_make(struct token_secret *ret)
{
	static const char characters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (ret->n = 0; ret->n < MADE; ret->n++) {
		ret->bytes[ret->n] = characters[randombytes_uniform(sizeof(characters) - 1)];
	}
}

/* How many different bytes are of the same class as this one. */
static unsigned class_size(unsigned char c, unsigned *ret_class)
{
	static const unsigned sizes[] = { 26, 26, 10, 33, 128 + 32 };
	unsigned i = 4;

	if (c >= 'a' && c <= 'z') {
		i = 0;
	} else if (c >= 'A' && c <= 'Z') {
		i = 1;
	} else if (c >= '0' && c <= '9') {
		i = 2;
	} else if (c >= ' ' && c < 0x7f) {
		i = 3;
	}
	*ret_class = 1u << i;
	return sizes[i];
}

/* The bits that the secret would have if each of its bytes was drawn from all of the classes that
 * occur. What somebody thought up has fewer. */
static unsigned bits_at_most(const struct token_secret *s)
{
	unsigned seen = 0, size = 0, bits = 0;
	double choices = 1;

	for (size_t i = 0; i < s->n; i++) {
		unsigned class, n = class_size((unsigned char)s->bytes[i], &class);

		size += seen & class ? 0 : n;
		seen |= class;
	}
	for (size_t i = 0; i < s->n; i++) {
		choices *= size;
		while (choices >= 2) {
			choices /= 2;
			bits++;
		}
	}
	return bits;
}

int token_secret_read(struct token_secret *ret)
{
	unsigned bits;
	int c, error;

	while ((c = getc(stdin)) != EOF && c != '\n') {
		if (!c) {
			log_error("a secret cannot have a NUL byte in it");
			return START_FIX_SOMETHING;
		}
		if (ret->n == TOKEN_SECRET_MAX) {
			log_error("a secret has at most %d bytes", TOKEN_SECRET_MAX);
			return START_FIX_SOMETHING;
		}
		ret->bytes[ret->n++] = (char)c;
	}
	if (c == EOF && ferror(stdin)) {
		error = -errno;
		log_error("unable to read 'standard input': %s", strerror(-error));
		return start_status(error);
	}
	if (!ret->n) {
		log_error("standard input has no secret: its first line is empty");
		return START_FIX_SOMETHING;
	}
	bits = bits_at_most(ret);
	if (bits < STRONG) {
		log_warning(
			"warning: the secret is weak: %u bits at most, and fewer unless it was drawn "
			"at random; with fewer than %d, who gets to see the tokens file can find it "
			"by trying. Without --stdin a strong one is made",
			bits, STRONG);
	}
	return 0;
}
