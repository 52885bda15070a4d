/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Users to look at again at a certain time: since the delay is the same for all, the first is due first. */

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct queue_item {
	uint64_t due_ms;
	uint32_t user;
	uint16_t missing;	/* of a missing file: roster_user.missing then */
	uint64_t print;		/* of a changing file: as it was then */
	uint8_t pattern;
};

/* A zeroed one is empty. */
struct queue {
	struct queue_item *items;
	size_t first, n, size;
};

void queue_deinit(struct queue *q);

/* 0 or -ENOMEM. What was just taken has room. */
int queue_add(struct queue *q, const struct queue_item *item);

/* The first, which is there. */
struct queue_item queue_take(struct queue *q);

/* NULL: there is none. */
const struct queue_item *queue_head(const struct queue *q);

/* Has the timer tell when the first is due. */
void queue_arm(const struct queue *q, uv_timer_t *timer, uv_timer_cb callback);
