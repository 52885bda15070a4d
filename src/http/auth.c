/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/auth.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "core/name.h"
#include "service/start.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

enum {
	JOBS_MAX = 64,
	JOBS_PER_PEER = 4,
	SECRET_MAX = CRYPT_MAX_PASSPHRASE_SIZE - 1,
	REMEMBERED = 1024, /* passwords that were right, a power of two */
	PRINT_SIZE = 16,
};

/* A password to be tried against all the user's hashes. */
struct job {
	uv_work_t work;
	struct job *next;
	struct auth *auth;
	struct ip network; /* that it comes from */
	char *secret;
	struct buf hashes; /* one behind the other, each with a NUL */
	const char *right; /* the one that it fits; NULL: none */
	uint32_t user;
	bool is_decoy; /* the hash is not the user's: he has none, or there is no such user */
	const bool *gone;
	auth_done_fn *done;
	void *arg;
	struct crypt_data data;
};

struct auth {
	uv_loop_t *loop;
	const struct conf *conf;
	struct tokens *tokens;
	struct stat stat; /* of the file as it was read */
	bool failed;	  /* it cannot be read, and that is said */
	struct job *first, **last, *running;
	/* Routers come again every few minutes: which secret was right for which hash, as a keyed hash
	 * of both. */
	unsigned char key[crypto_generichash_KEYBYTES];
	unsigned char remembered[REMEMBERED][PRINT_SIZE];
};

/* --- the file --- */

static void report(void *arg, const char *file, unsigned line, const char *what)
{
	(void)arg;
	log_error("%s:%u: %s; this line is left out", file, line, what);
}

/* While it cannot be read, what was read last holds: but a file that is gone revokes all. */
static int load(struct auth *a)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	const char *path = a->conf->http.tokens;
	struct tokens *tokens = NULL;
	struct stat st = { 0 };
	int r;

	if (!stat(path, &st) && file_same_state(&st, &a->stat)) {
		a->failed = false;
		return 0;
	}
	r = file_read(AT_FDCWD, path, TOKENS_SIZE_MAX, &text);
	if (!r || r == -ENOENT) {
		int e = tokens_parse(text.data, text.len, path, report, NULL, &tokens);

		r = e ? e : r;
	}
	if (tokens) {
		a->tokens = tokens_free(a->tokens);
		a->tokens = tokens;
		a->stat = st;
	}
	if (r && !a->failed) {
		log_error("unable to read '%s': %s; %s", path, strerror(-r),
			  r == -ENOENT ?
				  "nobody can update ('dns-updater token USER' makes it)" :
			  a->tokens ? "keeping the tokens that were read last" :
				      "not started");
	}
	a->failed = r;
	return r;
}

/* --- what is proved --- */

/* A token may be for some names only. false: no memory. */
static bool allow(const struct conf *conf, const struct token *t, uint32_t user, bool **ret)
{
	const struct users *u = conf->users;
	uint32_t first = u->users[user].first_name, n = users_n_names(u, user);
	bool *allowed;

	*ret = NULL;
	if (!t->n_names) {
		return true;
	}
	allowed = calloc(n + 1u, sizeof(*allowed));
	for (size_t i = 0; allowed && i < t->n_names; i++) {
		uint32_t name = users_find_name(u, t->names[i], strlen(t->names[i]));

		if (name != TABLE_NONE && name >= first && name < first + n) {
			allowed[name - first] = true;
		}
	}
	*ret = allowed;
	return allowed;
}

/* A user name, or a domain name, which tells its owner. */
static uint32_t find_account(const struct users *users, struct text t)
{
	uint32_t user = t.n ? users_find(users, t.at, t.n) : TABLE_NONE;
	char name[NAME_SIZE];
	uint32_t found;
	size_t n;

	if (user != TABLE_NONE || !t.n || name_canon(t.at, t.n, name, &n)) {
		return user;
	}
	found = users_find_name(users, name, n);
	return found == TABLE_NONE ? TABLE_NONE : users_owner(users, found);
}

uint32_t auth_claimed(const struct conf *conf, const struct request *r)
{
	if (r->user.n) {
		return find_account(conf->users, r->user);
	}
	return r->n_hosts ? find_account(conf->users, r->hosts[0]) : TABLE_NONE;
}

static bool try_token(const struct auth *a, const struct conf *conf, const struct request *r,
		      struct text secret, struct auth_result *ret)
{
	const struct token *t = secret.n ? tokens_find(a->tokens, secret.at, secret.n) : NULL;
	uint32_t user = t ? users_find(conf->users, t->user, strlen(t->user)) : TABLE_NONE;

