/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tokens.h"

#include "base/table.h"
#include "core/conf_impl.h"
#include "core/crypthash.h"
#include "core/name.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char HASH_PREFIX[] = "blake2b:";

enum {
	HASH_BYTES = 32,
	HASH_PREFIX_N = sizeof(HASH_PREFIX) - 1,
	/* The strings of a line need more room than the line: the user stands there twice, a NUL
	 * behind each, where the line has 51 characters of a hash. */
	ARENA_SPARE = 16,
};
_Static_assert(HASH_PREFIX_N + sodium_base64_ENCODED_LEN(
				       HASH_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ==
		       TOKENS_HASH_SIZE,
	       "");
_Static_assert(USERS_NAME_MAX + 3 <= ARENA_SPARE + TOKENS_HASH_SIZE, "");

/* Sets these hashes apart from those of the same words elsewhere. It is no secret. */
static const unsigned char PERSONAL_KEY[] = "dns-updater access token";

/* What a token has beside its public part. */
union rest {
	unsigned char hash[HASH_BYTES];
	struct {
		uint32_t next; /* crypt line of the same user, or TABLE_NONE */
		uint32_t last; /* kept in the user's first one */
	} chain;
};

/* The arrays have room for every line from the start, so nothing moves while pointers go into them;
 * only the names grow, and are pointed to at the end. */
struct tokens {
	struct token *tokens;
	union rest *rests;
	uint32_t n;
	char *arena;
	size_t arena_len, arena_size;
	const char **names;
	size_t n_names, names_size;
	uint32_t *slots, n_slots; /* by hash; n_slots is a power of two */
	struct table by_label;	  /* "USER LABEL" */
	struct table by_user;	  /* the first crypt line of each user */
	uint32_t first_crypt;	  /* of all; or TABLE_NONE */
};

struct reader {
	struct tokens *t;
	struct conf_reader at; /* for mistakes only */
};

/* --- words and lines --- */

/* Takes the next word off; the last one is empty. */
static struct text next_word(struct text *from)
{
	struct text word;

	(void)text_next_word(from, TEXT_BLANKS, &word); /* empty when there is none */
	return word;
}

/* The line without its end and the blanks around; empty when it says nothing. A UTF-8 byte order mark before it is
 * none of its bytes: before any line, for whoever takes the first one out must not change what the second one says. */
static struct text content(struct text line)
{
	line = text_skip_mark(line);
	line.n -= line.n && line.at[line.n - 1] == '\n';
	line = text_trim(line);
	return line.n && *line.at == '#' ? (struct text){ line.at, 0 } : line;
}

bool tokens_good_label(const char *label, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)label[i] <= ' ' || label[i] == 0x7f) {
			return false;
		}
	}
	return n && n <= TOKENS_LABEL_MAX;
}

/* --- the strings --- */

static void add_bytes(struct tokens *t, const char *bytes, size_t n)
{
	assert(n <= t->arena_size - t->arena_len);
	memcpy(t->arena + t->arena_len, bytes, n);
	t->arena_len += n;
}

static const char *add_string(struct tokens *t, struct text s)
{
	size_t there = t->arena_len;

	add_bytes(t, s.at, s.n);
	add_bytes(t, "", 1);
	return t->arena + there;
}

/* Puts "USER LABEL" there and returns where the label begins in it. */
static const char *add_label(struct tokens *t, struct text user, struct text label)
{
	add_bytes(t, user.at, user.n);
	add_bytes(t, " ", 1);
	return add_string(t, label);
}

static const char *label_string(const void *owner, uint32_t id)
{
	const struct token *token = &((const struct tokens *)owner)->tokens[id];

	return token->label - strlen(token->user) - 1;
}

static const char *user_string(const void *owner, uint32_t id)
{
	return ((const struct tokens *)owner)->tokens[id].user;
}

static uint32_t find_label(const struct tokens *t, struct text user, struct text label)
{
	char key[USERS_NAME_MAX + 1 + TOKENS_LABEL_MAX];

	if (user.n > USERS_NAME_MAX || label.n > TOKENS_LABEL_MAX) {
		return TABLE_NONE;
	}
	memcpy(key, user.at, user.n);
	key[user.n] = ' ';
	memcpy(key + user.n + 1, label.at, label.n);
	return table_find(&t->by_label, key, user.n + 1 + label.n);
}

