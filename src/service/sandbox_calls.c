/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* seccomp: which system calls are left.
 *
 * A call that is not on the list fails with EPERM and the program goes on: libraries try things,
 * differently in every version, and have another way or report an error. ENOSYS for the few newer
 * calls where only that makes them take the other way. What no library of ours ever tries, and what
 * therefore says that somebody else is in control, kills the process. Opening a file is always on
 * the list, and fails with EACCES where Landlock refuses: glibc and GnuTLS look at files in passing.
 *
 * Filters add up: a child has what is on its parent's list and on its own. So the list of who makes readers holds
 * what they need, too.
 *
 * Where libc passes socket calls through socketcall(2) (glibc on i386), their arguments are in memory
 * and seccomp cannot see them: sockets of any family can be made, sends can connect, and only
 * Landlock stands before the rest of TCP. */

#include "service/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83	/* from Linux 6.16 */
#endif

#define N_OF(list) (sizeof(list) / sizeof(*(list)))

/* Names, not numbers: which of them exist depends on the architecture, and what the installed
 * libseccomp does not know is left out. */
static const char *const everybody[] = {
	/* files that are open, or that Landlock lets be opened */
	"open", "openat", "openat2", "close", "read", "readv", "pread64", "write", "writev", "lseek",
	"_llseek", "fstat", "fstat64", "newfstatat", "fstatat64", "stat", "stat64", "lstat",
	"lstat64", "statx",
	/* the socket that it has */
	"recv", "recvfrom",
	/* memory */
	"brk", "munmap", "mremap", "madvise",
	/* threads and signals */
	"futex", "futex_time64", "set_tid_address", "set_robust_list", "rseq", "sched_yield",
	"gettid", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack",
	"restart_syscall", "exit", "exit_group",
	/* clocks, chance, who we are */
	"clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
	"clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time",
	"getrandom", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32",
	"geteuid32", "getgid32", "getegid32", "getrusage", "getrlimit", "ugetrlimit", "uname"
};

/* Who runs a loop, replaces files, and speaks to many. */
static const char *const loops[] = {
	"pwrite64", "fsync", "fdatasync", "getdents", "getdents64", "rename", "renameat",
	"renameat2", "unlink", "dup", "dup2", "dup3",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "poll", "ppoll", "ppoll_time64", "eventfd2", "pipe", "pipe2",
	"timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime",
	"timerfd_gettime64",
	/* sockets */
	"connect", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "recvmsg",
	"shutdown",
	/* keys in memory; threads */
	"mlock", "munlock", "sched_getaffinity"
};

/* Who reads address files, and has them watched. */
static const char *const readers[] = { "inotify_add_watch", "fstatfs", "fstatfs64" };

/* Who makes readers of the descriptors that come. */
static const char *const mothers[] = { "recvmsg", "fork", "dup2", "dup3", "close_range" };

/* The daemon watches, makes files as they were made before (splice.h), listens on a socket, and waits for its
 * helpers at the end. */
static const char *const daemons[] = {
	"inotify_init1", "inotify_rm_watch", "name_to_handle_at", "readlink", "readlinkat",
	"statfs", "statfs64", "access", "faccessat", "setpriority",
	"sysinfo", "link", "linkat", "mkdir", "mkdirat", "fchmod", "fchmodat", "chmod", "fchown", "fchown32", "ftruncate",
	"ftruncate64", "fallocate", "copy_file_range", "sendfile", "sendfile64", "utimensat",
	"utimensat_time64", "fgetxattr", "fsetxattr", "flistxattr", "fremovexattr", "umask",
	"bind", "listen", "socketpair", "wait4", "waitid", "waitpid"
};

static const char *const absent[] = {
	/* clone3(2) has its flags in memory; without it libcs use clone. libuv asks for io_uring. */
	"clone3", "faccessat2", "io_uring_enter", "io_uring_register", "io_uring_setup"
};

/* A reader leaves nothing of its mother's open, and closes more than she did. */
static const char *const absent_but_for_mothers[] = { "close_range" };
static const char *const deadly_but_for_mothers[] = { "seccomp" };

static const char *const deadly[] = {
	/* other programs, other processes' and the kernel's memory */
	"execve", "execveat", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_getfd", "kcmp", "bpf", "perf_event_open", "userfaultfd",
	"personality", "modify_ldt",
	/* what the file names mean */
	"mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fspick", "fsmount",
	"fsconfig", "mount_setattr", "pivot_root", "chroot", "setns", "unshare",
	/* the machine */
	"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
	"reboot", "swapon", "swapoff", "acct", "quotactl", "iopl", "ioperm", "add_key",
	"keyctl", "request_key",
	/* who we are */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
	"setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32", "setresgid32",
	"setgroups32", "capset"
};

