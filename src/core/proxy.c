/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/proxy.h"

#include "core/ip.h"

#include <string.h>

/* What stands behind the last separator; it is taken off the list. */
static bool last(struct text *list, char separator, struct text *ret)
{
	const char *at;

	if (!list->n) {
		return false;
	}
	at = memrchr(list->at, separator, list->n);
	ret->at = at ? at + 1 : list->at;
	ret->n = (size_t)(list->at + list->n - ret->at);
	list->n = at ? (size_t)(at - list->at) : 0;
	return true;
}

/* The value of name= in one element of Forwarded; n 0: there is none. */
static struct text forwarded_value(struct text element, const char *name)
{
	struct text pair;

	while (text_next_field(&element, ';', &pair)) {
		struct text key;

		pair = text_trim(pair);
		if (text_next_field(&pair, '=', &key) && text_is_nocase(text_trim(key), name)) {
			pair = text_trim(pair);
			if (pair.n >= 2 && *pair.at == '"' && pair.at[pair.n - 1] == '"') {
				pair.at++;
				pair.n -= 2;
			}
			return pair;
		}
	}
	return (struct text){ "", 0 };
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". */
static bool parse_node(struct text t, struct ip *ret)
{
	const char *end;

	t = text_trim(t);
	if (t.n && *t.at == '[') {
		end = memchr(t.at, ']', t.n);
		if (!end) {
			return false;
		}
		t = (struct text){ t.at + 1, (size_t)(end - t.at - 1) };
	} else if (t.n) {
		end = memchr(t.at, ':', t.n);
		if (end && end == memrchr(t.at, ':', t.n)) {
			t.n = (size_t)(end - t.at);
		}
	}
	if (!t.n || !ip_parse(t.at, t.n, ret)) {
		return false;
	}
	ip_unmap(ret);
	return true;
}

static struct ip find_peer(const struct ip *connection, const struct ip_nets *trusted,
			   struct text list, bool is_forwarded)
{
	struct ip peer = *connection, ip;
	struct text item;

	while (ip_nets_name(trusted, &peer) && last(&list, ',', &item)) {
		if (!parse_node(is_forwarded ? forwarded_value(item, "for") : item, &ip)) {
			break;
		}
		peer = ip;
	}
	return peer;
}

struct ip proxy_peer(const struct ip *connection, const struct ip_nets *trusted,
		     struct text x_forwarded_for, struct text forwarded)
{
	struct ip x = find_peer(connection, trusted, x_forwarded_for, false);
	struct ip f = find_peer(connection, trusted, forwarded, true);

	if (!x_forwarded_for.n || !forwarded.n) {
		return x_forwarded_for.n ? x : f;
	}
	/* One of the two is the proxy's, and the other may be anybody's. */
	return !memcmp(&x, &f, sizeof(x)) ? x : *connection;
}

bool proxy_was_encrypted(struct text x_forwarded_proto, struct text forwarded)
{
	struct text x = { 0 }, f = { 0 };
	bool by_x, by_f;

	(void)last(&x_forwarded_proto, ',', &x); /* empty when there is none */
	if (last(&forwarded, ',', &f)) {
		f = forwarded_value(f, "proto");
	}
	by_x = text_is_nocase(text_trim(x), "https");
	by_f = text_is_nocase(f, "https");
	return x.at && f.n ? by_x && by_f : by_x || by_f;
}
