/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/watch_fanotify.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <uv.h>

enum {
	EVENTS_SIZE = 64 * 1024,
	READS_MAX = 4,		/* of one turn of the loop: others want to be served too */
	MARKS_MAX = 16,
	HANDLE_SIZE = 128,	/* MAX_HANDLE_SZ */
	FDINFO_MAX = 64 * 1024,
};

static const uint64_t MASK = FAN_CLOSE_WRITE | FAN_MOVED_TO | FAN_MOVED_FROM | FAN_CREATE | FAN_DELETE |
			     FAN_ATTRIB | FAN_ONDIR;

_Static_assert(FAN_CLOSE_WRITE == IN_CLOSE_WRITE && FAN_MOVED_TO == IN_MOVED_TO && FAN_MOVED_FROM == IN_MOVED_FROM &&
		       FAN_CREATE == IN_CREATE && FAN_DELETE == IN_DELETE && FAN_ATTRIB == IN_ATTRIB,
	       "the two have the same bits");

struct marked {
	fsid_t file_system;
	unsigned long device;	/* as the kernel lists the mark; 0: not known */
};

struct watch_fanotify {
	int fd;
	struct marked marked[MARKS_MAX];
	unsigned n_marked;
	pid_t self;		/* whose events are of no interest */
	uv_poll_t poll;
	bool attached;
	struct watch_fanotify_handlers handlers;
};

/* --- keys --- */

static int key_of(const void *fsid, const struct file_handle *handle)
{
	uint64_t h = hash_add(HASH_BEGIN, fsid, sizeof(fsid_t));
	int key;

	h = hash_add(h, &handle->handle_type, sizeof(handle->handle_type));
	h = hash_add(h, handle->f_handle, handle->handle_bytes);
	key = (int)((uint32_t)(h ^ h >> 32) | 1u << 31);
	return key == -1 ? -2 : key;
}

static bool is_marked(const struct watch_fanotify *f, const fsid_t *fsid)
{
	for (unsigned i = 0; i < f->n_marked; i++) {
		if (!memcmp(&f->marked[i].file_system, fsid, sizeof(*fsid))) {
			return true;
		}
	}
	return false;
}

int watch_fanotify_key(const struct watch_fanotify *f, int dir_fd, const char *name, const fsid_t *on, int *ret_key)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + HANDLE_SIZE];
	} h;
	struct statfs fs;
	int mount;

	if (!on) {
		on = fstatfs(dir_fd, &fs) < 0 ? NULL : &fs.f_fsid;
	}
	if (!on || !is_marked(f, on)) {
		return -EXDEV;
	}
	h.handle.handle_bytes = HANDLE_SIZE;
	if (name_to_handle_at(dir_fd, name, &h.handle, &mount, AT_EMPTY_PATH) < 0) {
		return -EXDEV;
	}
	*ret_key = key_of(on, &h.handle);
	return 0;
}

/* --- the marks that the kernel has --- */

/* The devices in proc_pid_fdinfo(5). Returns how many there are, or a negative errno. */
static int list_devices(const struct watch_fanotify *f, unsigned long ret[MARKS_MAX])
{
	static const char mark[] = "\nfanotify sdev:";
	_cleanup_(buf_deinit) struct buf text = { 0 };
	char path[64];
	int n = 0, r;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", f->fd);	/* a number fits */
	r = file_read(AT_FDCWD, path, FDINFO_MAX, &text);
	if (r) {
		return r;
	}
	for (const char *at = strstr(buf_str(&text), mark); at && n < MARKS_MAX; at = strstr(at, mark)) {
		at += strlen(mark);
		ret[n++] = strtoul(at, NULL, 16);
	}
	return n;
}

static bool is_listed(unsigned long device, const unsigned long *devices, int n)
{
	for (int i = 0; i < n; i++) {
		if (devices[i] == device) {
			return true;
		}
	}
	return false;
}

/* Of the mark that was made just now. */
static unsigned long newest_device(const struct watch_fanotify *f)
{
	unsigned long devices[MARKS_MAX] = { 0 }, known[MARKS_MAX];
	int n = list_devices(f, devices);

	for (unsigned i = 0; i < f->n_marked; i++) {
		known[i] = f->marked[i].device;
	}
	for (int i = 0; i < n; i++) {
		if (!is_listed(devices[i], known, (int)f->n_marked)) {
			return devices[i];
		}
	}
	return 0;
}

unsigned watch_fanotify_forget_unmounted(struct watch_fanotify *f)
{
	unsigned long devices[MARKS_MAX];
	int n = list_devices(f, devices);
	unsigned n_gone = 0;

	for (unsigned i = 0; n >= 0 && i < f->n_marked;) {
		if (f->marked[i].device && !is_listed(f->marked[i].device, devices, n)) {
			f->marked[i] = f->marked[--f->n_marked];
			n_gone++;
		} else {
			i++;
		}
	}
	return n_gone;
}

