/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* An output that is a section in a file, and a command that makes the name server take it: all formats have
 * the way into the file (splice.h), the command's helper (command.h) and the retries in common. */

#include "daemon/output.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "core/users.h"
#include "daemon/command.h"
#include "daemon/found.h"
#include "daemon/splice.h"
#include "daemon/zonefile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

enum {
	BUSY_SAID_MS = 10 * 1000,
	BUSY_MS = 200,		/* somebody is writing to the data file: look again soon */
	ATTEMPTED_MS = 5000,	/* a command that takes longer does not hold up the start */
	LINE_SHOWN_MAX = 200,
};

struct section_file {
	struct output o;
	struct command *command;
	const struct output_format *format;
	struct buf command_name;	/* in messages: "makecommand" */
	struct splice *splice;
	uv_timer_t timer, watch_timer, attempted_timer;
	uv_poll_t poll;
	int polled_fd, n_handles;
	bool begun, stopping, running;

	bool wanted;		/* the section may not be what it should be */
	bool anew;		/* write the file even if it would stay the same */
	bool seen_section;	/* we know the section as it stands: a difference is news */
	bool busy;		/* somebody was writing to the file at the last attempt */
	bool command_due;	/* the file was written, the command has not succeeded since */
	bool command_failing;

	uint64_t last_ms;	/* start of the last write of the file; 0: none */
	struct output_pause pause;
	uint64_t busy_since_ms;		/* 0: not busy */
	struct timespec command_end;
	struct stat compiled;	/* as the last run left it */
	unsigned n_compiled;	/* appeared while our command runs */
	unsigned n_foreign;	/* runs in a row that somebody else's compiled file caused */
	struct changes written;	/* and not compiled yet */
	struct changes behind;	/* at the start: what the section says of these is older than the state */
	struct buf command_trouble;	/* while command_failing */
	struct buf foreign;	/* lines of the section that are not ours, one on each line */
	bool section_was_changed;	/* by somebody else, who did not have to */
};

static void step(struct section_file *p);
static void on_watch_timer(uv_timer_t *timer);

static void on_timer(uv_timer_t *timer)
{
	step(timer->data);
}

static void arm(struct section_file *p, uint64_t delay_ms)
{
	(void)uv_timer_start(&p->timer, on_timer, delay_ms, 0);	/* fails only without a callback */
}

/* The splice may want to look again although no event comes. */
static void arm_watch(struct section_file *p)
{
	int64_t due = splice_due_ms(p->splice);

	if (due >= 0) {	/* never 0: such a timer, armed by itself, would let nothing else run */
		(void)uv_timer_start(&p->watch_timer, on_watch_timer, (uint64_t)(due ? due : 1), 0);
	}
}

static uint64_t pause_grow(struct section_file *p)
{
	return output_pause_grow(&p->pause, uv_now(p->o.loop));
}

static void pause_end(struct section_file *p)
{
	p->pause = (struct output_pause){ 0 };
}

static void set_attempted(struct section_file *p)
{
	(void)uv_timer_stop(&p->attempted_timer);	/* cannot fail */
	output_attempted(&p->o);
}

static void on_attempted_timer(uv_timer_t *timer)
{
	set_attempted(timer->data);
}

/* Not all names can stand in all files. */
static bool covers(const struct section_file *p, uint32_t name)
{
	return conf_output_covers(p->o.is, users_name(p->o.roster->users, name), NULL);
}

/* --- the section as it stands in the file --- */

struct reading {
	struct section_file *p;
	struct found_list found;	/* by the names' numbers */
	void (*foreign)(struct section_file *p, const char *line, size_t n);	/* may be NULL */
	bool any_foreign;
};

static int take_line(struct reading *r, const char *line, size_t n)
{
	const struct users *users = r->p->o.roster->users;
	char text[NAME_MAX + 1];
	struct found f = { .number = TABLE_NONE };

	if (r->p->format->parse(line, n, text, &f.ip)) {
		f.number = users_find_name(users, text, strlen(text));
	}
	if (f.number == TABLE_NONE) {
		r->any_foreign = true;
		if (r->foreign) {
			r->foreign(r->p, line, n);
		}
		return 0;
	}
	return found_add(&r->found, &f);
}

/* The lines of a section's body, taken apart and sorted by name. */
static int read_body(struct reading *r, const char *body, size_t n)
{
	const char *at = body, *end = body + n;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		int e = stop > at ? take_line(r, at, (size_t)(stop - at)) : 0;

		if (e) {
			return e;
		}
		at = stop + 1;
	}
	found_sort(&r->found);
	return 0;
}

