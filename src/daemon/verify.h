/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Asks name servers whether what was published is what they answer, again and again until it is or a time
 * limit passes, and says so in the log: only that tells an administrator that his set-up works. Some 30
 * names are asked for at once; of what else is published meanwhile they are samples. */

#include "core/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct verify;
struct uv_loop_s;

struct verify_handlers {
	/* What became of a name. Every server that is asked answers with the new addresses: why is NULL. Or one does
	 * not, and the time limit has passed: why is a sentence about it, valid for the call. Never called from within
	 * verify_name. It may call all of what follows. */
	void (*done)(void *arg, uint32_t name, const char *why);
	/* Whether something newer is on its way for the name, so that the old answer is right until verify_name comes
	 * with that: when the time limit passes, nobody complains, and none is asked until it is not so any more. */
	bool (*changes)(void *arg, uint32_t name);
	void *arg;
};

/* Whom to ask and for how long is in o (verify, verify_timeout_ms), its type and name are for messages. o is
 * borrowed. 0 or -ENOMEM. */
int verify_new(struct uv_loop_s *loop, const struct conf_output *o, const struct verify_handlers *h,
	       struct verify **ret);

/* The name with this number has just been published with this set; `was` is what it had before. Nothing is
 * borrowed. A name that is being asked for already is asked for anew, with the new set. A withdrawn
 * address must be gone from the answer; others that are neither in set nor in was may stand beside (they
 * are the administrator's). The families that are in set or was are asked for. 0, VERIFY_E_MANY (others are
 * asked for), or a negative errno: then nothing is changed, and done is not called for this. */
enum { VERIFY_E_MANY = 1 };
int verify_name(struct verify *v, uint32_t number, const char *name, const struct ip_set *set,
		const struct ip_set *was);

/* Whether a name that is asked for now would have a place. */
bool verify_has_room(const struct verify *v);

/* No handler is called any more, and o is not needed any more; the memory goes when the loop has run once
 * more. Returns NULL. */
struct verify *verify_free(struct verify *v);
