/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What a process can still do in the front end's sandbox. Every row is tried in a process of its
 * own, three times: outside of the sandbox, where it has to succeed, so that it cannot be refused
 * for another reason; inside; and inside on a kernel that says it has no Landlock. */

#include "service/sandbox.h"
#include "base/file.h"
#include "rows.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/landlock.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* LeakSanitizer stops the other threads with ptrace, which the sandbox kills for. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

enum mode { FREE, CLOSED, CLOSED_WITHOUT_LANDLOCK };

/* All of it is in the current directory, made anew for each try:
 *   w/  files may be replaced here: w/file, w/out (a link to ../o/file), w/sub/
 *   r/  may be read: r/conf, which "somebody else" replaces when the sandbox has closed
 *   o/  may not be touched: o/file, and the sockets o/stream and o/datagram */
static char top[PATH_MAX];
static int stream, datagram, abstract; /* Unix sockets that somebody else listens on */
static int listener;		       /* ours; somebody is waiting in it */
static int unbound;		       /* a TCP socket of ours */
static struct sockaddr_in outside;     /* where somebody else listens */
static char abstract_name[64];	       /* the namespace is the machine's: ours has our number */

/* ---- refused: each returns 0 or errno */

#define TRY(call) ((call) < 0 ? errno : 0)

static int opens(const char *path, int flags)
{
	return TRY(open(path, flags, 0644));
}

static int read_passwd(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static int read_root(void)
{
	return TRY(open("/", O_RDONLY | O_DIRECTORY));
}

static int read_elsewhere(void)
{
	return opens("o/file", O_RDONLY);
}

static int read_through_proc(void)
{
	return opens("/proc/self/root/etc/passwd", O_RDONLY);
}

static int read_own_memory(void)
{
	return opens("/proc/self/mem", O_RDWR);
}

static int read_over_parent(void)
{
	return opens("w/../o/file", O_RDONLY);
}

static int read_through_link(void)
{
	return opens("w/out", O_RDONLY);
}

static int create_elsewhere(void)
{
	return opens("o/new", O_WRONLY | O_CREAT | O_EXCL);
}

static int create_through_link(void)
{
	return opens("w/out", O_WRONLY | O_CREAT);
}

static int create_in_readable(void)
{
	return opens("r/new", O_WRONLY | O_CREAT | O_EXCL);
}

static int write_in_readable(void)
{
	return opens("r/conf", O_WRONLY);
}

static int truncate_on_open(void)
{
	return opens("w/file", O_WRONLY | O_TRUNC);
}

static int truncate_path(void)
{
	return TRY(truncate("w/file", 0));
}

static int rename_out(void)
{
	return TRY(rename("w/file", "o/new"));
}

static int rename_into_readable(void)
{
	return TRY(rename("w/file", "r/conf"));
}

static int rename_in(void)
{
	return TRY(rename("o/file", "w/new"));
}

static int rename_down(void)
{
	return TRY(rename("w/file", "w/sub/file"));
}

static int unlink_elsewhere(void)
{
	return TRY(unlink("o/file"));
}

static int unlink_readable(void)
{
	return TRY(unlink("r/conf"));
}

static int make_link(void)
{
	return TRY(link("w/file", "w/new"));
}

static int make_symlink(void)
{
	return TRY(symlink("/etc/passwd", "w/new"));
}

static int make_fifo(void)
{
	return TRY(mknod("w/new", S_IFIFO | 0600, 0));
}

static int make_directory(void)
{
	return TRY(mkdir("w/new", 0700));
}

static int remove_directory(void)
{
	return TRY(unlinkat(AT_FDCWD, "w/sub", AT_REMOVEDIR));
}

static int make_unix_listener(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "w/new" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	return s < 0 ? errno : TRY(bind(s, (struct sockaddr *)&at, sizeof(at)));
}

static int change_mode(void)
{
	return TRY(chmod("w/file", 04755));
}

static int change_mode_of_open(void)
{
	int fd = open("w/file", O_RDWR);

	return fd < 0 ? ENOTRECOVERABLE : TRY(fchmod(fd, 04755));
}

static int change_owner(void)
{
	return TRY(chown("w/file", geteuid(), getegid()));
}

static int change_xattr(void)
{
	return TRY(setxattr("w/file", "user.x", "x", 1, 0));
}

static int change_directory(void)
{
	return TRY(chdir("/"));
}

static int run_program(void)
{
	char *argv[] = { "true", NULL };

	return TRY(execve("/bin/true", argv, argv + 1));
}

static int run_descriptor(void)
{
	char *argv[] = { "true", NULL };
	int fd =
		open("w/file", O_RDONLY); /* in the sandbox it does not get as far as looking */

	if (fd < 0) {
		return ENOTRECOVERABLE;
	}
	(void)fexecve(fd, argv, argv + 1);
	return errno == ENOEXEC || errno == EACCES ? 0 : errno;
}

static int spawn_program(void)
{
	char *argv[] = { "true", NULL };
	pid_t pid;

	return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, argv + 1);
}

