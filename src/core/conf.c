/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/conf_impl.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "core/name.h"
#include "core/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_PORT = 53, OUTPUT_NAME_MAX = 32, VERIFY_TIMEOUT_MS = 5000 };

enum section { IN_NOTHING, IN_DAEMON, IN_HTTP, IN_OUTPUT, IN_USERS, IN_UNKNOWN };

void conf_mistake(struct conf_reader *r, const char *format, ...)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&b, format, ap);
	va_end(ap);
	r->mistakes = true;
	if (r->report) {
		r->report(r->arg, r->file, r->line, buf_str(&b));
	}
}

void conf_mistake_about(struct conf_reader *r, const char *before, struct text t,
			const char *what)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	buf_add_escaped(&b, t.at, t.n, 64);
	conf_mistake(r, "%s'%s'%s%s", before, buf_str(&b), *what ? " " : "", what);
}

/* Items of a list are separated by commas or blanks. */
static bool next_item(struct text *list, struct text *ret)
{
	return text_next_word(list, TEXT_BLANKS ",", ret);
}

/* One key each. They take the trimmed value, and return 0, or -ENOMEM: a mistake is reported. */
struct key {
	enum section section;
	const char *name;
	int (*set)(struct conf_reader *r, const struct key *k, struct text value);
	/* Offsets in struct conf, IN_OUTPUT in struct conf_output; line_at 0: not kept. */
	size_t value_at, count_at, line_at;
	uint64_t min, max;
	const char *const *words;
	bool tls;   /* of set_listeners */
	bool again; /* may be set more than once: each adds */
};

static char *base_of(struct conf_reader *r, const struct key *k)
{
	return k->section == IN_OUTPUT ? (char *)r->output : (char *)r->c;
}

static void *value_of(struct conf_reader *r, const struct key *k)
{
	return base_of(r, k) + k->value_at;
}

static int set_string(struct conf_reader *r, const struct key *k, struct text value)
{
	char **there = value_of(r, k);
	char *copy;

	if (!value.n) {
		conf_mistake(r, "%s has no value", k->name);
		return 0;
	}
	copy = strndup(value.at, value.n);
	if (!copy) {
		return -ENOMEM;
	}
	free(*there);
	*there = copy;
	return 0;
}

static int set_path(struct conf_reader *r, const struct key *k, struct text value)
{
	if (value.n && *value.at != '/' && !strcmp(k->name, "key")) {
		conf_mistake(r, "key is the path of a file, and begins with a slash");	/* it may be the secret */
		return 0;
	}
	if (value.n && *value.at != '/') {
		conf_mistake_about(r, "path ", value, "does not begin with a slash");
		return 0;
	}
	if (value.n >= PATTERN_PATH_MAX) {
		conf_mistake(r, "%s is too long for a path", k->name);
		return 0;
	}
	return set_string(r, k, value);
}

static int set_number(struct conf_reader *r, const struct key *k, struct text value)
{
	struct text rest = value;
	uint64_t number;

	if (!text_take_number(&rest, k->max, &number) || rest.n || number < k->min) {
		conf_mistake(r, "%s is a number from %llu to %llu", k->name,
			     (unsigned long long)k->min, (unsigned long long)k->max);
		return 0;
	}
	*(unsigned *)value_of(r, k) = (unsigned)number;
	return 0;
}

static int set_duration(struct conf_reader *r, const struct key *k, struct text value)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	uint64_t number, factor = 0;
	struct text rest = value;

	if (text_take_number(&rest, UINT32_MAX, &number)) {
		factor = !number && !rest.n; /* 0 needs no unit */
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
			factor = text_is(rest, units[i].unit) ? units[i].ms : factor;
		}
	}
	if (!factor) {
		conf_mistake_about(r, "", value, "is not a time such as 500ms, 1s, 5m or 1h");
		return 0;
	}
	if (number * factor < k->min || number * factor > k->max) {
		conf_mistake(r, "%s is from %llu ms to %llu ms", k->name,
			     (unsigned long long)k->min, (unsigned long long)k->max);
		return 0;
	}
	*(uint64_t *)value_of(r, k) = number * factor;
	return 0;
}

