/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* madvise(2) for what lies somewhere in the memory of malloc(3). */

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* For the whole pages among the n bytes, if there are such; at may be NULL. Only for advice that, where
 * it fails, costs memory and no more. */
static inline void pages_advise(void *at, size_t n, int advice)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)at + page - 1) / page * page, end = ((uintptr_t)at + n) / page * page;

	if (at && begin < end) {
		(void)madvise((char *)at + (begin - (uintptr_t)at), end - begin, advice);
	}
}
