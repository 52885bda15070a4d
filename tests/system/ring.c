/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* For LD_PRELOAD: makes an io_uring with each loop, as libuv does from 1.45 on, and aborts if there is one, for it could
 * not be used in the sandbox. */

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int uv_loop_init(void *loop)
{
	int (*next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "uv_loop_init");
	unsigned params[64] = { 0 };

	if (syscall(SYS_io_uring_setup, 8, params) >= 0) {
		(void)!write(2, "there is a ring\n", 16);
		abort();
	}
	return next(loop);
}
