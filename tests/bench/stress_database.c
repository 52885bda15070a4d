/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The database changed as fast as can be between two addresses of which every byte differs, while the real tinydns is
 * asked without a pause, readers keep files open, and somebody puts databases of his own in the place:
 *
 *	stress_database DIR SERVER SECONDS [spoil]
 *
 * DIR is tinydns's root, with a data.cdb that has x.example.com; SERVER its IPv4 address. spoil: writes to the visible
 * file itself, to show that the stress would tell. Prints what was seen; exit status 1: an answer was mixed, or an old
 * one came after a publish. */

#include "daemon/database.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	VERSION_S = 1000000000,	/* the time that all files bear */ N_ASKERS = 2, CHECK_EVERY = 500 };

static const uint8_t v4[2][4] = { { 17, 34, 51, 68 }, { 221, 188, 170, 153 } };
static const uint8_t v6[2][16] = {
	{ 0x20, 1, 0x0d, 0xb8, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 1 },
	{ 0x2a, 2, 0x1c, 0x47, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x80, 0x77, 0x66, 0x55, 0x44, 0xfe },
};

static char path[4096];
static struct sockaddr_in server = { .sin_family = AF_INET };
static atomic_bool ends;
static atomic_ulong n_asked, n_mixed, n_unanswered;
static pthread_mutex_t others = PTHREAD_MUTEX_INITIALIZER;	/* held while nobody else may change the file */

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int open_socket(void)
{
	const struct timeval patience = { .tv_usec = 300 * 1000 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0) {
		die("socket");
	}
	return fd;
}

/* Which of the two it is, 0 or 1; 2: another; -1: no answer. */
static int ask(int fd, bool six, uint16_t id)
{
	uint8_t query[] = "\0\0\0\0\0\1\0\0\0\0\0\0\1x\7example\3com\0\0\1\0\1", reply[512];
	const size_t n = sizeof(query) - 1, n_rdata = six ? 16 : 4;
	ssize_t got;

	query[0] = (uint8_t)(id >> 8);
	query[1] = (uint8_t)id;
	query[n - 3] = six ? 28 : 1;
	if (send(fd, query, n, 0) < 0) {
		return -1;
	}
	do {
		got = recv(fd, reply, sizeof(reply), 0);
		if (got < 0) {
			return -1;
		}
	} while (got < 12 || memcmp(reply, query, 2) != 0);
	if (reply[7] != 1 || (size_t)got < n + 12 + n_rdata) {
		return -1;	/* none in it: the file was opened while it was under a lease, or is being made */
	}
	for (int i = 0; i < 2; i++) {
		if (!memcmp(reply + n + 12, six ? v6[i] : v4[i], n_rdata)) {
			return i;
		}
	}
	return 2;
}

static void *asker(void *arg)
{
	int fd = open_socket();
	uint16_t id = 0;

	(void)arg;
	while (!ends) {
		int r = ask(fd, id & 1, id);

		id++;
		n_asked++;
		n_mixed += r == 2;
		n_unanswered += r < 0;
	}
	close(fd);
	return NULL;
}

static void nap(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* As axfrdns reads: for long, and what it reads does not change. */
static void *long_reader(void *arg)
{
	atomic_ulong *n_changed = arg;

	while (!ends) {
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		struct stat st;
		uint8_t *map, *before;

		if (fd < 0 || fstat(fd, &st) < 0) {
			continue;
		}
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
		before = malloc((size_t)st.st_size);
		if (map == MAP_FAILED || !before) {
			die("mmap");
		}
		memcpy(before, map, (size_t)st.st_size);
		nap(30);
		*n_changed += memcmp(before, map, (size_t)st.st_size) != 0;
		munmap(map, (size_t)st.st_size);
		free(before);
		nap(20);
	}
	return NULL;
}

/* As a make(1) by hand does. */
static void *foreigner(void *arg)
{
	char other[4200], bytes[1 << 16];

	(void)arg;
	snprintf(other, sizeof(other), "%s.other", path);
	while (!ends) {
		int from, to;
		ssize_t n;

		nap(100);
		pthread_mutex_lock(&others);
		from = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		to = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		n = from < 0 || to < 0 ? -1 : read(from, bytes, sizeof(bytes));
		if (n > 0 && write(to, bytes, (size_t)n) == n) {
			rename(other, path);
		}
		close(from);
		close(to);
		pthread_mutex_unlock(&others);
	}
	unlink(other);
	return NULL;
}

static bool covers(const void *arg, uint32_t name)
{
	(void)arg;
	(void)name;
	return true;
}

/* What must never be done; and so that nobody notices. */
static void spoil(const struct ip_set *set, const struct ip_set *was)
{
	const struct timespec times[2] = { { .tv_sec = VERSION_S }, { .tv_sec = VERSION_S } };
	char bytes[1 << 16];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	const char *at = n > 0 ? memmem(bytes, (size_t)n, ip_set_v4(was, 0), 4) : NULL;

	if (at && pwrite(fd, ip_set_v4(set, 0), 4, at - bytes) != 4) {
		die("pwrite");
	}
	if (fd >= 0 && futimens(fd, times) < 0) {
		die("futimens");
	}
	close(fd);
}

static void make_rest(struct database *d)
{
	/* An empty one, with nothing but the mark: its record stands alone. */
	struct buf cdb = { 0 };
	char dir[] = "/tmp/stress_database.XXXXXX", command[200];
	FILE *f;
	int c;

	if (!mkdtemp(dir)) {
		die("mkdtemp");
	}
	snprintf(command, sizeof(command), "%s/data", dir);
	f = fopen(command, "w");
	if (!f || fputs(".example.com:127.0.0.1:ns.example.com\n", f) < 0 || fputs(database_mark(d), f) < 0 ||
	    fclose(f)) {
		die(command);
	}
	snprintf(command, sizeof(command), "cd %s && tinydns-data", dir);
	if (system(command)) {
		die("tinydns-data");
	}
	snprintf(command, sizeof(command), "%s/data.cdb", dir);
	f = fopen(command, "r");
	while (f && (c = fgetc(f)) != EOF) {
		buf_add(&cdb, &(char){ (char)c }, 1);
	}
	if (!f || fclose(f) || database_set_rest(d, &cdb, 0)) {
		die("database_set_rest");
	}
	buf_deinit(&cdb);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command)) {
		die("rm");
	}
}

