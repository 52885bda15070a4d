/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* `dns-updater check': every mistake of the configuration and of the set-up, all at once, to
 * standard output. Changes nothing. Returns how many mistakes there are; warnings do not count. */
unsigned check_run(const char *conf_path);
