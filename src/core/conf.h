/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Configuration text -> struct conf. The syntax and every key are described in
 * dns-updater.conf(5). All mistakes are reported, not only the first. */

#include "core/ip.h"
#include "core/pattern.h"
#include "core/users.h"

#include <stdbool.h>
#include <stdint.h>

#define CONF_PATTERNS_MAX 8

enum conf_missing { CONF_MISSING_KEEP, CONF_MISSING_WITHDRAW };
enum conf_replace { CONF_REPLACE_EXCHANGE, CONF_REPLACE_RENAME };
enum conf_watch { CONF_WATCH_AUTO, CONF_WATCH_INOTIFY, CONF_WATCH_FANOTIFY };

/* Where the front end for routers listens. */
struct conf_listener {
	struct ip ip;
	uint16_t port;
	bool tls;
	enum conf_plain { CONF_PLAIN_REFUSE, CONF_PLAIN_ALLOW, CONF_PLAIN_BY_ADDRESS } plain;
	unsigned line;
};

/* The bits of one name's IPv6 address that a change of the prefix leaves as they are. */
struct conf_interface_id {
	uint32_t name; /* of struct users; TABLE_NONE until conf_finish */
	char *text;    /* the name, canonical */
	uint8_t bits[16];
	unsigned line;
};

#define CONF_LISTENERS_MAX 16

/* [http]: dns-updater-http(8). */
struct conf_http {
	bool is_set; /* there is such a section */
	struct conf_listener listeners[CONF_LISTENERS_MAX];
	unsigned n_listeners;
	char *user, *certificate, *key, *tokens, *addresses_text;
	unsigned certificate_line, key_line, tokens_line, addresses_line, user_line;
	unsigned addresses;		/* index in patterns: the door that it writes */
	enum conf_plain plain;		/* of listeners that do not say */
	struct ip_nets trusted_proxies; /* empty: none */
	struct conf_interface_id *interface_ids; /* by name, once conf_finish is done */
	size_t n_interface_ids;
	char **abuse; /* users who are told that they are blocked */
	unsigned n_abuse, abuse_line;
	unsigned connections_max, connections_per_address, request_size_max, headers_max;
	uint64_t request_timeout_ms, publish_timeout_ms;
	unsigned publish_timeout_line;
};

/* A name server, as an address and a port. */
struct conf_server {
	struct ip ip;
	uint16_t port;
};

#define CONF_SERVERS_MAX 8
#define CONF_OUTPUTS_MAX 16

/* [output NAME]: where addresses are published. datafile and makecommand are an output of this kind too,
 * "tinydns", the first one. */
struct conf_output {
	bool plain;    /* datafile's, which messages need not name */
	char *name;    /* letters, digits, '-', '_' and '.' */
	unsigned line; /* of the heading, or of datafile */
	enum conf_output_type { CONF_TINYDNS, CONF_ZONEFILE, CONF_HOSTS, CONF_RFC2136, CONF_NO_TYPE } type;
	char *file, *command; /* of all but CONF_RFC2136; command may be NULL */
	char *database;	      /* of CONF_TINYDNS; NULL: the command makes it */
	enum conf_serial { CONF_SERIAL_RAISE, CONF_SERIAL_KEEP } serial; /* of CONF_ZONEFILE */
	struct conf_server servers[CONF_SERVERS_MAX]; /* of CONF_RFC2136, to be tried in turn */
	unsigned n_servers;
	char **zones; /* canonical names; none: all names, whatever zone they lie in */
	unsigned n_zones;
	char *key; /* path of the TSIG key */
	struct conf_server verify[CONF_SERVERS_MAX]; /* who is asked after each publish */
	unsigned n_verify;
	uint64_t verify_timeout_ms;
	unsigned type_line, file_line, command_line, serial_line, server_line, zone_line, key_line,
		verify_line, database_line; /* 0: not set by the text */
};

extern const char *const conf_type_words[]; /* of enum conf_output_type, CONF_NO_TYPE excepted */

struct conf {
	unsigned ttl; /* seconds */
	struct pattern patterns[CONF_PATTERNS_MAX];
	unsigned n_patterns;
	struct conf_output datafile; /* until conf_finish puts it before the outputs; file NULL: there is none */
	char *log_tempfile, *users_file, *user, *state, *socket;
	unsigned pathpattern_line, users_file_line, user_line, state_line, log_tempfile_line,
		socket_line, verify_timeout_line; /* 0: not set by the text */
	unsigned log_rate;	/* lines of changes in a second; 0: all */
	uint64_t publish_interval_ms, make_timeout_ms, rescan_ms, missing_after_ms;
	enum conf_missing missing;
	enum conf_replace replace; /* how the data file is replaced */
	enum conf_watch watch;	   /* what tells of changed address files */
	unsigned addresses_max;
	struct ip_nets networks;
	struct users *users;
	struct conf_http http;
	struct conf_output *outputs; /* complete once conf_finish is done */
	unsigned n_outputs;
};

/* Called once for every mistake; what is a sentence without file and line. */
typedef void conf_report_fn(void *arg, const char *file, unsigned line, const char *what);

/* The defaults, no users. Returns 0 or -ENOMEM. */
int conf_init(struct conf *ret);
void conf_deinit(struct conf *c);

/* Reads a configuration file's text; file is only for messages. When the text names a users_file,
 * the caller reads that and hands it to conf_parse_users, then asks conf_finish.
 * Each returns 0, -ENOMEM, or CONF_E_MISTAKES after reporting them; with report NULL, nobody wants to know. */
enum { CONF_E_MISTAKES = 1 };
int conf_parse(struct conf *c, const char *file, const char *text, size_t n,
	       conf_report_fn *report, void *arg);
int conf_parse_users(struct conf *c, const char *file, const char *text, size_t n,
		     conf_report_fn *report, void *arg);

/* What can be said only of the whole: something required is not there. Completes the outputs; once. */
int conf_finish(struct conf *c, const char *file, conf_report_fn *report, void *arg);

/* The 16 bytes of the name's interface identifier; NULL: none is configured. */
const uint8_t *conf_interface_id(const struct conf *c, uint32_t name);

/* Whether plain HTTP is taken at this address, where the listener itself does not say: on the loopback
 * addresses, whose traffic nobody reads, unless plain_http says otherwise. */
enum conf_plain conf_plain_at(const struct conf *c, const struct ip *ip);

/* The output of this name, of n bytes; NULL: there is none. */
const struct conf_output *conf_find_output(const struct conf *c, const char *name, size_t n);

/* Whether the output publishes this canonical name: not a wildcard in hosts(5), only what lies in one of
 * its zones where it has any. *ret_zone is that zone, the longest, and is written only then; NULL: nobody wants it. */
bool conf_output_covers(const struct conf_output *o, const char *name, unsigned *ret_zone);
