/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The tokens file: what a line may say, what is reported, and that all of it is found again. */

#include "core/tokens.h"
#include "core/crypthash.h"
#include "rows.h"

#include <stdbool.h>
#include <stdio.h>

#define MANY 20000

#define U64 "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"

/* The hashes of "secret" and of "other". */
#define SECRET "blake2b:N-Ke_bFLaiHDjSj258BbvfIyTs8LywOQ0GVMC005tck"
#define OTHER "blake2b:KmhA8415HLl6V3sHoTJk6TA2hcUHDngnk0eCq2GLMjs"

#define YESCRYPT "$y$j9T$mbW8b67MplTycgmJf5CAM.$.JOMPOzdoiHXYfqsdKtIuAbgcrY9ROkvqFrOZEjHl15"
#define BCRYPT "$2y$05$iMzAHVGXeVLyF/cRhfMb4umyro6XVjdlh4rfK9wM8QVeNxC7EPRJe"
#define SHA512                                                                                    \
	"$6$XF9Wu.Qb.JWWBDXn$hAldw2wuxJcM4FYIrNT6g6Bz71kmwKPIGYGTZEGn3AOEmWQtevcLZUJ6MlfDlqBMU5"    \
	"ft0mlE.07yhvr8iDfc21"
#define SHA256 "$5$ydFBC/qWVQC6f0Cm$aRvUWVA3ztCgFPCrK2/uxWJWLLSTQmAcuZ29Rp.gyUA"
#define MD5 "$1$bSH4EZSw$YsAQOVrRCjzIJ.xnZRxnP0"
#define DES "89MMQI92uO2Dk"
#define BSDI "_J9..x1deC42Gj7m/QsA"

/* The last message, and how many there were. */
struct told {
	unsigned n, line;
	char what[512];
};

static void tell(void *arg, const char *file, unsigned line, const char *what)
{
	struct told *told = arg;

	assert_string_equal(file, "tokens");
	told->n++;
	told->line = line;
	(void)snprintf(told->what, sizeof(told->what), "%s", what);
}

static struct tokens *parse(const char *text, size_t n, struct told *told)
{
	char *copy = exact(text, n);
	struct tokens *t;

	*told = (struct told){ 0 };
	assert_int_equal(tokens_parse(copy, n, "tokens", tell, told, &t), 0);
	free(copy); /* nothing of it is kept */
	return t;
}