/* The C types are int where we compare: what is above the 32 bits is not looked at. */
#define IS(arg, value)                                         \
	{                                                      \
		(arg), SCMP_CMP_MASKED_EQ, UINT32_MAX, (value) \
	}
#define NONE_OF(arg, bits)                           \
	{                                            \
		(arg), SCMP_CMP_MASKED_EQ, (bits), 0 \
	}

/* Old 32-bit calls take their arguments in memory, where they cannot be checked. */
#if defined(SYS_mmap2)
#define MMAP "mmap2"
#elif defined(SYS_mmap)
#define MMAP "mmap"
#else
#error "without sys/syscall.h this does not know which of them there is"
#endif

#ifdef __s390x__
#define CLONE_ARG 1
#else
#define CLONE_ARG 0
#endif

/* What clone(2) has to have and what it must not have: it makes a thread of this process. */
#define CLONE_OF_THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_OTHERWISE                                                                     \
	(CLONE_VFORK | CLONE_PTRACE | CLONE_PARENT | CLONE_PIDFD | CLONE_IO | CLONE_NEWNS | \
	 CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |     \
	 CLONE_NEWNET)

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

/* With these arguments only; several lines of one call are alternatives. */
struct checked {
	const char *name;
	unsigned n;
	struct scmp_arg_cmp args[3];
};

/* On 32 bits there are two. */
#define FCNTL(command) { "fcntl", 1, { IS(1, (command)) } }, { "fcntl64", 1, { IS(1, (command)) } }

static const struct checked checked_everybody[] = {
	{ "send", 1, { NONE_OF(3, MSG_FASTOPEN) } },
	{ "sendto", 1, { NONE_OF(3, MSG_FASTOPEN) } },
	{ MMAP, 1, { NONE_OF(2, PROT_EXEC) } },
	{ "mprotect", 1, { NONE_OF(2, PROT_EXEC) } },
	/* Reads a limit of our own: the third argument is the new one. */
	{ "prlimit64", 2, { IS(0, 0), { 2, SCMP_CMP_EQ, 0, 0 } } },

	/* Of these only which call it is can be seen; most architectures have no socketcall. */
	{ "socketcall", 1, { IS(0, SYS_SEND) } },
	{ "socketcall", 1, { IS(0, SYS_SENDTO) } },
};

static const struct checked checked_loops[] = {
	{ "socket", 1, { IS(0, AF_UNIX) } },
	{ "sendmsg", 1, { NONE_OF(2, MSG_FASTOPEN) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_LINGER) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_RCVTIMEO) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_SNDTIMEO) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_RCVBUF) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_SNDBUF) } },
	{ "setsockopt", 2, { IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY) } },
	{ "setsockopt", 2, { IS(1, IPPROTO_TCP), IS(2, TCP_CORK) } },
	{ "setsockopt", 2, { IS(1, IPPROTO_TCP), IS(2, TCP_QUICKACK) } },
	{ "setsockopt", 2, { IS(1, IPPROTO_TCP), IS(2, TCP_USER_TIMEOUT) } },

	{ "socketcall", 1, { IS(0, SYS_SOCKET) } },
	{ "socketcall", 1, { IS(0, SYS_SENDMSG) } },
	{ "socketcall", 1, { IS(0, SYS_SETSOCKOPT) } },

	{ "unlinkat", 1, { IS(2, 0) } }, /* no AT_REMOVEDIR */
	{ "ioctl", 1, { IS(1, FIONREAD) } },
	{ "ioctl", 1, { IS(1, FIONBIO) } },
	{ "ioctl", 1, { IS(1, FIOCLEX) } },
	/* F_SETOWN and F_SETSIG would send signals to others. */
	FCNTL(F_DUPFD),
	FCNTL(F_DUPFD_CLOEXEC),
	FCNTL(F_GETFD),
	FCNTL(F_SETFD),
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),

	{ "clone",
	  1,
	  { { CLONE_ARG, SCMP_CMP_MASKED_EQ, CLONE_OF_THREAD | CLONE_OTHERWISE,
	      CLONE_OF_THREAD } } },
	{ "prctl", 1, { IS(0, PR_SET_NAME) } },
	{ "prctl", 1, { IS(0, PR_GET_NAME) } },
};

