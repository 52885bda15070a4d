/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/splice.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/section.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <syslog.h>

enum {
	LATE_MAX = 64,			/* displaced files kept for longer than a publish */
	LATE_ROOM = 256,		/* at any time */
	LATE_KEEP_MS = 60 * 1000,	/* where nobody can tell whether it is open */
	LATE_GRACE_MS = 2 * 1000,	/* where it is not: somebody may be about to open it */
	LATE_GUARD_MS = 2 * 1000,	/* somebody may write back what he read before a merge */
	LATE_SETTLE_MS = 2 * 1000,	/* without a lease: unchanged for so long is written */
	LATE_AGAIN_MS = 500,		/* pause before the next look at one that is open */
	EDITING_MAX_MS = 5 * 1000,	/* nobody may hold us up for longer by keeping it open */
	ATTEMPTS = 20,			/* before somebody who always gets in between makes us wait */
	TICK_NS = 10 * 1000 * 1000,	/* the coarsest clock tick of file times, HZ=100 */
	XATTR_SIZE = 64 * 1024,
};

#define FILE_MAX ((size_t)4 << 30)	/* tinydns-data itself can address no more */
#define NAME_SIZE_FILE (NAME_MAX + 1)

/* A displaced file that somebody may still write to. */
struct late {
	unsigned number;
	struct buf text;	/* what is accounted for: what was read, without our section */
	int64_t born_ms;
	int64_t merged_ms;	/* first merge of what stands in it now; 0: none */
	int64_t look_ms;	/* look again at this time though nothing tells to; 0: no need */
	bool published_since;	/* the next publish has come */
};

struct splice {
	char *path, *dir_path, base[NAME_SIZE_FILE];
	const char *compiled;
	char comment;
	bool by_rename, recovered, owner_said, group_said, copy_said, lead_said, watch_said, closing,
		insist, dir_gone;
	splice_log_fn *log;
	void *arg;
	int dir, inotify, wd;
	struct stat known;	/* the file as we left or last saw it; st_ino 0: not seen yet */
	int64_t editing_since_ms;	/* somebody has written to it and not closed it; 0: no */
	struct late late[LATE_ROOM];
	unsigned n_late, next_number;
	struct splice_seen seen;	/* since the last splice_look */
	struct buf trouble;
};

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void late_look_all(struct splice *s);

static void say(struct splice *s, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Somebody is in the middle of writing to the file, and has not been so for too long. */
static bool is_editing(const struct splice *s)
{
	return s->editing_since_ms && now_ms() - s->editing_since_ms < EDITING_MAX_MS;
}

static void say(struct splice *s, int priority, const char *format, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&b, format, ap);
	va_end(ap);
	s->log(s->arg, priority, buf_str(&b));
	buf_deinit(&b);
}

/* Notes what was wrong and hands the error on. */
static int trouble(struct splice *s, int error, const char *what, const char *name)
{
	buf_clear(&s->trouble);
	buf_printf(&s->trouble, "unable to %s '%s/%s': %s", what, s->dir_path ? s->dir_path : "",
		   name, strerror(-error));
	return error;
}

const char *splice_trouble(struct splice *s)
{
	return buf_str(&s->trouble);
}

/* Names beside the file, such as .data.dnsu.swap. */
static const char *beside(const struct splice *s, const char *suffix, char *ret)
{
	/* splice_open has refused a base that is too long for this */
	(void)snprintf(ret, NAME_SIZE_FILE, ".%.*s.dnsu.%.20s", NAME_MAX - 32, s->base, suffix);
	return ret;
}

static const char *late_name(const struct splice *s, unsigned number, char *ret)
{
	char suffix[32];

	(void)snprintf(suffix, sizeof(suffix), "late.%u", number);
	return beside(s, suffix, ret);
}

int splice_new(const struct splice_options *o, struct splice **ret)
{
	struct splice *s = calloc(1, sizeof(*s));

	if (!s) {
		return -ENOMEM;
	}
	s->path = strdup(o->path);
	if (!s->path) {
		free(s);
		return -ENOMEM;
	}
	s->comment = o->comment;
	s->compiled = o->compiled;
	s->by_rename = o->by_rename;
	s->log = o->log;
	s->arg = o->arg;
	s->dir = s->inotify = s->wd = -1;
	*ret = s;
	return 0;
}

