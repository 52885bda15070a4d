/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/status.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "core/conf.h"
#include "service/inquiry_max.h"
#include "service/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

enum {
	CONF_MAX = 64 << 20,
	ANSWER_S = 10, /* for an answer that the daemon need not wait for */
	READ_SIZE = 16 * 1024,
};

/* One connection to the daemon. */
struct asker {
	int fd;
	struct buf in;
	int64_t due_ms; /* monotonic */
};

static void asker_deinit(struct asker *a)
{
	close_fdp(&a->fd);
	buf_deinit(&a->in);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static int fail(int status, const char *format, ...)
{
	va_list ap;

	(void)fputs("dns-updater: ", stderr);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap); /* as far as standard error takes it */
	va_end(ap);
	(void)fputc('\n', stderr);
	return status;
}

/* --- the socket --- */

/* As configured, as far as whoever runs this may read that. Users are of no interest, nor are mistakes:
 * the daemon has told them. NULL: no memory. */
static char *find_socket(const struct status_options *o)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct conf conf;
	char *path;

	if (o->socket) {
		return strdup(o->socket);
	}
	if (conf_init(&conf)) {
		return NULL;
	}
	if (!file_read(AT_FDCWD, o->conf_path, CONF_MAX, &text)) {
		(void)conf_parse(&conf, o->conf_path, text.data, text.len, NULL, NULL);
	}
	path = steal_ptr(&conf.socket);
	conf_deinit(&conf);
	return path;
}

/* For so long, while others fill the backlog: it moves on, unless the daemon hangs. */
static struct timeval connect_limit(const struct status_options *o)
{
	unsigned s = o->wait && o->timeout_s < ANSWER_S ? o->timeout_s : ANSWER_S;

	return (struct timeval){ .tv_sec = s, .tv_usec = !s }; /* all zero: for ever */
}

static int connect_to(const char *path, const struct timeval *limit, struct asker *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, sizeof(*limit)) < 0) {
		return -errno;
	}
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	}
	ret->fd = steal_fd(&fd);
	return 0;
}

static int ask(struct asker *a, const char *question, const char *user)
{
	char line[USERS_NAME_MAX + 32];
	int n = snprintf(line, sizeof(line), "%s%s%s\n", question, user ? " " : "", user ? user : ""); /* it fits */

	return send(a->fd, line, (size_t)n, MSG_NOSIGNAL) < 0 ? -errno : 0; /* it is short: there is room */
}

/* More of the answers. 0, -ETIMEDOUT, -ECONNRESET at the end of the connection, or another. */
static int take_more(struct asker *a)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	int64_t left = a->due_ms - now_ms();
	char *room = buf_room(&a->in, READ_SIZE);
	ssize_t n;
	int r;

	if (!room) {
		return -ENOMEM;
	}
	r = poll(&p, 1, left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left);
	if (r <= 0) {
		return !r ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
	}
	n = recv(a->fd, room, READ_SIZE, 0);
	if (n <= 0) {
		return n ? -errno : -ECONNRESET;
	}
	a->in.len += (size_t)n;
	return 0;
}

/* The next line, without its newline, which it replaces by a NUL. */
static int take_line(struct asker *a, char **ret, size_t *ret_n)
{
	char *newline;
	int r = 0;

	while (!(newline = a->in.len ? memchr(a->in.data, '\n', a->in.len) : NULL)) {
		r = a->in.len > INQUIRY_REPLY_MAX ? -EPROTO : take_more(a);
		if (r) {
			return r;
		}
	}
	*newline = '\0';
	*ret = a->in.data;
	*ret_n = (size_t)(newline - a->in.data) + 1;
	return 0;
}

static void drop(struct asker *a, size_t n)
{
	memmove(a->in.data, a->in.data + n, a->in.len - n);
	a->in.len -= n;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* The next one that answers no wait: it was on its way when that was taken back. */
static int take_other_line(struct asker *a, char **ret, size_t *ret_n)
{
	int r = take_line(a, ret, ret_n);

	while (!r && begins(*ret, "waited ")) {
		drop(a, *ret_n);
		r = take_line(a, ret, ret_n);
	}
	return r;
}

/* --- answers --- */

static int no_answer(const char *path, int r)
{
	if (r == -ENOENT || r == -ECONNREFUSED) {
		return fail(START_TRY_AGAIN, "unable to ask the daemon at '%s': it does not run, or its "
			    "socket is elsewhere (see -c and -s)", path);
	}
	return fail(START_TRY_AGAIN, "unable to ask the daemon at '%s': %s", path,
		    r == -ETIMEDOUT  ? "no answer in time" :
		    r == -ECONNRESET ? "it has ended the connection, or has too many" :
				       strerror(-r));
}

static int print(const struct buf *text)
{
	if (fwrite(text->data, 1, text->len, stdout) != text->len || fflush(stdout)) {
		return fail(START_TRY_AGAIN, "unable to print the answer: %s", strerror(errno));
	}
	return 0;
}

enum { STATUS_E_NO_SUCH_USER = 1, STATUS_E_REFUSED };

/* The status of the user, or of the whole. 0; STATUS_E_*, and *ret has why not; or a negative errno. */
static int take_status(struct asker *a, bool json, const char *user, struct buf *ret)
{
	size_t n_line, n;
	char *line;
	int r = ask(a, json ? "status json" : "status text", user);

	r = r ? r : take_other_line(a, &line, &n_line);
	if (r) {
		return r;
	}
	if (!begins(line, "ok ")) {
		buf_adds(ret, begins(line, "error ") ? line + strlen("error ") : line);
		drop(a, n_line);
		return !strcmp(buf_str(ret), "no such user") ? STATUS_E_NO_SUCH_USER : STATUS_E_REFUSED;
	}
	n = strtoul(line + strlen("ok "), NULL, 10);
	drop(a, n_line);
	r = n > INQUIRY_REPLY_MAX ? -EPROTO : 0;
	while (!r && a->in.len < n) {
		r = take_more(a);
	}
	if (!r) {
		buf_add(ret, a->in.data, n);
		drop(a, n);
	}
	return r;
}

static bool is_oneself(const char *user)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw && !strcmp(pw->pw_name, user);
}

