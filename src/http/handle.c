/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/handle.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/quota.h"
#include "core/address.h"
#include "core/answer.h"
#include "core/name.h"
#include "core/throttle.h"
#include "core/update.h"
#include "http/ask.h"
#include "http/auth.h"
#include "http/store.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <uv.h>

enum {
	WAITING_MAX = 256,
	WAITING_MIN = 4,   /* requests of one user behind the one at work */
	DELAYED_MAX = 256, /* answers that are held back */
	CONTAINED_MIN = 6, /* bytes of a password that is sought within other words */
	QUOTE_MAX = 64,	   /* bytes from outside that one message shows */
	SAID_MS = 60 * 1000,
	SAID_PLACES = 1024, /* strangers and users are told apart by a hash */
};

/* Whoever guesses is not listened to for longer and longer: his address together with the account that
 * he names; and after many more failures the address alone, for others may share it. A router with an
 * old password, which tries every five minutes, gets to neither. */
static const struct throttle_rule claim_rule = {
	.free = 10,
	.first_ms = 1000,
	.max_ms = 5 * 60 * 1000,
	.halve_ms = 10 * 60 * 1000,
};
static const struct throttle_rule address_rule = {
	.free = 50,
	.first_ms = 1000,
	.max_ms = 5 * 60 * 1000,
	.halve_ms = 10 * 60 * 1000,
};
/* With many addresses at one account he is answered later and later; the owner, who need not guess, is
 * let in at once wherever he comes from. */
static const struct throttle_rule account_rule = {
	.free = 10,
	.first_ms = 100,
	.max_ms = 3000,
	.halve_ms = 10 * 60 * 1000,
};

/* Lines of the log in SAID_MS: what one stranger or user does must not hide what others do. */
enum said { SAID_WRONG, SAID_REFUSED, SAID_CHANGED, N_SAID };

static const struct {
	unsigned by_one, by_all;
} said_max[N_SAID] = {
	[SAID_WRONG] = { 20, 300 },
	[SAID_REFUSED] = { 20, 300 },
	[SAID_CHANGED] = { 600, UINT32_MAX },
};

struct job {
	struct handle *h;
	struct generation *g;
	struct server_request *q; /* NULL: it was given up, and nobody waits any more */
	bool gone;		  /* the same */
	struct request r;
	struct ip peer;
	uint32_t user;
	bool *allowed;
	char label[TOKENS_LABEL_MAX + 1];
	struct ip_set **now; /* of each of his names */
	struct update u;
	struct job *next;    /* the next user's that is at work; or the next delayed one */
	struct job *waiting; /* the next of the same user */
	uint64_t due_ms;     /* of one that is answered later */
};

struct handle {
	uv_loop_t *loop;
	struct auth *auth;
	struct ask *ask;
	struct store *store;
	const char *socket;
	struct throttle *claims, *addresses, *accounts;
	unsigned char key[crypto_shorthash_KEYBYTES];
	struct job *working;
	struct job *delayed;
	unsigned n_delayed;
	uv_timer_t delay_timer;
	bool away; /* the daemon, and that is said */
	bool stopping;
	struct quota said[N_SAID], said_by[N_SAID][SAID_PLACES];
};

/* --- keys of strangers and users --- */

static uint64_t key_of(const struct handle *h, const void *bytes, size_t n)
{
	uint64_t key;

	_Static_assert(sizeof(key) == crypto_shorthash_BYTES, "a key is a hash");
	(void)crypto_shorthash((unsigned char *)&key, bytes, n, h->key);
	return key;
}

/* An IPv6 host has a whole network to come from. */
static uint64_t address_key(const struct job *j)
{
	return key_of(j->h, j->peer.bytes, j->peer.n == 4 ? 4 : 8);
}

static uint64_t user_key(const struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user);

	return key_of(j->h, user, strlen(user));
}

/* --- the log --- */

static void print_peer(struct buf *b, const struct ip *ip)
{
	char text[IP_TEXT_SIZE];

	buf_add(b, text, ip_print(ip->bytes, ip->n, text));
}