static int set_word(struct conf_reader *r, const struct key *k, struct text value)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	for (unsigned i = 0; k->words[i]; i++) {
		if (text_is(value, k->words[i])) {
			*(unsigned *)value_of(r, k) = i;
			return 0;
		}
		buf_printf(&b, "%s%s", i ? " or " : "", k->words[i]);
	}
	conf_mistake(r, "%s is %s", k->name, buf_str(&b));
	return 0;
}

static int set_patterns(struct conf_reader *r, const struct key *k, struct text value)
{
	struct conf *c = r->c;
	struct text item;

	if (!value.n) {
		conf_mistake(r, "%s has no value", k->name);
	}
	while (next_item(&value, &item)) {
		int e;

		if (c->n_patterns == CONF_PATTERNS_MAX) {
			conf_mistake(r, "%s has more than %d patterns", k->name,
				     CONF_PATTERNS_MAX);
			return 0;
		}
		e = pattern_parse(item.at, item.n, &c->patterns[c->n_patterns]);
		if (e < 0) {
			return e;
		}
		if (e) {
			conf_mistake_about(r, "pattern ", item, pattern_strerror(e));
		} else {
			c->n_patterns++;
		}
	}
	return 0;
}

static int set_networks(struct conf_reader *r, const struct key *k, struct text value)
{
	struct ip_nets *nets = value_of(r, k);
	struct text item;

	while (next_item(&value, &item)) {
		int e = ip_nets_add(nets, item.at, item.n);

		if (e < 0) {
			return e;
		}
		if (e == IP_NETS_E_HOST_BITS) {
			conf_mistake_about(r, "network ", item,
					   "has bits set behind its prefix length");
		} else if (e) {
			conf_mistake_about(r, "network ", item,
					   "is not a network such as 192.0.2.0/24");
		}
	}
	return 0;
}

/* "192.0.2.1:80" or "[2001:db8::1]:80". */
static bool parse_ip_port(struct text t, struct ip *ret_ip, uint16_t *ret_port)
{
	const char *colon = memrchr(t.at, ':', t.n);
	struct text ip, port;
	uint64_t number;

	if (!colon) {
		return false;
	}
	ip = (struct text){ t.at, (size_t)(colon - t.at) };
	port = (struct text){ colon + 1, (size_t)(t.at + t.n - colon - 1) };
	if (ip.n >= 2 && *ip.at == '[' && ip.at[ip.n - 1] == ']') {
		ip.at++;
		ip.n -= 2;
		if (!memchr(ip.at, ':', ip.n)) {
			return false;
		}
	} else if (memchr(ip.at, ':', ip.n)) {
		return false; /* where would the port begin? */
	}
	if (!ip_parse(ip.at, ip.n, ret_ip) || !text_take_number(&port, UINT16_MAX, &number) ||
	    port.n) {
		return false;
	}
	*ret_port = (uint16_t)number;
	return true;
}

/* A word behind a listener is that one's plain_http. */
static int set_listeners(struct conf_reader *r, const struct key *k, struct text value)
{
	struct conf_http *h = &r->c->http;
	struct conf_listener *l = NULL;
	struct text item;

	if (!value.n) {
		conf_mistake(r, "%s has no value", k->name);
	}
	while (next_item(&value, &item)) {
		if (text_is(item, "allow") || text_is(item, "refuse")) {
			if (!l || k->tls) {
				conf_mistake_about(r, "", item,
						   k->tls ?
							   "is for listen, not for listen_tls" :
							   "stands before any address");
				continue;
			}
			l->plain =
				text_is(item, "allow") ? CONF_PLAIN_ALLOW : CONF_PLAIN_REFUSE;
			continue;
		}
		if (h->n_listeners == CONF_LISTENERS_MAX) {
			conf_mistake(r, "more than %d addresses to listen on",
				     CONF_LISTENERS_MAX);
			return 0;
		}
		l = &h->listeners[h->n_listeners];
		*l = (struct conf_listener){ .tls = k->tls,
					     .plain = CONF_PLAIN_BY_ADDRESS,
					     .line = r->line };
		if (parse_ip_port(item, &l->ip, &l->port)) {
			h->n_listeners++;
		} else {
			conf_mistake_about(
				r, "", item,
				"is not an address and port such as 192.0.2.1:80 or [::]:80");
		}
	}
	return 0;
}

