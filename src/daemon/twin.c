/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/twin.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The name of the file that is really meant. 0, -ENOENT where there is none yet, or another negative errno. */
static int name_it(const char *path, struct sockaddr_un *ret, socklen_t *ret_n)
{
	_cleanup_(free_ptr) char *real = realpath(path, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;
	struct stat st;
	int n;

	if (!slash) {
		return -errno;
	}
	*slash = '\0';
	if (stat(slash == real ? "/" : real, &st) < 0) {
		return -errno;
	}
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "dns-updater/%llx:%llx/%s",
		     (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, slash + 1);
	if (n >= (int)sizeof(ret->sun_path) - 1) {	/* the beginning of the name has to do */
		n = (int)sizeof(ret->sun_path) - 2;
	}
	*ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

/* Who listens there; 0: we ourselves, a stranger, or nobody can tell. A stranger's connection stays open, for he may have
 * sent what is not to be let go of (stranger.h). */
static pid_t whose(const struct sockaddr_un *name, socklen_t n)
{
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 || connect(fd, (const struct sockaddr *)name, n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		return 0;
	}
	if (peer.uid != geteuid()) {
		(void)steal_fd(&fd);
		return 0;
	}
	return peer.pid != getpid() ? peer.pid : 0;
}

int twin_claim(const char *path, pid_t *ret_pid)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un name;
	socklen_t n = 0;
	pid_t pid;
	int r = name_it(path, &name, &n);

	if (r) {
		return r == -ENOENT ? 0 : r;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	if (bind(fd, (const struct sockaddr *)&name, n) < 0) {
		if (errno != EADDRINUSE) {
			return -errno;
		}
		pid = whose(&name, n);
		if (!pid) {
			return 0;
		}
		*ret_pid = pid;
		return -EADDRINUSE;
	}
	if (listen(fd, SOMAXCONN) < 0) {
		return -errno;
	}
	(void)steal_fd(&fd);	/* open, and with it the name taken, until the process ends */
	return 0;
}
