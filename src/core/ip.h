/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* IP addresses as values: one, the set that a name has, and the networks that may be published. */

#include "base/buf.h"
#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_TEXT_SIZE 46	/* INET6_ADDRSTRLEN */

struct ip {
	uint8_t n;		/* 4 or 16: the family, and how many of the bytes count */
	uint8_t bytes[16];	/* network order */
};

/* Strict, as inet_pton(3). false: not an address. */
bool ip_parse(const char *text, size_t n, struct ip *ret);

/* An address, or one with "/" and the bits of its prefix behind, three digits at most; without these *ret_bits is
 * all that it has. */
bool ip_parse_prefix(struct text t, struct ip *ret, uint8_t *ret_bits);

/* Whether the first n_bits of both are the same. */
bool ip_same_prefix(const uint8_t *a, const uint8_t *b, unsigned n_bits);

/* Canonical text (RFC 5952 for IPv6), NUL-terminated; returns its length. */
size_t ip_print(const uint8_t *bytes, size_t n, char ret[IP_TEXT_SIZE]);

/* Appends it. */
void ip_add(struct buf *b, const uint8_t *bytes, size_t n);

/* The socket address of the address and a port; returns its size. */
socklen_t ip_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret);

/* An IPv4-mapped address becomes the IPv4 address it stands for. */
void ip_unmap(struct ip *ip);

/* Whoever has one address of an IPv6 network of /64 has all of them: its first address. That of an IPv4
 * address is the address. */
struct ip ip_network(struct ip ip);

/* NULL when the address may be published, else why not ("a loopback address is never published"),
 * whatever the configuration says. */
const char *ip_special(const struct ip *ip);

/* The addresses of one name: sorted, without duplicates, never changed once made. NULL is the set
 * of none. First n_v4 times 4 bytes, then n_v6 times 16. */
struct ip_set {
	uint16_t n_v4, n_v6;
	uint8_t bytes[];
};

/* Small sets, of which there may be millions, come from a pool: of one thread, the loop's. */
void ip_set_free(struct ip_set *s);

static inline void ip_set_freep(struct ip_set **s)
{
	ip_set_free(*s);
}

#define IP_SET_EACH_MAX 1024	/* of one family; addresses_max cannot be more */

/* Makes a set of the n addresses at ips, which it sorts in place. No addresses: *ret is NULL.
 * Returns 0, -ENOMEM, or IP_E_TOO_MANY. The caller frees *ret with ip_set_free. */
enum { IP_E_TOO_MANY = 1 };
int ip_set_new(struct ip *ips, size_t n, unsigned max_each, struct ip_set **ret);

/* The addresses of both, either of which may be NULL; with NULL, a copy of the other. Returns as ip_set_new
 * with IP_SET_EACH_MAX. */
int ip_set_join(const struct ip_set *a, const struct ip_set *b, struct ip_set **ret);

bool ip_set_equal(const struct ip_set *a, const struct ip_set *b);
bool ip_set_equal_v4(const struct ip_set *a, const struct ip_set *b);
bool ip_set_equal_v6(const struct ip_set *a, const struct ip_set *b);

/* How many addresses it has, and the i-th of them, IPv4 first: its bytes, and how many these are. */
size_t ip_set_n(const struct ip_set *s);
const uint8_t *ip_set_at(const struct ip_set *s, size_t i, size_t *ret_n);

/* Writes the addresses of these families to `to`, and returns the place behind them. */
struct ip *ip_set_copy(struct ip *to, const struct ip_set *s, bool v4, bool v6);

/* The i-th address of the set's n_v4 or n_v6. */
const uint8_t *ip_set_v4(const struct ip_set *s, size_t i);
const uint8_t *ip_set_v6(const struct ip_set *s, size_t i);

/* "1.2.3.4, 2001:db8::7", IPv4 first; nothing for the empty set. */
void ip_set_print(struct buf *b, const struct ip_set *s, const char *separator);

/* With commas, for people; "none" for the empty set. */
void ip_set_say(struct buf *b, const struct ip_set *s);

/* A list of networks in CIDR notation; one with "!" before it is refused. The most specific block
 * that holds an address decides. What no block holds is accepted only if all blocks are refusals. */
struct ip_net {
	struct ip ip;
	uint8_t prefix;		/* bits */
	bool refuse;
};

struct ip_nets {
	struct ip_net *nets;
	size_t n;
};

void ip_nets_deinit(struct ip_nets *nets);

/* Reads one block ("192.0.2.0/24", "!10.0.0.0/8", or a plain address). 0, -ENOMEM, or
 * IP_NETS_E_* when it is not a block or has bits set beyond its prefix. */
enum { IP_NETS_E_SYNTAX = 1, IP_NETS_E_HOST_BITS };
int ip_nets_add(struct ip_nets *nets, const char *text, size_t n);

/* The same blocks in the same order. */
bool ip_nets_same(const struct ip_nets *a, const struct ip_nets *b);

bool ip_nets_accept(const struct ip_nets *nets, const struct ip *ip);

/* The same where nobody is meant who is not named: not by an empty list, and not by refusals. */
bool ip_nets_name(const struct ip_nets *nets, const struct ip *ip);

/* Leaves the addresses that are accepted. 0 or -ENOMEM, and the set stays as it is. */
int ip_set_filter(struct ip_set **set, const struct ip_nets *nets);
