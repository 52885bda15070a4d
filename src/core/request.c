/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first that fits. */
static const struct request_dialect dialects[] = {
	{ "checkip", "/myip", .action = REQUEST_MYIP },
	{ "dyndns1", "/nic/dyndns", .words = WORDS_DYNDNS1 },
	{ "nsupdate.info", "/nic/delete", .action = REQUEST_DELETE },
	{ "duckdns", "/update", .needs = "domains", .words = WORDS_DUCKDNS, .labels = true },
	{ "dynv6", "/api/update", .needs = "token", .words = WORDS_DYNV6 },
	{ "freedns", "/dynamic/update.php", .words = WORDS_FREEDNS, .keyless_is_token = true,
	  .all_hosts = true },
	{ "freedns 2", "/u/", .rest = true, .words = WORDS_FREEDNS, .all_hosts = true },
	{ "dyndns2", NULL, .words = WORDS_DYNDNS2 },
};

/* What a parameter means. */
enum meaning {
	P_HOST,
	P_USER,
	P_PASSWORD,
	P_TOKEN,
	P_IP,
	P_V4,
	P_V6,
	P_PREFIX,
	P_OFFLINE,
	P_VERBOSE,
};

static const struct {
	const char *name;
	enum meaning meaning;
} parameters[] = {
	{ "hostname", P_HOST },
	{ "host", P_HOST },
	{ "hostnames", P_HOST },
	{ "domains", P_HOST },
	{ "domain", P_HOST },
	{ "host_id", P_HOST },
	{ "username", P_USER },
	{ "user", P_USER },
	{ "login", P_USER },
	{ "password", P_PASSWORD },
	{ "pass", P_PASSWORD },
	{ "passwd", P_PASSWORD },
	{ "pwd", P_PASSWORD },
	{ "pw", P_PASSWORD },
	{ "token", P_TOKEN },
	{ "key", P_TOKEN },
	{ "apikey", P_TOKEN },
	{ "myip", P_IP },
	{ "ip", P_IP },
	{ "address", P_IP },
	{ "addr", P_IP },
	{ "ipaddr", P_IP },
	{ "myipv4", P_V4 },
	{ "ipv4", P_V4 },
	{ "ip4", P_V4 },
	{ "myip4", P_V4 },
	{ "ip4addr", P_V4 },
	{ "ipv4addr", P_V4 },
	{ "myipv6", P_V6 },
	{ "ipv6", P_V6 },
	{ "ip6", P_V6 },
	{ "myip6", P_V6 },
	{ "ip6addr", P_V6 },
	{ "ipv6addr", P_V6 },
	{ "ipaddr6", P_V6 },
	{ "ip6lanprefix", P_PREFIX },
	{ "ip6prefix", P_PREFIX },
	{ "ipv6prefix", P_PREFIX },
	{ "ipprefix", P_PREFIX },
	{ "lanprefix", P_PREFIX },
	{ "offline", P_OFFLINE },
	{ "clear", P_OFFLINE },
	{ "verbose", P_VERBOSE },
};

struct parser {
	struct request *r;
	struct text path;	 /* decoded */
	struct text query, form; /* as sent */
	struct request_family generic4,
		generic6; /* what myip= says, before myipv4= and the like */
	bool offline;
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/* Into the arena, which has room for every byte of the input. A percent sign that begins no code is
 * itself: routers put passwords in as they are. */
static struct text decode(struct request *r, struct text t, bool plus_is_blank)
{
	struct text ret = { r->arena + r->arena_len, 0 };
	char *to = r->arena + r->arena_len;

	for (size_t i = 0; i < t.n; i++) {
		int high = t.n - i > 2 && t.at[i] == '%' ? hex(t.at[i + 1]) : -1;
		int low = high >= 0 ? hex(t.at[i + 2]) : -1;

		if (low >= 0) {
			to[ret.n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			to[ret.n++] = plus_is_blank && t.at[i] == '+' ? ' ' : t.at[i];
		}
	}
	to[ret.n] = '\0';
	r->arena_len += ret.n + 1;
	return ret;
}

/* The same bytes, in the arena. */
static struct text copy(struct request *r, struct text t)
{
	char *to = r->arena + r->arena_len;