/* --- the start --- */

/* The file system of the deepest directory that is there, of those that all users of the pattern share. */
static int mark(struct watch_fanotify *f, const struct pattern *p)
{
	const fsid_t none = { 0 };
	char path[PATTERN_PATH_MAX];
	struct statfs fs;

	for (unsigned level = p->first_user; pattern_path(p, level, "", path); level--) {
		if (!statfs(path, &fs)) {
			break;
		}
		if (!level) {
			return -ENOENT;
		}
	}
	if (!memcmp(&fs.f_fsid, &none, sizeof(none))) {
		return -EXDEV;	/* its events could not be told from others' */
	}
	if (is_marked(f, &fs.f_fsid)) {
		return 0;
	}
	if (fanotify_mark(f->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MASK, AT_FDCWD, path) < 0) {
		return -errno;
	}
	f->marked[f->n_marked] = (struct marked){ fs.f_fsid, newest_device(f) };
	f->n_marked++;
	return 0;
}

int watch_fanotify_open(const struct pattern *patterns, unsigned n_patterns,
			void (*unmarked)(const struct pattern *p, int error), struct watch_fanotify **ret)
{
	struct watch_fanotify *f = calloc(1, sizeof(*f));
	int errors[MARKS_MAX] = { 0 }, r = 0;

	if (!f) {
		return -ENOMEM;
	}
	f->self = getpid();
	f->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME | FAN_UNLIMITED_QUEUE,
			      O_RDONLY | O_CLOEXEC);
	if (f->fd < 0) {
		r = -errno;
		free(f);
		return r;
	}
	for (unsigned i = 0; i < n_patterns && i < MARKS_MAX; i++) {
		errors[i] = mark(f, &patterns[i]);
		r = r ? r : errors[i];
	}
	if (!f->n_marked) {
		watch_fanotify_free(f);
		return r;
	}
	for (unsigned i = 0; i < n_patterns && i < MARKS_MAX; i++) {
		if (errors[i]) {
			unmarked(&patterns[i], errors[i]);
		}
	}
	*ret = f;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct watch_fanotify *f = handle->data;

	close_fd(f->fd);
	free(f);
}

struct watch_fanotify *watch_fanotify_free(struct watch_fanotify *f)
{
	if (f && f->attached) {
		uv_close((uv_handle_t *)&f->poll, closed);
	} else if (f) {
		close_fd(f->fd);
		free(f);
	}
	return NULL;
}

/* --- events --- */

/* What follows the head of an event: file system, directory, name. */
static void take_event(struct watch_fanotify *f, const struct fanotify_event_metadata *e, const char *at)
{
	const struct fanotify_event_info_fid *info = (const void *)(at + e->metadata_len);
	const struct file_handle *handle = (const void *)info->handle;
	const size_t head = e->metadata_len + sizeof(*info) + sizeof(*handle);

	if (e->mask & FAN_Q_OVERFLOW) {
		f->handlers.lost(f->handlers.arg);
		return;
	}
	if (e->pid == f->self || e->event_len < head ||
	    info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME ||
	    e->event_len <= head + handle->handle_bytes) {
		return;
	}
	/* The kernel ends the name with a NUL. */
	f->handlers.event(f->handlers.arg, key_of(&info->fsid, handle), (uint32_t)e->mask,
			  (const char *)handle->f_handle + handle->handle_bytes);
}

/* Returns the bytes, or 0 when there are none. */
static size_t take_events(struct watch_fanotify *f)
{
	char events[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	ssize_t n = read(f->fd, events, sizeof(events));
	struct fanotify_event_metadata e;

	if (n <= 0) {
		return 0;
	}
	/* Events follow each other at multiples of four bytes, but their heads are made for eight. */
	for (const char *at = events; at < events + n; at += e.event_len) {
		memcpy(&e, at, sizeof(e));
		take_event(f, &e, at);
	}
	f->handlers.end(f->handlers.arg);
	return (size_t)n;
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct watch_fanotify *f = poll->data;

	(void)status;	/* read tells more */
	(void)events;
	for (int i = 0; i < READS_MAX && take_events(f); i++) {
	}
}

/* Of an endless stream, what came before we began, and little more. */
void watch_fanotify_read(struct watch_fanotify *f)
{
	readable(&f->poll, 0, 0);
}

int watch_fanotify_aim(struct watch_fanotify *f, struct uv_loop_s *loop, const struct watch_fanotify_handlers *h)
{
	int r;

	f->handlers = *h;
	if (f->attached) {
		return 0;
	}
	r = uv_poll_init(loop, &f->poll, f->fd);
	if (r) {
		return r;
	}
	f->attached = true;
	f->poll.data = f;
	return uv_poll_start(&f->poll, UV_READABLE, readable);
}
