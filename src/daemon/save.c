/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* With a million names the text has 80 MB and takes a third of a second: nobody's change may wait for
 * that, and it need not be in memory as a whole. It goes in chunks of which there are two, one that is gathered and
 * one that is written. The thread has its chunk, the temporary's descriptor and nothing else; the loop
 * touches neither while it does. */

#include "daemon/save.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum {
	SLICE_NS = 200 * 1000,
	SLICE_NAMES = 32,		/* between two looks at the clock */
	CHUNK = 120 * 1024,	/* it is handed on when it has so much; some lines fit into 128 KiB then */
};

struct save {
	uv_loop_t *loop;
	char path[PATH_MAX], tmp[PATH_MAX];
	save_done_fn *done;
	void *arg;
	const struct roster *roster;
	struct publish *publish;
	uv_idle_t awake;	/* active: the loop comes back at once */
	bool under_way, gathered, durably;

	struct buf chunk;	/* being gathered */
	bool first;		/* it begins the file */
	uint32_t number;	/* the next one to be gathered */
	uint64_t cost_ns;

	uv_work_t work;
	uv_sem_t written;	/* posted once for each time that the thread had something to do */
	bool writing;		/* the thread has what follows */
	struct buf bytes;
	bool begins, ends;
	int fd, r;
	uint64_t write_ns;
};

/* --- writing: in the thread, and at the end in the loop --- */

static int write_bytes(struct save *s)
{
	int r = 0;

	if (s->begins) {
		close_fdp(&s->fd);	/* of one that was given up */
		r = file_begin(AT_FDCWD, s->tmp, 0600, &s->fd);
	}
	if (!r) {
		r = file_write_all(s->fd, s->bytes.data, s->bytes.len);
	}
	/* Else it may be lost, and a rename does not show half of it while we run. */
	if (!r && s->ends && s->durably && fsync(s->fd) < 0) {
		r = -errno;
	}
	if (r && s->fd >= 0) {
		(void)unlink(s->tmp);	/* r already tells why */
		close_fdp(&s->fd);
	}
	return !r && s->ends ? file_end(AT_FDCWD, s->tmp, s->path, &s->fd) : r;
}

static void on_work(uv_work_t *work)
{
	struct save *s = work->data;
	uint64_t before = uv_hrtime();

	s->r = write_bytes(s);
	s->write_ns = uv_hrtime() - before;
	uv_sem_post(&s->written);
}

/* --- gathering --- */

static void begin(struct save *s)
{
	s->gathered = false;
	s->first = true;
	s->number = 0;
	buf_clear(&s->chunk);
	state_print_heading(&s->chunk);
}

/* Until the chunk is full, all is gathered, or, with an end, it is that late. */
static void gather(struct save *s, uint64_t end_ns)
{
	while (!s->gathered && s->chunk.len < CHUNK) {
		for (int i = 0; i < SLICE_NAMES && !s->gathered; i++) {
			s->gathered = !state_print(s->roster, s->publish, s->number, &s->chunk);
			s->number++;
		}
		if (end_ns && uv_hrtime() >= end_ns) {
			return;
		}
	}
}

/* What was gathered is what is to be written. */
static void hand_on(struct save *s)
{
	struct buf empty = s->bytes;

	s->bytes = s->chunk;
	s->chunk = empty;
	buf_clear(&s->chunk);
	s->begins = s->first;
	s->ends = s->gathered;
	s->first = false;
}

static void on_awake(uv_idle_t *idle)
{
	(void)idle;	/* that it is active is enough */
}

/* Awake while there is something to gather and room for it. */
static void settle(struct save *s)
{
	if (s->under_way && !s->gathered && s->chunk.len < CHUNK) {
		(void)uv_idle_start(&s->awake, on_awake);	/* fails only without a callback */
	} else {
		(void)uv_idle_stop(&s->awake);	/* cannot fail */
	}
}