static int fork_process(void)
{
	pid_t pid = fork();

	if (!pid) {
		_exit(0);
	}
	return TRY(pid);
}

static int fork_process_raw(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);

	if (!pid) {
		_exit(0);
	}
	return TRY(pid);
}

static int fork_by_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0) < 0 && errno != EINVAL ? errno : 0;
}

static int use_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL) < 0 && errno == ENOSYS ? errno : 0;
}

static int open_inet(void)
{
	return TRY(socket(AF_INET, SOCK_STREAM, 0));
}

static int open_inet_udp(void)
{
	return TRY(socket(AF_INET, SOCK_DGRAM, 0));
}

static int open_inet6(void)
{
	return TRY(socket(AF_INET6, SOCK_STREAM, 0));
}

static int open_netlink(void)
{
	return TRY(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int open_packet(void)
{
	return TRY(socket(AF_PACKET, SOCK_RAW, 0));
}

static int connect_outside(void)
{
	return TRY(connect(unbound, (struct sockaddr *)&outside, sizeof(outside)));
}

static int turn_listener(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (connect(listener, &none, sizeof(none)) < 0) {
		return ENOTRECOVERABLE;
	}
	return TRY(connect(listener, (struct sockaddr *)&outside, sizeof(outside)));
}

static int send_outside(void)
{
	return TRY(sendto(unbound, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&outside,
			  sizeof(outside)));
}

static int send_message_outside(void)
{
	struct iovec io = { .iov_base = "x", .iov_len = 1 };
	struct msghdr m = { .msg_name = &outside,
			    .msg_namelen = sizeof(outside),
			    .msg_iov = &io,
			    .msg_iovlen = 1 };

	return TRY(sendmsg(unbound, &m, MSG_FASTOPEN));
}

static int bind_tcp(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };

	return TRY(bind(unbound, (struct sockaddr *)&any, sizeof(any)));
}

static int listen_tcp(void)
{
	return TRY(listen(unbound, 1));
}

static int filter_packets(void)
{
	int on = 1;

	return TRY(setsockopt(listener, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)));
}

