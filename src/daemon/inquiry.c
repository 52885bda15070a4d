/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/inquiry.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quota.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

/* Anybody may connect, for who asks is known only then. So connections have places of their own, made
 * beforehand: when all are taken, libuv is left with the next one and does not accept more, and
 * accepting never fails for want of memory. */
enum {
	SERVED_MAX = 16,
	PEERS_MAX = 2 * SERVED_MAX,	/* with those that are being turned away */
	BACKLOG = 64,
	QUESTION_MAX = 256,		/* bytes, without the newline */
	TEXT_SIZE = 4 * QUESTION_MAX,
	QUEUED_MAX = 256 * 1024,	/* bytes of answers before the next question is taken */
	TURN_MAX = 8,			/* questions of one peer in one turn of the loop */
	SAID_MS = 60 * 1000,
};

_Static_assert(TEXT_SIZE > QUESTION_MAX, "there is room behind what is not yet a line");

struct peer {
	uv_pipe_t pipe;
	struct inquiry *inquiry;
	bool used;
	bool served;		/* may ask, and counts */
	bool held;		/* has more questions than one turn takes; not read from meanwhile */
	bool ending;		/* asks nothing any more; closed when its answers are written */
	unsigned n_writes;
	size_t n;
	char text[TEXT_SIZE];
};

struct inquiry {
	uv_pipe_t listener;
	uv_idle_t turn;		/* while somebody is held */
	struct inquiry_handlers handlers;
	struct sockaddr_un address;
	struct stat st;		/* of the socket's file */
	struct peer peers[PEERS_MAX];
	unsigned n_served, n_open;	/* n_open: handles, of both kinds */
	bool waiting;		/* a connection has no place yet */
	bool closing;
	struct quota said;	/* refusals, in the log */
};

struct answer {
	uv_write_t request;
	struct buf text;
};

static void on_written(uv_write_t *request, int status);

/* --- the ends --- */

static void closed_one(struct inquiry *in)
{
	if (!--in->n_open) {
		free(in);
	}
}

static void accept_next(struct inquiry *in);

static void on_peer_closed(uv_handle_t *handle)
{
	struct peer *p = handle->data;
	struct inquiry *in = p->inquiry;

	p->used = false;
	if (in->waiting && !in->closing) {
		accept_next(in);
	}
	closed_one(in);
}

