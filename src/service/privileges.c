/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "service/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Empties what children inherit and what execve could give back. */
static int close_doors(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return -errno;
	}
	return 0;
}

static bool has(capng_type_t set, unsigned capability)
{
	return !capng_get_caps_process() && capng_have_capability(set, capability);
}

/* The bounding set, too, where that may be. */
static int apply(bool keep)
{
	capng_select_t which = has(CAPNG_EFFECTIVE, CAP_SETPCAP) ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS;

	capng_clear(CAPNG_SELECT_BOTH);
	if (keep && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_READ_SEARCH)) {
		return -EINVAL;
	}
	if (capng_apply(which)) {
		return -EPERM;
	}
	return close_doors();
}

int privileges_drop(const char *user)
{
	bool keep = has(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
	struct passwd *pw;

	if (geteuid()) {
		return apply(keep);
	}
	errno = 0;
	pw = getpwnam(user);
	if (!pw) {
		return errno ? -errno : PRIVILEGES_E_NO_USER;
	}
	if (initgroups(pw->pw_name, pw->pw_gid) < 0) {
		return -errno;
	}
	/* The bounding set first, for it needs CAP_SETPCAP; then the ids, across which the kernel
	 * keeps the permitted set; then all but the one capability goes. */
	if (has(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
		capng_clear(CAPNG_SELECT_BOUNDS);
		(void)!capng_apply(CAPNG_SELECT_BOUNDS);	/* what is not held cannot be gained */
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0) {
		return -errno;
	}
	return apply(keep);
}

int privileges_none(void)
{
	return apply(false);
}

bool privileges_read_all(void)
{
	return has(CAPNG_EFFECTIVE, CAP_DAC_READ_SEARCH);
}
