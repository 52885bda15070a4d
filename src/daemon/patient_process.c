/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/patient_impl.h"

#include "base/cleanup.h"
#include "daemon/child.h"
#include "daemon/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { INOTIFY_FD = CHILD_SOCKET + 1 };

static void read_file(const struct patient_question *q, struct source_file *f, struct patient_answer *ret)
{
	struct pattern pattern = { 0 };
	const struct source_place place = {
		.pattern = &pattern,
		.pattern_number = q->pattern_number,
		.user_name = q->user_name,
		.account = q->account,
		.front_end = q->front_end,
		.size_max = q->size_max,
		.inotify_fd = INOTIFY_FD,
		.marks = &ret->marks,
		.patient = true,
	};

	ret->outcome = pattern_parse(q->pattern, strlen(q->pattern), &pattern) ?
			       -ENOMEM : source_read(&place, q->known, f);
	pattern_deinit(&pattern);
	ret->n_text = ret->outcome ? 0 : f->text.len;
	ret->time = f->time;
	ret->print = f->print;
	ret->flags = (f->quotable ? PATIENT_QUOTABLE : 0u) | (f->from_front_end ? PATIENT_FROM_FRONT_END : 0u) |
		     (f->by_link ? PATIENT_BY_LINK : 0u);
	memcpy(ret->why, f->why, sizeof(ret->why));
}

static bool answer(const struct patient_answer *a, const struct source_file *f)
{
	bool sent = send(CHILD_SOCKET, a, sizeof(*a), MSG_NOSIGNAL) == sizeof(*a);

	for (size_t at = 0; sent && at < a->n_text; at += PATIENT_PART) {
		size_t n = a->n_text - at < PATIENT_PART ? a->n_text - at : PATIENT_PART;

		sent = send(CHILD_SOCKET, f->text.data + at, n, MSG_NOSIGNAL) == (ssize_t)n;
	}
	return sent;
}

static _Noreturn void serve(void)
{
	struct source_file f = { 0 };
	struct patient_question q;

	while (recv(CHILD_SOCKET, &q, sizeof(q), 0) == sizeof(q)) {
		struct patient_answer a = { 0 };

		read_file(&q, &f, &a);
		if (!answer(&a, &f)) {
			break;
		}
	}
	_exit(0);
}

/* Takes the two descriptors of a packet. false: there is no more. */
static bool receive(int ret[2])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	char byte;
	struct iovec bytes = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;

	do {
		message.msg_controllen = sizeof(control);
		if (recvmsg(CHILD_SOCKET, &message, MSG_CMSG_CLOEXEC) <= 0) {
			return false;
		}
		c = CMSG_FIRSTHDR(&message);
	} while (!c || c->cmsg_len != CMSG_LEN(2 * sizeof(int)));	/* more descriptors than we may have */
	memcpy(ret, CMSG_DATA(c), 2 * sizeof(int));
	return true;
}

/* Only these stay open. */
static bool keep(int socket, int inotify)
{
	int high = fcntl(inotify, F_DUPFD_CLOEXEC, INOTIFY_FD + 1);

	return high >= 0 && dup2(socket, CHILD_SOCKET) >= 0 && dup2(high, INOTIFY_FD) >= 0 &&
	       !syscall(SYS_close_range, INOTIFY_FD + 1u, ~0u, 0u);
}

void patient_process(int socket)
{
	int fds[2];

	(void)signal(SIGCHLD, SIG_IGN);		/* nobody waits for those who may never end */
	if (child_settle(socket, "dnsu-patient") || confine_mother()) {
		_exit(111);
	}
	while (receive(fds)) {
		if (!fork()) {
			if (!keep(fds[0], fds[1]) || confine_reader()) {
				_exit(111);
			}
			serve();
		}
		close_fd(fds[0]);	/* where there is no process, the daemon sees the end of it */
		close_fd(fds[1]);
	}
	_exit(0);
}