/* It forks, and a child loads its own filter. */
static const struct checked checked_mothers[] = {
	{ "clone", 1, { { CLONE_ARG, SCMP_CMP_MASKED_EQ, CLONE_OF_THREAD | CLONE_OTHERWISE, 0 } } },
	FCNTL(F_DUPFD_CLOEXEC),
	{ "seccomp", 1, { IS(0, SECCOMP_SET_MODE_FILTER) } },
};

#define SOCKET_TYPE 0xf		/* the flags are above it */
#define INTERNET(family, type, protocol)                                       \
	{                                                                      \
		"socket", 3,                                                   \
		{                                                              \
			IS(0, (family)),                                       \
			{ 1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, (type) },        \
			IS(2, (protocol))                      \
		}                                                              \
	}

static const struct checked checked_daemons[] = {
	INTERNET(AF_INET, SOCK_DGRAM, 0),
	INTERNET(AF_INET, SOCK_STREAM, 0),
	INTERNET(AF_INET6, SOCK_DGRAM, 0),
	INTERNET(AF_INET6, SOCK_STREAM, 0),
	{ "setsockopt", 2, { IS(1, IPPROTO_IP), IS(2, IP_RECVERR) } },
	{ "setsockopt", 2, { IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR) } },
	{ "setsockopt", 2, { IS(1, IPPROTO_IPV6), IS(2, IPV6_V6ONLY) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR) } },
	/* What strangers send (stranger.h). */
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_OOBINLINE) } },
	{ "setsockopt", 2, { IS(1, SOL_SOCKET), IS(2, SO_PASSRIGHTS) } },
	/* Whether somebody has a file open for writing (splice_late.c, database.h). */
	FCNTL(F_SETLEASE),
	FCNTL(F_GETLEASE),
};

#if defined(__SANITIZE_ADDRESS__)
/* LeakSanitizer looks at the end from a task that it makes, and that traces us; tests/system has it look. */
static const struct checked checked_leaks[] = {
	{ "clone", 1, { { CLONE_ARG, SCMP_CMP_MASKED_EQ, CLONE_OF_THREAD | CLONE_UNTRACED,
			  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED } } },
	{ "ptrace", 1, { IS(0, PTRACE_ATTACH) } },
	{ "ptrace", 1, { IS(0, PTRACE_DETACH) } },
	{ "ptrace", 1, { IS(0, PTRACE_CONT) } },
	{ "ptrace", 1, { IS(0, PTRACE_KILL) } },
	{ "ptrace", 1, { IS(0, PTRACE_GETREGS) } },
	{ "ptrace", 1, { IS(0, PTRACE_GETREGSET) } },
	{ "prctl", 1, { IS(0, PR_GET_DUMPABLE) } },
	{ "prctl", 1, { IS(0, PR_SET_DUMPABLE) } },
	{ "prctl", 1, { IS(0, PR_SET_PTRACER) } },
	{ "prctl", 1, { IS(0, PR_SET_PDEATHSIG) } },
	{ "wait4", 0, { { 0 } } },
	{ "readlink", 0, { { 0 } } },
};
#endif

static int add_rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n,
		    const struct scmp_arg_cmp *args)
{
	int call = seccomp_syscall_resolve_name(name);
	int r;

	if (call == __NR_SCMP_ERROR) {
		return 0; /* too new for this libseccomp: the default action */
	}
	r = seccomp_rule_add_array(filter, action, call, n, args);
	return r == -EDOM ? 0 : r; /* not on this architecture */
}

static int add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names,
		     size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		r = add_rule(filter, action, names[i], 0, NULL);
	}
	return r;
}

/* For abort(3): glibc names the process and the thread, musl the thread. A reader's mother named herself: where the
 * signal is refused, abort ends the process by an instruction. */
static int add_own_signals(scmp_filter_ctx filter)
{
	static const char *const calls[] = { "kill", "tkill", "tgkill" };
	struct scmp_arg_cmp own = IS(0, (scmp_datum_t)getpid());
	int r = 0;

	for (size_t i = 0; i < N_OF(calls) && !r; i++) {
		r = add_rule(filter, SCMP_ACT_ALLOW, calls[i], 1, &own);
	}
	return r;
}

static int add_checked(scmp_filter_ctx filter, const struct checked *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		r = add_rule(filter, SCMP_ACT_ALLOW, calls[i].name, calls[i].n, calls[i].args);
	}
	return r;
}

