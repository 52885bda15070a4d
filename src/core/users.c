/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *user_string(const void *owner, uint32_t id)
{
	const struct users *u = owner;

	return u->arena + u->users[id].text;
}

static const char *name_string(const void *owner, uint32_t id)
{
	const struct users *u = owner;

	return u->arena + u->names[id];
}

struct users *users_new(void)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u) {
		return NULL;
	}
	u->users_size = 16;
	u->users = calloc(u->users_size, sizeof(*u->users));
	if (!u->users) {
		return users_free(u);
	}
	u->by_user = (struct table){ .string_of = user_string, .owner = u };
	u->by_name = (struct table){ .string_of = name_string, .owner = u };
	return u;
}

struct users *users_free(struct users *u)
{
	if (u) {
		table_deinit(&u->by_user);
		table_deinit(&u->by_name);
		free(u->users);
		free(u->names);
		free(u->arena);
		free(u);
	}
	return NULL;
}

const char *users_user(const struct users *u, uint32_t user)
{
	return user_string(u, user);
}

const char *users_name(const struct users *u, uint32_t name)
{
	return name_string(u, name);
}

uint32_t users_owner(const struct users *u, uint32_t name)
{
	/* As if all had as many names, which is often so; then, wherever that leads. */
	uint32_t low = 0, high = u->n_users, at = (uint32_t)((uint64_t)name * u->n_users / u->n_names);

	while (name < u->users[at].first_name || name >= u->users[at + 1].first_name) {
		if (name < u->users[at].first_name) {
			high = at;
		} else {
			low = at + 1;
		}
		at = low + (high - low) / 2;
	}
	return at;
}

const char **users_list_names(const struct users *u, uint32_t user)
{
	uint32_t n = users_n_names(u, user);
	const char **names = calloc(n + 1u, sizeof(*names));

	for (uint32_t i = 0; names && i < n; i++) {
		names[i] = users_name(u, u->users[user].first_name + i);
	}
	return names;
}

uint32_t users_find(const struct users *u, const char *user, size_t n)
{
	return table_find(&u->by_user, user, n);
}

uint32_t users_find_name(const struct users *u, const char *name, size_t n)
{
	return table_find(&u->by_name, name, n);
}

uint32_t users_find_near(const struct users *u, const char *user, uint32_t guess)
{
	if (guess < u->n_users && !strcmp(users_user(u, guess), user)) {
		return guess;
	}
	return users_find(u, user, strlen(user));
}

/* The array with room for element n; NULL, and the old array stays, when there is no memory. */
static void *grown(void *array, uint32_t n, uint32_t *size, size_t each)
{
	uint32_t more = *size + *size / 2 + 16;
	void *p;

	if (n < *size) {
		return array;
	}
	p = more > *size ? reallocarray(array, more, each) : NULL;
	if (p) {
		*size = more;
	}
	return p;
}

/* The array without room for more than n; it stays as it is where that cannot be had. */
static void *fitted(void *array, uint32_t n, uint32_t *size, size_t each)
{
	void *p = n && n < *size ? reallocarray(array, n, each) : NULL;

	if (p) {
		*size = n;
	}
	return p ? p : array;
}

void users_expect(struct users *u, uint32_t n)
{
	table_expect(&u->by_user, n);
	table_expect(&u->by_name, n);
}

void users_fit(struct users *u)
{
	char *arena = u->arena_len ? realloc(u->arena, u->arena_len) : NULL;

	if (arena) {
		u->arena = arena;
		u->arena_size = u->arena_len;
	}
	u->users = fitted(u->users, u->n_users + 1, &u->users_size, sizeof(*u->users));
	u->names = fitted(u->names, u->n_names, &u->names_size, sizeof(*u->names));
	table_fit(&u->by_user);
	table_fit(&u->by_name);
}

static int add_text(struct users *u, const char *s, size_t n, uint32_t *ret)
{
	if (u->arena_size - u->arena_len <= n) {
		size_t size = u->arena_size + u->arena_size / 2 + n + 256;
		char *more = size <= UINT32_MAX ? realloc(u->arena, size) : NULL;

		if (!more) {
			return -ENOMEM;
		}
		u->arena = more;
		u->arena_size = size;
	}
	memcpy(u->arena + u->arena_len, s, n);
	u->arena[u->arena_len + n] = '\0';
	*ret = (uint32_t)u->arena_len;
	u->arena_len += n + 1;
	return 0;
}

bool users_good_user(const char *s, size_t n)
{
	if (!n || n > USERS_NAME_MAX || *s == '.') {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '/' || (unsigned char)s[i] <= ' ' || s[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

int users_add(struct users *u, const char *user, size_t n)
{
	struct users_user *more;
	uint32_t text;
	int r;

	if (!users_good_user(user, n)) {
		return USERS_E_BAD_USER;
	}
	if (users_find(u, user, n) != TABLE_NONE) {
		return USERS_E_TWICE;
	}
	more = grown(u->users, u->n_users + 1, &u->users_size, sizeof(*more));
	if (!more) {
		return -ENOMEM;
	}
	u->users = more;
	r = add_text(u, user, n, &text);
	if (r) {
		return r;
	}
	u->users[u->n_users] = (struct users_user){ text, u->n_names };
	u->users[u->n_users + 1] = (struct users_user){ .first_name = u->n_names };
	r = table_add(&u->by_user, u->n_users);
	if (r) {
		return r;
	}
	u->n_users++;
	return 0;
}

int users_add_name(struct users *u, const char *name, size_t n, uint32_t *ret_user)
{
	uint32_t there = users_find_name(u, name, n), text;
	uint32_t *more;
	int r;

	if (there != TABLE_NONE) {
		*ret_user = users_owner(u, there);
		return USERS_E_TAKEN;
	}
	more = grown(u->names, u->n_names, &u->names_size, sizeof(*more));
	if (!more) {
		return -ENOMEM;
	}
	u->names = more;
	r = add_text(u, name, n, &text);
	if (r) {
		return r;
	}
	u->names[u->n_names] = text;
	r = table_add(&u->by_name, u->n_names);
	if (r) {
		return r;
	}
	u->n_names++;
	u->users[u->n_users].first_name = u->n_names;
	return 0;
}
