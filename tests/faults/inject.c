/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Runs a program and lets one of its system calls go wrong: it fails with a given error, is made
 * shorter, or the process is killed right before or right after it.
 *
 *     inject --root DIR --out FILE [--data] [--write PATH TEXT] [--from PATH]
 *            [--edit PLACE PATH TEXT] [--fault SPEC] ... -- PROGRAM ...
 *
 * Nothing is counted until SIGUSR1 comes, so that the start can be left out; with --write the file is
 * then overwritten, with --say a line is written to standard output. --from PATH counts from the moment
 * that PATH is opened on. SIGTERM is handed on to the program.
 *
 * A call is told from others by who makes it, its name, what it is about (a path, or what the descriptor
 * stands for, without DIR) and how often that has happened before: threads may run in any order.
 * With --edit PLACE PATH TEXT somebody else appends TEXT to the file PATH right before that call, if it comes.
 *
 * SPEC is "WHO<tab>NAME<tab>OBJECT<tab>N<tab>ACTION", with the first four as FILE has them when no fault is
 * given, and ACTION one of "error N", "short N" (at most N bytes), "half", "zero" (returns 0, is not made),
 * "kill-before" and "kill-after".
 *
 * Who: D is the program itself, H1, H2 ... the processes that it forks, C one that these fork, X what a
 * C becomes by execve(2): that is not ours and is never made to fail. With --data FILE tells of X, too, and
 * of the bytes that are written.
 *
 * A seccomp filter stops the program at what is traced only, by PTRACE_EVENT_SECCOMP (ptrace(2)); should we die,
 * PTRACE_O_EXITKILL takes it along. */

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "inject.c knows the registers of x86-64 only"
#endif

enum {
	TASKS_MAX = 4096,
	PLACES_MAX = 8192,
	FAULTS_MAX = 8,
	TEXT_MAX = 1024,
	DATA_MAX = 1 << 20,
	OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
		  PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD,
};

/* Which argument says what the call is about: a path, with the directory before it or none, or a descriptor.
 * `size` is the argument that a short call has less of. */
enum { NO = -1 };