static int trace(void)
{
	return TRY(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int read_process(void)
{
	char from = 'x', to;
	struct iovec l = { &to, 1 }, r = { &from, 1 };

	return TRY(process_vm_readv(getpid(), &l, 1, &r, 1, 0));
}

static int leave_namespace(void)
{
	return TRY(unshare(CLONE_NEWNS));
}

static int change_user(void)
{
	return TRY(setuid(geteuid()));
}

static int signal_parent(void)
{
	return TRY(kill(getppid(), 0));
}

static int signal_parent_later(void)
{
	return TRY(fcntl(listener, F_SETOWN, getppid()));
}

static int map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED ?
		       errno :
		       0;
}

static int make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? ENOTRECOVERABLE :
				 TRY(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int make_memory_file(void)
{
	return TRY(memfd_create("x", 0));
}

static int be_dumpable(void)
{
	return TRY(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int raise_limit(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_CORE, &l) < 0 ? ENOTRECOVERABLE :
						TRY(setrlimit(RLIMIT_CORE, &l));
}

/* ---- allowed */

static int replace_file(void)
{
	int dir = open("w", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	struct stat st;
	int r;

	if (dir < 0) {
		return errno;
	}
	r = file_replace(dir, "file", 0644, "x\n", 2);
	if (r) {
		return -r;
	}
	r = file_replace(dir, "another", 0644, "x\n", 2);
	if (r) {
		return -r;
	}
	fd = openat(dir, "another", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != 2 || fsync(dir) < 0 ||
	    unlinkat(dir, "another", 0) < 0) {
		return errno ? errno : ENOTRECOVERABLE;
	}
	return 0;
}

static int rename_exchanged(void)
{
	return file_replace(AT_FDCWD, "w/new", 0644, "x", 1) ?
		       ENOTRECOVERABLE :
		       TRY(renameat2(AT_FDCWD, "w/new", AT_FDCWD, "w/file", RENAME_EXCHANGE));
}

static int list_directory(void)
{
	DIR *d = opendir("w");

	return !d || !readdir(d) ? errno : TRY(closedir(d));
}

/* Replaced by somebody else behind the sandbox's back: not what stood there when it closed. */
static int read_replaced(void)
{
	struct buf text = { 0 };
	int r;

	r = -file_read(AT_FDCWD, "r/conf", 64, &text);
	if (!r && strcmp(buf_str(&text), "new")) {
		r = ENOTRECOVERABLE;
	}
	buf_deinit(&text);
	return r;
}

static int close_twice(void)
{
	return TRY(close(open("r/conf", O_RDONLY)));
}

static int to_unix(int type, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	size_t n = strlen(path);

	if (s < 0) {
		return errno;
	}
	memcpy(to.sun_path, path, n);
	if (*path == '@') {
		*to.sun_path = '\0';
	}
	return TRY(connect(s, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n))) ?:
		       TRY(send(s, "x", 1, MSG_NOSIGNAL));
}

static int to_stream(void)
{
	return to_unix(SOCK_STREAM, "o/stream");
}

static int to_datagram(void)
{
	return to_unix(SOCK_DGRAM, "o/datagram");
}

static int to_abstract(void)
{
	return to_unix(SOCK_DGRAM, abstract_name);
}

static int serve_one(void)
{
	char bytes[4];
	int on = 1, s;

	s = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s < 0) {
		return errno;
	}
	if (setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    ioctl(s, FIONBIO, &on) < 0 || recv(s, bytes, sizeof(bytes), 0) != 1 ||
	    send(s, "y", 1, MSG_NOSIGNAL) != 1 || shutdown(s, SHUT_RDWR) < 0) {
		return errno ? errno : ENOTRECOVERABLE;
	}
	return 0;
}

static int wait_for_events(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	struct epoll_event e = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), event = eventfd(1, EFD_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct pollfd p = { .fd = timer, .events = POLLIN };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) < 0 ||
	    timerfd_settime(timer, 0, &soon, NULL) < 0) {
		return errno;
	}
	return epoll_wait(epoll, &e, 1, -1) == 1 && poll(&p, 1, -1) == 1 ? 0 : errno;
}

static void *hash_password(void *ret_error)
{
	struct crypt_data *d = calloc(1, sizeof(*d));
	const char *hash = d ? crypt_r("secret", "$y$j9T$LdJMENpBABJJ3hIHjB1Bi.", d) : NULL;

	*(int *)ret_error = hash && *hash == '$' ? 0 : errno ? errno : ENOTRECOVERABLE;
	free(d);
	return NULL;
}