/* One text, one line of it that holds, or a message. */
static const struct row {
	const char *name;
	const char *text;
	size_t n;
	const char *user, *label;	/* user NULL: nothing holds */
	const char *crypt;
	const char *names;		/* with commas between */
	unsigned line;			/* of the token, or of the mistake */
	const char *mistake;		/* begins so; NULL: none */
} rows[] = {
	{ "a token", T("john router " SECRET "\n"), "john", "router", .line = 1 },
	{ "without a last newline", T("john router " SECRET), "john", "router", .line = 1 },
	{ "with carriage returns", T("john router " SECRET "\r\n"), "john", "router", .line = 1 },
	{ "behind comments and blanks", T("# a\n\n \t \n  # b\njohn router " SECRET "\n"), "john",
	  "router", .line = 5 },
	{ "blanks around", T("\tjohn \t router  " SECRET "  \n"), "john", "router", .line = 1 },
	{ "a byte order mark", T("\xef\xbb\xbfjohn router " SECRET "\n"), "john", "router", .line = 1 },
	{ "a byte order mark before a later line", T("# a\n\xef\xbb\xbfjohn router " SECRET "\n"), "john", "router",
	  .line = 2 },
	{ "an e-mail address", T("john@example.org router " SECRET), "john@example.org", "router",
	  .line = 1 },
	{ "a user with a colon", T("a:b router " SECRET), "a:b", "router", .line = 1 },
	{ "the longest user", T(U64 " r " SECRET), U64, "r", .line = 1 },
	{ "the longest of all", T(U64 " " U64 " " SECRET), U64, U64, .line = 1 },
	{ "one name", T("john r " SECRET " a.example.com"), "john", "r", NULL, "a.example.com", 1 },
	{ "names become canonical", T("john r " SECRET " A.Example.com.,*.b.example"), "john", "r",
	  NULL, "a.example.com,*.b.example", 1 },
	{ "commas and blanks", T("john r " SECRET "  a.b , c.d,\te.f,"), "john", "r", NULL,
	  "a.b,c.d,e.f", 1 },

	{ "a user one byte too long", T(U64 "u r " SECRET), .line = 1, .mistake = "no user name" },
	{ "a user with a slash", T("../john r " SECRET), .line = 1, .mistake = "no user name" },
	{ "a user with a leading dot", T(".john r " SECRET), .line = 1, .mistake = "no user name" },
	{ "a user with a control character", T("jo\033n r " SECRET), .line = 1,
	  .mistake = "no user name" },
	{ "a label one byte too long", T("john " U64 "u " SECRET), .line = 1, .mistake = "no label" },
	{ "a label with a control character", T("john r\177 " SECRET), .line = 1,
	  .mistake = "no label" },
	{ "two words", T("john router\n"), .line = 1, .mistake = "neither" },
	{ "one word", T("#\njohn\n"), .line = 2, .mistake = "neither" },
	{ "a hash one character short", T("john r blake2b:N-Ke_bFLaiHDjSj258BbvfIyTs8LywOQ0GVMC005tc"),
	  .line = 1, .mistake = "the third word is no hash" },
	{ "a hash one character long", T("john r " SECRET "A"), .line = 1,
	  .mistake = "the third word is no hash" },
	{ "a hash of base64, not base64url",
	  T("john r blake2b:N+Ke/bFLaiHDjSj258BbvfIyTs8LywOQ0GVMC005tck"), .line = 1,
	  .mistake = "the third word is no hash" },
	{ "bits behind the hash", T("john r blake2b:N-Ke_bFLaiHDjSj258BbvfIyTs8LywOQ0GVMC005tcl"),
	  .line = 1, .mistake = "the third word is no hash" },
	{ "another kind of hash", T("john r sha256:N-Ke_bFLaiHDjSj258BbvfIyTs8LywOQ0GVMC005tck"),
	  .line = 1, .mistake = "the third word is no hash" },
	{ "a bad name", T("john r " SECRET " a.b,c_.-x"), .line = 1, .mistake = "name 'c_.-x' " },
	{ "a bad name is escaped", T("john r " SECRET " a\001.b"), .line = 1,
	  .mistake = "name 'a\\x01.b' " },
	{ "no name is not all names", T("john r " SECRET " ,"), .line = 1,
	  .mistake = "a list of names without a name" },
	{ "a NUL", T("john r " SECRET "\0"), .line = 1, .mistake = "a NUL byte" },

	{ "yescrypt", T("john:" YESCRYPT "\n"), "john", NULL, YESCRYPT, .line = 1 },
	{ "bcrypt", T("john:" BCRYPT "\n"), "john", NULL, BCRYPT, .line = 1 },
	{ "SHA-512", T("john:" SHA512), "john", NULL, SHA512, .line = 1 },
	{ "SHA-256", T("john:" SHA256), "john", NULL, SHA256, .line = 1 },
	{ "MD5", T("john:" MD5 "\r\n"), "john", NULL, MD5, .line = 1 },
	{ "traditional", T(" john:" DES " \n"), "john", NULL, DES, .line = 1 },
	{ "BSDI", T("john:" BSDI), "john", NULL, BSDI, .line = 1 },
	{ "a password of an e-mail address", T("john@example.org:" BCRYPT), "john@example.org", NULL,
	  BCRYPT, .line = 1 },
	{ "a password of a user with a colon", T("a:b:" BCRYPT), "a:b", NULL, BCRYPT, .line = 1 },
	{ "a password of the longest user", T(U64 ":" DES), U64, NULL, DES, .line = 1 },

	{ "a password of a user one byte too long", T(U64 "u:" DES), .line = 1,
	  .mistake = "no user name" },
	{ "a password of nobody", T(":" DES), .line = 1, .mistake = "no user name" },
	{ "bcrypt one character short", T("john:$2y$05$iMzAHVGXeVLyF/cRhfMb4umyro6XVjdlh4rfK9wM8QVeNxC7EPRJ"),
	  .line = 1, .mistake = "the hash is not whole" },
	{ "bcrypt one character long", T("john:" BCRYPT "a"), .line = 1,
	  .mistake = "the hash is not whole" },
	{ "a salt alone", T("john:$6$XF9Wu.Qb.JWWBDXn$"), .line = 1,
	  .mistake = "the hash is not whole" },
	{ "traditional one character short", T("john:89MMQI92uO2D"), .line = 1,
	  .mistake = "what stands behind the colon is no hash" },
	{ "traditional one character long", T("john:89MMQI92uO2Dkk"), .line = 1,
	  .mistake = "what stands behind the colon is no hash" },
	{ "a password as it is", T("john:geheim"), .line = 1,
	  .mistake = "what stands behind the colon is no hash" },
	{ "no password", T("john:"), .line = 1,
	  .mistake = "what stands behind the colon is no hash" },
	{ "a locked account", T("john:!"), .line = 1,
	  .mistake = "what stands behind the colon is no hash" },
	{ "a locked password", T("john:!" MD5), .line = 1,
	  .mistake = "what stands behind the colon is no hash" },
	{ "htpasswd's own", T("john:$apr1$UytoOLgA$f0z3c5qluxYP4cte1vMoN/"), .line = 1,
	  .mistake = "crypt(3) does not know $apr1$" },
	{ "SHA-1 of htpasswd", T("john:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM="), .line = 1,
	  .mistake = "crypt(3) does not know hashes in braces" },
	{ "a kind that nobody knows", T("john:$nobody$salt$hash"), .line = 1,
	  .mistake = "crypt(3) of this system does not know" },
	{ "a whole line of shadow", T("john:" SHA512 ":19000:0:99999:7:::"), .line = 1,
	  .mistake = "more than 'USER:HASH'" },
	{ "a comment behind a hash", T("john:" DES " # old"), .line = 1, .mistake = "neither" },
	{ "a NUL in a hash", T("john:89MMQI92uO2D\0"), .line = 1, .mistake = "a NUL byte" },

	{ "nothing", T("") },
	{ "a comment", T("# nothing") },
	{ "newlines", T("\n\n") },
};