	memcpy(to, t.at, t.n);
	to[t.n] = '\0';
	r->arena_len += t.n + 1;
	return (struct text){ to, t.n };
}

/* --- addresses --- */

static bool is_zero(const struct ip *ip, unsigned bits)
{
	return ip_same_prefix(ip->bytes, (uint8_t[16]){ 0 }, bits);
}

/* "192.0.2.1" or "2001:db8::/56"; without a length *ret_bits is that of the family. */
static bool parse_ip(struct text t, struct ip *ret, uint8_t *ret_bits)
{
	if (!ip_parse_prefix(t, ret, ret_bits)) {
		return false;
	}
	if (*ret_bits >= 96) { /* a mapped address, and not only what all of them begin with */
		ip_unmap(ret);
		*ret_bits = (uint8_t)(*ret_bits - (ret->n == 4 ? 96 : 0));
	}
	return true;
}

/* f NULL: it is not spoken of this family. */
static void wish(struct request_family *f, enum request_wish w, bool peer)
{
	if (f) {
		f->wish = w > f->wish ? w : f->wish;
		f->peer = f->peer || peer;
	}
}

static bool means_nothing_new(struct text t)
{
	return text_is_nocase(t, "preserve") || text_is_nocase(t, "no") || text_is_nocase(t, "nochg");
}

static void bad(struct parser *p, struct text t)
{
	if (!p->r->bad.at) {
		p->r->bad = t;
	}
}

/* One address, or one word in place of it, for either family or for the one that is not NULL. */
static void take_address(struct parser *p, struct text t, struct request_family *v4,
			 struct request_family *v6)
{
	struct request_family *f;
	uint8_t bits;
	struct ip ip;

	if (means_nothing_new(t)) {
		wish(v4, WISH_KEEP, false);
		wish(v6, WISH_KEEP, false);
		return;
	}
	if (text_is_nocase(t, "auto")) {
		wish(v4, WISH_SET, true);
		wish(v6, WISH_SET, true);
		return;
	}
	f = !parse_ip(t, &ip, &bits) ? NULL : ip.n == 4 ? v4 : v6;
	if (!f) {
		bad(p, t);
		return;
	}
	if (is_zero(&ip, bits)) {
		if (bits == ip.n * 8u) {
			wish(f, WISH_REMOVE, false);
		} else {
			bad(p, t); /* a prefix that the router does not have */
		}
		return;
	}
	wish(f, WISH_SET, false);
	if (bits < ip.n * 8u) {
		if (f->has_prefix &&
		    (f->prefix_bits != bits || memcmp(&f->prefix, &ip, sizeof(ip)) != 0)) {
			bad(p, t);
		}
		f->has_prefix = true;
		f->prefix = ip;
		f->prefix_bits = bits;
	} else if (f->n < REQUEST_IPS_MAX) {
		f->ips[f->n++] = ip;
	} else {
		bad(p, t);
	}
}

/* An empty value of a parameter for one family removes; of one for both it says nothing. */
static void take_addresses(struct parser *p, struct text list, struct request_family *v4,
			   struct request_family *v6)
{
	struct text item;
	bool any = false;

	while (text_next_field(&list, ',', &item)) {
		item = text_trim(item);
		if (item.n) {
			any = true;
			take_address(p, item, v4, v6);
		}
	}
	if (!any && (!v4 || !v6)) {
		wish(v4 ? v4 : v6, WISH_REMOVE, false);
	}
}

static void take_lan_prefix(struct parser *p, struct text t)
{
	struct request *r = p->r;
	struct ip ip;
	uint8_t bits;

	if (!t.n || means_nothing_new(t)) {
		return; /* the router has none now */
	}
	if (text_is_nocase(t, "auto")) {
		r->has_lan_prefix = r->lan_prefix_peer = true;
		r->lan_prefix_bits = 64;
		return;
	}
	if (!parse_ip(t, &ip, &bits) || ip.n != 16 || is_zero(&ip, bits)) {
		bad(p, t);
		return;
	}
	r->has_lan_prefix = true;
	r->lan_prefix = ip;
	r->lan_prefix_bits = bits == 128 ? 64 : bits;
}

/* --- parameters --- */

static void take_hosts(struct parser *p, struct text list)
{
	struct request *r = p->r;
	struct text item;

	while (text_next_field(&list, ',', &item)) {
		item = text_trim(item);
		if (!item.n) {
			continue;
		}
		if (r->n_hosts == REQUEST_HOSTS_MAX) {
			r->too_many_hosts = true;
			return;
		}
		r->hosts[r->n_hosts++] = item;
	}
}

static void take_once(struct text *there, struct text value)
{
	if (!there->n && value.n) {
		*there = value;
	}
}

static void take_parameter(struct parser *p, enum meaning meaning, struct text name,
			   struct text value)
{
	struct request *r = p->r;

