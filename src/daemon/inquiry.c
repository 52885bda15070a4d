/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/inquiry.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quota.h"
#include "core/text.h"
#include "daemon/stranger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

/* Anybody may connect, for who asks is known only then. So connections have places of their own, made
 * beforehand: when all are taken, libuv is left with the next one and does not accept more, and
 * accepting never fails for want of memory. Each kind of asker has its share of them, and never takes
 * another's; those that are one too many are closed in the next turn of the loop. */
enum kind { KIND_USER, KIND_GROUP, KIND_ROOT, KIND_FRONT_END, N_KINDS };

enum {
	USERS_MAX = 256, GROUP_MAX = 32, ROOT_MAX = 64, FRONT_END_MAX = 16,
	PEERS_MAX = USERS_MAX + GROUP_MAX + ROOT_MAX + FRONT_END_MAX + 32,
	BACKLOG = 64,
	WAITS_MAX = 4096,		/* of a front end, which may also be run by our own account */
	QUESTION_MAX = 256,		/* bytes, without the newline */
	TEXT_SIZE = 4 * QUESTION_MAX,
	ID_MAX = 20,			/* digits */
	SAID_MS = 60 * 1000,
	IDLE_MS = 10 * 1000,		/* without a question: of ordinary users */
	IDLE_LOOK_MS = 1000,
};

static const struct {
	unsigned places, each;	/* connections: of all, and of one account */
	unsigned waits;		/* of one connection */
	unsigned turn;		/* questions of one connection in one turn of the loop */
	size_t queued;		/* bytes of answers before the next question is taken */
	bool may_idle;
} limits[N_KINDS] = {
	[KIND_USER] = { USERS_MAX, 4, 1, 1, (size_t)256 << 10, false },
	[KIND_GROUP] = { GROUP_MAX, 8, 1, 8, (size_t)256 << 10, true },
	[KIND_ROOT] = { ROOT_MAX, ROOT_MAX, WAITS_MAX, 8, (size_t)256 << 10, true },
	[KIND_FRONT_END] = { FRONT_END_MAX, FRONT_END_MAX, WAITS_MAX, 8, (size_t)4 << 20, true },
};

_Static_assert(TEXT_SIZE > QUESTION_MAX, "there is room behind what is not yet a line");

struct peer {
	uv_pipe_t pipe;
	struct inquiry *inquiry;
	uid_t uid;
	enum kind kind;
	bool used;
	bool held;		/* has more questions than one turn takes; not read from meanwhile */
	bool ending;		/* asks nothing any more; closed when its answers are written */
	bool tainted;		/* there is something that we must not let go of (stranger.h): it stays as it is */
	unsigned n_writes, n_waits;
	uint64_t asked_ms;	/* its last question, or the answer that it waited for */
	struct buf waited;	/* answers of this turn */
	size_t n;
	char *text;		/* TEXT_SIZE bytes; NULL: it is not served */
};

/* Somebody waits for an answer. */
struct wait {
	struct wait *next, **at;
	struct peer *peer;
	char id[ID_MAX + 1];
	size_t n;
	char user[];
};

struct inquiry {
	uv_pipe_t listener;
	uv_idle_t turn;		/* while somebody is held */
	uv_timer_t idle_timer;	/* while there is a peer that may not idle */
	struct inquiry_handlers handlers;
	struct sockaddr_un address;
	struct stat st;		/* of the socket's file */
	struct peer peers[PEERS_MAX];
	unsigned n_open;	/* handles, of all kinds */
	struct wait *waits, **last_wait;	/* the new ones are the last */
	struct wait *first_new;
	bool waiting;		/* a connection has no place yet */
	struct quota said, said_tainted;	/* refusals, in the log */
};

struct answer {
	uv_write_t request;
	struct buf text;
};

static void on_written(uv_write_t *request, int status);

/* --- the ends --- */

/* -1: there is none, which every call on it says. */
static int descriptor_of(const void *handle)
{
	uv_os_fd_t fd;

	return uv_fileno(handle, &fd) ? -1 : fd;
}

static void closed_one(struct inquiry *in)
{
	if (!--in->n_open) {
		free(in);
	}
}

static void accept_next(struct inquiry *in);

static void wait_free(struct wait *w)
{
	struct inquiry *in = w->peer->inquiry;

	if (in->first_new == w) {
		in->first_new = w->next;
	}
	*w->at = w->next;
	*(w->next ? &w->next->at : &in->last_wait) = w->at;
	w->peer->n_waits--;
	free(w);
}

static void forget_waits(struct peer *p)
{
	struct wait *w = p->inquiry->waits;

	while (p->n_waits) {
		struct wait *next = w->next;

		if (w->peer == p) {
			wait_free(w);
		}
		w = next;
	}
}

