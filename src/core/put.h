/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Pieces of text written into room that buf_room has made: at a publish, this is done for every
 * address there is. Each writes to `at` and returns the byte behind, as mempcpy(3). No NUL is written. */

#include <stddef.h>
#include <stdint.h>

enum {
	PUT_DECIMAL_MAX = 10,
	PUT_IP_MAX = 45, /* of IPv6; 15 of IPv4 */
};

/* Without padding. */
char *put_decimal(char *at, uint32_t value);

/* The address of n = 4 or 16 bytes, as ip_print has it. */
char *put_ip(char *at, const uint8_t *bytes, size_t n);