	switch (meaning) {
	case P_HOST: /* ddclient's dyndns1 says hostname=YES and means host_id */
		if (!text_is_nocase(name, "hostname") || !text_is_nocase(value, "YES")) {
			take_hosts(p, value);
		}
		break;
	case P_USER:
		take_once(&r->user, value);
		break;
	case P_PASSWORD:
		take_once(&r->password, value);
		break;
	case P_TOKEN:
		take_once(&r->token, text_trim(value));
		break;
	case P_IP:
		take_addresses(p, value, &p->generic4, &p->generic6);
		break;
	case P_V4:
		take_addresses(p, value, &r->v4, NULL);
		break;
	case P_V6:
		take_addresses(p, value, NULL, &r->v6);
		break;
	case P_PREFIX:
		take_lan_prefix(p, text_trim(value));
		break;
	case P_OFFLINE:
		if (text_is_nocase(value, "yes") || text_is_nocase(value, "true") ||
		    text_is_nocase(value, "1") || text_is_nocase(value, "on")) {
			p->offline = true;
		}
		break;
	case P_VERBOSE:
		r->verbose = text_is_nocase(value, "true") || text_is_nocase(value, "yes") ||
			     text_is_nocase(value, "1");
		break;
	}
}

/* An item without "=" is a host, or the token. */
static void take_keyless(struct parser *p, struct text item)
{
	if (p->r->dialect->keyless_is_token) {
		take_once(&p->r->token, item);
	} else if (memchr(item.at, '.', item.n)) {
		take_hosts(p, item);
	}
}

/* deSEC's "myipv6:host.example.com=". */
static void take_override(struct parser *p, struct text host, bool is_v6, struct text value)
{
	struct request *r = p->r;
	struct request_override *o = &r->overrides[r->n_overrides];

	if (r->n_overrides == REQUEST_OVERRIDES_MAX) {
		bad(p, host);
		return;
	}
	*o = (struct request_override){ .host = host, .is_v6 = is_v6 };
	take_addresses(p, value, is_v6 ? NULL : &o->family, is_v6 ? &o->family : NULL);
	r->n_overrides++;
}

static void take_named(struct parser *p, struct text name, struct text value)
{
	struct text word = name, host;
	bool of_one_host = text_split(name, ':', &word, &host);

	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
		enum meaning meaning = parameters[i].meaning;

		if (!text_is_nocase(word, parameters[i].name)) {
			continue;
		}
		if (!of_one_host) {
			take_parameter(p, meaning, name, decode(p->r, value, true));
		} else if (meaning == P_V4 || meaning == P_V6) {
			take_override(p, host, meaning == P_V6, decode(p->r, value, true));
		}
		return;
	}
}

static void take_items(struct parser *p, struct text query)
{
	struct text item, name, value;

	while (text_next_field(&query, '&', &item)) {
		if (text_split(item, '=', &name, &value)) {
			take_named(p, decode(p->r, name, true), value);
		} else {
			take_keyless(p, text_trim(decode(p->r, item, true)));
		}
	}
}

static bool has_parameter(struct text query, const char *name)
{
	struct text item, there, value;

	while (text_next_field(&query, '&', &item)) {
		if (text_split(item, '=', &there, &value) && text_is_nocase(there, name)) {
			return true;
		}
	}
	return false;
}

/* --- the request line --- */

/* Cuts scheme and authority of the absolute form (RFC 9112 section 3.2.2) off. */
static struct text cut_authority(struct text t)
{
	const char *colon = memmem(t.at, t.n, "://", 3), *slash;

	if (!colon || *t.at == '/' || memchr(t.at, '?', (size_t)(colon - t.at))) {
		return t;
	}
	t.n -= (size_t)(colon + 3 - t.at);
	t.at = colon + 3;
	slash = memchr(t.at, '/', t.n);
	if (!slash) {
		slash = memchr(t.at, '?', t.n);
	}
	t.n = slash ? t.n - (size_t)(slash - t.at) : 0;
	t.at = slash ? slash : t.at;
	return t;
}

/* Several slashes in a row are one: people end the server's name with one. */
static struct text squeeze(struct request *r, struct text path)
{
	struct text ret = decode(r, path, false);
	char *to = r->arena + (ret.at - r->arena);
	size_t n = 0;

