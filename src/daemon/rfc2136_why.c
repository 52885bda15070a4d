/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What servers mean by their error codes. Knot says BADKEY (3.4: NOTAUTH, unsigned) also to a key that it has and
 * that may not do what was asked; PowerDNS says NOTAUTH or REFUSED, unsigned, to a key, a secret or a clock that
 * is wrong. */

#include "daemon/rfc2136_impl.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <time.h>

static void put_time(struct buf *b, int64_t s)
{
	time_t t = (time_t)s;
	char text[32];
	struct tm tm;

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		buf_adds(b, text);
	}
}

static void why_clocks(struct buf *b, const char *server, int64_t theirs)
{
	int64_t ours = (int64_t)time(NULL);

	if (!theirs) {
		buf_printf(b, "the clocks of %s and of this machine differ", server);
	} else {
		buf_printf(b, "the clock of %s differs from ours by %lld s: there it is ",
			   server, llabs((long long)(theirs - ours)));
		put_time(b, theirs);
		buf_adds(b, ", here ");
		put_time(b, ours);
	}
}

int rfc2136_why(const struct rfc2136_zone *z, const struct message_reply *reply,
		struct buf *ret)
{
	unsigned code = reply->tsig_error ? reply->tsig_error : reply->rcode;
	char room[NAMESERVER_TEXT_SIZE], rcode[16];
	const char *server = rfc2136_server(z, room), *key = z->key.name;

	buf_clear(ret);
	if (code == MESSAGE_BADKEY) {
		buf_printf(ret, "%s does not know the key '%s', or not for this", server, key);
	} else if (code == MESSAGE_BADSIG) {
		buf_printf(ret, "%s has another secret for the key '%s'", server, key);
	} else if (code == MESSAGE_BADTIME) {
		why_clocks(ret, server, reply->server_time);
	} else if (code == MESSAGE_NOTAUTH) {
		buf_printf(ret, "%s is not authoritative for %s", server, z->name);
	} else if (code == MESSAGE_REFUSED &&
		   z->doing) { /* questions: updates are over by now */
		buf_printf(ret, "%s does not have %s, or not for the key '%s'", server, z->name,
			   key);
	} else if (code == MESSAGE_REFUSED) {
		buf_printf(ret,
			   "%s does not let the key '%s' change this in %s, or it is frozen",
			   server, key, z->name);
	} else {
		buf_printf(ret, "%s answers with an error for %s", server, z->name);
	}
	if (!reply->is_signed && (code == MESSAGE_NOTAUTH || code == MESSAGE_REFUSED)) {
		buf_printf(ret, ", or does not take the key '%s', its secret or the time", key);
	}
	buf_printf(ret, " (%s)", message_rcode_name(code, rcode));
	return RFC2136_REPLY + (int)(reply->rcode << 16 | (reply->tsig_error & 0xffffu));
}
