/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* How many lines of changes are written, and that the rest is counted. */

#include "daemon/say.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct row {
	const char *name;
	unsigned rate;
	const char *lines;	/* one after the other: r, u, x (a removal), f; a digit: so many seconds go by */
	const char *written;	/* those of them that are */
	const char *log;	/* what is said, with the end */
} rows[] = {
	{ "nothing happens", 2, "", "", "" },
	{ "as many as may be", 2, "ru", "ru", "" },
	{ "one too many", 2, "ruu", "ru", "1 more record updated" },
	{ "several of each kind", 1, "rruuuxx", "r",
	  "1 more request of a user, 3 more records updated, 2 more records removed" },
	{ "of name servers", 1, "ffff", "f", "3 more answers found right" },
	{ "no limit", 0, "ruxruxrux", "ruxruxrux", "" },
	{ "a new second", 1, "r1r1r", "rrr", "" },
	{ "told before what comes next", 1, "rr1u", "ru", "1 more request of a user" },
	{ "told once", 1, "rr1u1u", "ruu", "1 more request of a user" },
	{ "each second has its own", 1, "rrr1uu", "ru",
	  "2 more requests of users|1 more record updated" },
	{ "a long pause", 1, "xx9x", "xx", "1 more record removed" },
};

/* Where the log goes meanwhile. */
static FILE *catch(int *ret_before)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	*ret_before = dup(STDERR_FILENO);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	return f;
}

/* What was said, without the explanation behind each. */
static void caught(FILE *f, int before, char ret[1000])
{
	char line[500];

	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	rewind(f);
	*ret = '\0';
	while (fgets(line, sizeof(line), f)) {
		char *colon = strstr(line, ": with a line for each there would be more than log_rate = ");

		assert_non_null(colon);
		*colon = '\0';
		strcat(ret, *ret ? "|" : "");
		strcat(ret, line);
	}
	fclose(f);
}

static enum say_what kind(char c)
{
	return c == 'r' ? SAY_REQUEST : c == 'u' ? SAY_UPDATE : c == 'x' ? SAY_REMOVE : SAY_FOUND;
}

static void check(void **state)
{
	static uint64_t now = 5000;
	const struct row *row = *state;
	char written[20] = "", log[1000];
	size_t n = 0;
	int before;
	FILE *f = catch(&before);

	say_limit(row->rate);
	for (const char *c = row->lines; *c; c++) {
		if (*c >= '1' && *c <= '9') {
			now += (uint64_t)(*c - '0') * SAY_PERIOD_MS;
		} else if (say_may(kind(*c), now)) {
			written[n++] = *c;
		}
	}
	say_left_out();
	say_left_out();		/* nothing is told twice */
	now += SAY_PERIOD_MS;
	caught(f, before, log);
	assert_string_equal(written, row->written);
	assert_string_equal(log, row->log);
	assert_int_equal(say_n_left_out(), 0);
}

static void counts_are_exact(void **state)
{
	unsigned n_written = 0;

	(void)state;
	say_limit(100);
	for (unsigned i = 0; i < 1000000; i++) {
		n_written += say_may(SAY_UPDATE, 1u << 30);
	}
	assert_int_equal(n_written, 100);
	assert_int_equal(say_n_left_out(), 1000000 - 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact),
	};

	return ROWS_RUN(rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