static const struct call {
	const char *name;
	int number, dir, path, fd, size;
	int dir2, path2;	/* the second path, shown behind the first */
} calls[] = {
#define PATH(name, dir, path) { #name, SYS_##name, dir, path, NO, NO, NO, NO }
#define PATHS(name, dir, path, dir2, path2) { #name, SYS_##name, dir, path, NO, NO, dir2, path2 }
#define FD(name, fd) { #name, SYS_##name, NO, NO, fd, NO, NO, NO }
#define IO(name, fd, size) { #name, SYS_##name, NO, NO, fd, size, NO, NO }
#define OTHER(name) { #name, SYS_##name, NO, NO, NO, NO, NO, NO }
	PATH(open, NO, 0), PATH(openat, 0, 1), PATH(openat2, 0, 1), PATH(creat, NO, 0),
	PATH(stat, NO, 0), PATH(lstat, NO, 0), PATH(newfstatat, 0, 1), PATH(statx, 0, 1),
	PATH(access, NO, 0), PATH(faccessat, 0, 1), PATH(faccessat2, 0, 1), PATH(readlink, NO, 0),
	PATH(readlinkat, 0, 1), PATH(unlink, NO, 0), PATH(unlinkat, 0, 1), PATH(mkdir, NO, 0),
	PATH(mkdirat, 0, 1), PATH(rmdir, NO, 0), PATH(chdir, NO, 0), PATH(chmod, NO, 0),
	PATH(fchmodat, 0, 1), PATH(truncate, NO, 0), PATH(utimensat, 0, 1), PATH(statfs, NO, 0),
	PATH(execve, NO, 0), PATH(inotify_add_watch, NO, 1),
	PATHS(rename, NO, 0, NO, 1), PATHS(renameat, 0, 1, 2, 3), PATHS(renameat2, 0, 1, 2, 3),
	PATHS(link, NO, 0, NO, 1), PATHS(linkat, 0, 1, 2, 3),
	FD(close, 0), FD(fstat, 0), FD(fstatfs, 0), FD(fsync, 0), FD(fdatasync, 0), FD(syncfs, 0),
	FD(ftruncate, 0), FD(fallocate, 0), FD(fchmod, 0), FD(fchown, 0), FD(lseek, 0), FD(flock, 0),
	FD(fcntl, 0), FD(ioctl, 0), FD(flistxattr, 0), FD(fgetxattr, 0), FD(fsetxattr, 0),
	FD(getdents64, 0), FD(dup, 0), FD(dup2, 0), FD(dup3, 0), FD(accept, 0), FD(accept4, 0),
	FD(bind, 0), FD(listen, 0), FD(connect, 0), FD(shutdown, 0), FD(getsockopt, 0), FD(setsockopt, 0),
	FD(getsockname, 0), FD(getpeername, 0), FD(epoll_wait, 0), FD(epoll_pwait, 0), FD(epoll_ctl, 2),
	FD(recvmsg, 0), FD(sendmsg, 0), FD(readv, 0), FD(writev, 0),
	IO(read, 0, 2), IO(write, 0, 2), IO(pread64, 0, 2), IO(pwrite64, 0, 2), IO(recvfrom, 0, 2),
	IO(sendto, 0, 2), IO(copy_file_range, 2, 4), IO(sendfile, 0, 3),
	OTHER(mmap), OTHER(mremap), OTHER(brk), OTHER(clone), OTHER(clone3), OTHER(fork), OTHER(vfork),
	OTHER(pipe), OTHER(pipe2), OTHER(socket), OTHER(socketpair), OTHER(eventfd2), OTHER(epoll_create1),
	OTHER(inotify_init1), OTHER(poll), OTHER(ppoll), OTHER(wait4), OTHER(waitid), OTHER(pidfd_open),
	OTHER(kill), OTHER(setsid), OTHER(close_range), OTHER(memfd_create), OTHER(getrandom),
	OTHER(nanosleep), OTHER(prctl), OTHER(umask),
};

enum { N_CALLS = sizeof(calls) / sizeof(*calls) };

struct place {
	char text[TEXT_MAX];	/* WHO NAME OBJECT, with tabs between */
	unsigned n;
};

struct fault {
	char place[TEXT_MAX];
	enum { ERROR, SHORT, HALF, ZERO, KILL_BEFORE, KILL_AFTER } action;
	long value;
	bool is_hit;
};

struct task {
	pid_t tid, process;
	char who[8];
	const struct call *leaving;	/* stopped again at its end */
	bool kills, fails;
	long result;
	char text[TEXT_MAX + 16];
	char *data;
	size_t n_data;
};

static struct task tasks[TASKS_MAX];
static unsigned n_tasks, n_places, n_faults, n_helpers;
static struct place places[PLACES_MAX];
static struct fault faults[FAULTS_MAX];
static const char *root = "", *write_path, *write_text, *from, *edit_place, *edit_path, *edit_text;
static FILE *out;
static bool armed, with_data, says;
static pid_t program;

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(111);
}

/* --- who --- */

static long status_field(pid_t tid, const char *key)
{
	char path[64], line[256];
	long value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key))) {
			value = strtol(line + strlen(key), NULL, 10);
		}
	}
	if (f) {
		fclose(f);
	}
	return value;
}

static struct task *task_find(pid_t tid)
{
	for (unsigned i = 0; i < n_tasks; i++) {
		if (tasks[i].tid == tid) {
			return &tasks[i];
		}
	}
	return NULL;
}

static struct task *task_get(pid_t tid)
{
	struct task *t = task_find(tid), *parent;

	if (t) {
		return t;
	}
	if (n_tasks == TASKS_MAX) {
		die("too many tasks");
	}
	t = &tasks[n_tasks++];
	*t = (struct task){ .tid = tid, .process = (pid_t)status_field(tid, "Tgid:") };
	if (t->process != tid) {
		parent = task_find(t->process);
		strcpy(t->who, parent ? parent->who : "?");
		return t;
	}
	parent = task_find((pid_t)status_field(tid, "PPid:"));
	if (tid == program) {
		strcpy(t->who, "D");
	} else if (parent && *parent->who == 'D') {
		snprintf(t->who, sizeof(t->who), "H%u", ++n_helpers % 100000);
	} else {
		strcpy(t->who, parent && *parent->who == 'H' ? "C" : "X");
	}
	return t;
}