static int hash_in_threads(void)
{
	pthread_t threads[4];
	int errors[N_OF(threads)], r;

	for (size_t i = 0; i < N_OF(threads); i++) {
		r = pthread_create(&threads[i], NULL, hash_password, &errors[i]);
		if (r) {
			return r;
		}
	}
	for (size_t i = 0; i < N_OF(threads); i++) {
		r = pthread_join(threads[i], NULL);
		if (r || errors[i]) {
			return r ? r : errors[i];
		}
	}
	return 0;
}

static void *open_in_thread(void *ret_error)
{
	*(int *)ret_error = read_passwd();
	return NULL;
}

static int read_passwd_in_thread(void)
{
	pthread_t thread;
	int error, r;

	r = pthread_create(&thread, NULL, open_in_thread, &error);
	if (!r) {
		r = pthread_join(thread, NULL);
	}
	return r ? ENOTRECOVERABLE : error;
}

static int events; /* of the loop: work, its end, a timer, a signal */

static void on_work(uv_work_t *work)
{
	(void)work;
	events |= 1;
}

static void on_worked(uv_work_t *work, int status)
{
	(void)work;
	events |= status ? 0 : 2;
}

static void on_signal(uv_signal_t *s, int number)
{
	(void)number;
	events |= 8;
	uv_close((uv_handle_t *)s, NULL);
}

static void on_timer(uv_timer_t *t)
{
	events |= 4;
	(void)kill(getpid(), SIGHUP); /* a failure shows as the missing event */
	uv_close((uv_handle_t *)t, NULL);
}

static int run_loop(void)
{
	uv_loop_t loop;
	uv_signal_t hangup;
	uv_timer_t timer;
	uv_work_t work;

	if (uv_loop_init(&loop) || uv_signal_init(&loop, &hangup) ||
	    uv_signal_start(&hangup, on_signal, SIGHUP) || uv_timer_init(&loop, &timer) ||
	    uv_timer_start(&timer, on_timer, 1, 0) ||
	    uv_queue_work(&loop, &work, on_work, on_worked)) {
		return ENOTRECOVERABLE;
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) || events != 15 ? ENOTRECOVERABLE : 0;
}

static int ask_clock_and_chance(void)
{
	time_t now = time(NULL);
	struct timespec t;
	struct tm tm;
	char bytes[32];

	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0 || clock_getres(CLOCK_MONOTONIC, &t) < 0 ||
	    getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes) || !localtime_r(&now, &tm)) {
		return errno;
	}
	return 0;
}