static void on_peer_closed(uv_handle_t *handle)
{
	struct peer *p = handle->data;
	struct inquiry *in = p->inquiry;

	p->used = false;
	free(p->text);
	p->text = NULL;
	if (in->waiting && !uv_is_closing((uv_handle_t *)&in->listener)) {
		accept_next(in);
	}
	closed_one(in);
}

/* Asks nothing any more, and waits for nothing. */
static void silence(struct peer *p)
{
	p->ending = true;
	p->held = false;
	forget_waits(p);
	buf_deinit(&p->waited);
}

/* Keeps its place, for that is all that can be done. */
static void taint(struct peer *p)
{
	struct inquiry *in = p->inquiry;
	unsigned left_out;

	silence(p);
	p->tainted = true;
	(void)uv_read_stop((uv_stream_t *)&p->pipe);	/* cannot fail */
	if (quota_take(&in->said_tainted, uv_now(in->listener.loop), 1, SAID_MS, &left_out)) {
		log_warning("uid %u sends descriptors to '%s', which only the end of dns-updater may close: keeping "
			    "his connection", (unsigned)p->uid, in->address.sun_path);
	}
}

static void close_peer(struct peer *p)
{
	if (p->tainted || uv_is_closing((uv_handle_t *)&p->pipe)) {
		return;
	}
	if (!stranger_may_close(descriptor_of(&p->pipe))) {
		taint(p);
		return;
	}
	silence(p);
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

/* Its descriptor goes with the process. */
static void leave_open(const uv_pipe_t *pipe)
{
	(void)fcntl(descriptor_of(pipe), F_DUPFD_CLOEXEC, 0);	/* else the end may take longer */
}

/* No more questions; the answers are still written. */
static void end_peer(struct peer *p)
{
	silence(p);
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
	uv_buf_t bytes = uv_buf_init(text->data, (unsigned)text->len);

	if (a) {
		a->text = *text;
		a->request.data = a;
	}
	if (!a || uv_write(&a->request, (uv_stream_t *)&p->pipe, &bytes, 1, on_written)) {
		buf_deinit(text);	/* better no answer than part of one */
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

/* --- permission --- */

static bool may_ask(const struct peer *p, struct text user)
{
	const struct inquiry_handlers *h = &p->inquiry->handlers;

	return p->kind != KIND_USER || (user.at && h->is_account(h->arg, p->uid, user.at, user.n));
}

static void say_refused(struct peer *p)
{
	struct inquiry *in = p->inquiry;
	unsigned left_out;

	if (quota_take(&in->said, uv_now(in->listener.loop), 1, SAID_MS, &left_out)) {
		log_warning("refusing questions of uid %u on '%s': only root, the front end and our "
			    "group may ask about others, as accounts were at the last start or reload",
			    (unsigned)p->uid, in->address.sun_path);
	}
}

/* --- those who wait --- */

static void add_wait_error(struct buf *b, struct text id, const char *why)
{
	buf_adds(b, "waited ");
	buf_add(b, id.at, id.n);
	buf_printf(b, " error %s\n", why);
}

static void begin_wait(struct peer *p, struct text id, struct text user)
{
	struct inquiry *in = p->inquiry;
	struct buf text = { 0 };
	struct wait *w;

	if (p->n_waits == limits[p->kind].waits) {
		add_wait_error(&text, id, "too many wait");
		send_answer(p, &text);
		return;
	}
	w = calloc(1, sizeof(*w) + user.n);
	if (!w) {
		close_peer(p);
		return;
	}
	memcpy(w->id, id.at, id.n);
	memcpy(w->user, user.at, user.n);
	w->n = user.n;
	w->peer = p;
	w->at = in->last_wait;
	*w->at = w;
	in->last_wait = &w->next;
	in->first_new = in->first_new ? in->first_new : w;
	p->n_waits++;
	in->handlers.look(in->handlers.arg, w->user, w->n);
}

static void forget(struct peer *p, struct text id)
{
	for (struct wait *w = p->inquiry->waits; w && p->n_waits; w = w->next) {
		if (w->peer == p && text_is(id, w->id)) {
			wait_free(w);
			return;
		}
	}
}

static void judge(struct wait *w)
{
	const struct inquiry_handlers *h = &w->peer->inquiry->handlers;
	struct buf *b = &w->peer->waited;
	size_t before = b->len;

	buf_printf(b, "waited %s ", w->id);
	if (h->judge(h->arg, w->user, w->n, b)) {
		buf_adds(b, "\n");
		w->peer->asked_ms = uv_now(w->peer->pipe.loop); /* he may ask for more of it */
		wait_free(w);
	} else if (!b->failed) {
		b->len = before;
	}
}

void inquiry_judge(struct inquiry *in, bool all)
{
	struct wait *w = all ? in->waits : in->first_new;

	in->first_new = NULL;
	if (!w) {
		return;
	}
	while (w) {
		struct wait *next = w->next;

		judge(w);
		w = next;
	}
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &in->peers[i];

		if (p->used && !p->ending && (p->waited.len || p->waited.failed)) {
			struct buf text = p->waited;

			p->waited = (struct buf){ 0 };
			send_answer(p, &text);
		}
	}
}

/* --- questions --- */

enum verb { HAS, STATUS, WAIT, FORGET, NONE };

struct question {
	enum verb verb;
	bool json;
	struct text id, user;	/* user.at NULL: the whole */
};

static struct text take_word(struct text *t)
{
	const char *blank = memchr(t->at, ' ', t->n);
	struct text word = { t->at, blank ? (size_t)(blank - t->at) : t->n };

	t->at = blank ? blank + 1 : NULL;
	t->n = blank ? t->n - word.n - 1 : 0;
	return word;
}

static bool is_id(struct text t)
{
	for (size_t i = 0; i < t.n; i++) {
		if (t.at[i] < '0' || t.at[i] > '9') {
			return false;
		}
	}
	return t.n && t.n <= ID_MAX;
}

/* What stands behind the last blank that a form has is a user's name, whatever it is. */
static struct question parse(struct text line)
{
	static const char *const verbs[] = {
		[HAS] = "has", [STATUS] = "status", [WAIT] = "wait", [FORGET] = "forget",
	};
	struct question q = { .verb = HAS };
	struct text verb = take_word(&line), form = { 0 };

	while (q.verb < NONE && !text_is(verb, verbs[q.verb])) {
		q.verb++;
	}
	if (q.verb == STATUS && line.at) {
		form = take_word(&line);
		q.json = text_is(form, "json");
	} else if ((q.verb == WAIT || q.verb == FORGET) && line.at) {
		q.id = take_word(&line);
	}
	q.user = line;
	if ((q.user.at ? !q.user.n || q.verb == FORGET : q.verb == HAS || q.verb == WAIT) ||
	    (q.verb == STATUS && !q.json && !text_is(form, "text")) ||
	    ((q.verb == WAIT || q.verb == FORGET) && !is_id(q.id))) {
		q.verb = NONE;
	}
	return q;
}

static void refuse(struct peer *p, const struct question *q)
{
	struct buf text = { 0 };

	say_refused(p);
	if (q->verb == WAIT) {
		add_wait_error(&text, q->id, "not permitted");
		send_answer(p, &text);
		end_peer(p);
	} else {
		send_last(p, "error not permitted\n");
	}
}

static void answer(struct peer *p, struct text line)
{
	const struct inquiry_handlers *h = &p->inquiry->handlers;
	struct question q = parse(line);
	struct buf text = { 0 };

	if (q.verb == NONE) {
		send_last(p, "error not a question\n");
	} else if (uv_stream_get_write_queue_size((uv_stream_t *)&p->pipe) >
		   limits[p->kind].queued) {
		close_peer(p);
	} else if (q.verb == FORGET) {
		forget(p, q.id);
	} else if (!may_ask(p, q.user)) {
		refuse(p, &q);
	} else if (q.verb == WAIT) {
		begin_wait(p, q.id, q.user);
	} else {
		if (q.verb == HAS) {
			h->has(h->arg, q.user.at, q.user.n, &text);
		} else {
			h->status(h->arg, q.json, q.user.at, q.user.n, &text);
		}
		send_answer(p, &text);
	}
}

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
	p->asked_ms = uv_now(p->pipe.loop);
	answer(p, (struct text){ p->text, n });
	p->n -= n + 1;
	memmove(p->text, newline + 1, p->n);
	return true;
}

static void on_turn(uv_idle_t *idle);

/* As many questions as one turn takes; one peer's thousands must not keep the loop from the rest. */
static void take_questions(struct peer *p)
{
	unsigned n = 0, max = limits[p->kind].turn;

	while (n < max && !p->ending && take_question(p)) {
		n++;
	}
	if (n == max && !p->ending) {
		p->held = true;
		(void)uv_read_stop((uv_stream_t *)&p->pipe);	/* cannot fail */
		(void)uv_idle_start(&p->inquiry->turn, on_turn);	/* only without a callback */
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct peer *p = handle->data;
	ssize_t n = stranger_peek(descriptor_of(handle), p->text + p->n, TEXT_SIZE - p->n);

	(void)suggested;
	p->tainted = n == -EBADMSG;
	/* What was not looked at is not read. The end, and other errors, are told by reading. */
	*ret = uv_buf_init(p->text + p->n, n > 0 ? (unsigned)n : n != -EBADMSG && n != -EAGAIN);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;

	(void)buf;	/* it is in p->text */
	if (n == UV_ENOBUFS) {
		if (p->tainted) {
			taint(p);
		}
	} else if (n == UV_EOF) {
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

static bool is_in_group(int fd, gid_t group)
{
	_cleanup_(free_ptr) gid_t *groups = NULL;
	socklen_t n = 0;

	/* With no room it says how much is needed; then nothing can change any more. */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &n) || errno != ERANGE) {
		return false;
	}
	groups = malloc(n);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0) {
		return false;
	}
	for (size_t i = 0; i < n / sizeof(*groups); i++) {
		if (groups[i] == group) {
			return true;
		}
	}
	return false;
}

/* false: it cannot be told. */
static bool find_kind(struct peer *p)
{
	const struct inquiry_handlers *h = &p->inquiry->handlers;
	struct ucred who;
	socklen_t n = sizeof(who);
	int fd = descriptor_of(&p->pipe);

	stranger_accept(fd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0) {
		return false;
	}
	p->uid = who.uid;
	p->kind = !who.uid || who.uid == geteuid()     ? KIND_ROOT :
		  h->is_front_end(h->arg, who.uid)      ? KIND_FRONT_END :
		  who.gid == getegid() ||
				  is_in_group(fd, getegid()) ? KIND_GROUP :
							       KIND_USER;
	return true;
}

static void on_idle_timer(uv_timer_t *timer)
{
	struct inquiry *in = timer->data;
	uint64_t now = uv_now(timer->loop);
	bool any = false;

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &in->peers[i];

		if (!p->used || p->tainted || limits[p->kind].may_idle) {
			continue;
		}
		any = true;
		if (!p->n_waits && now - p->asked_ms >= IDLE_MS) {
			close_peer(p);
		}
	}
	if (!any) {
		(void)uv_timer_stop(timer);	/* cannot fail */
	}
}