static void assert_names(const struct token *token, const char *want)
{
	char got[256] = "";

	for (size_t i = 0; i < token->n_names; i++) {
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? "," : "",
			       token->names[i]);
	}
	assert_string_equal(got, want ? want : "");
	assert_int_equal(!token->names, !token->n_names);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct told told;
	struct tokens *t = parse(row->text, row->n, &told);

	assert_int_equal(told.n, row->mistake ? 1 : 0);
	if (row->mistake) {
		told.what[strnlen(row->mistake, strlen(told.what))] = '\0';
		assert_string_equal(told.what, row->mistake);
		assert_int_equal(told.line, row->line);
	}
	assert_int_equal(tokens_n(t), row->user ? 1 : 0);
	if (row->user) {
		const struct token *token = tokens_at(t, 0);

		assert_string_equal(token->user, row->user);
		assert_int_equal(token->line, row->line);
		assert_int_equal(!token->label, !row->label);
		assert_int_equal(!token->crypt, !row->crypt);
		assert_names(token, row->names);
		assert_ptr_equal(tokens_find(t, "secret", 6), row->label ? token : NULL);
		assert_ptr_equal(tokens_next_crypt(t, row->user, NULL), row->crypt ? token : NULL);
		if (row->label) {
			assert_string_equal(token->label, row->label);
			assert_ptr_equal(tokens_find_label(t, row->user, row->label), token);
		} else {
			assert_string_equal(token->crypt, row->crypt);
			assert_null(tokens_next_crypt(t, row->user, token));
		}
	}
	assert_null(tokens_find(t, "other", 5));
	assert_null(tokens_find(t, "", 0));
	assert_null(tokens_free(t));
}

/* No message may have a hash, or what might be a password, in it. */
static void messages_are_silent(void **state)
{
	static const char *const lines[] = {
		"john:geheim",		 "john geheim",		 "john r geheim",
		"john:geheim:1:2:",	 "geheim",		 "john:$6$salt$geheim",
		"john:{SHA}geheim",	 "john:$apr1$x$geheim",	 "john:geheim # a comment",
		"../john:geheim",	 "john r blake2b:geheim", "john my geheim words",
	};

	(void)state;
	for (size_t i = 0; i < N_OF(lines); i++) {
		struct told told;
		struct tokens *t = parse(lines[i], strlen(lines[i]), &told);

		assert_int_equal(told.n, 1);
		assert_null(strstr(told.what, "geheim"));
		tokens_free(t);
	}
}

