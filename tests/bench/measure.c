/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The user and the resolver of the benchmarks, in one process without an interpreter: writes address files, and asks
 * a name server until it answers with what was written. User number N has the directory DIR/uNNNNNNN and the name
 * uNNNNNNN.ZONE.
 *
 *	measure latency DIR ZONE SERVER USERS CHANGES PAUSE_US [SECONDS]
 *		microseconds of each change from close(2) to the changed answer, one on each line
 *	measure add DIR ZONE SERVER USERS CHANGES PAUSE_US [SECONDS]
 *		the same for a name that was withdrawn before
 *	measure burst DIR ZONE SERVER USERS CHANGES [SECONDS]
 *		changes one after another, then all that were written last are asked for
 *	measure query DIR ZONE SERVER USERS QUERIES
 *		microseconds of each answer
 *	measure close DIR ZONE SERVER USERS CHANGES
 *		microseconds of each close(2) of a file that was written
 *	measure read DIR ZONE SERVER USERS
 *		seconds to open, look at, read and close each file once, by as many processes as there are processors
 *	measure make DIR ZONE SERVER USERS
 *		the directories, with a file in each
 *
 * SERVER is an IPv4 address, or one and a port after a colon. With SECONDS it ends after that time, too. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TIMEOUT_S = 120,
	STRIDE = 7919,
	POLL_SHARE = 50, /* one part in so many of the time waited is the pause between two questions */
	POLL_MIN_US = 50, /* where it would be shorter, there is none */
};

static const char *dir, *zone;
static int server;
static unsigned n_users;
static double end_us;	/* of CLOCK_MONOTONIC: no change is begun afterwards */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void connect_to(const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct timeval patience = { .tv_sec = 1 };
	char ip[64];
	const char *colon = strchr(text, ':');

	snprintf(ip, sizeof(ip), "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);
	if (colon) {
		to.sin_port = htons((uint16_t)atoi(colon + 1));
	}
	if (inet_pton(AF_INET, ip, &to.sin_addr) != 1) {
		die(text);
	}
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server < 0 || connect(server, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
		die("socket");
	}
}

static int open_file(unsigned user)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/u%07u/.dynamicdns", dir, user);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		die(path);
	}
	return fd;
}

/* The address of change number `change`: none comes twice in a row, nor after a former run. */
static uint32_t address_of(unsigned change)
{
	static unsigned first;

	first = first ? first : (unsigned)now_us();
	return 0x64400000u + (first + change) % 0x3fffffu;	/* 100.64.0.0/10, RFC 6598 */
}

static void write_address(int fd, uint32_t address)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u.%u.%u.%u\n", address >> 24, address >> 16 & 255,
			 address >> 8 & 255, address & 255);

	if (write(fd, text, (size_t)n) != n) {
		die("write");
	}
}

static size_t make_query(uint8_t *to, unsigned user)
{
	static uint16_t id;
	char name[300];
	uint8_t *at = to + 12, *length = at++;

	id++;
	memset(to, 0, 12);
	to[0] = (uint8_t)(id >> 8);
	to[1] = (uint8_t)id;
	to[5] = 1;
	snprintf(name, sizeof(name), "u%07u.%s", user, zone);
	for (const char *c = name;; c++) {
		if (*c == '.' || !*c) {
			*length = (uint8_t)(at - length - 1);
			length = at++;
		} else {
			*at++ = (uint8_t)*c;
		}
		if (!*c) {
			break;
		}
	}
	*length = 0;
	memcpy(at, "\0\1\0\1", 4);	/* A, IN */
	return (size_t)(at - to) + 4;
}

/* The length of the answer about this user, and where its records begin; 0 when there was none in time. */
static size_t ask(unsigned user, uint8_t *reply, size_t size, size_t *ret_records)
{
	uint8_t query[512];
	ssize_t got;

	*ret_records = make_query(query, user);
	if (send(server, query, *ret_records, 0) < 0) {
		return 0;
	}
	do {
		got = recv(server, reply, size, 0);
		if (got < 0) {
			return 0;
		}
	} while (got < 12 || memcmp(reply, query, 2) != 0);
	return (size_t)got;
}

/* Whether it answers with this address and no other; with 0, that there is none. */
static int answers(unsigned user, uint32_t address)
{
	uint8_t reply[4096], rdata[6] = { 0, 4 };
	size_t at, n = ask(user, reply, sizeof(reply), &at);

	if (!n || !address) {
		return n && !reply[6] && !reply[7];
	}
	address = htonl(address);
	memcpy(rdata + 2, &address, 4);
	return reply[6] * 256 + reply[7] == 1 && memmem(reply + at, n - at, rdata, 6);
}

/* Who asks without a pause takes a processor, and with it time of those that are measured: after some milliseconds
 * he pauses between two questions, for a small share of the time that he has waited already. */
static int comes(unsigned user, uint32_t address)
{
	double begin = now_us();

	while (!answers(user, address)) {
		double waited_us = now_us() - begin;

		if (waited_us > TIMEOUT_S * 1e6) {
			return 0;
		}
		if (waited_us > POLL_SHARE * POLL_MIN_US) {
			usleep((unsigned)(waited_us / POLL_SHARE));
		}
	}
	return 1;
}

