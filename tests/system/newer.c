/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* For LD_PRELOAD: libraries that do what newer ones do. */

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libuv makes an io_uring with each loop from 1.45 on, and aborts where there is one and it cannot be used. */
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

/* libmicrohttpd has, from 1.0 on, one place for all that it is asked of a connection. */
void *MHD_get_connection_info(void *connection, int what)
{
	void **(*next)(void *, int) = (void **(*)(void *, int))dlsym(RTLD_NEXT, "MHD_get_connection_info");
	static void *place;
	void **info = next(connection, what);

	place = info ? *info : NULL;
	return info ? &place : NULL;
}
