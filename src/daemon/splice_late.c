/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/splice_impl.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "core/section.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

enum {
	LATE_MAX = 64,			/* displaced files kept for longer than a publish */
	LATE_BYTES_MAX = 64 << 20,	/* of memory for what is accounted for in them */
	LATE_KEEP_MS = 60 * 1000,	/* where nobody can tell whether it is open */
	LATE_GRACE_MS = 2 * 1000,	/* where it is not: somebody may be about to open it */
	LATE_GUARD_MS = 2 * 1000,	/* somebody may write back what he read before a merge */
	LATE_SETTLE_MS = 2 * 1000,	/* without a lease: unchanged for so long is written */
	LATE_AGAIN_MS = 500,		/* pause before the next look at one that is open */
};

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

bool late_is_open(const struct splice *s, const char *name)
{
	_cleanup_(close_fdp) int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && !nobody_writes(fd);
}

const char *late_name(const struct splice *s, const struct late *l, char *ret)
{
	char suffix[32];
	size_t n;

	(void)snprintf(suffix, sizeof(suffix), "late.%u", l->number);
	n = strlen(splice_beside(s, suffix, ret));
	if (n + strlen(l->note) < NAME_SIZE_FILE) {	/* else it has to be looked at as one that has been written to */
		(void)snprintf(ret + n, NAME_SIZE_FILE - n, "%s", l->note);
	}
	return ret;
}

void late_forget(struct splice *s, unsigned i)
{
	buf_deinit(&s->late[i].text);
	s->late[i] = s->late[--s->n_late];
}

static void print_note(const struct stat *st, char ret[LATE_NOTE_SIZE])
{
	(void)snprintf(ret, LATE_NOTE_SIZE, ".%jx.%jx", (uintmax_t)st->st_size,
		       (uintmax_t)st->st_mtim.tv_sec * 1000000000u + (uintmax_t)st->st_mtim.tv_nsec);	/* they fit */
}

bool late_is_noted(const char *rest, const struct stat *st)
{
	char note[LATE_NOTE_SIZE];

	print_note(st, note);
	return !strcmp(rest, note);
}

bool late_may_have_edit(const struct splice *s, const struct late *l)
{
	char name[NAME_SIZE_FILE];
	struct stat st;

	return !fstatat(s->dir, late_name(s, l, name), &st, AT_SYMLINK_NOFOLLOW) &&
	       (!l->seen.st_ino || !file_same_state(&st, &l->seen) || late_is_open(s, name));
}

static bool accounted_for(const struct splice *s, const struct late *l, const struct buf *text)
{
	return section_same_outside(text->data, text->len, l->text.data, l->text.len, s->o.comment);
}

void late_keep_and_tell(struct splice *s, const char *name)
{
	char to[NAME_SIZE_FILE];
	unsigned n = 0;

	do {
		(void)snprintf(to, sizeof(to), "%s%.*s.kept-by-dns-updater.%u", s->o.hide_kept ? "." : "",
			       NAME_MAX - 32, s->base, ++n);
	} while (renameat2(s->dir, name, s->dir, to, RENAME_NOREPLACE) < 0 && errno == EEXIST);
	if (!splice_has(s, to)) {
		(void)snprintf(to, sizeof(to), "%s", name);	/* could not be renamed: stays */
	}
	splice_say(s, LOG_ERR,
	    "keeping '%s/%s': it has an edit of '%s' that could not be merged; "
	    "compare the two, then remove it", s->dir_path, to, s->path);
}

/* Returns how many bytes of memory that gives. */
static size_t evict_oldest(struct splice *s)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	char name[NAME_SIZE_FILE];
	unsigned oldest = 0;
	struct stat st;
	size_t bytes;

	for (unsigned i = 1; i < s->n_late; i++) {
		oldest = s->late[i].born_ms < s->late[oldest].born_ms ? i : oldest;
	}
	late_name(s, &s->late[oldest], name);
	/* What was merged stands in the file, and was only guarded. */
	if ((!s->late[oldest].merged_ms &&
	     (splice_read_whole(s, name, &text, &st) || !accounted_for(s, &s->late[oldest], &text))) ||
	    unlinkat(s->dir, name, 0) < 0) {
		late_keep_and_tell(s, name);
	}
	bytes = s->late[oldest].text.len;
	late_forget(s, oldest);
	return bytes;
}

void late_evict(struct splice *s)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < s->n_late; i++) {
		bytes += s->late[i].text.len;
	}
	while (s->n_late > LATE_MAX || (s->n_late > 1 && bytes > LATE_BYTES_MAX)) {
		bytes -= evict_oldest(s);
	}
}

