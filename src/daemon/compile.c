/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/compile.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define MADE_MAX ((size_t)UINT32_MAX)	/* a cdb cannot be larger */

enum {
	SERIAL_MIN = 1 << 30,	/* ten decimal digits: not so easily found in a text by chance */
	SERIAL_TRIES = 1000,
};

struct compile {
	struct command *command;
	char *dir;
	uint32_t serial;
	struct buf said;	/* its last line */
	struct compile_handlers handlers;
};

/* The directory that is used for this output, beside the state file. */
static void print_dir(struct buf *to, const char *state, const char *output)
{
	buf_printf(to, "%s.%s.compile", state, output);
}

void compile_command(struct buf *to, const char *state, const char *output)
{
	_cleanup_(buf_deinit) struct buf dir = { 0 };

	print_dir(&dir, state, output);
	buf_adds(to, "cd '");
	for (const char *c = buf_str(&dir); *c; c++) {
		if (*c == '\'') {
			buf_adds(to, "'\\''");
		} else {
			buf_add(to, c, 1);
		}
	}
	buf_adds(to, "' && exec tinydns-data");
}

static void on_output(void *arg, const char *line, size_t n)
{
	struct compile *c = arg;

	buf_clear(&c->said);
	buf_add_escaped(&c->said, line, n, n);
}

static void on_lost(void *arg)
{
	struct compile *c = arg;

	c->handlers.lost(c->handlers.arg);
}

/* The sentence for the end; NULL: all is well. */
static const char *why_not(struct compile *c, enum command_end how, int value, struct buf *b)
{
	if (how == COMMAND_NOT_STARTED) {
		buf_printf(b, "tinydns-data could not be started: %s", strerror(value));
	} else if (how == COMMAND_TIMED_OUT) {
		buf_adds(b, "tinydns-data took too long");
	} else if (how == COMMAND_KILLED) {
		buf_printf(b, "tinydns-data was killed by signal %d", value);
	} else if (value && c->said.len) {
		buf_adds(b, buf_str(&c->said));
	} else if (value) {
		buf_printf(b, "tinydns-data failed with exit status %d", value);
	} else {
		return NULL;
	}
	return buf_str(b);
}

static void path_of(const struct compile *c, const char *name, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", c->dir, name);	/* compile_new has measured it */
}

static void on_ended(void *arg, enum command_end how, int value)
{
	_cleanup_(buf_deinit) struct buf why = { 0 }, made = { 0 };
	struct compile *c = arg;
	const char *sentence = why_not(c, how, value, &why);
	char path[PATH_MAX];

	path_of(c, "data.cdb", path);
	if (!sentence) {
		int r = file_read(AT_FDCWD, path, MADE_MAX, &made);

		if (r) {
			buf_printf(&why, "unable to read '%s': %s", path, strerror(-r));
			sentence = buf_str(&why);
		}
	}
	(void)unlink(path);	/* it may be large, and is of no use any more */
	c->handlers.done(c->handlers.arg, sentence ? NULL : &made, c->serial, sentence);
}

int compile_new(struct uv_loop_s *loop, struct command **command, const char *state, const char *output,
		const struct compile_handlers *h, struct compile **ret)
{
	struct compile *c = calloc(1, sizeof(*c));
	const struct command_handlers handlers = {
		.output = on_output, .ended = on_ended, .lost = on_lost, .arg = c,
	};
	struct buf dir = { 0 };
	int r;

	if (!c) {
		return -ENOMEM;
	}
	c->command = steal_ptr(command);
	c->handlers = *h;
	print_dir(&dir, state, output);
	(void)buf_str(&dir);
	r = buf_error(&dir) ? -ENOMEM : dir.len + sizeof("/data.cdb") > PATH_MAX ? -ENAMETOOLONG : 0;
	c->dir = dir.data;
	if (!r) {
		r = command_attach(c->command, loop, &handlers);
	}
	if (r) {
		compile_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct compile *compile_free(struct compile *c)
{
	if (c) {
		command_free(c->command);
		buf_deinit(&c->said);
		free(c->dir);
		free(c);
	}
	return NULL;
}

/* A number that stands nowhere in the text. */
static int choose_serial(const struct buf *text, uint32_t *ret)
{
	for (int i = 0; i < SERIAL_TRIES; i++) {
		char digits[16];
		int n;

		if (getrandom(ret, sizeof(*ret), 0) != sizeof(*ret)) {
			return -errno;
		}
		*ret = SERIAL_MIN | *ret % SERIAL_MIN;
		n = snprintf(digits, sizeof(digits), "%u", *ret);
		if (!text->len || !memmem(text->data, text->len, digits, (size_t)n)) {
			return 0;
		}
	}
	return -EAGAIN;
}

static int write_data(const struct compile *c, const struct buf *text)
{
	const struct timespec times[2] = { { .tv_sec = c->serial }, { .tv_sec = c->serial } };
	_cleanup_(close_fdp) int fd = -1;
	char path[PATH_MAX];
	int r;

	if (mkdir(c->dir, 0700) < 0 && errno != EEXIST) {
		return -errno;
	}
	path_of(c, "data", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		return -errno;
	}
	r = file_write_all(fd, text->data, text->len);
	return r ? r : futimens(fd, times) < 0 ? -errno : 0;
}

int compile_start(struct compile *c, const struct buf *text, uint64_t timeout_ms)
{
	int r;

	buf_clear(&c->said);
	r = choose_serial(text, &c->serial);
	if (!r) {
		r = write_data(c, text);
	}
	return r ? r : command_run(c->command, timeout_ms);
}
