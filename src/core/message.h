/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* DNS messages as bytes: what is sent to a name server and what comes back. No sockets, no clock but what
 * is handed in. Names are text in their canonical form (name.h).
 *
 * What is short comes from ldns. It is not used for names, of which it follows thousands of pointers each; nor
 * for TSIG: it has no HMAC-SHA384, signs with a
 * clock of its own, overlooks what stands behind a signed message, and leaves time, MAC size, class, TTL and
 * algorithm unchecked; nor to build, for that it does with half the speed that is wanted. */

#include "base/buf.h"
#include "core/ip.h"
#include "core/name.h"
#include "core/tsig_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
	MESSAGE_UDP_MAX = 1232,		/* bytes that travel in one piece (DNS flag day 2020) */
	MESSAGE_TCP_MAX = 65535,
};

enum message_type { MESSAGE_A = 1, MESSAGE_SOA = 6, MESSAGE_AAAA = 28, MESSAGE_AXFR = 252 };

/* RCODEs, RFC 1035 section 4.1.1, RFC 2136 section 2.2, and TSIG errors, RFC 8945 section 3. */
enum {
	MESSAGE_NOERROR = 0, MESSAGE_FORMERR = 1, MESSAGE_SERVFAIL = 2, MESSAGE_NXDOMAIN = 3,
	MESSAGE_NOTIMP = 4, MESSAGE_REFUSED = 5, MESSAGE_NOTAUTH = 9, MESSAGE_NOTZONE = 10,
	MESSAGE_BADSIG = 16, MESSAGE_BADKEY = 17, MESSAGE_BADTIME = 18, MESSAGE_BADTRUNC = 22,
};

/* "REFUSED", "BADKEY" or, of a number without a name, "RCODE 23", for which there is room. */
const char *message_rcode_name(unsigned rcode, char room[16]);

/* What has to be kept of a message that was sent, to know its reply. A plain value. */
struct message_sent {
	uint16_t id;
	enum message_type type;	/* of the question; SOA for an UPDATE, whose zone section says so */
	bool update;
	char name[NAME_SIZE];	/* of the question, or the zone */
	const struct tsig_key *key;	/* NULL: not signed. Borrowed until the reply was read */
	uint8_t mac[TSIG_MAC_MAX];	/* of the request, or of the transfer's message before */
	unsigned n_mac;
	unsigned n_replies;	/* of a transfer: messages read so far; else 0 */
};

/* --- building: the bytes are appended to `to`, without the two bytes of length that TCP wants. Each
 * returns 0 or -ENOMEM. id is for the caller to choose, at random. key NULL: not signed. now: for TSIG. --- */

/* One RRset to be made what it should be: the owner name's A records (or AAAA), all deleted and those of
 * the set added (RFC 2136 section 2.5.2); of a NULL set only deleted. */
struct message_change {
	const char *name;
	const struct ip_set *set;
	bool v4, v6;		/* which of the RRsets are ours to change */
};

/* An UPDATE (RFC 2136) with as many of the n changes (one at least), from the first on, as fit into size_max
 * bytes, MESSAGE_TCP_MAX at most, with the signature. *ret_used says how many, one at least: -EMSGSIZE when not
 * even that fits, which cannot be with MESSAGE_TCP_MAX. */
int message_update(struct buf *to, uint16_t id, const char *zone, const struct message_change *changes,
		   size_t n, unsigned ttl, size_t size_max, const struct tsig_key *key, time_t now,
		   size_t *ret_used, struct message_sent *ret_sent);

/* A query without recursion. */
int message_query(struct buf *to, uint16_t id, const char *name, enum message_type type,
		  const struct tsig_key *key, time_t now, struct message_sent *ret_sent);

/* --- reading --- */

/* What a reply says beside its records. */
struct message_reply {
	unsigned rcode;
	unsigned tsig_error;	/* 0, MESSAGE_BADKEY ..., from its TSIG, whether that is valid or not */
	bool is_signed;		/* validly, by our key, in time */
	bool truncated, authoritative;
	int64_t server_time;	/* of BADTIME: seconds, the server's clock; 0: it did not say */
	int64_t time_signed;	/* of its TSIG, whether that is valid or not; 0: none. Of BADTIME our own, again */
	uint32_t serial;	/* of the first SOA among the answers */
	unsigned n_soa;		/* SOA records of the asked name among the answers; as all records, 0 if they
				 * should be signed and are not */
};

/* Called for each A and AAAA among the answers; the name is canonical (names that could not be one of ours
 * are passed over). */
typedef void message_record_fn(void *arg, const char *name, const struct ip *ip, uint32_t ttl);

enum {
	MESSAGE_E_GARBAGE = 1,	/* no DNS message, or no reply, or bytes behind it */
	MESSAGE_E_OTHER,	/* a reply, to something else: id, opcode or question differ. A question that is
				 * missing differs, but of an UPDATE, and of a transfer's later messages */
};

/* Reads a reply to what was sent. It says nothing of whether the signature was good unless is_signed is looked
 * at: an error reply may rightly be unsigned (RFC 8945 section 5.3.2), and anybody can forge that.
 * Of a transfer it is called for each message; sent remembers the signature before. Records are handed
 * on only from a message that is signed, or where nothing was to be signed. Servers may leave messages of a
 * transfer unsigned and sign them together with a later one (RFC 8945 section 5.3.1): that is not supported;
 * none of these messages is signed then, nor any that follows. A truncated MAC is no signature.
 * Returns 0 or MESSAGE_E_*. */
int message_read(struct message_sent *sent, const uint8_t *bytes, size_t n, time_t now,
		 message_record_fn *record, void *arg, struct message_reply *ret);

/* The id of a message, to find what it answers; n of 2 at least. */
static inline uint16_t message_id(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}