/* Whether it may be written to once more without another time, which goes by the ticks of a clock. */
static bool is_of_now(const struct stat *st)
{
	struct timespec now;
	int64_t age_ns;

	(void)clock_gettime(CLOCK_REALTIME, &now);	/* cannot fail */
	if (st->st_mtim.tv_sec <= now.tv_sec - 2 || st->st_mtim.tv_sec >= now.tv_sec + 2) {
		return false;	/* and what follows does not overflow */
	}
	age_ns = (int64_t)(now.tv_sec - st->st_mtim.tv_sec) * 1000000000 + now.tv_nsec - st->st_mtim.tv_nsec;
	return age_ns > -2 * TICK_NS && age_ns < 2 * TICK_NS;
}

/* Remembers what was read, if it still is that, as it is after the rename, which changed its ctime: so it need not be
 * read again. */
static void note_seen(const struct splice *s, struct late *l)
{
	char name[NAME_SIZE_FILE];
	struct stat st;

	if (!fstatat(s->dir, late_name(s, l, name), &st, AT_SYMLINK_NOFOLLOW) && late_is_noted(l->note, &st)) {
		l->seen = st;
	}
}

/* The same of one whose name does not say it yet. */
static void renote(const struct splice *s, struct late *l, const struct stat *read)
{
	char from[NAME_SIZE_FILE], to[NAME_SIZE_FILE];
	struct late as = *l;

	if (is_of_now(read)) {
		return;
	}
	print_note(read, as.note);
	late_name(s, l, from);
	late_name(s, &as, to);
	if (!strcmp(from, to) || !renameat2(s->dir, from, s->dir, to, RENAME_NOREPLACE)) {
		memcpy(l->note, as.note, sizeof(l->note));
		note_seen(s, l);
	}
}

int late_add(struct splice *s, const char *name, const struct buf *accounted, const struct stat *st)
{
	struct late *l = &s->late[s->n_late];
	char to[NAME_SIZE_FILE];
	int r;

	if (s->n_late == LATE_ROOM) {
		return -ENOSPC;
	}
	*l = (struct late){ .born_ms = splice_now_ms(), .look_ms = splice_now_ms() };
	if (st && !is_of_now(st)) {
		print_note(st, l->note);
	}
	do {
		l->number = s->next_number++;
		r = renameat2(s->dir, name, s->dir, late_name(s, l, to), RENAME_NOREPLACE) < 0 ? -errno : 0;
	} while (r == -EEXIST);
	if (r) {
		return r;
	}
	splice_outside(s, accounted, &l->text);
	r = buf_error(&l->text);
	if (r) {
		buf_deinit(&l->text);	/* the file stays, and is accounted for at the next start */
		return r;
	}
	note_seen(s, l);
	s->n_late++;
	return 0;
}

void late_add_copy(struct splice *s, const struct buf *text, const struct buf *accounted)
{
	_cleanup_(close_fdp) int fd = -1;
	char name[NAME_SIZE_FILE];

	splice_beside(s, "copy", name);
	(void)unlinkat(s->dir, name, 0);	/* what a crash has left, perhaps; the next line tells if it stays */
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		return;
	}
	if (file_write_all(fd, text->data, text->len) || late_add(s, name, accounted, NULL)) {
		(void)unlinkat(s->dir, name, 0);
	}
}

/* Makes one text of what the file is now and what was written late to the displaced file, which
 * read `before` when it was displaced. */
static int merge_text(const struct splice *s, const struct buf *now, const struct buf *before,
		      const struct buf *late, struct buf *ret)
{
	struct section in_now, in_late;
	struct buf body;
	int r;

	r = splice_same_outside(s, now, late);
	if (r) {	/* merged before, or he has written it here, too */
		buf_add(ret, now->data, now->len);
		return r < 0 ? r : buf_error(ret);
	}
	r = splice_same_outside(s, now, before);
	if (r < 0) {
		return r;
	}
	if (r && !section_find(now->data, now->len, s->o.comment, &in_now) &&
	    !section_find(late->data, late->len, s->o.comment, &in_late)) {
		body = (struct buf){ .data = now->data + in_now.begin,
				     .len = in_now.end - in_now.begin };
		section_replace(ret, late->data, late->len, &in_late, &body);
		return buf_error(ret);
	}
	buf_add(ret, now->data, now->len);
	if (now->len && now->data[now->len - 1] != '\n') {
		buf_adds(ret, "\n");
	}
	return splice_added(s, ret, before, late, now);
}

