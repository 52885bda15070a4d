/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/command.h"

#include "base/cleanup.h"
#include "daemon/child.h"
#include "daemon/confine.h"
#include "service/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <uv.h>

enum {
	LINE_MAX_LOGGED = 1024,		/* longer ones are cut */
	LINES_MAX = 200,		/* of one run; the rest is counted */
	TERM_TO_KILL_MS = 1000,
	READ_SIZE = 4096,
	PIPE_READS = 65536 / READ_SIZE,	/* that empty a full pipe, pipe(7) */
};

/* What the helper says: a line, or the end of the run. */
struct answer {
	enum { ANSWER_LINE, ANSWER_END } kind;
	enum command_end how;
	int value;
	unsigned n;
	char line[LINE_MAX_LOGGED];
};

#define ANSWER_HEAD offsetof(struct answer, line)

/* --- the helper process --- */

struct run {
	pid_t pid;
	int pidfd, out;
	char line[LINE_MAX_LOGGED];
	size_t n;
	unsigned n_lines;
	bool skipping;		/* the rest of a line that was cut */
};

static int64_t now_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

/* The daemon waits for the end of a run: where that cannot be said, ours tells it. A line may be lost. */
static void answer(const struct answer *a)
{
	ssize_t n;

	do {
		n = send(CHILD_SOCKET, a, ANSWER_HEAD + a->n, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && a->kind == ANSWER_END) {
		_exit(111);
	}
}

static void answer_line(struct run *r)
{
	struct answer a = { .kind = ANSWER_LINE, .n = (unsigned)r->n };

	if (r->n_lines++ < LINES_MAX) {
		memcpy(a.line, r->line, r->n);
		answer(&a);
	}
	r->n = 0;
}

static void take_output(struct run *r, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			if (!r->skipping && r->n) {
				answer_line(r);
			}
			r->skipping = false;
			r->n = 0;
		} else if (!r->skipping) {
			r->line[r->n++] = bytes[i];
			if (r->n == sizeof(r->line)) {
				answer_line(r);
				r->skipping = true;
			}
		}
	}
}

/* Reads what is there; false at the end. */
static bool read_output(struct run *r)
{
	char bytes[READ_SIZE];
	ssize_t n = read(r->out, bytes, sizeof(bytes));

	if (n > 0) {
		take_output(r, bytes, (size_t)n);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void end_output(struct run *r)
{
	if (r->n) {
		answer_line(r);
	}
	if (r->n_lines > LINES_MAX) {
		struct answer a = { .kind = ANSWER_LINE };

		a.n = (unsigned)snprintf(a.line, sizeof(a.line), "(%u more lines)",
					 r->n_lines - LINES_MAX);
		answer(&a);
	}
}

static _Noreturn void exec_command(const char *command, int out)
{
	static const char *const environment[] = {
		"PATH=" COMMAND_PATH,
		"SHELL=/bin/sh", "LC_ALL=C", NULL,
	};
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	(void)setsid();		/* cannot fail in a process that was just forked */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++) {
		(void)signal(i, SIG_DFL);	/* KILL and STOP refuse */
	}
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || syscall(SYS_close_range, 3u, ~0u, 0u) < 0) {
		_exit(127);
	}
	execle("/bin/sh", "sh", "-c", command, NULL, environment);
	_exit(127);
}

static int start(struct run *r, const char *command)
{
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC) < 0) {
		return -errno;
	}
	r->pid = fork();
	if (r->pid == 0) {
		exec_command(command, pipe[1]);
	}
	close_fd(pipe[1]);
	r->out = pipe[0];
	if (r->pid < 0) {
		return -errno;
	}
	(void)fcntl(r->out, F_SETFL, O_NONBLOCK);	/* a pipe takes it */
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0u);
	if (r->pidfd < 0) {
		int e = -errno;

		(void)kill(-r->pid, SIGKILL);
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
		return e;
	}
	return 0;
}

/* The child leads its own session from the start of its shell on; before, only itself. */
static void kill_run(const struct run *r, int signal)
{
	if (kill(-r->pid, signal) < 0) {
		(void)kill(r->pid, signal);
	}
}

