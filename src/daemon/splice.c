/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/splice_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/section.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <syslog.h>
#include <uv.h>

#define FILE_MAX ((size_t)UINT32_MAX)	/* tinydns-data itself can address no more */

int64_t splice_now_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

/* Somebody is in the middle of writing to the file, and has not been so for too long. */
static bool is_editing(const struct splice *s)
{
	return s->editing_since_ms && splice_now_ms() - s->editing_since_ms < EDITING_MAX_MS;
}

void splice_say(struct splice *s, int priority, const char *format, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&b, format, ap);
	va_end(ap);
	s->o.log(s->o.arg, priority, buf_str(&b));
	buf_deinit(&b);
}

int splice_wrong(struct splice *s, int outcome, const char *format, ...)
{
	va_list ap;

	buf_clear(&s->trouble);
	va_start(ap, format);
	buf_vprintf(&s->trouble, format, ap);
	va_end(ap);
	return outcome;
}

int splice_fail(struct splice *s, int error, const char *what, const char *name)
{
	return splice_wrong(s, error, "unable to %s '%s/%s': %s", what, s->dir_path ? s->dir_path : "", name,
			    strerror(-error));
}

const char *splice_trouble(struct splice *s)
{
	return buf_str(&s->trouble);
}

const char *splice_beside(const struct splice *s, const char *suffix, char *ret)
{
	/* splice_open has refused a base that is too long for this */
	(void)snprintf(ret, NAME_SIZE_FILE, ".%.*s.dnsu.%.20s", NAME_MAX - 32, s->base, suffix);
	return ret;
}

bool splice_in_place(const struct splice *s)
{
	return s->in_place;
}

int splice_new(const struct splice_options *o, struct splice **ret)
{
	struct splice *s = calloc(1, sizeof(*s));

	if (!s) {
		return -ENOMEM;
	}
	s->o = *o;
	s->o.path = s->path = strdup(o->path);	/* the conf that has it may go */
	if (!s->path) {
		free(s);
		return -ENOMEM;
	}
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

int splice_time(const struct splice *s, struct timespec *ret)
{
	*ret = s->known.st_mtim;
	return s->known.st_ino ? 0 : -ENOENT;
}

bool splice_is_known(const struct splice *s)
{
	struct stat st;

	return s->known.st_ino && s->dir >= 0 && !fstatat(s->dir, s->base, &st, AT_SYMLINK_NOFOLLOW) &&
	       file_same_stat(&st, &s->known);
}

int splice_stat(const struct splice *s, const char *name, struct stat *ret)
{
	return fstatat(s->dir, name, ret, 0) < 0 ? -errno : 0;
}

int splice_set_time(const struct splice *s, const char *name, struct timespec time)
{
	const struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, time };

	return utimensat(s->dir, name, t, 0) < 0 ? -errno : 0;
}

int splice_read_whole(const struct splice *s, const char *name, struct buf *ret, struct stat *ret_st)
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