static bool contains(struct text t, struct text secret)
{
	if (secret.n >= CONTAINED_MIN) {
		return memmem(t.at, t.n, secret.at, secret.n);
	}
	return secret.n && secret.n == t.n && !memcmp(t.at, secret.at, t.n);
}

/* What the client wrote, as far as it can be a name or an address: what follows may be a password, where
 * an "&" is missing; and all of it may be one, in the wrong field. */
static void add_quoted(struct buf *b, const struct job *j, struct text t)
{
	size_t n = 0;

	while (n < t.n && !strchr("=&;? ", t.at[n])) { /* strchr finds a NUL, too */
		n++;
	}
	if (auth_is_token(j->h->auth, t) || contains(t, j->r.password) ||
	    contains(t, j->r.token)) {
		buf_adds(b, "(a password)");
		return;
	}
	buf_adds(b, "'");
	buf_add_escaped(b, t.at, n, QUOTE_MAX);
	buf_adds(b, n < t.n ? "...'" : "'");
}

static bool take_quota(struct handle *h, struct quota *q, unsigned max)
{
	unsigned left_out;
	bool may = quota_take(q, uv_now(h->loop), max, SAID_MS, &left_out);

	if (left_out) {
		log_warning("%u more messages of this kind were left out", left_out);
	}
	return may;
}

/* Whether there may be one more line of this kind, of all strangers or users and of this one. */
static bool may_say(struct handle *h, enum said what, uint64_t who)
{
	return take_quota(h, &h->said_by[what][who % SAID_PLACES], said_max[what].by_one) &&
	       take_quota(h, &h->said[what], said_max[what].by_all);
}

/* A name that there is. What is none may be a piece of a password, where an "&" was not escaped. */
static void add_host(struct buf *b, const struct job *j, struct text host, const char *before)
{
	const struct users *users = j->g->conf.users;
	char name[NAME_SIZE];
	uint32_t found;
	size_t n;

	if (name_canon(host.at, host.n, name, &n)) {
		return;
	}
	found = users_find_name(users, name, n);
	if (found != TABLE_NONE) {
		buf_printf(b, "%s%s", before, users_name(users, found));
	}
}

static void say_refused(const struct job *j, enum said what, const char *why)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	if (!may_say(j->h, what, address_key(j))) {
		return;
	}
	print_peer(&b, &j->peer);
	if (j->user != TABLE_NONE) {
		buf_printf(&b, ": user %s", users_user(j->g->conf.users, j->user));
	} else if (j->r.user.n) {
		buf_adds(&b, ": user ");
		add_quoted(&b, j, j->r.user);
	}
	for (unsigned i = 0; i < j->r.n_hosts; i++) {
		add_host(&b, j, j->r.hosts[i], i ? ", " : " for ");
	}
	log_warning("refusing %s: %s", buf_str(&b), why);
}

static void add_left_out(struct buf *b, const struct job *j, const struct update_host *h,
			 const char *why)
{
	buf_adds(b, b->len ? "; " : "");
	if (h->name != TABLE_NONE) {
		buf_printf(b, "%s: ", users_name(j->g->conf.users, h->name));
	} else if (h->text.at) {
		add_quoted(b, j, h->text);
		buf_adds(b, ": ");
	}
	buf_adds(b, why);
	if (j->r.bad.at && h->outcome == UPDATE_DNSERR) {
		buf_adds(b, ": ");
		add_quoted(b, j, j->r.bad);
	}
}

/* Names of the request that were not given what was wanted, and addresses that were not taken. */
static void say_left_out(const struct job *j)
{
	_cleanup_(buf_deinit) struct buf list = { 0 }, peer = { 0 };
	bool refused = false;

	for (size_t i = 0; i < j->u.n_hosts; i++) {
		const struct update_host *h = &j->u.hosts[i];
		const char *why = h->outcome == UPDATE_NOHOST ?
					  "not his name, or not this token's" :
				  h->outcome == UPDATE_NOTFQDN ? "no host name" :
								 h->why;

		if (why) {
			add_left_out(&list, j, h, why);
		}
		refused = refused || (why && h->outcome != UPDATE_GOOD);
	}
	if (list.len && may_say(j->h, SAID_REFUSED, user_key(j))) {
		print_peer(&peer, &j->peer);
		log_warning("%s user %s from %s: %s", refused ? "refusing" : "leaving out, for",
			    users_user(j->g->conf.users, j->user), buf_str(&peer),
			    buf_str(&list));
	}
}

