/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Landlock says which files, seccomp which system calls, and each covers the other's gaps:
 *
 * - Landlock sees no address family, and learnt TCP with Linux 6.7: seccomp allows the front end only
 *   Unix sockets, the daemon these and UDP and TCP, for it asks name servers. seccomp sees no path and
 *   no address behind a pointer: that is Landlock's.
 * - A listener can be made to connect: connect(2) to AF_UNSPEC, then to anywhere. The second is
 *   refused by Landlock from ABI 4 on. MSG_FASTOPEN connects behind Landlock's back, therefore no
 *   send may have it. Below Linux 6.7 the first way stays open to who has taken over the process.
 * - No Landlock up to ABI 8 governs connecting to a Unix socket that has a path. The daemon, syslog
 *   and the service manager are reached so; their permissions, and others', have to hold.
 * - The daemon and those who read for it may read everything: homes are mounted late and moved, and a
 *   rule holds for the directory that is there when it is made. What they may read, the one
 *   capability says.
 * - stat(2) is not Landlock's business either: whether a file exists can be found out. */

#include "service/sandbox.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Headers are often older than the kernel. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

#define FS_ABI_1 (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1) /* the first thirteen rights */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Renaming within one directory needs no REFER, and new files no TRUNCATE. */
#define FS_REPLACE                                                               \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* What the daemon does with its files: also links, a socket and a directory (splice.h, inquiry.h, compile.h).
 * No REFER: all of it stays within one directory. */
#define FS_MAKE                                                                          \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |                   \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                    \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* As struct landlock_ruleset_attr has been since ABI 6. Older kernels take it when what they do not
 * know is 0. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static const char *culprit; /* a process has one sandbox */

const char *sandbox_culprit(void)
{
	return culprit;
}

/* The kernel's Landlock, 0 when it has none: not built in, not enabled at boot, or hidden by a
 * container's filter that does not know it. */
static int landlock_abi(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (r < 0 && errno != ENOSYS && errno != EOPNOTSUPP && errno != EPERM) {
		return -errno;
	}
	return r < 0 ? 0 : (int)r;
}

/* A service manager may listen on an abstract socket, which can be left out only with all. */
static bool notify_is_abstract(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && *path == '@';
}

/* Handled is what is refused where no rule allows it. No rule ever allows TCP. */
static struct ruleset handled(enum sandbox_kind kind, int abi)
{
	struct ruleset h = { .fs = kind == SANDBOX_FRONT_END ? FS_ABI_1 : FS_ABI_1 & ~FS_READ };

	if (kind == SANDBOX_COMMAND) {	/* a shell, what it runs, and their pipes */
		h.fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	}

	if (abi >= 2) {
		h.fs |= LANDLOCK_ACCESS_FS_REFER;
	}
	if (abi >= 3) {
		h.fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	}
	if (abi >= 4) {
		h.net = LANDLOCK_ACCESS_NET_BIND_TCP;
		h.net |= kind == SANDBOX_DAEMON ? 0 : LANDLOCK_ACCESS_NET_CONNECT_TCP;
	}
	if (abi >= 5) {
		h.fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	}
	if (abi >= 6) {
		h.scoped = LANDLOCK_SCOPE_SIGNAL;
		h.scoped |= notify_is_abstract() ? 0 : LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	}
	return h;
}

/* With ruleset -1 only looks whether they are directories: a mistake is one on every kernel. */
static int allow_below(int ruleset, const char *const *dirs, size_t n, uint64_t access)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(close_fdp) int dir = open(dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct landlock_path_beneath_attr rule = { .allowed_access = access };

		culprit = dirs[i];
		if (dir < 0) {
			return -errno;
		}
		rule.parent_fd = dir;
		if (ruleset >= 0 && syscall(SYS_landlock_add_rule, ruleset,
					    LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0) {
			return -errno;
		}
	}
	culprit = NULL;
	return 0;
}

static int close_files(enum sandbox_kind kind, const struct sandbox_paths *p)
{
	uint64_t writing = kind == SANDBOX_FRONT_END ? FS_REPLACE : FS_MAKE;
	_cleanup_(close_fdp) int ruleset = -1;
	int abi, r;

	abi = landlock_abi();
	if (abi < 0) {
		return abi;
	}
	if (abi) {
		struct ruleset h = handled(kind, abi);

		writing &= h.fs;	/* a right that this kernel does not know */

		ruleset = (int)syscall(SYS_landlock_create_ruleset, &h, sizeof(h), 0);
		if (ruleset < 0) {
			return -errno;
		}
	}
	r = allow_below(ruleset, p->readable, p->n_readable, FS_READ);
	if (r) {
		return r;
	}
	r = allow_below(ruleset, p->writable, p->n_writable, writing);
	if (r) {
		return r;
	}
	if (!abi) {
		return SANDBOX_E_NO_LANDLOCK;
	}
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

/* Memory holds keys and tokens: no core file of it, and nobody else under our user looks into it. */
static int close_memory(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		return -errno;
	}
	return 0;
}

int sandbox_close(enum sandbox_kind kind, const struct sandbox_paths *p)
{
	int without_landlock, r;

	culprit = NULL;
	tzset(); /* syslog(3) and HTTP's Date ask for it, and it is a file */
	r = close_memory();
	if (r) {
		return r;
	}
	/* Without it neither of the two can be had by a process that has no capabilities. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return -errno;
	}
	without_landlock = close_files(kind, p);
	if (without_landlock < 0) {
		return without_landlock;
	}
	if (kind == SANDBOX_COMMAND) {
		return without_landlock;
	}
	r = sandbox_close_calls(kind); /* last: it forbids all of the above */
	return r ? r : without_landlock;
}
