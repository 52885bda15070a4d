/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "service/notify.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int ready_fd = -1;

int notify_init(int fd)
{
	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		return -errno;
	}
	ready_fd = fd;
	return 0;
}

/* A readiness that cannot be told shows as a start that times out: nothing to do here. */
void notify_state(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;
	size_t n = path ? strlen(path) : 0;

	if (!n || n >= sizeof(to.sun_path) || (*path != '/' && *path != '@')) {
		return;
	}
	memcpy(to.sun_path, path, n);
	if (*path == '@') {
		to.sun_path[0] = '\0';	/* abstract, unix(7) */
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	}
}

void notify_ready(void)
{
	ssize_t n;

	notify_state("READY=1");
	if (ready_fd >= 0) {
		do {
			n = write(ready_fd, "\n", 1);
		} while (n < 0 && errno == EINTR);
		ready_fd = close_fd(ready_fd);
	}
}