static void bad_lines_are_passed_over(void **state)
{
	static const char text[] = "john a " SECRET " x.example\n"
				   "bad\n"
				   "jane a " OTHER "\n"
				   "john b blake2b:\n"
				   "john:" DES "\n"
				   "john r " SECRET " ,\n";
	struct told told;
	struct tokens *t = parse(T(text), &told);

	(void)state;
	assert_int_equal(told.n, 3);
	assert_int_equal(told.line, 6);
	assert_int_equal(tokens_n(t), 3);
	assert_string_equal(tokens_find(t, "secret", 6)->user, "john");
	assert_names(tokens_find(t, "secret", 6), "x.example");
	assert_string_equal(tokens_find(t, "other", 5)->user, "jane");
	assert_null(tokens_find(t, "other", 4));
	assert_null(tokens_find_label(t, "john", "b"));
	assert_null(tokens_find_label(t, "joh", "a"));
	assert_null(tokens_find_label(t, U64 "u", "a"));
	assert_non_null(tokens_find_label(t, "jane", "a"));
	tokens_free(t);
}

/* What a name list left half done must not become part of the next token's. */
static void names_stay_apart(void **state)
{
	static const char text[] = "john a " SECRET " one.example,bad..,two.example\n"
				   "john a " SECRET " three.example\n"
				   "jane a " OTHER " four.example,five.example\n";
	struct told told;
	struct tokens *t = parse(T(text), &told);

	(void)state;
	assert_int_equal(told.n, 1);
	assert_names(tokens_find(t, "secret", 6), "three.example");
	assert_names(tokens_find(t, "other", 5), "four.example,five.example");
	tokens_free(t);
}

static void what_stands_twice(void **state)
{
	struct told told;
	struct tokens *t = parse(T("john a " SECRET "\n#\njane b " SECRET "\n"), &told);

	(void)state;
	assert_int_equal(told.n, 1);
	assert_int_equal(told.line, 3);
	assert_non_null(strstr(told.what, "line 1"));
	assert_string_equal(tokens_find(t, "secret", 6)->user, "john");
	tokens_free(t);

	t = parse(T("john a " SECRET "\njohn a " OTHER "\njohn b " OTHER "\n"), &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.line, 2);
	assert_string_equal(told.what, "user 'john' has a token of label 'a' in line 1 already");
	assert_string_equal(tokens_find(t, "other", 5)->label, "b");
	tokens_free(t);
}

static void crypt_lines_in_their_order(void **state)
{
	static const char text[] = "john:" DES "\njane:" MD5 "\njohn:" BCRYPT "\njohn a " SECRET
				   "\njohn:" SHA512 "\n";
	static const unsigned want[] = { 1, 3, 5 };
	const struct token *token = NULL;
	struct told told;
	struct tokens *t = parse(T(text), &told);

	(void)state;
	assert_int_equal(told.n, 0);
	for (size_t i = 0; i < N_OF(want); i++) {
		token = tokens_next_crypt(t, "john", token);
		assert_non_null(token);
		assert_int_equal(token->line, want[i]);
		assert_null(token->label);
		assert_int_equal(token->n_names, 0);
	}
	assert_null(tokens_next_crypt(t, "john", token));
	assert_int_equal(tokens_next_crypt(t, "jane", NULL)->line, 2);
	assert_null(tokens_next_crypt(t, "joh", NULL));
	assert_ptr_equal(tokens_any_crypt(t), tokens_next_crypt(t, "john", NULL));
	tokens_free(t);
}

static void hashes_are_as_in_the_file(void **state)
{
	char hash[TOKENS_HASH_SIZE];

	(void)state;
	tokens_hash("secret", 6, hash);
	assert_string_equal(hash, SECRET);
	tokens_hash("other", 5, hash);
	assert_string_equal(hash, OTHER);
}

static const struct kind_row {
	const char *name, *crypt;
} kinds[] = {
	{ "yescrypt", YESCRYPT }, { "bcrypt", BCRYPT }, { "sha-512", SHA512 }, { "sha-256", SHA256 },
	{ "md5", MD5 },		  { "des", DES },	{ "bsdi-des", BSDI },
};

static void check_kind(void **state)
{
	const struct kind_row *row = *state;

	assert_string_equal(crypthash_kind(row->crypt), row->name);
}