static void supervise(struct run *r, uint64_t timeout_ms, struct answer *ret)
{
	int64_t deadline = now_ms() + (int64_t)timeout_ms;
	int status = 0;
	bool late = false;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = r->pidfd, .events = POLLIN },
			{ .fd = r->out, .events = POLLIN },
			{ .fd = CHILD_SOCKET, .events = 0 },
		};
		int64_t left = deadline - now_ms();

		if (poll(p, 3, left > 0 ? (int)(left < 60000 ? left : 60000) : 0) < 0) {
			continue;	/* EINTR */
		}
		if (p[2].revents) {	/* the daemon is gone */
			kill_run(r, SIGKILL);
			_exit(0);
		}
		if (p[1].revents && !read_output(r)) {
			r->out = close_fd(r->out);
		}
		if (p[0].revents) {
			break;
		}
		if (now_ms() >= deadline) {
			kill_run(r, late ? SIGKILL : SIGTERM);
			late = true;
			deadline = now_ms() + TERM_TO_KILL_MS;
		}
	}
	if (late) {
		kill_run(r, SIGKILL);	/* whatever of its session outlived it */
	}
	(void)waitpid(r->pid, &status, 0);	/* the pidfd said that it ended */
	/* Those whom the command left behind may hold the pipe, and may go on writing: take what was
	 * there, as much as a pipe can hold, and do not wait. */
	for (int i = 0; i < PIPE_READS && r->out >= 0 && read_output(r); i++) {
		struct pollfd p = { .fd = r->out, .events = POLLIN };

		if (poll(&p, 1, 0) <= 0) {
			break;
		}
	}
	end_output(r);
	*ret = (struct answer){
		.kind = ANSWER_END,
		.how = late ? COMMAND_TIMED_OUT :
		       WIFSIGNALED(status) ? COMMAND_KILLED : COMMAND_EXITED,
		.value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	};
}

static void run_once(const char *command, uint64_t timeout_ms)
{
	struct run r = { .pid = -1, .pidfd = -1, .out = -1 };
	struct answer a;
	int e = start(&r, command);

	if (e) {
		a = (struct answer){ .kind = ANSWER_END, .how = COMMAND_NOT_STARTED, .value = -e };
	} else {
		supervise(&r, timeout_ms, &a);
	}
	close_fd(r.out);
	close_fd(r.pidfd);
	answer(&a);
}

static _Noreturn void helper_main(int socket, const char *command)
{
	uint64_t timeout_ms;
	ssize_t n;

	if (child_settle(socket, "dnsu-command") || privileges_none() < 0) {
		_exit(111);
	}
	while ((n = recv(CHILD_SOCKET, &timeout_ms, sizeof(timeout_ms), 0)) == sizeof(timeout_ms) ||
	       (n < 0 && errno == EINTR)) {
		if (n > 0) {
			run_once(command, timeout_ms);
		}
	}
	_exit(0);
}

/* --- the daemon's side --- */

struct command {
	int socket;
	pid_t helper;
	uv_poll_t poll;
	bool attached, busy;
	struct command_handlers handlers;
};

int command_new(const char *text, const char *state, struct command **ret)
{
	struct command *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		return -ENOMEM;
	}
	r = child_fork(&c->helper, &c->socket);
	if (r) {
		free(c);
		return r;
	}
	if (c->helper == 0) {
		if (state && confine_compiler(state)) {
			_exit(111);
		}
		helper_main(c->socket, text);
	}
	(void)fcntl(c->socket, F_SETFL, O_NONBLOCK);	/* a socket takes it */
	*ret = c;
	return 0;
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct command *c = poll->data;
	const struct command_handlers *h = &c->handlers;
	struct answer a;
	ssize_t n;

	(void)status;	/* recv tells more */
	(void)events;
	while ((n = recv(c->socket, &a, sizeof(a), 0)) >= (ssize_t)ANSWER_HEAD) {
		if (a.kind == ANSWER_LINE) {
			h->output(h->arg, a.line, (size_t)n - ANSWER_HEAD);
		} else {
			c->busy = false;
			h->ended(h->arg, a.how, a.value);
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		(void)uv_poll_stop(poll);	/* cannot fail */
		h->lost(h->arg);
	}
}

int command_attach(struct command *c, struct uv_loop_s *loop, const struct command_handlers *h)
{
	int r = uv_poll_init(loop, &c->poll, c->socket);

	if (r) {
		return r;
	}
	c->attached = true;
	c->handlers = *h;
	c->poll.data = c;
	return uv_poll_start(&c->poll, UV_READABLE, readable);
}

int command_run(struct command *c, uint64_t timeout_ms)
{
	if (c->busy) {
		return -EBUSY;
	}
	if (send(c->socket, &timeout_ms, sizeof(timeout_ms), MSG_NOSIGNAL) != sizeof(timeout_ms)) {
		return errno ? -errno : -EIO;
	}
	c->busy = true;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct command *c = handle->data;

	close_fd(c->socket);
	(void)waitpid(c->helper, NULL, 0);	/* it ends at the end of its socket */
	free(c);
}

struct command *command_free(struct command *c)
{
	if (!c) {
		return NULL;
	}
	if (c->attached) {
		uv_close((uv_handle_t *)&c->poll, closed);
	} else {
		close_fd(c->socket);
		(void)waitpid(c->helper, NULL, 0);
		free(c);
	}
	return NULL;
}