	if (user == TABLE_NONE || (r->user.n && find_account(conf->users, r->user) != user)) {
		return false;
	}
	ret->user = user;
	ret->outcome = allow(conf, t, user, &ret->allowed) ? AUTH_OK : AUTH_FAILED;
	(void)strncpy(ret->label, t->label, sizeof(ret->label) - 1); /* labels fit */
	return true;
}

/* --- passwords of crypt(3) --- */

static void print_of(const struct auth *a, const char *secret, const char *hash,
		     unsigned char ret[PRINT_SIZE])
{
	crypto_generichash_state state;

	/* The hash has no NUL and ends with one, so the two cannot be confused. */
	(void)crypto_generichash_init(&state, a->key, sizeof(a->key), PRINT_SIZE);
	(void)crypto_generichash_update(&state, (const unsigned char *)hash, strlen(hash) + 1);
	(void)crypto_generichash_update(&state, (const unsigned char *)secret, strlen(secret));
	(void)crypto_generichash_final(&state, ret, PRINT_SIZE);
}

static unsigned char *place_of(struct auth *a, const unsigned char print[PRINT_SIZE])
{
	return a->remembered[(print[0] | print[1] << 8) % REMEMBERED];
}

static bool is_remembered(struct auth *a, const struct job *j)
{
	const char *end = j->hashes.data + j->hashes.len;
	unsigned char print[PRINT_SIZE];

	for (const char *hash = j->hashes.data; hash < end; hash += strlen(hash) + 1) {
		print_of(a, j->secret, hash, print);
		if (!sodium_memcmp(place_of(a, print), print, PRINT_SIZE)) {
			return true;
		}
	}
	return false;
}

static void remember(struct auth *a, const struct job *j)
{
	unsigned char print[PRINT_SIZE];

	print_of(a, j->secret, j->right, print);
	memcpy(place_of(a, print), print, PRINT_SIZE);
}

static void job_free(struct job *j)
{
	if (!j) {
		return;
	}
	if (j->secret) {
		sodium_memzero(j->secret, strlen(j->secret));
	}
	buf_deinit(&j->hashes);
	free(j->secret);
	free(j);
}

/* In a thread of the pool. */
static void on_work(uv_work_t *work)
{
	struct job *j = work->data;
	const char *end = j->hashes.data + j->hashes.len;

	for (const char *known = j->hashes.data; !j->right && known < end; known += strlen(known) + 1) {
		const char *hash = crypt_r(j->secret, known, &j->data);

		if (hash && *hash != '*' && strlen(hash) == strlen(known) &&
		    !sodium_memcmp(hash, known, strlen(hash))) {
			j->right = known;
		}
	}
	sodium_memzero(&j->data, sizeof(j->data));
}

static void start_next(struct auth *a);

static void on_done(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct auth *a = j->auth;
	struct auth_result result = {
		.outcome = j->right && !j->is_decoy ? AUTH_OK : AUTH_WRONG,
		.user = j->user,
	};

	(void)status; /* nobody cancels it */
	a->running = NULL;
	if (result.outcome == AUTH_OK) {
		remember(a, j);
	}
	j->done(j->arg, &result);
	job_free(j);
	start_next(a);
}

static struct job *take_job(struct auth *a)
{
	struct job *j = a->first;

	a->first = j->next;
	if (!a->first) {
		a->last = &a->first;
	}
	return j;
}

/* Without having been tried. */
static void drop_job(struct job *j)
{
	struct auth_result result = { .outcome = AUTH_BUSY, .user = j->user };

	j->done(j->arg, &result);
	job_free(j);
}

static void start_next(struct auth *a)
{
	while (!a->running && a->first) {
		struct job *j = take_job(a);

		if (*j->gone) {
			drop_job(j);
			continue;
		}
		a->running = j;
		(void)uv_queue_work(a->loop, &j->work, on_work,
				    on_done); /* fails only without on_work */
	}
}

void auth_stop(struct auth *a)
{
	while (a->first) {
		drop_job(take_job(a));
	}
}