static int log_line(void)
{
	closelog();
	openlog("test_sandbox", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	syslog(LOG_DEBUG, "from inside the sandbox");
	return 0;
}

static int die(void)
{
	abort();
}

static int end(void)
{
	exit(0);
}

/* ---- rows */

#define LANDLOCK(abi) .landlock = (abi)
#define SOCKETCALL .arguments = true
#define KILLED (-SIGSYS)

static const struct row {
	const char *name;
	int (*attempt)(void);
	int want;	    /* 0, an errno, or the negative number of the signal it dies of */
	int landlock;	    /* the ABI that refuses it; 0: seccomp does */
	int want_free;	    /* outside of the sandbox */
	bool arguments;	    /* seccomp has to see those of a socket call */
	const char *notify; /* $NOTIFY_SOCKET */
} refused[] = {
	{ "reading /etc/passwd", read_passwd, EACCES, LANDLOCK(1) },
	{ "reading /etc/passwd in a thread", read_passwd_in_thread, EACCES, LANDLOCK(1) },
	{ "reading /", read_root, EACCES, LANDLOCK(1) },
	{ "reading beside the directories", read_elsewhere, EACCES, LANDLOCK(1) },
	{ "reading through /proc/self/root", read_through_proc, EACCES, LANDLOCK(1) },
	{ "opening /proc/self/mem", read_own_memory, EACCES, LANDLOCK(1) },
	{ "reading through ..", read_over_parent, EACCES, LANDLOCK(1) },
	{ "reading through a link that leads out", read_through_link, EACCES, LANDLOCK(1) },
	{ "creating beside the directories", create_elsewhere, EACCES, LANDLOCK(1) },
	{ "creating through a link", create_through_link, EACCES, LANDLOCK(1) },
	{ "creating where reading is allowed", create_in_readable, EACCES, LANDLOCK(1) },
	{ "writing where reading is allowed", write_in_readable, EACCES, LANDLOCK(1) },
	{ "truncating while opening", truncate_on_open, EACCES, LANDLOCK(3) },
	{ "truncating a path", truncate_path, EPERM },
	{ "renaming out", rename_out, EACCES, LANDLOCK(1) },
	{ "renaming to where reading is allowed", rename_into_readable, EACCES, LANDLOCK(1) },
	{ "renaming in", rename_in, EACCES, LANDLOCK(1) },
	{ "renaming into a directory below", rename_down, EXDEV, LANDLOCK(1) },
	{ "unlinking beside the directories", unlink_elsewhere, EACCES, LANDLOCK(1) },
	{ "unlinking where reading is allowed", unlink_readable, EACCES, LANDLOCK(1) },
	{ "a hard link", make_link, EPERM },
	{ "a symbolic link", make_symlink, EPERM },
	{ "a FIFO", make_fifo, EPERM },
	{ "a directory", make_directory, EPERM },
	{ "removing a directory", remove_directory, EPERM },
	{ "a Unix socket of our own", make_unix_listener, EPERM },
	{ "chmod", change_mode, EPERM },
	{ "fchmod", change_mode_of_open, EPERM },
	{ "chown", change_owner, EPERM },
	{ "setxattr", change_xattr, EPERM },
	{ "chdir", change_directory, EPERM },
	{ "execve", run_program, KILLED },
	{ "fexecve", run_descriptor, KILLED },
	{ "posix_spawn", spawn_program, EPERM },
	{ "fork", fork_process, EPERM },
	{ "fork by a bare clone", fork_process_raw, EPERM },
	{ "clone3", fork_by_clone3, ENOSYS },
	{ "io_uring", use_io_uring, ENOSYS },
	{ "socket AF_INET", open_inet, EPERM, SOCKETCALL },
	{ "socket AF_INET, UDP", open_inet_udp, EPERM, SOCKETCALL },
	{ "socket AF_INET6", open_inet6, EPERM, SOCKETCALL },
	{ "socket AF_NETLINK", open_netlink, EPERM, SOCKETCALL },
	{ "socket AF_PACKET", open_packet, EPERM, SOCKETCALL },
	{ "connecting a TCP socket", connect_outside, EACCES, LANDLOCK(4) },
	{ "connecting what was a listener", turn_listener, EACCES, LANDLOCK(4) },
	{ "sendto that connects", send_outside, EPERM, SOCKETCALL },
	{ "sendmsg that connects", send_message_outside, EPERM, SOCKETCALL },
	{ "bind", bind_tcp, EPERM },
	{ "listen", listen_tcp, EPERM },
	{ "a socket option that we do not need", filter_packets, EPERM, SOCKETCALL },
	{ "an abstract socket", to_abstract, EPERM, LANDLOCK(6) },
	{ "ptrace", trace, KILLED },
	{ "process_vm_readv", read_process, KILLED },
	{ "unshare", leave_namespace, KILLED },
	{ "setuid", change_user, KILLED },
	{ "a signal to our parent", signal_parent, EPERM },
	{ "a signal to our parent when data comes", signal_parent_later, EPERM },
	{ "executable memory", map_executable, EPERM },
	{ "memory that becomes executable", make_executable, EPERM },
	{ "memfd_create", make_memory_file, EPERM },
	{ "becoming dumpable", be_dumpable, EPERM },
	{ "setrlimit", raise_limit, EPERM },
}, kept[] = {
	{ "replacing and removing files", replace_file },
	{ "exchanging files", rename_exchanged },
	{ "listing a directory", list_directory },
	{ "reading what was renamed into place since", read_replaced },
	{ "opening and closing", close_twice },
	{ "a stream to a Unix socket elsewhere", to_stream },
	{ "a datagram to a Unix socket elsewhere", to_datagram },
	{ "an abstract socket for readiness", to_abstract, .notify = abstract_name },
	{ "accepting and answering", serve_one },
	{ "epoll, poll, eventfd, timerfd", wait_for_events },
	{ "yescrypt in threads", hash_in_threads },
	{ "a libuv loop: work, timer, signal", run_loop },
	{ "clock, time zone, randomness", ask_clock_and_chance },
	{ "syslog", log_line },
	{ "abort", die, -SIGABRT, .want_free = -SIGABRT },
	{ "exit", end },
};

/* ---- how a row is tried */

static void must(bool true_, const char *what)
{
	if (!true_) {
		fail_msg("%s: %s", what, strerror(errno));
	}
}

static int unix_at(int type, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, n);
	if (*path == '@') {
		*at.sun_path = '\0';
	}
	must(!bind(s, (struct sockaddr *)&at,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
	     path);
	must(type == SOCK_DGRAM || !listen(s, 4), path);
	return s;
}

static int listen_at(struct sockaddr_in *ret_at)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(!bind(s, (struct sockaddr *)&at, sizeof(at)) && !listen(s, 4) &&
		     !getsockname(s, (struct sockaddr *)&at, &n),
	     "a listener");
	*ret_at = at;
	return s;
}

