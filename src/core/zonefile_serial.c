/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
/* Nothing in a serial says what it means. A number that is a date, or a time, of the last decades
 * is taken for one; a counter that looks like it would have been raised for very long. Up to 2032
 * no number is both. */
#include "core/zonefile.h"

#include <stdlib.h>

enum {
	DAY = 24 * 60 * 60,
	AHEAD_MAX = 366 * DAY,
	BEHIND_MAX = 30 * 366 * DAY,
};

#define NEVER INT64_MAX	   /* how far from now: it is not of this style */
#define LATEST 73000000000 /* in 4283: ten digits still hold the date */

bool zonefile_is_later(uint32_t a, uint32_t b)
{
	return a != b && a - b < (uint32_t)1 << 31;
}

static int64_t distance(int64_t time, int64_t now)
{
	return time - now > AHEAD_MAX || now - time > BEHIND_MAX ? NEVER : llabs(time - now);
}

static int64_t distance_of_date(uint32_t serial, int64_t now)
{
	int year = (int)(serial / 1000000), month = (int)(serial / 10000 % 100);
	int day = (int)(serial / 100 % 100);
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	int64_t time = timegm(&tm);

	/* What is no date has become another one. */
	if (tm.tm_year != year - 1900 || tm.tm_mon != month - 1 || tm.tm_mday != day) {
		return NEVER;
	}
	return distance(time, now);
}

static uint32_t date_of(time_t now)
{
	struct tm tm;

	(void)gmtime_r(&now, &tm); /* fails beyond LATEST only */
	return (uint32_t)(((tm.tm_year + 1900) * 100 + tm.tm_mon + 1) * 100 + tm.tm_mday) * 100;
}

uint32_t zonefile_next_serial(uint32_t serial, time_t now)
{
	bool sane = now > 0 && (int64_t)now < LATEST;
	int64_t from_date = sane ? distance_of_date(serial, now) : NEVER;
	int64_t from_time = sane ? distance(serial, now) : NEVER;
	uint32_t next = serial;

	if (from_date != NEVER && from_date <= from_time) {
		next = date_of(now);
	} else if (from_time != NEVER && (int64_t)now <= UINT32_MAX) {
		next = (uint32_t)now;
	}
	if (!zonefile_is_later(next, serial)) {
		next = serial + 1;
	}
	return next ? next : 1;
}
