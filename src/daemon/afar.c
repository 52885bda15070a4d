/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/daemon_impl.h"

#include "base/log.h"
#include "daemon/mounts.h"
#include "daemon/source.h"
#include "daemon/watch.h"

#include <limits.h>
#include <string.h>

/* --- what is far away --- */

unsigned afar_patterns(const struct daemon *d, uint32_t user, unsigned patterns, uint64_t *ret_mount)
{
	unsigned afar = 0;

	for (unsigned i = 0; mounts_any_waits(d->mounts) && i < d->conf.n_patterns; i++) {
		const struct pattern *p = &d->conf.patterns[i];
		const struct mount *on;
		char path[PATTERN_PATH_MAX];

		if (!(patterns & 1u << i) ||
		    !pattern_path(p, p->n, users_user(d->roster->users, user), path)) {
			continue;
		}
		on = mounts_waits_for(d->mounts, path, p->base);
		if (on && !afar && ret_mount) {
			*ret_mount = on->id;
		}
		afar |= on ? 1u << i : 0;
	}
	return afar;
}

bool afar_shared(const struct daemon *d, unsigned pattern)
{
	const struct pattern *p = &d->conf.patterns[pattern];
	char path[PATTERN_PATH_MAX];

	return pattern_path(p, p->first_user, "", path) && mounts_waits_for(d->mounts, path, p->first_user);
}

/* Where the directory that all users of the pattern share is, seen from the point, or the point from there. */
static enum mounts_where where_is(const struct daemon *d, unsigned pattern, const char *point, const char **ret_below)
{
	const struct pattern *p = &d->conf.patterns[pattern];
	char path[PATTERN_PATH_MAX];

	return pattern_path(p, p->first_user, "", path) ? mounts_where(d->mounts, path, point, ret_below) : MOUNTS_ON_WAY;
}

/* Whose directory is a link that leads there. Of a link that lies there itself, who reads it tells. */
static void note_link(struct daemon *d, uint32_t user, unsigned patterns)
{
	for (unsigned i = 0; i < d->conf.n_patterns && !d->any_by_link; i++) {
		const struct pattern *p = &d->conf.patterns[i];
		char path[PATTERN_PATH_MAX];

		d->any_by_link = patterns & 1u << i && pattern_path(p, p->n, users_user(d->roster->users, user), path) &&
				 mounts_waits_for(d->mounts, path, p->base) !=
					 mounts_waits_for(d->mounts, path, p->first_user);
	}
}

/* What was just written next door does not wait for what is far away. */
unsigned afar_leave(struct daemon *d, const struct patient_look *look)
{
	struct patient_look left = *look;
	unsigned afar;
	uint64_t mount = 0;

	afar = afar_patterns(d, look->user, look->looks, &mount);
	if (!afar) {
		return 0;
	}
	note_link(d, look->user, afar);
	if (look->written & ~afar) {
		left.looks &= (uint8_t)afar;
		left.written &= (uint8_t)afar;
	}
	if (patient_ask(d->patient, mount, &left) && !d->patient_lost) {
		d->patient_lost = true;
		log_error("out of memory; the next sweep looks at user %s", users_user(d->roster->users, look->user));
	}
	return left.looks;
}

/* --- who reads there --- */

static unsigned on_describe(void *arg, struct patient_look *look, struct ahead_file *files)
{
	struct daemon *d = arg;
	unsigned looks = look->looks | (look->written ? 0 : look_all_patterns(d));
	unsigned afar = afar_patterns(d, look->user, looks, NULL);

	look->n_strays = watch_n_strays(d->watch);
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		files[i].place = look_place(d, look->user, i, d->watch);
		files[i].known = look->written & 1u << i ? 0 : *roster_print(d->roster, look->user, i);
	}
	return afar;
}

static void on_read(void *arg, const struct patient_look *look, const struct ahead_file *files)
{
	struct patient_look again = { .user = look->user, .looks = (uint8_t)look_all_patterns(arg), .again = true };
	struct daemon *d = arg;

	d->patient_lost = false;
	for (unsigned i = 0; i < d->conf.n_patterns; i++) {
		source_note_marks(&files[i].place, &files[i].marks);
	}
	look_take_patient(d, look, files);
	/* An event of a directory that was not noted yet. */
	if (!look->again && look->n_strays != watch_n_strays(d->watch)) {
		(void)afar_leave(d, &again);
	}
}

