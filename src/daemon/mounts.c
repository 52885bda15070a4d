/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/mounts.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define TABLE_MAX ((size_t)64 << 20)

struct mounts {
	uv_poll_t poll;
	uv_idle_t idle;		/* for the first turns of the loop only */
	unsigned n_turns, n_handles;
	int fd;
	struct buf table;
	struct mount *by_point, *by_id;	/* the same ones; strings point into a second copy of the table */
	char *strings;
	size_t n;
	struct mount *was_by_id;	/* when the table was read before */
	char *was_strings;
	size_t n_was;
	const char **news;	/* points, of both */
	size_t n_news;
	bool any_waits, any_autofs;
	void (*changed)(void *arg);
	void *arg;
};

/* --- the table --- */

/* Whose files are on this machine, and what is no place for files. Of what is not among them, we do not know. */
static bool is_here(const char *type)
{
	static const char *const types[] = {
		"bcachefs", "bdev", "binder", "binfmt_misc", "bpf", "btrfs", "cgroup", "cgroup2", "configfs",
		"cpuset", "debugfs", "devpts", "devtmpfs", "ecryptfs", "efivarfs", "erofs", "exfat", "ext2",
		"ext3", "ext4", "f2fs", "fusectl", "hfs", "hfsplus", "hugetlbfs", "iso9660", "jffs2", "jfs",
		"minix", "mqueue", "msdos", "nilfs2", "nsfs", "ntfs3", "overlay", "pipefs", "proc", "pstore",
		"ramfs", "reiserfs", "resctrl", "rootfs", "rpc_pipefs", "securityfs", "selinuxfs", "sockfs",
		"squashfs", "sysfs", "tmpfs", "tracefs", "ubifs", "udf", "ufs", "vfat", "xfs", "zfs",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!strcmp(types[i], type)) {
			return true;
		}
	}
	return false;
}

static bool is_octal(const char *s)
{
	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7') {
			return false;
		}
	}
	return *s <= '3';
}

/* Undoes \040 and its like, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		char c = *s++;

		if (c == '\\' && is_octal(s)) {
			c = (char)((s[0] - '0') << 6 | (s[1] - '0') << 3 | (s[2] - '0'));
			s += 3;
		}
		*to++ = c;
	}
	*to = '\0';
}

/* proc_pid_mountinfo(5): ID PARENT DEVICE ROOT POINT OPTIONS [FIELD ...] - TYPE SOURCE OPTIONS */
static bool parse_line(char *line, struct mount *ret)
{
	char *type = strstr(line, " - "), *field, *rest = NULL;

	ret->print = hash_add(HASH_BEGIN, line, strlen(line));
	ret->id = strtoull(line, NULL, 10);
	if (!type) {
		return false;
	}
	*type = '\0';
	type += 3;
	type[strcspn(type, " ")] = '\0';
	field = strtok_r(line, " ", &rest);
	for (int i = 0; i < 4 && field; i++) {
		field = strtok_r(NULL, " ", &rest);
	}
	if (!field) {
		return false;
	}
	unescape(field);
	ret->point = field;
	ret->type = type;
	ret->kind = !strcmp(type, "autofs") ? MOUNT_AUTOFS : is_here(type) ? MOUNT_HERE : MOUNT_MAY_WAIT;
	return true;
}

static int compare_points(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;
	int c = strcmp(x->point, y->point);

	return c ? c : (x->line > y->line) - (x->line < y->line);
}

static int compare_ids(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void forget_was(struct mounts *m)
{
	free(m->news);
	free(m->was_by_id);
	free(m->was_strings);
	m->news = NULL;
	m->was_by_id = NULL;
	m->was_strings = NULL;
	m->n_was = m->n_news = 0;
}

static void forget(struct mounts *m)
{
	free(m->strings);
	free(m->by_point);
	free(m->by_id);
	m->strings = NULL;
	m->by_point = m->by_id = NULL;
	m->n = 0;
	m->any_waits = m->any_autofs = false;
}

/* What is known becomes what was known. */
static void age(struct mounts *m)
{
	forget_was(m);
	m->was_by_id = m->by_id;
	m->was_strings = m->strings;
	m->n_was = m->n;
	m->by_id = NULL;
	m->strings = NULL;
	forget(m);
}

/* A file system may be mounted under the number of one that was unmounted meanwhile. */
static void find_news(struct mounts *m)
{
	size_t i = 0, k = 0;

	m->news = calloc(m->n + m->n_was + 1, sizeof(*m->news));
	while (m->news && (i < m->n || k < m->n_was)) {
		int order = i == m->n ? 1 : k == m->n_was ? -1 : compare_ids(&m->by_id[i], &m->was_by_id[k]);
		bool same = !order && m->by_id[i].print == m->was_by_id[k].print;

		if (order <= 0 && !same) {
			m->news[m->n_news++] = m->by_id[i].point;
		}
		if (order >= 0 && !same) {
			m->news[m->n_news++] = m->was_by_id[k].point;
		}
		i += order <= 0;
		k += order >= 0;
	}
}

/* After chroot(2) into what is no mount point the table has no line for what is at /. Nothing of this process
 * would work if that did not answer. */
static void add_root(struct mounts *m)
{
	struct statx st;

	if (!statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, STATX_MNT_ID, &st)) {
		m->by_point[m->n++] = (struct mount){ .id = st.stx_mnt_id, .point = "/", .type = "rootfs", .kind = MOUNT_HERE };
	}
}

