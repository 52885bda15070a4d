/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What the machine and others take for what we do, without us: microseconds, one on each line.
 *
 *	limits run ROUNDS COMMAND ...	a program, from its start to its end
 *	limits wake ROUNDS		a process that waits for another one's byte, until it runs; 5 ms of quiet before
 *	limits copy ROUNDS BYTES	so much memory, copied
 *	limits replace ROUNDS BYTES PATH	so much written to PATH.new, flushed, renamed to PATH, and its directory flushed */

#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int run(int n, char **argv)
{
	for (int i = 0; i < n; i++) {
		double start = now_us();
		int status;
		pid_t pid;

		if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) < 0 ||
		    status != 0) {
			return 1;
		}
		printf("%.1f\n", now_us() - start);
	}
	return 0;
}

/* The byte is when it was sent: both have one clock. */
static int wake(int n)
{
	double sent;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0) {
		return 1;
	}
	pid = fork();
	if (!pid) {
		close(ends[0]);
		for (int i = 0; i < n; i++) {
			usleep(5000);
			sent = now_us();
			if (write(ends[1], &sent, sizeof(sent)) != sizeof(sent)) {
				_exit(1);
			}
		}
		_exit(0);
	}
	close(ends[1]);
	while (read(ends[0], &sent, sizeof(sent)) == sizeof(sent)) {
		printf("%.1f\n", now_us() - sent);
	}
	return pid < 0 || waitpid(pid, NULL, 0) < 0;
}

static int copy(int n, size_t size)
{
	char *from = malloc(size), *to = malloc(size);

	if (!from || !to) {
		return 1;
	}
	memset(from, 1, size);
	memset(to, 2, size);
	for (int i = 0; i < n; i++) {
		double start = now_us();

		memcpy(to, from, size);
		printf("%.1f\n", now_us() - start);
		from[i % (int)size] = to[size - 1];	/* or no copy is needed */
	}
	free(from);
	free(to);
	return 0;
}

static int replace(int n, size_t size, const char *path)
{
	char *bytes = malloc(size), new[4096], *dir = strdup(path);
	int dir_fd = dir ? open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, r = !bytes || dir_fd < 0;

	snprintf(new, sizeof(new), "%s.new", path);
	for (int i = 0; i < n && !r; i++) {
		double start = now_us();
		int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		memset(bytes, 'a' + i % 26, size);
		r = fd < 0 || write(fd, bytes, size) != (ssize_t)size || fsync(fd) < 0 || close(fd) < 0 ||
		    rename(new, path) < 0 || fsync(dir_fd) < 0;
		printf("%.1f\n", now_us() - start);
	}
	free(dir);
	free(bytes);
	return r;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "run")) {
		return run(atoi(argv[2]), argv + 3);
	}
	if (argc > 2 && !strcmp(argv[1], "wake")) {
		return wake(atoi(argv[2]));
	}
	if (argc > 3 && !strcmp(argv[1], "copy")) {
		return copy(atoi(argv[2]), (size_t)atoll(argv[3]));
	}
	if (argc > 4 && !strcmp(argv[1], "replace")) {
		return replace(atoi(argv[2]), (size_t)atoll(argv[3]), argv[4]);
	}
	return 100;
}