/* The merged text must be what a zone file asks for, too, and later than both. */
static int merge_finish(struct splice *s, struct buf *new, const struct buf *now,
			const struct buf *late)
{
	struct section section;
	int r = 0;

	if (!section_find(new->data, new->len, s->o.comment, &section)) {
		r = splice_refuse(s, new, &section);
	}
	if (!r) {
		r = splice_raise(s, new, splice_is_later(s, late, now) ? late : now);
	}
	return r == SPLICE_E_SECTION ? SECTION_E_REMOVED : r;
}

/* Brings the late text into the file. 0: it is in there; SPLICE_E_BUSY: not now;
 * SECTION_E_REMOVED: the two cannot be merged; or a negative errno. */
static int merge(struct splice *s, const struct buf *before, const struct buf *late)
{
	_cleanup_(buf_deinit) struct buf now = { 0 }, new = { 0 };
	const struct splice_put put = { .next_second = true };
	struct section section;
	struct stat st;
	int r;

	if (section_find(before->data, before->len, s->o.comment, &section) &&
	    section_find(late->data, late->len, s->o.comment, &section)) {
		return SPLICE_E_BUSY;	/* somebody writes it in steps: lines of our section would be taken for his */
	}
	for (int i = 0; i < ATTEMPTS; i++) {
		r = splice_read_settled(s, &now, &st);
		if (r == -EAGAIN) {
			continue;
		}
		if (r) {
			return r;
		}
		if (section_find(now.data, now.len, s->o.comment, &section)) {
			return SPLICE_E_BUSY;	/* the same, here */
		}
		buf_clear(&new);
		r = merge_text(s, &now, before, late, &new);
		if (!r) {
			r = splice_same_outside(s, &new, &now);
		}
		if (r < 0 || r == SECTION_E_REMOVED) {
			return r;
		}
		if (r && !splice_is_later(s, late, &now)) {
			return 0;	/* there is nothing that the file does not say */
		}
		r = merge_finish(s, &new, &now, late);
		if (r) {
			return r;
		}
		r = splice_write_over(s, &now, &st, &new, &put);
		if (!r) {
			s->seen.merged = true;
			splice_say(s, LOG_INFO, "merged late changes of %s", s->path);
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
		late_keep_and_tell(s, name);
		*ret_done = true;
	}
	if (r) {
		return false;
	}
	if (!l->merged_ms) {
		l->merged_ms = splice_now_ms();
	}
	if (splice_now_ms() - l->merged_ms < LATE_GUARD_MS) {
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
	int64_t keep_until;
	bool done = false, unchanged;
	struct stat st;

	unchanged = l->seen.st_ino && !fstat(fd, &st) && file_same_state(&st, &l->seen);
	if (!nobody || (!unchanged && splice_read_whole(s, name, &text, &st))) {
		return false;
	}
	if (!unchanged && !accounted_for(s, l, &text)) {
		l->seen = (struct stat){ 0 };
		(void)clock_gettime(CLOCK_REALTIME, &now);
		if (nobody < 0 && st.st_mtim.tv_sec <= now.tv_sec &&
		    st.st_mtim.tv_sec > now.tv_sec - LATE_SETTLE_MS / 1000) {
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
	if (splice_now_ms() < keep_until || (nobody < 0 && !l->published_since)) {
		if (!unchanged) {
			renote(s, l, &st);
		}
		if (l->seen.st_ino || l->look_ms > keep_until) {	/* else it is looked at again soon */
			l->look_ms = splice_now_ms() < keep_until ? keep_until : 0;
		}
		return false;
	}
	return !unlinkat(s->dir, name, 0);
}

void late_look_all(struct splice *s)
{
	for (unsigned i = 0; i < s->n_late;) {
		char name[NAME_SIZE_FILE];
		int fd;
		bool done;

		if (!s->closing && (!s->late[i].look_ms || s->late[i].look_ms > splice_now_ms())) {
			i++;
			continue;	/* what happens around it is none of its business */
		}
		s->late[i].look_ms = splice_now_ms() + LATE_AGAIN_MS;
		fd = openat(s->dir, late_name(s, &s->late[i], name),
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		/* Somebody may have removed it by hand. */
		done = fd < 0 ? errno == ENOENT : late_settle(s, &s->late[i], name, fd);

		if (done && fd >= 0 && !s->closing) {
			s->o.close(s->o.arg, fd);
		} else {
			close_fd(fd);
		}
		if (done) {
			late_forget(s, i);
		} else {
			i++;
		}
	}
}
