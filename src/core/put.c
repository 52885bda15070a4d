/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/put.h"

#include "core/ip.h"

#include <string.h>

char *put_decimal(char *at, uint32_t value)
{
	char digits[PUT_DECIMAL_MAX];
	int n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n) {
		*at++ = digits[--n];
	}
	return at;
}

static char *put_v4(char *at, const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		if (i) {
			*at++ = '.';
		}
		at = put_decimal(at, bytes[i]);
	}
	return at;
}

static char *put_hex(char *at, unsigned value)
{
	int shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0;

	for (; shift >= 0; shift -= 4) {
		*at++ = "0123456789abcdef"[value >> shift & 0xf];
	}
	return at;
}

/* The longest run of two or more groups that are 0, the first of them (RFC 5952 section 4.2). */
static int find_zeros(const unsigned *groups, int *ret_n)
{
	int at = -1, n = 1, run = 0;

	for (int i = 0; i < 8; i++) {
		run = groups[i] ? 0 : run + 1;
		if (run > n) {
			n = run;
			at = i + 1 - run;
		}
	}
	*ret_n = n;
	return at;
}

static char *put_v6(char *at, const uint8_t *bytes)
{
	unsigned groups[8];
	int zeros, n_zeros;

	for (int i = 0; i < 8; i++) {
		groups[i] = (unsigned)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	}
	zeros = find_zeros(groups, &n_zeros);
	for (int i = 0; i < 8; i++) {
		if (i == zeros) {
			at = mempcpy(at, "::", 2);
			i += n_zeros - 1;
			continue;
		}
		if (i && i != zeros + n_zeros) {
			*at++ = ':';
		}
		at = put_hex(at, groups[i]);
	}
	return at;
}

char *put_ip(char *at, const uint8_t *bytes, size_t n)
{
	static const uint8_t none[10];
	char text[IP_TEXT_SIZE];

	if (n == 4) {
		return put_v4(at, bytes);
	}
	/* IPv4 in disguise is seldom, and written in its own way. */
	return memcmp(bytes, none, sizeof(none)) ? put_v6(at, bytes) :
						   mempcpy(at, text, ip_print(bytes, n, text));
}