/* Pairs of a name and the bits behind the prefix, such as "host.example.com ::1:2:3:4". */
static int set_interface_ids(struct conf_reader *r, const struct key *k, struct text value)
{
	struct conf_http *h = &r->c->http;
	struct text name, id;

	while (next_item(&value, &name)) {
		struct conf_interface_id new = { .name = TABLE_NONE, .line = r->line };
		struct conf_interface_id *more;
		char canonical[NAME_SIZE];
		struct ip ip;
		size_t n;
		int e = name_canon(name.at, name.n, canonical, &n);

		if (e) {
			conf_mistake_about(r, "name ", name, name_strerror(e));
			return 0;
		}
		if (!next_item(&value, &id) || !ip_parse(id.at, id.n, &ip) || ip.n != 16 ||
		    !memcmp(ip.bytes, (uint8_t[16]){ 0 }, 16)) {
			conf_mistake_about(r, "name ", name,
					   "has no interface identifier such as "
					   "::1:2:3:4 behind it");
			return 0;
		}
		if (memcmp(ip.bytes, (uint8_t[6]){ 0 }, 6) != 0) {
			conf_mistake_about(
				r, "name ", name,
				"has a whole address in interface_id; write what is behind "
				"the prefix, such as ::1:2:3:4");
			return 0;
		}
		more = reallocarray(h->interface_ids, h->n_interface_ids + 1, sizeof(*more));
		if (!more) {
			return -ENOMEM;
		}
		h->interface_ids = more;
		memcpy(new.bits, ip.bytes, sizeof(new.bits));
		new.text = strdup(canonical);
		if (!new.text) {
			return -ENOMEM;
		}
		h->interface_ids[h->n_interface_ids++] = new;
	}
	(void)k;
	return 0;
}

static int add_string(char ***list, unsigned *n, struct text new)
{
	char **more = reallocarray(*list, *n + 1, sizeof(*more));

	if (!more) {
		return -ENOMEM;
	}
	*list = more;
	more[*n] = strndup(new.at, new.n);
	if (!more[*n]) {
		return -ENOMEM;
	}
	++*n;
	return 0;
}

static int set_abuse(struct conf_reader *r, const struct key *k, struct text value)
{
	struct text item;
	int e = 0;

	(void)k;
	while (!e && next_item(&value, &item)) {
		e = add_string(&r->c->http.abuse, &r->c->http.n_abuse, item);
	}
	return e;
}

/* As a listener, but an address alone has the port of DNS. */
static bool parse_server(struct text t, struct conf_server *ret)
{
	if (ip_parse(t.at, t.n, &ret->ip)) {
		ret->port = SERVER_PORT;
		return true;
	}
	return parse_ip_port(t, &ret->ip, &ret->port) && ret->port;
}

static int set_servers(struct conf_reader *r, const struct key *k, struct text value)
{
	struct conf_server *servers = value_of(r, k);
	unsigned *n = (unsigned *)(base_of(r, k) + k->count_at);
	struct text item;

	if (!value.n) {
		conf_mistake(r, "%s has no value", k->name);
	}
	while (next_item(&value, &item)) {
		struct conf_server server;

		if (!parse_server(item, &server)) {
			conf_mistake_about(
				r, "server ", item,
				"is not an address such as 192.0.2.53, 192.0.2.53:5353, "
				"2001:db8::53 or [2001:db8::53]:5353; host names are not "
				"looked up");
			continue;
		}
		if (*n == CONF_SERVERS_MAX) {
			conf_mistake(r, "%s has more than %d addresses", k->name,
				     CONF_SERVERS_MAX);
			return 0;
		}
		servers[(*n)++] = server;
	}
	return 0;
}