/* The set of one name out of what was found; *i moves on. */
static int next_set(const struct reading *r, size_t *i, uint32_t name, struct ip_set **ret)
{
	size_t first = *i, n = found_next(&r->found, i, name);

	return found_set(&r->found, first, n, ret);
}

/* Other outputs have published the newer addresses long ago, perhaps. was is taken over. */
static void note_behind(struct section_file *p, uint32_t name, struct ip_set *was)
{
	if (ip_set_equal(was, p->o.roster->sets[name])) {
		free(was);
	} else {
		(void)changes_note(&p->o.pending, name, was);	/* only the log needs it */
	}
}

static void print_memory(const struct output *o, struct buf *to)
{
	for (uint32_t i = 0; i < o->pending.n; i++) {
		buf_printf(to, " %s %s\n", o->is->name,
			   users_name(o->roster->users, o->pending.list[i].name));
	}
}

static bool take_memory(struct output *o, const char *text, size_t n)
{
	struct section_file *p = (struct section_file *)o;
	uint32_t name = users_find_name(o->roster->users, text, n);

	if (name != TABLE_NONE) {	/* without memory the section counts */
		(void)changes_note(&p->behind, name, NULL);
	}
	return true;
}

static bool remember(struct output *o)
{
	struct section_file *p = (struct section_file *)o;
	struct reading r = { .p = p };
	_cleanup_(buf_deinit) struct buf body = { 0 };
	struct roster *roster = p->o.roster;
	size_t i = 0;

	if (splice_read_body(p->splice, &body) || read_body(&r, body.data, body.len)) {
		found_deinit(&r.found);
		(void)changes_move(&o->pending, &p->behind);	/* they still are */
		return false;	/* the first publish will say what is wrong */
	}
	for (uint32_t name = 0; name < roster->users->n_names; name++) {
		struct roster_user *u = &roster->state[roster->users->names[name].user];
		struct ip_set *set;

		if (next_set(&r, &i, name, &set)) {
			continue;
		}
		if (!covers(p, name)) {
			free(set);
			continue;
		}
		if (changes_has(&p->behind, name) && u->known) {
			note_behind(p, name, set);
			continue;
		}
		/* What is published is what was last good; the state may be older than that. */
		if (set || (r.found.n && u->known)) {
			free(roster->sets[name]);
			roster->sets[name] = set;
		}
	}
	for (uint32_t user = 0; user < roster->users->n_users; user++) {
		struct roster_user *u = &roster->state[user];

		for (uint32_t j = 0; !u->known && j < users_n_names(roster->users, user); j++) {
			u->known = roster->sets[roster->users->users[user].first_name + j];
		}
	}
	found_deinit(&r.found);
	return true;
}

/* Escaped, so that a newline can part them. */
static void note_foreign(struct section_file *p, const char *line, size_t n)
{
	buf_add_escaped(&p->foreign, line, n, LINE_SHOWN_MAX);
	buf_adds(&p->foreign, "\n");
}

