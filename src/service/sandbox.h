/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What is left to the processes that take bytes from outside apart. None of them starts a program, makes a process
 * where that is not said, makes executable memory, traces, mounts, becomes somebody else, or has sockets but for
 * these: */

#include <stddef.h>

enum sandbox_kind {
	/* Takes requests apart: reads below a few directories, replaces files below a few others, accepts on the
	 * listeners that it has, and speaks to Unix sockets. */
	SANDBOX_FRONT_END,
	/* The daemon: reads everything, makes files below a few directories, listens on a Unix socket, and speaks to
	 * such, and by UDP and TCP to name servers. */
	SANDBOX_DAEMON,
	/* Reads for the daemon: reads everything, watches, and answers on the socket that it has. Makes no other, and
	 * nothing that has a name. */
	SANDBOX_READER,
	/* Makes readers: takes descriptors from the socket that it has, and forks. It may what they may, and they
	 * close theirs by sandbox_close_calls. */
	SANDBOX_MOTHER,
	/* Runs one program for the daemon: it writes below a few directories, and TCP is closed. Only Landlock, for
	 * what a program does is its own. */
	SANDBOX_COMMAND,
};

struct sandbox_paths {
	const char *const *readable; /* directories whose content may be read; of the front end only */
	size_t n_readable;
	const char *const *writable; /* in these files may be made, replaced and removed, too */
	size_t n_writable;
};

enum { SANDBOX_E_NO_LANDLOCK = 1 };

/* Who will close his sandbox does this before he makes a loop of libuv's: for the rest of the process's life there is no
 * io_uring, which no filter can look into. 0 or a negative errno. Sets no_new_privs. */
int sandbox_close_rings(void);

/* Closes the sandbox for the rest of the process's life. The caller has become its user and has
 * the capabilities that it keeps, has opened what it needs, and has no thread yet. Directories stand for all that
 * is below them, also for what comes there later; where a link leads out of them, the directory
 * that it leads to has to be named.
 *
 * What libraries load late they cannot load any more: no dlopen, NSS (getpwnam, getaddrinfo),
 * pthread_cancel (glibc loads libgcc for it), iconv. The time zone is read here.
 *
 * Returns 0, or SANDBOX_E_NO_LANDLOCK when the kernel has none: then file permissions alone say
 * what can be opened, and all the rest holds. Or a negative errno; the process must not go on. */
int sandbox_close(enum sandbox_kind kind, const struct sandbox_paths *p);

/* The system calls alone, of a process that was forked by one whose sandbox is closed: it has the rest from there, and
 * of the calls, too, what the other has not. 0 or a negative errno; the process must not go on. */
int sandbox_close_calls(enum sandbox_kind kind);

/* The directory that sandbox_close failed on, or NULL. Borrowed from its argument. */
const char *sandbox_culprit(void);
