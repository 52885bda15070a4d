/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "base/background.h"

/* Not with <sched.h>, which defines some of it, too, and has no wrapper yet. */
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void turns_be_short(void)
{
	struct sched_attr a = { .size = sizeof(a), .sched_flags = SCHED_FLAG_KEEP_POLICY,
				.sched_nice = getpriority(PRIO_PROCESS, (id_t)gettid()),
				.sched_runtime = 100 * 1000 /* ns, the least there is */ };

	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}

void background_become(void)
{
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10);	/* to lower it is always permitted */
	turns_be_short();
}