struct splice *splice_free(struct splice *s)
{
	if (!s) {
		return NULL;
	}
	if (s->recovered) {	/* what need not be kept for those who write late goes */
		s->closing = true;
		late_look_all(s);
	}
	for (unsigned i = 0; i < s->n_late; i++) {
		buf_deinit(&s->late[i].text);
	}
	buf_deinit(&s->trouble);
	close_fd(s->dir);
	close_fd(s->inotify);
	free(s->dir_path);
	free(s->path);
	free(s);
	return NULL;
}

int splice_fd(const struct splice *s)
{
	return s->inotify;
}

const char *splice_dir(const struct splice *s)
{
	return s->dir_path;
}

int splice_stat(const struct splice *s, const char *name, struct stat *ret)
{
	return fstatat(s->dir, name, ret, 0) < 0 ? -errno : 0;
}

/* Reads one file of the directory, whole: -EAGAIN when it changed meanwhile. */
static int read_whole(const struct splice *s, const char *name, struct buf *ret, struct stat *ret_st)
{
	_cleanup_(close_fdp) int fd =
		openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat after;
	int r;

	if (fd < 0 || fstat(fd, ret_st) < 0) {
		return -errno;
	}
	if (!S_ISREG(ret_st->st_mode)) {
		return -EINVAL;
	}
	buf_clear(ret);
	r = file_read_fd(fd, FILE_MAX, ret);
	if (r) {
		return r;
	}
	if (fstat(fd, &after) < 0) {
		return -errno;
	}
	return file_same_stat(ret_st, &after) && ret->len == (size_t)after.st_size ? 0 : -EAGAIN;
}

static bool same_text(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

/* Whether nobody has the file open for writing: a read lease is granted only then (fcntl(2)).
 * 1: nobody, 0: somebody, -1: it cannot be told (not our file, or no leases here). */
static int nobody_writes(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
		return errno == EAGAIN ? 0 : -1;
	}
	/* Somebody who is opening it at this moment breaks the lease. */
	return fcntl(fd, F_GETLEASE) == F_RDLCK;
}

/* --- displaced files --- */

static void late_forget(struct splice *s, unsigned i)
{
	buf_deinit(&s->late[i].text);
	s->late[i] = s->late[--s->n_late];
}

static bool accounted_for(const struct splice *s, const struct late *l, const struct buf *text)
{
	return section_same_outside(text->data, text->len, l->text.data, l->text.len, s->comment);
}

/* An administrator's text that cannot be merged stays under a name that he can see. */
static void keep_and_tell(struct splice *s, const char *name)
{
	char to[NAME_SIZE_FILE];
	unsigned n = 0;

	do {
		(void)snprintf(to, sizeof(to), "%.*s.kept-by-dns-updater.%u", NAME_MAX - 32, s->base,
			       ++n);
	} while (renameat2(s->dir, name, s->dir, to, RENAME_NOREPLACE) < 0 && errno == EEXIST);
	if (faccessat(s->dir, to, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		(void)snprintf(to, sizeof(to), "%s", name);	/* could not be renamed: stays */
	}
	say(s, LOG_ERR,
	    "keeping '%s/%s': it has an edit of '%s' that could not be merged; "
	    "compare the two, then remove it", s->dir_path, to, s->path);
}

/* Lets the oldest go before its time: somebody replaces the file more often than anybody edits. */
static void late_evict(struct splice *s)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	char name[NAME_SIZE_FILE];
	unsigned oldest = 0;
	struct stat st;

	for (unsigned i = 1; i < s->n_late; i++) {
		oldest = s->late[i].born_ms < s->late[oldest].born_ms ? i : oldest;
	}
	late_name(s, s->late[oldest].number, name);
	if (read_whole(s, name, &text, &st) || !accounted_for(s, &s->late[oldest], &text) ||
	    unlinkat(s->dir, name, 0) < 0) {
		keep_and_tell(s, name);
	}
	late_forget(s, oldest);
}

/* Keeps the file of this name as a late one. accounted: the text that it had when it was read; what
 * it says beyond that is merged. Of our section nothing is kept, for it may be large. */