static bool has_zone(const struct conf_output *o, const char *zone)
{
	for (unsigned i = 0; i < o->n_zones; i++) {
		if (!strcmp(o->zones[i], zone)) {
			return true;
		}
	}
	return false;
}

static int set_zones(struct conf_reader *r, const struct key *k, struct text value)
{
	struct text item;
	int e = 0;

	if (!value.n) {
		conf_mistake(r, "%s has no value", k->name);
	}
	while (!e && next_item(&value, &item)) {
		char zone[NAME_SIZE];
		size_t n;
		int wrong = name_canon(item.at, item.n, zone, &n);

		if (wrong) {
			conf_mistake_about(r, "zone ", item, name_strerror(wrong));
		} else if (*zone == '*') {
			conf_mistake_about(r, "zone ", item, "is a wildcard, and no zone");
		} else if (has_zone(r->output, zone)) {
			conf_mistake_about(r, "zone ", item, "stands there twice");
		} else {
			e = add_string(&r->output->zones, &r->output->n_zones, (struct text){ zone, n });
		}
	}
	return e;
}

static const char *const plain_words[] = { "refuse", "allow", NULL }; /* without BY_ADDRESS */
static const char *const missing_words[] = { "keep", "withdraw", NULL };
static const char *const watch_words[] = { "auto", "inotify", "fanotify", NULL };
static const char *const replace_words[] = { "exchange", "rename", NULL };
const char *const conf_type_words[] = { "tinydns", "zonefile", "hosts", "rfc2136", NULL };
static const char *const serial_words[] = { "raise", "keep", NULL };
_Static_assert(sizeof(conf_type_words) / sizeof(*conf_type_words) == CONF_NO_TYPE + 1,
	       "a word for each type");
_Static_assert(sizeof(enum conf_missing) == sizeof(unsigned) &&
		       sizeof(enum conf_replace) == sizeof(unsigned) &&
		       sizeof(enum conf_watch) == sizeof(unsigned) &&
		       sizeof(enum conf_plain) == sizeof(unsigned) &&
		       sizeof(enum conf_output_type) == sizeof(unsigned) &&
		       sizeof(enum conf_serial) == sizeof(unsigned),
	       "set_word writes an unsigned");

#define AT(field) .value_at = offsetof(struct conf, field)
#define LINE(field) .line_at = offsetof(struct conf, field)
#define COUNT(field) .count_at = offsetof(struct conf, field)
#define AT_OUTPUT(field) .value_at = offsetof(struct conf_output, field)
#define COUNT_OUTPUT(field) .count_at = offsetof(struct conf_output, field)
#define LINE_OUTPUT(field) .line_at = offsetof(struct conf_output, field)
#define HOURS(n) ((uint64_t)(n)*3600 * 1000)