static void on_silent(void *arg, uint64_t mount, uint64_t ms, uint32_t user, size_t n_others)
{
	const struct daemon *d = arg;
	const struct mount *m = mounts_find(d->mounts, mount);

	log_error("no answer for %llu s from the file system at '%s' (%s): the address files of user %s and %zu more "
		  "cannot be read; keeping their last addresses", (unsigned long long)(ms / 1000),
		  m ? m->point : "?", m ? m->type : "?", users_user(d->roster->users, user), n_others);
}

static void on_answers(void *arg, uint64_t mount, uint64_t ms)
{
	const struct daemon *d = arg;
	const struct mount *m = mounts_find(d->mounts, mount);

	log_info("the file system at '%s' answers again, after %llu s", m ? m->point : "?",
		 (unsigned long long)(ms / 1000));
}

static void on_lost(void *arg, uint64_t mount)
{
	struct daemon *d = arg;
	const struct mount *m = mounts_find(d->mounts, mount);

	if (!d->patient_lost) {
		d->patient_lost = true;
		log_error("nobody can be had to read the address files at '%s'; trying again with the next sweep",
			  m ? m->point : "?");
	}
}

static void on_gone(void *arg)
{
	daemon_helper_lost(arg, "reads address files on file systems that may not answer");
}

/* --- begin --- */

void afar_begin(struct daemon *d)
{
	patient_begin(d->patient, d->roster->users->n_users, d->conf.n_patterns, watch_inotify_fd(d->watch));
}

int afar_open(struct daemon *d)
{
	const struct patient_handlers h = {
		.describe = on_describe, .read = on_read, .silent = on_silent, .answers = on_answers,
		.lost = on_lost, .gone = on_gone, .arg = d,
	};
	int r = patient_attach(d->patient, &d->loop, &h);

	afar_begin(d);
	return r;
}

/* --- mounts that come and go --- */

/* Looks at the user whose file's way the point is on, if it is on anybody's. */
static void look_below(struct daemon *d, unsigned pattern, const char *below)
{
	const struct pattern *p = &d->conf.patterns[pattern];
	uint32_t user = TABLE_NONE;

	for (unsigned i = p->first_user; *below; i++) {
		size_t n = strcspn(below, "/"), n_user;
		char name[NAME_MAX + 1];
		const char *found;

		if (i == p->n || n > NAME_MAX) {
			return;
		}
		memcpy(name, below, n);
		name[n] = '\0';
		if (!pattern_match(p, i, name, &found, &n_user)) {
			return;
		}
		user = user == TABLE_NONE ? users_find(d->roster->users, found, n_user) : user;
		if (user == TABLE_NONE) {
			return;
		}
		below += n + (below[n] == '/');
	}
	look_want(d, user, 1u << pattern);
}

/* A file that outputs have may be another one now. */
static bool leads_to_output(const struct daemon *d, const char *point)
{
	bool leads = false;
	const char *below;

	for (unsigned i = 0; i < d->conf.n_outputs; i++) {
		const struct conf_output *o = &d->conf.outputs[i];

		leads = leads || (o->file && mounts_where(d->mounts, o->file, point, &below) != MOUNTS_ELSEWHERE) ||
			(o->database && mounts_where(d->mounts, o->database, point, &below) != MOUNTS_ELSEWHERE);
	}
	return leads;
}

/* What logind(8) mounts for a session, and takes away with it: nobody links homes to there. */
static bool is_sessions(const char *point)
{
	static const char sessions[] = "/run/user/";

	return !strncmp(point, sessions, sizeof(sessions) - 1);
}

/* On a machine with many users something is mounted and unmounted all the time: /run/user/UID with every login, or
 * what a user mounts himself. */
bool afar_mounts_changed(struct daemon *d)
{
	const char *point, *below;
	bool all = false;

	/* What is read on a mount that is gone could be older than what lies there now. */
	patient_forget(d->patient, d->mounts);
	for (size_t i = 0; !all && (point = mounts_news(d->mounts, i)); i++) {
		all = (d->any_by_link && !is_sessions(point)) || leads_to_output(d, point);
		for (unsigned k = 0; !all && k < d->conf.n_patterns; k++) {
			enum mounts_where where = where_is(d, k, point, &below);

			all = where == MOUNTS_ON_WAY;
			if (where == MOUNTS_BELOW) {
				look_below(d, k, below);
			}
		}
	}
	return all;
}