static int late_add(struct splice *s, const char *name, const struct buf *accounted)
{
	const struct buf nothing = { 0 };
	char to[NAME_SIZE_FILE];
	struct section section;
	struct late *l;
	int r;

	if (s->n_late == LATE_ROOM) {
		return -ENOSPC;
	}
	do {
		late_name(s, s->next_number++, to);
		r = renameat2(s->dir, name, s->dir, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
	} while (r == -EEXIST);
	if (r) {
		return r;
	}
	l = &s->late[s->n_late];
	*l = (struct late){
		.number = s->next_number - 1,
		.born_ms = now_ms(),
		.look_ms = now_ms(),
	};
	if (section_find(accounted->data, accounted->len, s->comment, &section)) {
		section = (struct section){ accounted->len, accounted->len };
	}
	section_replace(&l->text, accounted->data, accounted->len, &section, &nothing);
	r = buf_error(&l->text);
	if (r) {
		buf_deinit(&l->text);	/* the file stays, and is accounted for at the next start */
		return r;
	}
	s->n_late++;
	return 0;
}

static int write_over(struct splice *s, const struct buf *old, const struct stat *old_st,
		      const struct buf *new, const struct splice_put *put);

static int read_settled(struct splice *s, struct buf *ret, struct stat *ret_st);

/* Makes one text of what the file is now and what was written late to the displaced file, which
 * read `before` when it was displaced. */
static int merge_text(const struct splice *s, const struct buf *now, const struct buf *before,
		      const struct buf *late, struct buf *ret)
{
	struct section in_now, in_late;
	struct buf body;

	if (section_same_outside(now->data, now->len, before->data, before->len, s->comment) &&
	    !section_find(now->data, now->len, s->comment, &in_now) &&
	    !section_find(late->data, late->len, s->comment, &in_late)) {
		body = (struct buf){ .data = now->data + in_now.begin,
				     .len = in_now.end - in_now.begin };
		section_replace(ret, late->data, late->len, &in_late, &body);
		return buf_error(ret);
	}
	buf_add(ret, now->data, now->len);
	if (now->len && now->data[now->len - 1] != '\n') {
		buf_adds(ret, "\n");
	}
	return section_added(ret, before, late, now, s->comment);
}

/* Brings the late text into the file. 0: it is in there; SPLICE_E_BUSY: not now;
 * SECTION_E_REMOVED: the two cannot be merged; or a negative errno. */
static int merge(struct splice *s, const struct buf *before, const struct buf *late)
{
	_cleanup_(buf_deinit) struct buf now = { 0 }, new = { 0 };
	const struct splice_put put = { .next_second = true };
	struct stat st;
	int r;

	for (int i = 0; i < ATTEMPTS; i++) {
		r = read_settled(s, &now, &st);
		if (r == -EAGAIN) {
			continue;
		}
		if (r) {
			return r;
		}
		buf_clear(&new);
		r = merge_text(s, &now, before, late, &new);
		if (r || section_same_outside(new.data, new.len, now.data, now.len, s->comment)) {
			return r;
		}
		r = write_over(s, &now, &st, &new, &put);
		if (!r) {
			s->seen.merged = true;
			say(s, LOG_INFO, "merged late changes of %s", s->path);
		}
		if (r != -EAGAIN) {
			return r;
		}
	}
	return SPLICE_E_BUSY;
}

/* What was written to the file late. true: it is in the visible file, and was so for long enough. */
static bool late_merge(struct splice *s, struct late *l, const char *name, struct buf *text,
		       bool *ret_done)
{
	int r = merge(s, &l->text, text);

	if (r == SECTION_E_REMOVED) {
		keep_and_tell(s, name);
		*ret_done = true;
	}
	if (r) {
		return false;
	}
	if (!l->merged_ms) {
		l->merged_ms = now_ms();
	}
	if (now_ms() - l->merged_ms < LATE_GUARD_MS) {
		return false;
	}
	l->merged_ms = 0;
	buf_deinit(&l->text);
	l->text = *text;
	*text = (struct buf){ 0 };
	return true;
}

/* Looks at one displaced file that is still there. true: it is done with. */
static bool late_settle(struct splice *s, struct late *l, const char *name, int fd)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	int nobody = nobody_writes(fd);
	struct timespec now;
	int64_t keep_until, age_s;
	bool done = false;
	struct stat st;

	if (!nobody || read_whole(s, name, &text, &st)) {
		return false;
	}
	if (!accounted_for(s, l, &text)) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		age_s = now.tv_sec - st.st_mtim.tv_sec;
		if (nobody < 0 && age_s >= 0 && age_s < LATE_SETTLE_MS / 1000) {
			return false;	/* perhaps not all of it yet */
		}
		if (!late_merge(s, l, name, &text, &done)) {
			return done;
		}
	}
	keep_until = l->born_ms + (nobody == 1 ? LATE_GRACE_MS : LATE_KEEP_MS);
	if (nobody == 1 && s->closing) {
		keep_until = 0;
	}
	if (now_ms() < keep_until || (nobody < 0 && !l->published_since)) {
		l->look_ms = now_ms() < keep_until ? keep_until : 0;
		return false;
	}
	return !unlinkat(s->dir, name, 0);
}