static void task_forget(pid_t tid)
{
	struct task *t = task_find(tid);

	if (t) {
		free(t->data);
		*t = tasks[--n_tasks];
	}
}

/* --- what --- */

static unsigned long argument(const struct user_regs_struct *r, int i)
{
	const unsigned long a[] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

	return a[i];
}

static void set_argument(struct user_regs_struct *r, int i, unsigned long value)
{
	unsigned long long *a[] = { &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9 };

	*a[i] = value;
}

static ssize_t read_memory(pid_t tid, unsigned long at, void *to, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)at, n };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0);
}

static void read_string(pid_t tid, unsigned long at, char *ret, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {	/* a string may end right before a page that is not there */
		size_t step = 64 - (at + n) % 64;
		ssize_t got;

		step = step < size - 1 - n ? step : size - 1 - n;
		got = read_memory(tid, at + n, ret + n, step);
		if (got <= 0 || memchr(ret + n, '\0', (size_t)got)) {
			ret[n + (got > 0 ? strnlen(ret + n, (size_t)got) : 0)] = '\0';
			return;
		}
		n += (size_t)got;
	}
	ret[n] = '\0';
}

/* Without the directory of this run, and without numbers that differ from run to run. */
static void tidy(char *text)
{
	size_t n = strlen(root);
	char *at;

	if (n && !strncmp(text, root, n) && (text[n] == '/' || !text[n])) {
		memmove(text, text + n, strlen(text + n) + 1);
	} else if (n && !strncmp(text, root, strlen(text)) && strlen(text) > 1) {
		const char *below = root + strlen(text);

		/* A directory above: how far. */
		for (n = 0, at = (char *)below; *below == '/' && *at; at++) {
			n += *at == '/';
		}
		if (n) {
			sprintf(text, "(%zu above)", n);
		}
	}
	at = strstr(text, " (deleted)");
	if (at) {
		*at = '\0';
	}
	at = strstr(text, ":[");
	if (at && strncmp(text, "anon_inode", 10)) {	/* socket:[123] */
		*at = '\0';
	}
	at = strstr(text, "/fd/");
	if (at && !strncmp(text, "/proc/", 6)) {
		strcpy(at, "/fd");
	}
	if (!strncmp(text, "/proc/", 6) && text[6] >= '0' && text[6] <= '9') {
		strcpy(text, "/proc/N");
	}
	at = strstr(text, ".dnsu.late.");
	if (at) {	/* its time stands behind its number */
		at += strlen(".dnsu.late.");
		at[strspn(at, "0123456789")] = '\0';
	}
	for (at = text; *at; at++) {
		*at = *at == '\t' || *at == '\n' ? ' ' : *at;
	}
}

static void show_fd(pid_t tid, int fd, char *ret, size_t size)
{
	char path[64];
	ssize_t n;

	if (fd == AT_FDCWD) {
		snprintf(path, sizeof(path), "/proc/%d/cwd", tid);
	} else {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, fd);
	}
	n = readlink(path, ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	tidy(ret);
}

static void show_path(pid_t tid, const struct user_regs_struct *r, int dir, int path, char *ret, size_t size)
{
	char name[TEXT_MAX / 4], at[TEXT_MAX / 4];

	read_string(tid, argument(r, path), name, sizeof(name));
	if (*name == '/' || (!*name && dir == NO)) {
		snprintf(ret, size, "%s", name);
	} else {
		show_fd(tid, dir == NO ? AT_FDCWD : (int)argument(r, dir), at, sizeof(at));
		snprintf(ret, size, "%s%s%s", at, *name ? "/" : "", name);
	}
	tidy(ret);
}

