/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Bytes of one user's addresses that the daemon tells and the front end reads; daemon/inquiry.h. */
#define INQUIRY_REPLY_MAX ((size_t)8 << 20)