/* --- hashes of secrets --- */

static void hash_secret(const char *secret, size_t n, unsigned char ret[HASH_BYTES])
{
	(void)crypto_generichash(ret, HASH_BYTES, (const unsigned char *)secret, n,
				 PERSONAL_KEY,
				 sizeof(PERSONAL_KEY) - 1); /* fails for wrong sizes only */
}

void tokens_hash(const char *secret, size_t n, char ret[TOKENS_HASH_SIZE])
{
	unsigned char hash[HASH_BYTES];

	hash_secret(secret, n, hash);
	memcpy(ret, HASH_PREFIX, HASH_PREFIX_N);
	(void)sodium_bin2base64(ret + HASH_PREFIX_N, TOKENS_HASH_SIZE - HASH_PREFIX_N, hash,
				sizeof(hash), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool parse_hash(struct text t, unsigned char ret[HASH_BYTES])
{
	size_t n;

	return t.n == TOKENS_HASH_SIZE - 1 && text_begins(t, HASH_PREFIX) &&
	       !sodium_base642bin(ret, HASH_BYTES, t.at + HASH_PREFIX_N, t.n - HASH_PREFIX_N,
				  NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) &&
	       n == HASH_BYTES;
}

/* The slot of this hash, or the empty one where it belongs. Where the search begins tells a few
 * bits of the hash to whoever measures the time, the comparisons tell none. */
static uint32_t *find_slot(const struct tokens *t, const unsigned char hash[HASH_BYTES])
{
	uint32_t i;

	memcpy(&i, hash, sizeof(i));
	for (;; i++) {
		uint32_t *slot = &t->slots[i & (t->n_slots - 1)];

		if (*slot == TABLE_NONE ||
		    !sodium_memcmp(t->rests[*slot].hash, hash, HASH_BYTES)) {
			return slot;
		}
	}
}

/* --- the two kinds of lines --- */

static const char BAD_USER[] =
	"no user name: 1 to 64 characters, no slash, no blank, no dot first";

/* Behind the user's other crypt lines, or as his first one. */
static int add_to_chain(struct tokens *t, struct text user, uint32_t id)
{
	uint32_t first = table_find(&t->by_user, user.at, user.n);
	union rest *r = t->rests;

	r[id].chain.next = TABLE_NONE;
	r[id].chain.last = id;
	t->first_crypt = id < t->first_crypt ? id : t->first_crypt;
	if (first == TABLE_NONE) {
		return table_add(&t->by_user, id);
	}
	r[r[first].chain.last].chain.next = id;
	r[first].chain.last = id;
	return 0;
}

/* The hash goes to the arena first, for there it gets its NUL; a bad one is taken back. */
static const char *take_crypt(struct tokens *t, struct text hash, const char **ret_trouble)
{
	size_t before = t->arena_len;
	const char *copy = add_string(t, hash);

	*ret_trouble = crypthash_mistake(copy);
	if (*ret_trouble) {
		t->arena_len = before;
		return NULL;
	}
	return copy;
}

/* No hash has a colon in it, but a user name may: then it ends at the last one. */
static int read_crypt(struct reader *r, struct text line)
{
	const char *colon = memchr(line.at, ':', line.n);
	struct tokens *t = r->t;
	struct token *new = &t->tokens[t->n];
	struct text user, hash;
	const char *trouble;
	bool more;

	if (!colon) {
		conf_mistake(&r->at, "neither 'USER LABEL HASH' nor 'USER:HASH'");
		return 0;
	}
	more = memchr(colon + 1, ':', (size_t)(line.at + line.n - colon - 1));
	colon = memrchr(line.at, ':', line.n);
	user = (struct text){ line.at, (size_t)(colon - line.at) };
	hash = (struct text){ colon + 1, line.n - user.n - 1 };
	*new = (struct token){ .crypt = take_crypt(t, hash, &trouble), .line = r->at.line };
	if (!new->crypt) {
		conf_mistake(&r->at, "%s",
			more ? "more than 'USER:HASH'; of a line of /etc/shadow leave the "
			       "first two fields" :
			       trouble);
		return 0;
	}
	if (!users_good_user(user.at, user.n)) {
		conf_mistake(&r->at, "%s", BAD_USER);
		return 0;
	}
	new->user = add_string(t, user);
	return add_to_chain(t, user, t->n++);
}

static int add_name(struct tokens *t, struct text name)
{
	if (t->n_names == t->names_size) {
		size_t size = t->names_size + t->names_size / 2 + 16;
		const char **more = reallocarray(t->names, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		t->names = more;
		t->names_size = size;
	}
	t->names[t->n_names++] = add_string(t, name);
	return 0;
}

/* The names that a token is for. A list that is there but has no good name must not mean "all". */
static int read_names(struct reader *r, struct text list, bool *ret_good)
{
	bool good = true, any = false;
	struct text item;

	*ret_good = true;
	list = text_trim(list);
	if (!list.n) {
		return 0;
	}
	while (text_next_word(&list, TEXT_BLANKS ",", &item)) {
		char name[NAME_SIZE];
		size_t n;
		int e = name_canon(item.at, item.n, name, &n);

		any = true;
		if (e) {
			conf_mistake_about(&r->at, "name ", item, name_strerror(e));
			good = false;
		} else if (good && add_name(r->t, (struct text){ name, n })) {
			return -ENOMEM;
		}
	}
	if (!any) {
		conf_mistake(&r->at, "a list of names without a name");
	}
	*ret_good = good && any;
	return 0;
}

/* Whether the words are of a token that may be there; reports why not. */
static bool good_token(struct reader *r, struct text user, struct text label, struct text hash,
		       unsigned char ret_hash[HASH_BYTES])
{
	const struct tokens *t = r->t;
	uint32_t there;

	if (!parse_hash(hash, ret_hash)) {
		conf_mistake(&r->at,
			!hash.n || memchr(user.at, ':', user.n) ?
				"neither 'USER LABEL HASH' nor 'USER:HASH'" :
				"the third word is no hash of a token; 'dns-updater token' makes them");
		return false;
	}
	if (!users_good_user(user.at, user.n)) {
		conf_mistake(&r->at, "%s", BAD_USER);
		return false;
	}
	if (!tokens_good_label(label.at, label.n)) {
		conf_mistake(&r->at, "no label: 1 to %d characters, no control characters",
			TOKENS_LABEL_MAX);
		return false;
	}
	there = find_label(t, user, label);
	if (there != TABLE_NONE) {
		conf_mistake(&r->at, "user '%s' has a token of label '%s' in line %u already",
			t->tokens[there].user, t->tokens[there].label, t->tokens[there].line);
		return false;
	}
	there = *find_slot(t, ret_hash);
	if (there != TABLE_NONE) {
		conf_mistake(&r->at,
			"the secret of this token is that of line %u, too; a secret belongs to one "
			"line only",
			t->tokens[there].line);
		return false;
	}
	return true;
}

static int read_token(struct reader *r, struct text line)
{
	struct text user = next_word(&line), label = next_word(&line), hash = next_word(&line);
	struct tokens *t = r->t;
	size_t arena_before = t->arena_len, names_before = t->n_names;
	struct token *new = &t->tokens[t->n];
	bool good;
	int e;

	if (!good_token(r, user, label, hash, t->rests[t->n].hash)) {
		return 0;
	}
	e = read_names(r, line, &good);
	if (e) {
		return e;
	}
	if (!good) {
		t->arena_len = arena_before;
		t->n_names = names_before;
		return 0;
	}
	*new = (struct token){ .user = add_string(t, user),
			       .label = add_label(t, user, label),
			       .n_names = t->n_names - names_before,
			       .line = r->at.line };
	*find_slot(t, t->rests[t->n].hash) = t->n;
	return table_add(&t->by_label, t->n++);
}

static int read_line(struct reader *r, struct text line)
{
	struct text rest = line;

	if (memchr(line.at, '\0', line.n)) {
		conf_mistake(&r->at, "a NUL byte");
		return 0;
	}
	(void)next_word(&rest);
	return rest.n ? read_token(r, line) : read_crypt(r, line);
}

/* --- the whole --- */

static size_t count_lines(struct text all)
{
	struct text line;
	size_t n = 0;

	while (text_next_line(&all, &line)) {
		n += content(line).n != 0;
	}
	return n;
}

static struct tokens *tokens_new(size_t n_lines, size_t n_bytes)
{
	struct tokens *t = n_lines < UINT32_MAX / 4 ? calloc(1, sizeof(*t)) : NULL;

	if (!t) {
		return NULL;
	}
	t->n_slots = 1;
	while (t->n_slots / 4 * 3 <= n_lines) {
		t->n_slots *= 2;
	}
	t->arena_size = n_bytes + n_lines * ARENA_SPARE;
	t->arena = malloc(t->arena_size + 1);
	t->tokens = calloc(n_lines + 1, sizeof(*t->tokens));
	t->rests = calloc(n_lines + 1, sizeof(*t->rests));
	t->slots = reallocarray(NULL, t->n_slots, sizeof(*t->slots));
	t->by_label = (struct table){ .string_of = label_string, .owner = t };
	t->by_user = (struct table){ .string_of = user_string, .owner = t };
	t->first_crypt = TABLE_NONE;
	if (!t->arena || !t->tokens || !t->rests || !t->slots) {
		return tokens_free(t);
	}
	memset(t->slots, 0xff, t->n_slots * sizeof(*t->slots)); /* all TABLE_NONE */
	return t;
}

struct tokens *tokens_free(struct tokens *t)
{
	if (t) {
		table_deinit(&t->by_label);
		table_deinit(&t->by_user);
		free(t->slots);
		free(t->names);
		free(t->arena);
		free(t->rests);
		free(t->tokens);
		free(t);
	}
	return NULL;
}

/* The names no longer move: the tokens, which have them in the same order, can point to them. */
static void point_to_names(struct tokens *t)
{
	size_t at = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		if (t->tokens[i].n_names) {
			t->tokens[i].names = t->names + at;
			at += t->tokens[i].n_names;
		}
	}
}

int tokens_parse(const char *text, size_t n, const char *file, conf_report_fn *report,
		 void *arg, struct tokens **ret)
{
	struct text all = { text, n }, line;
	struct tokens *t = tokens_new(count_lines(all), n);
	struct reader r = { t, { .file = file, .report = report, .arg = arg } };

	if (!t) {
		return -ENOMEM;
	}
	while (text_next_line(&all, &line)) {
		int e = 0;

		r.at.line++;
		line = content(line);
		if (line.n) {
			e = read_line(&r, line);
		}
		if (e) {
			tokens_free(t);
			return e;
		}
	}
	point_to_names(t);
	*ret = t;
	return 0;
}

size_t tokens_n(const struct tokens *t)
{
	return t->n;
}

const struct token *tokens_at(const struct tokens *t, size_t i)
{
	assert(i < t->n);
	return &t->tokens[i];
}

const struct token *tokens_find(const struct tokens *t, const char *secret, size_t n)
{
	unsigned char hash[HASH_BYTES];
	uint32_t id;

	hash_secret(secret, n, hash);
	id = *find_slot(t, hash);
	return id == TABLE_NONE ? NULL : &t->tokens[id];
}

const struct token *tokens_find_label(const struct tokens *t, const char *user,
				      const char *label)
{
	uint32_t id = find_label(t, (struct text){ user, strlen(user) },
				 (struct text){ label, strlen(label) });

	return id == TABLE_NONE ? NULL : &t->tokens[id];
}

const struct token *tokens_next_crypt(const struct tokens *t, const char *user,
				      const struct token *after)
{
	uint32_t id = after ? t->rests[after - t->tokens].chain.next :
			      table_find(&t->by_user, user, strlen(user));

	return id == TABLE_NONE ? NULL : &t->tokens[id];
}

const struct token *tokens_any_crypt(const struct tokens *t)
{
	return t->first_crypt == TABLE_NONE ? NULL : &t->tokens[t->first_crypt];
}

unsigned tokens_without(const char *text, size_t n, const char *user, const char *label,
			struct buf *ret)
{
	struct text all = { text, n }, line;
	unsigned n_left_out = 0;

	while (text_next_line(&all, &line)) {
		struct text words = content(line);

		if (text_is(next_word(&words), user) && text_is(next_word(&words), label) &&
		    next_word(&words).n) {
			n_left_out++;
		} else {
			buf_add(ret, line.at, line.n);
		}
	}
	return n_left_out;
}