static void show_object(pid_t tid, const struct call *c, const struct user_regs_struct *r, char *ret, size_t size)
{
	size_t n;

	*ret = '\0';
	if (c->fd != NO) {
		show_fd(tid, (int)argument(r, c->fd), ret, size);
	} else if (c->path != NO) {
		show_path(tid, r, c->dir, c->path, ret, size / 2);
	}
	if (c->path2 != NO) {
		n = strlen(ret);
		snprintf(ret + n, size - n, " ");
		show_path(tid, r, c->dir2, c->path2, ret + n + 1, size - n - 1);
	}
	if (c->number == SYS_fcntl || c->number == SYS_epoll_ctl) {	/* the operation tells more */
		n = strlen(ret);
		snprintf(ret + n, size - n, " %lu", argument(r, 1));
	}
}

static unsigned place_count(const char *text)
{
	for (unsigned i = 0; i < n_places; i++) {
		if (!strcmp(places[i].text, text)) {
			return ++places[i].n;
		}
	}
	if (n_places == PLACES_MAX) {
		die("too many places");
	}
	snprintf(places[n_places].text, TEXT_MAX, "%s", text);
	places[n_places].n = 1;
	return places[n_places++].n;
}

/* --- a fault --- */

static bool parse_fault(char *spec, struct fault *f)
{
	static const char *const actions[] = { "error", "short", "half", "zero", "kill-before", "kill-after" };
	char *action = strrchr(spec, '\t');

	if (!action) {
		return false;
	}
	*action++ = '\0';
	snprintf(f->place, sizeof(f->place), "%s", spec);
	for (unsigned i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		size_t n = strlen(actions[i]);

		if (!strncmp(action, actions[i], n) && (!action[n] || action[n] == ' ')) {
			f->action = i;
			f->value = action[n] ? strtol(action + n + 1, NULL, 10) : 0;
			return true;
		}
	}
	return false;
}

static void not_made(struct task *t, struct user_regs_struct *r, long result)
{
	r->orig_rax = (unsigned long)-1;
	r->rax = (unsigned long)result;
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, r) < 0 && errno != ESRCH) {
		die("PTRACE_SETREGS");
	}
}

static void make_shorter(struct task *t, const struct call *c, struct user_regs_struct *r, const struct fault *f)
{
	unsigned long n = argument(r, c->size), less = f->action == HALF ? n / 2 : (unsigned long)f->value;

	if (c->size == NO || n < 2) {
		return;
	}
	set_argument(r, c->size, less < n && less ? less : 1);
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, r) < 0 && errno != ESRCH) {
		die("PTRACE_SETREGS");
	}
}

static void apply(struct task *t, const struct call *c, struct user_regs_struct *r, struct fault *f)
{
	f->is_hit = true;
	fprintf(out, "hit\t%s\n", f->place);
	fflush(out);
	switch (f->action) {
	case ERROR:
		if (c->number == SYS_close) {	/* Linux closes the descriptor whatever it returns */
			t->fails = true;
			t->result = -f->value;
			t->leaving = c;
		} else {
			not_made(t, r, c->number == SYS_brk ? 0 : -f->value);
		}
		break;
	case ZERO:
		not_made(t, r, 0);
		break;
	case SHORT:
	case HALF:
		make_shorter(t, c, r, f);
		break;
	case KILL_BEFORE:
		(void)kill(t->process, SIGKILL);
		break;
	case KILL_AFTER:
		t->kills = true;
		t->leaving = c;
		break;
	}
}

/* --- stops --- */

static void write_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		die(path);
	}
	close(fd);
}

static void edit(const char *place)
{
	if (edit_place && !strcmp(place, edit_place)) {
		edit_place = NULL;
		write_file(edit_path, edit_text, O_APPEND);
		fprintf(out, "edited\n");
		fflush(out);
	}
}

static void arm(void)
{
	armed = true;
	if (write_path) {
		write_file(write_path, write_text, 0);
	}
	if (says) {
		(void)!write(STDOUT_FILENO, "armed\n", 6);
	}
}

static const struct call *call_find(long number)
{
	for (unsigned i = 0; i < N_CALLS; i++) {
		if (calls[i].number == number) {
			return &calls[i];
		}
	}
	return NULL;
}

