/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/ip.h"

#include "base/cleanup.h"
#include "core/put.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool ip_parse(const char *text, size_t n, struct ip *ret)
{
	char z[IP_TEXT_SIZE];
	struct ip ip = { 0 };

	if (n >= sizeof(z) || memchr(text, '\0', n)) {
		return false;
	}
	memcpy(z, text, n);
	z[n] = '\0';
	if (inet_pton(AF_INET, z, ip.bytes) == 1) {
		ip.n = 4;
	} else if (inet_pton(AF_INET6, z, ip.bytes) == 1) {
		ip.n = 16;
	} else {
		return false;
	}
	*ret = ip;
	return true;
}

bool ip_parse_prefix(struct text t, struct ip *ret, uint8_t *ret_bits)
{
	struct text address = t, digits;
	bool has_bits = text_split(t, '/', &address, &digits);
	uint64_t bits;

	if (!ip_parse(address.at, address.n, ret)) {
		return false;
	}
	bits = ret->n * 8u;
	if (has_bits && (digits.n > 3 || !text_take_number(&digits, bits, &bits) || digits.n)) {
		return false;
	}
	*ret_bits = (uint8_t)bits;
	return true;
}

size_t ip_print(const uint8_t *bytes, size_t n, char ret[IP_TEXT_SIZE])
{
	ret[0] = '\0';
	(void)inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, ret, IP_TEXT_SIZE); /* cannot fail */
	return strlen(ret);
}

void ip_add(struct buf *b, const uint8_t *bytes, size_t n)
{
	char *at = buf_room(b, PUT_IP_MAX);

	if (at) {
		b->len += (size_t)(put_ip(at, bytes, n) - at);
	}
}

socklen_t ip_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ip->n == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, ip->bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, ip->bytes, 16);
	return sizeof(*v6);
}

void ip_unmap(struct ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	if (ip->n == 16 && !memcmp(ip->bytes, mapped, sizeof(mapped))) {
		memmove(ip->bytes, ip->bytes + 12, 4);
		memset(ip->bytes + 4, 0, 12);
		ip->n = 4;
	}
}

struct ip ip_network(struct ip ip)
{
	if (ip.n == 16) {
		memset(ip.bytes + 8, 0, 8);
	}
	return ip;
}

bool ip_same_prefix(const uint8_t *a, const uint8_t *b, unsigned n_bits)
{
	unsigned rest = n_bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return !memcmp(a, b, n_bits / 8) &&
	       (!rest || (a[n_bits / 8] & mask) == (b[n_bits / 8] & mask));
}

/* From the registries of RFC 6890; the first that fits gives its word. */
static const struct {
	uint8_t n, prefix, bytes[16];
	const char *why_not;
} specials[] = {
	{ 4, 32, { 255, 255, 255, 255 }, "the broadcast address is never published" },
	{ 4, 8, { 0 }, "an unspecified address is never published" },
	{ 4, 8, { 127 }, "a loopback address is never published" },
	{ 4, 16, { 169, 254 }, "a link-local address is never published" },
	{ 4, 4, { 224 }, "a multicast address is never published" },
	{ 4, 4, { 240 }, "a class E address is never published" },
	{ 16, 128, { 0 }, "the unspecified address is never published" },
	{ 16, 128, { [15] = 1 }, "the loopback address is never published" },
	{ 16, 10, { 0xfe, 0x80 }, "a link-local address is never published" },
	{ 16, 8, { 0xff }, "a multicast address is never published" },
	{ 16, 96, { [10] = 0xff, 0xff }, "an IPv4-mapped address is never published" },
	{ 16, 96, { 0 }, "an IPv4-compatible address is never published" },
};

const char *ip_special(const struct ip *ip)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++) {
		if (specials[i].n == ip->n &&
		    ip_same_prefix(specials[i].bytes, ip->bytes, specials[i].prefix)) {
			return specials[i].why_not;
		}
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct ip *x = a, *y = b;

	return x->n != y->n ? x->n - y->n : memcmp(x->bytes, y->bytes, x->n);
}

/* --- the pool: a malloc(3) of 8 bytes takes 32 --- */

enum {
	SMALL = 8,		/* a set of one IPv4 address */
	MIDDLE = 24,		/* of one of each family */
	SLAB = 64 * 1024,
};

union chunk {
	union chunk *next;	/* while it is free */
	uint8_t bytes[SMALL];
};

static union chunk *free_small, *free_middle;

