/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* So many in so much time, for lines of the log that strangers can cause. A zeroed one is new. */

#include <stdbool.h>
#include <stdint.h>

struct quota {
	uint64_t since_ms;
	unsigned n;
};

/* Whether there may be one more, of at most max in each period. *ret_left_out: how many there were too
 * many in the period before, when a new one begins; else 0. */
static inline bool quota_take(struct quota *q, uint64_t now_ms, unsigned max,
			      uint64_t period_ms, unsigned *ret_left_out)
{
	*ret_left_out = 0;
	if (now_ms - q->since_ms >= period_ms) {
		*ret_left_out = q->n > max ? q->n - max : 0;
		q->since_ms = now_ms;
		q->n = 0;
	}
	if (q->n < UINT32_MAX) {
		q->n++;
	}
	return q->n <= max;
}