static const struct key keys[] = {
	{ IN_DAEMON, "ttl", set_number, AT(ttl), .min = 0,
	  .max = INT32_MAX }, /* RFC 2181 section 8 */
	{ IN_DAEMON, "pathpattern", set_patterns, LINE(pathpattern_line) },
	{ IN_DAEMON, "datafile", set_path, AT(datafile.file), LINE(datafile.file_line) },
	{ IN_DAEMON, "makecommand", set_string, AT(datafile.command), LINE(datafile.command_line) },
	{ IN_DAEMON, "database", set_path, AT(datafile.database), LINE(datafile.database_line) },
	{ IN_DAEMON, "log_tempfile", set_path, AT(log_tempfile), LINE(log_tempfile_line) },
	{ IN_DAEMON, "log_rate", set_number, AT(log_rate), .max = 1000000 },
	{ IN_DAEMON, "user", set_string, AT(user), LINE(user_line) },
	{ IN_DAEMON, "users_file", set_path, AT(users_file), LINE(users_file_line) },
	{ IN_DAEMON, "state", set_path, AT(state), LINE(state_line) },
	{ IN_DAEMON, "socket", set_path, AT(socket), LINE(socket_line) },
	{ IN_DAEMON, "publish_interval", set_duration, AT(publish_interval_ms),
	  .max = HOURS(1) },
	{ IN_DAEMON, "make_timeout", set_duration, AT(make_timeout_ms), .min = 1,
	  .max = HOURS(24) },
	{ IN_DAEMON, "rescan", set_duration, AT(rescan_ms), .min = 100, .max = HOURS(24) },
	{ IN_DAEMON, "missing", set_word, AT(missing), .words = missing_words },
	{ IN_DAEMON, "missing_after", set_duration, AT(missing_after_ms),
	  .max = HOURS(24 * 30) },
	{ IN_DAEMON, "replace", set_word, AT(replace), .words = replace_words },
	{ IN_DAEMON, "watch", set_word, AT(watch), .words = watch_words },
	{ IN_DAEMON, "addresses_max", set_number, AT(addresses_max), .min = 1,
	  .max = IP_SET_EACH_MAX },
	{ IN_DAEMON, "networks", set_networks, AT(networks) },
	{ IN_DAEMON, "verify", set_servers, AT(datafile.verify), COUNT(datafile.n_verify),
	  LINE(datafile.verify_line),
	  .again = true },
	{ IN_DAEMON, "verify_timeout", set_duration, AT(datafile.verify_timeout_ms),
	  LINE(verify_timeout_line), .min = 100, .max = HOURS(1) },
	{ IN_OUTPUT, "type", set_word, AT_OUTPUT(type), LINE_OUTPUT(type_line),
	  .words = conf_type_words },
	{ IN_OUTPUT, "file", set_path, AT_OUTPUT(file), LINE_OUTPUT(file_line) },
	{ IN_OUTPUT, "command", set_string, AT_OUTPUT(command), LINE_OUTPUT(command_line) },
	{ IN_OUTPUT, "database", set_path, AT_OUTPUT(database), LINE_OUTPUT(database_line) },
	{ IN_OUTPUT, "serial", set_word, AT_OUTPUT(serial), LINE_OUTPUT(serial_line),
	  .words = serial_words },
	{ IN_OUTPUT, "server", set_servers, AT_OUTPUT(servers), COUNT_OUTPUT(n_servers),
	  LINE_OUTPUT(server_line), .again = true },
	{ IN_OUTPUT, "zone", set_zones, LINE_OUTPUT(zone_line), .again = true },
	{ IN_OUTPUT, "key", set_path, AT_OUTPUT(key), LINE_OUTPUT(key_line) },
	{ IN_OUTPUT, "verify", set_servers, AT_OUTPUT(verify), COUNT_OUTPUT(n_verify),
	  LINE_OUTPUT(verify_line), .again = true },
	{ IN_OUTPUT, "verify_timeout", set_duration, AT_OUTPUT(verify_timeout_ms), .min = 100,
	  .max = HOURS(1) },
	{ IN_HTTP, "listen", set_listeners, .again = true },
	{ IN_HTTP, "listen_tls", set_listeners, .tls = true, .again = true },
	{ IN_HTTP, "plain_http", set_word, AT(http.plain), .words = plain_words },
	{ IN_HTTP, "certificate", set_path, AT(http.certificate), LINE(http.certificate_line) },
	{ IN_HTTP, "key", set_path, AT(http.key), LINE(http.key_line) },
	{ IN_HTTP, "tokens", set_path, AT(http.tokens), LINE(http.tokens_line) },
	{ IN_HTTP, "addresses", set_string, AT(http.addresses_text),
	  LINE(http.addresses_line) },
	{ IN_HTTP, "user", set_string, AT(http.user), LINE(http.user_line) },
	{ IN_HTTP, "trusted_proxies", set_networks, AT(http.trusted_proxies), .again = true },
	{ IN_HTTP, "interface_id", set_interface_ids, .again = true },
	{ IN_HTTP, "abuse", set_abuse, LINE(http.abuse_line), .again = true },
	{ IN_HTTP, "connections_max", set_number, AT(http.connections_max), .min = 1,
	  .max = 1000000 },
	{ IN_HTTP, "connections_per_address", set_number, AT(http.connections_per_address),
	  .min = 1, .max = 1000000 },
	{ IN_HTTP, "request_size_max", set_number, AT(http.request_size_max), .min = 4096,
	  .max = 1 << 20 },
	{ IN_HTTP, "headers_max", set_number, AT(http.headers_max), .min = 8, .max = 1000 },
	{ IN_HTTP, "publish_timeout", set_duration, AT(http.publish_timeout_ms),
	  LINE(http.publish_timeout_line), .max = HOURS(1) },
	{ IN_HTTP, "request_timeout", set_duration, AT(http.request_timeout_ms), .min = 100,
	  .max = HOURS(1) },
};