/* ret_fds: what has to be closed with the place. */
static void make_place(int ret_fds[8])
{
	static unsigned
		n_places; /* a name is free when the last of an attempt's children is gone */
	const char *in = getenv("TMPDIR");
	struct sockaddr_in at;
	int client;

	(void)snprintf(top, sizeof(top), "%s/test_sandbox.XXXXXX", in ? in : "/tmp");
	must(mkdtemp(top) && !chdir(top), top);
	must(!mkdir("w", 0755) && !mkdir("w/sub", 0755) && !mkdir("r", 0755) &&
		     !mkdir("o", 0755) && !symlink("../o/file", "w/out"),
	     top);
	must(!file_replace(AT_FDCWD, "w/file", 0755, "old", 3) &&
		     !file_replace(AT_FDCWD, "r/conf", 0644, "old", 3) &&
		     !file_replace(AT_FDCWD, "o/file", 0644, "old", 3),
	     top);
	stream = unix_at(SOCK_STREAM, "o/stream");
	datagram = unix_at(SOCK_DGRAM, "o/datagram");
	(void)snprintf(abstract_name, sizeof(abstract_name), "@dns-updater-test-sandbox/%d/%u",
		       (int)getpid(), n_places++);
	abstract = unix_at(SOCK_DGRAM, abstract_name);
	listener = listen_at(&at);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!connect(client, (struct sockaddr *)&at, sizeof(at)) &&
		     send(client, "x", 1, 0) == 1,
	     "a client");
	unbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(ret_fds,
	       (int[8]){ stream, datagram, abstract, listener, client, unbound,
			 listen_at(&outside), -1 },
	       8 * sizeof(int));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_place(const int fds[8])
{
	for (int i = 0; i < 8; i++) {
		(void)close(fds[i]);
	}
	must(!chdir("/") && !nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS), top);
}

static int landlock_abi(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return r < 0 ? 0 : (int)r;
}

/* What a kernel without Landlock says. */
static bool hide_landlock(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int call = seccomp_syscall_resolve_name("landlock_create_ruleset");
	bool done = filter &&
		    !seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
				      call < 0 ? SYS_landlock_create_ruleset : call, 0) &&
		    !seccomp_load(filter);

	seccomp_release(filter);
	return done;
}

