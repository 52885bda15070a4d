/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/found.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

void found_deinit(struct found_list *f)
{
	free(f->list);
	*f = (struct found_list){ 0 };
}

int found_add(struct found_list *f, const struct found *one)
{
	if (f->n == f->size) {
		size_t size = f->size ? 2 * f->size : 64;
		struct found *more = reallocarray(f->list, size, sizeof(*more));

		if (!more) {
			return -ENOMEM;
		}
		f->list = more;
		f->size = size;
	}
	f->list[f->n++] = *one;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

void found_sort(struct found_list *f)
{
	if (f->n) {
		qsort(f->list, f->n, sizeof(*f->list), compare);
	}
}

int found_next_set(const struct found_list *f, size_t *i, uint32_t number, struct ip_set **ret)
{
	_cleanup_(free_ptr) struct ip *ips = NULL;
	size_t first = *i, n;

	while (*i < f->n && f->list[*i].number == number) {
		(*i)++;
	}
	n = *i - first;
	if (!n) {
		*ret = NULL;
		return 0;
	}
	ips = calloc(n, sizeof(*ips));
	if (!ips) {
		return -ENOMEM;
	}
	for (size_t k = 0; k < n; k++) {
		ips[k] = f->list[first + k].ip;
	}
	return ip_set_new(ips, n, IP_SET_EACH_MAX, ret);
}