int main(int argc, char **argv)
{
	const struct timespec version = { .tv_sec = VERSION_S };
	pthread_t askers[N_ASKERS], reader, other;
	struct users *users = users_new();
	struct ip_set *sets[2], *set = NULL;
	struct database_content content = { .users = users, .sets = &set, .covers = covers, .ttl = 60 };
	atomic_ulong n_changed = 0;
	unsigned long n_puts = 0, n_stale = 0;
	struct database *d;
	const uint32_t name = 0;
	uint32_t owner;
	time_t end;
	int fd;

	if (argc < 4 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
		return 100;
	}
	server.sin_port = htons(53);
	snprintf(path, sizeof(path), "%s/data.cdb", argv[1]);
	signal(SIGIO, SIG_IGN);
	if (users_add(users, "x", 1) || users_add_name(users, "x.example.com", 13, &owner) ||
	    database_new(path, &d)) {
		die("start");
	}
	for (int i = 0; i < 2; i++) {
		struct ip ips[2] = { { .n = 4 }, { .n = 16 } };

		memcpy(ips[0].bytes, v4[i], 4);
		memcpy(ips[1].bytes, v6[i], 16);
		if (ip_set_new(ips, 2, 8, &sets[i])) {
			die("ip_set_new");
		}
	}
	make_rest(d);
	set = sets[0];
	if (database_put(d, &content, NULL, 0, &version)) {
		fprintf(stderr, "%s\n", database_trouble(d));
		return 2;
	}
	fd = open_socket();
	for (int i = 0; i < N_ASKERS; i++) {
		pthread_create(&askers[i], NULL, asker, NULL);
	}
	pthread_create(&reader, NULL, long_reader, &n_changed);
	pthread_create(&other, NULL, foreigner, NULL);
	end = time(NULL) + atol(argv[3]);
	while (time(NULL) < end) {
		bool checks = ++n_puts % CHECK_EVERY == 0;

		if (checks) {
			pthread_mutex_lock(&others);
		}
		set = sets[n_puts % 2];
		if (database_put(d, &content, &name, 1, &version)) {
			fprintf(stderr, "%s\n", database_trouble(d));
			return 2;
		}
		if (argc > 4) {
			spoil(set, sets[(n_puts + 1) % 2]);
			spoil(sets[(n_puts + 1) % 2], set);
			spoil(set, sets[(n_puts + 1) % 2]);
		}
		if (checks) {
			bool six = n_puts / CHECK_EVERY % 2;
			int r = ask(fd, six, (uint16_t)n_puts);

			n_stale += r >= 0 && r != (int)(n_puts % 2);
			pthread_mutex_unlock(&others);
		}
		if (database_wants_copy(d)) {
			(void)database_copy(d);
		}
	}
	ends = true;
	for (int i = 0; i < N_ASKERS; i++) {
		pthread_join(askers[i], NULL);
	}
	pthread_join(reader, NULL);
	pthread_join(other, NULL);
	printf("%lu publishes, %lu questions, %lu mixed, %lu stale, %lu open files changed, %lu without an answer\n", n_puts,
	       n_asked, n_mixed, n_stale, n_changed, n_unanswered);
	database_free(d);
	close(fd);
	ip_set_free(sets[0]);
	ip_set_free(sets[1]);
	users_free(users);
	return n_mixed || n_stale || n_changed;
}