static void note_data(struct task *t, const struct call *c, const struct user_regs_struct *r)
{
	size_t n = c->size == NO ? 0 : argument(r, c->size);
	ssize_t got;

	free(t->data);
	t->data = NULL;
	t->n_data = 0;
	if (strncmp(c->name, "write", 5) && strncmp(c->name, "pwrite", 6)) {
		return;
	}
	t->data = malloc(n < DATA_MAX ? n + 1 : DATA_MAX);
	got = t->data ? read_memory(t->tid, argument(r, 1), t->data, n < DATA_MAX ? n : DATA_MAX) : 0;
	t->n_data = got > 0 ? (size_t)got : 0;
}

/* Returns how the task is to go on. */
static int entered(struct task *t)
{
	struct user_regs_struct r;
	char object[TEXT_MAX / 2], text[TEXT_MAX];
	const struct call *c;
	unsigned n;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &r) < 0) {
		return PTRACE_CONT;	/* it was killed */
	}
	c = call_find((long)r.orig_rax);
	if (!c) {
		return PTRACE_CONT;
	}
	if (!armed && !(from && c->path != NO)) {
		return PTRACE_CONT;
	}
	if (*t->who == 'X' && !with_data) {
		return PTRACE_CONT;
	}
	show_object(t->tid, c, &r, object, sizeof(object));
	if (!armed && !strcmp(object, from)) {
		arm();
	}
	if (!armed) {
		return PTRACE_CONT;
	}
	snprintf(text, sizeof(text), "%s\t%s\t%s", t->who, c->name, object);
	n = place_count(text);
	snprintf(t->text, sizeof(t->text), "%s\t%u", text, n);
	edit(t->text);
	for (unsigned i = 0; i < n_faults; i++) {
		if (!faults[i].is_hit && !strcmp(faults[i].place, t->text)) {
			apply(t, c, &r, &faults[i]);
			return t->leaving ? PTRACE_SYSCALL : PTRACE_CONT;
		}
	}
	if (n_faults) {
		return PTRACE_CONT;
	}
	if (with_data) {
		note_data(t, c, &r);
	}
	t->leaving = c;
	return PTRACE_SYSCALL;
}

static void left(struct task *t)
{
	const struct call *c = t->leaving;
	struct user_regs_struct r;

	t->leaving = NULL;
	if (t->kills) {
		t->kills = false;
		(void)kill(t->process, SIGKILL);
		return;
	}
	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &r) < 0) {
		return;
	}
	if (t->fails) {
		t->fails = false;
		r.rax = (unsigned long)t->result;
		(void)ptrace(PTRACE_SETREGS, t->tid, NULL, &r);	/* fails only when it was killed */
		return;
	}
	fprintf(out, "call\t%s\t%lld\t%lx %lx %lx %lx %lx %lx", t->text, (long long)r.rax, argument(&r, 0),
		argument(&r, 1), argument(&r, 2), argument(&r, 3), argument(&r, 4), argument(&r, 5));
	if (with_data) {
		char path[TEXT_MAX];

		if (!strcmp(c->name, "openat") && (long long)r.rax >= 0) {
			show_fd(t->tid, (int)r.rax, path, sizeof(path));
		}
		fprintf(out, "\t%d\t", t->process);
		for (size_t i = 0; i < t->n_data; i++) {
			fprintf(out, "%02x", (unsigned char)t->data[i]);
		}
	}
	fprintf(out, "\n");
}

static void go_on(pid_t tid, int how, int signal)
{
	if (ptrace(how, tid, NULL, (void *)(long)signal) < 0 && errno != ESRCH) {
		die("ptrace");
	}
}