static size_t size_of(size_t n_v4, size_t n_v6)
{
	return sizeof(struct ip_set) + n_v4 * 4 + n_v6 * 16;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__clang_analyzer__) || defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
enum { POOLED = 0 };	/* so that it sees who uses what is gone */
#else
enum { POOLED = 1 };
#endif

/* The list that a set of this size comes from; NULL: from none. */
static union chunk **pool_of(size_t size)
{
	return !POOLED || size > MIDDLE ? NULL : size <= SMALL ? &free_small : &free_middle;
}

static int refill(union chunk **list)
{
	size_t size = list == &free_small ? SMALL : MIDDLE;
	uint8_t *slab = malloc(SLAB);

	if (!slab) {
		return -ENOMEM;
	}
	for (size_t at = SLAB / size * size; at; at -= size) {
		union chunk *c = (union chunk *)(void *)(slab + at - size);

		c->next = *list;
		*list = c;
	}
	return 0;
}

static struct ip_set *allocate(size_t n_v4, size_t n_v6)
{
	size_t size = size_of(n_v4, n_v6);
	union chunk **list = pool_of(size), *c;

	if (!list) {
		return malloc(size);
	}
	if (!*list && refill(list)) {
		return NULL;
	}
	c = *list;
	*list = c->next;
	return (struct ip_set *)(void *)c;
}

void ip_set_free(struct ip_set *s)
{
	union chunk **list = s ? pool_of(size_of(s->n_v4, s->n_v6)) : NULL, *c = (union chunk *)(void *)s;

	if (!list) {
		free(s);
		return;
	}
	c->next = *list;
	*list = c;
}

int ip_set_new(struct ip *ips, size_t n, unsigned max_each, struct ip_set **ret)
{
	size_t n_unique = 0, n_v4 = 0;
	struct ip_set *s;
	uint8_t *at;

	if (!n) {
		*ret = NULL;
		return 0;
	}
	qsort(ips, n, sizeof(*ips), compare);
	for (size_t i = 0; i < n; i++) {
		if (i && !compare(&ips[i], &ips[n_unique - 1])) {
			continue;
		}
		ips[n_unique++] = ips[i];
		n_v4 += ips[i].n == 4;
	}
	if (n_v4 > max_each || n_unique - n_v4 > max_each) {
		return IP_E_TOO_MANY;
	}
	s = allocate(n_v4, n_unique - n_v4);
	if (!s) {
		return -ENOMEM;
	}
	s->n_v4 = (uint16_t)n_v4;
	s->n_v6 = (uint16_t)(n_unique - n_v4);
	at = s->bytes;
	for (size_t i = 0; i < n_unique; i++) {
		memcpy(at, ips[i].bytes, ips[i].n);
		at += ips[i].n;
	}
	*ret = s;
	return 0;
}

size_t ip_set_n(const struct ip_set *s)
{
	return s ? (size_t)s->n_v4 + s->n_v6 : 0;
}

const uint8_t *ip_set_at(const struct ip_set *s, size_t i, size_t *ret_n)
{
	*ret_n = i < s->n_v4 ? 4 : 16;
	return i < s->n_v4 ? ip_set_v4(s, i) : ip_set_v6(s, i - s->n_v4);
}

struct ip *ip_set_copy(struct ip *to, const struct ip_set *s, bool v4, bool v6)
{
	for (size_t i = 0; i < ip_set_n(s); i++) {
		size_t n;
		const uint8_t *bytes = ip_set_at(s, i, &n);

		if (n == 4 ? v4 : v6) {
			*to = (struct ip){ .n = (uint8_t)n };
			memcpy(to->bytes, bytes, n);
			to++;
		}
	}
	return to;
}

int ip_set_join(const struct ip_set *a, const struct ip_set *b, struct ip_set **ret)
{
	size_t n = ip_set_n(a) + ip_set_n(b);
	_cleanup_(free_ptr) struct ip *ips = calloc(n + 1, sizeof(*ips));

	if (!ips) {
		return -ENOMEM;
	}
	(void)ip_set_copy(ip_set_copy(ips, a, true, true), b, true, true);
	return ip_set_new(ips, n, IP_SET_EACH_MAX, ret);
}

const uint8_t *ip_set_v4(const struct ip_set *s, size_t i)
{
	return s->bytes + 4 * i;
}

const uint8_t *ip_set_v6(const struct ip_set *s, size_t i)
{
	return s->bytes + 4 * (size_t)s->n_v4 + 16 * i;
}