enum { N_KEYS = sizeof(keys) / sizeof(*keys) };
_Static_assert(N_KEYS <= 64, "reader.seen has a bit for each key");

static int read_key(struct conf_reader *r, enum section section, struct text name,
		    struct text value)
{
	for (unsigned i = 0; i < N_KEYS; i++) {
		const struct key *k = &keys[i];

		if (k->section != section || !text_is(name, k->name)) {
			continue;
		}
		if (r->seen & UINT64_C(1) << i && !k->again) {
			conf_mistake(r, "%s was set before", k->name);
			return 0;
		}
		r->seen |= UINT64_C(1) << i;
		if (k->line_at) {
			*(unsigned *)(base_of(r, k) + k->line_at) = r->line;
		}
		return k->set(r, k, value);
	}
	conf_mistake_about(r, "unknown key ", name,
			   section == IN_HTTP	? "in [http]" :
			   section == IN_OUTPUT ? "in [output]" :
						  "in [dns-updater]");
	return 0;
}

static void add_user(struct buf *b, const struct users *u, uint32_t user)
{
	const char *name = users_user(u, user);

	buf_add_escaped(b, name, strlen(name), USERS_NAME_MAX);
}

static int read_user(struct conf_reader *r, struct text user, struct text list)
{
	struct users *u = r->c->users;
	bool any = false, good;
	struct text item;
	int e;

	e = users_add(u, user.at, user.n);
	if (e < 0) {
		return e;
	}
	good = !e;
	if (e == USERS_E_TWICE) {
		conf_mistake_about(r, "user ", user, "stands there more than once");
	} else if (e) {
		conf_mistake_about(
			r, "user ", user,
			"is no user name: 1 to 64 characters, no slash, no blank, no dot first");
	}
	while (next_item(&list, &item)) {
		char name[NAME_SIZE];
		uint32_t other;
		size_t n;

		any = true;
		e = name_canon(item.at, item.n, name, &n);
		if (e) {
			conf_mistake_about(r, "name ", item, name_strerror(e));
			continue;
		}
		if (!good) {
			continue; /* nobody to give it to */
		}
		e = users_add_name(u, name, n, &other);
		if (e < 0) {
			return e;
		}
		if (e == USERS_E_TAKEN && other == u->n_users - 1) {
			conf_mistake_about(r, "name ", item, "stands there twice");
		} else if (e == USERS_E_TAKEN) {
			_cleanup_(buf_deinit) struct buf b = { 0 };

			buf_adds(&b, "is given to two users: ");
			add_user(&b, u, other);
			buf_adds(&b, " and ");
			add_user(&b, u, u->n_users - 1);
			conf_mistake_about(r, "name ", item, buf_str(&b));
		}
	}
	if (!any) {
		conf_mistake_about(r, "user ", user, "has no names");
	}
	return 0;
}

static bool is_output_name(struct text t)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.";

	for (size_t i = 0; i < t.n; i++) {
		if (!memchr(good, t.at[i], sizeof(good) - 1)) {
			return false;
		}
	}
	return t.n && t.n <= OUTPUT_NAME_MAX;
}

