/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/pattern.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NO_USER UINT_MAX

void pattern_deinit(struct pattern *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		free(p->components[i]);
	}
	free(p->text);
	*p = (struct pattern){ 0 };
}

/* How often %u stands in the component, or -1 when a percent sign is followed by something else. */
static int count_users(const char *component)
{
	int n = 0;

	for (const char *c = strchr(component, '%'); c; c = strchr(c + 2, '%')) {
		if (c[1] != 'u' && c[1] != '%') {
			return -1;
		}
		n += c[1] == 'u';
	}
	return n;
}

static int add_component(struct pattern *p, const char *text, size_t n)
{
	char *component;
	int n_users;

	if (n > NAME_MAX || p->n == PATTERN_COMPONENTS_MAX) {
		return PATTERN_E_LONG;
	}
	if ((n == 1 && *text == '.') || (n == 2 && !memcmp(text, "..", 2))) {
		return PATTERN_E_DOTS;
	}
	component = strndup(text, n);
	if (!component) {
		return -ENOMEM;
	}
	p->components[p->n++] = component;
	n_users = count_users(component);
	if (n_users < 0) {
		return PATTERN_E_PERCENT;
	}
	if (n_users > 1) {
		return PATTERN_E_TWO_USERS;
	}
	if (n_users && p->first_user == NO_USER) {
		p->first_user = p->n - 1;
	}
	return 0;
}

int pattern_parse(const char *text, size_t n, struct pattern *ret)
{
	struct pattern p = { .first_user = NO_USER };
	const char *at = text, *end = text + n;
	int r = 0;

	if (!n || *text != '/') {
		return PATTERN_E_RELATIVE;
	}
	if (n >= PATTERN_PATH_MAX) {
		return PATTERN_E_LONG;
	}
	p.text = strndup(text, n);
	if (!p.text) {
		return -ENOMEM;
	}
	while (!r && at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *stop = slash ? slash : end;

		if (stop > at) {	/* several slashes count as one */
			r = add_component(&p, at, (size_t)(stop - at));
		}
		at = slash ? slash + 1 : end;
	}
	if (!r && p.first_user == NO_USER) {
		r = PATTERN_E_NO_USER;
	}
	if (r) {
		pattern_deinit(&p);
		return r;
	}
	p.base = p.first_user + 1 < p.n ? p.first_user + 1 : p.n - 1;
	pattern_deinit(ret);
	*ret = p;
	return 0;
}

const char *pattern_strerror(int outcome)
{
	static const char *const words[] = {
		[PATTERN_E_RELATIVE] = "does not begin with a slash",
		[PATTERN_E_NO_USER] = "has no %u, which stands for the user",
		[PATTERN_E_TWO_USERS] = "has %u twice between two slashes",
		[PATTERN_E_PERCENT] = "has a percent sign before something else than u or %",
		[PATTERN_E_DOTS] = "has a component '.' or '..'",
		[PATTERN_E_LONG] = "is too long",
	};

	return words[outcome];
}

/* Appends the component to a string that has n bytes so far and room for size. */
static bool expand(const char *component, const char *user, char *ret, size_t size, size_t *n)
{
	for (const char *c = component; *c; c++) {
		const char *add = c;
		size_t n_add = 1;

		if (*c == '%') {
			c++;
			add = *c == 'u' ? user : c;
			n_add = *c == 'u' ? strlen(user) : 1;
		}
		if (size - *n <= n_add) {
			return false;
		}
		memcpy(ret + *n, add, n_add);
		*n += n_add;
	}
	ret[*n] = '\0';
	return true;
}

bool pattern_component(const struct pattern *p, unsigned i, const char *user, char *ret)
{
	size_t n = 0;

	return expand(p->components[i], user, ret, NAME_MAX + 1, &n);
}

bool pattern_path(const struct pattern *p, unsigned n, const char *user, char *ret)
{
	size_t len = 0;

	ret[0] = '/';
	ret[1] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (PATTERN_PATH_MAX - len <= 1) {
			return false;
		}
		ret[len++] = '/';
		if (!expand(p->components[i], user, ret, PATTERN_PATH_MAX, &len)) {
			return false;
		}
	}
	return true;
}

bool pattern_match(const struct pattern *p, unsigned i, const char *name, const char **ret_user,
		   size_t *ret_n)
{
	const char *component = p->components[i], *user_at = NULL;
	char before[NAME_MAX + 1], after[NAME_MAX + 1];
	size_t n_before = 0, n_after = 0, n = strlen(name);

	for (const char *c = strchr(component, '%'); c && !user_at; c = strchr(c + 2, '%')) {
		user_at = c[1] == 'u' ? c : NULL;
	}
	if (!user_at) {
		*ret_user = NULL;
		*ret_n = 0;
		return expand(component, "", before, sizeof(before), &n_before) &&
		       !strcmp(before, name);
	}
	/* With an empty user the component is what stands before it and what stands after it. */
	(void)expand(user_at + 2, "", after, sizeof(after), &n_after);	/* shorter than NAME_MAX */
	(void)expand(component, "", before, sizeof(before), &n_before);
	n_before -= n_after;
	if (n <= n_before + n_after || memcmp(name, before, n_before) ||
	    memcmp(name + n - n_after, after, n_after)) {
		return false;
	}
	*ret_user = name + n_before;
	*ret_n = n - n_before - n_after;
	return true;
}