/* Whether there are not too many of its kind or account yet. A user may have thousands of accounts, subuid(5): so where
 * his kind has no place left, who has been idle for the longest gives way. Who waits for something is not idle. */
static bool take_place(const struct peer *p)
{
	unsigned n_kind = 0, n_account = 0;
	struct peer *idlest = NULL;

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *other = &p->inquiry->peers[i];

		if (!other->text || uv_is_closing((const uv_handle_t *)&other->pipe)) {
			continue;
		}
		n_account += other->uid == p->uid;
		if (other->kind != p->kind) {
			continue;
		}
		n_kind++;
		if (!limits[other->kind].may_idle && !other->n_waits && !other->tainted &&
		    (!idlest || other->asked_ms < idlest->asked_ms)) {
			idlest = other;
		}
	}
	if (n_account >= limits[p->kind].each) {
		return false;
	}
	if (n_kind < limits[p->kind].places) {
		return true;
	}
	if (idlest) {
		close_peer(idlest);
	}
	return idlest;
}

/* false: it is closed at once. */
static bool serve(struct peer *p)
{
	struct inquiry *in = p->inquiry;

	if (!take_place(p)) {
		return false;
	}
	p->text = malloc(TEXT_SIZE);
	if (!p->text || uv_read_start((uv_stream_t *)&p->pipe, on_room, on_read)) {
		return false;
	}
	p->asked_ms = uv_now(in->listener.loop);
	if (!limits[p->kind].may_idle && !uv_is_active((uv_handle_t *)&in->idle_timer)) {
		(void)uv_timer_start(&in->idle_timer, on_idle_timer, IDLE_LOOK_MS, IDLE_LOOK_MS);
	}
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
	if (r || !find_kind(p) || !serve(p)) {
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
	stranger_listen(fd);
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
	(void)uv_pipe_init(loop, &in->listener, 0);	/* these cannot fail */
	(void)uv_idle_init(loop, &in->turn);
	(void)uv_timer_init(loop, &in->idle_timer);
	in->listener.data = in->turn.data = in->idle_timer.data = in;
	in->last_wait = &in->waits;
	in->n_open = 3;
	r = uv_pipe_open(&in->listener, fd);
	if (r) {
		close_fd(fd);
	} else {
		r = uv_listen((uv_stream_t *)&in->listener, BACKLOG, on_connection);
	}
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
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &in->peers[i];

		if (p->used) {
			close_peer(p);
		}
		if (p->used && p->tainted) {
			leave_open(&p->pipe);
			uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
		}
	}
	leave_open(&in->listener);	/* for those who were not accepted yet */
	uv_close((uv_handle_t *)&in->listener, on_closed);
	uv_close((uv_handle_t *)&in->turn, on_closed);
	uv_close((uv_handle_t *)&in->idle_timer, on_closed);
	return NULL;
}
