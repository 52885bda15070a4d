/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/daemon_impl.h"

#include "base/log.h"

enum {
	MASS_MIN = 10,		/* withdrawals at once that may be a failure, not a wish */
	AGAIN_MS = 2000,	/* at least, for another last look */
};

static void on_missing_timer(uv_timer_t *timer);

void missing_begin(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];
	struct queue_item l = { .user = user };

	if (u->missing || d->conf.missing != CONF_MISSING_WITHDRAW ||
	    !roster_has_any(d->roster, user)) {
		return;
	}
	l.missing = d->last_missing == UINT16_MAX ? 1 : (uint16_t)(d->last_missing + 1);
	l.due_ms = uv_now(&d->loop) + d->conf.missing_after_ms;
	if (!queue_add(&d->missing, &l)) {	/* without memory the next sweep notes it */
		u->missing = d->last_missing = l.missing;
		d->n_missing++;
		queue_arm(&d->missing, &d->missing_timer, on_missing_timer);
	}
}

/* All who are missing are waited for from now on. */
static void wait_anew(struct daemon *d)
{
	for (size_t i = 0; i < d->missing.n; i++) {
		d->missing.items[d->missing.first + i].due_ms =
			uv_now(&d->loop) + d->conf.missing_after_ms;
	}
	queue_arm(&d->missing, &d->missing_timer, on_missing_timer);
}

void missing_end(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];

	if (!u->missing) {
		return;
	}
	u->missing = 0;
	u->last_look = false;
	d->coming_back = --d->n_missing && d->coming_back;
	if (d->coming_back) {
		wait_anew(d);
	}
}

void missing_for_good(struct daemon *d, uint32_t user)
{
	struct roster_user *u = &d->roster->state[user];

	u->missing = 0;
	u->last_look = false;
	d->n_missing--;
	look_withdraw(d, user);
}

/* A home server that is down is not a wish. */
static bool too_many(const struct daemon *d)
{
	return d->n_missing > MASS_MIN && d->n_missing > d->roster->users->n_users / 10;
}

/* What was just taken waits once more: not for no time at all, for what it waits for needs the loop. */
static void wait_once_more(struct daemon *d, struct queue_item *item)
{
	uint64_t after_ms = d->conf.missing_after_ms;

	item->due_ms = uv_now(&d->loop) + (after_ms > AGAIN_MS ? after_ms : AGAIN_MS);
	(void)queue_add(&d->missing, item);	/* there is room */
}

/* Gone for good only if a last look says so too. Where others look, they tell later, or never. */
static void last_look(struct daemon *d, uint32_t user, struct queue_item *item)
{
	struct roster_user *u = &d->roster->state[user];

	u->last_look = afar_patterns(d, user, look_all_patterns(d), NULL);
	look_at_all(d, user);
	if (u->missing && u->last_look) {
		wait_once_more(d, item);
	} else if (u->missing) {
		missing_for_good(d, user);
	}
}

void missing_withdraw(struct daemon *d, bool confirmed)
{
	const struct queue_item *head;

	while ((head = queue_head(&d->missing)) && head->due_ms <= uv_now(&d->loop)) {
		struct queue_item item;
		uint32_t user = head->user;
		bool still = d->roster->state[user].missing == head->missing;

		if (still && !confirmed && too_many(d)) {
			if (!d->withdrawals_held) {
				log_error("the address files of %u users are missing at once; keeping "
					  "their addresses until SIGHUP confirms it", d->n_missing);
			}
			d->withdrawals_held = true;
			return;
		}
		item = queue_take(&d->missing);
		if (!still) {
			continue;
		}
		if (patient_has(d->patient, user)) {	/* there may be no answer */
			wait_once_more(d, &item);
			continue;
		}
		last_look(d, user, &item);
	}
	d->withdrawals_held = false;
	queue_arm(&d->missing, &d->missing_timer, on_missing_timer);
}

static void on_missing_timer(uv_timer_t *timer)
{
	missing_withdraw(timer->data, false);
}

void missing_eased(struct daemon *d)
{
	if (d->withdrawals_held && !too_many(d)) {
		d->withdrawals_held = false;
		d->coming_back = true;
		wait_anew(d);
	}
}

void missing_renumber(struct daemon *d, const struct roster *before, const uint32_t *now, bool same_files,
		      int64_t more_ms)
{
	struct queue *q = &d->missing;
	size_t n = 0;

	if (!same_files || d->conf.missing != CONF_MISSING_WITHDRAW) {
		q->n = q->first = 0;
	}
	for (size_t i = 0; i < q->n; i++) {
		struct queue_item l = q->items[q->first + i];
		const struct roster_user *was = &before->state[l.user];
		uint32_t user = now[l.user];

		if (was->missing != l.missing || user == TABLE_NONE || !roster_has_any(d->roster, user)) {
			continue;
		}
		d->roster->state[user].missing = l.missing;
		d->roster->state[user].last_look = was->last_look;
		l.user = user;
		l.due_ms += (uint64_t)more_ms;
		q->items[n++] = l;
	}
	q->first = 0;
	q->n = n;
	d->n_missing = (uint32_t)n;
	d->withdrawals_held = false;
	d->coming_back = d->coming_back && n;
	queue_arm(q, &d->missing_timer, on_missing_timer);
}