/* Not by faccessat(2): where its flags are to be had by faccessat2 alone, as with musl, the sandbox has none. */
bool splice_has(const struct splice *s, const char *name)
{
	struct stat st;

	return !fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* --- the directory --- */

/* A text that a crash has left under this name, with this stat: accounted for when all of it stands in the file. */
static int settle_leftover(struct splice *s, const char *name, const struct buf *text, const struct stat *st)
{
	_cleanup_(buf_deinit) struct buf now = { 0 };
	struct stat now_st;
	int r;

	r = splice_read_whole(s, s->base, &now, &now_st);
	if (r) {
		return r;
	}
	r = splice_within(s, text, &now);
	if (r < 0) {
		return r;
	}
	if (!r || splice_is_later(s, text, &now)) {
		late_keep_and_tell(s, name);
		return 0;
	}
	return late_add(s, name, text, st);
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

/* The displaced file of an exchange after which we were killed. When nothing happened since, the
 * file is ours as we wrote it, so what differs in the displaced one is an edit that got in between. */
static int recover_displaced(struct splice *s, const char *swap, const struct stat *swap_st,
			     const struct stat *file_st, bool exchanged)
{
	_cleanup_(buf_deinit) struct buf text = { 0 }, ours = { 0 };
	struct stat st;
	int r;

	r = splice_read_whole(s, swap, &text, &st);
	if (r || !exchanged || !untouched_since(file_st, swap_st)) {
		return r ? r : settle_leftover(s, swap, &text, &st);
	}
	r = splice_read_whole(s, s->base, &ours, &st);
	if (!r) {
		r = splice_same_outside(s, &text, &ours);
	}
	/* What differs in nothing but the serial was read with that serial: the new one is ours. */
	return r < 0 ? r : late_add(s, swap, r ? &text : &ours, NULL);
}

static int recover_pair(struct splice *s)
{
	char part[NAME_SIZE_FILE], swap[NAME_SIZE_FILE];
	struct stat part_st, swap_st, file_st;
	bool has_part, has_swap, has_file;
	int r;

	splice_beside(s, "part", part);
	splice_beside(s, "swap", swap);
	has_part = !fstatat(s->dir, part, &part_st, AT_SYMLINK_NOFOLLOW);
	has_swap = !fstatat(s->dir, swap, &swap_st, AT_SYMLINK_NOFOLLOW);
	has_file = !fstatat(s->dir, s->base, &file_st, AT_SYMLINK_NOFOLLOW);
	if (has_swap && !has_file) {
		return splice_fail(s, -ENOENT, "find", s->base);
	}
	if (has_swap && has_part && splice_same_inode(&part_st, &swap_st)) {
		if (unlinkat(s->dir, swap, 0) < 0) {	/* ours, and never seen by anybody */
			return splice_fail(s, -errno, "remove", swap);
		}
	} else if (has_swap) {
		r = recover_displaced(s, swap, &swap_st, &file_st,
				      has_part && splice_same_inode(&part_st, &file_st));
		if (r) {
			return r < 0 ? splice_fail(s, r, "account for", swap) : r;
		}
	}
	if (has_part && unlinkat(s->dir, part, 0) < 0) {
		return splice_fail(s, -errno, "remove", part);
	}
	/* A copy that was not finished is of a file that was in sight, or is under .swap. */
	(void)unlinkat(s->dir, splice_beside(s, "copy", part), 0);	/* it may not be there */
	return 0;
}

/* What is noted in the name of one that a former run kept: .NAME.dnsu.late.N, or with a note behind. NULL: it is none. */
static const char *late_note(const char *name, const char *prefix)
{
	const char *note;

	if (strncmp(name, prefix, strlen(prefix)) != 0) {
		return NULL;
	}
	note = name + strlen(prefix);
	note += strspn(note, "0123456789");
	return !*note || (*note == '.' && !note[strspn(note, ".0123456789abcdef")]) ? note : NULL;
}

static bool is_followed(const struct splice *s, const char *name)
{
	char followed[NAME_SIZE_FILE];

	for (unsigned i = 0; i < s->n_late; i++) {
		if (!strcmp(late_name(s, &s->late[i], followed), name)) {
			return true;
		}
	}
	return false;
}

/* What a former run kept. */
static int recover_lates(struct splice *s)
{
	char prefix[NAME_SIZE_FILE];
	struct dirent *e;
	DIR *dir;
	int fd, r = 0;

	splice_beside(s, "late.", prefix);
	fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = -errno;
		close_fd(fd);
		return splice_fail(s, r, "read the directory of", s->base);
	}
	while (!r && (e = readdir(dir))) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		const char *note = late_note(e->d_name, prefix);
		struct stat st;

		if (note && !is_followed(s, e->d_name) && !splice_read_whole(s, e->d_name, &text, &st)) {
			r = late_is_noted(note, &st) ? late_add(s, e->d_name, &text, &st) :
						       settle_leftover(s, e->d_name, &text, &st);
			if (r) {
				r = splice_fail(s, r, "account for", e->d_name);
			}
		}
	}
	(void)closedir(dir);	/* only read */
	return r;
}

static int watch_dir(struct splice *s)
{
	int wd, r;

	if (s->inotify < 0) {
		s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (s->inotify < 0) {
			return -errno;
		}
	}
	wd = inotify_add_watch(s->inotify, s->dir_path,
			       IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
				       IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	r = wd < 0 ? -errno : 0;
	if (s->wd >= 0 && s->wd != wd) {
		(void)inotify_rm_watch(s->inotify, s->wd);	/* it may be gone by itself */
	}
	s->wd = wd;
	return r;
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

		if (late_may_have_edit(s, &s->late[0])) {
			late_keep_and_tell(s, late_name(s, &s->late[0], name));
		}
		late_forget(s, 0);
	}
	s->dir = close_fd(s->dir);
}

/* Finds where the file lies now. The directory is opened anew when it is another one; one that was away and
 * has come back is cleared up, and watched again. */
static int locate(struct splice *s)
{
	_cleanup_(free_ptr) char *real = realpath(s->path, NULL);
	_cleanup_(close_fdp) int dir = -1;
	struct stat old_st, new_st;
	char *slash;
	bool same;

	if (!real) {
		return splice_wrong(s, -errno, "unable to find '%s': %s", s->path, strerror(errno));
	}
	slash = strrchr(real, '/');
	*slash = '\0';
	if (strlen(slash + 1) > NAME_MAX - 32) {
		return splice_wrong(s, -ENAMETOOLONG, "the name of '%s' is too long", s->path);
	}
	dir = open(slash == real ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return splice_fail(s, -errno, "open the directory of", slash + 1);
	}
	same = s->dir >= 0 && !strcmp(s->base, slash + 1) && !fstat(s->dir, &old_st) && !fstat(dir, &new_st) &&
	       splice_same_inode(&old_st, &new_st);
	if (same && !s->dir_gone) {
		return 0;
	}
	if (!same) {
		leave_dir(s);
		s->dir = steal_fd(&dir);
		(void)snprintf(s->base, sizeof(s->base), "%s", slash + 1);	/* checked above */
	}
	s->dir_gone = false;
	free(s->dir_path);
	s->dir_path = slash == real ? strdup("/") : steal_ptr(&real);
	s->known = (struct stat){ 0 };
	s->recovered = s->in_place = false;
	return s->dir_path ? 0 : -ENOMEM;
}

