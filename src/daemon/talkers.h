/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* How much of the log each user may have, which is everybody's. What was too much is counted, and told of once he may have
 * more, or when another one needs his place. */

#include "base/quota.h"

#include <stdbool.h>
#include <stdint.h>

struct users;

enum { TALKERS_MAX = 256 };

/* A zeroed one is new. Each of these functions may write to the log. */
struct talkers {
	struct talker {
		uint32_t user;
		struct quota said;	/* lines about what he wrote, those left out included; none: nobody's place */
	} list[TALKERS_MAX];
};

/* Whether one more line about what this user wrote is to be written. */
bool talkers_may_say(struct talkers *talkers, const struct users *users, uint32_t user, uint64_t now_ms);

/* Tells what was left out about this user, once there may be more about him. */
void talkers_tell(struct talkers *talkers, const struct users *users, uint32_t user, uint64_t now_ms);

/* The same about all, at once: their numbers will be others. */
void talkers_tell_all(struct talkers *talkers, const struct users *users);
