/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The questions and what is answered. At each server, the questions that are not answered rightly yet are
 * sent again after pauses that grow, under their first id: a server that is farther away than the pause is
 * long is understood, too. */

#include "daemon/verify_impl.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/say.h"

#include <string.h>

enum {
	PAUSE_MS = 5, /* the first, which is doubled each time */
	PAUSE_MAX_MS = 250,
	PAUSE_DOUBLED_MAX = 6,
};

static void see(struct verify_question *q, enum verify_what what)
{
	ip_set_free(q->seen.set);
	q->seen = (struct verify_seen){ .what = what };
}

static void see_error(struct verify_question *q, int error)
{
	see(q, VERIFY_ERROR);
	q->seen.error = error;
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, bool tcp);
static void on_lost(void *arg, bool tcp, int error);

static int send_question(struct verify_server *s, struct verify_question *q)
{
	struct verify *v = s->verify;
	const struct nameserver_handlers h = { .message = on_message,
					       .lost = on_lost,
					       .arg = s };
	int r = 0;

	buf_clear(&v->out);
	r = message_query(&v->out, q->sent.id, q->sent.name, q->sent.type, NULL, 0, &q->sent);
	if (!r && !s->way) {
		r = nameserver_new(v->timer.loop, &v->o->verify[s->i], &h, &s->way);
	}
	if (!r) {
		r = nameserver_send(s->way, q->tcp, v->out.data, v->out.len);
	}
	return r;
}

static void ask(struct verify_server *s, struct verify_question *q)
{
	int r = send_question(s, q);

	if (r) {
		see_error(q, r);
	} else {
		q->waits = q->tcp;
	}
}

void verify_ask_again(struct verify *v, struct verify_asked *a, unsigned i, uint64_t now)
{
	struct verify_check *c = &a->checks[i];
	unsigned doubled = c->n_rounds < PAUSE_DOUBLED_MAX ? c->n_rounds : PAUSE_DOUBLED_MAX;
	unsigned pause = (unsigned)PAUSE_MS << doubled;

	for (unsigned k = 0; k < VERIFY_N_QUESTIONS; k++) {
		struct verify_question *q = &c->questions[k];

		if (q->is_used && !q->is_right && !q->waits) {
			ask(&v->servers[i], q);
		}
	}
	c->n_rounds++;
	c->due_ms = now + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

/* --- answers --- */

struct answer {
	const char *name;
	uint8_t n_ip;
	struct buf *ips; /* an array of struct ip; no message has more than a set may have */
};

static void on_record(void *arg, const char *name, const struct ip *ip, uint32_t ttl)
{
	struct answer *answer = arg;

	(void)ttl; /* the administrator's, or the next publish's */
	if (ip->n == answer->n_ip && !strcmp(name, answer->name)) {
		buf_add(answer->ips, ip, sizeof(*ip));
	}
}

/* Resolvers answer from their hosts with authority or without; and who asks them only for what they have
 * themselves, as we do, may be refused when they have nothing. */
static bool is_answer(const struct verify *v, const struct verify_asked *a, unsigned question,
		      const struct message_reply *reply, struct verify_question *q)
{
	bool hosts = v->o->type == CONF_HOSTS;

	if (hosts && reply->rcode == MESSAGE_REFUSED && !verify_n_of(a->set, question)) {
		return true;
	}
	if (reply->rcode != MESSAGE_NOERROR && reply->rcode != MESSAGE_NXDOMAIN) {
		see(q, VERIFY_RCODE);
		q->seen.rcode = reply->rcode;
		return false;
	}
	if (!reply->authoritative && !hosts) {
		see(q, VERIFY_NO_AUTHORITY);
		return false;
	}
	return true;
}

static void take_addresses(const struct verify_asked *a, unsigned question, struct buf *ips,
			   struct verify_question *q)
{
	struct ip_set *set;

	if (buf_error(ips) || ip_set_new((struct ip *)ips->data, ips->len / sizeof(struct ip),
					 UINT16_MAX, &set)) {
		return; /* no memory: as if it had not come */
	}
	see(q, VERIFY_ADDRESSES);
	q->seen.set = set;
	q->is_right = verify_is_as_published(a, question, set);
}

/* Reads what may be the reply to this question; false: it is another's. */
static bool take_reply(struct verify_server *s, const struct verify_asked *a, unsigned question,
		       struct verify_question *q, const uint8_t *bytes, size_t n)
{
	_cleanup_(buf_deinit) struct buf ips = { 0 };
	struct answer answer = { .name = a->name,
				 .n_ip = question == VERIFY_V4 ? 4 : 16,
				 .ips = &ips };
	struct message_reply reply;
	int r = message_read(&q->sent, bytes, n, 0, on_record, &answer, &reply);

	if (r == MESSAGE_E_OTHER) {
		return false;
	}
	q->waits = false;
	if (r == MESSAGE_E_GARBAGE || (!r && reply.truncated && q->tcp)) {
		see(q, VERIFY_GARBAGE);
	} else if (!r && reply.truncated) {
		see(q, VERIFY_TRUNCATED);
		q->tcp = true;
		ask(s, q);
	} else if (!r && is_answer(s->verify, a, question, &reply, q)) {
		take_addresses(a, question, &ips, q);
	}
	return true;
}

static void say_right(struct verify_server *s, const struct verify_asked *a)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	char text[NAMESERVER_TEXT_SIZE];

	if (!say_may(SAY_FOUND, uv_now(s->verify->timer.loop))) {
		return;
	}
	verify_say_right(&b, a, nameserver_print(&s->verify->o->verify[s->i], text),
			 verify_now_ms() - a->since_ms);
	log_info("%s", buf_str(&b));
}