static void over(struct save *s, int r)
{
	s->under_way = false;
	buf_deinit(&s->chunk);
	buf_deinit(&s->bytes);
	settle(s);
	s->done(s->arg, r, s->cost_ns / 1000000);
}

static void on_written(uv_work_t *work, int status);

/* As soon as the thread is free and there is a chunk for it. */
static void write_chunk(struct save *s)
{
	int r;

	if (s->writing || (!s->gathered && s->chunk.len < CHUNK)) {
		return;
	}
	r = buf_error(&s->chunk);
	if (r) {
		over(s, r);
		return;
	}
	hand_on(s);
	s->writing = true;
	(void)uv_queue_work(s->loop, &s->work, on_work, on_written);	/* fails only without a callback */
}

static void on_written(uv_work_t *work, int status)
{
	struct save *s = work->data;

	(void)status;
	if (!s->writing) {	/* nobody waits for it any more: take_from_thread */
		return;
	}
	uv_sem_wait(&s->written);	/* which it is */
	s->writing = false;
	s->cost_ns += s->write_ns;
	if (s->r || s->ends) {
		over(s, s->r);
		return;
	}
	write_chunk(s);
	settle(s);
}

void save_slice(struct save *s)
{
	uint64_t before;

	if (!uv_is_active((uv_handle_t *)&s->awake)) {
		return;
	}
	before = uv_hrtime();
	gather(s, before + SLICE_NS);
	s->cost_ns += uv_hrtime() - before;
	write_chunk(s);
	settle(s);
}

/* --- what the daemon asks for --- */

int save_new(struct uv_loop_s *loop, const char *path, save_done_fn *done, void *arg,
	     struct save **ret)
{
	struct save *s = calloc(1, sizeof(*s));

	if (!s) {
		return -ENOMEM;
	}
	s->loop = loop;
	s->done = done;
	s->arg = arg;
	s->fd = -1;
	s->work.data = s;
	if (snprintf(s->path, sizeof(s->path), "%s", path) >= (int)sizeof(s->path) ||
	    snprintf(s->tmp, sizeof(s->tmp), "%s.tmp", path) >= (int)sizeof(s->tmp)) {
		free(s);
		return -ENAMETOOLONG;
	}
	if (uv_sem_init(&s->written, 0)) {
		free(s);
		return -ENOMEM;
	}
	(void)uv_idle_init(loop, &s->awake);	/* cannot fail */
	s->awake.data = s;
	*ret = s;
	return 0;
}

struct save *save_free(struct save *s)
{
	if (s) {
		close_fdp(&s->fd);
		uv_sem_destroy(&s->written);
		buf_deinit(&s->chunk);
		buf_deinit(&s->bytes);
		free(s);
	}
	return NULL;
}

bool save_is_under_way(const struct save *s)
{
	return s->under_way;
}

void save_begin(struct save *s, const struct roster *r, struct publish *p, bool durably)
{
	s->under_way = true;
	s->durably = durably;
	s->roster = r;
	s->publish = p;
	s->cost_ns = 0;
	begin(s);
	settle(s);
}

void save_replace(struct save *s, const struct roster *r)
{
	s->roster = r;
	if (s->under_way && !s->gathered) {
		begin(s);
		settle(s);
	}
}

/* What it did is not needed any more. */
static void take_from_thread(struct save *s)
{
	if (!s->writing) {
		return;
	}
	if (uv_cancel((uv_req_t *)&s->work)) {	/* it has begun */
		uv_sem_wait(&s->written);
	}
	s->writing = false;
}

int save_now(struct save *s, const struct roster *r, struct publish *p, bool durably)
{
	int e;

	take_from_thread(s);
	s->under_way = false;
	s->durably = durably;
	s->roster = r;
	s->publish = p;
	begin(s);
	do {
		gather(s, 0);
		e = buf_error(&s->chunk);
		if (!e) {
			hand_on(s);
			e = write_bytes(s);
		}
	} while (!e && !s->gathered);
	settle(s);
	return e;
}