static void say_changed(const struct job *j)
{
	const struct users *users = j->g->conf.users;
	uint32_t first = users->users[j->user].first_name;
	_cleanup_(buf_deinit) struct buf b = { 0 };

	if (!may_say(j->h, SAID_CHANGED, user_key(j))) {
		return;
	}
	for (uint32_t i = 0; i < j->u.n_sets; i++) {
		if (ip_set_equal(j->u.sets[i], j->now[i])) {
			continue;
		}
		buf_printf(&b, "%s%s to ", b.len ? "; " : "", users_name(users, first + i));
		if (j->u.sets[i]) {
			ip_set_print(&b, j->u.sets[i], ", ");
		} else {
			buf_adds(&b, "none");
		}
	}
	buf_adds(&b, " from ");
	print_peer(&b, &j->peer);
	if (*j->label) {
		buf_printf(&b, " (token %s)", j->label);
	}
	log_info("user %s sets %s", users_user(users, j->user), buf_str(&b));
}

static void say_away(struct handle *h, const char *why)
{
	if (!h->away) {
		log_warning("unable to ask the daemon at '%s': %s; going by the address files",
			    h->socket, why);
	}
	h->away = true;
}

/* --- the end of a job --- */

static void start(struct job *j);

static void free_sets(struct ip_set **sets, size_t n)
{
	for (size_t i = 0; sets && i < n; i++) {
		free(sets[i]);
	}
	free(sets);
}

static void job_free(struct job *j)
{
	free_sets(j->now, j->user == TABLE_NONE ? 0 : users_n_names(j->g->conf.users, j->user));
	update_deinit(&j->u);
	request_deinit(&j->r);
	free(j->allowed);
	generation_unref(j->g);
	free(j);
}

/* Takes the answer over. */
static void finish(struct job *j, struct answer *a)
{
	if (buf_error(&a->body)) { /* the status tells enough */
		a->status = 503;
		buf_deinit(&a->body);
	}
	if (j->q) {
		server_answer(j->q, a);
	}
	buf_deinit(&a->body);
	job_free(j);
}

static void finish_fault(struct job *j, enum answer_fault fault)
{
	struct answer a;

	answer_fault(j->r.dialect, fault, &a);
	finish(j, &a);
}

/* The user's next request may begin: the first that somebody still waits for. */
static void leave(struct job *j)
{
	struct job **at = &j->h->working, *next = j->waiting;

	while (next && next->gone) {
		struct job *given_up = next;

		next = next->waiting;
		job_free(given_up);
	}
	while (*at != j) {
		at = &(*at)->next;
	}
	if (next) {
		next->next = j->next;
		*at = next;
		start(next);
	} else {
		*at = j->next;
	}
}

static void leave_with_fault(struct job *j, enum answer_fault fault)
{
	leave(j);
	finish_fault(j, fault);
}

static void leave_without_memory(struct job *j)
{
	log_error("out of memory; keeping the address file of user %s",
		  users_user(j->g->conf.users, j->user));
	leave_with_fault(j, ANSWER_TROUBLE);
}

static void leave_with_update(struct job *j)
{
	struct answer a;

	leave(j);
	say_left_out(j);
	answer_update(&j->r, &j->u, j->g->conf.users, &a);
	finish(j, &a);
}

/* --- work --- */

static void on_written(void *arg, int error)
{
	struct job *j = arg;

	if (error == FILE_E_UNSYNCED) {
		log_error(
			"unable to flush the directory of the address files: that of user %s is "
			"replaced, but a power cut may undo it",
			users_user(j->g->conf.users, j->user));
		leave_with_fault(j, ANSWER_TROUBLE);
		return;
	}
	if (error) {
		log_error("unable to write the address file of user %s: %s; keeping the old one",
			  users_user(j->g->conf.users, j->user), strerror(-error));
		leave_with_fault(j, ANSWER_TROUBLE);
		return;
	}
	say_changed(j);
	leave_with_update(j);
}

