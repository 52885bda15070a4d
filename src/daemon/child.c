/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/child.h"

#include "base/cleanup.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int child_fork(pid_t *ret_pid, int *ret_socket)
{
	int pair[2], e;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return -errno;
	}
	*ret_pid = fork();
	e = *ret_pid < 0 ? -errno : 0;
	close_fd(*ret_pid ? pair[1] : pair[0]);
	*ret_socket = *ret_pid ? pair[0] : pair[1];
	if (e) {
		close_fd(pair[0]);
	}
	return e;
}

int child_settle(int socket, const char *name)
{
	(void)prctl(PR_SET_NAME, name);	/* nothing depends on it */
	/* The service manager may signal every process: only the daemon's end ends us, and what runs
	 * until then is let finish. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Nothing of the daemon's stays open here, its lock least of all. */
	if (dup2(socket, CHILD_SOCKET) < 0 || syscall(SYS_close_range, CHILD_SOCKET + 1u, ~0u, 0u) < 0 ||
	    chdir("/") < 0) {
		return -errno;
	}
	return 0;
}
