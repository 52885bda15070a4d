/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of daemon.h share: daemon.c (the loop, sweeps, start, reload and end), look.c (the
 * decision on one user), missing.c (whose files are not there), afar.c (files that may keep their reader waiting), questions.c
 * (what those who ask on the socket are told). */

#include "core/conf.h"
#include "daemon/ahead.h"
#include "daemon/patient.h"
#include "daemon/queue.h"
#include "daemon/roster.h"
#include "daemon/source.h"
#include "daemon/talkers.h"

#include <stdbool.h>
#include <uv.h>

struct inquiry;
struct mounts;
struct publish;
struct reload;
struct claims;
struct save;
struct watch;
struct watch_fanotify;

_Static_assert(CONF_PATTERNS_MAX <= 8, "roster_user.looks has a bit for each");

struct daemon {
	uv_loop_t loop;
	const char *conf_path;
	struct conf conf;
	struct roster *roster;
	struct watch *watch;
	struct watch_fanotify *fanotify;	/* NULL: inotify alone */
	struct mounts *mounts;
	struct patient *patient;
	bool patient_lost;	/* it was said */
	bool any_by_link;	/* a user's directory was a link, since the start */
	bool mounts_passed;	/* during the sweep, something was mounted where nobody seemed to be */
	struct publish *publish;
	struct inquiry *inquiry;	/* NULL: nobody can ask */
	uid_t front_end;		/* its account; SOURCE_NO_ACCOUNT: none */
	struct save *save;
	struct claims *claims;
	struct source_shared shared[CONF_PATTERNS_MAX];	/* while files are read */
	bool shared_open;

	uv_signal_t term, interrupt, hangup;
	uv_timer_t rescan_timer, settle_timer, missing_timer, save_timer, say_timer;
	uv_prepare_t prepare;

	uint32_t *to_look;	/* users with looks wanted; each is in it once */
	uint64_t first_to_look;	/* in a ring with room for all users; it counts on until nobody is in line */
	uint32_t n_to_look;
	uv_idle_t looking;	/* active: there are more than one turn takes */
	struct queue settling, missing;
	uint32_t n_missing;
	uint16_t last_missing;	/* number */
	struct talkers talkers;
	bool withdrawals_held;	/* too many at once: until SIGHUP, or until they are few again */
	bool coming_back;	/* they became few again: each who comes back buys time for the rest */
	bool publish_wanted;
	bool compare_wanted;	/* what is published is to be compared with what should be */
	bool progressed;	/* whoever waits on the socket may look again */
	uint32_t sweep_at;
	uint64_t lost_ms;	/* the last sweep because events were lost began then; 0: none did */
	bool lost_again;	/* and they were lost again since */
	unsigned n_ahead;	/* batches of the sweep that threads have now */
	bool shows_progress;	/* of the sweep */
	struct reload *reload;	/* another configuration, on its way: NULL: none */
	bool reload_again;	/* and it is to be read again */
	bool sweeping, sweep_again, reload_wanted, closing, ready, stopping, state_dirty, state_failed;
	uint64_t save_cost_ms, saved_ms;	/* of the last one: what it took, and when that was */
	int status;
};

/* --- look.c --- */

void look_deinit(struct daemon *d);

/* Notes that these patterns of the user want to be looked at in this turn of the loop. */
void look_want(struct daemon *d, uint32_t user, unsigned patterns);

/* The same of one that was just written, which an event of its own directory told. */
void look_written(struct daemon *d, uint32_t user, unsigned pattern);

/* Looks at what was noted, for a few milliseconds; the rest is for the next turns. */
void look_at_wanted(struct daemon *d);

/* Adds the user's files to the batch. false: it is full. */
bool look_ask_ahead(struct daemon *d, uint32_t user, struct ahead *a);

/* Decides on all users of the batch. */
void look_take_ahead(struct daemon *d, const struct ahead *a);

/* Takes in what is written in the user's files at this moment, events that are still queued before it. */
void look_now(struct daemon *d, uint32_t user);

unsigned look_all_patterns(const struct daemon *d);

/* Writes to ret, which is empty, what is wrong with the user's file that counts, as it is at this moment, if anything is;
 * nothing is changed by it. */
void look_why(const struct daemon *d, uint32_t user, struct buf *ret);

/* Looks at all files of the user, now. */
void look_at_all(struct daemon *d, uint32_t user);

/* He wants no addresses any more. */
void look_withdraw(struct daemon *d, uint32_t user);

/* The users are others now: what is under way is forgotten. */
void look_renumber(struct daemon *d);

/* What source_read needs to know of this file. watch may be NULL. */
struct source_place look_place(const struct daemon *d, uint32_t user, unsigned pattern, struct watch *watch);

/* Decides on what was read of the user's files; the rest is read. */
void look_take_patient(struct daemon *d, const struct patient_look *look, const struct ahead_file *files);

/* --- missing.c --- */

/* None of the user's files is there; one is again, or that cannot be told. */
void missing_begin(struct daemon *d, uint32_t user);
void missing_end(struct daemon *d, uint32_t user);

/* They were missing for long enough, and a last look said so too. */
void missing_for_good(struct daemon *d, uint32_t user);

/* Withdraws what has been missing for long enough; confirmed: also when it is very much at once. */
void missing_withdraw(struct daemon *d, bool confirmed);

/* Those who are missing have become few again: lets what was held go on. */
void missing_eased(struct daemon *d);

/* The users are others now: who was number i before is number now[i]; TABLE_NONE: he is gone. If the files are the same
 * ones, whoever was missing is so still, for all that is known, and since when he was; missing_after is more_ms longer. */
void missing_renumber(struct daemon *d, const struct roster *before, const uint32_t *now, bool same_files,
		      int64_t more_ms);

/* --- afar.c --- */

/* 0 or a negative errno. */
int afar_open(struct daemon *d);

/* The users, the patterns or the watch are others now. */
void afar_begin(struct daemon *d);

/* Something was mounted or unmounted: looks again at whom that may concern. true: that may be everybody. */
bool afar_mounts_changed(struct daemon *d);

/* Which of these patterns of the user are on file systems that may keep us waiting: a bit for each. The mount of the
 * first goes to ret_mount, which may be NULL. */
unsigned afar_patterns(const struct daemon *d, uint32_t user, unsigned patterns, uint64_t *ret_mount);

/* Whether that is so of what all users of the pattern share. */
bool afar_shared(const struct daemon *d, unsigned pattern);

/* Has read elsewhere what would keep us waiting. Returns the patterns that are decided on later for that: where the
 * user's files have to be compared, all of them. */
unsigned afar_leave(struct daemon *d, const struct patient_look *look);

/* --- questions.c --- */

/* Publishing does not need the socket, so neither do those who have no front end: a failure is logged. */
void questions_open(struct daemon *d);
void questions_close(struct daemon *d);

/* Before the loop waits: answers those who wait, as far as that is possible now. */
void questions_answer(struct daemon *d);

/* --- daemon.c --- */

/* A process that was forked at the start is gone, and cannot be had again: the daemon ends. */
void daemon_helper_lost(struct daemon *d, const char *which);

void daemon_want_publish(struct daemon *d);
