/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Hashes of crypt(3), as they stand in /etc/shadow and as htpasswd(1) and mkpasswd(1) make them:
 * which kind one is, and whether it can be one at all. Nothing is hashed here. */

/* What is wrong with it, as a sentence that does not show it; NULL: nothing. */
const char *crypthash_mistake(const char *hash);

/* A word for its kind, such as "bcrypt". */
const char *crypthash_kind(const char *hash);