static void close_peer(struct peer *p)
{
	if (uv_is_closing((uv_handle_t *)&p->pipe)) {
		return;
	}
	p->ending = true;
	p->held = false;
	if (p->served) {
		p->inquiry->n_served--;
	}
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

/* No more questions; the answers are still written. */
static void end_peer(struct peer *p)
{
	p->ending = true;
	p->held = false;
	(void)uv_read_stop((uv_stream_t *)&p->pipe);	/* cannot fail */
	if (!p->n_writes) {
		close_peer(p);
	}
}

/* --- answers --- */

/* Takes over text. */
static void send_answer(struct peer *p, struct buf *text)
{
	struct answer *a = buf_error(text) ? NULL : calloc(1, sizeof(*a));
	uv_buf_t bytes;

	if (!a) {	/* better no answer than part of one */
		buf_deinit(text);
		close_peer(p);
		return;
	}
	a->text = *text;
	a->request.data = a;
	bytes = uv_buf_init(a->text.data, (unsigned)a->text.len);
	if (uv_write(&a->request, (uv_stream_t *)&p->pipe, &bytes, 1, on_written)) {
		buf_deinit(&a->text);
		free(a);
		close_peer(p);
		return;
	}
	p->n_writes++;
}

static void on_written(uv_write_t *request, int status)
{
	struct peer *p = request->handle->data;
	struct answer *a = request->data;

	buf_deinit(&a->text);
	free(a);
	p->n_writes--;
	if (status < 0 || (p->ending && !p->n_writes)) {
		close_peer(p);
	}
}

static void send_last(struct peer *p, const char *line)
{
	struct buf text = { 0 };

	buf_adds(&text, line);
	send_answer(p, &text);
	end_peer(p);
}

static void answer(struct peer *p, const char *question, size_t n)
{
	static const char has[] = "has ";
	const struct inquiry_handlers *h = &p->inquiry->handlers;
	struct buf text = { 0 };

	if (n <= strlen(has) || memcmp(question, has, strlen(has)) != 0) {
		send_last(p, "error not a question\n");
	} else if (uv_stream_get_write_queue_size((uv_stream_t *)&p->pipe) > QUEUED_MAX) {
		close_peer(p);
	} else {
		h->has(h->arg, question + strlen(has), n - strlen(has), &text);
		send_answer(p, &text);
	}
}

/* --- questions --- */

/* Answers the first question. false: there is none, or none whole yet. */
static bool take_question(struct peer *p)
{
	const char *newline = memchr(p->text, '\n', p->n);
	size_t n = newline ? (size_t)(newline - p->text) : p->n;

	if (n > QUESTION_MAX) {
		send_last(p, "error not a question\n");
		return false;
	}
	if (!newline) {
		return false;
	}
	answer(p, p->text, n);
	p->n -= n + 1;
	memmove(p->text, newline + 1, p->n);
	return true;
}

static void on_turn(uv_idle_t *idle);

/* As many questions as one turn takes; one peer's thousands must not keep the loop from the rest. */
static void take_questions(struct peer *p)
{
	int n = 0;

	while (n < TURN_MAX && !p->ending && take_question(p)) {
		n++;
	}
	if (n == TURN_MAX && !p->ending) {
		p->held = true;
		(void)uv_read_stop((uv_stream_t *)&p->pipe);	/* cannot fail */
		(void)uv_idle_start(&p->inquiry->turn, on_turn);	/* only without a callback */
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct peer *p = handle->data;

	(void)suggested;
	*ret = uv_buf_init(p->text + p->n, (unsigned)(sizeof(p->text) - p->n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;

	(void)buf;	/* it is in p->text */
	if (n == UV_EOF) {
		end_peer(p);	/* it may have closed its own direction only */
	} else if (n < 0) {
		close_peer(p);
	} else {
		p->n += (size_t)n;
		take_questions(p);
	}
}

static void on_turn(uv_idle_t *idle)
{
	struct inquiry *in = idle->data;

	(void)uv_idle_stop(idle);	/* cannot fail; it is started again if need be */
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &in->peers[i];

		if (!p->used || !p->held) {
			continue;
		}
		p->held = false;
		if (uv_read_start((uv_stream_t *)&p->pipe, on_room, on_read)) {
			close_peer(p);
		} else {
			take_questions(p);
		}
	}
}

/* --- connections --- */

static bool may_ask(struct peer *p)
{
	struct inquiry *in = p->inquiry;
	const struct inquiry_handlers *h = &in->handlers;
	unsigned left_out;
	struct ucred who;
	socklen_t n = sizeof(who);
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&p->pipe, &fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0) {
		return false;
	}
	if (!who.uid || who.uid == geteuid() || h->may_ask(h->arg, who.uid)) {
		return true;
	}
	if (quota_take(&in->said, uv_now(in->listener.loop), 1, SAID_MS, &left_out)) {
		log_warning("refusing questions of uid %u on '%s': only root and the front end may ask",
			    (unsigned)who.uid, in->address.sun_path);
	}
	return false;
}

/* false: there are too many already. */
static bool serve(struct peer *p)
{
	struct inquiry *in = p->inquiry;

	if (in->n_served == SERVED_MAX ||
	    uv_read_start((uv_stream_t *)&p->pipe, on_room, on_read)) {
		return false;
	}
	p->served = true;
	in->n_served++;
	return true;
}

static struct peer *free_place(struct inquiry *in)
{
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (!in->peers[i].used) {
			return &in->peers[i];
		}
	}
	return NULL;
}

static void accept_next(struct inquiry *in)
{
	struct peer *p = free_place(in);
	int r;

	in->waiting = !p;
	if (!p) {
		return;
	}
	*p = (struct peer){ .inquiry = in, .used = true };
	(void)uv_pipe_init(in->listener.loop, &p->pipe, 0);	/* cannot fail */
	p->pipe.data = p;
	in->n_open++;
	r = uv_accept((uv_stream_t *)&in->listener, (uv_stream_t *)&p->pipe);
	if (!r && !may_ask(p)) {
		send_last(p, "error not permitted\n");
	} else if (r || !serve(p)) {
		close_peer(p);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	if (!status) {		/* else there is none: it went away */
		accept_next(listener->data);
	}
}

/* --- the socket --- */

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Takes away what a crash left. */
static int clear_place(const struct sockaddr_un *address)
{
	_cleanup_(close_fdp) int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (!S_ISSOCK(st.st_mode)) {
		return INQUIRY_E_NO_SOCKET;
	}
	fd = open_socket();
	if (fd < 0) {
		return fd;
	}
	/* EAGAIN: so many ask there that they have to wait. EPROTOTYPE: a socket for datagrams. */
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    errno == EAGAIN || errno == EPROTOTYPE) {
		return INQUIRY_E_IN_USE;
	}
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

/* Makes the socket with its file, which everybody may connect to from its first moment on. */
static int make_socket(const struct sockaddr_un *address, struct stat *ret_st, int *ret_fd)
{
	_cleanup_(close_fdp) int fd = -1;
	mode_t before;
	int r;

	r = clear_place(address);
	if (r) {
		return r;
	}
	fd = open_socket();
	if (fd < 0) {
		return fd;
	}
	before = umask(0111);
	r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	(void)umask(before);	/* cannot fail */
	if (r) {
		return r;
	}
	if (lstat(address->sun_path, ret_st) < 0) {
		return -errno;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Unless somebody put another one there. */
static void remove_socket(const struct inquiry *in)
{
	struct stat st;

	if (!lstat(in->address.sun_path, &st) && st.st_dev == in->st.st_dev &&
	    st.st_ino == in->st.st_ino) {
		(void)unlink(in->address.sun_path);	/* the next start takes it away */
	}
}

static void on_closed(uv_handle_t *handle)
{
	closed_one(handle->data);
}

/* fd is taken over. */
static int listen_on(struct inquiry *in, int fd)
{
	int r = uv_pipe_open(&in->listener, fd);

	if (r) {
		close_fd(fd);
		return r;
	}
	return uv_listen((uv_stream_t *)&in->listener, BACKLOG, on_connection);
}

int inquiry_new(struct uv_loop_s *loop, const char *path, const struct inquiry_handlers *h,
		struct inquiry **ret)
{
	struct inquiry *in;
	int fd = -1, r;

	if (strlen(path) >= sizeof(in->address.sun_path)) {
		return -ENAMETOOLONG;
	}
	in = calloc(1, sizeof(*in));
	if (!in) {
		return -ENOMEM;
	}
	in->handlers = *h;
	in->address.sun_family = AF_UNIX;
	memcpy(in->address.sun_path, path, strlen(path));
	r = make_socket(&in->address, &in->st, &fd);
	if (r) {
		free(in);
		return r;
	}
	(void)uv_pipe_init(loop, &in->listener, 0);	/* these two cannot fail */
	(void)uv_idle_init(loop, &in->turn);
	in->listener.data = in->turn.data = in;
	in->n_open = 2;
	r = listen_on(in, fd);
	if (r) {
		inquiry_free(in);
		return r;
	}
	*ret = in;
	return 0;
}

const char *inquiry_strerror(int r)
{
	return r == INQUIRY_E_IN_USE	? "another process listens there" :
	       r == INQUIRY_E_NO_SOCKET ? "there is something that is not a socket" :
					  strerror(-r);
}

struct inquiry *inquiry_free(struct inquiry *in)
{
	if (!in) {
		return NULL;
	}
	remove_socket(in);
	in->closing = true;
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (in->peers[i].used) {
			close_peer(&in->peers[i]);
		}
	}
	uv_close((uv_handle_t *)&in->listener, on_closed);
	uv_close((uv_handle_t *)&in->turn, on_closed);
	return NULL;
}
