/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What patient.c (the loop's side) and patient_process.c (those who wait) say to each other. One packet asks for one
 * file; it is answered by one packet, and its text by more. Both ends are the same program, in the same memory
 * once. */

#include "core/pattern.h"
#include "core/users.h"
#include "daemon/source.h"

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { PATIENT_PART = 32 * 1024 };	/* bytes of the text in one packet: a socket takes that */

enum { PATIENT_QUOTABLE = 1, PATIENT_FROM_FRONT_END = 2, PATIENT_BY_LINK = 4 };	/* as in struct source_file */

struct patient_question {
	unsigned pattern_number;
	uid_t account, front_end;
	size_t size_max;
	uint64_t known;
	char user_name[NAME_MAX + 1];
	char pattern[PATTERN_PATH_MAX];
};

struct patient_answer {
	int outcome;
	size_t n_text;
	struct source_marks marks;
	struct timespec time;	/* these as in struct source_file */
	uint64_t print;
	unsigned flags;
	char why[256];
};

/* Makes a process of each pair of descriptors that comes: a socket to answer on, and inotify. Returns when the
 * socket is closed at the other end. */
void patient_process(int socket) __attribute__((noreturn));
