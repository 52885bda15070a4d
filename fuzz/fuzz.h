/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What libFuzzer, or replay.c, calls with the bytes of one input. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* assert() that NDEBUG does not silence. */
#define CHECK(what) ((what) ? (void)0 : abort())

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