#define BEFORE "# john a " SECRET "\n\n"
#define AFTER "\njane a " OTHER "\r\njohn:" DES "\n#"

static const struct without_row {
	const char *name;
	const char *text;
	size_t n;
	const char *want;
	unsigned n_left_out;
} withouts[] = {
	{ "one line", T(BEFORE "john a " SECRET "\n" AFTER), BEFORE AFTER, 1 },
	{ "blanks and carriage returns", T(BEFORE " john \t a " SECRET " a.b \r\n" AFTER),
	  BEFORE AFTER, 1 },
	{ "the last line, without an end", T("x\r\njohn a " SECRET), "x\r\n", 1 },
	{ "behind a byte order mark, which belongs to the line", T("\xef\xbb\xbfjohn a " SECRET "\nx"), "x", 1 },
	{ "before a byte order mark", T("john a " SECRET "\n\xef\xbb\xbfjane a " OTHER), "\xef\xbb\xbfjane a " OTHER, 1 },
	{ "what is passed over for it, too", T("john a " SECRET "\njohn a " OTHER "\njohn a bad\n"), "",
	  3 },
	{ "another label", T("john ab " SECRET "\njohn A " SECRET "\n"),
	  "john ab " SECRET "\njohn A " SECRET "\n", 0 },
	{ "another user", T("joh a " SECRET "\n"), "joh a " SECRET "\n", 0 },
	{ "two words only", T("john a\n"), "john a\n", 0 },
	{ "nothing", T(""), "", 0 },
};

static void check_without(void **state)
{
	const struct without_row *row = *state;
	char *copy = exact(row->text, row->n);
	struct buf b = { 0 };

	assert_int_equal(tokens_without(copy, row->n, "john", "a", &b), row->n_left_out);
	assert_string_equal(buf_str(&b), row->want);
	buf_deinit(&b);
	free(copy);
}

static void many(void **state)
{
	struct buf b = { 0 };
	struct told told;
	struct tokens *t;
	char text[64];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		char hash[TOKENS_HASH_SIZE];
		int n = snprintf(text, sizeof(text), "secret%u", i);

		tokens_hash(text, (size_t)n, hash);
		buf_printf(&b, "user%u label%u %s n%u.example.com\nuser%u:" DES "\n", i / 4, i, hash, i,
			   i % 16);
	}
	t = parse(b.data, b.len, &told);
	buf_deinit(&b);
	assert_int_equal(told.n, 0);
	assert_int_equal(tokens_n(t), 2 * MANY);
	for (unsigned i = 0; i < MANY; i++) {
		int n = snprintf(text, sizeof(text), "secret%u", i);
		const struct token *token = tokens_find(t, text, (size_t)n);

		assert_ptr_equal(token, tokens_at(t, 2 * i));
		assert_int_equal(token->line, 2 * i + 1);
		(void)snprintf(text, sizeof(text), "n%u.example.com", i);
		assert_names(token, text);
	}
	t = tokens_free(t);
}

static void empty(void **state)
{
	struct told told;
	struct tokens *t;

	(void)state;
	told = (struct told){ 0 };
	assert_int_equal(tokens_parse(NULL, 0, "tokens", tell, &told, &t), 0);
	assert_int_equal(tokens_n(t), 0);
	assert_null(tokens_find(t, "secret", 6));
	assert_null(tokens_find_label(t, "john", "a"));
	assert_null(tokens_next_crypt(t, "john", NULL));
	assert_null(tokens_any_crypt(t));
	assert_null(tokens_free(t));
	assert_null(tokens_free(NULL));
}

int main(void)
{
	static const struct CMUnitTest whole[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(bad_lines_are_passed_over),
		cmocka_unit_test(messages_are_silent),
		cmocka_unit_test(names_stay_apart),
		cmocka_unit_test(what_stands_twice),
		cmocka_unit_test(crypt_lines_in_their_order),
		cmocka_unit_test(hashes_are_as_in_the_file),
		cmocka_unit_test(many),
	};
	int failed = cmocka_run_group_tests(whole, NULL, NULL);

	failed += ROWS_RUN(rows, check_row);
	failed += ROWS_RUN(kinds, check_kind);
	failed += ROWS_RUN(withouts, check_without);
	return failed != 0;
}