/* What is kept may be of a time when more were allowed; the daemon would refuse the whole file. */
static bool has_too_many(const struct job *j)
{
	unsigned max = j->g->conf.addresses_max;

	for (size_t i = 0; i < j->u.n_sets; i++) {
		const struct ip_set *s = j->u.sets[i];

		if (s && (s->n_v4 > max || s->n_v6 > max)) {
			return true;
		}
	}
	return false;
}

static void write_file(struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user);
	_cleanup_(free_ptr) const char **names = users_list_names(j->g->conf.users, j->user);
	_cleanup_(buf_deinit) struct buf text = { 0 };

	if (has_too_many(j)) {
		log_error("user %s has more addresses of one family than addresses_max allows: "
			  "changing nothing until that is mended",
			  user);
		leave_with_fault(j, ANSWER_TROUBLE);
		return;
	}
	if (names) {
		address_print(&text, names, j->u.sets, j->u.n_sets);
	}
	if (text.len > address_size_max(j->u.n_sets)) {
		log_error("the address file of user %s would be too large; keeping the old one",
			  user);
		leave_with_fault(j, ANSWER_TROUBLE);
		return;
	}
	if (!names || buf_error(&text) ||
	    store_write(j->h->store, user, &text, on_written, j)) {
		leave_without_memory(j);
	}
}

static void work(struct job *j)
{
	/* A proxy's own address is nobody's; then it did not say for whom it asks. */
	bool known = !ip_nets_name(&j->g->conf.http.trusted_proxies, &j->peer);
	const struct update_input in = {
		.request = &j->r,
		.conf = &j->g->conf,
		.users = j->g->conf.users,
		.user = j->user,
		.allowed = j->allowed,
		.peer = known ? j->peer : (struct ip){ 0 },
		.now = j->now,
	};

	if (update_apply(&in, &j->u)) {
		leave_without_memory(j);
	} else if (j->u.changed) {
		write_file(j);
	} else {
		leave_with_update(j);
	}
}

/* --- what he has now --- */

/* Returns 0, ADDRESS_E_* or -ENOMEM; *ret_why is a reason. */
static int take_present(struct job *j, const char *text, size_t n, const char **ret_why)
{
	static const struct ip_nets any;
	static const struct address_rules rules = { IP_SET_EACH_MAX, &any };
	const struct conf *conf = &j->g->conf;
	_cleanup_(free_ptr) const char **names = users_list_names(conf->users, j->user);
	struct address_error error = { .why = "out of memory" };
	int r = names ? address_parse(text, n, names, users_n_names(conf->users, j->user),
				      &rules, j->now, &error) :
			-ENOMEM;

	/* What the operator has come to refuse since would have the daemon refuse the whole file. */
	for (uint32_t i = 0; !r && i < users_n_names(conf->users, j->user); i++) {
		r = ip_set_filter(&j->now[i], &conf->networks);
	}
	*ret_why = error.why;
	return r;
}

/* Without the daemon, or where it knows nothing yet: what we wrote ourselves. */
static void go_by_file(struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user), *why;
	_cleanup_(buf_deinit) struct buf text = { 0 };
	int r = store_read(j->h->store, user, &text);

	if (r) {
		log_error("unable to read the address file of user %s: %s; changing nothing",
			  user, strerror(-r));
		leave_with_fault(j, ANSWER_TROUBLE);
		return;
	}
	r = take_present(j, text.data, text.len, &why);
	if (r && r != ADDRESS_E_EMPTY) {
		log_error(
			"unable to understand the address file of user %s: %s; changing nothing",
			user, why);
		leave_with_fault(j, ANSWER_TROUBLE);
		return;
	}
	work(j);
}

/* The daemon has other names or users than we: one of the two has not read its configuration anew. What
 * we would write now could be refused, or say something of names that nobody asked for. */