const struct conf_output *conf_find_output(const struct conf *c, const char *name, size_t n)
{
	for (unsigned i = 0; i < c->n_outputs; i++) {
		if (text_is((struct text){ name, n }, c->outputs[i].name)) {
			return &c->outputs[i];
		}
	}
	return NULL;
}

static void deinit_output(struct conf_output *o)
{
	for (unsigned i = 0; i < o->n_zones; i++) {
		free(o->zones[i]);
	}
	free(o->zones);
	free(o->name);
	free(o->file);
	free(o->command);
	free(o->database);
	free(o->key);
}

int conf_add_output(struct conf *c, unsigned at, struct conf_output new)
{
	struct conf_output *more = NULL;

	if (new.name) {
		more = reallocarray(c->outputs, c->n_outputs + 1, sizeof(*more));
	}
	if (!more) {
		deinit_output(&new);
		return -ENOMEM;
	}
	c->outputs = more;
	memmove(&more[at + 1], &more[at], (c->n_outputs - at) * sizeof(*more));
	more[at] = new;
	c->n_outputs++;
	return 0;
}

static int read_output(struct conf_reader *r, struct text name, enum section *ret)
{
	struct conf *c = r->c;
	int e;

	*ret = IN_UNKNOWN;
	if (!is_output_name(name)) {
		conf_mistake_about(r, "output ", name,
				   "is no name: 1 to 32 letters, digits, '-', '_' and '.'");
		return 0;
	}
	if (c->n_outputs == CONF_OUTPUTS_MAX) {
		conf_mistake(r, "more than %d outputs", CONF_OUTPUTS_MAX);
		return 0;
	}
	if (conf_find_output(c, name.at, name.n)) {
		conf_mistake_about(r, "output ", name, "stands there twice");
	}
	e = conf_add_output(c, c->n_outputs,
			    (struct conf_output){ .name = strndup(name.at, name.n),
						  .line = r->line,
						  .type = CONF_NO_TYPE,
						  .verify_timeout_ms = VERIFY_TIMEOUT_MS });
	if (e) {
		return e;
	}
	r->output = &c->outputs[c->n_outputs - 1];
	for (unsigned i = 0; i < N_KEYS; i++) {
		if (keys[i].section == IN_OUTPUT) {
			r->seen &= ~(UINT64_C(1) << i);
		}
	}
	*ret = IN_OUTPUT;
	return 0;
}

/* "[output NAME]", of which the name is left. */
static bool take_output_heading(struct text *line)
{
	struct text rest = *line;

	if (!text_skip(&rest, "[output") || line->at[line->n - 1] != ']') {
		return false;
	}
	rest.n--;
	if (rest.n && !memchr(TEXT_BLANKS, *rest.at, strlen(TEXT_BLANKS))) {
		return false;
	}
	*line = text_trim(rest);
	return true;
}

static enum section read_heading(struct conf_reader *r, struct text line)
{
	if (r->users_only) {
		conf_mistake_about(r, "section ", line, "in a users_file, which has none");
		return IN_USERS;
	}
	if (text_is(line, "[dns-updater]")) {
		return IN_DAEMON;
	}
	if (text_is(line, "[http]")) {
		r->c->http.is_set = true;
		return IN_HTTP;
	}
	if (text_is(line, "[users]")) {
		return IN_USERS;
	}
	conf_mistake_about(r, "unknown section ", line, "");
	return IN_UNKNOWN;
}

static int read_line(struct conf_reader *r, struct text line, enum section *section)
{
	struct text key, value;

	line = text_trim(line);
	if (!line.n || *line.at == '#' || *line.at == ';') {
		return 0;
	}
	if (memchr(line.at, '\0', line.n)) {
		conf_mistake(r, "a NUL byte");
		return 0;
	}
	if (!r->users_only && take_output_heading(&line)) {
		return read_output(r, line, section);
	}
	if (*line.at == '[') {
		*section = read_heading(r, line);
		return 0;
	}
	if (*section == IN_UNKNOWN) {
		return 0; /* the heading was reported */
	}
	if (!text_split(line, '=', &key, &value)) {
		conf_mistake_about(r, "", line, "is neither 'key = value' nor a [section]");
		return 0;
	}
	key = text_trim(key);
	value = text_trim(value);
	if (*section == IN_DAEMON || *section == IN_HTTP || *section == IN_OUTPUT) {
		return read_key(r, *section, key, value);
	}
	if (*section == IN_USERS) {
		return read_user(r, key, value);
	}
	conf_mistake_about(r, "", key, "stands before the first [section]");
	return 0;
}

