/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/stranger.h"

#include <errno.h>
#include <sys/socket.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83	/* from Linux 6.16 */
#endif

void stranger_listen(int fd)
{
	const int off = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

void stranger_accept(int fd)
{
	const int on = 1;

	/* Else it is passed over by who looks, and dropped by who reads. */
	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));	/* cannot fail */
}

ssize_t stranger_peek(int fd, void *room, size_t n)
{
	struct iovec bytes = { room, n };
	struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1 };
	ssize_t got = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);

	return got < 0 ? -errno : m.msg_flags & MSG_CTRUNC ? -EBADMSG : got;
}

bool stranger_may_close(int fd)
{
	char bytes[16 * 1024];
	ssize_t n;

	(void)shutdown(fd, SHUT_RD);	/* the other side may be gone */
	do {
		n = stranger_peek(fd, bytes, sizeof(bytes));
	} while (n > 0 && recv(fd, bytes, (size_t)n, MSG_DONTWAIT) > 0);
	return n != -EBADMSG;
}
