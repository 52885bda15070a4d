/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/crypthash.h"

#include <crypt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
	HASH_MAX = 383, /* CRYPT_OUTPUT_SIZE of libxcrypt, less the NUL */
	DES_N = 13,
};

/* What stands behind the last dollar sign has one length for each kind: a hash that was cut off
 * when it was copied would never fit. */
static const struct kind {
	const char *prefix, *word;
	size_t n_tail;
} kinds[] = {
	{ "$y$", "yescrypt", 43 },
	{ "$gy$", "gost-yescrypt", 43 },
	{ "$7$", "scrypt", 43 },
	{ "$2a$", "bcrypt", 53 },
	{ "$2b$", "bcrypt", 53 },
	{ "$2y$", "bcrypt", 53 },
	{ "$6$", "sha-512", 86 },
	{ "$5$", "sha-256", 43 },
	{ "$sha1$", "sha-1", 28 },
	{ "$md5", "sunmd5", 22 },
	{ "$1$", "md5", 22 },
	{ "$3$", "nt", 32 },
	{ "_", "bsdi-des", 20 },
};

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static const struct kind *find_kind(const char *hash)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (begins(hash, kinds[i].prefix)) {
			return &kinds[i];
		}
	}
	return NULL;
}

const char *crypthash_kind(const char *hash)
{
	const struct kind *kind = find_kind(hash);

	return kind ? kind->word : *hash == '$' ? "crypt" : "des";
}

/* The oldest kind has no prefix: two characters of salt, and eleven. */
static bool is_des(const char *hash)
{
	static const char bytes[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return strlen(hash) == DES_N && strspn(hash, bytes) == DES_N;
}

/* crypt(5): what is in no hash. */
static bool has_bad_byte(const char *hash)
{
	for (; *hash; hash++) {
		if (*hash <= ' ' || *hash >= 0x7f || strchr(":;*!\\", *hash)) {
			return true;
		}
	}
	return false;
}

/* Whether the crypt(3) of this system has the kind, where it can be asked. */
static bool is_known(const char *hash, bool by_us)
{
#ifdef CRYPT_CHECKSALT_AVAILABLE
	(void)by_us;
	return crypt_checksalt(hash) != CRYPT_SALT_INVALID;
#else
	(void)hash;
	return by_us;
#endif
}

const char *crypthash_mistake(const char *hash)
{
	const struct kind *kind = find_kind(hash);
	const char *dollar = strrchr(hash, '$');
	bool des = is_des(hash);

	if (begins(hash, "$apr1$")) {
		return "crypt(3) does not know $apr1$ of htpasswd; make the hash by 'htpasswd -B' or "
		       "by 'mkpasswd'";
	}
	if (begins(hash, "{")) {
		return "crypt(3) does not know hashes in braces, such as {SHA}; make the hash by "
		       "'htpasswd -B' or by 'mkpasswd'";
	}
	if ((kind && strlen(dollar ? dollar + 1 : hash) != kind->n_tail) ||
	    strlen(hash) > HASH_MAX) {
		return "the hash is not whole, or has something behind it";
	}
	if (has_bad_byte(hash) || !(kind || des || *hash == '$')) {
		return "what stands behind the colon is no hash of crypt(3); make one by "
		       "'htpasswd -B' or by 'mkpasswd'";
	}
	if (!is_known(hash, kind || des)) {
		return "crypt(3) of this system does not know this kind of hash; make the hash by "
		       "'htpasswd -B' or by 'mkpasswd'";
	}
	return NULL;
}