/* After an answer: perhaps that was all. */
static void settle(struct verify_server *s, unsigned place)
{
	struct verify *v = s->verify;
	struct verify_asked *a = v->asked[place];
	struct verify_check *c = &a->checks[s->i];

	for (unsigned k = 0; k < VERIFY_N_QUESTIONS; k++) {
		if (c->questions[k].is_used && !c->questions[k].is_right) {
			return;
		}
	}
	c->is_right = true;
	s->fails = false;
	say_right(s, a);
	for (unsigned i = 0; i < v->o->n_verify; i++) {
		if (!a->checks[i].is_right) {
			return;
		}
	}
	verify_finish(v, place, NULL);
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, bool tcp)
{
	struct verify_server *s = arg;
	struct verify *v = s->verify;

	for (unsigned place = 0; place < VERIFY_AT_ONCE; place++) {
		struct verify_asked *a = v->asked[place];

		for (unsigned k = 0; a && k < VERIFY_N_QUESTIONS; k++) {
			struct verify_question *q = &a->checks[s->i].questions[k];

			if (q->is_used && !q->is_right && q->tcp == tcp && q->waits == tcp &&
			    q->sent.id == message_id(bytes) &&
			    take_reply(s, a, k, q, bytes, n)) {
				settle(s, place);
				return;
			}
		}
	}
	if (tcp) {
		nameserver_stray(s->way);
	}
}

/* For each question that this server has not answered rightly. */
void verify_lose_questions(struct verify_server *s, bool tcp, int error)
{
	for (unsigned place = 0; place < VERIFY_AT_ONCE; place++) {
		struct verify_asked *a = s->verify->asked[place];

		for (unsigned k = 0; a && k < VERIFY_N_QUESTIONS; k++) {
			struct verify_question *q = &a->checks[s->i].questions[k];

			if (!q->is_used || q->is_right || q->tcp != tcp || (tcp && !q->waits)) {
				continue;
			}
			q->waits = false; /* it is asked again when it is due */
			if (error) {
				see_error(q, error);
			}
		}
	}
}

static void on_lost(void *arg, bool tcp, int error)
{
	verify_lose_questions(arg, tcp, error);
}
