/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Ends for locals: a descriptor or an allocation goes with its scope, unless it is stolen. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Closes and forgets; errno stays what it was. */
static inline int close_fd(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd); /* read-only, or already flushed and checked */
	errno = saved;
	return -1;
}

static inline void close_fdp(int *fd)
{
	*fd = close_fd(*fd);
}

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define steal_ptr(p)                          \
	({                                    \
		__typeof__(p) p_ = (p);       \
		__typeof__(*p_) taken_ = *p_; \
		*p_ = NULL;                   \
		taken_;                       \
	})
