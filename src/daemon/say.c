/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/say.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/quota.h"

#include <inttypes.h>

#define N_WHATS (SAY_FOUND + 1)

static const char *const words[N_WHATS][2] = {
	[SAY_REQUEST] = { "request of a user", "requests of users" },
	[SAY_UPDATE] = { "record updated", "records updated" },
	[SAY_REMOVE] = { "record removed", "records removed" },
	[SAY_FOUND] = { "answer found right", "answers found right" },
};

static unsigned limit;
static struct quota quota;
static uint64_t left_out[N_WHATS];

void say_limit(unsigned rate)
{
	if (rate != limit) {	/* what was left out was for the old one */
		say_left_out();
	}
	limit = rate;
}

bool say_may(enum say_what what, uint64_t now_ms)
{
	unsigned n;

	if (!limit) {
		return true;
	}
	if (!quota_take(&quota, now_ms, limit, SAY_PERIOD_MS, &n)) {
		left_out[what]++;
		return false;
	}
	if (n) {	/* before what is said next */
		say_left_out();
	}
	return true;
}

uint64_t say_n_left_out(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < N_WHATS; i++) {
		n += left_out[i];
	}
	return n;
}

uint64_t say_due_ms(void)
{
	return quota.since_ms + SAY_PERIOD_MS;
}

void say_left_out(void)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < N_WHATS; i++) {
		if (left_out[i]) {
			buf_printf(&b, "%s%" PRIu64 " more %s", b.len ? ", " : "", left_out[i],
				   words[i][left_out[i] > 1]);
			left_out[i] = 0;
		}
	}
	if (b.len) {
		log_info("%s: with a line for each there would be more than log_rate = %u a second",
			 buf_str(&b), limit);
	}
	buf_deinit(&b);
}