/* Whoever is refused an answer about himself cannot know why: he is no user, or his account is a new one. */
static int refused(const char *user, const char *why)
{
	if (!user) {
		return fail(START_FIX_SOMETHING, "%s", why);
	}
	return fail(START_FIX_SOMETHING, "%s: %s%s", user, why,
		    !strcmp(why, "not permitted") && is_oneself(user) ?
			    ": when the daemon was started or reloaded, there was no such user, or no such account" :
			    "");
}

static int print_status(struct asker *a, const struct status_options *o, const char *path,
			const char *user)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	int r;

	a->due_ms = now_ms() + ANSWER_S * 1000;
	r = take_status(a, o->json, user, &text);
	if (r == STATUS_E_NO_SUCH_USER && !o->user) {
		/* Only who may see all is told so. */
		buf_clear(&text);
		user = NULL;
		r = take_status(a, o->json, NULL, &text);
	}
	if (r < 0 || buf_error(&text)) {
		return no_answer(path, r < 0 ? r : -ENOMEM);
	}
	return r ? refused(user, buf_str(&text)) : print(&text);
}

/* In time nothing was heard: what there is to say by now. */
static int time_is_over(struct asker *a, const struct status_options *o, const char *path,
			const char *user)
{
	(void)fail(0, "not confirmed in %u seconds:", o->timeout_s);
	(void)print_status(a, o, path,
			   user); /* whatever comes of it: the limit is what counts */
	return START_TRY_AGAIN;
}

/* "waited 1 WORD TEXT"; the exit status. */
static int take_waited(const char *line, bool json, const char *user)
{
	static const struct {
		const char *word;
		int status;
	} rows[] = {
		{ "published ", 0 },
		{ "refused ", START_FIX_SOMETHING },
		{ "failed ", START_TRY_AGAIN },
		{ "partly ", START_TRY_AGAIN },
	};
	const char *said = line + strlen("waited 1 ");

	if (!begins(line, "waited 1 ")) {
		return refused(NULL, begins(line, "error ") ? line + strlen("error ") : line);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (begins(said, rows[i].word)) {
			said += strlen(rows[i].word);
			if (rows[i].status) {
				return fail(rows[i].status, "%s", said);
			}
			return json || (puts(said) >= 0 && !fflush(stdout)) ? 0 :
									      START_TRY_AGAIN;
		}
	}
	return refused(user, begins(said, "error ") ? said + strlen("error ") : said);
}

static int wait_for(struct asker *a, const struct status_options *o, const char *path,
		    const char *user)
{
	size_t n;
	char *line;
	int r, status;

	a->due_ms = now_ms() + (int64_t)o->timeout_s * 1000;
	r = ask(a, "wait 1", user);
	r = r ? r : take_line(a, &line, &n);
	if (r == -ETIMEDOUT) {
		r = ask(a, "forget 1", NULL);
		return r ? no_answer(path, r) : time_is_over(a, o, path, user);
	}
	if (r) {
		return no_answer(path, r);
	}
	status = take_waited(line, o->json, user);
	drop(a, n);
	if (o->json) {
		r = print_status(a, o, path, user);
		status = status ? status : r;
	}
	return status;
}

int status_run(const struct status_options *o)
{
	_cleanup_(free_ptr) char *path = find_socket(o);
	_cleanup_(asker_deinit) struct asker a = { .fd = -1 };
	const struct passwd *pw = !o->user && getuid() ? getpwuid(getuid()) : NULL;
	const char *user = o->user ? o->user : pw ? pw->pw_name : NULL;
	struct timeval limit = connect_limit(o);
	int r = path ? connect_to(path, &limit, &a) : -ENOMEM;

	if (!user && (o->wait || getuid())) {
		return fail(START_FIX_SOMETHING, "whose status? name a user");
	}
	if (r) {
		return no_answer(path ? path : "", r);
	}
	if (user && (!*user || strpbrk(user, "\n") || strlen(user) > USERS_NAME_MAX)) {
		return refused(NULL, "this is no name of a user");
	}
	return o->wait ? wait_for(&a, o, path, user) : print_status(&a, o, path, user);
}
