/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Growing bytes: appending, the remembered failure, and what is safe in a log line. */

#include "base/buf.h"
#include "base/file.h"
#include "rows.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct row {
	const char *name;
	const char *bytes;
	size_t n, max;
	const char *want;
} escaped[] = {
	{ "nothing", T(""), 8, "" },
	{ "plain text", T("1.2.3.4 # it's"), 64, "1.2.3.4 # it's" },
	{ "a blank is printable", T(" "), 8, " " },
	{ "a tilde is printable", T("~"), 8, "~" },
	{ "the last control byte", T("\x1f"), 8, "\\x1f" },
	{ "delete", T("\x7f"), 8, "\\x7f" },
	{ "a backslash", T("\\"), 8, "\\\\" },
	{ "a newline", T("a\nb"), 8, "a\\x0ab" },
	{ "a tab", T("\t"), 8, "\\x09" },
	{ "an escape sequence", T("\033[2J"), 8, "\\x1b[2J" },
	{ "a NUL", T("a\0b"), 8, "a\\x00b" },
	{ "bytes beyond ASCII", T("\x80\xff"), 8, "\\x80\\xff" },
	{ "as long as allowed", T("1234"), 4, "1234" },
	{ "one more than allowed", T("12345"), 4, "1234..." },
	{ "the limit counts input, not output", T("\n\n\n"), 2, "\\x0a\\x0a..." },
	{ "nothing allowed", T("a"), 0, "..." },
};

static void check_escaped(void **state)
{
	const struct row *row = *state;
	char *bytes = exact(row->bytes, row->n);
	struct buf b = { 0 };

	buf_add_escaped(&b, bytes, row->n, row->max);
	assert_string_equal(buf_str(&b), row->want);
	buf_deinit(&b);
	free(bytes);
}

static void appends(void **state)
{
	struct buf b = { 0 };
	char *room;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_add(&b, "a\0b", 3);
	buf_adds(&b, "c");
	buf_adds(&b, "");
	buf_printf(&b, "%d-%s", 12, "x");
	room = buf_room(&b, 2);
	assert_non_null(room);
	memcpy(room, "yz", 2);
	b.len += 1; /* less than asked for is fine */
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "a\0bc12-xy", 9);
	assert_int_equal(buf_str(&b)[9], '\0');
	assert_int_equal(b.len, 9);
	assert_int_equal(buf_error(&b), 0);
	buf_deinit(&b);
}

static void grows(void **state)
{
	struct buf b = { 0 };
	char text[5001];

	(void)state;
	memset(text, 'x', 5000);
	text[5000] = '\0';
	for (int i = 0; i < 100; i++) {
		buf_adds(&b, "0123456789");
		buf_printf(&b, "%s", text);
	}
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.len, 100 * 5010);
	for (size_t i = 0; i < 100; i++) {
		assert_memory_equal(b.data + i * 5010, "0123456789", 10);
		assert_memory_equal(b.data + i * 5010 + 10, text, 5000);
	}
	buf_deinit(&b);
}

static void clear_keeps_memory(void **state)
{
	struct buf b = { 0 };
	size_t size;

	(void)state;
	buf_adds(&b, "some text");
	size = b.size;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.size, size);
	assert_string_equal(buf_str(&b), "");
	buf_deinit(&b);
}

static void failure_is_remembered(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "a");
	assert_null(buf_room(&b, SIZE_MAX));
	assert_int_equal(buf_error(&b), -ENOMEM);
	buf_adds(&b, "b");
	buf_printf(&b, "%d", 1);
	assert_int_equal(buf_error(&b), -ENOMEM);
	buf_clear(&b);
	assert_int_equal(buf_error(&b), 0);
	buf_adds(&b, "c");
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(buf_str(&b), "c");
	buf_deinit(&b);
}

static void ends_are_harmless(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_deinit(&b);
	buf_clear(&b);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_error(&b), 0);
	buf_deinit(&b);
}

static const struct pair_row {
	const char *name;
	const char *a;
	size_t n_a;
	const char *b;
	size_t n_b;
	bool same;
} pairs[] = {
	{ "both empty", T(""), T(""), true },
	{ "one empty", T(""), T("a"), false },
	{ "the same", T("a\0b"), T("a\0b"), true },
	{ "another behind a NUL", T("a\0b"), T("a\0c"), false },
	{ "the beginning of the other", T("ab"), T("abc"), false },
};

static void check_pair(void **state)
{
	const struct pair_row *row = *state;
	struct buf a = { 0 }, b = { 0 };

	buf_add(&a, row->a, row->n_a);
	buf_add(&b, row->b, row->n_b);
	assert_int_equal(buf_same(&a, &b), row->same);
	assert_int_equal(buf_same(&b, &a), row->same);
	buf_deinit(&a);
	buf_deinit(&b);
}

/* A file of as many bytes as size_t can count has no memory that holds it, and is not an empty one. */
static void a_file_of_all_that_size_t_counts(void **state)
{
	struct rlimit old, few;
	struct buf b = { 0 };
	int fd;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip();		/* no memory is the end there */
#endif
	if (SIZE_MAX > UINT32_MAX) {
		skip();
	}
	fd = memfd_create("large", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, UINT32_MAX), 0);
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	few = (struct rlimit){ 1 << 28, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &few), 0);
	assert_int_equal(file_read_fd(fd, UINT32_MAX, &b), -ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	buf_deinit(&b);
	(void)close(fd);
}

int main(void)
{
	static const struct CMUnitTest buf[] = {
		cmocka_unit_test(a_file_of_all_that_size_t_counts),
		cmocka_unit_test(appends),
		cmocka_unit_test(grows),
		cmocka_unit_test(clear_keeps_memory),
		cmocka_unit_test(failure_is_remembered),
		cmocka_unit_test(ends_are_harmless),
	};
	int failed = cmocka_run_group_tests(buf, NULL, NULL);

	failed += ROWS_RUN(escaped, check_escaped);
	failed += ROWS_RUN(pairs, check_pair);
	return failed != 0;
}
