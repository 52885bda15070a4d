/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Beside gdb, by LD_PRELOAD: up to version 13 it writes back less of a thread's extended state than processors with AMX
 * have, and the kernel takes all of it or none (ptrace(2), PTRACE_SETREGSET). Here the rest stays what it was. */

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long ptrace_fn(int, int, void *, void *);

long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_fn *real;
	static char all[64 * 1024];
	va_list ap;
	int pid;
	void *address, *data;

	va_start(ap, request);
	pid = va_arg(ap, int);
	address = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if (!real) {
		real = (ptrace_fn *)dlsym(RTLD_NEXT, "ptrace");
	}
	if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
		const struct iovec *given = data;
		struct iovec whole = { all, sizeof(all) };

		if (real(PTRACE_GETREGSET, pid, address, &whole) < 0) {
			return -1;
		}
		memcpy(all, given->iov_base, given->iov_len < whole.iov_len ? given->iov_len : whole.iov_len);
		return real(request, pid, address, &whole);
	}
	return real(request, pid, address, data);
}