static void late_look_all(struct splice *s)
{
	for (unsigned i = 0; i < s->n_late;) {
		char name[NAME_SIZE_FILE];
		int fd;
		bool done;

		s->late[i].look_ms = now_ms() + LATE_AGAIN_MS;
		fd = openat(s->dir, late_name(s, s->late[i].number, name),
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		/* Somebody may have removed it by hand. */
		done = fd < 0 ? errno == ENOENT : late_settle(s, &s->late[i], name, fd);

		close_fd(fd);
		if (done) {
			late_forget(s, i);
		} else {
			i++;
		}
	}
}

int64_t splice_due_ms(const struct splice *s)
{
	int64_t due = INT64_MAX, now = now_ms();

	if (is_editing(s)) {
		due = s->editing_since_ms + EDITING_MAX_MS;
	}
	/* While what a failure left has to be cleared up first, nobody looks at them. */
	for (unsigned i = 0; s->recovered && i < s->n_late; i++) {
		if (s->late[i].look_ms && s->late[i].look_ms < due) {
			due = s->late[i].look_ms;
		}
	}
	return due == INT64_MAX ? -1 : due > now ? due - now : 0;
}

/* --- the directory --- */

/* A text that a crash has left under this name: accounted for when all of it stands in the file. */
static int settle_leftover(struct splice *s, const char *name, const struct buf *text)
{
	_cleanup_(buf_deinit) struct buf now = { 0 };
	struct stat st;
	int r;

	r = read_whole(s, s->base, &now, &st);
	if (r) {
		return r;
	}
	r = section_within(text->data, text->len, now.data, now.len, s->comment);
	if (r < 0) {
		return r;
	}
	if (!r) {
		keep_and_tell(s, name);
		return 0;
	}
	return late_add(s, name, text);
}

/* The exchange was the last that happened to the file: both inodes were changed at the same moment,
 * and the file's content was not: a write would have made its two times the same (stat(2)), while
 * set_time() and the exchange made them different. */
static bool untouched_since(const struct stat *file, const struct stat *swap)
{
	int64_t ns = (int64_t)(file->st_ctim.tv_sec - swap->st_ctim.tv_sec) * 1000000000 +
		     (file->st_ctim.tv_nsec - swap->st_ctim.tv_nsec);

	return ns > -TICK_NS && ns < TICK_NS &&
	       (file->st_ctim.tv_sec != file->st_mtim.tv_sec ||
		file->st_ctim.tv_nsec != file->st_mtim.tv_nsec);
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The displaced file of an exchange after which we were killed. When nothing happened since, the
 * file is ours as we wrote it, so what differs in the displaced one is an edit that got in between. */
static int recover_displaced(struct splice *s, const char *swap, const struct stat *swap_st,
			     const struct stat *file_st, bool exchanged)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct stat st;
	int r;

	if (exchanged && untouched_since(file_st, swap_st)) {
		r = read_whole(s, s->base, &text, &st);
		return r ? r : late_add(s, swap, &text);
	}
	r = read_whole(s, swap, &text, &st);
	return r ? r : settle_leftover(s, swap, &text);
}

static int recover_pair(struct splice *s)
{
	char part[NAME_SIZE_FILE], swap[NAME_SIZE_FILE];
	struct stat part_st, swap_st, file_st;
	bool has_part, has_swap, has_file;
	int r;

	beside(s, "part", part);
	beside(s, "swap", swap);
	has_part = !fstatat(s->dir, part, &part_st, AT_SYMLINK_NOFOLLOW);
	has_swap = !fstatat(s->dir, swap, &swap_st, AT_SYMLINK_NOFOLLOW);
	has_file = !fstatat(s->dir, s->base, &file_st, AT_SYMLINK_NOFOLLOW);
	if (has_swap && !has_file) {
		return trouble(s, -ENOENT, "find", s->base);
	}
	if (has_swap && has_part && same_inode(&part_st, &swap_st)) {
		if (unlinkat(s->dir, swap, 0) < 0) {	/* ours, and never seen by anybody */
			return trouble(s, -errno, "remove", swap);
		}
	} else if (has_swap) {
		r = recover_displaced(s, swap, &swap_st, &file_st,
				      has_part && same_inode(&part_st, &file_st));
		if (r) {
			return r < 0 ? trouble(s, r, "account for", swap) : r;
		}
	}
	if (has_part && unlinkat(s->dir, part, 0) < 0) {
		return trouble(s, -errno, "remove", part);
	}
	return 0;
}

/* What a former run kept: .NAME.dnsu.late.N */
static int recover_lates(struct splice *s)
{
	char prefix[NAME_SIZE_FILE];
	struct dirent *e;
	DIR *dir;
	int fd, r = 0;

	beside(s, "late.", prefix);
	fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = -errno;
		close_fd(fd);
		return trouble(s, r, "read the directory of", s->base);
	}
	while (!r && (e = readdir(dir))) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		struct stat st;
		unsigned long number;
		bool known = false;
		char *rest;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0) {
			continue;
		}
		number = strtoul(e->d_name + strlen(prefix), &rest, 10);
		if (*rest) {
			continue;
		}
		for (unsigned i = 0; i < s->n_late; i++) {
			known = known || s->late[i].number == number;
		}
		if (!known && !read_whole(s, e->d_name, &text, &st)) {
			r = settle_leftover(s, e->d_name, &text);
			if (r) {
				r = trouble(s, r, "account for", e->d_name);
			}
		}
	}
	(void)closedir(dir);	/* only read */
	return r;
}