static bool enter(enum mode mode)
{
	static const char *const readable[] = { "r" }, *const writable[] = { "w" };
	const struct sandbox_paths paths = { readable, 1, writable, 1 };
	int want = mode == CLOSED && landlock_abi() ? 0 : SANDBOX_E_NO_LANDLOCK;

	return mode == FREE ||
	       ((mode == CLOSED || hide_landlock()) && sandbox_close(SANDBOX_FRONT_END, &paths) == want);
}

/* In the child: says that the sandbox is closed, waits until our parent has replaced r/conf. */
static _Noreturn void try_it(const struct row *row, enum mode mode, int sync)
{
	char byte;

	if (row->notify) {
		(void)setenv("NOTIFY_SOCKET", row->notify, 1); /* or the row is refused */
	} else {
		(void)unsetenv("NOTIFY_SOCKET");
	}
	if (!enter(mode)) {
		_exit(255);
	}
	errno = 0;
	_exit(write(sync, "", 1) == 1 && read(sync, &byte, 1) == 1 ? row->attempt() : 254);
}

/* 0, the errno, or the negative number of the signal. */
static int outcome(const struct row *row, enum mode mode)
{
	int place[8], sync[2], status;
	char byte;
	pid_t pid;

	make_place(place);
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sync), "socketpair");
	(void)fflush(NULL); /* or the child writes it again */
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		(void)close(sync[0]);
		try_it(row, mode, sync[1]);
	}
	(void)close(sync[1]);
	if (read(sync[0], &byte, 1) == 1) {
		must(!file_replace(AT_FDCWD, "r/conf", 0644, "new", 3), "r/conf");
		must(write(sync[0], "", 1) == 1, "the child");
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	(void)close(sync[0]);
	remove_place(place);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void show(const struct row *row, const char *where, int want, int got)
{
	if (want != got) {
		fail_msg("%s: %s: want %d, got %d (%s)", row->name, where, want, got,
			 got < 0 ? strsignal(-got) : strerror(got));
	}
}

static void check(void **state)
{
	const struct row *row = *state;
	int got;

#ifdef SYS_socketcall
	if (row->arguments) {
		skip();
	}
#endif
	got = outcome(row, FREE);

	/* What this machine or this user cannot do shows nothing. */
	if (got == ENOSYS || got == EAFNOSUPPORT || got == EOPNOTSUPP ||
	    (geteuid() && got == EPERM)) {
		skip();
	}
	show(row, "outside", row->want_free, got);
	if (!row->landlock) {
		show(row, "inside, without Landlock", row->want,
		     outcome(row, CLOSED_WITHOUT_LANDLOCK));
	}
	if (landlock_abi() < row->landlock) {
		skip();
	}
	show(row, "inside", row->want, outcome(row, CLOSED));
}

/* ---- what it says when it cannot */

static const struct bad {
	const char *name, *directory;
	int want;
} bad[] = {
	{ "a directory that is not there", "/nowhere/at/all", -ENOENT },
	{ "a file", "/etc/passwd", -ENOTDIR },
};

static void check_bad(void **state)
{
	const struct bad *row = *state;
	const char *const dirs[] = { "/", row->directory };
	const struct sandbox_paths of[] = { { dirs, 2, NULL, 0 }, { NULL, 0, dirs, 2 } };

	for (size_t i = 0; i < N_OF(of) * 2; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			_exit((i < N_OF(of) || hide_landlock()) &&
					      sandbox_close(SANDBOX_FRONT_END, &of[i % N_OF(of)]) == row->want &&
					      sandbox_culprit() == row->directory ?
				      0 :
				      1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	return ROWS_RUN(refused, check) + ROWS_RUN(kept, check) + ROWS_RUN(bad, check_bad);
}
