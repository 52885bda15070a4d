/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The state file, behind its first line. Only what may be published comes in, and what came in is saved and
 * read again as the same. */

#include "base/file.h"
#include "daemon/state.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Outputs' lines are theirs; here they have none. */
void publish_take_memory(struct publish *p, const char *line, size_t n)
{
	(void)p;
	(void)line;
	(void)n;
}

bool publish_print_memory(struct publish *p, uint32_t number, struct buf *to)
{
	(void)p;
	(void)number;
	(void)to;
	return false;
}

void publish_pass(struct publish *p, uint32_t name)
{
	(void)p;
	(void)name;
}

static struct roster *make_roster(void)
{
	static const struct {
		const char *user, *names[2];
	} rows[] = {
		{ "john", { "john.dyn.example", "*.john.dyn.example" } },
		{ "anna", { "anna.dyn.example", "anna.dyn.test" } },
		{ "home", { "home.dyn.example" } },
	};
	struct users *u = users_new();
	struct roster *r;
	uint32_t whose;

	CHECK(u);
	for (size_t i = 0; i < N_OF(rows); i++) {
		CHECK(!users_add(u, rows[i].user, strlen(rows[i].user)));
		for (size_t k = 0; k < N_OF(rows[i].names) && rows[i].names[k]; k++) {
			CHECK(!users_add_name(u, rows[i].names[k], strlen(rows[i].names[k]),
					      &whose));
		}
	}
	r = roster_new(u, 1);
	CHECK(r);
	return r;
}

static int load(struct roster *r, const struct buf *text)
{
	int fd = memfd_create("state", MFD_CLOEXEC), e;
	char path[64];

	CHECK(fd >= 0 && !file_write_all(fd, text->data, text->len));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	e = state_load(path, r, NULL);
	(void)close(fd); /* nothing is lost with it */
	return e;
}

static void print(const struct roster *r, struct buf *to)
{
	state_print_heading(to);
	for (uint32_t i = 0; state_print(r, NULL, i, to); i++) {
	}
}

static void check_sets(const struct roster *r)
{
	for (uint32_t i = 0; i < r->users->n_names; i++) {
		const struct roster_user *u = &r->state[users_owner(r->users, i)];
		const struct ip_set *s = r->sets[i];
		struct ip ips[2 * IP_SET_EACH_MAX], *end = ip_set_copy(ips, s, true, true);

		for (const struct ip *ip = ips; ip < end; ip++) {
			CHECK(!ip_special(ip));
		}
		CHECK(!s || u->known || u->lent);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct roster *r = make_roster(), *again = make_roster();
	struct buf text = { 0 }, printed = { 0 }, reprinted = { 0 };
	int e;

	state_print_heading(&text);
	buf_add(&text, data, n);
	e = load(r, &text);
	CHECK(!e || e == STATE_E_FORMAT);
	check_sets(r);
	if (!e) {
		print(r, &printed);
		CHECK(!load(again, &printed));
		print(again, &reprinted);
		CHECK(printed.len == reprinted.len &&
		      !memcmp(printed.data, reprinted.data, printed.len));
	}
	roster_free(r);
	roster_free(again);
	buf_deinit(&text);
	buf_deinit(&printed);
	buf_deinit(&reprinted);
	return 0;
}