static int watch_dir(struct splice *s)
{
	int wd;

	if (s->inotify < 0) {
		s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (s->inotify < 0) {
			return -errno;
		}
	}
	wd = inotify_add_watch(s->inotify, s->dir_path,
			       IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
				       IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	if (wd < 0) {
		return -errno;
	}
	if (s->wd >= 0 && s->wd != wd) {
		(void)inotify_rm_watch(s->inotify, s->wd);	/* it may be gone by itself */
	}
	s->wd = wd;
	return 0;
}

/* What was displaced in the old directory is not followed any further. */
static void leave_dir(struct splice *s)
{
	s->closing = true;
	if (s->recovered) {
		late_look_all(s);
	}
	s->closing = false;
	while (s->n_late) {
		char name[NAME_SIZE_FILE];

		late_name(s, s->late[0].number, name);
		if (!faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW)) {
			keep_and_tell(s, name);
		}
		late_forget(s, 0);
	}
	s->dir = close_fd(s->dir);
}

/* Finds where the file lies now. The directory is opened anew when it is another one. */
static int locate(struct splice *s)
{
	_cleanup_(free_ptr) char *real = realpath(s->path, NULL);
	_cleanup_(close_fdp) int dir = -1;
	struct stat old_st, new_st;
	char *slash;

	if (!real) {
		int r = -errno;

		buf_clear(&s->trouble);
		buf_printf(&s->trouble, "unable to find '%s': %s", s->path, strerror(-r));
		return r;
	}
	slash = strrchr(real, '/');
	*slash = '\0';
	if (strlen(slash + 1) > NAME_MAX - 32) {
		buf_clear(&s->trouble);
		buf_printf(&s->trouble, "the name of '%s' is too long", s->path);
		return -ENAMETOOLONG;
	}
	dir = open(slash == real ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return trouble(s, -errno, "open the directory of", slash + 1);
	}
	if (s->dir >= 0 && !s->dir_gone && !strcmp(s->base, slash + 1) && !fstat(s->dir, &old_st) &&
	    !fstat(dir, &new_st) && same_inode(&old_st, &new_st)) {
		return 0;
	}
	leave_dir(s);
	s->dir = steal_fd(&dir);
	s->dir_gone = false;
	(void)snprintf(s->base, sizeof(s->base), "%s", slash + 1);	/* checked above */
	free(s->dir_path);
	s->dir_path = slash == real ? strdup("/") : steal_ptr(&real);
	s->known = (struct stat){ 0 };
	s->recovered = false;
	return s->dir_path ? 0 : -ENOMEM;
}

int splice_open(struct splice *s)
{
	int r;

	r = locate(s);
	if (r || s->recovered) {
		return r;
	}
	r = watch_dir(s);
	if (r && !s->watch_said) {
		say(s, LOG_WARNING, "unable to watch '%s': %s; edits of %s are seen at the next publish "
		    "or sweep only", s->dir_path, strerror(-r), s->path);
	}
	s->watch_said = r;
	r = recover_pair(s);
	if (!r) {
		r = recover_lates(s);
	}
	s->recovered = !r;
	return r;
}

/* --- the exchange --- */

