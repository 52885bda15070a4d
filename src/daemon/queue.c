/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int queue_add(struct queue *q, const struct queue_item *item)
{
	if (q->first + q->n == q->size && q->first) {
		memmove(q->items, q->items + q->first, q->n * sizeof(*q->items));
		q->first = 0;
	}
	if (q->n == q->size) {
		size_t size = q->size ? 2 * q->size : 16;
		struct queue_item *more = reallocarray(q->items, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		q->items = more;
		q->size = size;
	}
	q->items[q->first + q->n++] = *item;
	return 0;
}

struct queue_item queue_take(struct queue *q)
{
	struct queue_item item = q->items[q->first++];

	if (!--q->n) {
		q->first = 0;
	}
	return item;
}

const struct queue_item *queue_head(const struct queue *q)
{
	return q->n ? &q->items[q->first] : NULL;
}

void queue_arm(const struct queue *q, uv_timer_t *timer, uv_timer_cb callback)
{
	const struct queue_item *head = queue_head(q);
	uint64_t now = uv_now(timer->loop);

	if (head) {	/* starting a timer fails only without a callback */
		(void)uv_timer_start(timer, callback, head->due_ms > now ? head->due_ms - now : 0, 0);
	} else {
		(void)uv_timer_stop(timer);
	}
}

void queue_deinit(struct queue *q)
{
	free(q->items);
	*q = (struct queue){ 0 };
}