static void take_stop(pid_t tid, int status)
{
	struct task *t = task_get(tid);
	int signal = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_SECCOMP) {
		go_on(tid, entered(t), 0);
	} else if (signal == (SIGTRAP | 0x80)) {
		if (t->leaving) {
			left(t);
		}
		go_on(tid, PTRACE_CONT, 0);
	} else if (event == PTRACE_EVENT_EXEC) {
		if (*t->who == 'C') {
			strcpy(t->who, "X");
		}
		go_on(tid, t->leaving ? PTRACE_SYSCALL : PTRACE_CONT, 0);
	} else if (event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP)) {
		go_on(tid, PTRACE_LISTEN, 0);
	} else if (event) {	/* a new task, or one that has just begun */
		go_on(tid, t->leaving ? PTRACE_SYSCALL : PTRACE_CONT, 0);
	} else {
		go_on(tid, t->leaving ? PTRACE_SYSCALL : PTRACE_CONT, signal);
	}
}

/* --- the start --- */

static void install_filter(void)
{
	struct sock_filter code[N_CALLS + 3];
	struct sock_fprog filter = { .len = N_CALLS + 3, .filter = code };

	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < N_CALLS; i++) {
		code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number,
							   (unsigned char)(N_CALLS - i), 0);
	}
	code[N_CALLS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[N_CALLS + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	_Static_assert(N_CALLS < 250, "jumps have one byte");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) {
		die("seccomp");
	}
}

static void start(char **command, const sigset_t *old)
{
	int go[2];
	char byte;

	if (pipe2(go, O_CLOEXEC) < 0) {
		die("pipe2");
	}
	program = fork();
	if (program < 0) {
		die("fork");
	}
	if (!program) {
		(void)sigprocmask(SIG_SETMASK, old, NULL);
		close(go[1]);
		if (read(go[0], &byte, 1) != 1) {
			_exit(111);
		}
		install_filter();
		execv(*command, command);
		die(*command);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, program, NULL, (void *)(long)OPTIONS) < 0) {
		die("PTRACE_SEIZE");
	}
	if (write(go[1], "x", 1) != 1) {
		die("write");
	}
	close(go[1]);
}

static char **parse(int argc, char **argv)
{
	int i = 1;

	out = stderr;
	for (; i + 1 < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--root")) {
			root = argv[++i];
		} else if (!strcmp(argv[i], "--from")) {
			from = argv[++i];
		} else if (!strcmp(argv[i], "--data")) {
			with_data = true;
		} else if (!strcmp(argv[i], "--say")) {
			says = true;
		} else if (!strcmp(argv[i], "--out")) {
			out = fopen(argv[++i], "we");
			if (!out) {
				die(argv[i]);
			}
		} else if (!strcmp(argv[i], "--write") && i + 2 < argc) {
			write_path = argv[++i];
			write_text = argv[++i];
		} else if (!strcmp(argv[i], "--edit") && i + 3 < argc) {
			edit_place = argv[++i];
			edit_path = argv[++i];
			edit_text = argv[++i];
		} else if (strcmp(argv[i], "--fault") || n_faults == FAULTS_MAX ||
			   !parse_fault(argv[++i], &faults[n_faults++])) {
			break;
		}
	}
	if (i + 1 >= argc || strcmp(argv[i], "--")) {
		fputs("usage: inject --root DIR --out FILE [--data] [--say] [--write PATH TEXT] [--from PATH] "
		      "[--edit PLACE PATH TEXT] [--fault SPEC] ... -- PROGRAM ...\n", stderr);
		exit(100);
	}
	return argv + i + 1;
}

/* Takes all stops that there are; false: all tasks have ended. */
static bool drain(int *ret_status)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status)) {
			take_stop(tid, status);
			continue;
		}
		if (tid == program) {
			*ret_status = status;
			fprintf(out, "ended\t%s\t%d\n", WIFSIGNALED(status) ? "signal" : "status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		}
		task_forget(tid);
	}
	return tid == 0;
}

int main(int argc, char **argv)
{
	char **command = parse(argc, argv);
	sigset_t set, old;
	int status = 0, signal;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	start(command, &old);
	while (drain(&status)) {
		if (sigwait(&set, &signal)) {
			continue;
		}
		if (signal == SIGUSR1) {
			arm();
		} else if (signal == SIGTERM) {
			(void)kill(program, SIGTERM);
		}
	}
	fflush(out);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