bool ip_set_equal_v4(const struct ip_set *a, const struct ip_set *b)
{
	size_t n_a = a ? a->n_v4 : 0, n_b = b ? b->n_v4 : 0;

	return n_a == n_b && (!n_a || !memcmp(ip_set_v4(a, 0), ip_set_v4(b, 0), 4 * n_a));
}

bool ip_set_equal_v6(const struct ip_set *a, const struct ip_set *b)
{
	size_t n_a = a ? a->n_v6 : 0, n_b = b ? b->n_v6 : 0;

	return n_a == n_b && (!n_a || !memcmp(ip_set_v6(a, 0), ip_set_v6(b, 0), 16 * n_a));
}

bool ip_set_equal(const struct ip_set *a, const struct ip_set *b)
{
	return ip_set_equal_v4(a, b) && ip_set_equal_v6(a, b);
}

void ip_set_print(struct buf *b, const struct ip_set *s, const char *separator)
{
	for (size_t i = 0; i < ip_set_n(s); i++) {
		size_t n;
		const uint8_t *bytes = ip_set_at(s, i, &n);

		if (i) {
			buf_adds(b, separator);
		}
		ip_add(b, bytes, n);
	}
}

void ip_set_say(struct buf *b, const struct ip_set *s)
{
	if (s) {
		ip_set_print(b, s, ", ");
	} else {
		buf_adds(b, "none");
	}
}

void ip_nets_deinit(struct ip_nets *nets)
{
	free(nets->nets);
	*nets = (struct ip_nets){ 0 };
}

bool ip_nets_same(const struct ip_nets *a, const struct ip_nets *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++) {
		const struct ip_net *x = &a->nets[i], *y = &b->nets[i];

		same = !compare(&x->ip, &y->ip) && x->prefix == y->prefix && x->refuse == y->refuse;
	}
	return same;
}

static bool host_bits(const struct ip *ip, unsigned prefix)
{
	for (unsigned bit = prefix; bit < ip->n * 8u; bit++) {
		if (ip->bytes[bit / 8] & 0x80 >> bit % 8) {
			return true;
		}
	}
	return false;
}

int ip_nets_add(struct ip_nets *nets, const char *text, size_t n)
{
	struct text rest = { text, n };
	struct ip_net net = { .refuse = text_skip(&rest, "!") }, *more;

	if (!ip_parse_prefix(rest, &net.ip, &net.prefix)) {
		return IP_NETS_E_SYNTAX;
	}
	if (host_bits(&net.ip, net.prefix)) {
		return IP_NETS_E_HOST_BITS;
	}
	more = reallocarray(nets->nets, nets->n + 1, sizeof(*more));
	if (!more) {
		return -ENOMEM;
	}
	nets->nets = more;
	nets->nets[nets->n++] = net;
	return 0;
}

/* The most specific block that holds the address, the later of two alike; NULL: none does. */
static const struct ip_net *find_net(const struct ip_nets *nets, const struct ip *ip)
{
	const struct ip_net *best = NULL;

	for (size_t i = 0; i < nets->n; i++) {
		const struct ip_net *net = &nets->nets[i];

		if (net->ip.n == ip->n && ip_same_prefix(net->ip.bytes, ip->bytes, net->prefix) &&
		    (!best || net->prefix >= best->prefix)) {
			best = net;
		}
	}
	return best;
}

bool ip_nets_accept(const struct ip_nets *nets, const struct ip *ip)
{
	const struct ip_net *net = find_net(nets, ip);
	bool only_refusals = true;

	for (size_t i = 0; i < nets->n; i++) {
		only_refusals = only_refusals && nets->nets[i].refuse;
	}
	return net ? !net->refuse : only_refusals;
}

bool ip_nets_name(const struct ip_nets *nets, const struct ip *ip)
{
	const struct ip_net *net = find_net(nets, ip);

	return net && !net->refuse;
}

int ip_set_filter(struct ip_set **set, const struct ip_nets *nets)
{
	size_t n_all = ip_set_n(*set), n = 0;
	_cleanup_(free_ptr) struct ip *ips = calloc(n_all + 1, sizeof(*ips));
	struct ip_set *left;
	int r;

	if (!ips) {
		return -ENOMEM;
	}
	(void)ip_set_copy(ips, *set, true, true);
	for (size_t i = 0; i < n_all; i++) {
		if (ip_nets_accept(nets, &ips[i])) {
			ips[n++] = ips[i];
		}
	}
	r = ip_set_new(ips, n, IP_SET_EACH_MAX, &left);
	if (!r) {
		ip_set_free(*set);
		*set = left;
	}
	return r;
}