/* Once they are really gone. */
static void say_foreign(struct section_file *p)
{
	char *rest = NULL, *line;

	if (p->section_was_changed) {
		log_warning("%s was changed by somebody else; putting our section in again",
			    p->o.is->file);
	}
	(void)buf_str(&p->foreign);	/* ends it with a NUL */
	for (line = p->foreign.data ? strtok_r(p->foreign.data, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		log_warning("removing a line that is not ours from the section of %s: '%s'",
			    p->o.is->file, line);
	}
}

/* The section is not as we left it: lines that are not ours are told before they go, and the names
 * that have other addresses there than they should are noted as changed. */
static void section_differs(void *arg, const char *body, size_t n)
{
	struct section_file *p = arg;
	struct reading r = { .p = p, .foreign = note_foreign };
	bool pending = p->o.pending.n, any = false;
	size_t i = 0;

	buf_clear(&p->foreign);
	if (!read_body(&r, body, n)) {
		for (uint32_t name = 0; name < p->o.roster->users->n_names; name++) {
			struct ip_set *set;

			if (next_set(&r, &i, name, &set)) {
				break;
			}
			if (covers(p, name) && !ip_set_equal(set, p->o.roster->sets[name])) {
				any = true;
				(void)changes_note_copy(&p->o.pending, name, set);	/* only the log needs it */
			}
			free(set);
		}
	}
	p->section_was_changed = p->seen_section && !pending && (any || r.any_foreign);
	found_deinit(&r.found);
}

/* --- writing --- */

static void render(const struct section_file *p, struct buf *ret)
{
	const struct users *users = p->o.roster->users;

	for (uint32_t name = 0; name < users->n_names; name++) {
		if (p->o.roster->sets[name] && covers(p, name)) {
			p->format->render(ret, users_name(users, name), p->o.roster->sets[name],
					  p->o.conf->ttl);
		}
	}
}

static void say_changes(struct section_file *p)
{
	for (uint32_t i = 0; i < p->o.pending.n; i++) {
		output_say_change(&p->o, p->o.pending.list[i].name);
	}
}

/* What was written is what the name server has. */
static void all_published(struct section_file *p)
{
	for (uint32_t i = 0; i < p->written.n; i++) {
		output_published(&p->o, &p->written.list[i]);
	}
	changes_clear(&p->written);
	output_progress(&p->o);
}

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* What make(1) compares with the data file. */
static struct timespec newest_product(const struct section_file *p)
{
	struct timespec t = p->command_end;
	struct stat st;

	if (p->format->compiled && splice_dir(p->splice) && !splice_stat(p->splice, p->format->compiled, &st) &&
	    later(&st.st_mtim, &t)) {
		t = st.st_mtim;
	}
	return t;
}

/* Whether the command was cut off last time: its product is not newer than the data file. */
static bool product_is_old(const struct section_file *p)
{
	struct stat data, product;

	/* Where no file tells, the command has to. */
	return !p->format->compiled || stat(p->o.is->file, &data) < 0 ||
	       splice_stat(p->splice, p->format->compiled, &product) < 0 ||
	       !later(&product.st_mtim, &data.st_mtim);
}

static void on_watch(uv_poll_t *poll, int status, int events);

/* The splice has a watch once it has found the file's directory. */
static void follow(struct section_file *p)
{
	if (p->polled_fd < 0 && splice_fd(p->splice) >= 0 &&
	    !uv_poll_init(p->o.loop, &p->poll, splice_fd(p->splice))) {
		p->poll.data = p;
		p->polled_fd = splice_fd(p->splice);
		p->n_handles++;
		(void)uv_poll_start(&p->poll, UV_READABLE, on_watch);	/* the sweep serves too */
	}
}

/* Brings the file up to date. true: the command should run. */
static bool write_section(struct section_file *p)
{
	_cleanup_(buf_deinit) struct buf body = { 0 };
	struct splice_put put = {
		.body = &body,
		.even_if_same = p->anew,
		.next_second = p->format->by_second && p->o.conf->publish_interval_ms > 0,
		.foreign = section_differs,
		.arg = p,
	};
	bool first = !p->seen_section;
	int r;

	buf_clear(&p->foreign);
	p->section_was_changed = false;
	render(p, &body);
	r = buf_error(&body);
	if (!r) {
		r = splice_open(p->splice);
	}
	put.not_before = newest_product(p);
	if (!r) {
		r = splice_put(p->splice, &put);
	}
	follow(p);
	arm_watch(p);
	p->busy = r == SPLICE_E_BUSY;
	if (p->busy) {
		p->pause.not_before_ms = uv_now(p->o.loop) + BUSY_MS;
		p->busy_since_ms = p->busy_since_ms ? p->busy_since_ms : uv_now(p->o.loop);
		if (uv_now(p->o.loop) - p->busy_since_ms > BUSY_SAID_MS) {
			output_trouble(&p->o, p->o.is->file, splice_trouble(p->splice), "waiting for him to end");
		}
		return false;
	}
	p->busy_since_ms = 0;
	if (r == SPLICE_E_SECTION) {
		(void)pause_grow(p);
		output_trouble(&p->o, p->o.is->file, splice_trouble(p->splice),
			    "nothing is written until that is mended");
		return false;
	}
	if (r && r != SPLICE_E_SAME) {
		p->anew = true;		/* the new file may be in place all the same: compile it */
		(void)pause_grow(p);
		output_trouble(&p->o, p->o.is->file, r == -ENOMEM ? "out of memory" : splice_trouble(p->splice),
			    "the old file stays; trying again");
		return false;
	}
	output_trouble_end(&p->o, p->o.is->file);
	p->wanted = p->anew = false;
	p->seen_section = true;
	if (!p->command_failing) {
		pause_end(p);
	}
	if (!r) {
		p->last_ms = uv_now(p->o.loop);
		say_foreign(p);
		say_changes(p);
	}
	if (p->o.pending.n) {
		p->o.handlers->remember(&p->o);	/* they are not behind any more */
	}
	if (changes_move(&p->written, &p->o.pending)) {
		changes_clear(&p->o.pending);	/* only who waits for it is told too early */
	}
	return !r || (first && product_is_old(p));
}

/* --- the command --- */

static void command_fails(struct section_file *p, const char *why)
{
	p->command_failing = true;
	buf_clear(&p->command_trouble);
	buf_printf(&p->command_trouble, "%s %s", buf_str(&p->command_name), why);
	output_note_error(&p->o, buf_str(&p->command_trouble));
	output_progress(&p->o);
}

static void run(struct section_file *p)
{
	int r = command_run(p->command, 0, p->o.conf->make_timeout_ms);

	if (r) {
		log_error("unable to run %s: %s; trying again", buf_str(&p->command_name),
			  strerror(-r));
		command_fails(p, strerror(-r));
		(void)pause_grow(p);
		return;
	}
	p->running = true;
	p->n_compiled = 0;
}

static void on_output(void *arg, unsigned number, const char *line, size_t n)
{
	_cleanup_(buf_deinit) struct buf shown = { 0 };
	struct section_file *p = arg;

	(void)number;
	buf_add_escaped(&shown, line, n, n);
	log_info("%s: %s", buf_str(&p->command_name), buf_str(&shown));
}

static const char *how_it_ended(struct buf *b, const struct section_file *p, enum command_end how,
				int value)
{
	switch (how) {
	case COMMAND_EXITED:
		buf_printf(b, "failed with exit status %d", value);
		break;
	case COMMAND_KILLED:
		buf_printf(b, "was killed by signal %d", value);
		break;
	case COMMAND_TIMED_OUT:
		buf_printf(b, "exceeded make_timeout, %llu ms, and was killed",
			   (unsigned long long)p->o.conf->make_timeout_ms);
		break;
	case COMMAND_NOT_STARTED:
		buf_printf(b, "could not be started: %s", strerror(value));
		break;
	}
	return buf_str(b);
}

/* A compiled file that appeared beside the one our command made may have been made of older data,
 * and two runs of tinydns-data at once spoil each other: then the file is written anew, with a
 * later time, and the command runs once more. Growing pauses keep two machines that answer each
 * other from doing so for ever. */
static void foreign_product(struct section_file *p)
{
	uint64_t pause = p->n_foreign ? (uint64_t)OUTPUT_PAUSE_FIRST_MS << (p->n_foreign < 6 ? p->n_foreign : 6) :
					0;

	if (!p->n_foreign) {
		log_info("%s/%s was made by somebody else; making it once more",
			 splice_dir(p->splice), p->format->compiled);
	}
	p->n_foreign++;
	p->wanted = p->anew = true;
	if (p->pause.not_before_ms < uv_now(p->o.loop) + pause) {
		p->pause.not_before_ms = uv_now(p->o.loop) + pause;
	}
}

static void on_lost(void *arg)
{
	struct section_file *p = arg;

	p->o.handlers->lost(&p->o);
}

/* --- the clockwork --- */

static void look(struct section_file *p)
{
	struct splice_seen seen;

	splice_look(p->splice, &seen);
	if (seen.file && p->begun) {
		p->wanted = true;
		/* Whoever changed it may have mended it, or be done with writing. */
		if (p->o.trouble.len || p->busy) {
			p->pause.not_before_ms = 0;
		}
	}
	if (seen.merged) {	/* in the time of whoever wrote it: made anew, with one of ours */
		p->wanted = p->anew = true;
	}
	if (seen.n_compiled && p->running) {
		p->n_compiled += seen.n_compiled;
	} else if (seen.n_compiled && p->command && p->begun) {
		struct stat st;

		if (splice_stat(p->splice, p->format->compiled, &st) ||
		    st.st_ino != p->compiled.st_ino || later(&st.st_mtim, &p->compiled.st_mtim)) {
			foreign_product(p);
		}
	}
}

static void on_ended(void *arg, unsigned number, enum command_end how, int value)
{
	_cleanup_(buf_deinit) struct buf why = { 0 };
	struct section_file *p = arg;

	(void)number;
	uv_update_time(p->o.loop);
	(void)clock_gettime(CLOCK_REALTIME, &p->command_end);	/* cannot fail */
	if (how == COMMAND_EXITED && !value) {
		if (p->command_failing) {
			log_info("%s works again", buf_str(&p->command_name));
		}
		p->command_failing = false;
		p->command_due = false;
		pause_end(p);
		all_published(p);
	} else {
		command_fails(p, how_it_ended(&why, p, how, value));
		log_error("%s; trying again in %llu s", buf_str(&p->command_trouble),
			  (unsigned long long)pause_grow(p) / 1000);
	}
	look(p);	/* what our own command made is seen while it counts as running */
	p->running = false;
	if (!p->format->compiled || splice_stat(p->splice, p->format->compiled, &p->compiled)) {
		p->compiled = (struct stat){ 0 };
	}
	/* Once: perhaps the command itself makes it twice. */
	if (p->n_compiled > 1 && !p->n_foreign) {
		foreign_product(p);
	}
	set_attempted(p);
	step(p);
}

static void on_watch_timer(uv_timer_t *timer)
{
	look(timer->data);
	step(timer->data);
}

static void on_watch(uv_poll_t *poll, int status, int events)
{
	(void)status;	/* the look finds out */
	(void)events;
	look(poll->data);
	step(poll->data);
}

/* When the next write may be: after the pause of a failure, and an interval after the last. */
static uint64_t next_write_ms(const struct section_file *p)
{
	uint64_t at = p->last_ms && p->format->by_second ?
			      p->last_ms + p->o.conf->publish_interval_ms : 0;

	return at > p->pause.not_before_ms ? at : p->pause.not_before_ms;
}

/* Does what can be done now and arms the timers for the rest. */
static void step(struct section_file *p)
{
	uint64_t now = uv_now(p->o.loop), at;

	arm_watch(p);
	if (!p->begun || p->running) {
		return;
	}
	if (p->stopping) {
		p->begun = false;
		output_stopped(&p->o);
		return;
	}
	if (p->wanted && now >= next_write_ms(p)) {
		p->command_due = write_section(p) || p->command_due;
	}
	p->command_due = p->command_due && p->command;
	if (!p->command_due && p->written.n) {
		all_published(p);
	}
	/* What is still to be written waits for its time; what was written is compiled before. */
	if (p->command_due && now >= p->pause.not_before_ms) {
		run(p);
	}
	if (p->running) {
		if (!p->o.attempted) {
			(void)uv_timer_start(&p->attempted_timer, on_attempted_timer, ATTEMPTED_MS, 0);
		}
	} else {
		set_attempted(p);
		if (p->wanted || p->command_due) {
			at = p->command_due ? p->pause.not_before_ms : next_write_ms(p);
			arm(p, at > now ? at - now : 1);
		}
	}
}

static void changed(struct output *o, bool again)
{
	struct section_file *p = (struct section_file *)o;

	(void)again;		/* it is compared each time */
	p->begun = true;
	p->wanted = true;
	p->n_foreign = 0;
	step(p);
	if (again) {
		output_verify_again(o);
	}
}

static void hurry(struct output *o)
{
	pause_end((struct section_file *)o);
}

static void stop(struct output *o)
{
	struct section_file *p = (struct section_file *)o;

	p->stopping = true;
	p->begun = true;
	step(p);
}

/* What was written and is not compiled yet has other numbers now. */
static int replace(struct output *o, const struct roster *old)
{
	struct section_file *p = (struct section_file *)o;
	struct changes written;
	int r;

	r = changes_init(&written, o->roster->users->n_names);
	if (!r) {
		r = changes_reserve(&written, p->written.n);
	}
	if (r) {
		changes_deinit(&written);
		return r;
	}
	output_renumber(o, old, &p->written, &written);	/* there is room */
	changes_deinit(&p->written);
	p->written = written;
	return 0;
}

static enum publish_where where(struct output *o, uint32_t name, const char **ret_why)
{
	struct section_file *p = (struct section_file *)o;

	if (o->trouble.len && (p->wanted || !p->seen_section)) {
		*ret_why = buf_str(&o->trouble);
		return PUBLISH_FAILS;
	}
	if (!p->seen_section || changes_has(&o->pending, name)) {
		return PUBLISH_WAITS;
	}
	/* Until it has run once since the start, nobody knows what it has left. */
	if (!p->command_due && !changes_has(&p->written, name)) {
		return PUBLISH_DONE;
	}
	if (p->command_failing) {
		*ret_why = buf_str(&p->command_trouble);
		return PUBLISH_FAILS;
	}
	return changes_has(&p->written, name) ? PUBLISH_WAITS : PUBLISH_DONE;
}

static enum publish_where whole(struct output *o, const char **ret_why, uint32_t *ret_waiting)
{
	struct section_file *p = (struct section_file *)o;

	*ret_waiting = o->pending.n + p->written.n;
	if (o->trouble.len) {
		*ret_why = buf_str(&o->trouble);
		return PUBLISH_FAILS;
	}
	if (p->command_failing) {
		*ret_why = buf_str(&p->command_trouble);
		return PUBLISH_FAILS;
	}
	return p->seen_section && !*ret_waiting && !p->command_due ? PUBLISH_DONE : PUBLISH_WAITS;
}

static void closed(uv_handle_t *handle)
{
	struct section_file *p = handle->data;

	if (--p->n_handles) {
		return;
	}
	splice_free(p->splice);
	buf_deinit(&p->foreign);
	buf_deinit(&p->command_trouble);
	buf_deinit(&p->command_name);
	changes_deinit(&p->written);
	changes_deinit(&p->behind);
	free(p);
}

static void close_all(struct output *o)
{
	struct section_file *p = (struct section_file *)o;

	p->command = command_free(p->command);
	output_deinit(o);
	if (p->polled_fd >= 0) {
		uv_close((uv_handle_t *)&p->poll, closed);
	}
	uv_close((uv_handle_t *)&p->timer, closed);
	uv_close((uv_handle_t *)&p->watch_timer, closed);
	uv_close((uv_handle_t *)&p->attempted_timer, closed);
}

static const struct output_class class_section_file = {
	.changed = changed,
	.hurry = hurry,
	.stop = stop,
	.replace = replace,
	.remember = remember,
	.where = where,
	.whole = whole,
	.print_memory = print_memory,
	.take_memory = take_memory,
	.free = close_all,
};

static void on_splice_log(void *arg, int priority, const char *message)
{
	(void)arg;
	log_write(priority, "%s", message);
}

/* The splice and the command; what they are called. */
static int open_parts(struct section_file *p)
{
	const struct conf_output *is = p->o.is;
	const struct command_handlers handlers = {
		.output = on_output, .ended = on_ended, .lost = on_lost, .arg = p,
	};
	const struct splice_options options = {
		.path = is->file,
		.comment = p->format->comment,
		.compiled = p->format->compiled,
		.rules = is->type == CONF_ZONEFILE && is->serial == CONF_SERIAL_KEEP ?
				 &zonefile_rules_keep : p->format->rules,
		.hide_kept = p->format->hide_kept,
		.by_rename = p->o.conf->replace == CONF_REPLACE_RENAME,
		.log = on_splice_log,
	};
	int r;

	if (p->o.plain) {
		buf_adds(&p->command_name, "makecommand");
	} else {
		buf_printf(&p->command_name, "command of %s", is->name);
	}
	r = changes_init(&p->written, p->o.roster->users->n_names);
	if (!r) {
		r = changes_init(&p->behind, p->o.roster->users->n_names);
	}
	if (!r) {
		r = splice_new(&options, &p->splice);
	}
	if (!r && p->command) {
		r = command_attach(p->command, p->o.loop, &handlers);
	}
	return r ? r : buf_error(&p->command_name);
}

int section_file_new(struct uv_loop_s *loop, const struct conf *conf, const struct conf_output *is,
		     struct roster *roster, struct command *command,
		     const struct output_handlers *handlers, void *owner, struct output **ret)
{
	struct section_file *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		command_free(command);
		return -ENOMEM;
	}
	p->command = command;
	p->format = output_format(is);
	p->polled_fd = -1;
	(void)uv_timer_init(loop, &p->timer);		/* these cannot fail */
	(void)uv_timer_init(loop, &p->watch_timer);
	(void)uv_timer_init(loop, &p->attempted_timer);
	p->timer.data = p->watch_timer.data = p->attempted_timer.data = p;
	p->n_handles = 3;
	r = output_init(&p->o, &class_section_file, loop, conf, is, roster, handlers, owner);
	if (!r) {
		r = open_parts(p);
	}
	if (r) {
		close_all(&p->o);
		return r;
	}
	*ret = &p->o;
	return 0;
}
