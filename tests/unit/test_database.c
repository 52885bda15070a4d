/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The database against the real tinydns-data, byte for byte, after any sequence of changes; and who may have which
 * of its two files open when. */

#include "core/cdb.h"
#include "core/tinydns.h"
#include "core/tinydns_record.h"
#include "daemon/database.h"
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START "# start dynamic dns entries\n"
#define END "# end dynamic dns entries\n"

enum { N_NAMES = 40, TTL = 60, SERIAL_OF_REST = 1234567890 };

/* A directory, what our part has, and what the text says. */
struct world {
	char dir[64], judge[80], path[80];
	struct users *users;
	struct ip_set *sets[N_NAMES];
	bool hidden[N_NAMES];	/* covered by another output */
	unsigned ttl;
	const char *before, *behind;
	struct timespec version;
	struct database *database;
};

static const char everything_before[] =
	"%lo:127\n%ex\nZexample.org:ns.example.org:h.example.org:77:1:2:3:4:300\n"
	"Zexample.net:ns.example.net:h.example.net\n.example.com:127.0.0.1:ns.example.com:3600\n";
static const char everything_behind[] =
	"&sub.example.com:192.0.2.2:ns.sub.example.com\n=Host.Example.COM:192.0.2.3:600\n"
	"+*.dyn.example.com:192.0.2.99\n+u1.dyn.example.com:192.0.2.4\n+m.example.com:192.0.2.4\n"
	"+m.example.com:192.0.2.4\n+p.example.com:192.0.2.5:60::lo\n"
	"+l.example.com:192.0.2.6:60:4000000038af1379\n@example.com:192.0.2.8:mx.example.com:10\n"
	"'t.example.com:a text\\072 with \\342\\202\\254:300\nCalias.example.com:host.example.com\n"
	"^9.2.0.192.in-addr.arpa:host.example.com\n:any.example.com:65280:\\001\\002:5\n"
	"Zlo.example.net:ns.example.net:h.example.net:::::::60::lo\n-off.example.com:192.0.2.1\n\n# x\n";

static bool covers(const void *arg, uint32_t name)
{
	return !((const struct world *)arg)->hidden[name];
}

static void run(const char *dir)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (!chdir(dir)) {
			execlp("tinydns-data", "tinydns-data", NULL);
		}
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static struct buf slurp(const char *path)
{
	struct buf b = { 0 };
	char bytes[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		buf_add(&b, bytes, (size_t)n);
	}
	close(fd);
	return b;
}

/* What the real one makes of a text of that time. */
static struct buf judged(const struct world *w, const struct buf *text, const struct timespec *time)
{
	const struct timespec times[2] = { *time, *time };
	char data[100], cdb[100];
	int fd;

	snprintf(data, sizeof(data), "%s/data", w->judge);
	snprintf(cdb, sizeof(cdb), "%s/data.cdb", w->judge);
	fd = open(data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text->data, text->len), (ssize_t)text->len);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	run(w->judge);
	return slurp(cdb);
}

static void set_rest(struct world *w, const char *before, const char *behind)
{
	const struct timespec time = { .tv_sec = SERIAL_OF_REST };
	struct buf text = { 0 }, cdb;

	w->before = before;
	w->behind = behind;
	buf_adds(&text, before);
	buf_adds(&text, database_mark(w->database));
	buf_adds(&text, behind);
	cdb = judged(w, &text, &time);
	assert_int_equal(database_set_rest(w->database, &cdb, SERIAL_OF_REST), 0);
	buf_deinit(&cdb);
	buf_deinit(&text);
}

static int put(struct world *w, const uint32_t *names, uint32_t n)
{
	const struct database_content c = {
		.users = w->users, .sets = w->sets, .covers = covers, .arg = w, .ttl = w->ttl,
	};

	return database_put(w->database, &c, names, n, &w->version);
}

/* Publishes, and hands what is visible to the judge. */
static void put_and_compare(struct world *w, const uint32_t *names, uint32_t n)
{
	struct buf text = { 0 }, theirs, ours;
	struct stat st;

	assert_int_equal(put(w, names, n), 0);
	buf_adds(&text, w->before);
	buf_adds(&text, START);
	for (uint32_t i = 0; i < N_NAMES; i++) {
		if (!w->hidden[i]) {
			tinydns_render(&text, users_name(w->users, i), w->sets[i], w->ttl);
		}
	}
	buf_adds(&text, END);
	buf_adds(&text, w->behind);
	theirs = judged(w, &text, &w->version);
	ours = slurp(w->path);
	assert_int_equal(ours.len, theirs.len);
	assert_memory_equal(ours.data, theirs.data, theirs.len);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, w->version.tv_sec);
	assert_int_equal(st.st_mtim.tv_nsec, w->version.tv_nsec);
	buf_deinit(&text);
	buf_deinit(&theirs);
	buf_deinit(&ours);
}