static void differ(struct job *j, const char *why)
{
	log_error(
		"the daemon has another configuration of user %s (%s): changing nothing until both "
		"programs have had a SIGHUP",
		users_user(j->g->conf.users, j->user), why);
	leave_with_fault(j, ANSWER_TROUBLE);
}

static size_t n_lines(const char *text, size_t n)
{
	size_t n_found = 0;

	for (size_t i = 0; i < n; i++) {
		n_found += text[i] == '\n';
	}
	return n_found;
}

static void take_told(struct job *j, const char *text, size_t n)
{
	const char *why = "fewer names";

	if (n_lines(text, n) != users_n_names(j->g->conf.users, j->user) ||
	    take_present(j, text, n, &why)) {
		differ(j, why);
	} else {
		work(j);
	}
}

static void on_told(void *arg, enum ask_outcome outcome, const char *text, size_t n)
{
	static const char denied[] = "error not permitted";
	struct job *j = arg;
	struct handle *h = j->h;
	bool away = outcome == ASK_AWAY || (outcome == ASK_REFUSED && n == sizeof(denied) - 1 &&
					    !memcmp(text, denied, n));
	char why[QUOTE_MAX + 1] = "";

	if (outcome == ASK_AWAY || outcome == ASK_REFUSED) {
		memcpy(why, text, n < QUOTE_MAX ? n : QUOTE_MAX);
	}
	if (!away && h->away) {
		log_info("the daemon at '%s' answers again", h->socket);
	}
	if (away) {
		say_away(h, why);
	}
	h->away = away;
	if (j->gone) { /* what is written now might be newer */
		leave_with_fault(j, ANSWER_TROUBLE);
	} else if (away || outcome == ASK_UNKNOWN) {
		go_by_file(j);
	} else if (outcome == ASK_REFUSED) {
		differ(j, why);
	} else {
		take_told(j, text, n);
	}
}

static void start(struct job *j)
{
	uint32_t n = users_n_names(j->g->conf.users, j->user);

	j->now = calloc(n + 1u, sizeof(struct ip_set *));
	if (!j->now || ask_has(j->h->ask, users_user(j->g->conf.users, j->user), on_told, j)) {
		leave_without_memory(j);
	}
}

/* One user does not take all connections, however long the daemon or the disk lets him wait. */
static unsigned waiting_max(const struct conf_http *http)
{
	unsigned share = http->connections_max / 4;

	return share < WAITING_MIN ? WAITING_MIN : share < WAITING_MAX ? share : WAITING_MAX;
}

/* Users are compared by name, for a reload numbers them anew. */
static void enter(struct job *j)
{
	const char *user = users_user(j->g->conf.users, j->user);
	struct job *other = j->h->working;
	unsigned n, max = waiting_max(&j->g->conf.http);

	while (other && strcmp(users_user(other->g->conf.users, other->user), user) != 0) {
		other = other->next;
	}
	if (!other) {
		j->next = j->h->working;
		j->h->working = j;
		start(j);
		return;
	}
	for (n = 0; other->waiting && n < max; n++) {
		other = other->waiting;
	}
	if (n == max) {
		say_refused(j, SAID_REFUSED, "too many requests of this user at once");
		finish_fault(j, ANSWER_TROUBLE);
		return;
	}
	other->waiting = j;
}

/* --- who it is --- */

/* The address, and whom the request says it is from, however he is spelt. */
static uint64_t claim_key(const struct job *j)
{
	uint32_t user = auth_claimed(&j->g->conf, &j->r);
	struct text claim = j->r.user.n ? j->r.user : j->r.hosts[0];
	unsigned char both[sizeof(uint64_t) + NAME_SIZE] = { 0 };
	uint64_t address = address_key(j);

	if (user != TABLE_NONE) {
		claim.at = users_user(j->g->conf.users, user);
		claim.n = strlen(claim.at);
	}
	claim.n = claim.n < NAME_SIZE ? claim.n : NAME_SIZE;
	memcpy(both, &address, sizeof(address));
	for (size_t i = 0; i < claim.n; i++) {
		both[sizeof(address) + i] = (unsigned char)tolower((unsigned char)claim.at[i]);
	}
	return key_of(j->h, both, sizeof(both));
}