/* Nobody of ours traces; the daemon under LeakSanitizer is traced, and does not ask for it. */
static int add_tracing(scmp_filter_ctx filter, enum sandbox_kind kind)
{
#if defined(__SANITIZE_ADDRESS__)
	struct scmp_arg_cmp ask = IS(0, PTRACE_TRACEME);

	if (kind == SANDBOX_DAEMON) {
		int r = add_checked(filter, checked_leaks, N_OF(checked_leaks));

		return r ? r : add_rule(filter, SCMP_ACT_KILL_PROCESS, "ptrace", 1, &ask);
	}
#endif
	(void)kind;
	return add_rule(filter, SCMP_ACT_KILL_PROCESS, "ptrace", 0, NULL);
}

enum {	/* a bit for each kind */
	LOOPS = 1u << SANDBOX_FRONT_END | 1u << SANDBOX_DAEMON,
	DAEMONS = 1u << SANDBOX_DAEMON,
	READERS = 1u << SANDBOX_DAEMON | 1u << SANDBOX_MOTHER | 1u << SANDBOX_READER,
	MOTHERS = 1u << SANDBOX_MOTHER,
	EVERYBODY = LOOPS | READERS,
};

static const struct list {
	unsigned whose;
	uint32_t action;
	const char *const *names;
	size_t n;
} lists[] = {
	{ EVERYBODY, SCMP_ACT_ALLOW, everybody, N_OF(everybody) },
	{ LOOPS, SCMP_ACT_ALLOW, loops, N_OF(loops) },
	{ READERS, SCMP_ACT_ALLOW, readers, N_OF(readers) },
	{ MOTHERS, SCMP_ACT_ALLOW, mothers, N_OF(mothers) },
	{ DAEMONS, SCMP_ACT_ALLOW, daemons, N_OF(daemons) },
	{ EVERYBODY, SCMP_ACT_ERRNO(ENOSYS), absent, N_OF(absent) },
	{ EVERYBODY & ~MOTHERS, SCMP_ACT_ERRNO(ENOSYS), absent_but_for_mothers, N_OF(absent_but_for_mothers) },
	{ EVERYBODY, SCMP_ACT_KILL_PROCESS, deadly, N_OF(deadly) },
	{ EVERYBODY & ~MOTHERS, SCMP_ACT_KILL_PROCESS, deadly_but_for_mothers, N_OF(deadly_but_for_mothers) },
};

static const struct checked_list {
	unsigned whose;
	const struct checked *calls;
	size_t n;
} checked_lists[] = {
	{ EVERYBODY, checked_everybody, N_OF(checked_everybody) },
	{ LOOPS, checked_loops, N_OF(checked_loops) },
	{ MOTHERS, checked_mothers, N_OF(checked_mothers) },
	{ DAEMONS, checked_daemons, N_OF(checked_daemons) },
};

static int add_lists(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int r = 0;

	for (size_t i = 0; i < N_OF(lists) && !r; i++) {
		if (lists[i].whose & 1u << kind) {
			r = add_names(filter, lists[i].action, lists[i].names, lists[i].n);
		}
	}
	for (size_t i = 0; i < N_OF(checked_lists) && !r; i++) {
		if (checked_lists[i].whose & 1u << kind) {
			r = add_checked(filter, checked_lists[i].calls, checked_lists[i].n);
		}
	}
	return r;
}

static int fill(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int r;

	/* Another architecture's calls have other numbers. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r) {
		return r;
	}
	/* It was said before; a reader may not say it again. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (r) {
		return r;
	}
	/* A tree instead of a list, where libseccomp can: requests make many calls. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	r = add_lists(filter, kind);
	if (!r) {
		r = add_tracing(filter, kind);
	}
	if (!r) {
		r = add_own_signals(filter);
	}
	return r;
}

/* libuv from 1.45 on makes a ring with its loop, and aborts when it may not use it: the loop has to come up without one. */
int sandbox_close_rings(void)
{
	static const char *const ring[] = { "io_uring_setup" };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!filter) {
		return -ENOMEM;
	}
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (!r) {
		r = add_names(filter, SCMP_ACT_ERRNO(ENOSYS), ring, N_OF(ring));
	}
	if (!r) {
		r = seccomp_load(filter);
	}
	seccomp_release(filter);
	return r;
}

int sandbox_close_calls(enum sandbox_kind kind)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter) {
		return -ENOMEM;
	}
	r = fill(filter, kind);
	if (!r) {
		r = seccomp_load(filter);
	}
	seccomp_release(filter);
	return r;
}
