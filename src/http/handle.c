/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/handle_impl.h"

#include "base/log.h"
#include "core/name.h"
#include "core/proxy.h"
#include "http/ask.h"
#include "http/auth.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

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

/* --- who it is --- */

/* The address, and whom the request says it is from, however he is spelt. */
static uint64_t claim_key(const struct job *j, uint64_t address)
{
	uint32_t user = auth_claimed(&j->g->conf, &j->r);
	struct text claim = j->r.user.n ? j->r.user : j->r.hosts[0];
	unsigned char both[sizeof(uint64_t) + NAME_SIZE] = { 0 };

	if (user != TABLE_NONE) {
		claim.at = users_user(j->g->conf.users, user);
		claim.n = strlen(claim.at);
	}
	claim.n = claim.n < NAME_SIZE ? claim.n : NAME_SIZE;
	memcpy(both, &address, sizeof(address));
	for (size_t i = 0; i < claim.n; i++) {
		both[sizeof(address) + i] = (unsigned char)tolower((unsigned char)claim.at[i]);
	}
	return handle_key(j->h, both, sizeof(both));
}

/* How long nobody listens to it; 0: somebody does. */
static uint64_t wait_ms(const struct job *j)
{
	uint64_t now = uv_now(j->h->loop);
	uint64_t key = handle_address_key(j);
	uint64_t claim = throttle_wait_ms(&j->h->claims, claim_key(j, key), now);
	uint64_t address = throttle_wait_ms(&j->h->addresses, key, now);

	return claim > address ? claim : address;
}

static void on_delay_timer(uv_timer_t *timer);

static void arm_delay(struct handle *h)
{
	uint64_t now = uv_now(h->loop), due = UINT64_MAX;

	for (const struct job *j = h->jobs; j; j = j->next) {
		due = j->at == JOB_DELAYED && j->due_ms < due ? j->due_ms : due;
	}
	if (h->n_delayed) {
		(void)uv_timer_start(&h->delay_timer, on_delay_timer, due > now ? due - now : 0,
				     0);
	}
}

static void on_delay_timer(uv_timer_t *timer)
{
	struct handle *h = timer->data;
	struct job *next;

	for (struct job *j = h->jobs; j; j = next) {
		next = j->next;
		if (j->at == JOB_DELAYED && j->due_ms <= uv_now(h->loop)) {
			h->n_delayed--;
			handle_finish_fault(j, ANSWER_BADAUTH);
		}
	}
	arm_delay(h);
}

/* Notes a failure at an account, wherever it came from, and returns how long the answer is held back: as long when there is
 * no such account, or that would be told by it. */
static uint64_t account_wait_ms(struct job *j, uint64_t now)
{
	struct handle *h = j->h;

	if (j->user != TABLE_NONE) {
		return throttle_fail(&h->accounts, handle_user_key(j), now);
	}
	return j->r.user.n || j->r.n_hosts ? throttle_fail(&h->strangers, claim_key(j, 0), now) : 0;
}

static void refuse_wrong(struct job *j)
{
	struct handle *h = j->h;
	uint64_t now = uv_now(h->loop), key = handle_address_key(j), wait;

	(void)throttle_fail(&h->claims, claim_key(j, key), now);
	(void)throttle_fail(&h->addresses, key, now);
	wait = account_wait_ms(j, now);
	handle_say_refused(j, SAID_WRONG,
			   j->user != TABLE_NONE ? "wrong password or token" :
						   "no such user, password or token");
	if (!wait || h->n_delayed >= handle_share(&j->g->conf.http)) {
		handle_finish_fault(j, wait ? ANSWER_TROUBLE : ANSWER_BADAUTH);
		return;
	}
	h->n_delayed++;
	j->due_ms = now + wait;
	j->at = JOB_DELAYED;
	arm_delay(h);
}

/* It is no token, and may be a password: who has very many of these is guessing. Who has none is treated alike, or that would
 * be told by it. */
static void refuse_busy(struct job *j)
{
	(void)throttle_fail(&j->h->addresses, handle_address_key(j), uv_now(j->h->loop));
	if (!j->gone && !j->h->stopping) {
		handle_say_refused(j, SAID_REFUSED, "too many passwords wait to be tried");
	}
	handle_finish_fault(j, ANSWER_TROUBLE);
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
		handle_finish_fault(j, ANSWER_BADAUTH);
		return;
	case AUTH_WRONG:
		refuse_wrong(j);
		return;
	case AUTH_FAILED:
		log_error("out of memory; answering that it should be tried again");
		handle_finish_fault(j, ANSWER_TROUBLE);
		return;
	case AUTH_NOBODY: /* after "badauth" some clients never come again */
		handle_say_refused(j, SAID_REFUSED, "there are no tokens");
		handle_finish_fault(j, ANSWER_TROUBLE);
		return;
	case AUTH_BUSY:
		refuse_busy(j);
		return;
	case AUTH_OK:
		break;
	}
	if (is_abuse(j)) {
		handle_say_refused(j, SAID_REFUSED, "blocked by 'abuse' in the configuration");
		handle_finish_fault(j, ANSWER_ABUSE);
	} else if (j->r.too_many_hosts) {
		handle_say_refused(j, SAID_REFUSED, "too many host names in one request");
		handle_finish_fault(j, ANSWER_NUMHOST);
	} else {
		handle_enter(j);
	}
}