/* How long nobody listens to it; 0: somebody does. */
static uint64_t wait_ms(const struct job *j)
{
	uint64_t now = uv_now(j->h->loop);
	uint64_t claim = throttle_wait_ms(j->h->claims, claim_key(j), now);
	uint64_t address = throttle_wait_ms(j->h->addresses, address_key(j), now);

	return claim > address ? claim : address;
}

static void on_delay_timer(uv_timer_t *timer);

static void arm_delay(struct handle *h)
{
	uint64_t now = uv_now(h->loop), due = UINT64_MAX;

	for (const struct job *j = h->delayed; j; j = j->next) {
		due = j->due_ms < due ? j->due_ms : due;
	}
	if (h->delayed) {
		(void)uv_timer_start(&h->delay_timer, on_delay_timer, due > now ? due - now : 0,
				     0);
	}
}

static void on_delay_timer(uv_timer_t *timer)
{
	struct handle *h = timer->data;
	struct job **at = &h->delayed;

	while (*at) {
		struct job *j = *at;

		if (j->due_ms <= uv_now(h->loop)) {
			*at = j->next;
			h->n_delayed--;
			finish_fault(j, ANSWER_BADAUTH);
		} else {
			at = &j->next;
		}
	}
	arm_delay(h);
}

static void refuse_wrong(struct job *j)
{
	struct handle *h = j->h;
	uint64_t now = uv_now(h->loop), wait = 0;

	(void)throttle_fail(h->claims, claim_key(j), now);
	(void)throttle_fail(h->addresses, address_key(j), now);
	if (j->user != TABLE_NONE) {
		wait = throttle_fail(h->accounts, user_key(j), now);
	}
	say_refused(j, SAID_WRONG,
		    j->user != TABLE_NONE ? "wrong password or token" :
					    "no such user, password or token");
	if (!wait || h->n_delayed == DELAYED_MAX) {
		finish_fault(j, wait ? ANSWER_TROUBLE : ANSWER_BADAUTH);
		return;
	}
	h->n_delayed++;
	j->due_ms = now + wait;
	j->next = h->delayed;
	h->delayed = j;
	arm_delay(h);
}

static bool is_abuse(const struct job *j)
{
	const struct conf_http *http = &j->g->conf.http;
	const char *user = users_user(j->g->conf.users, j->user);

	for (size_t i = 0; i < http->n_abuse; i++) {
		if (!strcmp(http->abuse[i], user)) {
			return true;
		}
	}
	return false;
}

static void on_auth(void *arg, struct auth_result *result)
{
	struct job *j = arg;

	j->user = result->user;
	j->allowed = result->allowed;
	memcpy(j->label, result->label, sizeof(j->label));
	switch (result->outcome) {
	case AUTH_NONE: /* the usual first request of some clients */
		finish_fault(j, ANSWER_BADAUTH);
		return;
	case AUTH_WRONG:
		refuse_wrong(j);
		return;
	case AUTH_FAILED:
		log_error("out of memory; answering that it should be tried again");
		finish_fault(j, ANSWER_TROUBLE);
		return;
	case AUTH_BUSY:
		if (j->gone || j->h->stopping) {
			finish_fault(j, ANSWER_TROUBLE);
			return;
		}
		say_refused(j, SAID_REFUSED, "too many passwords wait to be tried");
		finish_fault(j, ANSWER_TROUBLE);
		return;
	case AUTH_OK:
		break;
	}
	if (is_abuse(j)) {
		say_refused(j, SAID_REFUSED, "blocked by 'abuse' in the configuration");
		finish_fault(j, ANSWER_ABUSE);
	} else if (j->r.too_many_hosts) {
		say_refused(j, SAID_REFUSED, "too many host names in one request");
		finish_fault(j, ANSWER_NUMHOST);
	} else {
		enter(j);
	}
}

/* --- the request --- */