static void copy_xattrs(struct splice *s, int from, int to)
{
	char names[XATTR_SIZE], value[XATTR_SIZE];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		const char *name = names + i;
		ssize_t size;

		if (strncmp(name, "user.", 5) && strcmp(name, "system.posix_acl_access")) {
			continue;
		}
		size = fgetxattr(from, name, value, sizeof(value));
		if ((size < 0 || fsetxattr(to, name, value, (size_t)size, 0) < 0) && !s->copy_said) {
			s->copy_said = true;
			say(s, LOG_WARNING, "unable to keep the attribute %s of %s: %s", name, s->path,
			    strerror(errno));
		}
	}
}

/* The new file gets the old one's group and mode, its owner where permitted, ACLs and attributes. */
static int copy_meta(struct splice *s, const struct stat *old, int to)
{
	_cleanup_(close_fdp) int from =
		openat(s->dir, s->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat new;

	if (from < 0 || fstat(to, &new) < 0) {
		return -errno;
	}
	if (new.st_gid != old->st_gid && fchown(to, (uid_t)-1, old->st_gid) < 0 && !s->group_said) {
		s->group_said = true;
		say(s, LOG_WARNING, "unable to keep group %u of %s: %s; it gets group %u",
		    (unsigned)old->st_gid, s->path, strerror(errno), (unsigned)new.st_gid);
	}
	if (new.st_uid != old->st_uid && fchown(to, old->st_uid, (gid_t)-1) < 0 && !s->owner_said) {
		s->owner_said = true;
		say(s, LOG_INFO, "%s belonged to uid %u and now belongs to uid %u", s->path,
		    (unsigned)old->st_uid, (unsigned)new.st_uid);
	}
	if (fchmod(to, old->st_mode & 07777) < 0) {
		return -errno;
	}
	copy_xattrs(s, from, to);
	return 0;
}

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* make(1) takes a target for up to date that is not older than its source, and tinydns-data takes
 * the whole second as the SOA serial: hence never a time that was there before. */
static int set_time(struct splice *s, int fd, const struct stat *old, const struct splice_put *put)
{
	struct timespec now, t[2] = { { .tv_nsec = UTIME_NOW } };
	struct stat st;

	(void)clock_gettime(CLOCK_REALTIME, &now);	/* cannot fail */
	t[1] = now;
	if (put->next_second && t[1].tv_sec <= old->st_mtim.tv_sec) {
		t[1] = (struct timespec){ .tv_sec = old->st_mtim.tv_sec + 1 };
	}
	if (!later(&t[1], &put->not_before)) {
		t[1] = put->not_before;
		t[1].tv_nsec += TICK_NS;
		if (t[1].tv_nsec >= 1000000000) {
			t[1].tv_nsec -= 1000000000;
			t[1].tv_sec++;
		}
	}
	if (futimens(fd, t) < 0 || fstat(fd, &st) < 0) {
		return -errno;
	}
	if (st.st_mtim.tv_nsec != t[1].tv_nsec) {	/* this file system keeps coarser times */
		t[1] = (struct timespec){ .tv_sec = t[1].tv_sec + 1 };
		if (futimens(fd, t) < 0) {
			return -errno;
		}
	}
	if (t[1].tv_sec - now.tv_sec <= 2) {
		s->lead_said = false;
	} else if (!s->lead_said) {
		s->lead_said = true;
		say(s, LOG_WARNING,
		    "%s gets a modification time %lld s ahead of the clock, for the database or the "
		    "file itself was that far ahead", s->path,
		    (long long)(t[1].tv_sec - now.tv_sec));
	}
	return 0;
}

static int write_part(struct splice *s, const char *part, const struct buf *new,
		      const struct stat *old, const struct splice_put *put)
{
	_cleanup_(close_fdp) int fd =
		openat(s->dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0) {
		return -errno;
	}
	r = file_write_all(fd, new->data, new->len);
	if (!r) {
		r = copy_meta(s, old, fd);
	}
	if (!r) {
		r = set_time(s, fd, old, put);
	}
	if (!r && fsync(fd) < 0) {
		r = -errno;
	}
	if (!r && close(steal_fd(&fd)) < 0) {
		r = -errno;
	}
	return r;
}

/* What lies under .swap after the exchange was reversed. It is ours, unless somebody renamed his
 * file over the name just then: that is the newest, and goes back where he put it. */
static int undo(struct splice *s, const char *swap, const struct stat *ours, const struct buf *old)
{
	struct stat st;

	if (renameat2(s->dir, swap, s->dir, s->base, RENAME_EXCHANGE) < 0 ||
	    fstatat(s->dir, swap, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		return -errno;
	}
	if (same_inode(&st, ours)) {
		return unlinkat(s->dir, swap, 0) < 0 ? -errno : 0;
	}
	if (renameat2(s->dir, swap, s->dir, s->base, RENAME_EXCHANGE) < 0) {
		return -errno;
	}
	/* Whoever did that has not seen the edit that is displaced now: it is merged. */
	return late_add(s, swap, old);
}

/* After the exchange: what came out must be what was read, else -EAGAIN and the file is again what
 * the administrator made it. */
static int settle_exchange(struct splice *s, const char *swap, const struct stat *ours,
			   const struct buf *old)
{
	_cleanup_(buf_deinit) struct buf out = { 0 };
	struct stat st;
	int r;

	r = read_whole(s, swap, &out, &st);
	/* Who only ever adds, without end, would have us undo for ever: what he adds is merged. */
	if ((r || !same_text(&out, old)) &&
	    !(s->insist && !r && section_within(old->data, old->len, out.data, out.len, s->comment) == 1)) {
		r = undo(s, swap, ours, old);
		return r ? r : -EAGAIN;
	}
	return late_add(s, swap, old);
}

static int exchange(struct splice *s, const char *part, const struct stat *ours,
		    const struct buf *old, const struct stat *old_st)
{
	char swap[NAME_SIZE_FILE];
	struct stat now;

	/* Not needed to be right: to be seldom wrong, for undoing shows others the old text. */
	if (!s->insist && (fstatat(s->dir, s->base, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
			   !file_same_stat(&now, old_st))) {
		return -EAGAIN;
	}
	beside(s, "swap", swap);
	if (linkat(s->dir, part, s->dir, swap, 0) < 0) {
		return trouble(s, -errno, "link", swap);
	}
	if (renameat2(s->dir, swap, s->dir, s->base, RENAME_EXCHANGE) < 0) {
		int r = -errno;

		(void)unlinkat(s->dir, swap, 0);	/* r already tells why */
		(void)trouble(s, r, "exchange", s->base);
		if (r == -EINVAL) {
			buf_adds(&s->trouble, " (this file system cannot exchange two files; "
					      "see 'replace' in dns-updater.conf(5))");
		}
		return r;
	}
	return settle_exchange(s, swap, ours, old);
}

/* Where there is no exchange: what was read is compared once more, then replaced. What is written
 * between the two is lost; dns-updater.conf(5) says so under `replace'. */
static int replace_by_rename(struct splice *s, const char *part, const struct buf *old)
{
	_cleanup_(buf_deinit) struct buf again = { 0 };
	struct stat st;
	int r;

	r = read_whole(s, s->base, &again, &st);
	if (r || !same_text(&again, old)) {
		return r ? r : -EAGAIN;
	}
	if (renameat(s->dir, part, s->dir, s->base) < 0) {
		return trouble(s, -errno, "replace", s->base);
	}
	return 0;
}

/* Puts the text new in the place of old, which is what was read. -EAGAIN: somebody got in between,
 * and nothing is changed. */
static int write_over(struct splice *s, const struct buf *old, const struct stat *old_st,
		      const struct buf *new, const struct splice_put *put)
{
	char part[NAME_SIZE_FILE];
	struct stat ours;
	int r;

	beside(s, "part", part);
	if (unlinkat(s->dir, part, 0) < 0 && errno != ENOENT) {
		return trouble(s, -errno, "remove", part);
	}
	r = write_part(s, part, new, old_st, put);
	if (!r && fstatat(s->dir, part, &ours, AT_SYMLINK_NOFOLLOW) < 0) {
		r = -errno;
	}
	if (r) {
		(void)trouble(s, r, "write", part);
	} else if (s->by_rename) {
		r = replace_by_rename(s, part, old);
	} else {
		r = exchange(s, part, &ours, old, old_st);
	}
	if (unlinkat(s->dir, part, 0) < 0 && errno != ENOENT && !r) {
		r = trouble(s, -errno, "remove", part);
	}
	if (r) {
		s->recovered = s->recovered && r == -EAGAIN; /* clear up before the next attempt */
		return r;
	}
	if (fstatat(s->dir, s->base, &s->known, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !same_inode(&s->known, &ours) || !file_same_stat(&s->known, &ours)) {
		s->known = (struct stat){ 0 };	/* somebody was quick: look at it */
	}
	return fsync(s->dir) < 0 ? trouble(s, -errno, "flush the directory of", s->base) : 0;
}

/* --- what the watch tells --- */

static void take_event(struct splice *s, const struct inotify_event *e)
{
	if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED) && e->wd == s->wd) {
		s->wd = -1;
		s->dir_gone = true;	/* locate() opens it anew */
		s->seen.file = true;
	}
	if (e->mask & IN_Q_OVERFLOW) {
		s->seen.file = true;
	}
	if (!e->len) {
		return;
	}
	if (!strcmp(e->name, s->base)) {
		if (!(e->mask & IN_MODIFY)) {
			s->editing_since_ms = 0;
		} else if (!s->editing_since_ms) {
			s->editing_since_ms = now_ms();
		}
		s->seen.file = true;
	} else if (!strcmp(e->name, s->compiled) && e->mask & IN_MOVED_TO) {
		s->seen.n_compiled++;
	}
	for (unsigned i = 0; i < s->n_late; i++) {
		char name[NAME_SIZE_FILE];

		if (!strcmp(e->name, late_name(s, s->late[i].number, name))) {
			s->late[i].look_ms = now_ms();
		}
	}
}

static void drain(struct splice *s)
{
	char events[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(s->inotify, events, sizeof(events))) > 0) {
		const struct inotify_event *e;

		for (char *at = events; at < events + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(void *)at;
			take_event(s, e);
		}
	}
}

void splice_look(struct splice *s, struct splice_seen *ret)
{
	struct stat st;

	drain(s);
	*ret = s->seen;
	s->seen = (struct splice_seen){ 0 };
	/* Most of what happens to the file is our own doing. */
	if (ret->file && s->wd >= 0 && s->known.st_ino &&
	    !fstatat(s->dir, s->base, &st, AT_SYMLINK_NOFOLLOW) && file_same_stat(&st, &s->known)) {
		ret->file = false;
	}
	if (s->recovered) {
		late_look_all(s);
	}
}

/* Reads the file, unless somebody is in the middle of writing to it: -EAGAIN. Whoever began before we
 * read has left an event. */
static int read_settled(struct splice *s, struct buf *ret, struct stat *ret_st)
{
	int r = read_whole(s, s->base, ret, ret_st);

	drain(s);
	return is_editing(s) ? -EAGAIN : r;
}

/* --- the section --- */

static int section_trouble(struct splice *s, int outcome)
{
	buf_clear(&s->trouble);
	buf_printf(&s->trouble, "%s", section_strerror(outcome));
	return SPLICE_E_SECTION;
}

int splice_read_body(struct splice *s, struct buf *ret)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct section section;
	struct stat st;
	int r;

	r = splice_open(s);
	if (r) {
		return r;
	}
	r = read_whole(s, s->base, &text, &st);
	if (r) {
		return trouble(s, r, "read", s->base);
	}
	r = section_find(text.data, text.len, s->comment, &section);
	if (r) {
		return section_trouble(s, r);
	}
	buf_add(ret, text.data + section.begin, section.end - section.begin);
	return buf_error(ret);
}

