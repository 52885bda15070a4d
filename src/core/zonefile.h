/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Master files (RFC 1035 section 5): our lines in them, what else must be known of a file to put
 * them there, and the serial of its SOA record, by which others see that it is newer. */

#include "core/ip.h"
#include "core/name.h"
#include "core/section.h"

#include <time.h>

/* --- our lines: zonefile.c --- */

/* Appends a line for every address of the canonical name, with its TTL in seconds. The line means
 * the same wherever it stands: its name is absolute, and class and TTL are written out. */
void zonefile_render(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);

/* Takes a line (without its newline) apart, exactly as zonefile_render writes it. ret_name has
 * room for NAME_SIZE. false: not such a line. */
bool zonefile_parse(const char *line, size_t n, char *ret_name, struct ip *ret_ip);

/* --- the text around them: zonefile_text.c --- */

enum {
	ZONEFILE_E_PARENTHESES = 1, /* the section stands inside of them */
	ZONEFILE_E_QUOTED,	    /* it stands in a quoted string */
	ZONEFILE_E_OWNER, /* the first record behind it has the owner of the line before */
	ZONEFILE_E_NO_SOA,
	ZONEFILE_E_NO_NUMBER, /* what stands in the serial's place, or nothing does */
	ZONEFILE_E_RANGE,     /* the serial is beyond 32 bits */
};

/* What is wrong, as a sentence to stand behind the line number, if there is one. */
const char *zonefile_strerror(int outcome);

/* Whether the section must not stand where it stands. Returns 0 (it may) or ZONEFILE_E_PARENTHESES,
 * _QUOTED or _OWNER, with the line, counted from 1, in which the trouble begins. */
int zonefile_refuses(const char *text, size_t n, const struct section *s, size_t *ret_line);

struct zonefile_serial {
	size_t at, n; /* where its digits stand, and how many they are */
	uint32_t value;
};

/* The serial of the first SOA record. Returns 0 or ZONEFILE_E_NO_SOA, _NO_NUMBER or _RANGE. */
int zonefile_find_serial(const char *text, size_t n, struct zonefile_serial *ret);

/* Writes the serial in the place of the old one, whatever their lengths. Returns 0, -ENOMEM, or as
 * zonefile_find_serial. */
int zonefile_set_serial(struct buf *text, uint32_t serial);

/* Appends the text with "0" for the serial; without a serial, as it is. */
void zonefile_mask_serial(struct buf *ret, const char *text, size_t n);

/* --- serials: zonefile_serial.c --- */

/* Whether a is the later of two serials (RFC 1982 section 3.2). */
bool zonefile_is_later(uint32_t a, uint32_t b);

/* The serial that follows: later than the old one, and never 0, which some take for none. A date
 * (YYYYMMDDnn) becomes that of now, in UTC, and seconds since 1970 become now; what is ahead of
 * its time, and any other number, is raised by one. */
uint32_t zonefile_next_serial(uint32_t serial, time_t now);
