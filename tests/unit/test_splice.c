/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What needs a clock that the test sets: how long a displaced file is kept. All else is in tests/system. */

#include "daemon/splice.h"

#include "base/file.h"
#include "rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <uv.h>

#define START "# start dynamic dns entries\n"
#define END "# end dynamic dns entries\n"

enum { MINUTE_MS = 60 * 1000 };

/* --- in place of the libraries' --- */

static uint64_t monotonic_ms = 1000;
static time_t ahead_s;	/* of the time that files get */

uint64_t uv_hrtime(void)
{
	return monotonic_ms * 1000000;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	(void)id;
	(void)timespec_get(ret, TIME_UTC);
	ret->tv_sec += ahead_s;
	return 0;
}

/* No lease: the file is somebody else's. */
int fcntl(int fd, int command, ...)
{
	(void)fd;
	(void)command;
	errno = EACCES;
	return -1;
}

/* --- */

struct world {
	char dir[64], path[80];
	struct splice *splice;
};

static void say(void *arg, int priority, const char *message)
{
	(void)arg;
	(void)priority;
	print_message("%s\n", message);
}

static void let_go(void *arg, int fd)
{
	(void)arg;
	(void)close(fd);
}

static void write_file(const char *path, const char *text)
{
	assert_int_equal(file_replace(AT_FDCWD, path, 0644, text, strlen(text)), 0);
}

static void begin(struct world *w)
{
	const struct splice_options options = { .path = w->path, .comment = '#', .log = say, .close = let_go };

	assert_int_equal(splice_new(&options, &w->splice), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/test_splice.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/data", w->dir);
	write_file(w->path, START END);
	begin(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	splice_free(w->splice);
	(void)snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void put(const struct world *w, const char *line)
{
	const struct buf body = { .data = (char *)line, .len = strlen(line) };	/* which is only read */
	const struct splice_put p = { .body = &body };

	assert_int_equal(splice_put(w->splice, &p), 0);
}

static void pass(const struct world *w, int64_t ms)
{
	struct splice_seen seen;

	monotonic_ms += ms;
	splice_look(w->splice, &seen);
}

static unsigned n_named(const struct world *w, const char *begin)
{
	DIR *dir = opendir(w->dir);
	unsigned n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		n += !strncmp(e->d_name, begin, strlen(begin));
	}
	(void)closedir(dir);
	return n;
}

static unsigned n_kept(const struct world *w)
{
	return n_named(w, ".data.dnsu.late.");
}

static void it_is_kept_until_the_next_publish(void **state)
{
	const struct world *w = *state;

	put(w, "+a:192.0.2.1\n");
	assert_int_equal(n_kept(w), 1);
	pass(w, MINUTE_MS + 1);
	pass(w, MINUTE_MS + 1);
	assert_int_equal(n_kept(w), 1);
	put(w, "+a:192.0.2.2\n");
	pass(w, 1);
	assert_int_equal(n_kept(w), 1);	/* the other */
}

static void and_for_a_minute_at_least(void **state)
{
	const struct world *w = *state;

	put(w, "+a:192.0.2.1\n");
	put(w, "+a:192.0.2.2\n");
	pass(w, MINUTE_MS - 1);
	assert_int_equal(n_kept(w), 2);
	pass(w, 1);
	assert_int_equal(n_kept(w), 1);
}

/* Of a file of root's, as `cat >> data` at a terminal does. */
static void what_is_written_into_it_after_a_minute_is_merged(void **state)
{
	static const char line[] = "+late:192.0.2.9\n";
	static const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const struct world *w = *state;
	struct buf text = { 0 };
	int fd = open(w->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	put(w, "+a:192.0.2.1\n");
	pass(w, MINUTE_MS + 1);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	assert_int_equal(futimens(fd, long_ago), 0);	/* it is not being written to just now */
	(void)close(fd);
	pass(w, 1);
	assert_int_equal(file_read(AT_FDCWD, w->path, 1000, &text), 0);
	assert_string_equal(buf_str(&text), START "+a:192.0.2.1\n" END "+late:192.0.2.9\n");
	buf_deinit(&text);
}

/* The displaced file has a line that was taken out since. When it was displaced, a moment after it was written, it could
 * have been written to within the same tick of the clock. */
static void what_nobody_wrote_to_is_no_edit_at_the_next_start(void **state)
{
	struct world *w = *state;

	write_file(w->path, START END "+old:192.0.2.8\n");
	put(w, "+a:192.0.2.1\n");
	write_file(w->path, START "+a:192.0.2.1\n" END);
	ahead_s = 1;
	for (int i = 0; i < 2; i++) {
		w->splice = splice_free(w->splice);
		begin(w);
		assert_int_equal(splice_open(w->splice), 0);
		assert_int_equal(n_kept(w), 1);
		assert_int_equal(n_named(w, "data.kept-by-"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		ONE(it_is_kept_until_the_next_publish), ONE(and_for_a_minute_at_least),
		ONE(what_is_written_into_it_after_a_minute_is_merged),
		ONE(what_nobody_wrote_to_is_no_edit_at_the_next_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