static int read_lines(struct conf_reader *r, struct text text, enum section section)
{
	struct text line;

	users_expect(r->c->users, (uint32_t)text_count_lines(text));	/* mostly a user each */
	text = text_skip_mark(text);
	while (text_next_field(&text, '\n', &line)) {
		int e;

		r->line++;
		e = read_line(r, line, &section);
		if (e) {
			return e;
		}
	}
	return r->mistakes ? CONF_E_MISTAKES : 0;
}

int conf_init(struct conf *ret)
{
	struct conf c = {
		.ttl = 60,
		.log_rate = 100,
		.publish_interval_ms = 1000,
		.make_timeout_ms = 5 * 60 * 1000,
		.rescan_ms = 5 * 60 * 1000,
		.missing = CONF_MISSING_KEEP,
		.missing_after_ms = 60 * 1000,
		.replace = CONF_REPLACE_EXCHANGE,
		.addresses_max = 8,
		.datafile = { .plain = true, .type = CONF_TINYDNS, .verify_timeout_ms = VERIFY_TIMEOUT_MS },
		.http = {
			.plain = CONF_PLAIN_BY_ADDRESS,
			.connections_max = 4096,
			.connections_per_address = 32,
			.request_size_max = 32768,
			.headers_max = 64,
			.request_timeout_ms = 10 * 1000,
			.publish_timeout_ms = 5 * 1000,
		},
	};

	c.user = strdup("dns-updater");
	c.state = strdup("/var/lib/dns-updater/state");
	c.socket = strdup("/run/dns-updater/socket");
	c.http.user = strdup("dns-updater-http");
	c.http.tokens = strdup("/etc/dns-updater/tokens");
	c.users = users_new();
	if (!c.user || !c.state || !c.socket || !c.http.user || !c.http.tokens || !c.users) {
		conf_deinit(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

static void deinit_http(struct conf_http *h)
{
	for (size_t i = 0; i < h->n_interface_ids; i++) {
		free(h->interface_ids[i].text);
	}
	for (size_t i = 0; i < h->n_abuse; i++) {
		free(h->abuse[i]);
	}
	free(h->interface_ids);
	free(h->abuse);
	free(h->user);
	free(h->certificate);
	free(h->key);
	free(h->tokens);
	free(h->addresses_text);
	ip_nets_deinit(&h->trusted_proxies);
}

void conf_deinit(struct conf *c)
{
	for (unsigned i = 0; i < c->n_outputs; i++) {
		deinit_output(&c->outputs[i]);
	}
	free(c->outputs);
	for (unsigned i = 0; i < c->n_patterns; i++) {
		pattern_deinit(&c->patterns[i]);
	}
	deinit_output(&c->datafile);
	free(c->log_tempfile);
	free(c->users_file);
	free(c->user);
	free(c->state);
	free(c->socket);
	deinit_http(&c->http);
	ip_nets_deinit(&c->networks);
	users_free(c->users);
	*c = (struct conf){ 0 };
}

int conf_parse(struct conf *c, const char *file, const char *text, size_t n,
	       conf_report_fn *report, void *arg)
{
	struct conf_reader r = { .c = c, .file = file, .report = report, .arg = arg };

	return read_lines(&r, (struct text){ text, n }, IN_NOTHING);
}

int conf_parse_users(struct conf *c, const char *file, const char *text, size_t n,
		     conf_report_fn *report, void *arg)
{
	struct conf_reader r = {
		.c = c, .file = file, .report = report, .arg = arg, .users_only = true
	};

	return read_lines(&r, (struct text){ text, n }, IN_USERS);
}