/* Whether nobody on the way could read the password. */
static bool is_private(const struct job *j)
{
	const struct server_request *q = j->q;

	return q->tls || q->plain == CONF_PLAIN_ALLOW ||
	       (ip_nets_name(&j->g->conf.http.trusted_proxies, &q->connection) &&
		request_was_encrypted(q->x_forwarded_proto, q->forwarded));
}

static bool is_method(const struct server_request *q)
{
	return !strcmp(q->method, "GET") || !strcmp(q->method, "POST") ||
	       !strcmp(q->method, "PUT");
}

static void answer_peer(struct job *j)
{
	struct answer a = { .status = 200 };

	print_peer(&a.body, &j->peer);
	finish(j, &a);
}

static void handle_job(struct job *j)
{
	struct handle *h = j->h;
	uint64_t wait = wait_ms(j);

	if (!is_method(j->q)) {
		say_refused(j, SAID_REFUSED, "a method other than GET, POST and PUT");
		finish_fault(j, ANSWER_BADAGENT);
	} else if (j->r.dialect->action == REQUEST_MYIP) {
		answer_peer(j);
	} else if (!is_private(j)) {
		say_refused(j, SAID_REFUSED,
			    "plain HTTP, by which anybody on the way reads the password; see "
			    "plain_http");
		finish_fault(j, ANSWER_BADAGENT);
	} else if (wait) {
		struct answer a;

		say_refused(j, SAID_REFUSED, "too many wrong passwords from this address");
		answer_fault(j->r.dialect, ANSWER_TROUBLE, &a);
		a.retry_after_s = (unsigned)(wait / 1000) + 1;
		finish(j, &a);
	} else {
		auth_check(h->auth, &j->g->conf, &j->r, &j->peer, &j->gone, on_auth, j);
	}
}

void handle_request(struct handle *h, struct generation *g, struct server_request *q)
{
	const struct request_input in = { q->target, q->form, q->authorization };
	struct job *j = calloc(1, sizeof(*j));

	if (!j || request_parse(&in, &j->r)) {
		struct answer a = { .status = 503 };

		log_error("out of memory; answering that it should be tried again");
		free(j);
		server_answer(q, &a);
		return;
	}
	j->h = h;
	j->g = generation_ref(g);
	j->q = q;
	q->work = j;
	j->user = TABLE_NONE;
	j->peer = request_peer(&q->connection, &g->conf.http.trusted_proxies,
			       q->x_forwarded_for, q->forwarded);
	handle_job(j);
}

void handle_gone(struct handle *h, struct server_request *q)
{
	struct job *j = q->work;

	(void)h;
	j->q = NULL;
	j->gone = true;
}

void handle_stop(struct handle *h)
{
	h->stopping = true;
	while (h->delayed) {
		struct job *j = h->delayed;

		h->delayed = j->next;
		h->n_delayed--;
		finish_fault(j, ANSWER_BADAUTH);
	}
	for (struct job *j = h->working; j; j = j->next) {
		while (j->waiting) {
			struct job *waiting = j->waiting;

			j->waiting = waiting->waiting;
			finish_fault(waiting, ANSWER_TROUBLE);
		}
	}
	auth_stop(h->auth);
}

int handle_new(uv_loop_t *loop, struct auth *auth, struct ask *ask, struct store *store,
	       const char *socket, struct handle **ret)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h) {
		return -ENOMEM;
	}
	h->loop = loop;
	h->auth = auth;
	h->ask = ask;
	h->store = store;
	h->socket = socket;
	h->claims = throttle_new(&claim_rule);
	h->addresses = throttle_new(&address_rule);
	h->accounts = throttle_new(&account_rule);
	crypto_shorthash_keygen(h->key);
	(void)uv_timer_init(loop, &h->delay_timer); /* cannot fail */
	h->delay_timer.data = h;
	if (!h->claims || !h->addresses || !h->accounts) {
		handle_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct handle *handle_free(struct handle *h)
{
	if (h) {
		throttle_free(h->claims);
		throttle_free(h->addresses);
		throttle_free(h->accounts);
		uv_close((uv_handle_t *)&h->delay_timer, on_closed);
	}
	return NULL;
}