	for (size_t i = 0; i < ret.n; i++) {
		if (ret.at[i] != '/' || !n || to[n - 1] != '/') {
			to[n++] = ret.at[i];
		}
	}
	to[n] = '\0';
	ret.n = n;
	return ret;
}

static bool fits(const struct request_dialect *d, const struct parser *p)
{
	size_t n = d->path ? strlen(d->path) : 0, n_path = p->path.n;

	if (!d->path) {
		return true;
	}
	if (d->rest) {
		return n_path > n && !memcmp(p->path.at, d->path, n);
	}
	n_path -= n_path > 1 && p->path.at[n_path - 1] == '/';
	return n_path == n && !memcmp(p->path.at, d->path, n) &&
	       (!d->needs || has_parameter(p->query, d->needs) ||
		has_parameter(p->form, d->needs));
}

/* A secret in the path, up to the next slash. */
static void take_rest(struct parser *p)
{
	size_t n = strlen(p->r->dialect->path);
	struct text rest = { p->path.at + n, p->path.n - n }, token;

	if (text_next_field(&rest, '/', &token)) {
		take_once(&p->r->token, token);
	}
}

/* --- credentials --- */

static int base64_value(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' :
	       c >= 'a' && c <= 'z' ? c - 'a' + 26 :
	       c >= '0' && c <= '9' ? c - '0' + 52 :
	       c == '+' || c == '-' ? 62 :
	       c == '/' || c == '_' ? 63 :
				      -1;
}

/* RFC 4648 section 4 or 5, padded or not. false: something else stands in it. */
static bool decode_base64(struct request *r, struct text t, struct text *ret)
{
	char *to = r->arena + r->arena_len;
	unsigned bits = 0, n_bits = 0;

	*ret = (struct text){ to, 0 };
	while (t.n && t.at[t.n - 1] == '=') {
		t.n--;
	}
	for (size_t i = 0; i < t.n; i++) {
		int value = base64_value(t.at[i]);

		if (value < 0) {
			return false;
		}
		bits = bits << 6 | (unsigned)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			to[ret->n++] = (char)(bits >> n_bits);
			bits &= (1u << n_bits) - 1;
		}
	}
	to[ret->n] = '\0';
	r->arena_len += ret->n + 1;
	return true;
}

/* RFC 7617, with everything that routers make of it; the user name ends at the first colon. Also
 * "Token" and "Bearer". Without a user name the password is a token. */
static void take_authorization(struct parser *p, struct text header)
{
	struct text pair, scheme;
	struct request *r = p->r;

	header = text_trim(header);
	if (!text_next_field(&header, ' ', &scheme)) {
		return;
	}
	header = text_trim(header);
	if (text_is_nocase(scheme, "token") || text_is_nocase(scheme, "bearer")) {
		r->token = copy(r, header);
		return;
	}
	if (text_is_nocase(scheme, "basic") && decode_base64(r, header, &pair) &&
	    text_split(pair, ':', &r->user, &r->password)) {
		r->arena[r->user.at + r->user.n - r->arena] = '\0';
	}
}

/* --- the whole --- */

static void finish(struct parser *p)
{
	struct request *r = p->r;
	bool said;

	if (!r->user.n) {
		r->user = (struct text){ 0 };
	}
	if (r->password.n && !r->user.n && !r->token.n && !r->n_hosts) {
		r->token = r->password;
	}
	/* What speaks of one family goes before what speaks of both. */
	if (!r->v4.wish) {
		r->v4 = p->generic4;
	}
	if (!r->v6.wish) {
		r->v6 = p->generic6;
	}
	if (p->offline) { /* whatever addresses stand beside it */
		r->v4 = r->v6 = (struct request_family){ .wish = WISH_REMOVE };
		r->has_lan_prefix = false;
		r->n_overrides = 0;
		r->bad = (struct text){ 0 };
	}
	said = r->v4.wish || r->v6.wish || r->has_lan_prefix || r->n_overrides;
	r->use_peer = !said && !r->bad.at;
}

int request_parse(const struct request_input *in, struct request *ret)
{
	struct text target = text_trim(in->target), path;
	struct parser p = { .r = ret, .form = in->form };
	const char *question;

	*ret = (struct request){ 0 };
	/* Each byte is decoded once, and a NUL put behind each item, which has a separator. */
	ret->arena = malloc(2 * (in->target.n + in->form.n + in->authorization.n) + 16);
	if (!ret->arena) {
		return -ENOMEM;
	}
	target = target.at ? cut_authority(target) : (struct text){ "", 0 };
	question = memchr(target.at, '?', target.n);
	path = (struct text){ target.at, question ? (size_t)(question - target.at) : target.n };
	if (question) {
		p.query = (struct text){ question + 1, target.n - path.n - 1 };
	}
	p.path = squeeze(ret, path);
	ret->dialect = dialects;
	while (!fits(ret->dialect, &p)) {
		ret->dialect++;
	}
	if (in->authorization.n) {
		take_authorization(&p, in->authorization);
	}
	if (ret->dialect->rest) {
		take_rest(&p);
	}
	take_items(&p, p.query);
	take_items(&p, p.form);
	finish(&p);
	return 0;
}

void request_deinit(struct request *r)
{
	free(r->arena);
	r->arena = NULL;
}
