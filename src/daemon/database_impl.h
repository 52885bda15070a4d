/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of database.h share: database.c (the two files, and who may touch them when), database_image.c
 * (the bytes of one). */

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

/* Writes a name's addresses, which have the shape that they had, or the serials. 0 or a negative errno. */
int database_patch(int fd, const struct database_content *c, const struct database_shape *s, uint32_t name);
int database_patch_serials(int fd, const struct database_rest *rest, const struct database_shape *s,
			   uint32_t serial);