static int take_apart(struct mounts *m)
{
	size_t n_lines = 0;
	char *rest = NULL;
	bool has_root = false;

	age(m);
	for (size_t i = 0; i < m->table.len; i++) {
		n_lines += m->table.data[i] == '\n';
	}
	m->strings = strdup(buf_str(&m->table));
	m->by_point = calloc(n_lines + 2, sizeof(*m->by_point));	/* a line without its end, and the root */
	m->by_id = calloc(n_lines + 2, sizeof(*m->by_id));
	if (!m->strings || !m->by_point || !m->by_id) {
		forget(m);
		return -ENOMEM;
	}
	for (char *line = strtok_r(m->strings, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct mount *at = &m->by_point[m->n];

		at->line = (unsigned)m->n;
		if (parse_line(line, at)) {
			m->any_waits = m->any_waits || at->kind == MOUNT_MAY_WAIT;
			m->any_autofs = m->any_autofs || at->kind == MOUNT_AUTOFS;
			has_root = has_root || !strcmp(at->point, "/");
			m->n++;
		}
	}
	if (!has_root) {
		add_root(m);
	}
	memcpy(m->by_id, m->by_point, m->n * sizeof(*m->by_id));
	qsort(m->by_point, m->n, sizeof(*m->by_point), compare_points);
	qsort(m->by_id, m->n, sizeof(*m->by_id), compare_ids);
	find_news(m);
	return 0;
}

static int read_table(struct mounts *m)
{
	int r;

	buf_clear(&m->table);
	r = lseek(m->fd, 0, SEEK_SET) < 0 ? -errno : file_read_fd(m->fd, TABLE_MAX, &m->table);
	r = r ? r : take_apart(m);
	if (r) {
		forget_was(m);	/* nobody can tell what is new */
	}
	return r;
}

static void destroy(struct mounts *m)
{
	buf_deinit(&m->table);
	forget(m);
	forget_was(m);
	close_fd(m->fd);
	free(m);
}

int mounts_new(struct mounts **ret)
{
	struct mounts *m = calloc(1, sizeof(*m));
	int r;

	if (!m) {
		return -ENOMEM;
	}
	m->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	r = m->fd < 0 ? -errno : read_table(m);
	if (r) {
		destroy(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct mounts *m = handle->data;

	if (!--m->n_handles) {
		destroy(m);
	}
}

struct mounts *mounts_free(struct mounts *m)
{
	if (m && m->n_handles) {
		uv_close((uv_handle_t *)&m->poll, closed);
		uv_close((uv_handle_t *)&m->idle, closed);
	} else if (m) {
		destroy(m);
	}
	return NULL;
}

/* --- its changes --- */

/* proc(5): a change shows as an exceptional condition, until the file is read again. */
static void readable(uv_poll_t *poll, int status, int events)
{
	struct mounts *m = poll->data;

	(void)status;	/* the table is read whatever it was */
	(void)events;
	(void)read_table(m);	/* what cannot be read is as it was, and / is news */
	m->changed(m->arg);
}

/* The kernel tells of each change once, and a change between the first reading of the table and the
 * loop's first wait is told to epoll_ctl(2), which forgets it. So after that wait, compare. */
static void on_turn(uv_idle_t *idle)
{
	struct mounts *m = idle->data;
	struct buf before = m->table;

	if (!m->n_turns++) {
		return;		/* it has not waited yet */
	}
	(void)uv_idle_stop(idle);	/* cannot fail */
	m->table = (struct buf){ 0 };
	(void)read_table(m);	/* as in readable */
	if (!buf_same(&before, &m->table)) {
		m->changed(m->arg);
	}
	buf_deinit(&before);
}

int mounts_watch(struct mounts *m, struct uv_loop_s *loop, void (*changed)(void *arg), void *arg)
{
	int r = uv_poll_init(loop, &m->poll, m->fd);

	if (r) {
		return r;
	}
	m->changed = changed;
	m->arg = arg;
	(void)uv_idle_init(loop, &m->idle);	/* cannot fail */
	m->poll.data = m->idle.data = m;
	m->n_handles = 2;
	(void)uv_idle_start(&m->idle, on_turn);	/* fails only without a callback */
	return uv_poll_start(&m->poll, UV_PRIORITIZED, readable);
}

/* --- looking up --- */

const char *mounts_news(const struct mounts *m, size_t i)
{
	if (!m->news) {
		return i ? NULL : "/";
	}
	return i < m->n_news ? m->news[i] : NULL;
}

const struct mount *mounts_at(const struct mounts *m, const char *path)
{
	size_t low = 0, high = m->n;

	while (low < high) {	/* the first that lies behind */
		size_t middle = (low + high) / 2;

		if (strcmp(m->by_point[middle].point, path) <= 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low && !strcmp(m->by_point[low - 1].point, path) ? &m->by_point[low - 1] : NULL;
}

bool mounts_any_waits(const struct mounts *m)
{
	return m->any_waits;
}

bool mounts_any_autofs(const struct mounts *m)
{
	return m->any_autofs;
}

const struct mount *mounts_find(const struct mounts *m, uint64_t id)
{
	const struct mount key = { .id = id };

	return m->n ? bsearch(&key, m->by_id, m->n, sizeof(key), compare_ids) : NULL;
}