/* The way that the daemon goes after each publish. */
static void copy(struct world *w)
{
	if (database_wants_copy(w->database)) {
		assert_int_equal(database_copy(w->database), 0);
	}
}

static void set_addresses(struct world *w, uint32_t name, unsigned n_v4, unsigned n_v6)
{
	struct ip ips[64];

	for (unsigned i = 0; i < n_v4 + n_v6; i++) {
		ips[i] = (struct ip){ .n = i < n_v4 ? 4 : 16 };
		for (int k = 0; k < 16; k++) {
			ips[i].bytes[k] = (uint8_t)random();
		}
	}
	ip_set_free(w->sets[name]);
	assert_int_equal(ip_set_new(ips, n_v4 + n_v6, 64, &w->sets[name]), 0);
}

static void later(struct world *w)
{
	w->version.tv_sec++;
	w->version.tv_nsec = 120;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/test_database.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->judge, sizeof(w->judge), "%s/judge", w->dir);
	snprintf(w->path, sizeof(w->path), "%s/data.cdb", w->dir);
	assert_int_equal(mkdir(w->judge, 0700), 0);
	w->users = users_new();
	for (int i = 0; i < N_NAMES; i++) {
		char user[16], name[40];
		int n = snprintf(user, sizeof(user), "u%d", i);
		int n_name = snprintf(name, sizeof(name), "%su%d.dyn.example.com", i % 7 == 3 ? "*." : "", i);
		uint32_t other;

		assert_int_equal(users_add(w->users, user, (size_t)n), 0);
		assert_int_equal(users_add_name(w->users, name, (size_t)n_name, &other), 0);
	}
	w->ttl = TTL;
	w->version = (struct timespec){ .tv_sec = 1700000000, .tv_nsec = 120 };
	signal(SIGIO, SIG_IGN);
	srandom(1);
	assert_int_equal(database_new(w->path, &w->database), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[100];

	database_free(w->database);
	for (int i = 0; i < N_NAMES; i++) {
		ip_set_free(w->sets[i]);
	}
	users_free(w->users);
	snprintf(command, sizeof(command), "rm -r '%s'", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* --- */

static void nothing_at_all(void **state)
{
	set_rest(*state, "", "");
	put_and_compare(*state, NULL, 0);
}

static void all_types_and_places(void **state)
{
	struct world *w = *state;

	for (uint32_t i = 0; i < N_NAMES; i++) {
		set_addresses(w, i, i % 3, i % 4 / 2);
	}
	w->hidden[5] = true;
	set_rest(w, everything_before, everything_behind);
	put_and_compare(w, NULL, 0);
	set_rest(w, "", everything_behind);
	put_and_compare(w, NULL, 0);
	set_rest(w, everything_before, "");
	put_and_compare(w, NULL, 0);
}

/* Any sequence of changes, named to it or not. */
/* Up to so many names, each once, get other addresses; one in so many gets another number of them. */
static uint32_t change(struct world *w, uint32_t n_max, unsigned rarely, uint32_t names[N_NAMES])
{
	uint32_t n = 0;

	for (uint32_t i = (uint32_t)random() % (n_max + 1); i; i--) {
		uint32_t name = (uint32_t)random() % N_NAMES;
		const struct ip_set *set = w->sets[name];
		bool again = false;

		for (uint32_t k = 0; k < n; k++) {
			again = again || names[k] == name;
		}
		if (again) {
			continue;
		}
		names[n++] = name;
		w->hidden[name] = random() % 8 ? w->hidden[name] : !w->hidden[name];
		if ((unsigned)random() % rarely) {
			set_addresses(w, name, set ? set->n_v4 : 1, set ? set->n_v6 : 0);
		} else if (random() % 20) {
			set_addresses(w, name, (unsigned)random() % 3, (unsigned)random() % 3);
		} else {
			set_addresses(w, name, (unsigned)random() % 20, (unsigned)random() % 20);
		}
	}
	return n;
}

static void any_changes(void **state)
{
	struct world *w = *state;

	set_rest(w, everything_before, everything_behind);
	for (int round = 0; round < 400; round++) {
		uint32_t names[N_NAMES], n = change(w, random() % 10 ? 4 : 4 * N_NAMES, 10, names);

		if (random() % 5 == 0) {
			later(w);
		}
		if (random() % 20 == 0) {
			w->ttl = (unsigned)random() % 1000;
		}
		if (random() % 30 == 0) {
			set_rest(w, random() % 2 ? everything_before : "", everything_behind);
		}
		put_and_compare(w, random() % 20 ? names : NULL, n);
		if (random() % 4) {
			copy(w);
		}
	}
}

/* Names that come and go, one after another or many at once. */
static void names_come_and_go(void **state)
{
	struct world *w = *state;

	set_rest(w, everything_before, everything_behind);
	put_and_compare(w, NULL, 0);
	copy(w);
	for (int round = 0; round < 300; round++) {
		uint32_t names[N_NAMES], n = change(w, random() % 10 ? 2 : N_NAMES, 2, names);

		if (random() % 3 == 0) {
			later(w);
		}
		put_and_compare(w, names, n);
		if (random() % 2) {
			copy(w);
		}
	}
}

/* Of a name that the other file lacks more was put into the roster, which has not been handed on yet. */
static void what_changed_last_has_grown_since(void **state)
{
	struct world *w = *state;
	const uint32_t first = 5, second = 30;

	for (uint32_t i = 0; i < N_NAMES; i++) {
		set_addresses(w, i, 1, 0);
	}
	set_rest(w, "", everything_behind);
	put_and_compare(w, NULL, 0);
	copy(w);
	set_addresses(w, first, 1, 0);
	put_and_compare(w, &first, 1);
	set_addresses(w, first, 3, 0);
	set_addresses(w, second, 1, 0);
	put_and_compare(w, &second, 1);
}

static ino_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* A changed value takes turns between two files, and never makes a third. */
static void two_files_take_turns(void **state)
{
	struct world *w = *state;
	const uint32_t name = 2;
	ino_t a, b;

	set_rest(w, everything_before, everything_behind);
	set_addresses(w, name, 1, 1);
	put_and_compare(w, NULL, 0);
	copy(w);
	a = inode(w->path);
	set_addresses(w, name, 1, 1);
	put_and_compare(w, &name, 1);
	b = inode(w->path);
	assert_int_not_equal(a, b);
	for (int i = 0; i < 10; i++) {
		set_addresses(w, name, 1, 1);
		later(w);
		put_and_compare(w, &name, 1);
		assert_int_equal(inode(w->path), i % 2 ? b : a);
	}
}

/* So does a name that comes or goes. */
static void so_does_a_name_that_comes(void **state)
{
	struct world *w = *state;
	ino_t files[2] = { 0 };

	set_rest(w, everything_before, everything_behind);
	put_and_compare(w, NULL, 0);
	files[0] = inode(w->path);
	copy(w);
	for (unsigned i = 0; i < 12; i++) {
		const uint32_t name = i * 7 % N_NAMES;

		set_addresses(w, name, 1 + i % 3, i % 2);
		later(w);
		put_and_compare(w, &name, 1);
		files[1] = files[1] ? files[1] : inode(w->path);
		assert_int_equal(inode(w->path), files[(i + 1) % 2]);
		if (i % 5) {
			copy(w);
		}
	}
}

/* What somebody has written into the visible file is not copied. */
static void what_was_spoiled_is_made_anew(void **state)
{
	struct world *w = *state;
	const uint32_t name = 3;
	int fd;

	set_rest(w, everything_before, everything_behind);
	put_and_compare(w, NULL, 0);
	copy(w);
	fd = open(w->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "spoiled", 7, 2100), 7);
	(void)close(fd);
	set_addresses(w, name, 2, 2);
	put_and_compare(w, &name, 1);
}

/* Whoever has the second file open keeps what he sees: a whole new one is made. */
static void a_reader_keeps_what_he_sees(void **state)
{
	struct world *w = *state;
	const uint32_t name = 2;
	struct buf before, after = { 0 };
	char bytes[1 << 16];
	ssize_t n;
	int fd;

	set_rest(w, everything_before, everything_behind);
	set_addresses(w, name, 1, 0);
	put_and_compare(w, NULL, 0);
	copy(w);
	fd = open(w->path, O_RDONLY | O_CLOEXEC);
	before = slurp(w->path);
	for (int i = 0; i < 5; i++) {
		set_addresses(w, name, 1, 0);
		put_and_compare(w, &name, 1);
		copy(w);
	}
	n = pread(fd, bytes, sizeof(bytes), 0);
	buf_add(&after, bytes, (size_t)n);
	close(fd);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	buf_deinit(&before);
	buf_deinit(&after);
}

/* Somebody's own, put there by a rename, is noticed, and replaced. */
static void a_foreign_one_is_replaced(void **state)
{
	struct world *w = *state;
	const uint32_t name = 2;
	char other[80];
	int fd;

	snprintf(other, sizeof(other), "%s/other", w->dir);
	set_rest(w, everything_before, everything_behind);
	set_addresses(w, name, 1, 0);
	put_and_compare(w, NULL, 0);
	copy(w);
	assert_false(database_look(w->database));
	for (int i = 0; i < 3; i++) {
		fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		close(fd);
		assert_int_equal(rename(other, w->path), 0);
		assert_true(database_look(w->database));
		set_addresses(w, name, 1, 0);
		put_and_compare(w, &name, 1);
		assert_false(database_look(w->database));
		copy(w);
	}
	assert_int_equal(unlink(w->path), 0);
	put_and_compare(w, &name, 1);
}

static void its_mode_is_that_of_the_one_before(void **state)
{
	struct world *w = *state;
	struct stat st;

	set_rest(w, "", "");
	put_and_compare(w, NULL, 0);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(chmod(w->path, 0640), 0);
	put_and_compare(w, NULL, 0);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* What cannot be written leaves what is there, and no litter. */
static void a_failure_leaves_the_last_good_one(void **state)
{
	struct world *w = *state;
	struct buf before, after;
	char moved[100];

	set_rest(w, everything_before, everything_behind);
	set_addresses(w, 2, 1, 0);
	put_and_compare(w, NULL, 0);
	before = slurp(w->path);
	signal(SIGXFSZ, SIG_IGN);
	{
		const struct rlimit none = { 100, RLIM_INFINITY };
		struct rlimit old;

		assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		set_addresses(w, 2, 2, 0);
		assert_int_equal(put(w, NULL, 0), -EFBIG);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	}
	assert_non_null(strstr(database_trouble(w->database), "data.cdb"));
	after = slurp(w->path);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	snprintf(moved, sizeof(moved), "%s/.data.cdb.dnsu.part", w->dir);
	assert_int_equal(inode(moved), 0);
	put_and_compare(w, NULL, 0);
	buf_deinit(&before);
	buf_deinit(&after);
}

/* --- what is no database of tinydns-data's */

static void refused(void **state)
{
	struct world *w = *state;
	struct buf cdb = { 0 };
	char zeros[4096] = { 0 };

	assert_int_equal(database_set_rest(w->database, &cdb, 1), DATABASE_E_FORMAT);
	buf_add(&cdb, zeros, sizeof(zeros));
	assert_int_equal(database_set_rest(w->database, &cdb, 1), DATABASE_E_FORMAT);
	cdb_put32((uint8_t *)cdb.data, 4096);	/* records of no length, up to the end: without the mark */
	assert_int_equal(database_set_rest(w->database, &cdb, 1), DATABASE_E_FORMAT);
	cdb_put32((uint8_t *)cdb.data + CDB_HEADER, 5000);	/* a key beyond the end */
	assert_int_equal(database_set_rest(w->database, &cdb, 1), DATABASE_E_FORMAT);
	buf_deinit(&cdb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		ONE(nothing_at_all), ONE(all_types_and_places), ONE(any_changes), ONE(names_come_and_go),
		ONE(two_files_take_turns), ONE(so_does_a_name_that_comes), ONE(what_was_spoiled_is_made_anew),
		ONE(what_changed_last_has_grown_since),
		ONE(a_reader_keeps_what_he_sees), ONE(a_foreign_one_is_replaced),
		ONE(its_mode_is_that_of_the_one_before), ONE(a_failure_leaves_the_last_good_one), ONE(refused),
	};

	if (system("command -v tinydns-data >/dev/null")) {
		return 77;	/* skipped */
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