static int put_once(struct splice *s, const struct splice_put *put)
{
	_cleanup_(buf_deinit) struct buf old = { 0 }, new = { 0 };
	struct section section;
	struct stat st;
	int r;

	r = read_settled(s, &old, &st);
	if (r) {
		return r == -EAGAIN ? r : trouble(s, r, "read", s->base);
	}
	r = section_find(old.data, old.len, s->comment, &section);
	if (r) {
		return section_trouble(s, r);
	}
	if (put->foreign && !file_same_stat(&st, &s->known)) {
		put->foreign(put->arg, old.data + section.begin, section.end - section.begin);
	}
	section_replace(&new, old.data, old.len, &section, put->body);
	if (buf_error(&new)) {
		return trouble(s, -ENOMEM, "render", s->base);
	}
	if (!put->even_if_same && same_text(&old, &new)) {
		s->known = st;
		return SPLICE_E_SAME;
	}
	return write_over(s, &old, &st, &new, put);
}

int splice_put(struct splice *s, const struct splice_put *put)
{
	int r;

	r = splice_open(s);
	if (r) {
		return r;
	}
	while (s->n_late > LATE_MAX) {
		late_evict(s);
	}
	r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		s->insist = i >= ATTEMPTS / 2 && !is_editing(s);
		r = put_once(s, put);
	}
	s->insist = false;
	if (r == -EAGAIN) {
		buf_clear(&s->trouble);
		buf_printf(&s->trouble, "somebody is writing to it");
		return SPLICE_E_BUSY;
	}
	for (unsigned i = 0; !r && i < s->n_late; i++) {
		s->late[i].published_since = true;
	}
	return r;
}