/* Who sends many at once has no more than his share of the queue, and all of them leave connections to others. */
static bool may_queue(const struct auth *a, const struct ip *peer)
{
	size_t share = a->conf->http.connections_max / 4, n_max = share < JOBS_MAX ? share : JOBS_MAX;
	struct ip network = ip_network(*peer);
	size_t n = a->running && !memcmp(&a->running->network, &network, sizeof(network));
	size_t n_all = a->running ? 1 : 0;

	for (const struct job *j = a->first; j; j = j->next) {
		n_all++;
		n += !memcmp(&j->network, &network, sizeof(network));
	}
	return n_all < (n_max > JOBS_PER_PEER ? n_max : JOBS_PER_PEER) && n < JOBS_PER_PEER;
}

/* Nobody is to find out by the time that it takes whether there is such a user: who has no password gets another's hash
 * to be tried against, in vain. */
static struct job *job_new(struct auth *a, const char *user, struct text secret)
{
	struct job *j = calloc(1, sizeof(*j));
	const struct token *t = NULL;

	if (!j) {
		return NULL;
	}
	j->secret = strndup(secret.at, secret.n);
	while (user && (t = tokens_next_crypt(a->tokens, user, t))) {
		buf_add(&j->hashes, t->crypt, strlen(t->crypt) + 1);
	}
	j->is_decoy = !j->hashes.len && !j->hashes.failed;
	if (j->is_decoy) {
		t = tokens_any_crypt(a->tokens);
		buf_add(&j->hashes, t->crypt, strlen(t->crypt) + 1);
	}
	if (!j->secret || buf_error(&j->hashes)) {
		job_free(j);
		return NULL;
	}
	return j;
}

/* false: there is no password to be tried. */
static bool try_password(struct auth *a, const struct conf *conf, uint32_t user,
			 struct text secret, const struct ip *peer, const bool *gone,
			 auth_done_fn *done, void *arg)
{
	struct auth_result result = { .outcome = AUTH_FAILED, .user = user };
	bool queued = false;
	struct job *j;

	if (!secret.n || secret.n > SECRET_MAX || memchr(secret.at, '\0', secret.n) ||
	    !tokens_any_crypt(a->tokens)) {
		return false;
	}
	j = job_new(a, user == TABLE_NONE ? NULL : users_user(conf->users, user), secret);
	if (j && !j->is_decoy && is_remembered(a, j)) {
		result.outcome = AUTH_OK;
	} else if (j) {
		result.outcome = AUTH_BUSY;
		queued = may_queue(a, peer);
	}
	if (!queued) {
		job_free(j);
		done(arg, &result);
		return true;
	}
	j->work.data = j;
	j->auth = a;
	j->network = ip_network(*peer);
	j->gone = gone;
	j->user = user;
	j->done = done;
	j->arg = arg;
	*a->last = j;
	a->last = &j->next;
	start_next(a);
	return true;
}

/* --- the whole --- */

void auth_check(struct auth *a, const struct conf *conf, const struct request *r,
		const struct ip *peer, const bool *gone, auth_done_fn *done, void *arg)
{
	struct auth_result result = { .user = auth_claimed(conf, r) };
	bool claims = r->user.n || r->n_hosts;

	(void)load(a); /* it has said what is wrong */
	result.outcome = !r->token.n && !r->password.n ? AUTH_NONE :
			 tokens_n(a->tokens)	       ? AUTH_WRONG :
							 AUTH_NOBODY;
	if (try_token(a, conf, r, r->token, &result) ||
	    try_token(a, conf, r, r->password, &result) || !claims ||
	    !try_password(a, conf, result.user, r->password, peer, gone, done, arg)) {
		done(arg, &result);
	}
}

bool auth_is_token(const struct auth *a, struct text t)
{
	return t.n && tokens_find(a->tokens, t.at, t.n);
}

void auth_configure(struct auth *a, const struct conf *conf)
{
	a->conf = conf;
	a->stat = (struct stat){ 0 };
	(void)load(a); /* it has said what is wrong */
}

int auth_new(uv_loop_t *loop, const struct conf *conf, struct auth **ret)
{
	struct auth *a = calloc(1, sizeof(*a));
	int r;

	if (!a) {
		return start_failed("start", -ENOMEM);
	}
	a->loop = loop;
	a->conf = conf;
	a->last = &a->first;
	randombytes_buf(a->key, sizeof(a->key));
	randombytes_buf(a->remembered, sizeof(a->remembered)); /* what no print is */
	r = load(a);
	if (r && r != -ENOENT) {
		auth_free(a);
		return start_status(r);
	}
	*ret = a;
	return 0;
}

struct auth *auth_free(struct auth *a)
{
	if (a) {
		tokens_free(a->tokens);
		sodium_memzero(a, sizeof(*a));
		free(a);
	}
	return NULL;
}
