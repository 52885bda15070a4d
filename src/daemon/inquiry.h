/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The socket on which the front end, users and operators ask what the daemon knows. A stream of lines:
 *
 *	has USER		ok N		and N bytes: the addresses that this user has, as an
 *						address file with a line for each of his names
 *				unknown		nothing is known of this user yet
 *	status FORM [USER]	ok N		and N bytes: what there is to say of this user, or of the
 *						whole; FORM is text, for people, or json
 *	wait ID USER		waited ID WORD TEXT
 *						once it is known what became of what the user's file said
 *						when this was asked, or says since; ID is a number of the
 *						asker's, TEXT says it for people. WORD is
 *			published		everywhere
 *			refused			it is not a file that is taken; the last addresses stay
 *			failed			published nowhere; it is tried again
 *			partly			published at some outputs; others fail, and try again
 *			error			TEXT is one of the errors below, or "too many wait"
 *	forget ID				no answer, and none to that wait any more
 *	anything else		error not a question
 *
 * has and status are answered in their order, and besides by
 *
 *	error not permitted	who is neither root, nor ourselves, nor the front end, nor a member of our
 *				group, may ask only about the user whose account is his
 *	error no such user
 *	error too long		it would be more than INQUIRY_REPLY_MAX bytes
 *
 * After "error not a question" and "error not permitted" the connection ends. It is closed without a word
 * when it is one too many of its kind or account, when too many answers wait to be read, or when an
 * ordinary user's has been idle for long, or for the longest when another one's has no place. What waits when the
 * asker closes his direction is forgotten. */

#include "base/buf.h"
#include "service/inquiry_max.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct inquiry;
struct uv_loop_s;

/* A user's name is n bytes at user, whatever they are. */
struct inquiry_handlers {
	bool (*is_front_end)(void *arg, uid_t uid);
	/* Whether this is the user's account. */
	bool (*is_account)(void *arg, uid_t uid, const char *user, size_t n);
	/* Append the whole answer. user NULL: on everything. */
	void (*has)(void *arg, const char *user, size_t n, struct buf *reply);
	void (*status)(void *arg, bool json, const char *user, size_t n, struct buf *reply);
	/* Somebody is going to wait: what the user wrote before is to be seen. */
	void (*look)(void *arg, const char *user, size_t n);
	/* Appends "WORD TEXT"; false: it is not known yet. */
	bool (*judge)(void *arg, const char *user, size_t n, struct buf *reply);
	void *arg;
};

enum {
	INQUIRY_E_IN_USE = 1,	/* another process listens there */
	INQUIRY_E_NO_SOCKET,	/* what stands in its place is something else, and left there */
};

/* Listens at this path; a socket that nobody listens at any more is replaced. Returns 0, INQUIRY_E_*
 * or a negative errno. */
int inquiry_new(struct uv_loop_s *loop, const char *path, const struct inquiry_handlers *h,
		struct inquiry **ret);

/* Why inquiry_new failed, for messages. */
const char *inquiry_strerror(int r);

/* Answers those who wait, as far as judge knows; all false: only those who have asked since the last time.
 * To be called before the loop waits. */
void inquiry_judge(struct inquiry *in, bool all);

/* The socket is gone at once, the memory when the loop has run once more; no handler is called after
 * this. */
struct inquiry *inquiry_free(struct inquiry *in);
