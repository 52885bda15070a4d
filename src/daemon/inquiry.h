/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The socket on which the front end asks what the daemon knows. A stream of lines, answered one by
 * one and in their order:
 *
 *	has USER	ok N		and N bytes: the addresses that this user has, as an address
 *					file with a line for each of his names
 *			unknown		nothing is known of this user yet
 *			error no such user
 *			error too long	it would be more than INQUIRY_REPLY_MAX bytes
 *	anything else	error not a question
 *
 * After "error not a question" the connection ends. So does one of an account that may not ask, after
 * "error not permitted", which can still be read when writing to it fails already; one that is one
 * too many, without a word; and one on which too many answers wait to be read. */

#include "base/buf.h"
#include "service/inquiry_max.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct inquiry;
struct uv_loop_s;

struct inquiry_handlers {
	/* Whether this account may ask, beside root and our own. */
	bool (*may_ask)(void *arg, uid_t uid);
	/* Appends the answer on the user whose name is these n bytes, whatever they are. */
	void (*has)(void *arg, const char *user, size_t n, struct buf *reply);
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

/* The socket is gone at once, the memory when the loop has run once more; no handler is called after
 * this. */
struct inquiry *inquiry_free(struct inquiry *in);
