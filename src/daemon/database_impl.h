/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of database.h share: database.c (the two files, and who may touch them when), database_image.c
 * (the bytes of one), database_change.c (the bytes of one made of those of another), database_write.c. */

#include "core/cdb.h"
#include "daemon/database.h"

#include <limits.h>
#include <sys/types.h>

#define DATABASE_NAME_SIZE (NAME_MAX + 1)

/* Where an SOA record's serial is that follows the text: behind the beginning of its part. */
struct database_serial {
	size_t offset;
	bool behind;	/* of the part behind ours */
};

/* The administrator's records. */
struct database_rest {
	struct buf before, behind;	/* records, as they stand in the file */
	uint32_t n_records;
	struct database_serial *serials;
	size_t n_serials;
};

/* One of the two files. */
struct database_file {
	int fd;		/* -1: there is none. Never more than this one descriptor of ours, but for dup(2) */
	dev_t dev;
	ino_t ino;
	struct timespec time;	/* its modification time, as we left it */
	uint32_t serial;
};

/* How the visible file is made: of both, for both have the same shape. */
struct database_shape {
	uint32_t *positions;	/* of each name: its first record; 0: it has none */
	uint8_t *counts;	/* how many A, and 16 times how many AAAA; DATABASE_MANY: too many to tell */
	uint32_t n_names;
	uint32_t ttl;
	size_t size, behind;	/* of the file; where the administrator's second part begins */
};

enum { DATABASE_MANY = 0xff };

/* --- database_write.c --- */

enum { DATABASE_PIECE = 256 * 1024 };	/* bytes that are written at once: they stay in the processor's cache */

struct database_writer {
	int fd;
	uint8_t *piece;
	size_t n;		/* bytes in the piece */
	uint64_t pos;		/* of its beginning, in the file */
	int error;		/* the first; then nothing is written any more */
};

/* All n bytes, or a negative errno; -EIO at the end of the file. */
int database_write_at(int fd, const void *bytes, size_t n, uint64_t pos);
int database_read_at(int fd, void *ret, size_t n, uint64_t pos);

/* Without memory it has an error from the start, and no room. */
void database_writer_begin(struct database_writer *w, int fd, uint64_t pos);
void database_writer_end(struct database_writer *w);
void database_flush(struct database_writer *w);

/* Room for that many bytes, DATABASE_PIECE at most, in one piece; the caller adds to w->n what he has written. */
uint8_t *database_room(struct database_writer *w, size_t n);

void database_add(struct database_writer *w, const void *bytes, size_t n);

/* The bytes of another file from pos to end. */
void database_add_from(struct database_writer *w, int fd, uint64_t pos, uint64_t end);

static inline uint64_t database_here(const struct database_writer *w)
{
	return w->pos + w->n;
}

/* Writes of a few bytes each: those that lie near each other, and come in order, go out as one, with the bytes
 * between them that the file has. */
enum { DATABASE_NEAR = 4096 };

struct database_spots {
	int fd;
	uint64_t size;		/* of the file */
	uint64_t pos;		/* where the bytes stand in it */
	size_t n;		/* that are known */
	size_t end;		/* of the last of them that was put */
	uint8_t bytes[DATABASE_NEAR];
};

void database_spots_begin(struct database_spots *s, int fd, uint64_t size);

/* 0 or a negative errno; what was put is written at the latest by database_spots_end. */
int database_spots_put(struct database_spots *s, const void *bytes, size_t n, uint64_t pos);
int database_spots_end(struct database_spots *s);

/* --- database_image.c, database_change.c --- */

/* What the name has in the content. */
static inline const struct ip_set *database_set(const struct database_content *c, uint32_t name)
{
	return c->sets[name] && c->covers(c->arg, name) ? c->sets[name] : NULL;
}

/* The value of database_shape.counts for a set. */
uint8_t database_count(const struct ip_set *set);

void database_rest_deinit(struct database_rest *r);

/* Takes the compiled text apart. 0, -ENOMEM or DATABASE_E_FORMAT. */
int database_rest_read(const struct buf *cdb, uint32_t default_serial, const uint8_t *mark, size_t n_mark,
		       struct database_rest *ret);

void database_shape_deinit(struct database_shape *s);

/* Writes a whole file to fd, which is empty; s is made anew. 0 or a negative errno: then s is of no use. */
int database_build(int fd, const struct database_content *c, const struct database_rest *rest, uint32_t serial,
		   struct database_shape *s);

enum { DATABASE_CHANGES_MAX = 32 };

/* Makes of one file another, in which these names have the records that they have in c, where they had other ones or
 * none; all the rest is as it was. s, the shape of the first, becomes that of the second, also when it fails: then it
 * is of no use. The second may be the same as the first up to *from, and is not written there; *from becomes where
 * the two begin to differ. 0 or a negative errno. */
int database_change(int old, int fd, size_t *from, const struct database_content *c, const uint32_t *names,
		    unsigned n, struct database_shape *s);

/* Writes a name's addresses, which have the shape that they had, or the serials. 0 or a negative errno. */
int database_patch(struct database_spots *to, const struct database_content *c, const struct database_shape *s,
		   uint32_t name);
int database_patch_serials(int fd, const struct database_rest *rest, const struct database_shape *s,
			   uint32_t serial);