/* --- the request --- */

/* Whether nobody on the way could read the password. */
static bool is_private(const struct job *j)
{
	const struct server_request *q = j->q;

	return q->tls || q->plain == CONF_PLAIN_ALLOW ||
	       (ip_nets_name(&j->g->conf.http.trusted_proxies, &q->connection) &&
		proxy_was_encrypted(q->x_forwarded_proto, q->forwarded));
}

static bool is_method(const struct server_request *q)
{
	return !strcmp(q->method, "GET") || !strcmp(q->method, "POST") ||
	       !strcmp(q->method, "PUT");
}

static void answer_peer(struct job *j)
{
	struct answer a = { .status = 200 };

	ip_add(&a.body, j->peer.bytes, j->peer.n);
	handle_finish(j, &a);
}

static void handle_job(struct job *j)
{
	struct handle *h = j->h;
	uint64_t wait = wait_ms(j);

	if (!is_method(j->q)) {
		handle_say_refused(j, SAID_REFUSED, "a method other than GET, POST and PUT");
		handle_finish_fault(j, ANSWER_BADAGENT);
	} else if (j->r.dialect->action == REQUEST_MYIP) {
		answer_peer(j);
	} else if (!is_private(j)) {
		handle_say_refused(
			j, SAID_REFUSED,
			"plain HTTP, by which anybody on the way reads the password; see "
			"plain_http");
		handle_finish_fault(j, ANSWER_BADAGENT);
	} else if (wait) {
		struct answer a;

		handle_say_refused(j, SAID_REFUSED,
				   "too many wrong passwords from this address");
		answer_fault(j->r.dialect, ANSWER_TROUBLE, &a);
		a.retry_after_s = (unsigned)(wait / 1000) + 1;
		handle_finish(j, &a);
	} else {
		auth_check(h->auth, &j->g->conf, &j->r, &j->peer, &j->gone, on_auth, j);
	}
}

void handle_request(struct handle *h, struct generation *g, struct server_request *q)
{
	const struct request_input in = { q->target, q->form, q->authorization };
	struct job *j = malloc(sizeof(*j));

	if (j) {
		memset(j, 0, offsetof(struct job, r));
	}
	if (!j || request_parse(&in, &j->r)) {
		struct answer a = { .status = 503 };

		log_error("out of memory; answering that it should be tried again");
		free(j);
		server_answer(q, &a);
		return;
	}
	j->h = h;
	j->link = h->last_job;
	*j->link = j;
	h->last_job = &j->next;
	j->g = generation_ref(g);
	j->q = q;
	q->work = j;
	j->user = TABLE_NONE;
	j->peer = proxy_peer(&q->connection, &g->conf.http.trusted_proxies,
			     q->x_forwarded_for, q->forwarded);
	handle_job(j);
}

void handle_gone(struct server_request *q)
{
	struct job *j = q->work;

	j->gone = true;
	handle_forget(j);
}

void handle_stop(struct handle *h)
{
	struct job *next;

	h->stopping = true;
	for (struct job *j = h->jobs; j; j = next) {
		next = j->next;
		if (j->at == JOB_DELAYED) {
			h->n_delayed--;
			handle_finish_fault(j, ANSWER_BADAUTH);
		} else if (j->at == JOB_WAITING) {
			handle_finish_fault(j, ANSWER_TROUBLE);
		}
	}
	ask_end_waits(h->ask, "stopping");
	auth_stop(h->auth);
}

int handle_new(uv_loop_t *loop, struct auth *auth, struct ask *ask, struct store *store,
	       const char *socket, handle_idle_fn *idle, void *arg, struct handle **ret)
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
	h->idle = idle;
	h->idle_arg = arg;
	h->last_job = &h->jobs;
	h->claims.rule = claim_rule;
	h->addresses.rule = address_rule;
	h->accounts.rule = h->strangers.rule = account_rule;
	crypto_shorthash_keygen(h->key);
	(void)uv_timer_init(loop, &h->delay_timer); /* cannot fail */
	h->delay_timer.data = h;
	*ret = h;
	return 0;
}

bool handle_is_busy(const struct handle *h)
{
	return h->jobs;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct handle *handle_free(struct handle *h)
{
	if (h) {
		uv_close((uv_handle_t *)&h->delay_timer, on_closed);
	}
	return NULL;
}