static void wait_for(unsigned user, uint32_t address)
{
	if (!comes(user, address)) {
		fprintf(stderr, "u%07u does not get %08x\n", user, address);
		exit(1);
	}
}

/* When the file was about to be closed; 0 stands for no address. */
static double change(unsigned user, uint32_t address)
{
	int fd = open_file(user);
	double start;

	if (address) {
		write_address(fd, address);
	} else if (write(fd, "none\n", 5) != 5) {
		die("write");
	}
	start = now_us();
	close(fd);
	return start;
}

static void latency(unsigned n, unsigned pause_us, int withdraw)
{
	for (unsigned i = 0; i < n && now_us() < end_us; i++) {
		unsigned user = (unsigned)((uint64_t)i * STRIDE % n_users);
		double start;

		if (withdraw) {
			change(user, 0);
			wait_for(user, 0);
			usleep(pause_us);
		}
		start = change(user, address_of(i));
		wait_for(user, address_of(i));
		printf("%.1f\n", now_us() - start);
		usleep(pause_us);
	}
}

static void queries(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t reply[4096];
		size_t at;
		double start = now_us();

		if (!ask((unsigned)((uint64_t)i * STRIDE % n_users), reply, sizeof(reply), &at)) {
			die("no answer");
		}
		printf("%.1f\n", now_us() - start);
	}
}

static void closes(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		double start = change((unsigned)((uint64_t)i * STRIDE % n_users), address_of(i));

		printf("%.1f\n", now_us() - start);
	}
}

static void burst(unsigned n)
{
	uint32_t *last = calloc(n_users, sizeof(*last));
	unsigned n_wrong = 0, n_late = 0, n_asked = 0;
	double start = now_us(), written, seen;

	for (unsigned i = 0; i < n; i++) {
		if (now_us() > end_us) {
			n = i;
			break;
		}
		last[i % n_users] = address_of(i);
		change(i % n_users, last[i % n_users]);
	}
	written = now_us();
	wait_for((n - 1) % n_users, last[(n - 1) % n_users]);
	seen = now_us();
	for (unsigned i = 0; i < n_users; i++) {
		n_asked += last[i] != 0;
		if (last[i] && !answers(i, last[i])) {
			n_late++;
			n_wrong += !comes(i, last[i]);
			seen = now_us();
		}
	}
	printf("changes %u\nwriting_s %.6f\nafter_last_ms %.3f\nrate %.1f\nasked %u\nlate %u\nwrong %u\n", n,
	       (written - start) / 1e6, (seen - written) / 1e3, n / (seen - start) * 1e6, n_asked, n_late, n_wrong);
	free(last);
}

static void make(void)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char path[4096];

	for (unsigned i = 0; i < n_users; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/u%07u", dir, i);
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			die(path);
		}
		fd = open_file(i);
		write_address(fd, 0xc6336400u + i % 256);	/* 198.51.100.0/24 */
		if (futimens(fd, times) < 0) {	/* settled long ago */
			die("futimens");
		}
		close(fd);
	}
}

static void read_share(unsigned first, unsigned step)
{
	for (unsigned i = first; i < n_users; i += step) {
		char path[4096], text[256];
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), "%s/u%07u/.dynamicdns", dir, i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0 || read(fd, text, sizeof(text)) < 0) {
			die(path);
		}
		close(fd);
	}
}

static void read_all(void)
{
	unsigned n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	double start = now_us();

	for (unsigned i = 0; i < n; i++) {
		if (!fork()) {
			read_share(i, n);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		int status;

		if (wait(&status) < 0 || status) {
			die("a reader failed");
		}
	}
	printf("%.4f\n", (now_us() - start) / 1e6);
}

int main(int argc, char **argv)
{
	if (argc < 6) {
		return 100;
	}
	dir = argv[2];
	zone = argv[3];
	connect_to(argv[4]);
	n_users = (unsigned)atoi(argv[5]);
	end_us = 1e18;
	if ((!strcmp(argv[1], "latency") || !strcmp(argv[1], "add")) && argc > 7) {
		end_us = argc > 8 ? now_us() + atof(argv[8]) * 1e6 : end_us;
		latency((unsigned)atoi(argv[6]), (unsigned)atoi(argv[7]), *argv[1] == 'a');
	} else if (!strcmp(argv[1], "burst") && argc > 6) {
		end_us = argc > 7 ? now_us() + atof(argv[7]) * 1e6 : end_us;
		burst((unsigned)atoi(argv[6]));
	} else if (!strcmp(argv[1], "query") && argc > 6) {
		queries((unsigned)atoi(argv[6]));
	} else if (!strcmp(argv[1], "close") && argc > 6) {
		closes((unsigned)atoi(argv[6]));
	} else if (!strcmp(argv[1], "read")) {
		read_all();
	} else if (!strcmp(argv[1], "make")) {
		make();
	} else {
		return 100;
	}
	return 0;
}