/* What was refused once may be had later: a limit was raised. */
static void try_to_watch(struct splice *s)
{
	int r = watch_dir(s);

	if (r && !s->watch_said) {
		splice_say(s, LOG_WARNING, "unable to watch '%s': %s; edits of %s are seen at the next publish "
		    "or sweep only", s->dir_path, strerror(-r), s->path);
	}
	s->watch_said = r;
}

int splice_open(struct splice *s)
{
	int r;

	r = locate(s);
	if (!r && (s->wd < 0 || !s->recovered)) {
		try_to_watch(s);
	}
	if (r || s->recovered) {
		s->in_place = false;
		return r;
	}
	r = recover_pair(s);
	if (!r) {
		r = recover_lates(s);
	}
	s->recovered = !r;
	s->in_place = s->in_place && r;	/* else it has not changed since */
	return r;
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
			s->editing_since_ms = splice_now_ms();
		}
		s->seen.file = true;
		for (unsigned i = 0; i < s->n_late; i++) {	/* it may lack what was merged */
			if (s->late[i].merged_ms) {
				s->late[i].look_ms = splice_now_ms();
			}
		}
	} else if (s->o.compiled && !strcmp(e->name, s->o.compiled) && e->mask & IN_MOVED_TO) {
		s->seen.n_compiled++;
	}
	for (unsigned i = 0; i < s->n_late; i++) {
		char name[NAME_SIZE_FILE];

		if (!strcmp(e->name, late_name(s, &s->late[i], name))) {
			s->late[i].look_ms = splice_now_ms();
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
	drain(s);
	*ret = s->seen;
	s->seen = (struct splice_seen){ 0 };
	/* Most of what happens to the file is our own doing. */
	if (ret->file && s->wd >= 0 && splice_is_known(s)) {
		ret->file = false;
	}
	if (s->recovered) {
		late_look_all(s);
	}
}

int splice_read_settled(struct splice *s, struct buf *ret, struct stat *ret_st)
{
	int r = splice_read_whole(s, s->base, ret, ret_st);

	drain(s);	/* whoever began to write before we read has left an event */
	return is_editing(s) ? -EAGAIN : r;
}

int64_t splice_due_ms(const struct splice *s)
{
	int64_t due = INT64_MAX, now = splice_now_ms();

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

/* --- the section --- */

void splice_outside(const struct splice *s, const struct buf *text, struct buf *ret)
{
	const struct buf nothing = { 0 };
	struct section section;

	if (section_find(text->data, text->len, s->o.comment, &section)) {
		section = (struct section){ text->len, text->len };
	}
	section_replace(ret, text->data, text->len, &section, &nothing);
}

/* The section in the file's text. 0 or SPLICE_E_SECTION. */
static int find_section(struct splice *s, const struct buf *text, struct section *ret)
{
	int r = section_find(text->data, text->len, s->o.comment, ret);

	return r ? splice_wrong(s, SPLICE_E_SECTION, "%s", section_strerror(r)) : 0;
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
	r = splice_read_whole(s, s->base, &text, &st);
	if (r) {
		return splice_fail(s, r, "read", s->base);
	}
	r = find_section(s, &text, &section);
	if (r) {
		return r;
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

	r = splice_read_settled(s, &old, &st);
	if (r) {
		return r == -EAGAIN ? r : splice_fail(s, r, "read", s->base);
	}
	r = find_section(s, &old, &section);
	if (!r) {
		r = splice_refuse(s, &old, &section);
	}
	if (r) {
		return r;
	}
	if (put->foreign && !file_same_stat(&st, &s->known)) {
		put->foreign(put->arg, old.data + section.begin, section.end - section.begin);
	}
	section_replace(&new, old.data, old.len, &section, put->body);
	if (buf_error(&new)) {
		return splice_fail(s, -ENOMEM, "render", s->base);
	}
	if (!put->even_if_same && buf_same(&old, &new) && !splice_is_behind(s, &old)) {
		s->known = st;
		splice_note_serial(s, &old);
		r = SPLICE_E_SAME;
	} else {
		r = splice_raise(s, &new, &old);
		r = r ? r : splice_write_over(s, &old, &st, &new, put);
	}
	if (put->settled && (!r || r == SPLICE_E_SAME)) {
		put->settled(put->arg, old.data, old.len, &section);
	}
	return r;
}

int splice_put(struct splice *s, const struct splice_put *put)
{
	unsigned n_before;
	int r;

	r = splice_open(s);
	if (r) {
		return r;
	}
	late_evict(s);
	n_before = s->n_late;	/* what this one displaces comes behind them */
	r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		s->insist = i >= ATTEMPTS / 2 && !is_editing(s);
		r = put_once(s, put);
	}
	s->insist = false;
	if (r == -EAGAIN) {
		return splice_wrong(s, SPLICE_E_BUSY, "somebody is writing to it");
	}
	for (unsigned i = 0; !r && i < n_before; i++) {
		s->late[i].published_since = true;
		s->late[i].look_ms = splice_now_ms();
	}
	return r;
}
