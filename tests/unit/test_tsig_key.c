/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tsig_key.h"
#include "rows.h"

#define S256 "4EuyTgGnAh3fdxxqspxYhiTcmPaxtR8xp+PnEylv9bA="
#define S384 "4rx9deRohLKXYBxG5OGVoXgseNep7h7GAG0tQA8eLKbxZDc1IBGchh411VCD3RQ9"
#define S512 \
	"Rg3nsJO49sRvi76E9os3D8dVjbh8/bqscHdXo0GKzs9sljZxrACfeaELhbeyUhaeZQ5M/2lO9lH/GNfCOIFmjQ=="
#define BIND "key \"k.example\" {\n\talgorithm hmac-sha256;\n\tsecret \"" S256 "\";\n};\n"
#define KNOT "key:\n  - id: kn\n    algorithm: hmac-sha256\n    secret: " S256 "\n"
#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"
#define A64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct row {
	const char *name;
	const char *text;
	size_t n;
	int outcome;
	unsigned line;
	const char *key, *algorithm, *secret;
} rows[] = {
	/* as the tools print them */
	{ "tsig-keygen", T("key \"tsig-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" S256 "\";\n};\n"),
	  .key = "tsig-key", "hmac-sha256", S256 },
	{ "tsig-keygen -a hmac-sha384",
	  T("key \"tsig-key\" {\n\talgorithm hmac-sha384;\n\tsecret \"" S384 "\";\n};\n"),
	  .key = "tsig-key", "hmac-sha384", S384 },
	{ "tsig-keygen -a hmac-sha512",
	  T("key \"k1.example\" {\n\talgorithm hmac-sha512;\n\tsecret \"" S512 "\";\n};\n"),
	  .key = "k1.example", "hmac-sha512", S512 },
	{ "tsig-keygen -a hmac-md5",
	  T("key \"x\" {\n\talgorithm hmac-md5;\n\tsecret \"iJ4RVIDP2K3Jmtif1mXlLQ==\";\n};\n"),
	  TSIG_KEY_E_ALGORITHM, 2 },
	{ "keymgr -t",
	  T("# hmac-sha256:kn:" S256 "\nkey:\n  - id: kn\n    algorithm: hmac-sha256\n    secret: " S256
	    "\n"),
	  .key = "kn", "hmac-sha256", S256 },
	{ "keymgr -t, SHA-384",
	  T("# hmac-sha384:kn:" S384 "\nkey:\n  - id: kn\n    algorithm: hmac-sha384\n    secret: " S384
	    "\n"),
	  .key = "kn", "hmac-sha384", S384 },
	{ "keymgr -t, SHA-1",
	  T("# hmac-sha1:kn:HyTOpWwuaugER4lO1D7ezGUIliw=\nkey:\n  - id: kn\n    algorithm: hmac-sha1\n"
	    "    secret: HyTOpWwuaugER4lO1D7ezGUIliw=\n"),
	  TSIG_KEY_E_ALGORITHM, 4 },

	/* BIND's, as people write it */
	{ "in one line, without quotation marks",
	  T("key K.Example. { secret " S256 "; algorithm HMAC-SHA256.; };"), .key = "k.example",
	  "hmac-sha256", S256 },
	{ "comments", T("// a\n# b\n/* c\n * d */ key /**/ k { /* { */ algorithm // }\nhmac-sha256; # ;\n"
			"secret \"" S256 "\"; }; // end"),
	  .key = "k", "hmac-sha256", S256 },
	{ "carriage returns",
	  T("key \"k\" {\r\n\talgorithm hmac-sha256;\r\n\tsecret \"" S256 "\";\r\n};\r\n"), .key = "k",
	  "hmac-sha256", S256 },
	{ "an underscore", T("key _k_ { algorithm hmac-sha256; secret \"" S256 "\"; };"), .key = "_k_",
	  "hmac-sha256", S256 },
	{ "the longest label", T("key " L63 " { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  .key = L63, "hmac-sha256", S256 },
	{ "a label too long", T("key " L63 "d { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 1 },
	{ "the longest name",
	  T("key " L63 "." L63 "." L63 "." L60 "a { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  .key = L63 "." L63 "." L63 "." L60 "a", "hmac-sha256", S256 },
	{ "a name too long",
	  T("key " L63 "." L63 "." L63 "." L60 "ab { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 1 },
	{ "an empty name", T("key \"\" { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 1 },
	{ "an empty label", T("key a..b { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 1 },
	{ "a name of a dot", T("key . { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 1 },
	{ "a blank in a name", T("\nkey \"a b\" { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 2 },
	{ "two keys", T(BIND BIND), TSIG_KEY_E_TWO, 5 },
	{ "a key, and what ddns-confgen says of it",
	  T("# To activate this key\n" BIND "update-policy {\n\tgrant k zonesub ANY;\n};\n"),
	  TSIG_KEY_E_SYNTAX, 6 },
	{ "half a MAC", T("key k { algorithm hmac-sha256-128; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_ALGORITHM, 1 },
	{ "SHA-224", T("key k { algorithm hmac-sha224; secret \"" S256 "\"; };"), TSIG_KEY_E_ALGORITHM,
	  1 },
	{ "MD5 in full", T("key k { algorithm hmac-md5.sig-alg.reg.int; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_ALGORITHM, 1 },
	{ "bad base64", T("key k { algorithm hmac-sha256;\nsecret \"abc%\"; };"), TSIG_KEY_E_SECRET, 2 },
	{ "base64 without its end", T("key k { algorithm hmac-sha256;\nsecret \"YQ\"; };"),
	  TSIG_KEY_E_SECRET, 2 },
	{ "base64url", T("key k { algorithm hmac-sha256;\nsecret \"__--\"; };"), TSIG_KEY_E_SECRET, 2 },
	{ "an empty secret", T("key k { algorithm hmac-sha256;\nsecret \"\"; };"), TSIG_KEY_E_SECRET,
	  2 },
	{ "a secret of one byte", T("key k { algorithm hmac-sha256;\nsecret \"YQ==\"; };"), .key = "k",
	  "hmac-sha256", "YQ==" },
	{ "the longest secret",
	  T("key k { algorithm hmac-sha256; secret " A64 A64 A64 L60 "; };"), .key = "k", "hmac-sha256",
	  A64 A64 A64 L60 },
	{ "a secret too long",
	  T("key k { algorithm hmac-sha256; secret " A64 A64 A64 L60 "AAAA; };"), TSIG_KEY_E_SECRET, 1 },
	{ "no secret", T("key k {\nalgorithm hmac-sha256;\n};\n\n"), TSIG_KEY_E_SYNTAX, 3 },
	{ "no algorithm", T("key k { secret \"" S256 "\"; };"), TSIG_KEY_E_SYNTAX },
	{ "two algorithms",
	  T("key k { algorithm hmac-sha256;\nalgorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_SYNTAX, 2 },
	{ "two secrets",
	  T("key k { algorithm hmac-sha256; secret \"" S256 "\";\nsecret \"" S256 "\"; };"),
	  TSIG_KEY_E_SYNTAX, 2 },
	{ "something else in it", T("key k {\ncolour blue; };"), TSIG_KEY_E_SYNTAX, 2 },
	{ "without a semicolon", T("key k { algorithm hmac-sha256 secret \"" S256 "\"; };"),
	  TSIG_KEY_E_SYNTAX, 1 },
	{ "without the last semicolon", T("key k { algorithm hmac-sha256; secret \"" S256 "\"; }"),
	  TSIG_KEY_E_SYNTAX },
	{ "not closed", T("key k { algorithm hmac-sha256; secret \"" S256 "\";"), TSIG_KEY_E_SYNTAX },
	{ "a string not closed", T("key k { algorithm hmac-sha256; secret \"" S256 ";\n};\n\""),
	  TSIG_KEY_E_SYNTAX, 1 },
	{ "a comment not closed", T("key k { /* algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_SYNTAX, 1 },
	{ "a NUL", T("key k {\nalgorithm\0 hmac-sha256; secret \"" S256 "\"; };"), TSIG_KEY_E_SYNTAX,
	  2 },
	{ "a NUL in a name", T("key \"k\0\" { algorithm hmac-sha256; secret \"" S256 "\"; };"),
	  TSIG_KEY_E_NAME, 1 },
	{ "a NUL in a secret", T("key k { algorithm hmac-sha256; secret \"YWFh\0YWFh\"; };"),
	  TSIG_KEY_E_SECRET, 1 },
	{ "a NUL at the end", T(BIND "\0"), TSIG_KEY_E_SYNTAX, 5 },
	{ "nothing", T(""), TSIG_KEY_E_SYNTAX },
	{ "only a comment", T("# nothing\n"), TSIG_KEY_E_SYNTAX },
	{ "a secret alone", T(S256 "\n"), TSIG_KEY_E_SYNTAX, 1 },
	{ "nsupdate -y", T("hmac-sha256:k:" S256 "\n"), TSIG_KEY_E_SYNTAX, 1 },

	/* Knot's, as people write it */
	{ "quotation marks and comments",
	  T("\n# a\nkey:   # b\n\n- id: \"KN.example.\"  # c\n  secret: '" S256 "'\n  # d\n"
	    "  algorithm: hmac-sha256 # e"),
	  .key = "kn.example", "hmac-sha256", S256 },
	{ "carriage returns, Knot",
	  T("key:\r\n  - id: kn\r\n    algorithm: hmac-sha256\r\n    secret: " S256 "\r\n"), .key = "kn",
	  "hmac-sha256", S256 },
	{ "two keys, Knot", T(KNOT "  - id: b\n    algorithm: hmac-sha256\n    secret: " S256 "\n"),
	  TSIG_KEY_E_TWO, 5 },
	{ "two sections, Knot", T(KNOT KNOT), TSIG_KEY_E_TWO, 6 },
	{ "another section", T(KNOT "acl:\n  - id: a\n"), TSIG_KEY_E_SYNTAX, 5 },
	{ "no secret, Knot", T("key:\n  - id: kn\n    algorithm: hmac-sha256\n"), TSIG_KEY_E_SYNTAX },
	{ "no id", T("key:\n  - algorithm: hmac-sha256\n    secret: " S256 "\n"), TSIG_KEY_E_SYNTAX, 2 },
	{ "only a heading", T("key:\n"), TSIG_KEY_E_SYNTAX },
	{ "no dash", T("key:\n    id: kn\n    algorithm: hmac-sha256\n"), TSIG_KEY_E_SYNTAX, 2 },
	{ "an unknown word, Knot", T("key:\n  - id: kn\n    colour: blue\n"), TSIG_KEY_E_SYNTAX, 3 },
	{ "bad base64, Knot", T("key:\n  - id: kn\n    secret: a\n"), TSIG_KEY_E_SECRET, 3 },
	{ "an empty id", T("key:\n  - id:\n    secret: " S256 "\n"), TSIG_KEY_E_NAME, 2 },
	{ "a NUL, Knot", T("key:\n  - id: k\0n\n"), TSIG_KEY_E_NAME, 2 },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	char *copy = exact(row->text, row->n);
	struct tsig_key key;
	unsigned line = 0;
	int r = tsig_key_parse(copy, row->n, &key, &line);

	free(copy); /* nothing of it is kept */
	assert_int_equal(r, row->outcome);
	assert_int_equal(line, row->line);
	if (!r) {
		assert_string_equal(key.name, row->key);
		assert_string_equal(key.algorithm, row->algorithm);
		assert_string_equal(key.secret, row->secret);
	} else {
		assert_string_not_equal(tsig_key_strerror(r), "is no key");
	}
}

/* However much there is of it, it is refused, and soon. */
static void very_long(void **state)
{
	static const char *const pieces[] = { "a", "key ", "# \n", "/*", "/**/", "\"", "key:\n", "- id: a\n" };
	enum { MANY = 1 << 18 };

	(void)state;
	for (size_t i = 0; i < N_OF(pieces); i++) {
		size_t n = strlen(pieces[i]);
		char *text = malloc(n * MANY);
		struct tsig_key key;
		unsigned line;

		assert_non_null(text);
		for (size_t k = 0; k < MANY; k++) {
			memcpy(text + k * n, pieces[i], n);
		}
		assert_int_not_equal(tsig_key_parse(text, n * MANY, &key, &line), 0);
		free(text);
	}
}

int main(void)
{
	static const struct CMUnitTest tsig_key[] = { cmocka_unit_test(very_long) };
	int failed = cmocka_run_group_tests(tsig_key, NULL, NULL);

	failed += ROWS_RUN(rows, check_row);
	return failed != 0;
}
